"""What a rule may use up: seconds for a batch, and memory."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weaklabel.errors import ConfigError

TICK = 0.05
"""Seconds between two looks at a rule that is running."""
MEGABYTE = 1 << 20
_TIMES = 10


class TooMuchError(BaseException):
    """A rule used up what it may; no Exception, so that a rule's own ``except Exception`` lets it through."""


@dataclass(frozen=True)
class Limits:
    """What one rule may use up on one batch of rows.

    Parameters
    ----------
    seconds
        Time; None: no limit.
    megabytes
        Growth of this process' address space; None: no limit. More fails with MemoryError, before the system ends the
        process. On Linux only.

    Notes
    -----
    A timer interrupts what the rule does, between two steps of Python and inside `re`, which looks for signals as it
    searches. That works in a process' main thread, where runs and the workers of most engines vote. In another thread,
    as in a worker of Dask, rules are ended between two steps of Python alone, so that a search that `re` does not come
    back from goes on, and memory is not bounded. Library code that neither returns nor looks for signals can't be
    interrupted.

    Examples
    --------
    >>> with Limits(seconds=0.1).over():
    ...     while True:
    ...         pass
    Traceback (most recent call last):
    ...
    weaklabel.apply.limits.TooMuchError: took more than 0.1 s on one batch
    """

    seconds: float | None = 300.0
    megabytes: int | None = 4096

    def __post_init__(self) -> None:
        for name in ("seconds", "megabytes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"a limit of {value} {name}: more than 0 is wanted", hint="null: no limit")

    def of(self, rules: int) -> Limits:
        """Return the limits of so many rules that run together."""
        return replace(self, seconds=None if self.seconds is None else self.seconds * rules)

    @contextmanager
    def over(self) -> Iterator[None]:
        """Watch the block.

        Raises
        ------
        TooMuchError
            In the block, when its time is up; its text completes "the rule …".
        """
        if self.seconds is None and self.megabytes is None:
            yield
            return
        if not _can_watch():
            with _watched_from_beside(self.seconds):
                yield
            return
        watch = _Watch(self, time.monotonic())
        before = signal.signal(signal.SIGALRM, watch.look)
        timer = signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
        try:
            with _bounded_memory(self.megabytes):
                try:
                    yield
                finally:
                    watch.armed = False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if timer[0]:
                signal.setitimer(signal.ITIMER_REAL, *timer)


USUAL = Limits()
"""What a rule may use up unless something else is said."""


@dataclass
class _Watch:
    """Looks at the clock; raises when time is up, and once more each second if a rule swallowed it."""

    limits: Limits
    started: float
    armed: bool = True
    raised: float = 0.0

    def look(self, number: int, frame: Any) -> None:
        now, seconds = time.monotonic(), self.limits.seconds
        if seconds is None or not self.armed or now - self.started < seconds or now - self.raised < 1:
            return
        self.raised = now
        raise TooMuchError(_told(seconds))


class _Beside(threading.Thread):
    """Waits until time is up, then raises in the thread that made it; once more each second, ten times at most."""

    def __init__(self, seconds: float) -> None:
        super().__init__(name="weaklabel-limit", daemon=True)
        self.seconds, self.watched = seconds, threading.get_ident()
        self.done, self.one_at_a_time = threading.Event(), threading.Lock()

    def run(self) -> None:
        wait = self.seconds
        for _ in range(_TIMES):
            if self.done.wait(wait):
                return
            with self.one_at_a_time:
                if not self.done.is_set():
                    _raise_in(self.watched, TooMuchError)
            wait = 1.0

    def end(self) -> None:
        """Stop; take back what was raised and has not arrived."""
        while not self.done.is_set():
            with suppress(TooMuchError), self.one_at_a_time:
                self.done.set()
        _raise_in(self.watched, None)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have an error raised in a thread before its next step; None: not the one that has not arrived yet."""
    given = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), given)


@contextmanager
def _watched_from_beside(seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    watch = _Beside(seconds)
    watch.start()
    try:
        yield
    except TooMuchError as error:
        raise TooMuchError(*(error.args or [_told(seconds)])) from error
    finally:
        watch.end()


def _told(seconds: float) -> str:
    return f"took more than {seconds:g} s on one batch"


def _can_watch() -> bool:
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")


@contextmanager
def _bounded_memory(megabytes: int | None) -> Iterator[None]:
    """Bound the address space to what it is now and so much more."""
    if megabytes is None or not sys.platform.startswith("linux"):
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    wanted = held + megabytes * MEGABYTE
    if before[0] != resource.RLIM_INFINITY and before[0] <= wanted:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (wanted, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
