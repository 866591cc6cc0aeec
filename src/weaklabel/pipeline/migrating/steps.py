"""What came, or would come, of one store or file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from weaklabel.taxonomy.carrying import QUEUED


@dataclass(frozen=True)
class Step:
    """What came, or would come, of one store or file.

    Parameters
    ----------
    what
        "the gold set", "the label table", or a file.
    counts
        Rows: same, renamed, queued.
    queued
        What waits: id, old labels, why.
    notes
        What a reader should know.
    written
        Where the result stands; None: nothing was written.

    Examples
    --------
    >>> Step("gold.csv", {"same": 3, "renamed": 0, "queued": 1}).changes
    True
    """

    what: str
    counts: Mapping[str, int]
    queued: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUEUED))
    notes: tuple[str, ...] = ()
    written: str | None = None

    @property
    def changes(self) -> bool:
        """Something of it is not as it was."""
        return bool(self.counts["renamed"] or self.counts["queued"])

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            **vars(self),
            "counts": dict(self.counts),
            "queued": self.queued.to_dicts(),
            "notes": list(self.notes),
        }
