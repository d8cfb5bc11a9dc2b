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
# # Convolution: the same weights everywhere
#
# In the last lesson the network had to be shown that a digit may be moved. A convolution knows it
# from the start: it looks at every place of the image with the same few weights.

# %%
import numpy as np

from nnlayers import Affine, accuracy, conv2d_backward, conv2d_forward, evaluate
from nnlayers.worked import cnn, reading

# %% [markdown]
# ## One filter
#
# A filter of 3 × 3 weights is laid over every 3 × 3 pixels of the image, multiplied entry by entry,
# and added up. This one is high where ink ends towards the bottom.

# %%
rng = np.random.default_rng(0)
train, validation, (x_test, y_test) = cnn.data(rng)
image = x_test[3:4]
edges = np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]], np.float32).reshape(1, 1, 3, 3)
found, cache = conv2d_forward(image, edges, pad=1)
print(reading.drawing(image[0]))
print("lower edges:")
print(reading.drawing(np.clip(found[0] / 3, 0, 1)))

# %% [markdown]
# ## What is moved is found where it has moved to
#
# Move the image by a pixel, and the result is moved by a pixel: it is still the same. (At the
# border something is lost, so we compare inside.)

# %%
moved = reading.with_shifts(image, y_test[3:4])[0][4:5]
found_moved, _ = conv2d_forward(moved, edges, pad=1)
print(np.allclose(found_moved[..., 2:-1], found[..., 1:-2]))

# %% [markdown]
# ## Backward: add up over all places
#
# A weight takes part in the result at every place, and so its gradient is a sum over all places,
# just as a weight of an affine layer adds up over the rows of a batch. For the weight in the middle
# of the filter, the pixel that it was multiplied by is the one at the same place:

# %%
dout = rng.normal(size=found.shape).astype(np.float32)
dx, dw = conv2d_backward(dout, cache)
by_hand = (dout * image).sum()
print(dw[0, 0, 1, 1].round(4), by_hand.round(4))

# %% [markdown]
# ## How few weights it takes
#
# 32 such filters make 32 images out of one. An affine layer between the same numbers would have a
# weight for every pair of pixels.

# %%
net = cnn.new_net(rng)
for layer in net.layers:
    print(layer)
shared = net.layers[0].params["w"].size
separate = Affine(64, 32 * 64).params["w"].size
print(f"{shared} weights where an affine layer has {separate:,}")

# %% [markdown]
# After two convolutions the image is made smaller: **max pooling** keeps the largest of each 2 × 2
# values. It was found, says the result, and no longer says where exactly. **Batch norm** keeps the
# numbers at a scale at which training goes well.
#
# ## Training

# %%
solver = cnn.new_solver(net, train, validation, epochs=3, rng=rng)
solver.train()
result = accuracy(net.scores(x_test), y_test)
print(f"{result:.2%} of the test digits are read correctly")

# %% [markdown]
# ## Is it surer, too?
#
# The accuracy counts answers; the loss also asks how sure they were. It is $-\log p$ of the right
# digit, on average.

# %%
loss, _ = evaluate(net, x_test, y_test)
print(f"loss {loss:.3f}: as sure as giving the right digit {np.exp(-loss):.1%} every time")
print(reading.sample(net, x_test, y_test))

# %% [markdown]
# The whole training takes 8 epochs. On the command line it is `nnlayers train cnn`.
#
# ## Your turn
#
# `nnlayers/worked/cnn.py` has the network in twenty lines. What does it lose without pooling,
# without batch norm, or with 8 filters in place of 32? Judge by the validation images.
