"""Counting columns and texts while a corpus goes by shard by shard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from weaklabel.fingerprint import event_hash

COLUMN_SCHEMA = {
    "column": pl.String,
    "dtype": pl.String,
    **dict.fromkeys(("nulls", "nans", "distinct"), pl.Int64),
    **dict.fromkeys(("min", "mean", "max"), pl.Float64),
}
"""Types of the columns' table."""


@dataclass
class ColumnCount:
    """What is counted of one column as its shards go by; of its values only distinct hashes are kept.

    Examples
    --------
    >>> count = ColumnCount("n", pl.Int64())
    >>> for shard in ([1, None], [3, 1]):
    ...     count.add(pl.Series(shard))
    >>> [count.row()[key] for key in ("nulls", "distinct", "min", "mean", "max")]
    [1, 2, 1.0, 1.6666666666666667, 3.0]
    """

    name: str
    dtype: pl.DataType
    nulls: int = 0
    nans: int = 0
    hashes: list[pl.Series] = field(default_factory=list)
    numbers: list[tuple[float, float, float, int]] = field(default_factory=list)

    def add(self, values: pl.Series) -> None:
        """Count a shard."""
        present = values.drop_nulls()
        self.nulls += len(values) - len(present)
        self.hashes.append(present.hash().unique())
        if self.dtype.is_float():
            self.nans += int(present.is_nan().sum())
            present = present.drop_nans()
        if self.dtype.is_numeric() and len(present):
            numbers = present.cast(pl.Float64)
            shard: Any = (numbers.min(), numbers.sum(), numbers.max(), len(numbers))
            self.numbers.append(shard)

    def row(self) -> dict[str, Any]:
        """Return the counts."""
        low, sums, high, counts = zip(*self.numbers, strict=True) if self.numbers else ((), (), (), ())
        return {
            "column": self.name,
            "dtype": str(self.dtype),
            "nulls": self.nulls,
            "nans": self.nans,
            "distinct": pl.concat(self.hashes).n_unique() if self.hashes else 0,
            "min": min(low, default=None),
            "mean": sum(sums) / sum(counts) if counts else None,
            "max": max(high, default=None),
        }


class TextCount:
    """Lengths and hashes of the texts as their shards go by, and a sample: the rows whose hashed ids are smallest.

    Examples
    --------
    >>> count = TextCount(sample=2, seed=0)
    >>> count.add(pl.Series(["a", "b"]), pl.Series(["two words", None]))
    >>> count.sizes["words"].to_list(), count.sample.rows()
    ([2, None], [('a', 'two words')])
    """

    def __init__(self, sample: int, seed: int) -> None:
        self._size, self.seed = sample, seed
        self._measured: list[pl.DataFrame] = []
        self._chosen = pl.DataFrame(schema={"key": pl.UInt64, "id": pl.String, "text": pl.String})

    def add(self, ids: pl.Series, texts: pl.Series) -> None:
        """Measure a shard, and let it into the sample."""
        frame = pl.DataFrame({"id": ids, "text": texts})
        text = pl.col("text")
        measured = frame.select(
            characters=text.str.len_chars(),
            words=text.str.count_matches(r"\S+"),
            null=text.is_null(),
            empty=(text.str.strip_chars() == "").fill_null(False),
            hash=text.hash(),
        )
        self._measured.append(measured)
        kept = frame.filter(~measured["null"] & ~measured["empty"])
        keys = pl.Series("key", [event_hash(id, self.seed) for id in kept["id"]], dtype=pl.UInt64)
        both = pl.concat([self._chosen, kept.select(keys, "id", "text")])
        self._chosen = both.sort("key", "id").head(self._size)

    @property
    def sizes(self) -> pl.DataFrame:
        """Of every row: characters, words, null, empty, hash."""
        return pl.concat(self._measured)

    @property
    def sample(self) -> pl.DataFrame:
        """The rows chosen, id and text, in the order of their hashes."""
        return self._chosen.select("id", "text")
