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
# # Attention: every position looks at the others
#
# The LSTM passes on what it has read from step to step. A transformer has no such memory: each
# position looks directly at whatever it needs. We let one learn the same task, adding numbers.

# %%
import numpy as np

from nnlayers import attention_forward, softmax_forward
from nnlayers.worked import addition, transformer

# %% [markdown]
# ## Looking things up
#
# Each position asks with a **query** $q$. Each position offers a **key** $k$ and a **value** $v$.
# The product $q \cdot k$ says how well a key answers the query; softmax makes weights of these
# products, which add up to 1; and out comes the weighted mean of the values:
#
# $$\mathrm{out}_t = \sum_s p_{ts} v_s, \qquad p_t = \mathrm{softmax}(q_t \cdot k_s / \sqrt{D})$$

# %%
rng = np.random.default_rng(0)
q, k, v = (rng.normal(size=(1, 4, 8)) for _ in range(3))
out, _ = attention_forward(q, k, v)
p, _ = softmax_forward(q[0] @ k[0].T / np.sqrt(8))
print(p.round(2))
print(np.allclose(out[0], p @ v[0]))

# %% [markdown]
# ## Only what came before
#
# Our network is to write the answer digit by digit, and it must not look at digits that are not yet
# written. With `causal=True` position $t$ looks at the positions 0 to $t$ alone. So we may change
# what comes later, and nothing changes at the positions before.

# %%
out, _ = attention_forward(q, k, v, causal=True)
v_changed = v.copy()
v_changed[:, 3] = 100.0
out_changed, _ = attention_forward(q, k, v_changed, causal=True)
print(np.allclose(out[:, :3], out_changed[:, :3]), np.allclose(out[:, 3], out_changed[:, 3]))

# %% [markdown]
# That is what makes training fast: the network sees `12+34=046` at once, and learns at each
# position to foretell the next character, all in one pass.
#
# ## The network
#
# Each block lets the positions look at each other, and then computes at each of them by itself. The
# answer's three places count in the loss.

# %%
train, validation, (x_test, y_test) = transformer.data(rng)
print(addition.text(train[0][1000]), "→", addition.text(train[1][1000]))
net = transformer.new_net(rng)
for layer in net.layers:
    print(layer)
print("a block:", *net.layers[0].layers[2].layers, sep="\n  ")

# %% [markdown]
# ## Training


# %%
def report(record):
    print(f"epoch {record.epoch}  digits right: {record.validation_accuracy:.1%}")


solver = transformer.new_solver(net, train, validation, epochs=5, rng=rng, progress=report)
history = solver.train()

# %% [markdown]
# ## Writing the answer
#
# In training it saw the right digits before the one that it had to foretell. In the test it gets
# the question alone: `generate` takes the likeliest character, puts it behind the question, and
# asks for the next one.

# %%
question = x_test[500:501, :6]
for count in (1, 2, 3):
    written = net.layers[0].generate(question, count, temperature=0)
    print(addition.text(written[0]))

# %%
right = transformer.right(net, x_test, y_test)
print(transformer.sample(net, x_test, y_test))
print(f"{right.sum()} of 1,000 sums that it has never seen are exact")

# %% [markdown]
# The whole training takes 18 epochs. On the command line it is `nnlayers train transformer`.
#
# ## Your turn
#
# Without positions, attention cannot tell `12+34` from `21+43`: the same characters are there. Try
# `positions="rotary"` in `nnlayers/worked/transformer.py`, which turns queries and keys by an angle
# that depends on their positions. Is it better or worse at adding than learned positions?
