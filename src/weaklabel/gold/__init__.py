"""Gold: labels that people gave and that everything else is measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weaklabel.gold.table import Gold, load_gold

if TYPE_CHECKING:
    from weaklabel.gold.ledger.erasure import Erased
    from weaklabel.gold.ledger.ledger import Added, Ledger

__all__ = ["Added", "Erased", "Gold", "Ledger", "load_gold"]

_LATER = {"Added": "ledger.ledger", "Erased": "ledger.erasure", "Ledger": "ledger.ledger"}


def __getattr__(name: str) -> Any:
    """Load what needs a database when it is first used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
