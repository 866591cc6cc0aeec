"""Spark: a thin adapter for sites that have PySpark, on this machine or at a master's URL."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, ClassVar

from weaklabel.engines.lost import Lost, Tries
from weaklabel.engines.machine import ONE_THREAD, workers_that_fit
from weaklabel.engines.worker import packed, portable
from weaklabel.errors import ConfigError, WeakLabelError

_AHEAD = 2
_COMMON = {
    "spark.task.maxFailures": "1",  # tries are counted here
    "spark.task.cpus": "1",
    "spark.python.worker.reuse": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    **{f"spark.executorEnv.{name}": value for name, value in ONE_THREAD.items()},
}
_HERE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.pyspark.python": sys.executable,
    "spark.pyspark.driver.python": sys.executable,
}


class SparkEngine:
    """Run a task over items on Spark, each item a job of one partition.

    Parameters
    ----------
    workers
        Items at a time on this machine, each in a process of its own. 0: as many as processors, and memory at 1.5 GB
        each, allow. Not read when there is a master.
    master
        URL of a cluster's master: `spark://host:7077`, `yarn`. Its executors have this package installed and see the
        same files. A session that is already open is used as it is.

    Examples
    --------
    >>> SparkEngine(workers=3).slots
    3
    """

    def __init__(self, *, workers: int = 2, master: str | None = None) -> None:
        if workers < 0:
            raise ConfigError(
                f"engine.workers is {workers}; it is 0 (as many as processors and memory allow) or more"
            )
        self.workers = workers or workers_that_fit()
        self.master = master

    @property
    def here(self) -> bool:
        """Items run in other processes."""
        return False

    @contextmanager
    def staying(self) -> Iterator[SparkEngine]:
        """Give the engine; a cluster of its own is started for each map."""
        yield self

    @property
    def slots(self) -> int:
        """How many items run at a time; a cluster is asked how many cores it has."""
        if self.master is None:
            return self.workers
        with self._context() as context:
            return int(context.defaultParallelism)

    def map(
        self, make: Callable[[], Callable[[Any], Any]], items: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Yield (position, result) of every item, in the order in which they are done.

        An item whose worker dies is tried again, three times in all, the last time while nothing else of this map runs;
        then its result is an `engines.Lost`.

        Parameters
        ----------
        make
            Called once in every worker; gives the function for the items. Picklable, as are items and results.
        items
            What that function takes, one at a time.

        Raises
        ------
        WeakLabelError
            PySpark or Java is not installed, or Spark can't be started or goes away.
        Exception
            The first error of any item.
        """
        if not len(items):
            return
        shipped = packed(make)
        with self._context() as context:
            slots = min(int(context.defaultParallelism), len(items))
            yield from _Job(context, shipped, items, slots).results()

    @contextmanager
    def _context(self) -> Iterator[Any]:
        """Give Spark's context: one that is open, or one for as long as it is used."""
        _library()
        from pyspark import SparkConf, SparkContext

        if SparkContext._active_spark_context is not None:
            yield SparkContext._active_spark_context
            return
        settings = _COMMON if self.master else {**_COMMON, **_HERE, "spark.executorEnv.PYTHONPATH": _path()}
        conf = SparkConf().setMaster(self.master or f"local[{self.workers}]").setAppName("weaklabel")
        with _interrupts_kept():
            context = self._started(conf.setAll(list(settings.items())))
            try:
                yield context
            finally:
                context.stop()

    def _started(self, conf: Any) -> Any:
        from py4j.protocol import Py4JError
        from pyspark import SparkContext
        from pyspark.errors import PySparkException

        try:
            context = SparkContext(conf=conf)
        except (Py4JError, PySparkException, OSError) as error:
            raise WeakLabelError(
                f"Spark can't be started at {self.master or 'this machine'}: {_first_line(error)}",
                hint="engine.master=null runs Spark on this machine; engine=local needs no Spark",
            ) from error
        context.setLogLevel("OFF")
        return context


