"""``nnlayers demo``: the library verified, an exercise worked, and a net trained, in seconds."""

import os
import time

from nnlayers.cli.failure import Failure
from nnlayers.cli.options import whole_number, writable

NAME = "demo"
SUMMARY = "verify every layer, work an exercise, train a net on real digits"
DESCRIPTION = """\
Verify every layer and loss against numerical gradients, work the exercise of
the I2DL notes on multidimensional derivatives, and train a net on the digits
that come with the library. Takes a few seconds; the weights and a learning
curve are written to a folder."""

EPOCHS = 60


def add_options(parser):
    """Declare the options."""
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        default="nnlayers-demo",
        help="where the weights and the learning curve go (default: ./nnlayers-demo)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=whole_number(0),
        default=0,
        help="seed of all random numbers; the same one gives the same results (default: 0)",
    )


def run(options):
    """Run the demonstration; return 0 if every gradient is right, else 1."""
    folder = writable(options.out)
    wrong = show_verification(options.seed)
    show_exercise()
    net, panels = show_training(options.seed)
    write_results(folder, net, panels)
    return 1 if wrong else 0


def show_verification(seed):
    """Print a table of all layers and losses; return how many are not right."""
    from nnlayers.cli.verifying import verify

    print("1. Every layer and loss against numerical gradients, entry by entry\n")
    print(f"   {'layer':22}{'entries':>8}   {'error':8} gradient")
    start, rows = time.perf_counter(), []
    for row in verify(seed):
        rows.append(row)
        print(f"   {row.name:22}{row.entries:8}   {row.error:.1e}  {row.verdict}")
    seconds = time.perf_counter() - start
    right = sum(row.verdict == "right" for row in rows)
    print(f"\n   {right} of {len(rows)} are right, {sum(row.entries for row in rows):,} entries.")
    print("   error: the largest difference, relative to the gradient's largest entry;")
    worst = max(rows, key=lambda row: row.error)
    print(f"   the worst is {worst.error:.1e} ({worst.name}). {seconds:.1f} s\n")
    return len(rows) - right


def show_exercise():
    """Print the answers to the exercise of the notes, computed by pairs."""
    import numpy as np

    from nnlayers.layers import (
        affine_backward,
        affine_forward,
        sigmoid_backward,
        sigmoid_forward,
        square_backward,
        square_forward,
        sum_backward,
        sum_forward,
    )

    X, W = np.array([[0.0, 1.0], [2.0, 3.0]]), np.ones((2, 2))
    Y, affine_cache = affine_forward(X, W)
    f, square_cache = square_forward(Y)
    L, sum_cache = sum_forward(f)
    df = sum_backward(1.0, sum_cache)
    dY = square_backward(df, square_cache)
    dX, dW = affine_backward(dY, affine_cache)
    s, sigmoid_cache = sigmoid_forward(Y)
    through_sigmoid = sigmoid_backward(np.ones((2, 2)), sigmoid_cache)
    print("2. The exercise of the I2DL notes\n")
    print("   Task 1: Y = X W and s = sigmoid(Y), so dL/dY = dL/ds * s * (1 - s), entry by entry")
    rows = {"    X": X, "    W": W, "    Y": Y, "    s": s, "    dL/ds": np.ones((2, 2))}
    _show(rows | {"    dL/dY": through_sigmoid})
    print("   Task 2: Y = X W, f = Y^2 entry by entry, L = sum of f")
    _show({"    f": f})
    _show({"(a) L": L, "(b) dL/df": df, "(c) dL/dY": dY, "(d) dL/dX": dX, "(e) dL/dW": dW})
    print()


def show_training(seed):
    """Train a net on the digits with a line of progress; return it and its learning curves."""
    import numpy as np

    from nnlayers import Affine, ReLU, Sequential, SoftmaxCrossEntropy
    from nnlayers.cli.progress import progress
    from nnlayers.data import digits
    from nnlayers.training import L2, SGD, Solver, evaluate

    train, test = digits()
    rng = np.random.default_rng(seed)
    net = Sequential(
        Affine(64, 100, rng=rng), ReLU(), Affine(100, 10, rng=rng), SoftmaxCrossEntropy()
    )
    print(f"3. A net for the digits, trained on {len(train[0])} images of 8 x 8 pixels\n")
    for layer in net.layers:
        print(f"   {layer!r}")
    print()
    panels = {"loss": {"train": [], "test": []}, "accuracy": {"train": [], "test": []}}
    start = time.perf_counter()
    with progress(every=10) as show:

        def report(record):
            # the test digits are only looked at: nothing is chosen by them
            loss, accuracy = evaluate(net, *test)
            panels["loss"]["train"].append(record.train_loss)
            panels["loss"]["test"].append(loss)
            panels["accuracy"]["train"].append(record.train_accuracy)
            panels["accuracy"]["test"].append(accuracy)
            words = f"epoch {record.epoch:2}/{EPOCHS}  loss {record.train_loss:.4f}"
            words += f"  accuracy: train {record.train_accuracy:.4f}  test {accuracy:.4f}"
            show(f"   {words}", record.epoch, EPOCHS)

        Solver(
            net,
            train,
            optimizer=SGD(net, lr=0.2, momentum=0.9),
            batch_size=64,
            epochs=EPOCHS,
            lr_decay=0.95,
            penalty=L2(3e-3),
            rng=rng,
            train_samples=None,
            progress=report,
        ).train()
    seconds = time.perf_counter() - start
    accuracy, count = panels["accuracy"]["test"][-1], len(test[0])
    print(f"\n   {round(accuracy * count)} of {count} test digits are read correctly:", end=" ")
    print(f"{100 * accuracy:.2f} %, after {seconds:.1f} s of training\n")
    return net, panels


def write_results(folder, net, panels):
    """Write the weights and the learning curve, and say where they are."""
    from nnlayers.cli.curves import write_curve
    from nnlayers.training import save

    weights = os.path.join(folder, "digits.npz")
    try:
        save(weights, net)
        curve = write_curve(folder, "A net learns to read digits", panels)
    except OSError as error:
        raise Failure(str(error)) from None
    print("4. Written\n")
    print(f"   {weights}  (load it with nnlayers.load({weights!r}, net))")
    print(f"   {curve}")


def _show(rows):
    """Print arrays by name, each in a line, whole numbers without a point."""
    for name, value in rows.items():
        whole = (value == value.round()).all()
        shown = value.astype(int) if whole else value.round(6)
        print(f"   {name:12} {shown.tolist()}")
