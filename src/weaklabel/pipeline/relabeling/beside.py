"""What the driver of a bulk relabeling does while its workers are busy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def beside(apart: bool) -> Iterator[Callable[..., None]]:
    """Give a function that has others called: in their order, in a thread beside this one, or at once.

    At the end all have been called, and the first error of one is raised. Where this ends with an error, those that have
    not begun are not called.

    Parameters
    ----------
    apart
        In a thread; else at once.

    Examples
    --------
    >>> done = []
    >>> with beside(True) as do:
    ...     do(done.append, 1)
    ...     do(done.append, 2)
    >>> done
    [1, 2]
    """
    if not apart:
        yield _at_once
        return
    given: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as thread:
        try:
            yield lambda function, *arguments: given.append(thread.submit(function, *arguments))
        except BaseException:
            thread.shutdown(cancel_futures=True)
            raise
    for one in given:
        one.result()


def _at_once(function: Callable[..., Any], *arguments: Any) -> None:
    function(*arguments)
