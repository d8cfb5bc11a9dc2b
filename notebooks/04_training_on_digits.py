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
# # A network that reads digits
#
# We train a network on 1,442 handwritten digits, and find out how many of 355 others it can read.
# The training loop has ten lines, and you will have seen all that happens in it.

# %%
import numpy as np

from nnlayers import (
    L2,
    SGD,
    Affine,
    ReLU,
    Sequential,
    Softmax,
    SoftmaxCrossEntropy,
    Solver,
    accuracy,
    batches,
    check_gradients,
    digits,
    load,
    save,
)

# %% [markdown]
# ## The data
#
# Images of 8 × 8 pixels, each from 0 (paper) to 1 (ink), and labels from 0 to 9. They come with the
# library. The test digits are put aside: we look at them only at the very end, because what a
# network was trained on says little about what it has learned.

# %%
(x, y), (x_test, y_test) = digits()
print(x.shape, y.shape, x_test.shape, y_test.shape)


# %%
def show(image, shades=" .:-=+*#%@"):
    for line in image[0]:
        print("   ", "".join(2 * shades[round(9 * pixel)] for pixel in line))


for i in (3, 7):
    print(f"label {y[i]}")
    show(x[i])

# %% [markdown]
# ## The network
#
# Two affine layers with a ReLU between them. It gives ten scores to an image, one for each digit,
# and the loss compares them with the label: it is $-\log p$, where $p$ is the probability that
# softmax gives to the right digit. A network that knows nothing, and gives 1/10 to each digit, has
# a loss of $\log 10 \approx 2.3$. Ours has random weights, and is worse than that.

# %%
rng = np.random.default_rng(0)
net = Sequential(Affine(64, 100, rng=rng), ReLU(), Affine(100, 10, rng=rng), SoftmaxCrossEntropy())
loss_before, _ = net.forward(x, y, train=False)
print(f"loss {loss_before:.2f}, knowing nothing {np.log(10):.2f}")

# %% [markdown]
# Before training it is wise to check the gradients, here on five examples. It costs a moment, and
# it saves hours of training with a wrong one.

# %%
check = check_gradients(net, x[:5], y[:5])
print(check.verdict)

# %% [markdown]
# ## The training loop
#
# One step takes 64 images, computes the gradient of the loss with respect to every weight, and
# moves the weights a little against it. An epoch is as many steps as it takes to see every image
# once.

# %%
optimizer = SGD(net, lr=0.1, momentum=0.9)
losses = []
for _epoch in range(20):
    for x_batch, y_batch in batches(x, y, 64, rng=rng):
        loss, grads = net.loss(x_batch, y_batch)
        optimizer.step(grads)
    losses.append(loss)
print("loss of the last batch of each epoch:")
print(np.round(losses, 3))

# %% [markdown]
# ## The solver
#
# `Solver` is the same loop, with what one usually wants around it. It measures after each epoch, on
# the training digits and on others that are held back for **validation**, and at the end it puts
# the best epoch's weights into the net. The penalty keeps the weights small, and the learning rate
# is lowered by 5 % after each epoch, so that training becomes calmer.


# %%
def report(record):
    if record.epoch % 5 == 0:
        print(
            f"epoch {record.epoch:2}  loss {record.train_loss:.3f}  "
            f"validation loss {record.validation_loss:.3f}  "
            f"accuracy {record.validation_accuracy:.3f}"
        )


held_back = np.arange(len(y)) % 10 == 0
rng = np.random.default_rng(0)
net = Sequential(Affine(64, 100, rng=rng), ReLU(), Affine(100, 10, rng=rng), SoftmaxCrossEntropy())
solver = Solver(
    net,
    (x[~held_back], y[~held_back]),
    validation=(x[held_back], y[held_back]),
    optimizer=SGD(net, lr=0.2, momentum=0.9),
    penalty=L2(3e-3),
    lr_decay=0.95,
    batch_size=64,
    epochs=40,
    rng=rng,
    progress=report,
)
history = solver.train()
print("best epoch:", solver.best_epoch)

# %% [markdown]
# The loss on the training digits falls further than that on the others: the network also learns
# what is special about the images that it sees. How far the two part is a measure of
# **overfitting**.

# %%
gap = history["validation_loss"][-1] - history["train_loss"][-1]
print(f"gap {gap:.3f}")

# %% [markdown]
# ## The test
#
# Now the test digits, for the first time. None of our choices has been made by looking at them.

# %%
scores = net.scores(x_test)
result = accuracy(scores, y_test)
print(f"{result:.2%} of the test digits are read correctly")

# %% [markdown]
# Which ones does it get wrong? Look at one: would you have known? The probabilities say how sure
# the network was.

# %%
wrong = np.flatnonzero(scores.argmax(axis=1) != y_test)
i = wrong[0]
p, _ = Softmax().forward(scores[i : i + 1])
print(f"{len(wrong)} are wrong. This one is a {y_test[i]}:")
show(x_test[i])
print(f"read as {p.argmax()} with probability {p.max():.2f},")
print(f"the right digit got {p[0, y_test[i]]:.2f}")

# %% [markdown]
# ## Keeping it
#
# `save` writes the weights to a file, and `load` reads them into a network that is built in the
# same way.

# %%
save("digits.npz", net)
again = Sequential(Affine(64, 100), ReLU(), Affine(100, 10), SoftmaxCrossEntropy())
load("digits.npz", again)
print(np.array_equal(again.scores(x_test), scores))

# %% [markdown]
# ## Your turn
#
# Change one thing at a time, and watch the validation accuracy: no hidden layer, 20 hidden units or
# 500, `lr=2.0`, no penalty. Which of them makes the network better, and which gap gets larger?