class _Job:
    """One map: threads that ask Spark for one item after another, more than it runs at a time, so that none waits."""

    def __init__(self, context: Any, make: bytes, items: Sequence[Any], slots: int) -> None:
        self._context, self._items, self._threads = context, items, _AHEAD * slots
        self._name = f"weaklabel-{uuid.uuid4().hex}"
        self._make = context.broadcast(make)
        self._tries = Tries(items)
        self._running: dict[Future[Any], int] = {}
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()

    def results(self) -> Iterator[tuple[int, Any]]:
        threads = ThreadPoolExecutor(self._threads)
        try:
            self._give(threads)
            while self._running:
                found = self._taken(self._done.get())
                self._give(threads)
                if found:
                    yield found
        finally:
            if self._running:
                self._context.cancelJobGroup(self._name)
            threads.shutdown(wait=False, cancel_futures=True)

    def _give(self, threads: ThreadPoolExecutor) -> None:
        while len(self._running) < self._threads:
            position = self._tries.next(running=len(self._running))
            if position is None:
                return
            future = threads.submit(self._asked, packed(self._items[position]))
            self._running[future] = position
            future.add_done_callback(self._done.put)

    def _asked(self, item: bytes) -> tuple[bool, Any]:
        self._context.setJobGroup(self._name, "weaklabel", interruptOnCancel=True)
        work = _Run(self._name, self._make)
        (answer,) = self._context.parallelize([item], 1).mapPartitions(work).collect()
        found: tuple[bool, Any] = ForkingPickler.loads(answer)
        return found

    def _taken(self, future: Future[Any]) -> tuple[int, Any] | None:
        from py4j.protocol import Py4JError, Py4JJavaError

        position = self._running.pop(future)
        try:
            fine, result = future.result()
        except Py4JJavaError as error:
            return self._died(position, error)
        except (Py4JError, OSError) as error:
            raise WeakLabelError(
                "Spark went away",
                hint="what is done is kept: when it runs again, the same command goes on from there",
            ) from error
        if not fine:
            raise result
        return position, result

    def _died(self, position: int, error: Any) -> tuple[int, Lost] | None:
        told = str(error.java_exception)
        if "Job aborted due to stage failure" not in told:
            raise WeakLabelError(f"Spark can't run this: {_first_line(told)}") from error
        cause = told.rpartition("most recent failure: ")[2].rpartition("Exception: ")[2]
        lost = self._tries.died(position, _first_line(cause).partition(". ")[0])
        return (position, lost) if lost else None


class _Run:
    """What Spark sends to its workers: how to run one packed item with what a broadcast maker makes."""

    made: ClassVar[dict[str, Callable[[Any], Any]]] = {}
    """In a worker: the function of the map that runs; nothing in the driver touches it."""

    def __init__(self, name: str, make: Any) -> None:
        self.name, self.make = name, make

    def __call__(self, items: Iterable[bytes]) -> Iterator[bytes]:
        for item in items:
            yield self._answer(item)

    def _answer(self, item: bytes) -> bytes:
        try:
            if self.name not in self.made:
                self.made.clear()
                self.made[self.name] = ForkingPickler.loads(self.make.value)()
            return packed((True, self.made[self.name](ForkingPickler.loads(item))))
        except Exception as error:  # noqa: BLE001 - it is raised where the map is
            return packed((False, portable(error)))


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Put back what an interrupt does: Spark's context changes it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _path() -> str:
    """Return where workers on this machine find modules: where this process does."""
    return os.pathsep.join(path or str(Path.cwd()) for path in sys.path)


def _first_line(told: object) -> str:
    return str(told).strip().partition("\n")[0][:200]


def _library() -> None:
    """Say what to install where PySpark or Java is missing."""
    if find_spec("pyspark") is None:
        raise ConfigError(
            "engine=spark needs the package `pyspark`, which is not installed",
            hint="pip install 'weaklabel[spark]', or engine=local",
        )
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        raise ConfigError(
            "engine=spark needs Java, which is neither on PATH nor named by JAVA_HOME",
            hint="install Java 17 or newer, or engine=local",
        )
