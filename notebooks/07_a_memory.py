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
# # A memory: the LSTM adds numbers
#
# How can a network read something that has no fixed length, one piece after the other? It keeps a
# state: a row of numbers that each step reads and writes. This lesson trains one to add, from
# nothing but examples like `12+34=046`.

# %%
import numpy as np

from nnlayers import lstm_forward, lstm_step_forward
from nnlayers.worked import addition, lstm

# %% [markdown]
# ## The task
#
# The network reads eight characters. At the last three, the `=`, it must give the digits of the
# sum, highest digit first. It gets the characters as numbers from 0 to 11 and knows nothing about
# them: neither that 3 comes after 2, nor what `+` means.
#
# Of the 10,000 sums 1,000 are kept out of training. If it gets those right, it has learned to add,
# and not just learned by heart.

# %%
rng = np.random.default_rng(0)
train, validation, (x_test, y_test) = lstm.data(rng)
print(addition.text(train[0][1000]), "→", addition.text(train[1][1000]))
print(len(train[0]), "to learn from,", len(x_test), "for the test")

# %% [markdown]
# ## The state
#
# One step takes a character's vector $x_t$ and the state $(h, c)$, and gives the new state. Three
# **gates**, numbers between 0 and 1, decide for each entry of the memory $c$ how much is written
# ($i$), kept ($f$) and shown ($o$):
#
# $$c_t = f \cdot c_{t-1} + i \cdot g \qquad h_t = o \cdot \tanh(c_t)$$
#
# A sequence is nothing but one step after the other, with the same weights at each.

# %%
N, T, D, H = 2, 8, 5, 4
x = rng.normal(size=(N, T, D))
wx, wh, b = rng.normal(size=(D, 4 * H)), rng.normal(size=(H, 4 * H)), np.zeros(4 * H)
h = c = np.zeros((N, H))
for t in range(T):
    (h, c), _ = lstm_step_forward(x[:, t], h, c, wx, wh, b)
(all_h, _), _ = lstm_forward(x, None, None, wx, wh, b)
print(all_h.shape, np.allclose(all_h[:, -1], h))

# %% [markdown]
# Backward goes through the steps from the last to the first. Where $f$ is near 1, the gradient of
# $c$ passes from step to step almost unchanged: what was read long ago can still be learned from.
#
# ## The network

# %%
net = lstm.new_net(rng)
for layer in net.layers:
    print(layer)

# %% [markdown]
# `Embedding` has a vector for each character, which is learned like any weight. `Slice` leaves the
# states at the three `=`, and `TemporalAffine` turns each into scores for the ten digits.
#
# Before training it can only guess:

# %%
print(lstm.sample(net, x_test, y_test))

# %% [markdown]
# ## Training
#
# We stop after a third of the training, and look at each place of the answers by itself.


# %%
def by_place():
    correct = (lstm.answers(net, x_test) == y_test).mean(axis=0)
    print("right: hundreds {:.1%}, tens {:.1%}, ones {:.1%}".format(*correct))
    return correct


solver = lstm.new_solver(net, train, validation, epochs=10, rng=rng)
solver.train(steps=250)
places = by_place()

# %% [markdown]
# We add from the right: the ones first, and then what is carried. The network goes the other way
# round. It soon feels how large a sum is, about; the last digit changes with every question, and
# takes longest.
#
# The solver goes on where it was. An answer counts if all its digits are right.

# %%
history = solver.train()
by_place()
right = lstm.right(net, x_test, y_test)
print(lstm.sample(net, x_test, y_test))
print(f"{right.sum()} of 1,000 sums that it has never seen are exact")

# %% [markdown]
# With 25 epochs, which is `nnlayers train lstm` on the command line, nearly all are exact.
#
# ## Your turn
#
# People add from the right. Let the network give the digits of the sum in the order ones, tens,
# hundreds (`y[:, ::-1]`). Does it learn faster?
