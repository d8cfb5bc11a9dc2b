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
# # A better reader: show it more
#
# The network of the last lesson reads most digits. What does it get wrong, and what can be done
# about it without a single new image? This lesson's answer: tell it what you know about images.

# %%
import numpy as np

from nnlayers import accuracy
from nnlayers.worked import mlp, reading

# %% [markdown]
# ## What the network does not know
#
# An affine layer has a weight for every pixel, and no idea which pixels are neighbours. For us, a
# digit that is moved by one pixel is the same digit. We train a network with two hidden layers on
# the images as they are, and then show it the test digits again, moved to the right.
#
# `mlp` is a worked example of the library: `mlp.new_net` makes the network, and `mlp.new_solver`
# what trains it. Both are short; `nnlayers/worked/mlp.py` is worth reading.

# %%
rng = np.random.default_rng(0)
train, validation, (x_test, y_test) = mlp.data(rng)
count = len(train[0]) // 5
x, y = train[0][:count], train[1][:count]  # the images as they are; what follows we shall see

net = mlp.new_net(rng)
for layer in net.layers:
    print(layer)
mlp.new_solver(net, (x, y), validation, epochs=25, rng=rng).train()

# %%
moved, labels = reading.with_shifts(x_test, y_test)
moved = moved.reshape(5, len(x_test), 1, 8, 8)
print(reading.drawing(moved[0, 3]))
print("moved to the right:")
print(reading.drawing(moved[4, 3]))

# %%
plain = accuracy(net.scores(x_test), y_test)
plain_moved = accuracy(net.scores(moved[4]), y_test)
print(f"as they are {plain:.2%}, moved by one pixel {plain_moved:.2%}")

# %% [markdown]
# ## More images, for nothing
#
# So we show it: each image that it learns from comes with its four shifts, up, down, left and
# right, and the same label. That is called **data augmentation**. The test images stay as they are:
# they are to say what the network does with digits as people write them.

# %%
net = mlp.new_net(rng)
solver = mlp.new_solver(net, train, validation, epochs=10, rng=rng)
history = solver.train()

# %%
shown = accuracy(net.scores(x_test), y_test)
shown_moved = accuracy(net.scores(moved[4]), y_test)
print(f"{len(x)} images, {len(train[0])} with their shifts")
print(f"as they are {shown:.2%}, moved by one pixel {shown_moved:.2%}")

# %% [markdown]
# ## What was chosen by what
#
# There are three kinds of images here. The network learns from the first. By the second, the
# **validation** images, the solver chooses the best epoch. The third, the **test** images, have
# decided on nothing, and that is why we may believe the number that they give.

# %%
print(len(train[0]), len(validation[0]), len(x_test))
print("best epoch:", solver.best_epoch)

# %% [markdown]
# And this is the first test digit that it still misreads:

# %%
print(reading.sample(net, x_test, y_test))

# %% [markdown]
# The whole training takes 60 epochs. On the command line it is `nnlayers train mlp`.
#
# ## Your turn
#
# Which other changes leave a digit what it is? A turn by a few degrees, a little noise, a mirror
# image? Write `with_noise(x, y)`, add its images, and compare on the **validation** images.
