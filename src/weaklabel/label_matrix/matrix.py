"""Votes with the ids of their rows, in two layouts, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import VotesError, did_you_mean
from weaklabel.label_matrix.columns import positions, string_ids, vote_column
from weaklabel.label_matrix.files import (
    events_from_lists,
    lists_from_events,
    read_head,
    read_table,
    write_table,
)
from weaklabel.label_matrix.patterns import (
    Events,
    Int8,
    VotePatterns,
    concatenated,
    dense_patterns,
    different_labelers,
    event_patterns,
    guess_silence,
    mostly_distinct,
    nameless,
    row_patterns,
    unique_names,
    vote_array,
)
from weaklabel.schema import ABSTAIN, MISSING, VOTE_PREFIX


@dataclass(frozen=True, eq=False, repr=False)
class LabelMatrix:
    """Votes with the ids of their rows. Make one with `from_frame`, `from_numpy`, `from_answers` or `scan`.

    Two layouts hold the same: `columns` (one Int8 column per labeler) for rules, `events` for people, where most
    cells are empty. -1 says that the labeler looked and abstained, -2 that it was not asked or failed.

    Examples
    --------
    >>> votes = LabelMatrix.from_numpy([[0, -1], [1, 0]], ids=["a", "b"], labelers=["long", "link"])
    >>> votes
    LabelMatrix(2 rows, 2 labelers, columns)
    >>> votes.frame.columns
    ['id', 'lf:long', 'lf:link']
    """

    labelers: tuple[str, ...]
    silence: Int8
    layout: str
    faults: Mapping[str, int] = field(default_factory=dict)
    _ids: pl.Series | None = None
    _columns: pl.DataFrame | None = None
    _events: Events | None = None
    _files: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        rows, labelers = self.shape
        return f"LabelMatrix({rows} rows, {labelers} labelers, {self.layout})"

    # ---- constructors ----

    @classmethod
    def from_frame(
        cls, frame: pl.DataFrame, *, id: str = "id", faults: Mapping[str, int] | None = None
    ) -> LabelMatrix:
        """Take the columns `lf:<labeler>` of a frame as votes of rules; other columns are left out.

        Parameters
        ----------
        frame
            One row per document.
        id
            Column with the row ids; becomes String.
        faults
            Number of faults per rule id.

        Raises
        ------
        VotesError
            No id or vote column, null ids or votes, votes that are no integers or out of range.

        Examples
        --------
        >>> frame = pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1]})
        >>> LabelMatrix.from_frame(frame).to_numpy().tolist()
        [[1], [-1]]
        """
        if id not in frame.columns:
            hint = did_you_mean(id, frame.columns)
            raise VotesError(f"the votes have no id column {id!r}", available=frame.columns, hint=hint)
        names = [c for c in frame.columns if c.startswith(VOTE_PREFIX)]
        if not names:
            hint = f"a rule's votes are a column {VOTE_PREFIX}<rule id>"
            raise VotesError("the frame has no vote columns", available=frame.columns, hint=hint)
        ids = string_ids(frame[id], id)
        columns = pl.DataFrame([vote_column(frame[c], ids) for c in names])
        labelers = tuple(c.removeprefix(VOTE_PREFIX) for c in names)
        silence = np.full(len(labelers), ABSTAIN, np.int8)
        return cls(labelers, silence, "columns", dict(faults or {}), ids, columns)

    @classmethod
    def from_numpy(
        cls,
        votes: npt.ArrayLike,
        *,
        ids: Iterable[str] | None = None,
        labelers: Sequence[str] | None = None,
        silence: npt.ArrayLike | None = None,
    ) -> LabelMatrix:
        """Take an (n, m) integer array as votes.

        Parameters
        ----------
        votes
            Class codes, -1 abstained, -2 not asked.
        ids
            Row ids; "0", "1", … when not given.
        labelers
            Labeler ids; "0", "1", … when not given: then models go by position.
        silence
            -1 for rules, -2 for people, one for all or one each. When not given, a column that holds -2 but no
            -1 is taken as a person's (who never abstained and was not always asked), and so is every column of
            an array that holds -2 but nowhere -1.

        Raises
        ------
        VotesError
            Not a matrix of integers in range, or ids and labelers that don't fit its shape.

        Examples
        --------
        >>> LabelMatrix.from_numpy([[0, -2], [-1, 1]]).silence
        array([-1, -2], dtype=int8)
        """
        array = vote_array(votes)
        n, m = array.shape
        names = nameless(m) if labelers is None else tuple(labelers)
        if len(names) != m:
            raise VotesError(f"{len(names)} labeler ids for {m} columns of votes", available=names)
        unique_names(names, "labeler")
        rows = pl.Series("id", [str(i) for i in range(n)] if ids is None else list(ids), dtype=pl.String)
        if len(rows) != n:
            raise VotesError(f"{len(rows)} row ids for {n} rows of votes")
        columns = pl.DataFrame([pl.Series(VOTE_PREFIX + name, array[:, j]) for j, name in enumerate(names)])
        if silence is None:
            silence = guess_silence(array)
        filled = np.broadcast_to(np.asarray(silence, np.int8), (m,)).copy()
        if not np.isin(filled, (ABSTAIN, MISSING)).all():
            raise VotesError("a labeler's silence is -1 (abstained) or -2 (not asked)")
        return cls(names, filled, "columns", {}, string_ids(rows, "id"), columns)

    @classmethod
    def from_answers(
        cls,
        frame: pl.DataFrame,
        *,
        item: str = "item",
        labeler: str = "labeler",
        code: str = "code",
        labelers: Sequence[str] | None = None,
    ) -> LabelMatrix:
        """Take answers of people in long form, one row per answer; silence means "not asked".

        Rows and labelers are in the order of their first answer. Several answers of one labeler to one item all
        count.

        Parameters
        ----------
        frame
            One row per answer.
        item, labeler, code
            Columns with the item's id, the labeler's id and the vote code.
        labelers
            All labelers, in order, so that shards agree; those of the frame when not given.

        Raises
        ------
        VotesError
            A column is missing or holds nulls, a code is out of range, a labeler is not among `labelers`.

        Examples
        --------
        >>> answers = pl.DataFrame({"item": ["a", "a", "b"], "labeler": ["ann", "bob", "ann"], "code": [1, 0, 1]})
        >>> LabelMatrix.from_answers(answers).to_numpy().tolist()
        [[1, 0], [1, -2]]
        """
        for name in (item, labeler, code):
            if name not in frame.columns:
                hint = did_you_mean(name, frame.columns)
                raise VotesError(f"the answers have no column {name!r}", available=frame.columns, hint=hint)
        items = string_ids(frame[item], item)
        who = string_ids(frame[labeler], labeler)
        codes = vote_column(frame[code].rename("code"), items).to_numpy()
        ids, row = positions(items, None)
        names, j = positions(who, labelers)
        order = np.lexsort((codes, j, row))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(ids)))]).astype(np.int64)
        events = Events(indptr, j[order].astype(np.int32), codes[order])
        silence = np.full(len(names), MISSING, np.int8)
        return cls(tuple(names), silence, "events", {}, ids.rename("id"), None, events)

    @classmethod
    def scan(cls, path: str | Path) -> LabelMatrix:
        """Open votes that `write` wrote, without reading them: a Parquet file, or a folder of parts.

        Parts are taken in the order of their names. `patterns` reads them one by one, so that memory follows
        the largest part.

        Raises
        ------
        VotesError
            Nothing there, a file that is no votes table, or parts that differ in their labelers.
        """
        path = Path(path)
        files = tuple(sorted(path.glob("*.parquet"))) if path.is_dir() else (path,)
        if not files or not files[0].exists():
            raise VotesError("no votes here", where=str(path), hint="give a Parquet file or a folder of them")
        heads = [read_head(file) for file in files]
        first = heads[0]
        faults: dict[str, int] = {}
        for file, head in zip(files, heads, strict=True):
            if set(head.labelers) != set(first.labelers) or head.layout != first.layout:
                raise different_labelers(first.labelers, head.labelers, f"{files[0]} and {file}")
            for name, count in head.faults.items():
                faults[name] = faults.get(name, 0) + count
        silences = [dict(zip(h.labelers, h.silence.tolist(), strict=True)) for h in heads]
        silence = np.array([max(s[name] for s in silences) for name in first.labelers], np.int8)
        return cls(first.labelers, silence, first.layout, faults, _files=files)

    # ---- views ----

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, number of labelers."""
        if self._files:
            return int(pl.scan_parquet(list(self._files)).select(pl.len()).collect().item()), len(
                self.labelers
            )
        return len(self.ids), len(self.labelers)

    @cached_property
    def ids(self) -> pl.Series:
        """Ids of the rows, String."""
        if self._ids is not None:
            return self._ids
        return pl.scan_parquet(list(self._files)).select("id").collect().to_series()

    @property
    def frame(self) -> pl.DataFrame:
        """The votes as a frame: `id`, then one Int8 column `lf:<labeler>` each.

        Raises
        ------
        VotesError
            A labeler answered an item more than once: that doesn't fit into one cell. Both are named.
        """
        if self._columns is not None:
            return pl.DataFrame([self.ids, *self._columns.get_columns()])
        dense = self.to_numpy()
        columns = [pl.Series(VOTE_PREFIX + name, dense[:, j]) for j, name in enumerate(self.labelers)]
        return pl.DataFrame([self.ids, *columns])

    def to_numpy(self) -> Int8:
        """Return a new (n, m) int8 array.

        Raises
        ------
        VotesError
            A labeler answered an item more than once. Both are named.
        """
        if self._files:
            return np.concatenate([part.to_numpy() for part in self._parts()])
        if self._columns is not None:
            return np.array(self._columns.to_numpy(), np.int8)
        events = self.events()
        rows = np.repeat(np.arange(len(self.ids)), np.diff(events.indptr))
        same = np.flatnonzero((np.diff(rows) == 0) & (np.diff(events.labelers) == 0))
        if len(same):
            item, who = self.ids[int(rows[same[0]])], self.labelers[events.labelers[same[0]]]
            hint = "keep the events layout, or choose one answer per labeler and item first"
            raise VotesError(f"labeler {who!r} answered item {item!r} more than once", hint=hint)
        dense = np.repeat(self.silence[None, :], len(self.ids), axis=0)
        dense[rows, events.labelers] = events.codes
        return dense

    def ungrouped(self) -> Int8 | None:
        """Return the (n, m) codes as they lie in memory; None for events, files, and votes whose patterns are known.

        Examples
        --------
        >>> votes = LabelMatrix.from_numpy([[0, -1], [1, 0]])
        >>> votes.ungrouped().tolist()
        [[0, -1], [1, 0]]
        >>> len(votes.patterns()), votes.ungrouped() is None
        (2, True)
        """
        if self._columns is None or "_patterns" in self.__dict__:
            return None
        return self._columns.to_numpy()

    def events(self) -> Events:
        """Return the votes as events: codes that differ from the labeler's silence."""
        if self._events is not None:
            return self._events
        if self._files:
            return concatenated([part.events() for part in self._parts()])
        from weaklabel.kernels.patterns import dense_to_events

        return Events(*dense_to_events(self.to_numpy(), np.arange(len(self.ids)), self.silence))

    def patterns(self) -> VotePatterns:
        """Return the distinct rows with counts; remembered after the first call."""
        return self._patterns

    @cached_property
    def _patterns(self) -> VotePatterns:
        if self._files:
            return VotePatterns.merge([part.patterns() for part in self._parts()])
        if self._events is not None:
            counts = np.ones(len(self.ids), np.int64)
            return event_patterns(self._events, self.labelers, self.silence, counts, np.arange(len(self.ids)))
        assert self._columns is not None
        return dense_patterns(self._columns.to_numpy(), self.labelers, self.silence)

    def as_events(self) -> LabelMatrix:
        """Return the same votes in the events layout."""
        return LabelMatrix(self.labelers, self.silence, "events", self.faults, self.ids, None, self.events())

    def as_columns(self) -> LabelMatrix:
        """Return the same votes in the columns layout; repeated answers raise as in `to_numpy`."""
        columns = self.frame.drop("id")
        return LabelMatrix(self.labelers, self.silence, "columns", self.faults, self.ids, columns)

    def keep(self, labelers: Iterable[str]) -> LabelMatrix:
        """Return the votes of some labelers, in the order of this matrix; every row stays.

        Raises
        ------
        VotesError
            A labeler is unknown.

        Examples
        --------
        >>> votes = LabelMatrix.from_numpy([[0, -1], [1, 0]], labelers=["long", "link"])
        >>> votes.keep(["link"]).to_numpy().tolist()
        [[-1], [0]]
        """
        wanted = set(labelers)
        for name in sorted(wanted.difference(self.labelers)):
            hint = did_you_mean(name, self.labelers)
            raise VotesError(f"no labeler {name!r}", available=self.labelers, hint=hint)
        chosen = np.array([name in wanted for name in self.labelers], bool)
        kept = tuple(name for name in self.labelers if name in wanted)
        faults = {name: count for name, count in self.faults.items() if name in wanted}
        silence = self.silence[chosen]
        if self.layout == "events":
            events = _events_of(self.events(), chosen)
            return LabelMatrix(kept, silence, "events", faults, self.ids, None, events)
        if self._files:
            return LabelMatrix(kept, silence, "columns", faults, _files=self._files)
        assert self._columns is not None
        columns = self._columns.select(VOTE_PREFIX + name for name in kept)
        return LabelMatrix(kept, silence, "columns", faults, self._ids, columns)

    # ---- on disk ----

    def write(self, path: str | Path) -> Path:
        """Write the votes as one Parquet file, renamed into place when it is whole.

        Columns: `id` String, then either one Int8 column `lf:<labeler>` each, or `labelers` List(Int32) and
        `codes` List(Int8). Labelers, their silence and the faults are in the file's metadata.

        Raises
        ------
        OutputError
            The file can't be written.
        """
        table = self.frame if self.layout == "columns" else lists_from_events(self.ids, self.events())
        return write_table(Path(path), table, self.labelers, self.silence, self.layout, self.faults)

    def _parts(self) -> Iterator[LabelMatrix]:
        for file in self._files:
            frame = read_table(file)
            if self.layout == "columns":
                part = LabelMatrix.from_frame(
                    frame.select("id", *(VOTE_PREFIX + name for name in self.labelers))
                )
                yield LabelMatrix(part.labelers, self.silence, "columns", {}, part.ids, part._columns)
            else:
                head, events = read_head(file), events_from_lists(frame)
                part = LabelMatrix(head.labelers, head.silence, "events", {}, frame["id"], None, events)
                yield part._ordered(self.labelers)

    def _ordered(self, labelers: tuple[str, ...]) -> LabelMatrix:
        if self.labelers == labelers:
            return self
        from weaklabel.kernels.patterns import sort_events

        where = {name: j for j, name in enumerate(labelers)}
        to = np.array([where[name] for name in self.labelers], np.int32)
        events = self.events()
        moved = Events(events.indptr, to[events.labelers], events.codes.copy())
        sort_events(moved.indptr, moved.labelers, moved.codes)
        silence = np.empty_like(self.silence)
        silence[to] = self.silence
        return LabelMatrix(labelers, silence, "events", self.faults, self.ids, None, moved)


