"""One machine: in this process, or in spawned worker processes with one thread each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

from weaklabel.engines.lost import TRIES, Lost, Tries
from weaklabel.engines.machine import ONE_THREAD, environment, workers_that_fit
from weaklabel.engines.worker import DiedError, Worker, packed
from weaklabel.errors import ConfigError, WeakLabelError

__all__ = ["ONE_THREAD", "LocalEngine"]


class LocalEngine:
    """Run a task over items on this machine.

    Parameters
    ----------
    workers
        1: in this process. More: that many spawned processes. 0: as many as processors, and memory at 1.5 GB each,
        allow.

    Examples
    --------
    >>> from functools import partial
    >>> engine = LocalEngine()
    >>> sorted(engine.map(partial(partial, pow, 2), [3, 4]))
    [(0, 8), (1, 16)]
    >>> engine.slots
    1
    """

    def __init__(self, *, workers: int = 1) -> None:
        if workers < 0:
            raise ConfigError(
                f"engine.workers is {workers}; it is 0 (as many as processors and memory allow) or more"
            )
        self.workers = workers or workers_that_fit()
        self._idle: list[Worker] | None = None

    @property
    def here(self) -> bool:
        """Items run in this process, which does nothing else meanwhile."""
        return self.workers == 1

    @contextmanager
    def staying(self) -> Iterator[LocalEngine]:
        """Keep worker processes from one map to the next, until this ends: what they have loaded stays loaded.

        Examples
        --------
        >>> from functools import partial
        >>> with LocalEngine(workers=2).staying() as engine:
        ...     first = sorted(engine.map(partial(partial, pow, 2), [3, 4]))
        ...     sorted(engine.map(partial(partial, pow, 3), [3, 4]))
        [(0, 27), (1, 81)]
        """
        self._idle = []
        try:
            yield self
        finally:
            workers, self._idle = self._idle, None
            _end(workers)

    @property
    def slots(self) -> int:
        """How many items run at a time."""
        return self.workers

    def map(
        self, make: Callable[[], Callable[[Any], Any]], items: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Yield (position, result) of every item, in the order in which they are done.

        An item whose worker process dies is tried again, three times in all, the last time while nothing else runs;
        then its result is an `engines.Lost`.

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
            No worker process can be started.
        Exception
            The first error of any item.
        """
        if self.workers > 1 and len(items) > 1:
            yield from _Pool(packed(make), items, min(self.workers, len(items)), self._idle).results()
        elif len(items):
            work = make()
            for position, item in enumerate(items):
                yield position, work(item)


class _Pool:
    """Workers and what each of them has to do; those that wait in `idle` are used first, and go back there."""

    def __init__(
        self, make: bytes, items: Sequence[Any], size: int, idle: list[Worker] | None = None
    ) -> None:
        self._make, self._items, self._size, self._idle = make, items, size, idle
        self._tries = Tries(items)
        self._workers: list[Worker] = []
        self._false_starts = 0

    def results(self) -> Iterator[tuple[int, Any]]:
        try:
            self._give()
            while self._workers:
                for worker in self._ready():
                    found = self._take(worker)
                    self._give()
                    if found:
                        yield found
                self._rest()
        except BaseException:
            for worker in self._workers:
                worker.kill()
            raise

    def _running(self) -> int:
        return sum(len(worker.sent) for worker in self._workers)

    def _give(self) -> None:
        """Hand out items: one to each worker, and one more to each while more wait than there are workers."""
        for worker in [w for w in self._workers if not w.sent]:
            self._send(worker)
        while len(self._workers) < self._size and (item := self._next()) is not None:
            self._workers.append(self._worker())
            self._workers[-1].send(*item)
        for worker in [w for w in self._workers if len(w.sent) == 1]:
            if self._tries.waiting > self._size:
                self._send(worker)

    def _worker(self) -> Worker:
        """Return a worker that waited, or a new one."""
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                worker.renew(self._make)
                return worker
            worker.kill()
        with environment(ONE_THREAD):
            return Worker(self._make)

    def _next(self) -> tuple[int, bytes] | None:
        position = self._tries.next(running=self._running())
        return None if position is None else (position, packed(self._items[position]))

    def _send(self, worker: Worker) -> None:
        if (item := self._next()) is not None:
            worker.send(*item)

    def _ready(self) -> list[Worker]:
        """Wait until a worker has something to say, or has died."""
        signs: dict[Any, Worker] = {sign: worker for worker in self._workers for sign in worker.signs}
        ready = {signs[sign]: None for sign in wait(list(signs))}
        return list(ready)

    def _take(self, worker: Worker) -> tuple[int, Any] | None:
        try:
            found = worker.receive()
        except DiedError as death:
            self._workers.remove(worker)
            return self._buried(worker, str(death))
        if found is None:
            self._false_starts = 0
        return found

    def _buried(self, worker: Worker, how: str) -> tuple[int, Lost] | None:
        """Return what a dead worker had to do: the item that it ran is to blame, if it ran one."""
        for position in list(worker.sent)[:0:-1]:
            self._tries.back(position)
        if not worker.started:
            self._false_starts += 1
            if self._false_starts >= TRIES:
                raise WeakLabelError(
                    f"worker processes can't be started: {self._false_starts} in a row ended at once ({how})",
                    hint="what they printed says why; engine.workers=1 works in this process. "
                    "A script of yours needs `if __name__ == '__main__':` around what it runs",
                )
            if worker.sent:
                self._tries.back(worker.sent[0])
            return None
        if not worker.sent:
            return None
        lost = self._tries.died(worker.sent[0], how)
        return (lost.position, lost) if lost else None

    def _rest(self) -> None:
        """End workers when no item is left for them, or let them wait for the next map."""
        if self._running():
            return
        if self._idle is None:
            _end(self._workers)
        else:
            self._idle += self._workers
        self._workers = []


def _end(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.finish()
    for worker in workers:
        worker.close()
