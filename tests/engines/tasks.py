"""Tasks for tests of engines: workers import them as `engines.tasks`.

A maker is called once in a worker; what it leaves in `folder` says how often and where.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weaklabel.apply.limits import Limits, TooMuchError
from weaklabel.errors import CorpusError


def note(folder: str | Path, name: str) -> None:
    """Leave a file; its name says what happened, and the process in which it did."""
    (Path(folder) / f"{name}.{os.getpid()}.{time.monotonic_ns()}").touch()


def noted(folder: str | Path, name: str) -> list[int]:
    """Return the processes in which something happened, once for each time, in the order of time."""
    found = sorted(Path(folder).glob(f"{name}.*"), key=lambda path: int(path.name.split(".")[2]))
    return [int(path.name.split(".")[1]) for path in found]


def wait_for(condition: Callable[[], Any], *, seconds: float = 120.0) -> bool:
    """Wait until something is so; False when it never was."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(found)


def is_alive(process: int) -> bool:
    """Say whether a process runs; one that has ended and is not yet waited for doesn't."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def listening() -> set[str]:
    """Return the addresses at which this process, or one that it started, waits for others to connect."""
    import psutil

    me = psutil.Process()
    found = set()
    for process in (me, *me.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            found |= {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    return found


@dataclass(frozen=True)
class Square:
    """The square of an item; says in `folder` where it was made and which items it ran."""

    folder: str

    def __call__(self) -> Callable[[int], int]:
        note(self.folder, "made")
        return self._work

    def _work(self, item: int) -> int:
        note(self.folder, f"item-{item}")
        return item * item


@dataclass(frozen=True)
class Killer(Square):
    """As Square, but some items kill their worker with SIGKILL: the first time, or always. Those of `broken` give an
    error as their result.
    """

    once: tuple[int, ...] = ()
    always: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()

    def _work(self, item: int) -> Any:
        result = super()._work(item)
        if item in self.always or (item in self.once and len(noted(self.folder, f"item-{item}")) == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        return CorpusError("a broken file", where=f"{item}.parquet") if item in self.broken else result


@dataclass(frozen=True)
class Sleeper(Square):
    """As Square, but each item takes a while."""

    seconds: float = 60.0

    def _work(self, item: int) -> int:
        result = super()._work(item)
        time.sleep(self.seconds)
        return result


@dataclass(frozen=True)
class Endless(Square):
    """As Square, but an item is a rule's loop without an end, with a limit of so many seconds; what ended it."""

    seconds: float = 0.2

    def _work(self, item: int) -> Any:
        super()._work(item)
        try:
            with Limits(seconds=self.seconds).over():
                while True:
                    pass
        except TooMuchError as error:
            return str(error)


@dataclass(frozen=True)
class Large(Square):
    """As Square, but a result is so many bytes, and how many threads Polars may have in the worker."""

    def _work(self, item: int) -> Any:
        super()._work(item)
        return bytes(item), os.environ.get("POLARS_MAX_THREADS")


@dataclass(frozen=True)
class Broken:
    """A maker that can't make."""

    def __call__(self) -> Callable[[int], int]:
        raise CorpusError("no such folder", where="rules")


def drive(engine: Any, make: Callable[[], Any], items: list[Any]) -> None:
    """Run a map to its end: what a driver that is to be killed does."""
    for _ in engine.map(make, items):
        pass


def dask_cluster(folder: str) -> None:
    """Run a Dask cluster of one worker that another process may use, until it is killed."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        (Path(folder) / "address.tmp").write_text(cluster.scheduler_address)
        (Path(folder) / "address.tmp").rename(Path(folder) / "address")
        time.sleep(600)
