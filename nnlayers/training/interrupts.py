"""Ctrl-C that waits until a change is complete."""

import signal
from contextlib import contextmanager


class Held:
    """A stretch of code in which Ctrl-C is held back: KeyboardInterrupt comes when it ends.

    ``with held:`` marks the stretch, ``with held.listening():`` the code around it, in which
    Python's own handler of SIGINT is replaced: Ctrl-C comes at once outside the stretches.  Only
    the main thread gets signals, and a handler of the program's own stays in charge.
    """

    def __init__(self):
        self.depth = 0
        self.pending = False

    @contextmanager
    def listening(self):
        """Answer SIGINT, if Python's default or another of these objects does."""
        before = signal.getsignal(signal.SIGINT)
        usual = before is signal.default_int_handler
        usual = usual or isinstance(getattr(before, "__self__", None), Held)
        try:
            if usual:
                try:
                    signal.signal(signal.SIGINT, self._answer)
                except ValueError:  # not the main thread
                    usual = False
            yield
        finally:
            if usual:
                signal.signal(signal.SIGINT, before)

    def _answer(self, number, frame):
        if not self.depth:
            raise KeyboardInterrupt
        self.pending = True

    def __enter__(self):
        self.depth += 1

    def __exit__(self, kind, *_):
        self.depth -= 1
        if self.pending and not self.depth:
            self.pending = False
            if kind is None:
                raise KeyboardInterrupt
