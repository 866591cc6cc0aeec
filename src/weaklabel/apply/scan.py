"""The scan: keyword, lookup and regex rules of one column in one pass over its bytes.

Every rule becomes literals of one automaton. Keywords and lookups are decided by the bytes around a literal; a regex by
the machine that reads on from there, or, where it has no literal to start with, by a machine over the whole text. A
regex that no machine can stand for is asked only about texts that hold the literals it needs. Texts with characters
that are not plain bytes to a rule (they have case, compose, or fold to ASCII) are brought to the rule's comparable form
first, or shown to the regex itself. All this only saves work: every vote is that of the rule's `matches` or `vote`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from weaklabel.apply.asking import Asking
from weaklabel.apply.assembly import Compiled, assemble, one_machine
from weaklabel.apply.characters import FORMS, REGEX, TANGLED, Known, kinds, known
from weaklabel.apply.graph import CanNotLowerError
from weaklabel.apply.graph import Known as KnownParts
from weaklabel.apply.machines import lower_regex
from weaklabel.apply.parts import Part, ScanRule, part_of
from weaklabel.apply.scan_cache import kept_characters, read_scan, scan_path, write_scan
from weaklabel.kernels import tables
from weaklabel.lf.keywords import comparable
from weaklabel.lf.regex import Regex
from weaklabel.schema import MISSING, LabelSchema

MOST_BYTES = 250_000
"""Literals of one automaton; the rules with most are left to another way when there are more."""
SLICE_BYTES = 1 << 25
"""Bytes of text that are copied and scanned at a time."""
_LINE = 64
_USUAL = ("ignore", "keep")


@dataclass(frozen=True)
class Scan:
    """Rules of one column, compiled."""

    rules: tuple[ScanRule, ...]
    compiled: Compiled
    cache: Path | None = None

    @functools.cached_property
    def characters(self) -> Known:
        """What is known of characters."""
        return known() if self.cache is None else kept_characters(self.cache)

    def run(
        self, column: pl.Series, asking: Asking, inside: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        """Return the votes of every rule on a batch's column of texts; nulls abstain.

        Parameters
        ----------
        column
            The texts.
        asking
            Shows texts to regexes.
        inside
            For each rule that has days on which rows it votes; on the others its vote is missing.
        """
        votes = _no_votes(len(self.rules), len(column))
        known = inside or {}
        outside = {i: ~known[rule.id] for i, rule in enumerate(self.rules) if rule.id in known}
        for start, stop in _slices(column):
            own = {i: rows[start:stop] for i, rows in outside.items()}
            self._vote(column.slice(start, stop - start), votes[:, start:stop], asking, start, own)
        return {rule.id: votes[i] for i, rule in enumerate(self.rules)}

    def _vote(
        self,
        column: pl.Series,
        votes: np.ndarray,
        asking: Asking,
        start: int,
        outside: Mapping[int, np.ndarray],
    ) -> None:
        from weaklabel.kernels import scanning as kernel

        known = column.is_not_null().to_numpy()
        text = _buffers(column)
        marks = np.where(known, kernel.marks(text, self.characters.marks), np.uint8(0))
        automaton, patterns, machines, owners = self.compiled[:4]
        given_up = 0
        for some, rows, forms in self._forms(column, text, marks, np.where(known, ~marks, np.uint8(0))):
            given_up += kernel.scan(
                some,
                rows,
                forms,
                automaton,
                patterns,
                machines,
                owners,
                self.characters.marks,
                kinds(),
                votes,
            )
        hard = np.flatnonzero(marks & REGEX)
        asked = [i for i, rule in enumerate(self.rules) if isinstance(rule, Regex)]
        votes[np.array(asked, np.int64)[:, None], hard] = tables.CONFIRM
        for i, rows in outside.items():
            votes[i, rows] = MISSING
        if given_up:
            self._read_whole(text, known & (marks & REGEX == 0), votes)
        self._search(text, known & (marks & REGEX == 0), votes)
        self._ask(column, asked, votes, asking, start)

    def _forms(
        self, column: pl.Series, text: tables.Text, marks: np.ndarray, easy: np.ndarray
    ) -> Iterator[tuple[tables.Text, np.ndarray, np.ndarray]]:
        """Yield texts, their rows, and the forms that may be looked for in them: as they are, then made comparable."""
        yield text, np.arange(len(column)), easy
        wanted = {(rule.case, rule.accents) for rule in self.rules if not isinstance(rule, Regex)}
        for form in sorted(wanted):
            hard = marks & FORMS[form] > 0
            replaceable = hard & (marks & TANGLED == 0) if form == _USUAL else np.zeros(len(hard), bool)
            rows = np.flatnonzero(replaceable)
            if len(rows):
                made = _folded(text, rows, self.characters.folds)
                yield made, rows, np.full(len(rows), FORMS[form], np.uint8)
            rows = np.flatnonzero(hard & ~replaceable)
            if len(rows):
                yield _comparable(column, rows, form), rows, np.full(len(rows), FORMS[form], np.uint8)

    def _read_whole(self, text: tables.Text, easy: np.ndarray, votes: np.ndarray) -> None:
        """Read texts with so many literals that going on from each would take long once, from their start."""
        from weaklabel.kernels import scanning as kernel

        for i, rule in enumerate(self.rules):
            if isinstance(rule, Regex) and not self.compiled.owners.needs[i]:
                rows = np.flatnonzero((votes[i] == tables.CONFIRM) & easy)
                machine = _whole_machine(rule.compiled, rule.case == "lower") if len(rows) else None
                if machine is not None:
                    kernel.search(
                        text,
                        rows,
                        0,
                        machine[1],
                        machine[0],
                        self.characters.marks,
                        int(self.compiled.codes[i]),
                        votes[i],
                    )

    def _search(self, text: tables.Text, easy: np.ndarray, votes: np.ndarray) -> None:
        from weaklabel.kernels import scanning as kernel

        for owner, machine, state, code, wanted in self.compiled.searches.tolist():
            rows = np.flatnonzero((votes[owner] == wanted) & easy)
            kernel.search(
                text, rows, machine, state, self.compiled.machines, self.characters.marks, code, votes[owner]
            )

    def _ask(
        self, column: pl.Series, asked: Sequence[int], votes: np.ndarray, asking: Asking, start: int
    ) -> None:
        """Show the regexes themselves the texts that are hard for them, and those that were left open."""
        rows_of = {i: np.flatnonzero(votes[i] == tables.CONFIRM) for i in asked}
        wanted = np.unique(np.concatenate([np.zeros(0, np.int64), *rows_of.values()]))
        texts = column.gather(wanted).to_list()
        lowered: list[str] = []
        for i, rows in rows_of.items():
            rule = self.rules[i]
            if not len(rows) or not isinstance(rule, Regex):
                continue
            if rule.case == "lower" and not lowered:
                lowered = [text.lower() for text in texts]
            seen = lowered if rule.case == "lower" else texts
            own = [seen[k] for k in np.searchsorted(wanted, rows).tolist()]
            votes[i, rows] = asking.votes(rule, int(self.compiled.codes[i]), own, (rows + start).tolist())


def compile_scan(
    rules: Iterable[ScanRule], schema: LabelSchema, *, cache: Path | None = None
) -> tuple[Scan | None, tuple[ScanRule, ...]]:
    """Compile the rules of one column into one scan.

    Parameters
    ----------
    rules
        The rules.
    schema
        Gives the codes of their labels.
    cache
        A folder in which compiled scans are kept, and looked for first.

    Returns
    -------
    tuple
        The scan, or None where it has no rule, and the rules that it can't take.
    """
    every = tuple(rules)
    compiled = _compile(every, schema) if cache is None else _cached(every, schema, cache)
    taken = () if compiled is None else compiled.taken.tolist()
    scan = None if compiled is None else Scan(tuple(every[i] for i in taken), compiled, cache)
    left = set(range(len(every))).difference(taken)
    return scan, tuple(every[i] for i in sorted(left))


def _cached(rules: Sequence[ScanRule], schema: LabelSchema, folder: Path) -> Compiled | None:
    path = scan_path(folder, rules, schema, MOST_BYTES)
    compiled = read_scan(path)
    if compiled is None:
        compiled = _compile(rules, schema)
        if compiled is not None:
            write_scan(path, compiled)
    return compiled


def _compile(rules: Sequence[ScanRule], schema: LabelSchema) -> Compiled | None:
    known: KnownParts = {}
    parts = {i: part for i, rule in enumerate(rules) if (part := part_of(rule, schema, known)) is not None}
    taken = sorted(_within_limits(parts))
    return assemble([parts[i] for i in taken], taken) if taken else None


@functools.lru_cache(maxsize=64)
def _whole_machine(pattern: re.Pattern[str], lower: bool) -> tuple[tables.Machines, int] | None:
    try:
        lowered = lower_regex(pattern, lower=lower, whole=True)
    except CanNotLowerError:
        return None
    return one_machine(lowered.table, lowered.state)


def _within_limits(parts: dict[int, Part]) -> Iterator[int]:
    """Yield the rules that there is room for, those with fewest literals first."""
    room = MOST_BYTES
    for i in sorted(parts, key=lambda i: parts[i].size):
        room -= parts[i].size
        if room >= 0:
            yield i


# ---- texts and votes as buffers ----


def _no_votes(rules: int, rows: int) -> np.ndarray:
    """Return abstentions, one row for each rule and one that nobody reads.

    Rules' votes on one row are written together. Their distance is an odd number of cache lines: at a power of two they
    would all compete for one set of the cache. The last row is there because numba would compile anew for the votes of
    a single rule, which are contiguous.
    """
    lines = (rows // _LINE + 1) | 1
    return np.full((rules + 1, lines * _LINE), -1, np.int8)[:, :rows]


def _slices(column: pl.Series) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows, so that no more than `SLICE_BYTES` of text, or one text, are copied at a time."""
    ends = np.cumsum(column.str.len_bytes().fill_null(0).to_numpy(), dtype=np.int64)
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + SLICE_BYTES, side="right")))
        yield start, stop
        start = stop


