"""Recurrent layers, entry by entry; the steps of a sequence one after the other."""

import math

import numpy as np


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def affine(row, w, b, j):
    """Return entry j of row w + b."""
    return sum(float(row[i]) * float(w[i, j]) for i in range(len(row))) + float(b[j])


def rnn_step(x, h, wx, wh, b):
    out = np.empty(h.shape)
    zero = np.zeros(len(b))
    for n, j in np.ndindex(*h.shape):
        out[n, j] = math.tanh(affine(x[n], wx, b, j) + affine(h[n], wh, zero, j))
    return out


def lstm_step(x, h, c, wx, wh, b):
    H = h.shape[1]
    h_next, c_next = np.empty(h.shape), np.empty(h.shape)
    zero = np.zeros(len(b))
    for n, j in np.ndindex(*h.shape):
        i, f, o, g = (
            affine(x[n], wx, b, gate * H + j) + affine(h[n], wh, zero, gate * H + j)
            for gate in range(4)
        )
        c_next[n, j] = sigmoid(f) * c[n, j] + sigmoid(i) * math.tanh(g)
        h_next[n, j] = sigmoid(o) * math.tanh(c_next[n, j])
    return h_next, c_next


def gru_step(x, h, wx, wh, b):
    H = h.shape[1]
    out = np.empty(h.shape)
    of_x, of_h = b if b.ndim == 2 else (b, np.zeros(len(b)))
    for n, j in np.ndindex(*h.shape):
        a = [affine(x[n], wx, of_x, gate * H + j) for gate in range(3)]
        u = [affine(h[n], wh, of_h, gate * H + j) for gate in range(3)]
        r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
        candidate = math.tanh(a[2] + r * u[2])
        out[n, j] = (1 - z) * candidate + z * h[n, j]
    return out


def unrolled(step, states):
    """Make the function of whole sequences of a step with so many states."""

    def run(x, *arguments, mask=None):
        starts, weights = arguments[:states], arguments[states:]
        (N, T, _), H = x.shape, len(weights[1])
        out = np.zeros((N, T, H))
        last = [np.zeros((N, H)) for _ in range(states)]
        for n in range(N):
            now = [np.zeros((1, H)) if s is None else s[n : n + 1] for s in starts]
            for t in range(T):
                if mask is None or mask[n, t]:
                    after = step(x[n : n + 1, t], *now, *weights)
                    now = list(after) if isinstance(after, tuple) else [after]
                out[n, t] = now[0][0]
            for state, value in zip(last, now):
                state[n] = value[0]
        return (out, last[1]) if states == 2 else out

    return run


rnn = unrolled(rnn_step, 1)
lstm = unrolled(lstm_step, 2)
gru = unrolled(gru_step, 1)


def temporal_affine(x, w, b=None):
    b = np.zeros(w.shape[1]) if b is None else b
    out = np.empty((*x.shape[:2], w.shape[1]))
    for n, t, j in np.ndindex(*out.shape):
        out[n, t, j] = affine(x[n, t], w, b, j)
    return out
