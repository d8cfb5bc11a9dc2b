"""What the library costs around the arithmetic: a chain's calls, memory, and the import."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import race
from benchmarks.workload import OURS, Measurement, Row
from nnlayers import Layer, Sequential

LAYERS = 20
ROOT = Path(__file__).parent.parent
STATUS = Path("/proc/self/status")  # where Linux says it

STEPS = """
{}
for _ in range(5):
    step()
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0])
"""
OUR_STEP = """
from benchmarks.convolutions import convolutional_net, images
from nnlayers import SGD
net = convolutional_net()
x, y = images()
optimizer = SGD(net, 1e-3, 0.9)
def step():
    optimizer.step(net.loss(x, y)[1])
"""
TORCH_STEP = """
import torch
from benchmarks.convolutions import images, torch_convolutional_net, torch_step
torch.set_num_threads(1)
step = torch_step(torch_convolutional_net(), *images())
"""


class Nothing(Layer):
    """A layer that does nothing, so that what its chain does remains."""

    def forward(self, x, *, train=None, rng=None):
        """Return x, and an empty cache."""
        return x, ()

    def backward(self, dout, cache):
        """Return dout."""
        return dout


def chain(seconds):
    """Measure forward and backward of a chain of layers that do nothing, per layer."""
    net = Sequential(*(Nothing() for _ in range(LAYERS)))
    x = np.ones(3)

    def with_sequential():
        out, cache = net.forward(x, train=True)
        return net.gradients(out, cache)

    def by_hand():
        out, caches = x, []
        for layer in net.layers:
            out, cache = layer.forward(out, train=True, rng=None)
            caches.append(cache)
        for layer, cache in zip(reversed(net.layers), reversed(caches)):
            out, _ = layer.gradients(out, cache)

    times = race({OURS: with_sequential, "by hand": by_hand}, seconds)
    ours, by_hand = (1e6 / LAYERS * statistics.median(taken) for taken in times.values())
    what = f"chain of {LAYERS} layers that do nothing, per layer"
    return [Row("sequential", what, "", ours, None, ours, "µs", 1.0, None, {"by hand": by_hand})]


def peak_memory(seconds):
    """Measure the memory of a process that makes steps of the CNN, at its peak (on Linux alone)."""
    if not STATUS.exists():
        return []
    ours = _peak(OUR_STEP)
    others = {"torch": _peak(TORCH_STEP)} if seconds else {}
    what = "CNN step: peak memory of the process"
    return [Row("memory", what, "", ours, None, ours, "MiB", 130, 100, others)]


def _peak(step):
    """Return MiB: the figure for the new program, without that which it was forked from."""
    script = STEPS.format(step)
    run = [sys.executable, "-c", script]
    return int(subprocess.run(run, cwd=ROOT, check=True, capture_output=True).stdout) / 1024


def imports(seconds):
    """Measure processes that import the library and do nothing else, relative to NumPy."""
    statements = {
        "numpy": "import numpy",
        OURS: "import nnlayers",
        "used": "import nnlayers; nnlayers.Sequential",
    }
    arms = {name: _process(statement) for name, statement in statements.items()}
    times = race(arms, 10 * seconds, time.perf_counter)
    unit, ours, used = (statistics.median(times[name]) for name in ("numpy", OURS, "used"))
    used_what = "import nnlayers; nnlayers.Sequential"
    return [
        Row(
            "import", "import nnlayers", "import numpy", ours, unit, ours / unit, "ratio", 1.2, 1.1
        ),
        Row("import", used_what, "import numpy", used, unit, used / unit),
    ]


def _process(statement):
    def run():
        subprocess.run([sys.executable, "-c", statement], cwd=ROOT, check=True)

    return run


WORKLOADS = (
    Measurement("sequential", "Sequential's own time", chain),
    Measurement("memory", "peak memory", peak_memory),
    Measurement("import", "time to import", imports),
)
