"""One machine: in this process, or in spawned worker processes with one thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from weaklabel.errors import ConfigError, WeakLabelError

ONE_THREAD = {
    "POLARS_MAX_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""Set for workers, which share the machine by being many."""


class LocalEngine:
    """Run a task over items on this machine.

    Parameters
    ----------
    workers
        1: in this process. More: that many spawned processes. 0: one for each processor.

    Examples
    --------
    >>> from functools import partial
    >>> engine = LocalEngine()
    >>> sorted(engine.map(partial(partial, pow, 2), [3, 4]))
    [(0, 8), (1, 16)]
    """

    def __init__(self, *, workers: int = 1) -> None:
        if workers < 0:
            raise ConfigError(f"engine.workers is {workers}; it is 0 (one for each processor) or more")
        self.workers = workers or _processors()

    def map(
        self, make: Callable[[], Callable[[Any], Any]], items: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Yield (position, result) of every item, in the order in which they are done.

        Parameters
        ----------
        make
            Called once in every worker; gives the function for the items. Picklable, as are items and results,
            when there are several workers.
        items
            What that function takes, one at a time.

        Raises
        ------
        WeakLabelError
            The first error of any item, or a worker that died.
        """
        if self.workers == 1 or len(items) <= 1:
            work = make()
            for position, item in enumerate(items):
                yield position, work(item)
        else:
            yield from _spawned(make, items, min(self.workers, len(items)))


def _spawned(
    make: Callable[[], Callable[[Any], Any]], items: Sequence[Any], workers: int
) -> Iterator[tuple[int, Any]]:
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(make,))
    try:
        with _environment(ONE_THREAD):
            futures = {pool.submit(_work, item): position for position, item in enumerate(items)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise WeakLabelError(
            "a worker process died",
            hint="most often it ran out of memory: use fewer (engine.workers=1)",
        ) from error
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Worker:
    """What a spawned process keeps between items; nothing in the parent touches it."""

    make: Callable[[], Callable[[Any], Any]]
    work: Callable[[Any], Any] | None = None


def _start(make: Callable[[], Callable[[Any], Any]]) -> None:
    """Begin a worker: keep the maker, and leave interrupts to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Worker.make = make


def _work(item: Any) -> Any:
    """Run in a worker: make the function at the first item, where an error still finds its way to the parent."""
    if _Worker.work is None:
        _Worker.work = _Worker.make()
    return _Worker.work(item)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables while processes start: they read them before they import anything."""
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


def _processors() -> int:
    """Return how many processors this process may use, not how many the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
