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
# # Foretelling is writing: a small GPT
#
# A network that foretells the next character of a text can write: draw a character from its
# probabilities, append it, and ask again. We train one on "Alice's Adventures in Wonderland".

# %%
import math
from collections import Counter

import numpy as np

from nnlayers import alice, evaluate, softmax_forward
from nnlayers.worked import gpt

# %% [markdown]
# ## The text as numbers
#
# The book has 66 different characters, and each becomes a number. The network reads pieces of 64.
# What it is to foretell at each position is the next character, so `y` is the text itself, moved by
# one.

# %%
rng = np.random.default_rng(0)
train, validation, test = gpt.data(rng)
print(repr(gpt.decode(train[0][6])))
print(repr(gpt.decode(train[1][6])))
print([part[0].shape for part in (train, validation, test)])

# %% [markdown]
# ## What knowing nothing costs
#
# The loss is $-\log p$ of the character that comes, on average. Whoever gives all 66 characters the
# same probability pays $\log 66$. Whoever knows how often each one occurs pays less, and that is
# the first thing a network learns.

# %%
knowing_nothing = math.log(len(gpt.CHARACTERS))
counts = Counter(alice())
shares = np.array([count / len(alice()) for count in counts.values()])
knowing_counts = -(shares * np.log(shares)).sum()
print(f"nothing {knowing_nothing:.2f}, frequencies {knowing_counts:.2f}")

# %%
net = gpt.new_net(rng)
before, _ = evaluate(net, *test)
print(f"before training {before:.2f}")
written_before = gpt.sample(net, *test, count=60)
print(repr(written_before))

# %% [markdown]
# ## Training
#
# We make one short run, on every fourth piece, which takes seconds. `nnlayers train gpt` does the
# whole training, in a minute or two.

# %%
some = train[0][::4], train[1][::4]
solver = gpt.new_solver(net, some, validation, epochs=3, rng=rng)
history = solver.train()
after, foretold = evaluate(net, *test)
print(f"loss {after:.2f} on a chapter that it has never seen; {foretold:.1%} foretold")

# %% [markdown]
# A loss in **bits** is easier to picture: it says how many yes-or-no questions are left, on
# average, before the next character is known.

# %%
print(f"{knowing_nothing / math.log(2):.2f} bits before, {after / math.log(2):.2f} bits now")

# %% [markdown]
# ## What it expects
#
# After a beginning, every character has its probability.

# %%
beginning = "said the Queen"[:-1]
scores = net.scores(gpt.encode(beginning)[None])[0, -1]
p, _ = softmax_forward(scores[None])
for i in p[0].argsort()[:-4:-1]:
    print(f"{beginning + gpt.CHARACTERS[i]!r:17} {p[0, i]:.1%}")

# %% [markdown]
# ## Writing, more or less boldly
#
# Before drawing, the scores are divided by a **temperature**. Near 0 the likeliest character always
# wins, and the text goes round in circles; above 1 anything may happen.

# %%
for temperature in (0, 0.7, 1.3):
    text = gpt.sample(net, *test, count=120, temperature=temperature)
    print(f"--- temperature {temperature}\n{text}\n")

# %% [markdown]
# These are not yet words from the book, but they have the length of words, commas and quotation
# marks. All of it comes from one task: what is the next character?
#
# ## Your turn
#
# Train for longer, on all pieces: `nnlayers train gpt`. Then read `sample` in
# `nnlayers/worked/gpt.py`, and let the network continue a sentence of your own. Which characters
# can it not read, and why?
