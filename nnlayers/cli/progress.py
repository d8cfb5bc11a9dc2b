"""Progress on one line that is overwritten in a terminal, and in a line now and then elsewhere."""

import shutil
import sys
from contextlib import contextmanager


@contextmanager
def progress(every):
    """Give a function ``show(text, done, total)``.

    Parameters
    ----------
    every : int
        Where stdout is no terminal, each so-many-th text is printed, and the last one.
    """
    in_place = sys.stdout is not None and sys.stdout.isatty()

    def show(text, done, total):
        if in_place:
            line = f"{text}  [{'#' * (10 * done // total):.<10}]"
            # padded to overwrite all of the last one; a line that wraps could not be overwritten
            room = shutil.get_terminal_size().columns - 1
            print(f"\r{line[:room]:<{room}}", end="", flush=True)
        elif done % every == 0 or done == total:
            print(text)

    try:
        yield show
    finally:
        if in_place:
            print()  # what comes next, even a message of failure, begins a line of its own
