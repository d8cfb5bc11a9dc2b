"""How fast the library is: ``python -m benchmarks`` races it against PyTorch on one core.

A workload (:mod:`benchmarks.workload`) is a piece of work that is done by several arms: by the
library, by PyTorch and sometimes by others.  Each family of workloads has a file.  An arm is shown
to compute the same as the others before it is timed (:mod:`benchmarks.agreement`); then all take
turns (:mod:`benchmarks.timing`).
"""