def _buffers(column: pl.Series) -> tables.Text:
    """Return the texts of a column, end to end; bytes may stand where a null is."""
    array = column.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets if offsets is not None else bytes(8), np.int64)
    raw = np.frombuffer(data if data is not None and data.size else b"\0", np.uint8)
    return tables.Text(raw, ends[array.offset : array.offset + len(array) + 1])


def _folded(text: tables.Text, rows: np.ndarray, folds: np.ndarray) -> tables.Text:
    """Return texts without tangled characters in the usual form, but for the case of ASCII, which no rule of it sees."""
    from weaklabel.kernels.folding import replaced

    offsets, data = replaced(text.offsets, text.data, rows, folds)
    return _text(data, offsets)


def _comparable(column: pl.Series, rows: np.ndarray, form: tuple[str, str]) -> tables.Text:
    case, accents = form
    texts = column.gather(rows).to_list()
    ready = [comparable(text, case=case, accents=accents).encode() for text in texts]  # type: ignore[arg-type]
    offsets = np.cumsum([0, *map(len, ready)]).astype(np.int64)
    return _text(np.frombuffer(b"".join(ready) + b"\0", np.uint8), offsets)


def _text(data: np.ndarray, offsets: np.ndarray) -> tables.Text:
    """Return texts as the buffers of a column are, which can't be written: so the kernels are compiled once."""
    data.setflags(write=False)
    offsets.setflags(write=False)
    return tables.Text(data, offsets)
