"""The side table of the label table: what each pattern key stands for, kept once for each distinct pattern."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import VotesError
from weaklabel.label_matrix import VotePatterns
from weaklabel.store import table_commits
from weaklabel.store.label_files import bytes_digest
from weaklabel.store.table_commits import DataFile
from weaklabel.store.table_place import ConflictError, TableError, place_of

PATTERN_COLUMNS: dict[str, Any] = {"pattern": pl.Int64, "lfs": pl.List(pl.String), "votes": pl.List(pl.Int8)}
"""Columns of the pattern table: a key, ids of rules in alphabetical order, and what each voted."""
_TRIES = 20


class PatternTable:
    """What pattern keys stand for: a Delta Lake table beside the label table, to which keys are only added.

    Parameters
    ----------
    root, storage
        As of `LabelTable`.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> patterns = LabelMatrix.from_numpy([[0, -1], [1, 0]], labelers=["long", "link"]).patterns()
    >>> table = PatternTable(tempfile.mkdtemp())
    >>> table.add(patterns), table.add(patterns)
    (2, 0)
    >>> sorted(table.votes_of(patterns.keys.tolist()).select("lfs", "votes").rows())
    [(['link', 'long'], [0, 1]), (['long'], [0])]
    """

    def __init__(self, root: str | Path, *, storage: Mapping[str, str] | None = None) -> None:
        self.place = place_of(root, storage)

    @property
    def root(self) -> str:
        """The table's folder or URL."""
        return self.place.root

    def version(self) -> int | None:
        """Return the number of the newest version; None: there is no table yet."""
        return table_commits.latest(self.place)

    def add(self, patterns: VotePatterns | pl.DataFrame) -> int:
        """Add the patterns whose keys the table has not, and return how many those are.

        Keys say what they stand for, so two writers never disagree: one that comes second looks again and goes on.

        Parameters
        ----------
        patterns
            Patterns of any shards, or a frame with the columns of `PATTERN_COLUMNS`.

        Raises
        ------
        VotesError
            A key stands for other votes in the table.
        """
        frame = pattern_frame(patterns) if isinstance(patterns, VotePatterns) else _checked(patterns)
        for left in range(_TRIES, 0, -1):
            version = self.version()
            new = frame if version is None else self._unknown(frame)
            if not new.height:
                return 0
            file = self._write(new)
            try:
                table_commits.commit(
                    self.place, [file], [], columns=PATTERN_COLUMNS, key="pattern",
                    expected=version, metadata={"kind": "patterns", "rows": str(new.height)},
                )  # fmt: skip
                return new.height
            except ConflictError:
                if left == 1:
                    raise
        return 0

    def scan(self) -> pl.LazyFrame:
        """Return all patterns, lazily; a key may stand there twice, with the same votes."""
        version = self.version()
        return _scan(self.place, {} if version is None else self._files(version))

    def votes_of(self, keys: Iterable[int] | pl.Series | np.ndarray) -> pl.DataFrame:
        """Return what some keys stand for, sorted by key; keys that the table lacks are left out.

        Returns
        -------
        pl.DataFrame
            With the columns of `PATTERN_COLUMNS`.
        """
        given = keys if isinstance(keys, pl.Series | np.ndarray) else list(keys)
        wanted = pl.Series("pattern", given, dtype=pl.Int64).unique().sort()
        near = self._near(wanted)
        if not near:
            return pl.DataFrame(schema=PATTERN_COLUMNS)
        found = _scan(self.place, near).join(wanted.to_frame().lazy(), on="pattern", how="semi")
        return found.collect(engine="streaming").unique("pattern").sort("pattern")

    def _near(self, keys: pl.Series) -> list[str]:
        """Return the data files between whose lowest and highest key some of sorted keys lie."""
        version = self.version()
        if version is None or not len(keys):
            return []
        array = keys.to_numpy()
        return [path for path, file in self._files(version).items() if _meets(file, array)]

    def _holds(self, keys: pl.Series) -> bool:
        """Return whether the table has some of sorted keys; nothing but keys is read."""
        near = self._near(keys)
        if not near:
            return False
        held = _scan(self.place, near).select("pattern").collect().to_series().to_numpy()
        array = keys.to_numpy()
        return bool((array[np.minimum(np.searchsorted(array, held), len(array) - 1)] == held).any())

    def _files(self, version: int) -> dict[str, DataFile]:
        return table_commits.files_of(self.place, version, key="pattern")

    def _unknown(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows whose keys the table has not, and compare the others with it."""
        if not self._holds(frame["pattern"]):
            return frame
        held = self.votes_of(frame["pattern"])
        both = frame.join(held, on="pattern", how="inner", suffix="_held")
        other = both.filter((pl.col("lfs") != pl.col("lfs_held")) | (pl.col("votes") != pl.col("votes_held")))
        if other.height:
            key, *said = other.row(0)
            what = f"pattern {key} stands for other votes in the table: {_votes(*said[2:])}, not {_votes(*said[:2])}"
            raise VotesError(
                what, where=self.root, hint="rename any of these rules: their votes get other keys"
            )
        return frame.join(held, on="pattern", how="anti", maintain_order="left")

    def _write(self, frame: pl.DataFrame) -> DataFile:
        """Write patterns as a data file that its content names."""
        buffer = io.BytesIO()
        frame.rechunk().write_parquet(
            buffer, compression="zstd", compression_level=1, statistics=True, row_group_size=65_536
        )
        data = buffer.getvalue()
        relative = f"{bytes_digest(data)}.parquet"
        self.place.write(relative, data)
        low, high = (int(frame["pattern"][i]) for i in (0, -1))
        return DataFile(relative, frame.height, len(data), low, high)


def pattern_frame(patterns: VotePatterns) -> pl.DataFrame:
    """Return patterns as rows of the pattern table, sorted by key; rules within a row in alphabetical order.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> pattern_frame(LabelMatrix.from_numpy([[1, 0]], labelers=["b", "a"]).patterns()).select("lfs", "votes").rows()
    [(['a', 'b'], [0, 1])]
    """
    from weaklabel.kernels.patterns import sort_events

    by_name = np.array(
        sorted(range(len(patterns.labelers)), key=patterns.labelers.__getitem__), dtype=np.int32
    )
    rank = np.empty(len(by_name), np.int32)
    rank[by_name] = np.arange(len(by_name), dtype=np.int32)
    who, codes = rank[patterns.labeler_index], patterns.codes.copy()
    if (np.diff(by_name) < 0).any():
        sort_events(patterns.indptr, who, codes)
    names = pl.Series("lfs", [patterns.labelers[i] for i in by_name], dtype=pl.String)[who]
    lists = {
        "lfs": _lists("lfs", patterns.indptr, names.to_arrow(compat_level=pl.CompatLevel.oldest())),
        "votes": _lists("votes", patterns.indptr, _arrow("int8", codes)),
    }
    frame = pl.DataFrame({"pattern": pl.Series(patterns.keys, dtype=pl.Int64), **lists})
    return frame.cast(pl.Schema(PATTERN_COLUMNS)).sort("pattern")


def _lists(name: str, indptr: Any, values: Any) -> pl.Series:
    """Return a column of lists: list i holds the values `indptr[i]` to `indptr[i + 1] - 1`."""
    import pyarrow

    return pl.Series(name, pyarrow.LargeListArray.from_arrays(_arrow("int64", indptr), values))


def _arrow(kind: str, values: Any) -> Any:
    """Return an array as Arrow's without the help of pandas, which pyarrow.array would load."""
    import pyarrow

    data = pyarrow.py_buffer(np.ascontiguousarray(values, dtype=kind))
    return pyarrow.Array.from_buffers(getattr(pyarrow, kind)(), len(values), [None, data])


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    if dict(frame.schema) != dict(pl.Schema(PATTERN_COLUMNS)):
        shown = ", ".join(f"{name} {kind}" for name, kind in frame.schema.items())
        wanted = [f"{name} {kind}" for name, kind in pl.Schema(PATTERN_COLUMNS).items()]
        raise TableError(f"these are not the columns of a pattern table: {shown}", available=wanted)
    return frame.unique().sort("pattern")


def _scan(place: Any, files: Iterable[str]) -> pl.LazyFrame:
    paths = [place.url(path) for path in sorted(files)]
    if not paths:
        return pl.LazyFrame(schema=PATTERN_COLUMNS)
    return pl.scan_parquet(
        paths, schema=pl.Schema(PATTERN_COLUMNS), glob=False, hive_partitioning=False,
        storage_options=place.options,
    )  # fmt: skip


def _meets(file: DataFile, keys: Any) -> bool:
    """Return whether some of sorted keys lie between a file's lowest and highest."""
    if file.low is None or file.high is None:
        return True
    return bool(np.searchsorted(keys, file.low) < np.searchsorted(keys, file.high, side="right"))


def _votes(lfs: list[str], votes: list[int]) -> str:
    return ", ".join(f"{name} = {vote}" for name, vote in zip(lfs, votes, strict=True)) or "no votes"
