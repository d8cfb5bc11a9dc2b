"""What several subcommands ask of their options."""

import argparse
import os

from nnlayers.cli.failure import Failure


def whole_number(least):
    """Return what makes a whole number, at least so large, of an option's text."""

    def parse(text):
        if not (text.isdecimal() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"must be a whole number from {least}, not {text!r}")
        return int(text)

    return parse


def writable(folder):
    """Make the folder if there is none, and raise Failure unless files can be written to it."""
    import tempfile

    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = "it is a file" if os.path.isfile(folder) else error.strerror
        raise Failure(f"cannot write to the folder {folder!r}: {why}") from None
    return folder
