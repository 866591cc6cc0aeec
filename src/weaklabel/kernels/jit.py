"""numba's compiler, with a cache where one can be written."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import numba

logger = logging.getLogger("weaklabel.kernels")


def njit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function without the Python interpreter, and keep the machine code on disk.

    Where neither the package's folder nor the user's cache folder can be written, the function is compiled
    anew in every process and one warning is logged. With `NUMBA_DISABLE_JIT=1` the function stays as it is.

    Parameters
    ----------
    function
        Loops over arrays and scalars, in the part of Python that numba compiles.

    Examples
    --------
    >>> @njit
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """
    try:
        compiled = numba.njit(cache=True, nogil=True)(function)
    except (RuntimeError, OSError):
        _warn_once()
        return numba.njit(nogil=True)(function)
    _forgive_the_disk(compiled)
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into each compiled function that calls it: a call with many arrays costs more than its work.

    Examples
    --------
    >>> @inlined
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """
    return numba.njit(nogil=True, forceinline=True)(function)


def _forgive_the_disk(compiled: Any) -> None:
    """Let a cache that can't be read or written later on (disk full, folder gone) cost time, not the answer."""
    cache = getattr(compiled, "_cache", None)
    for name in ("load_overload", "save_overload"):
        if hasattr(cache, name):
            setattr(cache, name, _forgiving(getattr(cache, name)))


def _forgiving(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def attempt(*arguments: Any) -> Any:
        try:
            return method(*arguments)
        except (OSError, EOFError):
            _warn_once()
            return None

    return attempt


@functools.cache
def _warn_once() -> None:
    logger.warning(
        "compiled kernels can't be kept on disk and are compiled anew in every process; "
        "set NUMBA_CACHE_DIR to a folder that can be written"
    )
