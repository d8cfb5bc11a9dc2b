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
# # The gradients of a matrix product
#
# Nearly all the work of a neural network is done in products `y = x W`. This lesson answers one
# question: if we know how a number $L$ changes with each entry of `y`, how does it change with each
# entry of `x` and of `W`?
#
# The answer is two lines long: `dx = dy Wᵀ` and `dW = xᵀ dy`. We shall get there by taking single
# entries, which is all the calculus that is needed.

# %%
import numpy as np

from nnlayers import check_gradients, matmul_backward, matmul_forward

# %% [markdown]
# ## The product
#
# Two vectors: multiply entry by entry, and add up.

# %%
a, b = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
dot, _ = matmul_forward(a, b)
print("1·4 + 2·5 + 3·6 =", dot)

# %% [markdown]
# Two matrices: entry (i, j) of the product is row i of the first times column j of the second. The
# 19 below is 1·5 + 2·7.

# %%
a = np.array([[1.0, 2.0], [3.0, 4.0]])
b = np.array([[5.0, 6.0], [7.0, 8.0]])
product, _ = matmul_forward(a, b)
print(product)

# %% [markdown]
# A row can only be multiplied by a column that is as long as itself. If the sizes do not fit, the
# error says which.

# %%
try:
    matmul_forward(np.ones((2, 3)), np.ones((2, 4)))
except ValueError as error:
    complaint = str(error)
print(complaint)

# %% [markdown]
# ## One row through a matrix
#
# Let `x` be a row with $D$ entries, `W` a matrix $D \times H$. Then `y = x W` is a row with $H$
# entries:
#
# $$y_j = x_1 W_{1j} + x_2 W_{2j} + \dots + x_D W_{Dj}$$

# %%
D, H = 3, 4
rng = np.random.default_rng(0)
x, W = rng.normal(size=(1, D)), rng.normal(size=(D, H))
y, cache = matmul_forward(x, W)
print("x", x.shape, " W", W.shape, " y", y.shape)

# %% [markdown]
# Some further calculation makes one number $L$ of `y`: in a network, the loss. We need not know
# that calculation. All that matters here is how $L$ changes with each $y_j$, the row of the
# $\partial L/\partial y_j$, which we call `dy`. We take any numbers for it.

# %%
dy = rng.normal(size=y.shape)

# %% [markdown]
# ## The gradient of x
#
# If $x_i$ changes, every $y_j$ does, and each of them changes $L$. The chain rule adds up what they
# contribute:
#
# $$\frac{\partial L}{\partial x_i} = \sum_j \frac{\partial L}{\partial y_j}
#   \frac{\partial y_j}{\partial x_i}$$
#
# Look at the sum for $y_j$ above: $x_i$ occurs in it once, multiplied by $W_{ij}$. So $\partial
# y_j/\partial x_i = W_{ij}$, and we can write the sum down as a loop.

# %%
dx = np.zeros_like(x)
for i in range(D):
    for j in range(H):
        dx[0, i] += dy[0, j] * W[i, j]
print("entry by entry ", dx)

# %% [markdown]
# The loop multiplies `dy` by row $i$ of `W`. Row $i$ of `W` is column $i$ of `Wᵀ`, so the two loops
# are a matrix product: **`dx = dy Wᵀ`**.

# %%
print("dy @ W.T       ", dy @ W.T)

# %% [markdown]
# ## The gradient of W
#
# Again by the chain rule, now with $k$ as the index of the sum, because $j$ is taken:
#
# $$\frac{\partial L}{\partial W_{ij}} = \sum_k \frac{\partial L}{\partial y_k}
#   \frac{\partial y_k}{\partial W_{ij}}$$
#
# $W_{ij}$ stands in column $j$, so only $y_j$ contains it, multiplied by $x_i$: $\partial
# y_k/\partial W_{ij} = x_i$ if $k = j$, and 0 if not.

# %%
dW = np.zeros_like(W)
for i in range(D):
    for j in range(H):
        for k in range(H):
            dW[i, j] += dy[0, k] * (x[0, i] if k == j else 0.0)
print(dW)

# %% [markdown]
# Of the sum over $k$ one term is left: entry (i, j) is $x_i$ times $dy_j$. That is the column `xᵀ`
# times the row `dy`: **`dW = xᵀ dy`**.

# %%
print(x.T @ dy)

# %% [markdown]
# This is what the library computes. `backward` takes `dy` and the cache that `forward` returned,
# and returns one gradient for each argument, in the same order.

# %%
dx, dW = matmul_backward(dy, cache)
print(np.allclose(dx, dy @ W.T), np.allclose(dW, x.T @ dy))

# %% [markdown]
# ## Many rows at once
#
# A network is trained with a batch: $N$ rows, one example each. Row $n$ of `x` only makes row $n$
# of `y`, so for `dx` nothing changes: every row is on its own. But `W` is used by all rows, and so
# its gradient is the sum of what the rows contribute.

# %%
N = 2
x = rng.normal(size=(N, D))
y, cache = matmul_forward(x, W)
dy = rng.normal(size=y.shape)
dx, dW = matmul_backward(dy, cache)
one_by_one = sum(x[n : n + 1].T @ dy[n : n + 1] for n in range(N))
print(np.allclose(dW, one_by_one))

# %% [markdown]
# The formulas `dx = dy Wᵀ` and `dW = xᵀ dy` have not changed: the product `xᵀ dy` adds over the
# rows by itself.
#
# | gradient | shapes |
# |---|---|
# | `dx = dy Wᵀ` | (N × D) = (N × H) (H × D) |
# | `dW = xᵀ dy` | (D × H) = (D × N) (N × H) |
#
# A gradient always has the shape of what it belongs to. That is a good way to remember the
# formulas: of `dy` and `W`, nothing but `dy Wᵀ` has the shape of `x`.

# %%
print("dx", dx.shape, " dW", dW.shape)

# %% [markdown]
# ## Shapes are a hint, not a proof
#
# If `W` is square, `dy W` has the shape of `x` as well, and it is wrong. Only the numbers can tell:
# `check_gradients` compares a backward with differences of its forward, (L(x + h) - L(x - h)) / 2h.


# %%
def product_forward(x, w):
    return x @ w, (x, w)


def product_backward(dout, cache):
    x, w = cache
    return dout @ w, x.T @ dout


x, w = rng.normal(size=(N, 3)), rng.normal(size=(3, 3))
report = check_gradients((product_forward, product_backward), x, w)
print(report)

# %% [markdown]
# ## Your turn
#
# Many libraries keep one output's weights in a row, not in a column: `y = x Wᵀ` with `W` of shape H
# × D. Which are the gradients now? Replace the two lines below by your answer. The verdict should
# become "right".


# %%
def transposed_forward(x, w):
    return x @ w.T, (x, w)


def transposed_backward(dout, cache):
    x, w = cache
    dx = np.zeros_like(x)  # your line
    dw = np.zeros_like(w)  # your line
    return dx, dw


exercise = check_gradients((transposed_forward, transposed_backward), x, rng.normal(size=(4, 3)))
print(exercise.verdict)
