"""The scan: keyword, lookup and regex rules of one column in one pass over its bytes.

Every rule becomes literals of one automaton. Keywords and lookups are decided by the bytes around a literal; a regex by
the machine that reads on from there, or, where it has no literal to start with, by a machine over the whole text. A
regex that no machine can stand for is asked only about texts that hold the literals it needs. Texts with characters
that are not plain bytes to a rule (they have case, compose, or fold to ASCII) are brought to the rule's comparable form
first, or shown to the regex itself. All this only saves work: every vote is that of the rule's `matches` or `vote`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.graph import CanNotLowerError, Known
from weaklabel.apply.machines import Letters, Lowered, Table, lower_regex
from weaklabel.apply.needs import needed_literals
from weaklabel.lf.keywords import Keywords, comparable
from weaklabel.lf.lookup import Lookup
from weaklabel.lf.regex import Regex
from weaklabel.kernels import tables
from weaklabel.schema import LabelSchema

ScanRule = Keywords | Regex | Lookup

MOST_BYTES = 400_000
"""Literals of one automaton; the rules with most are left to another way when there are more."""
_ANY = 63
_REGEX = 4


@dataclass(frozen=True)
class _Search:
    """A regex that is looked for from the start of a text: in all texts, or only in candidates."""

    owner: int
    machine: int
    state: int
    code: int
    wanted: int


@dataclass(frozen=True)
class Scan:
    """Rules of one column, compiled; the arrays are described in `kernels.automaton`."""

    rules: tuple[ScanRule, ...]
    codes: tuple[int, ...]
    automaton: Any
    patterns: Any
    machines: Any
    owners: Any
    searches: tuple[_Search, ...]
    forms: Mapping[tuple[str, str], int]

    def run(self, column: pl.Series) -> dict[str, np.ndarray]:
        """Return the votes of every rule on a column of texts; nulls abstain."""
        from weaklabel.apply.characters import characters, kinds
        from weaklabel.kernels import automaton as kernel

        votes = np.full((len(self.rules), len(column)), -1, np.int8)
        text = _buffers(column)
        known = column.is_not_null().to_numpy()
        marks = np.where(known, kernel.marks(text, characters()), np.uint8(0))
        allowed = np.where(known, ~marks, np.uint8(0))
        parts = [(text, np.arange(len(column)), allowed)]
        for form, bit in self.forms.items():
            rows = np.flatnonzero(marks & bit)
            if len(rows):
                parts.append((_comparable(column, rows, form), rows, np.full(len(rows), bit, np.uint8)))
        for some, rows, forms in parts:
            kernel.scan(
                some,
                rows,
                forms,
                self.automaton,
                self.patterns,
                self.machines,
                self.owners,
                characters(),
                kinds(),
                votes,
            )
        self._search(text, allowed & _REGEX > 0, votes)
        self._ask(column, marks, votes)
        return {rule.id: votes[i] for i, rule in enumerate(self.rules)}

    def _search(self, text: Any, easy: np.ndarray, votes: np.ndarray) -> None:
        from weaklabel.apply.characters import characters
        from weaklabel.kernels import automaton as kernel

        for one in self.searches:
            rows = np.flatnonzero((votes[one.owner] == one.wanted) & easy)
            kernel.search(
                text, rows, one.machine, one.state, self.machines, characters(), one.code, votes[one.owner]
            )

    def _ask(self, column: pl.Series, marks: np.ndarray, votes: np.ndarray) -> None:
        """Show the regexes themselves the texts that are hard for them, and those that were left open."""
        hard = np.flatnonzero(marks & _REGEX)
        open_rows: dict[int, np.ndarray] = {}
        for i, rule in enumerate(self.rules):
            if isinstance(rule, Regex):
                votes[i, hard] = tables.CONFIRM
                rows = np.flatnonzero(votes[i] == tables.CONFIRM)
                if len(rows):
                    open_rows[i] = rows
        if not open_rows:
            return
        wanted = np.unique(np.concatenate(list(open_rows.values())))
        texts = column.gather(wanted).to_list()
        lowered = None
        for i, rows in open_rows.items():
            rule = self.rules[i]
            assert isinstance(rule, Regex)
            if rule.case == "lower" and lowered is None:
                lowered = [text.lower() for text in texts]
            seen = lowered if rule.case == "lower" and lowered is not None else texts
            search = rule.compiled.search
            found = [search(seen[k]) is not None for k in np.searchsorted(wanted, rows).tolist()]
            votes[i, rows] = np.where(found, self.codes[i], -1)


def compile_scan(rules: Iterable[ScanRule], schema: LabelSchema) -> tuple[Scan | None, tuple[ScanRule, ...]]:
    """Compile the rules of one column into one scan.

    Returns
    -------
    tuple
        The scan, or None where it has no rule, and the rules that it can't take.
    """
    every = tuple(rules)
    known: Known = {}
    parts = {i: part for i, rule in enumerate(every) if (part := _part(rule, schema, known)) is not None}
    room = MOST_BYTES
    for i in sorted(parts, key=lambda i: parts[i].size):
        room -= parts[i].size
        if room < 0:
            del parts[i]
    rest = tuple(rule for i, rule in enumerate(every) if i not in parts)
    if not parts:
        return None, rest
    kept = sorted(parts)
    return _assemble([every[i] for i in kept], [parts[i] for i in kept]), rest


# ---- rules as literals ----


@dataclass
class _Literal:
    """A literal of one rule and what is checked where it stands; see `kernels.automaton.Patterns`."""

    letters: bytes
    left: int
    right: int
    form: int
    action: int
    code: int
    exact: Letters = ()
    tail: bytes = b""
    state: int = 1
    slot: int = -1


@dataclass
class _Part:
    """What one rule adds to the scan."""

    code: int
    literals: list[_Literal] = field(default_factory=list)
    table: Table | None = None
    start: int | None = None
    labels: tuple[int, ...] = ()
    needs: int = 0

    @property
    def size(self) -> int:
        return sum(len(literal.letters) for literal in self.literals)


def _part(rule: ScanRule, schema: LabelSchema, known: Known) -> _Part | None:
    if isinstance(rule, Keywords):
        code = schema.code(str(rule.label), where=rule.where)
        terms = {" ".join(comparable(t, case=rule.case, accents=rule.accents).split()) for t in rule.terms}
        return _Part(code, [_term(t, rule, code) for t in sorted(terms)])
    if isinstance(rule, Lookup):
        return _lookup(rule, schema) if rule.match == "words" else None
    return _regex(rule, schema.code(str(rule.label), where=rule.where), known)


def _term(term: str, rule: Keywords | Lookup, code: int) -> _Literal:
    from weaklabel.apply.characters import FORMS

    apart = tables.AT_START | tables.NEWLINE | tables.SPACE | tables.OTHER
    first, *others = (_utf8(word) for word in term.split())
    exact = tuple((byte, byte) for byte in first) if rule.case == "sensitive" else ()
    tail = b"".join(b" " + word for word in others)
    form = FORMS[rule.case, rule.accents]
    return _Literal(first, apart, apart, form, tables.VOTE, code, exact=exact, tail=tail)


def _lookup(rule: Lookup, schema: LabelSchema) -> _Part:

    labels = tuple(schema.code(label, where=rule.where) for label in rule.labels)
    literals = [
        _term(term, rule, schema.code(label, where=rule.where)) for term, label in rule.by_term.items()
    ]
    distinct = tuple(dict.fromkeys(labels))
    if len(distinct) > 1:
        for literal in literals:
            literal.action, literal.code = tables.TERM, distinct.index(literal.code)
    return _Part(labels[0], literals, labels=distinct if len(distinct) > 1 else ())


def _regex(rule: Regex, code: int, known: Known) -> _Part | None:

    try:
        lowered: Lowered | None = lower_regex(rule.compiled, lower=rule.case == "lower", known=known)
    except CanNotLowerError:
        lowered = None
    if lowered is not None and lowered.starts:
        literals = [
            _Literal(
                bytes(a + 32 if 65 <= a <= 90 else a for a, _ in start.letters),
                start.left,
                _ANY,
                _REGEX,
                tables.VOTE,
                code,
                exact=() if _any_case(start.letters) else start.letters,
                state=start.state,
            )
            for start in lowered.starts
        ]
        return _Part(code, literals, table=lowered.table)
    needed = needed_literals(rule.compiled, lower=rule.case == "lower")
    literals = [
        _Literal(literal, _ANY, _ANY, _REGEX, tables.NEED, code, slot=bit)
        for bit, choices in enumerate(needed)
        for literal in choices
    ]
    part = _Part(code, literals, needs=(1 << len(needed)) - 1)
    if lowered is not None:
        part.table, part.start = lowered.table, lowered.state
    return part if lowered is not None or needed else None


def _any_case(letters: Letters) -> bool:
    return all(a + (32 if 65 <= a <= 90 else -32) == b for a, b in letters if chr(a).isalpha())


def _utf8(text: str) -> bytes:
    """Return a text's bytes; a lone surrogate, which no text of a column holds, becomes a byte that none holds."""
    return text.encode("utf-8", "surrogatepass")