def _events_of(events: Events, chosen: npt.NDArray[np.bool_]) -> Events:
    """Return the events of the chosen labelers, numbered anew."""
    kept = chosen[events.labelers]
    rows = np.repeat(np.arange(len(events.indptr) - 1), np.diff(events.indptr))[kept]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(events.indptr) - 1))])
    numbers = np.cumsum(chosen) - 1
    labelers = numbers[events.labelers[kept]].astype(events.labelers.dtype)
    return Events(indptr.astype(events.indptr.dtype), labelers, events.codes[kept])


def as_rows(votes: LabelMatrix | VotePatterns | npt.ArrayLike) -> VotePatterns:
    """Return votes in any form as patterns for predicting: rows as they are where nearly all of them differ.

    Examples
    --------
    >>> len(as_rows([[0, 1], [0, 1]]))
    1
    """
    if isinstance(votes, VotePatterns):
        return votes
    if isinstance(votes, LabelMatrix):
        return votes.patterns()
    if isinstance(votes, np.ndarray) and votes.dtype == np.int8 and votes.ndim == 2:
        array = vote_array(votes)
        if mostly_distinct(array):
            return row_patterns(array, nameless(array.shape[1]), guess_silence(array))
    return as_patterns(votes)


def as_patterns(votes: LabelMatrix | VotePatterns | npt.ArrayLike) -> VotePatterns:
    """Return the patterns of votes in any form.

    Examples
    --------
    >>> len(as_patterns([[0, 1], [0, 1]]))
    1
    """
    if isinstance(votes, VotePatterns):
        return votes
    if isinstance(votes, LabelMatrix):
        return votes.patterns()
    if isinstance(votes, (pl.DataFrame, pl.LazyFrame)):
        hint = (
            "LabelMatrix.from_frame(frame) for vote columns, LabelMatrix.from_answers(frame, ...) for answers"
        )
        raise VotesError("a frame is no votes", hint=hint)
    array = vote_array(votes)
    labelers = nameless(array.shape[1])
    return dense_patterns(array, labelers, guess_silence(array))
