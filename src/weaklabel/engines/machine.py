"""What this machine has: processors, memory, and one thread for each worker."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ONE_THREAD = {
    "POLARS_MAX_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""Set for workers, which share the machine by being many."""
WORKER_BYTES = 3 << 29
"""Memory that a worker is reckoned with: 1.5 GB."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables while processes start: they read them before they import anything.

    Examples
    --------
    >>> with environment({"NUMBA_NUM_THREADS": "1"}):
    ...     os.environ["NUMBA_NUM_THREADS"]
    '1'
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def workers_that_fit(*, processors: int | None = None, memory: int | None = None) -> int:
    """Return how many workers this machine carries: one a processor, and 1.5 GB of memory each; at least one.

    Examples
    --------
    >>> workers_that_fit(processors=8, memory=4 << 30)
    2
    >>> workers_that_fit(processors=2, memory=64 << 30), workers_that_fit(processors=2, memory=1 << 20)
    (2, 1)
    """
    processors = count_processors() if processors is None else processors
    memory = memory_bytes() if memory is None else memory
    return max(1, min(processors, memory // WORKER_BYTES))


def count_processors() -> int:
    """Return how many processors this process may use, not how many the machine has.

    Examples
    --------
    >>> count_processors() >= 1
    True
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def memory_bytes() -> int:
    """Return the memory that this process may use: the machine's, or its container's where that is less.

    Examples
    --------
    >>> memory_bytes() > 1 << 20
    True
    """
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in _LIMITS:
        with suppress(OSError, ValueError):  # a system without such limits, or the word "max"
            limits.append(int(Path(path).read_text(encoding="ascii")))
    return min(limits)
