"""The command line: a subcommand per file, listed in one table.

A subcommand is a module with ``NAME``, ``SUMMARY`` (a line), ``DESCRIPTION``,
``add_options(parser)`` and ``run(options) -> exit status``.  What it needs is imported inside
``run``, so that ``--help`` is there at once and Ctrl-C is answered from the start.
"""

import argparse
import io
import os
import sys

from nnlayers import __version__
from nnlayers.cli import check, demo, train
from nnlayers.cli.failure import Failure

COMMANDS = (demo, check, train)

DESCRIPTION = """\
Neural-network layers as pairs of pure functions, and a gradient checker that
says where and why."""
STATUS = """\
exit status: 0 all is well, 1 something is wrong with what was looked at,
2 the command could not do its work, 130 it was interrupted"""
WRONG_USE, INTERRUPTED, PIPE_CLOSED = 2, 130, 141  # the last two as the shell counts signals


def main(argv=None):
    """Run the command line and return its exit status.

    Parameters
    ----------
    argv : list of str, optional
        The words after the command's name; None means those of this process.

    Returns
    -------
    int
        0 if all is well; see ``--help`` for the others.
    """
    prog = _name()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # any encoding will do, and every line is out as soon as it is printed
        sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)
    try:
        options = _parse(prog, argv)
        if options is None:
            status = 0
        else:
            prog = options.parser.prog
            status = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except Failure as failure:
        return _complain(f"{prog}: {failure}", WRONG_USE)
    except KeyboardInterrupt:
        return _complain(f"{prog}: interrupted", INTERRUPTED)
    except BrokenPipeError:  # whoever read our output, such as head, has read enough
        _discard_output()
        return PIPE_CLOSED
    except OSError as error:
        if error.filename is not None:
            problem = f"{error.filename!r}"
        else:  # no file was opened: it was the output that failed
            _discard_output()
            problem = "cannot write the output"
        return _complain(f"{prog}: {problem}: {error.strerror}", WRONG_USE)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message):
        raise Failure(f"{message} (see {self.prog} --help)")


def _parse(prog, argv):
    """Return the options, or None if the parser itself has answered."""
    parser = _Parser(
        prog=prog,
        description=DESCRIPTION,
        epilog=STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"nnlayers {__version__}")
    parser.set_defaults(parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in COMMANDS:
        command = commands.add_parser(
            module.NAME,
            help=module.SUMMARY,
            description=module.DESCRIPTION,
            epilog=STATUS,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_options(command)
        command.set_defaults(run=module.run, parser=command)
    try:
        options, unknown = parser.parse_known_args(argv)
    except SystemExit:  # --help and --version
        return None
    if unknown:  # the subcommand's help says what it knows
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def _name():
    """Return how the command was called, for help and messages."""
    return "python -m nnlayers" if sys.argv[0].endswith("__main__.py") else "nnlayers"


def _complain(text, status):
    print(" ".join(text.split()), file=sys.stderr)
    return status


def _discard_output():
    """Let stdout lead nowhere, or Python would fail again to write its buffer when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