# ---- all rules as arrays ----


def _assemble(rules: Sequence[ScanRule], parts: Sequence[_Part]) -> Scan:
    from weaklabel.apply.characters import FORMS
    from weaklabel.kernels import automaton as kernel

    machines = _Machines()
    letters = bytearray()
    rows: list[tuple[int, ...]] = []
    searches = []
    slots = 0
    for owner, part in enumerate(parts):
        machine, base = machines.add(part.table)
        if part.start is not None:
            wanted = tables.CONFIRM if part.needs else -1
            searches.append(
                _Search(owner, machine, machines.place(base, part, part.start), part.code, wanted)
            )
        for literal in part.literals:
            case = len(letters) if literal.exact else -1
            letters += bytes(byte for pair in literal.exact for byte in pair)
            tail = len(letters)
            letters += literal.tail
            slots += literal.action == tables.TERM
            rows.append(
                (
                    len(literal.letters),
                    literal.left,
                    literal.right,
                    literal.form,
                    case,
                    tail,
                    len(letters),
                    machine,
                    machines.place(base, part, literal.state) if literal.state > 1 else -1,
                    literal.action,
                    owner,
                    literal.code,
                    slots - 1 if literal.action == tables.TERM else literal.slot,
                )
            )
    columns = np.array(rows, np.int32).reshape(-1, 13).T
    small = {1: np.uint8, 2: np.uint8, 3: np.uint8, 9: np.uint8, 11: np.int8}
    arrays = [np.ascontiguousarray(column, small.get(i, np.int32)) for i, column in enumerate(columns)]
    forms: dict[tuple[str, str], int] = {
        (rule.case, rule.accents): FORMS[rule.case, rule.accents]
        for rule in rules
        if not isinstance(rule, Regex)
    }
    return Scan(
        tuple(rules),
        tuple(part.code for part in parts),
        kernel.build([literal.letters for part in parts for literal in part.literals]),
        tables.Patterns._make([*arrays, np.frombuffer(bytes(letters) + b"\0", np.uint8)]),
        machines.arrays(),
        tables.Owners(
            np.cumsum([0, *(len(part.labels) for part in parts)]).astype(np.int64),
            np.array([code for part in parts for code in part.labels], np.int8),
            np.array([part.needs for part in parts], np.int64),
        ),
        tuple(searches),
        forms,
    )


