"""``nnlayers train``: train a worked example, stop when you like, and go on later."""

import os
import shlex
import time

from nnlayers.cli.failure import Failure
from nnlayers.cli.options import whole_number, writable
from nnlayers.worked import NAMES

NAME = "train"
SUMMARY = "train a net that really learns: " + ", ".join(NAMES)
DESCRIPTION = """\
Train a net, count its right answers on examples that it has never seen, and
show some of them:

  mlp          a multi-layer perceptron reads digits
  cnn          a convolutional net reads digits
  lstm         an LSTM adds two-digit numbers, character by character
  transformer  a transformer does the same
  gpt          a small GPT learns to write like a book

The training and a learning curve are written to a folder. Stopped by Ctrl-C,
or by --epochs or --steps, it goes on with --resume as if nothing had happened:
the result is the same, bit for bit. Without --resume, a training that was
stopped is never overwritten. Each takes seconds to minutes. How a net is made
and trained is to be read in nnlayers/worked."""

LINES = 10  # of progress, where stdout is no terminal


def add_options(parser):
    """Declare the options."""
    parser.add_argument("net", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="where the training and the learning curve go (default: ./nnlayers-NAME)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=whole_number(0),
        default=0,
        help="seed of all random numbers; the same one gives the same results (default: 0)",
    )
    parser.add_argument(
        "--epochs", metavar="N", type=whole_number(1), help="stop after epoch N, to go on later"
    )
    parser.add_argument(
        "--steps", metavar="N", type=whole_number(1), help="stop after step N, to go on later"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the training of this net and seed in the folder",
    )


def run(options):
    """Train the net, and show what it has learned; return 0."""
    from nnlayers.worked import named, prepare

    folder = options.out if options.out is not None else f"nnlayers-{options.net}"
    path = os.path.join(folder, f"{options.net}-seed{options.seed}.npz")
    if options.resume and not os.path.exists(path):
        raise Failure(f"there is no training to go on with: no file {path!r}; leave out --resume")
    example = named(options.net)
    if os.path.exists(path) and not options.resume:
        _refuse_unless_finished(path, example.EPOCHS, options)
    writable(folder)
    solver, test = prepare(example, options.seed)
    if options.resume:
        _resume(solver, path)
    steps = _steps_to_make(solver, options)
    show_task(example, solver, test, options.seed)
    start = time.perf_counter()
    try:
        show_training(solver, steps)
    except KeyboardInterrupt:
        _save(solver, path)
        print(f"   stopped after step {solver.step}; go on with {_resuming(options)}")
        raise
    seconds = time.perf_counter() - start
    _save(solver, path)
    show_result(example, solver, test, seconds)
    print("   Written\n")
    print(f"   {path}")
    if solver.epoch:
        print(f"   {_write_curves(folder, example.TITLE, solver.history)}")
    if not solver.finished:
        print(f"\n   stopped after step {solver.step}; go on with {_resuming(options)}")
    return 0


def show_task(example, solver, test, seed):
    """Print what is learned by which net from how many examples."""
    print(f"{example.TITLE}\n")
    for layer in solver.net.layers:
        print(f"   {layer!r}")
    count = sum(w.size for w in solver.net.params.values())
    print(
        f"\n   {count:,} parameters, seed {seed}; {len(solver.x):,} examples to learn from,\n"
        f"   {len(solver.validation[0]):,} to choose the best epoch by, {len(test[0]):,} for the "
        "test\n"
    )
    if solver.step:
        print(f"   goes on after step {solver.step}\n")


def show_training(solver, steps):
    """Train for so many steps with a line of progress."""
    from nnlayers.cli.progress import progress

    width = len(str(solver.epochs))
    with progress(every=-(-solver.epochs // LINES)) as show:

        def report(record):
            words = f"epoch {record.epoch:{width}}/{record.epochs}"
            for kind in ("train", "validation"):
                loss, accuracy = (
                    getattr(record, f"{kind}_{what}") for what in ("loss", "accuracy")
                )
                words += f"  {kind}: loss {loss:.4f} accuracy {accuracy:.4f}"
            show(f"   {words}", record.epoch, record.epochs)

        solver.progress = report
        solver.train(steps or None)


def show_result(example, solver, test, seconds):
    """Print how many of the test's answers are right, by the best epoch's weights, and some."""
    solver.restore_best()
    right = example.right(solver.net, *test)
    print(
        f"\n   {right.sum():,} of {right.size:,} {example.MEASURE}:\n"
        f"   {right.mean():.2%}, after {seconds:.1f} s of training\n"
    )
    for line in example.sample(solver.net, *test).split("\n"):
        print(f"      {line}".rstrip())
    print()


def _steps_to_make(solver, options):
    """Return how many steps there are up to the end, or to where the options say."""
    per_epoch = -(-len(solver.x) // solver.batch_size)
    stops = [solver.epochs * per_epoch]
    if options.epochs is not None:
        stops.append(options.epochs * per_epoch)
    if options.steps is not None:
        stops.append(options.steps)
    stop = min(stops)
    if stop < solver.step:
        raise Failure(
            f"the training cannot stop after step {stop}: it has made {solver.step} "
            f"({per_epoch} are an epoch)"
        )
    return stop - solver.step


def _refuse_unless_finished(path, epochs, options):
    """Raise Failure if the file would be lost; a finished training only comes out again."""
    from nnlayers.training.checkpoints import read

    way_out = "choose another folder with --out"
    try:
        position = read(NAME, path)[1]["position"]
    except (OSError, ValueError, KeyError):
        raise Failure(f"{path!r} is there, but is no training; remove it, or {way_out}") from None
    if position["epoch"] < epochs:
        raise Failure(
            f"{path!r} is a training that was stopped after step {position['step']}; go on with "
            f"{_resuming(options)}, or {way_out}"
        )


def _resume(solver, path):
    try:
        solver.load(path)
    except (OSError, ValueError) as error:
        raise Failure(str(error)) from None


def _save(solver, path):
    try:
        solver.save(path)
    except OSError as error:
        raise Failure(str(error)) from None


def _write_curves(folder, title, history):
    from nnlayers.cli.curves import write_curve

    panels = {
        what: {kind: history[f"{kind}_{what}"] for kind in ("train", "validation")}
        for what in ("loss", "accuracy")
    }
    try:
        return write_curve(folder, title, panels)
    except OSError as error:
        raise Failure(str(error)) from None


def _resuming(options):
    """Return the command that goes on with a training."""
    words = [*options.parser.prog.split(), options.net, "--resume"]
    if options.seed:
        words += ["--seed", str(options.seed)]
    if options.out is not None:
        words += ["--out", options.out]
    return shlex.join(words)
