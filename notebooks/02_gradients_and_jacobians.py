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
# # Gradients and Jacobians
#
# What "the derivative" is depends on what goes in and what comes out of a function: it is a number,
# a vector, a matrix, or something with three axes and more. This lesson looks at all of them, and
# then at why backpropagation needs none but the simplest.

# %%
import numpy as np

from nnlayers import (
    Affine,
    Sequential,
    Sigmoid,
    Softmax,
    SoftmaxCrossEntropy,
    jacobian,
    numerical_gradient,
    numerical_jacobian,
)

rng = np.random.default_rng(0)

# %% [markdown]
# ## A number of a number
#
# The derivative of $x^2$ is $2x$: at 3 it is 6. `numerical_gradient` finds it by moving $x$ a
# little to both sides, with no calculus at all. We shall use it to see what is true before we
# explain it.

# %%
x = np.array(3.0)
slope = numerical_gradient(lambda x: x**2, x)
print(slope.round(6))

# %% [markdown]
# ## A number of many numbers: the gradient
#
# For each entry of the input there is one derivative. Together they are the **gradient**, and it
# has the shape of the input: a vector's gradient is a vector, a matrix's a matrix.
#
# In the example, each entry is doubled and all are added: $L = 2x_1 + 2x_2 + \dots$ Whichever entry
# moves, $L$ moves twice as much.

# %%
x = rng.normal(size=(2, 3))
gradient = numerical_gradient(lambda x: (2 * x).sum(), x)
print(gradient.round(6))

# %% [markdown]
# ## Many numbers of many numbers: the Jacobian
#
# Now every output has a gradient of its own. Written one below the other, they are the
# **Jacobian**: its entry (j, i) is $\partial f_j/\partial x_i$, output $j$ by input $i$.

# %%
x = np.array([2.0, 3.0, 4.0])
J = numerical_jacobian(lambda x: np.array([x[0] * x[1], x[1] + 10 * x[2]]), x)
print(J.round(6))

# %% [markdown]
# If the input is a matrix, the gradient of each output is a matrix, and the Jacobian has three
# axes. Let each output be the sum of the squares in one row of $W$. Output $i$ depends on row $i$
# alone, so of its matrix only row $i$ is not zero.

# %%
W = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
ugly = numerical_jacobian(lambda W: (W**2).sum(axis=1), W)
print(ugly.shape)
print(ugly.round(6))

# %% [markdown]
# ## Why nobody computes them
#
# Take one layer `y = x W` with 64 examples, 784 inputs and 512 outputs. How many numbers has the
# Jacobian of `y` with respect to `W`, and how many the gradient of a loss with respect to `W`?

# %%
N, D, M = 64, 784, 512
jacobian_size, gradient_size = (N * M) * (D * M), D * M
print(f"Jacobian {jacobian_size:,} numbers, {8 * jacobian_size / 1e9:.0f} GB")
print(f"gradient {gradient_size:,} numbers, {8 * gradient_size / 1e6:.1f} MB")

# %% [markdown]
# What saves us: a network ends in **one number**, the loss. By the chain rule its gradient is
# handed from the last layer to the first, and each layer multiplies it by its own Jacobian:
#
# $$\frac{\partial L}{\partial x_i} = \sum_j \frac{\partial L}{\partial y_j}
#   \frac{\partial y_j}{\partial x_i}
#   \qquad\text{that is}\qquad
#   dx = dy \cdot J$$
#
# A layer's `backward` returns this product, and finds it without ever writing $J$ down. To see $J$
# all the same, pass it the `dy` with entries 1, 0, 0 and so on, which picks the first row of $J$,
# then 0, 1, 0 and so on for the second row. `jacobian` does that.

# %%
layer, x = Affine(3, 2, rng=0), rng.normal(size=(1, 3))
J = jacobian(layer, x)[0, :, 0, :]  # of one example: 2 outputs by 3 inputs
print(np.allclose(J, layer.params["w"].T))
print(np.allclose(J, numerical_jacobian(lambda x: layer.forward(x)[0], x)[0, :, 0, :]))

