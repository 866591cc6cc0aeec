"""Dask: worker processes of a local cluster, or of a scheduler somewhere else; the `distributed` package alone."""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from multiprocessing.reduction import ForkingPickler
from typing import Any

from weaklabel.engines.lost import Tries
from weaklabel.engines.machine import ONE_THREAD, memory_bytes, workers_that_fit
from weaklabel.engines.worker import packed, portable
from weaklabel.errors import ConfigError, WeakLabelError

_AHEAD = 2
"""Items that each worker has at a time: one that it runs, and one that waits."""
_CONNECTING = 10.0
_PATIENCE = 30.0
"""Seconds to wait for a scheduler, and for workers of one that runs."""
_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # tries are counted here
    "distributed.scheduler.worker-ttl": None,  # a worker that is busy for long isn't dead
    "distributed.worker.memory.target": False,  # nothing that could be put on disk is kept in a worker
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.nanny.pre-spawn-environ": ONE_THREAD,
}
"""For a cluster on this machine."""


class DaskEngine:
    """Run a task over items on Dask workers.

    Parameters
    ----------
    workers
        Worker processes of a cluster on this machine, one thread each, reached over the loopback address only. 0: as
        many as processors, and memory at 1.5 GB each, allow. Not read when there is an address.
    address
        A scheduler that runs: `tcp://host:8786`. Its workers have this package installed, see the same files, and are
        best started with one thread each; they run one item at a time.

    Notes
    -----
    A limit of seconds for a rule works in a process' main thread only; Dask's workers run items in another.

    Examples
    --------
    >>> DaskEngine(workers=3).slots
    3
    """

    def __init__(self, *, workers: int = 2, address: str | None = None) -> None:
        if workers < 0:
            raise ConfigError(
                f"engine.workers is {workers}; it is 0 (as many as processors and memory allow) or more"
            )
        if address is not None and "://" not in address:
            raise ConfigError(
                f"engine.address is {address!r}, which names no protocol",
                hint="engine.address=tcp://host:8786",
            )
        self.workers = workers or workers_that_fit()
        self.address = address

    @property
    def here(self) -> bool:
        """Items run in other processes."""
        return False

    @contextmanager
    def staying(self) -> Iterator[DaskEngine]:
        """Give the engine; a cluster of its own is started for each map."""
        yield self

    @property
    def slots(self) -> int:
        """How many items run at a time; a scheduler elsewhere is asked how many workers it has."""
        if self.address is None:
            return self.workers
        with self._client(self.address) as client:
            return _workers(client)

    def map(
        self, make: Callable[[], Callable[[Any], Any]], items: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Yield (position, result) of every item, in the order in which they are done.

        An item whose worker dies is tried again, the last time while nothing else of this map runs; then its result is
        an `engines.Lost`.

        Parameters
        ----------
        make
            Called once in every worker; gives the function for the items. Picklable, as are items and results.
        items
            What that function takes, one at a time.

        Raises
        ------
        WeakLabelError
            Dask is not installed, or its scheduler can't be reached or goes away.
        Exception
            The first error of any item.
        """
        if not len(items):
            return
        shipped = packed(make)
        with self._cluster(len(items)) as address, self._client(address) as client:
            yield from _Job(client, address, shipped, items).results()

    @contextmanager
    def _cluster(self, items: int) -> Iterator[str]:
        """Give the address of the scheduler: the one that was named, or that of a cluster for as long as it is used."""
        if self.address is not None:
            yield self.address
            return
        _library()
        import dask
        from distributed import LocalCluster

        with (
            dask.config.set(_SETTINGS),
            LocalCluster(
                n_workers=min(self.workers, items),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                scheduler_kwargs={
                    "dashboard_address": "127.0.0.1:0"
                },  # its HTTP server: any port that is free
                memory_limit=memory_bytes() // self.workers,
                silence_logs=logging.CRITICAL,
            ) as cluster,
        ):
            yield cluster.scheduler_address

    @contextmanager
    def _client(self, address: str) -> Iterator[Any]:
        _library()
        from distributed import Client
        from distributed.utils import silence_logging_cmgr

        with silence_logging_cmgr(logging.CRITICAL):  # what it would tell of dying workers, the results tell
            try:
                client = Client(address, set_as_default=False, timeout=_CONNECTING)
            except (OSError, ValueError) as error:
                raise WeakLabelError(
                    f"no Dask scheduler answers at {address}",
                    hint="`dask scheduler` prints its address; engine.address=null starts a cluster on this machine",
                ) from error
            try:
                yield client
            finally:
                client.close()


class _Job:
    """One map: its items on their way, and what became of them."""

    def __init__(self, client: Any, address: str, make: bytes, items: Sequence[Any]) -> None:
        self._client, self._address, self._make, self._items = client, address, make, items
        self._name = f"weaklabel-{uuid.uuid4().hex}"
        self._tries = Tries(items)
        self._running: dict[Any, int] = {}
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def results(self) -> Iterator[tuple[int, Any]]:
        try:
            with self._reached():
                self._client.wait_for_workers(1, timeout=_PATIENCE)
                self._client.register_plugin(_shipped(self._make), name=self._name)
            self._give()
            while self._running:
                found = self._taken(self._next())
                self._give()
                if found:
                    yield found
        finally:
            self._end()

    def _give(self) -> None:
        """Hand out items, one to each worker and one more to each, so that none waits for the driver."""
        with self._reached():
            while len(self._running) < _AHEAD * max(1, _workers(self._client)):
                position = self._tries.next(running=len(self._running))
                if position is None:
                    return
                item = packed(self._items[position])
                key = f"{self._name}-{position}-{self._tries.deaths.get(position, 0)}"
                future = self._client.submit(_run, self._name, item, key=key, pure=False)
                self._running[future] = position
                future.add_done_callback(self._done.put)

    def _next(self) -> Any:
        """Wait for the next item that is done, for as long as there are workers."""
        without = 0
        while without < 2:
            try:
                return self._done.get(timeout=_PATIENCE)
            except queue.Empty:
                with self._reached():
                    without = 0 if _workers(self._client) else without + 1
        raise self._gone()

    def _taken(self, future: Any) -> tuple[int, Any] | None:
        from distributed.scheduler import KilledWorker

        position = self._running.pop(future)
        try:
            with self._reached():
                fine, result = future.result()
        except KilledWorker as error:
            how = f"the last one was {error.last_worker.address}"
            lost = self._tries.died(position, how, times=error.allowed_failures + 1)
            return (position, lost) if lost else None
        if not fine:
            raise result
        return position, result

    def _end(self) -> None:
        """Take back what is not done, and what was shipped, from a scheduler that goes on."""
        with suppress(OSError, ValueError, CancelledError):
            if self._client.status == "running":
                self._client.cancel(list(self._running))
                self._client.unregister_worker_plugin(self._name)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (CancelledError, OSError, TimeoutError) as error:
            raise self._gone() from error

    def _gone(self) -> WeakLabelError:
        return WeakLabelError(
            f"the Dask scheduler at {self._address} went away, or has no workers any more",
            hint="what is done is kept: when it runs again, the same command goes on from there",
        )


def _workers(client: Any) -> int:
    return len(client.nthreads())


def _shipped(make: bytes) -> Any:
    """Return what is sent to each worker once, also to one that comes later: the maker, and what it made."""
    from distributed import WorkerPlugin

    class Shipped(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            self.make, self.work, self.one_at_a_time = make, None, threading.Lock()

    return Shipped()


def _run(name: str, item: bytes) -> tuple[bool, Any]:
    """Run one item in a worker: (True, result), or (False, error), so that no error of Dask's is taken for an item's."""
    from distributed import get_worker

    shipped: Any = get_worker().plugins[name]
    try:
        with shipped.one_at_a_time:
            shipped.work = shipped.work or ForkingPickler.loads(shipped.make)()
            return True, shipped.work(ForkingPickler.loads(item))
    except Exception as error:  # noqa: BLE001 - it is raised where the map is
        return False, portable(error)


def _library() -> None:
    """Say what to install where Dask is missing."""
    if find_spec("distributed") is None:
        raise ConfigError(
            "engine=dask needs the package `distributed`, which is not installed",
            hint="pip install 'weaklabel[dask]', or engine=local",
        )
