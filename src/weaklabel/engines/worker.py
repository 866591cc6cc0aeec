"""A process of its own that runs items one after another, and the end of it that the parent holds."""

from __future__ import annotations

import os
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any

_READY, _DONE, _FAILED = "ready", "done", "failed"
_ITEM, _MAKE = b"i", b"m"
"""What a message to the process begins with; an empty one is the last."""


class DiedError(Exception):
    """A worker process ended before its items were done."""


class Worker:
    """A spawned process and its pipe.

    It takes items while it runs one: then it needn't wait for the parent between them.

    Parameters
    ----------
    make
        Pickled maker of the function for items; called in the process, at its first item.

    Examples
    --------
    >>> from functools import partial
    >>> worker = Worker(packed(partial(partial, pow, 2)))
    >>> worker.send(0, packed(5))
    >>> worker.receive() is None, worker.receive()  # the first says only that it has started
    (True, (0, 32))
    >>> worker.close()
    """

    def __init__(self, make: bytes) -> None:
        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, make), daemon=True)
        self.sent: deque[int] = deque()
        self.started = False
        try:
            self._process.start()
        finally:
            other.close()

    @property
    def signs(self) -> list[Any]:
        """What to wait for: something to receive, or the process' end."""
        return [self.pipe, self._process.sentinel]

    @property
    def pid(self) -> int | None:
        """The process' number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """The process runs."""
        return self._process.is_alive()

    def renew(self, make: bytes) -> None:
        """Let another function do the items that follow, when all before are done."""
        with suppress(OSError):
            self.pipe.send_bytes(_MAKE + make)

    def send(self, position: int, item: bytes) -> None:
        """Give it an item; one that has died takes it too, and says so at `receive`."""
        self.sent.append(position)
        with suppress(OSError):
            self.pipe.send_bytes(_ITEM + item)

    def receive(self) -> tuple[int, Any] | None:
        """Return (position, result) of an item that is done; None when it has just started.

        Raises
        ------
        DiedError
            The process is dead. `sent` begins with the item that it ran.
        """
        wait(self.signs)
        try:
            if not self.pipe.poll():
                raise EOFError
            message = self.pipe.recv_bytes()
        except (EOFError, OSError):
            raise DiedError(self._end()) from None
        kind, value = ForkingPickler.loads(message)
        if kind == _READY:
            self.started = True
            return None
        position = self.sent.popleft()
        if kind == _FAILED:
            raise value
        return position, value

    def _end(self) -> str:
        self._process.join(5)
        code = self._process.exitcode
        self.kill()
        if code is None:
            return "it closed its pipe"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with exit code {code}"

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
        self._process.join()
        self.pipe.close()

    def finish(self) -> None:
        """Tell it that there are no more items."""
        with suppress(OSError):
            self.pipe.send_bytes(b"")

    def close(self) -> None:
        """Let it end once it is told to; kill it when it doesn't."""
        self.finish()
        self._process.join(5)
        self.kill()


def packed(thing: object) -> bytes:
    """Return a thing as it goes through a pipe.

    Examples
    --------
    >>> ForkingPickler.loads(packed([1, 2]))
    [1, 2]
    """
    return bytes(ForkingPickler.dumps(thing))


def _serve(pipe: Connection, make: bytes) -> None:
    """Run items until the parent says that there are no more; interrupts are left to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, inbox), daemon=True).start()
    pipe.send((_READY, None))
    work: Callable[[Any], Any] | None = None
    while message := inbox.get():
        if message[:1] == _MAKE:
            work, make = None, message[1:]
            continue
        try:
            work = work or ForkingPickler.loads(make)()
            pipe.send((_DONE, work(ForkingPickler.loads(memoryview(message)[1:]))))
        except Exception as error:  # noqa: BLE001 - it is raised in the parent
            pipe.send((_FAILED, portable(error)))


def _listen(pipe: Connection, inbox: queue.SimpleQueue[bytes]) -> None:
    """Take items as they come, so that the parent's `send` never waits; end with the parent, even in mid-item."""
    try:
        while item := pipe.recv_bytes():
            inbox.put(item)
        inbox.put(item)
    except (EOFError, OSError):
        os._exit(1)


def portable(error: Exception) -> Exception:
    """Return an error as it can travel: with its traceback as a note, and in a plain class where its own can't.

    Examples
    --------
    >>> class Odd(Exception):
    ...     def __init__(self, *, code):
    ...         super().__init__(f"code {code}")
    >>> portable(Odd(code=3))
    RuntimeError('Odd: code 3')
    >>> portable(ValueError("no"))
    ValueError('no')
    """
    note = "".join(traceback.format_exception(error))
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:  # noqa: BLE001 - an error's class may raise anything here
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In a worker process:\n{note}")
    return error
