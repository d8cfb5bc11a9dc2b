"""What tests of several files need."""

import signal

import pytest
from hypothesis import settings

# an example may take any time, as machines are busy; in CI the examples are the same each time
settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser):
    """Declare the option of the tests that can be as thorough as one has time for."""
    parser.addoption(
        "--seeds", type=int, default=2, help="how many times the checker judges each layer"
    )


@pytest.fixture
def seeds(request):
    """Return how many seeds to try."""
    return request.config.getoption("seeds")


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C interrupt, here and in new processes.

    A shell that starts a command in the background lets it, and all that it starts, ignore Ctrl-C.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
