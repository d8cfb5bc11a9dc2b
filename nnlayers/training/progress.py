"""How the solver reports its progress: a line for each epoch, a tqdm bar, or a function."""

from contextlib import contextmanager

from nnlayers.layers.checks import complaint, describe


def line(record):
    """Return the record of an epoch as one line.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> print(line(SimpleNamespace(
    ...     epoch=3, epochs=20, step=69, lr=0.1, train_loss=0.25, train_accuracy=0.95,
    ...     validation_loss=None, validation_accuracy=None)))
    epoch  3/20  step 69  lr 0.1  train loss 0.25 accuracy 0.9500
    """
    width = len(str(record.epochs))
    words = f"epoch {record.epoch:{width}}/{record.epochs}  step {record.step}  lr {record.lr:.4g}"
    return f"{words}  {_measures(record)}"


def check_progress(op, progress):
    """Raise unless progress is something that :func:`reports` understands."""
    if progress == "tqdm":
        _tqdm(op)
    elif progress not in ("line", None) and not callable(progress):
        raise complaint(
            ValueError,
            op,
            f"progress must be 'line', 'tqdm', None or a function, not {describe(progress)}",
        )


@contextmanager
def reports(progress, done, epochs):
    """Give the function that takes the record of each epoch."""
    if progress == "tqdm":
        with _tqdm("Solver")(total=epochs, initial=done, unit="epoch") as bar:

            def show(record):
                bar.set_postfix_str(_measures(record), refresh=False)
                bar.update()

            yield show
    elif progress == "line":
        yield lambda record: print(line(record), flush=True)
    elif progress is None:
        yield lambda record: None
    else:
        yield progress


def _measures(record):
    words = []
    for kind in ("train", "validation"):
        loss, accuracy = (getattr(record, f"{kind}_{what}") for what in ("loss", "accuracy"))
        if loss is not None:
            words.append(f"{kind} loss {loss:.4g}")
        if accuracy is not None:
            words[-1] += f" accuracy {accuracy:.4f}"
    return "  ".join(words)


def _tqdm(op):
    try:
        from tqdm import tqdm
    except ImportError:
        raise complaint(
            ImportError,
            op,
            "progress='tqdm' needs tqdm, which is not installed",
            "pip install 'nnlayers[notebook]', or progress='line'",
        ) from None
    return tqdm
