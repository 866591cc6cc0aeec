"""Engines run one task over many items; an engine is one file and one line here.

The contract: ``map(make, items)`` yields ``(position, result)`` in any order, where ``make()`` gives, once per
worker, the function that is called with each item. A worker that dies doesn't stop the rest: its item is tried again,
and yields a `Lost` when no worker lives through it. An error of an item is raised and ends the map. ``slots`` says how
many items run at a time. ``with engine.staying():`` holds for several maps: workers may stay from one to the next.
``here`` says that items run in this very process.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from weaklabel.engines.lost import Lost
from weaklabel.errors import ConfigError, did_you_mean

_ENGINES = {
    "local": ("weaklabel.engines.local", "LocalEngine"),
    "dask": ("weaklabel.engines.dask", "DaskEngine"),
    "spark": ("weaklabel.engines.spark", "SparkEngine"),
}

__all__ = ["Lost", "create", "engine_class", "names"]


def names() -> tuple[str, ...]:
    """Return the names of all engines.

    Examples
    --------
    >>> names()
    ('local', 'dask', 'spark')
    """
    return tuple(_ENGINES)


def engine_class(name: str) -> type[Any]:
    """Return an engine's class by its name; an unknown name raises ConfigError.

    Examples
    --------
    >>> engine_class("local").__name__
    'LocalEngine'
    """
    if name not in _ENGINES:
        raise ConfigError(
            f"engine: no choice {name!r}", available=_ENGINES, hint=did_you_mean(name, _ENGINES)
        )
    module, attribute = _ENGINES[name]
    found: type[Any] = getattr(import_module(module), attribute)
    return found


def create(name: str, **options: Any) -> Any:
    """Make an engine by its name.

    Examples
    --------
    >>> create("local", workers=2).workers
    2
    """
    return engine_class(name)(**options)
