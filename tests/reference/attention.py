"""Attention, the feed-forward net and positional encodings, position by position."""

import cmath
import math

import numpy as np

import reference.affine as naive
from reference.activations import gelu


def attention(q, k, v, mask=None, causal=False):
    T, S = q.shape[-2], k.shape[-2]
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    may = np.broadcast_to(True if mask is None else mask, (*q.shape[:-1], S))
    for lead in np.ndindex(*q.shape[:-2]):
        for t in range(T):
            keys = [s for s in range(S) if may[(*lead, t, s)] and (s <= t or not causal)]
            fits = {}
            for s in keys:
                product = sum(a * b for a, b in zip(q[(*lead, t)], k[(*lead, s)]))
                fits[s] = math.exp(product / math.sqrt(q.shape[-1]))
            for s in keys:
                out[(*lead, t)] += fits[s] / sum(fits.values()) * v[(*lead, s)]
    return out


def multi_head_attention(
    x, memory, wqkv, bqkv, wo, bo, heads, mask=None, causal=False, rotary=False
):
    N, T, D = x.shape
    d = D // heads
    memory = x if memory is None else memory
    S = memory.shape[1]
    if mask is not None:
        mask = mask[:, None] if mask.ndim == 3 else mask
        mask = np.broadcast_to(mask, (N, heads, T, S))
    out = np.zeros((N, T, D))
    for n in range(N):
        joined = np.zeros((T, D))
        for h in range(heads):
            q, k, v = (
                naive.affine(source[n], wqkv[:, columns], bqkv[columns])
                for source, start in ((x, 0), (memory, D), (memory, 2 * D))
                for columns in [slice(start + h * d, start + (h + 1) * d)]
            )
            if rotary:
                q, k = rotary_embedding(q), rotary_embedding(k)
            own_mask = None if mask is None else mask[n, h]
            joined[:, h * d : (h + 1) * d] = attention(q, k, v, own_mask, causal)
        out[n] = naive.affine(joined, wo, bo)
    return out


def feed_forward(x, w1, b1, w2, b2):
    out = np.zeros((*x.shape[:-1], w2.shape[1]))
    for index in np.ndindex(*x.shape[:-1]):
        hidden = gelu(naive.affine(x[index][None], w1, b1), approximate="tanh")
        out[index] = naive.affine(hidden, w2, b2)[0]
    return out


def sinusoidal_encoding(x, base=10000.0):
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        t, j = index[-2:]
        angle = t / base ** (2 * (j // 2) / x.shape[-1])
        out[index] = x[index] + (math.cos(angle) if j % 2 else math.sin(angle))
    return out


def positional_embedding(x, w):
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        out[index] = x[index] + w[index[-2:]]
    return out


def rotary_embedding(x, base=10000.0):
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape[:-1]):
        t = index[-1]
        for i in range(x.shape[-1] // 2):
            pair = complex(x[index][2 * i], x[index][2 * i + 1])
            turned = pair * cmath.exp(1j * t * base ** (-2 * i / x.shape[-1]))
            out[index][2 * i : 2 * i + 2] = turned.real, turned.imag
    return out