# %% [markdown]
# ## Where the element-wise product comes from
#
# An activation such as the sigmoid σ acts on each entry by itself: output $j$ depends on input $j$
# alone. So its Jacobian is zero off the diagonal, and σ' = σ(1 - σ) is on it.

# %%
r = np.array([[-1.0, 0.0, 2.0]])
J = jacobian(Sigmoid(), r)[0, :, 0, :]
h, cache = Sigmoid().forward(r)
print(J.round(4))
print((h * (1 - h)).round(4))

# %% [markdown]
# The rule is the same as ever: the gradient times the Jacobian. But a product with a diagonal
# matrix multiplies entry by entry, and so the backward of the sigmoid is `dout * (h * (1 - h))`.
# The element-wise product is a shorthand for the matrix product, not another rule.

# %%
dh = rng.normal(size=(1, 3))
print("with the matrix ", dh @ J)
print("entry by entry  ", dh * (h * (1 - h)))
print("by backward     ", Sigmoid().backward(dh, cache))

# %% [markdown]
# Softmax does not act on each entry by itself: its outputs add up to 1, so that each of them
# depends on every input. Its Jacobian is **not** diagonal, and whoever multiplies by `s * (1 - s)`
# gets a wrong gradient.

# %%
theta = np.array([[1.0, 2.0, 0.5]])
s, cache = Softmax().forward(theta)
J = jacobian(Softmax(), theta)[0, :, 0, :]
print(J.round(4))
ds = rng.normal(size=(1, 3))
correct, shortcut = ds @ J, ds * (s * (1 - s))
print("with the matrix ", correct)
print("entry by entry  ", shortcut)

# %% [markdown]
# ## A whole network, by explicit Jacobians
#
# A hidden layer with sigmoid, an output layer with softmax, and the cross-entropy of a label that
# is one-hot:
#
# $$r = xW_1 + b_1,\quad h = \sigma(r),\quad \theta = hW_2 + b_2,\quad \hat y = S(\theta),\quad
#   L = -\sum_i y_i \log \hat y_i$$
#
# How does $L$ change with the input $x$? This is a question that many students have asked, because
# they did not know where to multiply matrices and where entries. (It is often asked with
# $\sum_i y_i \log \hat y_i$ as the loss. That lacks the minus sign: making it small would make the
# right answer unlikely.) The principle is always the same one: we begin with the gradient of the
# last step, and multiply by one Jacobian after another, back to the input.

# %%
x, y = rng.normal(size=(1, 4)), np.array([[0.0, 1.0, 0.0]])
first, second = Affine(4, 5, rng=1), Affine(5, 3, rng=2)
r, _ = first.forward(x)
h, _ = Sigmoid().forward(r)
theta, _ = second.forward(h)

d_theta = numerical_gradient(lambda theta: SoftmaxCrossEntropy().forward(theta, y)[0], theta)
J_theta_h = jacobian(second, h)[0, :, 0, :]  # 3 x 5
J_h_r = jacobian(Sigmoid(), r)[0, :, 0, :]  # 5 x 5, diagonal
J_r_x = jacobian(first, x)[0, :, 0, :]  # 5 x 4
by_jacobians = d_theta @ J_theta_h @ J_h_r @ J_r_x
print(by_jacobians)

# %% [markdown]
# Each Jacobian can be replaced by what we know of it: those of the affine layers are $W_2^T$ and
# $W_1^T$, that of the sigmoid is an element-wise product, and softmax and cross-entropy together
# give $\hat y - y$. That is the formula in textbooks:
#
# $$\frac{\partial L}{\partial x} = \big((\hat y - y)\, W_2^T \circ h \circ (1 - h)\big)\, W_1^T$$

# %%
y_hat, _ = Softmax().forward(theta)
W1, W2 = first.params["w"], second.params["w"]
by_formula = ((y_hat - y) @ W2.T * (h * (1 - h))) @ W1.T
print(by_formula)

# %% [markdown]
# And a network does it by calling the backward of its layers, last to first.

# %%
net = Sequential(first, Sigmoid(), second, SoftmaxCrossEntropy())
loss, cache = net.forward(x, y)
by_backward, grads = net.gradients(1.0, cache)
print(by_backward)
