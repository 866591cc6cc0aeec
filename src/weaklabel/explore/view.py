"""The rows that are looked at: all of a corpus, or a sample of it, with what is known of their labels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.corpus import Corpus
from weaklabel.errors import CorpusError
from weaklabel.fingerprint import event_hash, fingerprint
from weaklabel.gold import Gold

Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]

MOST_ROWS = 100_000
"""Rows of a corpus that are looked at unless more are asked for; a larger corpus is sampled."""


@dataclass(frozen=True, eq=False)
class View:
    """The rows that are looked at; made by `View.of` or `View.read`.

    Parameters
    ----------
    frame
        The rows, with `id`.
    total
        Number of rows of the whole corpus.
    keys
        (n,) uint64: a seeded hash of each id, which decides what is shown and what is drawn, never the position.
    counted
        (n,) bool: belongs to the sample; other rows are there for their gold only.
    gold
        (n,) int64: class of the gold label, -1 unknown; None: no gold.
    fingerprint
        Stands for the rows and their order.

    Examples
    --------
    >>> view = View.of(pl.DataFrame({"id": ["a", "b"], "text": ["hello", "thanks"]}))
    >>> view.frame.height, view.text
    (2, 'text')
    """

    frame: pl.DataFrame
    total: int
    keys: npt.NDArray[np.uint64]
    counted: Bool
    gold: Int | None = None
    fingerprint: str = ""
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, frame: pl.DataFrame, *, gold: Gold | None = None, seed: int = 0) -> View:
        """Look at all rows of a frame with a column `id`.

        Parameters
        ----------
        frame
            One row per document.
        gold
            Gold labels; those of other rows are passed over.
        seed
            Of the hash that decides which examples are shown.
        """
        if "id" not in frame.columns:
            raise CorpusError("no column 'id'", available=frame.columns)
        keys = _keys(frame["id"].cast(pl.String), seed)
        known = None if gold is None else gold.codes(frame["id"].cast(pl.String))
        return cls(frame, frame.height, keys, np.ones(frame.height, bool), known)

    @classmethod
    def read(
        cls,
        corpus: Corpus,
        *,
        gold: Gold | None = None,
        rows: int | None = MOST_ROWS,
        seed: int = 0,
        tell: Callable[[str, int, int], None] | None = None,
    ) -> View:
        """Read a corpus, or the `rows` of it whose hashed ids are smallest and every row with gold.

        Parameters
        ----------
        corpus
            The corpus.
        gold
            Gold labels.
        rows
            Most rows to look at; None: all.
        seed
            Of the hash.
        tell
            Told the progress: step, done, total.
        """
        total = corpus.count()
        limit = total if rows is None else min(rows, total)
        share = 2.0**64 if limit == total else 2.0**64 * min(1.0, 1.2 * limit / total + 100 / total)
        known = set() if gold is None else set(gold.frame["id"])
        frames, hashes = [], []
        shards = corpus.shards()
        for done, shard in enumerate(shards, 1):
            frame = corpus.read(shard)
            keys = _keys(frame["id"], seed)
            near = keys < share if limit < total else np.ones(len(keys), bool)
            if limit < total and known:
                near |= frame["id"].is_in(list(known)).to_numpy()
            frames.append(frame.filter(pl.Series(near)))
            hashes.append(keys[near])
            if tell:
                tell("corpus is read", done, len(shards))
        frame, keys = pl.concat(frames), np.concatenate(hashes)
        counted = _smallest(keys, limit)
        codes = None if gold is None else gold.codes(frame["id"])
        keep = counted | (codes >= 0) if codes is not None else counted
        sampled = [limit, seed, gold.fingerprint if gold and limit < total else ""] if limit < total else []
        return cls(
            frame.filter(pl.Series(keep)),
            total,
            keys[keep],
            counted[keep],
            None if codes is None else codes[keep],
            fingerprint([corpus.fingerprint, *sampled]),
        )

    @property
    def rows(self) -> int:
        """Number of rows that shares are measured on."""
        return int(self.counted.sum())

    @property
    def sampled(self) -> bool:
        """Say whether these are not all rows of the corpus."""
        return self.rows < self.total

    @property
    def ids(self) -> pl.Series:
        """Ids of the rows, String."""
        return self.frame["id"].cast(pl.String)

    @property
    def known(self) -> Bool:
        """(n,) bool: has a gold label."""
        return np.zeros(self.frame.height, bool) if self.gold is None else self.gold >= 0

    @functools.cached_property
    def order(self) -> Int:
        """(n,) positions of the rows in the order of their hashed ids."""
        return np.argsort(self.keys, kind="stable").astype(np.int64)

    @property
    def text(self) -> str | None:
        """Name of the column with the texts: `text`, else the text column with the longest values."""
        if "text" in self.frame.columns:
            return "text"
        names = [n for n, dtype in self.frame.schema.items() if dtype == pl.String and n != "id"]
        lengths = {name: self.frame[name].str.len_chars().mean() or 0 for name in names}
        return max(names, key=lambda name: lengths[name], default=None)

    def draw(self, where: Bool, most: int | None = None) -> Int:
        """Return positions of rows where a mask is true, in the order of their hashed ids.

        Examples
        --------
        >>> view = View.of(pl.DataFrame({"id": ["a", "b", "c"]}))
        >>> sorted(view.draw(np.array([True, False, True])).tolist())
        [0, 2]
        """
        chosen = self.order[where[self.order]]
        return chosen if most is None else chosen[:most]

    def row(self, position: int) -> dict[str, Any]:
        """Return one row's columns."""
        return self.frame.row(int(position), named=True)

    def texts(self, column: str) -> list[str | None]:
        """Return a text column as a list; remembered."""
        key = ("texts", column)
        if key not in self._kept:
            self._kept[key] = self.frame[column].cast(pl.String).to_list()
        found: list[str | None] = self._kept[key]
        return found

    def keep(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what was made of these rows under a key, or make it: what a watch need not do twice."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


def _keys(ids: pl.Series, seed: int) -> npt.NDArray[np.uint64]:
    return np.fromiter((event_hash(id, seed) for id in ids), np.uint64, len(ids))


def _smallest(keys: npt.NDArray[np.uint64], limit: int) -> Bool:
    chosen = np.zeros(len(keys), bool)
    chosen[np.argsort(keys, kind="stable")[:limit]] = True
    return chosen
