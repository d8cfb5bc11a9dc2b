# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # An affine layer, and the exercise of the notes
#
# The notes "Multidimensional derivatives" of the course Introduction to Deep Learning (TU Munich)
# derive the gradients of an affine layer, `Y = X W + b`, and end with an exercise in numbers. We go
# the same way, with the computer checking every step.

# %%
import numpy as np

from nnlayers import (
    Affine,
    Sequential,
    Sigmoid,
    Square,
    Sum,
    affine_backward,
    affine_forward,
    check_gradients,
    digits,
    matmul_backward,
    matmul_forward,
    sigmoid_backward,
    sigmoid_forward,
    square_backward,
    square_forward,
    sum_backward,
    sum_forward,
)

rng = np.random.default_rng(0)

# %% [markdown]
# ## What X is
#
# A batch: one example per row. Images are not rows, so they are flattened. An image of 1 channel
# and 8 × 8 pixels becomes a row of 64 numbers, two of them become a matrix of 2 × 64.

# %%
(images, labels), _ = digits()
batch = images[:2]
rows = batch.reshape(2, 64)
print(batch.shape, "->", rows.shape)

# %% [markdown]
# In which order does not matter, as long as it is the same for all images: each weight then always
# meets the same pixel. Colour images go channel by channel, and each channel line by line. The
# affine layer of the library flattens by itself.

# %%
W, b = rng.normal(size=(64, 3)), rng.normal(size=3)
from_images, _ = affine_forward(batch, W, b)
from_rows, _ = affine_forward(rows, W, b)
print(np.array_equal(from_images, from_rows))

# %% [markdown]
# ## One weight at a time
#
# Let $L$ be a number that is computed from $Y = XW$, and let `dY` hold its derivatives $\partial
# L/\partial y_{ij}$, which have come in from above. However large a network is, the derivative of
# $L$ by a single weight is a plain sum over everything that the weight influences:
#
# $$\frac{\partial L}{\partial w_{uv}} = \sum_i \sum_j \frac{\partial L}{\partial y_{ij}}
#   \frac{\partial y_{ij}}{\partial w_{uv}}$$
#
# Now $y_{ij} = \sum_k x_{ik} w_{kj}$ contains $w_{uv}$ only if $j = v$, and then multiplied by
# $x_{iu}$.


# %%
def derivative_by_one_weight(u, v, X, dY):
    total = 0.0
    for i in range(dY.shape[0]):
        for j in range(dY.shape[1]):
            dy_dw = X[i, u] if j == v else 0.0
            total += dY[i, j] * dy_dw
    return total


X, dY = rng.normal(size=(2, 2)), rng.normal(size=(2, 3))
dW = np.array([[derivative_by_one_weight(u, v, X, dY) for v in range(3)] for u in range(2)])
print(dW)

# %% [markdown]
# All six together are `Xᵀ dY`: the sum over the examples `i` is a row of `Xᵀ` times a column of
# `dY`. In the same way the gradient of `X` is `dY Wᵀ`.

# %%
print(X.T @ dY)

# %% [markdown]
# ## The bias
#
# `X W + b` adds a row to a matrix, which NumPy allows by copying the row to every example. In
# mathematics the copying is a product as well: a column of $N$ ones times the row `b`.

# %%
ones, b = np.ones((2, 1)), np.array([[1.0, 2.0, 3.0]])
print(ones @ b)

# %% [markdown]
# And for a product we know the gradients. With the ones in the place of `X` and `b` in the place of
# `W`, the gradient of `b` is `onesᵀ dY`: the sum over the examples, `dY.sum(axis=0)`.

# %%
W = rng.normal(size=(2, 3))
Y, cache = affine_forward(X, W, b)
dX, dW, db = affine_backward(dY, cache)
print(db)
print(ones.T @ dY)
print(dY.sum(axis=0))

# %% [markdown]
# There is another trick: write a 1 at the end of each row of `X`, and `b` below `W`. One product
# then does it all, and the last row of its gradient is that of the bias.

# %%
X1, Wb = np.hstack([X, ones]), np.vstack([W, b])
merged, merged_cache = matmul_forward(X1, Wb)
_, dWb = matmul_backward(dY, merged_cache)
print(np.allclose(merged, Y), np.allclose(dWb[:-1], dW), np.allclose(dWb[-1:], db))

# %% [markdown]
# ## The exercise, first task: the gradient of the sigmoid
#
# The sigmoid works on each entry by itself, with σ' = σ (1 - σ), so each entry of the gradient that
# comes in is multiplied by the slope at its own place: `dY = dout * (s * (1 - s))`.

# %%
s, cache = sigmoid_forward(Y)
dout = rng.normal(size=s.shape)
print(np.allclose(sigmoid_backward(dout, cache), dout * (s * (1 - s))))
print(check_gradients(Sigmoid(), Y).verdict)

# %% [markdown]
# ## The exercise, second task: numbers
#
# $X = \begin{pmatrix} 0 & 1 \\ 2 & 3 \end{pmatrix}$, all entries of $W$ are 1, the activation is
# $f(Y) = Y^2$ entry by entry, and the loss $L$ is the sum of all its entries. Work it out on paper
# before you read on: (a) the loss, (b) $\partial L/\partial f$, (c) $\partial L/\partial Y$, (d)
# $\partial L/\partial X$, (e) $\partial L/\partial W$.
#
# Forward, step by step. Each step hands its result to the next one, and keeps a cache for later.

# %%
X, W = np.array([[0.0, 1.0], [2.0, 3.0]]), np.ones((2, 2))
Y, affine_cache = affine_forward(X, W)
f, square_cache = square_forward(Y)
L, sum_cache = sum_forward(f)
print("Y", Y.tolist(), " f", f.tolist())
print("(a)  L =", L)

# %% [markdown]
# Backward, in the opposite order. It begins with 1, the derivative of $L$ by itself.

# %%
df = sum_backward(1.0, sum_cache)  # every entry of f is added once
print("(b)  dL/df =", df.tolist())
dY = square_backward(df, square_cache)  # the derivative of y² is 2y
print("(c)  dL/dY =", dY.tolist())
dX, dW = affine_backward(dY, affine_cache)  # dY Wᵀ and Xᵀ dY
print("(d)  dL/dX =", dX.tolist())
print("(e)  dL/dW =", dW.tolist())

# %% [markdown]
# The same as one network. `Sequential` calls the same functions in the same order; it adds nothing
# to the mathematics.

# %%
net = Sequential(Affine.of(W), Square(), Sum())
loss, cache = net.forward(X)
dx, grads = net.gradients(1.0, cache)
print(loss, dx.tolist(), grads["0.w"].tolist())

# %% [markdown]
# ## If you make a mistake
#
# Suppose we forget the factor 2 in the derivative of the square. The shapes are right, the net
# would even learn something. The checker compares with numerical differences, and finds the cause.


# %%
def careless_backward(dout, cache):
    (y,) = cache
    return dout * y


report = check_gradients((square_forward, careless_backward), Y)
print(report)
