"""The processes in which students' files run: as many at a time as there are cores."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque

import nnlayers
from nnlayers.cli.checking.blame import place_in_trace

ROOT = os.path.dirname(os.path.dirname(nnlayers.__file__))
# the folder in which the command was started is not searched: a file random.py may lie there
PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop()); "
    "from nnlayers.cli.checking.worker import main; main()"
)
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # there are other processes for the other cores
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "PYTHONDONTWRITEBYTECODE": "1",  # no __pycache__ in the student's folder
}
GRACE = 2.0  # seconds after which a process that has outlived its time limit is killed
PAUSE = 0.01


class Processes:
    """A queue of requests, each of which gets a process of its own.

    Parameters
    ----------
    seed : int
        Of all random numbers.
    timeout : float
        Seconds that each process has.
    """

    def __init__(self, seed, timeout):
        self.seed, self.timeout = seed, timeout
        self.waiting, self.running = deque(), []
        self.folder = tempfile.mkdtemp(prefix="nnlayers-check-")
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for _, process, _, _ in self.running:
            _end(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, key, path, operation=None, given=(), named=False):
        """Queue a request: on an operation, or for what there is to check in a file."""
        request = {
            "path": path,
            "operation": operation,
            "given": dict(given),
            "named": named,
            "seed": self.seed,
            "timeout": self.timeout,
        }
        if operation is None:
            self.waiting.append((key, request))
        else:  # before the next file is begun
            self.waiting.appendleft((key, request))

    def results(self):
        """Yield ``(key, answer)`` as they come, until nothing is left; adding is allowed."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        while self.waiting or self.running:
            while self.waiting and len(self.running) < cores:
                self._start(*self.waiting.popleft())
            time.sleep(PAUSE)
            for job in list(self.running):
                key, process, request, deadline = job
                late = time.monotonic() > deadline
                if late or process.poll() is not None:
                    self.running.remove(job)
                    _end(process)
                    yield key, self._answer(process, request, late)
                    shutil.rmtree(request["folder"], ignore_errors=True)

    def _start(self, key, request):
        self.count += 1
        request["folder"] = os.path.join(self.folder, str(self.count))
        os.mkdir(request["folder"])
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, json.dumps(request), ROOT],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,  # with all that it may start itself
        )
        deadline = time.monotonic() + self.timeout + GRACE
        self.running.append((key, process, request, deadline))

    def _answer(self, process, request, late):
        """Return what a process has answered, or how it ended without an answer."""
        answer = _read(os.path.join(request["folder"], "answer"))
        if answer:
            return json.loads(answer)
        trace = _read(os.path.join(request["folder"], "trace"))
        place = place_in_trace(trace, request["path"])
        if late or trace.startswith("Timeout"):
            status, message = "timeout", f"did not finish in {self.timeout:g} s"
            message += f"; it was{place}" if place else ""
        else:
            status, message = "died", f"{_ending(process.returncode)}{place}"
        return {"status": status, "message": message}


def _ending(code):
    """Return how a process ended, from its exit status."""
    if code >= 0:
        return f"ended the whole process, with exit status {code},"
    name = signal.Signals(-code).name
    if name == "SIGKILL":
        return "was killed from outside (SIGKILL), perhaps because memory ran out,"
    return f"crashed the whole process ({name})"


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _end(process):
    """Kill a process, if it is still there, with all that it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