@dataclass
class _Machines:
    """Machines' tables, end to end, each once."""

    known: dict[Table, tuple[int, int]] = field(default_factory=dict)
    moves: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, table: Table | None) -> tuple[int, int]:
        """Return a machine's number and where its moves start."""
        if table is None or not table.moves:
            return 0, 0
        if table not in self.known:
            base, width = len(self.moves), len(table.moves[0])
            self.known[table] = len(self.known), base
            self.moves += [to if to < 2 else base + (to - 2) * width for row in table.moves for to in row]
        return self.known[table]

    def place(self, base: int, part: _Part, state: int) -> int:
        width = len(part.table.moves[0]) if part.table is not None and part.table.moves else 0
        return base + (state - 2) * width

    def arrays(self) -> Any:

        classes = np.frombuffer(b"".join(table.classes for table in self.known), np.uint8)
        return tables.Machines(classes.reshape(-1, tables.SYMBOLS), np.array(self.moves, np.int32))


# ---- texts as buffers ----


def _buffers(column: pl.Series) -> Any:
    """Return the texts of a column, end to end; bytes may stand where a null is."""

    array = column.to_arrow()
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int64) if offsets is not None else np.zeros(1, np.int64)
    raw = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return tables.Text(raw, ends[array.offset : array.offset + len(array) + 1])


def _comparable(column: pl.Series, rows: np.ndarray, form: tuple[str, str]) -> Any:

    case, accents = form
    texts = column.gather(rows).to_list()
    ready = [comparable(text, case=case, accents=accents).encode() for text in texts]  # type: ignore[arg-type]
    offsets = np.cumsum([0, *map(len, ready)]).astype(np.int64)
    return tables.Text(np.frombuffer(b"".join(ready) + b"\0", np.uint8), offsets)
