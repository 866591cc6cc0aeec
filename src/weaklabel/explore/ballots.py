"""Votes of rules on the rows that are looked at, kept by the rule's fingerprint: only a changed rule votes again.

A rule votes on the rows that are asked for, a part at a time; what is not asked yet is asked when it is wanted. Votes go
to disk while the work goes on, so that a look that was stopped or killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.apply import LFApplier
from weaklabel.explore.view import Bool, Int, View
from weaklabel.fingerprint import fingerprint
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.lf.base import OnError
from weaklabel.schema import LabelSchema

Int8 = npt.NDArray[np.int8]

PART_ROWS = 32_768
"""Most rows that vote at a time, so that progress can be told."""
FIRST_ROWS = 64
"""Rows of a first part: how long it takes decides how many rows the next one has."""
FEWEST_ROWS = 8
SHORT, LONG = 0.1, 0.4
"""Seconds: after a shorter part the next has more rows, after a longer one fewer."""
WRITE_SECONDS = 2.0
"""How often votes are written to disk while rules vote."""
KEPT_DAYS = 30
"""Votes on disk that nobody read for so many days are removed."""
NOT_ASKED = -128
"""In kept votes: the rule has not been asked about this row yet."""
QUICK = ("keywords", "lookup", "score", "where", "regex")
"""Kinds of rules that vote on many rows at once; they vote before the others."""
MOST_APPLIERS = 8
"""Compiled rules that are kept for the next part."""
_FORM = 2


class StoppedError(Exception):
    """Rules were stopped before they had voted on all rows that were asked for; what they said is kept.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.lf import keywords
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> ballots = Ballots(View.of(pl.DataFrame({"id": [str(i) for i in range(100)], "text": ["Please!"] * 100})))
    >>> ballots.cast(registry, stop=lambda: True)
    Traceback (most recent call last):
    weaklabel.explore.ballots.StoppedError
    """


@dataclass(eq=False)
class Ballots:
    """Votes on the rows of one view, in memory and, where a folder is given, on disk.

    Parameters
    ----------
    view
        The rows.
    folder
        Where votes are kept between runs; None: nowhere.
    options
        Further options of `LFApplier`: date, today, limits, cache.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.lf import keywords
    >>> rule = keywords("asks", ["please"], label="ham")
    >>> registry = LFRegistry([rule], schema=LabelSchema(["ham", "spam"]))
    >>> ballots = Ballots(View.of(pl.DataFrame({"id": ["a", "b"], "text": ["Please!", "No."]})))
    >>> ballots.cast(registry).to_numpy().tolist(), ballots.voted
    ([[0], [-1]], ('asks',))
    >>> _ = ballots.cast(registry)
    >>> ballots.voted  # all was kept
    ()
    """

    view: View
    folder: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    voted: tuple[str, ...] = ()
    """Ids of the rules that the last call had to let vote."""
    _votes: dict[str, Int8] = field(default_factory=dict, repr=False)
    _faults: dict[str, int] = field(default_factory=dict, repr=False)
    _appliers: dict[tuple[str, ...], LFApplier] = field(default_factory=dict, repr=False)
    _sizes: dict[tuple[str, ...], int] = field(default_factory=dict, repr=False)
    _unwritten: set[str] = field(default_factory=set, repr=False)
    _written: float = field(default=0.0, repr=False)

    def cast(
        self,
        registry: LFRegistry,
        *,
        strict: Iterable[str] = (),
        on_error: OnError = "abstain",
        rows: Bool | None = None,
        tell: Callable[[str, int, int], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> LabelMatrix:
        """Return the votes of all rules of a registry.

        Parameters
        ----------
        registry
            The rules.
        strict
            Ids of rules to which `on_error` applies as it is; the others' failures are counted (votes -2), so that one
            broken rule does not hide what the rest do.
        on_error
            "raise" or "abstain".
        rows
            (n,) bool: the rows whose votes are wanted; default: all.
        tell
            Told the progress: step, done, total.
        stop
            Asked after each part of the rows whether to stop.

        Raises
        ------
        StoppedError
            `stop` said so.

        Examples
        --------
        >>> import polars as pl
        >>> from weaklabel.lf import keywords
        >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
        >>> ballots = Ballots(View.of(pl.DataFrame({"id": ["a", "b"], "text": ["Please!", "No."]})))
        >>> ballots.cast(registry, rows=np.array([True, False])).to_numpy().tolist()
        [[0]]
        >>> ballots.cast(registry).to_numpy().tolist()
        [[0], [-1]]
        """
        keys = self._keys(registry)
        new = self._lacking(registry, keys, rows)
        self.voted = tuple(rule.id for rule in new)
        for mode in ("abstain", "raise"):
            own = [r for r in new if (on_error if r.id in set(strict) else "abstain") == mode]
            for group, at in self._groups(own, keys, rows):
                self._vote(LFRegistry(group, schema=registry.schema), keys, at, mode, tell, stop)
        return self._matrix(registry, keys, rows)

    def lacks(self, registry: LFRegistry, *, rows: Bool | None = None) -> tuple[str, ...]:
        """Return the ids of rules that have not voted yet on some of the rows.

        Examples
        --------
        >>> import polars as pl
        >>> from weaklabel.lf import keywords
        >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
        >>> Ballots(View.of(pl.DataFrame({"id": ["a"], "text": ["Please!"]}))).lacks(registry)
        ('asks',)
        """
        return tuple(rule.id for rule in self._lacking(registry, self._keys(registry), rows))

    def go_on(self, registry: LFRegistry, *, seconds: float) -> bool:
        """Let rules vote for about so many seconds on rows that nobody asked them about yet; say whether all is done.

        Examples
        --------
        >>> import polars as pl
        >>> from weaklabel.lf import keywords
        >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
        >>> ballots = Ballots(View.of(pl.DataFrame({"id": ["a"], "text": ["Please!"]})))
        >>> ballots.go_on(registry, seconds=1), ballots.lacks(registry)
        (True, ())
        """
        end = time.monotonic() + seconds
        try:
            self.cast(registry, stop=lambda: time.monotonic() >= end)
        except StoppedError:
            return False
        return True

    def _keys(self, registry: LFRegistry) -> dict[str, str]:
        return {rule.id: self._key(rule, registry.schema) for rule in registry}

    def _lacking(
        self, registry: LFRegistry, keys: Mapping[str, str], rows: Bool | None
    ) -> list[LabelingFunction]:
        """Return the rules that have to vote; where all rows are wanted, a rule without any row too."""
        lacking = []
        for rule in registry:
            key = keys[rule.id]
            known = self._known(key)
            if (not known and rows is None) or self._open(key, rows).any():
                lacking.append(rule)
        return lacking

    def _open(self, key: str, rows: Bool | None) -> Bool:
        """Return the rows that a rule has to be asked about, (n,) bool."""
        votes = self._votes.get(key)
        if votes is None:
            return np.ones(self.view.frame.height, bool) if rows is None else rows
        asked = votes != NOT_ASKED
        return ~asked if rows is None else rows & ~asked

    def _groups(
        self, rules: Sequence[LabelingFunction], keys: Mapping[str, str], rows: Bool | None
    ) -> list[tuple[list[LabelingFunction], Int]]:
        """Part rules into those that vote together, on the same rows: quick ones first."""
        groups: dict[tuple[bool, bytes], tuple[list[LabelingFunction], Int]] = {}
        for rule in rules:
            wanted = self._open(keys[rule.id], rows)
            name = (rule.kind not in QUICK, np.packbits(wanted).tobytes())
            groups.setdefault(name, ([], np.flatnonzero(wanted)))[0].append(rule)
        return [groups[name] for name in sorted(groups, key=lambda name: name[0])]

    def _matrix(self, registry: LFRegistry, keys: Mapping[str, str], rows: Bool | None) -> LabelMatrix:
        at = slice(None) if rows is None else np.flatnonzero(rows)
        nothing = np.empty(0, np.int8)  # of a rule that has not voted: no row is wanted
        votes = {rule.id: self._votes.get(keys[rule.id], nothing) for rule in registry}
        columns = [
            pl.Series(rule.column, votes[rule.id][at] if len(votes[rule.id]) else nothing)
            for rule in registry
        ]
        ids = self.view.ids if rows is None else self.view.ids.filter(pl.Series(rows))
        faults = {rule.id: self._faults.get(keys[rule.id], 0) for rule in registry}
        frame = pl.DataFrame([ids.alias("id"), *columns])
        return LabelMatrix.from_frame(frame, faults={id: count for id, count in faults.items() if count})

    def _vote(
        self,
        registry: LFRegistry,
        keys: Mapping[str, str],
        at: Int,
        on_error: OnError,
        tell: Callable[[str, int, int], None] | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        """Let rules vote on the rows at some positions, part by part; what is done is kept whatever happens."""
        name = (on_error, *(keys[rule.id] for rule in registry))
        applier, frame = self._applier(name, registry, on_error), self.view.frame
        step = f"votes of {len(registry)} rule{'s' * (len(registry) != 1)}"
        done, stopped = 0, False
        try:
            while True:
                started = time.perf_counter()
                part = at[done : done + self._sizes[name]]
                self._keep(registry, keys, part, applier.apply(frame[part]))
                done += len(part)
                if tell:
                    tell(step, done, len(at))
                if done >= len(at):
                    return
                self._sizes[name] = _next_size(self._sizes[name], time.perf_counter() - started)
                self.save(after=WRITE_SECONDS)
                stopped = stop is not None and stop()
                if stopped:
                    raise StoppedError
        finally:
            self.save(after=WRITE_SECONDS if stopped else 0)

    def _applier(self, name: tuple[str, ...], registry: LFRegistry, on_error: OnError) -> LFApplier:
        """Return what applies rules, compiled once for those that vote again and again."""
        if name not in self._appliers:
            while len(self._appliers) >= MOST_APPLIERS:
                oldest = next(iter(self._appliers))
                del self._appliers[oldest], self._sizes[oldest]
            self._appliers[name] = LFApplier(registry, on_error=on_error, **self.options)
            self._sizes[name] = FIRST_ROWS
        return self._appliers[name]

    def _keep(self, registry: LFRegistry, keys: Mapping[str, str], part: Int, votes: LabelMatrix) -> None:
        codes = votes.to_numpy()
        for j, rule in enumerate(registry):
            key = keys[rule.id]
            if key not in self._votes:
                self._votes[key] = np.full(self.view.frame.height, NOT_ASKED, np.int8)
            self._votes[key][part] = codes[:, j]
            self._faults[key] = self._faults.get(key, 0) + int(votes.faults.get(rule.id, 0))
            self._unwritten.add(key)

    def _key(self, rule: LabelingFunction, schema: LabelSchema) -> str:
        days = (
            [self.options.get("date"), str(self.options.get("today") or date.today())] if rule.dated else []
        )
        return fingerprint([_FORM, self.view.fingerprint, list(schema.names), rule.fingerprint, days])

    def _known(self, key: str) -> bool:
        return key in self._votes or self._read(key)

    def _read(self, key: str) -> bool:
        """Read votes from disk; what can't be read is voted again: it is a cache."""
        if self.folder is None or not self.view.fingerprint:
            return False
        path = self.folder / f"{key}.npy"
        try:
            votes = np.load(path, allow_pickle=False)
            os.utime(path)
        except (OSError, ValueError, EOFError):
            return False
        if votes.dtype != np.int8 or votes.shape != (self.view.frame.height,):
            return False
        self._votes[key] = votes
        return True

    def save(self, *, after: float = 0) -> None:
        """Write votes that are not on disk yet, if the last time is so many seconds ago; not those of rules that failed.

        Examples
        --------
        >>> Ballots(View.of(pl.DataFrame({"id": ["a"]}))).save()  # no folder: nothing is written
        """
        if not self._unwritten or time.monotonic() - self._written < after:
            return
        for key in sorted(self._unwritten):
            if not self._faults.get(key):
                self._write(key)
        self._unwritten.clear()
        self._written = time.monotonic()

    def _write(self, key: str) -> None:
        if self.folder is None or not self.view.fingerprint:
            return
        temporary = self.folder / f".{uuid.uuid4().hex}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                np.save(file, self._votes[key], allow_pickle=False)
            temporary.replace(self.folder / f"{key}.npy")
        except OSError:  # a full or read-only disk: the next run votes again
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _next_size(size: int, seconds: float) -> int:
    """Return how many rows the next part has."""
    if seconds < SHORT:
        return min(4 * size, PART_ROWS)
    return max(size // 4, FEWEST_ROWS) if seconds > LONG else size


def forget_old(folder: Path, *, days: float = KEPT_DAYS) -> int:
    """Remove votes that nobody read for some days, and return how many files went.

    Examples
    --------
    >>> import tempfile
    >>> forget_old(Path(tempfile.mkdtemp()))
    0
    """
    gone = 0
    kept = (*folder.glob("*.npy"), *folder.glob(".*.tmp")) if folder.is_dir() else ()
    for path in kept:
        try:
            if time.time() - path.stat().st_mtime > days * 24 * 60 * 60:
                path.unlink()
                gone += 1
        except OSError:
            continue
    return gone
