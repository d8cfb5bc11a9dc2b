"""The process in which a student's file runs; it says what it found in a folder made for it.

``answer`` is JSON, ``trace`` says where it was when it died or when its time ran out.  Nothing
else leaves the process, so that whatever the file prints cannot be taken for an answer.
"""

import faulthandler
import io
import json
import os
import random
import sys

MEMORY = 4 << 30  # bytes; where the platform cannot limit them, nothing does


def main():
    """Do what the request on the command line asks for, and end the process."""
    request = json.loads(sys.argv[1])
    folder = request["folder"]
    trace = open(os.path.join(folder, "trace"), "w", buffering=1)  # noqa: SIM115
    leave = _note_where_it_ends(trace, request["timeout"])
    _limit_memory()
    printed = Printed()
    sys.stdout = sys.__stdout__ = printed.stream()
    sys.stderr = sys.__stderr__ = Printed().stream()  # warnings, mostly: nobody looks at them

    def save(answer):
        path = os.path.join(folder, "answer")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(answer | {"printed": printed.shown()}, file)
        os.replace(f"{path}.new", path)  # at once, so that nobody reads half of it

    try:
        save(_answer(request, save, printed))
    finally:  # leave whatever threads the file has started
        faulthandler.cancel_dump_traceback_later()
        leave(0)


class Printed(io.RawIOBase):
    """Where the file's output goes: its lines are counted, the first one is kept."""

    def __init__(self):
        self.forget()

    def forget(self):
        """Begin again."""
        self.lines, self.first = 0, b""

    def writable(self):
        """Whether it can be written to."""
        return True

    def write(self, data):
        """Count the lines of some output."""
        data = bytes(data)
        if not self.lines:
            self.first = (self.first + data)[:1000]
        self.lines += data.count(b"\n")
        return len(data)

    def stream(self):
        """Return what stands for stdout."""
        return io.TextIOWrapper(self, "utf-8", "backslashreplace", write_through=True)

    def shown(self):
        """Return how many lines there were, with the first one; None if there was nothing."""
        lines = self.first.decode(errors="replace").splitlines()
        first = next((line.strip() for line in lines if line.strip()), "")
        return {"lines": max(self.lines, 1), "first": first[:80]} if self.first else None


def _answer(request, save, printed):
    """Load the file; return what there is to check in it, or the answer on one operation."""
    import numpy as np

    from nnlayers.cli.checking.blame import blame
    from nnlayers.cli.checking.inputs import parse
    from nnlayers.cli.checking.judging import Judge
    from nnlayers.cli.checking.source import Operation, definitions_of, load, operations_of

    path, seed = request["path"], request["seed"]
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        definitions = definitions_of(path)
        module = load(path)
    except BaseException as error:
        return {"status": "import_error", "message": f"cannot be imported: {blame(error, path)}"}
    if request["operation"] is None:
        return {"operations": operations_of(definitions, vars(module).get)}
    printed.forget()  # only what is printed at each call is worth a line
    given = {name: parse(text) for name, text in request["given"].items()}
    operation = Operation(*request["operation"])
    judge = Judge(module, operation, path, seed, given, request["named"])
    try:
        return judge.judge(save)
    except BaseException as error:
        return judge.crash(f"the check raised {blame(error, path)}")


def _note_where_it_ends(trace, timeout):
    """Have the place written down where the process dies; return what ends it quietly."""
    faulthandler.enable(trace, all_threads=False)
    faulthandler.dump_traceback_later(timeout, exit=True, file=trace)
    leave = os._exit

    def note_and_leave(status):
        faulthandler.dump_traceback(trace, all_threads=False)
        leave(status)

    os._exit = note_and_leave
    return leave


def _limit_memory():
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass
