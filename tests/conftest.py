"""What tests of several files need."""

import signal

import pytest


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C interrupt, here and in new processes.

    A shell that starts a command in the background lets it, and all that it starts, ignore Ctrl-C.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
