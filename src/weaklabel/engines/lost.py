"""An item that no worker lives through, and how often an engine tries."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from weaklabel.errors import WeakLabelError

TRIES = 3
"""How often an item whose worker dies is tried in all."""


class Lost(WeakLabelError):
    """An item whose worker died each time it was tried; an engine yields it as that item's result.

    Parameters
    ----------
    position
        Place of the item among the items.
    item
        The item itself.
    tries
        How many workers died.
    how
        How the last one died, where that is known.

    Examples
    --------
    >>> print(Lost(7, (7, "mail.csv, rows 40 to 59"), tries=3, how="killed by SIGKILL"))
    item 7 is lost: each of the 3 workers that tried it died (killed by SIGKILL)
      where: 7, mail.csv, rows 40 to 59
      hint: most often memory ran out: give each worker more, or make shards smaller; a crash in a library does it too
    """

    def __init__(self, position: int, item: object, *, tries: int, how: str = "") -> None:
        self.position = position
        self.tries = tries
        workers = f"each of the {tries} workers that tried it" if tries > 1 else "the worker that tried it"
        super().__init__(
            f"item {position} is lost: {workers} died{f' ({how})' if how else ''}",
            where=textwrap.shorten(_shown(item), 200, placeholder=" …"),
            hint="most often memory ran out: give each worker more, or make shards smaller; "
            "a crash in a library does it too",
        )


def _shown(item: object) -> str:
    return ", ".join(map(str, item)) if isinstance(item, tuple) else str(item)


@dataclass
class Tries:
    """Which items wait to be run, and which of them only one at a time.

    An item whose worker died is tried again, the last time while nothing else runs: then no other item can have
    killed the worker, or have taken its memory.

    Examples
    --------
    >>> tries = Tries(["a", "b"])
    >>> first, second = tries.next(running=0), tries.next(running=1)
    >>> first, second, tries.next(running=2)
    (0, 1, None)
    >>> tries.died(0, "killed"), tries.next(running=1)
    (None, 0)
    >>> tries.died(0, "killed"), tries.next(running=1)
    (None, None)
    >>> tries.next(running=0)
    0
    >>> tries.died(0, "killed").what
    'item 0 is lost: each of the 3 workers that tried it died (killed)'
    """

    items: Sequence[Any]
    deaths: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._waiting = list(range(len(self.items)))[::-1]
        self._last: list[int] = []
        self._alone: int | None = None

    def next(self, *, running: int) -> int | None:
        """Return the position of an item to run now, beside so many that run; None when there is none now."""
        if self._alone is not None and running:
            return None
        self._alone = None
        if self._waiting:
            return self._waiting.pop()
        if self._last and not running:
            self._alone = self._last.pop()
            return self._alone
        return None

    @property
    def waiting(self) -> int:
        """How many items wait that may run beside others."""
        return len(self._waiting)

    def back(self, position: int) -> None:
        """Take an item back that was not begun."""
        if position == self._alone:
            self._alone = None
            self._last.append(position)
        else:
            self._waiting.append(position)

    def died(self, position: int, how: str = "", *, times: int = 1) -> Lost | None:
        """Note that an item's worker died; the item is lost when it was the last try, which it made alone."""
        self.deaths[position] = self.deaths.get(position, 0) + times
        if position == self._alone:
            self._alone = None
            return Lost(position, self.items[position], tries=self.deaths[position], how=how)
        if self.deaths[position] >= TRIES - 1:
            self._last.append(position)
        else:
            self._waiting.append(position)
        return None
