"""Fully connected nets: an MLP of MNIST's size, and a small one that reads digits of 8 x 8 pixels.

A step is forward, backward and an update by SGD with momentum.  All arms start from the same
weights, and see the same batches.
"""

import warnings

import numpy as np

from benchmarks.agreement import Disagreement, agree, numbers
from benchmarks.workload import OURS, Race
from nnlayers import SGD, Affine, ReLU, Sequential, SoftmaxCrossEntropy
from nnlayers.data import batches, digits

RATE, MOMENTUM = 0.1, 0.9
STILL = (
    1e-6  # learning rate of a step that is made thousands of times, so that nothing grows or dies
)
EPOCHS, BATCH = 20, 64


def mlp(sizes, rng=0):
    """Make the net: affine layers of these sizes, ReLU between them, cross-entropy at the end."""
    rng = np.random.default_rng(rng)
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [Affine(inputs, outputs, rng=rng, dtype=np.float32), ReLU()]
    return Sequential(*layers[:-1], SoftmaxCrossEntropy())


def torch_mlp(net):
    """Make PyTorch's net of the same layers and weights, without the loss."""
    import torch

    layers = []
    for layer in net.layers[:-1]:
        if layer.params:
            linear = torch.nn.Linear(*layer.params["w"].shape)
            with torch.no_grad():
                linear.weight.copy_(torch.tensor(layer.params["w"].T))
                linear.bias.copy_(torch.tensor(layer.params["b"]))
            layers.append(linear)
        else:
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def steps(net, x, y):
    """Return the arms of one training step, after showing that two of them are the same."""
    import torch

    optimizer = SGD(net, STILL, MOMENTUM)
    model = torch_mlp(net)
    torch_optimizer = torch.optim.SGD(model.parameters(), STILL, MOMENTUM)
    entropy = torch.nn.CrossEntropyLoss()
    tx, ty = torch.tensor(x), torch.tensor(y)

    def ours():
        loss, grads = net.loss(x, y)
        optimizer.step(grads)
        return {"loss": loss} | grads

    def theirs():
        torch_optimizer.zero_grad()
        loss = entropy(model(tx), ty)
        loss.backward()
        torch_optimizer.step()
        return loss

    for _ in range(2):  # the second one starts from what the first step's update has made
        loss = theirs().detach().numpy()
        agree(ours(), {"loss": loss} | _by_our_names(model, "grad"), 2e-4)
    agree(dict(net.params), _by_our_names(model, "data"), 2e-4)
    return {OURS: ours, "torch": theirs}


def _by_our_names(model, kind):
    """Return PyTorch's weights or their gradients as ours are called, (inputs, outputs)."""
    named = {}
    for i, layer in enumerate(model):
        if hasattr(layer, "weight"):
            named[f"{i}.w"] = getattr(layer.weight, kind).T
            named[f"{i}.b"] = getattr(layer.bias, kind)
    return numbers(named)


def mnist_step(batch):
    """Return a function that builds the arms of an MLP's step."""

    def build():
        rng = np.random.default_rng(1)
        x = rng.standard_normal((batch, 784), np.float32)
        return steps(mlp((784, 512, 256, 10)), x, rng.integers(0, 10, batch))

    return build


def pixels():
    """Return the digits as rows of 64 pixels, and their labels."""
    x, y = digits(np.float32)[0]
    return x.reshape(len(x), 64), y


def digits_step():
    """Build the arms of one step of the digits' net."""
    x, y = pixels()
    return steps(mlp((64, 64, 10)), x[:BATCH], y[:BATCH])


def digits_epochs():
    """Build the arms that train the digits' net for 20 epochs, from new weights to the end."""
    import torch
    from sklearn.neural_network import MLPClassifier

    x, y = pixels()
    tx, ty = torch.tensor(x), torch.tensor(y)

    def ours():
        rng = np.random.default_rng(0)
        net = mlp((64, 64, 10), rng)
        optimizer = SGD(net, RATE, MOMENTUM)
        for _ in range(EPOCHS):
            for x_batch, y_batch in batches(x, y, BATCH, rng=rng):
                _, grads = net.loss(x_batch, y_batch)
                optimizer.step(grads)
        return net.scores(x)

    def shuffled():
        order = torch.randperm(len(tx))
        return zip(tx[order].split(BATCH), ty[order].split(BATCH))  # at once, as ours does

    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(tx, ty), batch_size=BATCH, shuffle=True
    )

    def theirs(batches_of_an_epoch):
        torch.manual_seed(0)  # as ours: with other weights and orders it may read fewer digits
        model = torch.nn.Sequential(
            torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
        )
        optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM)
        entropy = torch.nn.CrossEntropyLoss()
        for _ in range(EPOCHS):
            for x_batch, y_batch in batches_of_an_epoch():
                optimizer.zero_grad()
                entropy(model(x_batch), y_batch).backward()
                optimizer.step()
        with torch.no_grad():
            return model(tx).numpy()

    def classifier():
        model = MLPClassifier(
            (64,),
            solver="sgd",
            alpha=0.0,
            batch_size=BATCH,
            learning_rate_init=RATE,
            momentum=MOMENTUM,
            nesterovs_momentum=False,
            max_iter=EPOCHS,
            n_iter_no_change=EPOCHS,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would like to go on
            return model.fit(x, y).predict_proba(x)

    arms = {
        OURS: ours,
        "torch": lambda: theirs(shuffled),
        "torch's DataLoader": lambda: theirs(lambda: loader),
        "MLPClassifier": classifier,
    }
    must_read(arms, y)
    return arms


def must_read(arms, y):
    """Raise unless every arm returns scores by which nearly all digits are read rightly."""
    for name, arm in arms.items():
        right = float((arm().argmax(axis=1) == y).mean())
        if right < 0.99:
            raise Disagreement(f"{name} reads only {right:.1%} of the digits after {EPOCHS} epochs")


WORKLOADS = (
    *(
        Race(
            f"mlp-{batch}",
            f"MLP 784-512-256-10, batch {batch}: step",
            mnist_step(batch),
            {"torch": bounds},
        )
        for batch, bounds in {32: (0.85, 0.75), 128: (0.95, 0.85), 1024: (1.0, 0.95)}.items()
    ),
    Race(
        "digits-step",
        "digits 64-64-10, batch 64: step",
        digits_step,
        {"torch": (0.35, 0.28)},
    ),
    Race(
        "digits-epochs",
        "digits 64-64-10: 20 epochs of training",
        digits_epochs,
        {
            "torch": (0.25, 0.17),
            "torch's DataLoader": (None, None),
            "MLPClassifier": (0.33, 0.25),
        },
    ),
)
