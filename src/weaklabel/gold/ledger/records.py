"""What people and programs decided, beside the answers: kinds of records, their columns, checks, and which counts.

Records are frames, kept by `Ledger.record` and read by `Ledger.records`. Nothing is overwritten: of several records
of one subject (`SUBJECTS`) the latest counts, see `current`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, Problems, WeakLabelError, did_you_mean
from weaklabel.gold.ledger.columns import column_problems, cut, told

ROLES = ("shown", "training", "check", "calibrate", "audit")
"""What a gold item is for: printed in the guideline, to qualify annotators, hidden in batches, for the label model,
for the audit alone."""
ORIGINS = ("random", "adjudicated", "expert", "imported")
"""How a gold item was chosen; `adjudicated`: because people disagreed on it."""
BATCH_STATES = ("drawn", "sent", "back", "checked", "reviewed", "released")
PURPOSES = ("production", "training", "expert", "review")
OPEN_CLOSED = ("open", "closed")
VERDICTS = ("passed", "again", "more")
ERASED = "(erased)"
"""Stands in lists and texts where an erased annotator was named."""

_TIME = pl.Datetime("us", "UTC")
_TEXTS = pl.List(pl.String)

KINDS: dict[str, dict[str, Any]] = {
    "gold": {
        "item": pl.String,
        "labels": _TEXTS,
        "role": pl.String,
        "group": pl.String,
        "origin": pl.String,
        "inclusion": pl.Float64,
        "experts": _TEXTS,
        "reason": pl.String,
        "guideline": pl.String,
        "due": _TIME,
        "counter": _TEXTS,
    },
    "version": {"version": pl.Int64, "note": pl.String, "fingerprint": pl.String},
    "audit": {"audit": pl.String, "state": pl.String},
    "batch": {
        "batch": pl.String,
        "state": pl.String,
        "purpose": pl.String,
        "settings": pl.String,
        "note": pl.String,
    },
    "draw": {
        "batch": pl.String,
        "item": pl.String,
        "design": pl.String,
        "stratum": pl.String,
        "inclusion": pl.Float64,
        "purpose": pl.String,
        "order": pl.Int64,
    },
    "assignment": {
        "batch": pl.String,
        "item": pl.String,
        "annotator": pl.String,
        "position": pl.Int64,
        "check": pl.Boolean,
        "blind": pl.Boolean,
        "suggestion": _TEXTS,
        "requeued_from": pl.String,
    },
    "quarantine": {
        "batch": pl.String,
        "annotator": pl.String,
        "reason": pl.String,
        "failed": _TEXTS,
        "lifted": pl.Boolean,
    },
    "queue": {"item": pl.String, "batch": pl.String, "why": pl.String, "state": pl.String},
    "guideline": {"version": pl.String, "label": pl.String, "text": pl.String, "editorial": _TEXTS},
    "training": {
        "annotator": pl.String,
        "round": pl.Int64,
        "verdict": pl.String,
        "figures": pl.String,
    },
}
"""Columns of the frame of each kind of record, with their types.

| kind | is |
|---|---|
| gold | an item of the gold set: its label or labels (none: none of these), role, group of near duplicates, origin, probability of inclusion (null: unknown), experts who judged it, when it is looked at again, and the labels that it is easily mistaken for |
| version | a version of the gold set: what was recorded before it |
| audit | an audit that opens or closes |
| batch | a batch and its state; its settings (JSON) stand in its first record |
| draw | an item that was drawn into a batch, with its design and probability of inclusion |
| assignment | an item that a person is asked about |
| quarantine | a person's answers of a batch that don't count, or count again (`lifted`) |
| queue | an item that waits for an expert, or no longer does |
| guideline | a version of the guideline |
| training | the verdict on a training round of a person |
"""

SUBJECTS: dict[str, tuple[str, ...]] = {
    "gold": ("item",),
    "version": ("version",),
    "audit": ("audit",),
    "batch": ("batch",),
    "draw": ("batch", "item"),
    "assignment": ("batch", "item", "annotator"),
    "quarantine": ("batch", "annotator"),
    "queue": ("item", "batch"),
    "guideline": ("version",),
    "training": ("annotator", "round"),
}
"""What a record of a kind is about: of several of one subject the latest counts."""

NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "gold": {"item": ("item",), "annotator": ("experts",)},
    "draw": {"item": ("item",)},
    "assignment": {"item": ("item",), "annotator": ("annotator", "requeued_from")},
    "quarantine": {"item": ("failed",), "annotator": ("annotator",)},
    "queue": {"item": ("item",)},
    "training": {"annotator": ("annotator",)},
}
"""Columns that name items and annotators."""

_OPTIONAL: dict[str, tuple[str, ...]] = {
    "gold": ("group", "inclusion", "experts", "reason", "guideline", "due", "counter"),
    "version": ("note", "fingerprint"),
    "batch": ("purpose", "settings", "note"),
    "draw": ("stratum", "inclusion", "purpose", "order"),
    "assignment": ("blind", "suggestion", "requeued_from"),
    "quarantine": ("failed", "lifted"),
    "queue": ("batch",),
    "guideline": ("label", "editorial"),
    "training": ("figures",),
}
FILLED: dict[str, dict[str, pl.Expr]] = {
    "gold": {"experts": pl.lit([], dtype=_TEXTS), "counter": pl.lit([], dtype=_TEXTS)},
    "quarantine": {"failed": pl.lit([], dtype=_TEXTS), "lifted": pl.lit(False)},
    "guideline": {"editorial": pl.lit([], dtype=_TEXTS)},
}
"""What stands where a column has nothing."""
_CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("gold", "role"): (*ROLES, "removed"),
    ("gold", "origin"): ORIGINS,
    ("audit", "state"): OPEN_CLOSED,
    ("batch", "state"): BATCH_STATES,
    ("batch", "purpose"): PURPOSES,
    ("queue", "state"): OPEN_CLOSED,
    ("training", "verdict"): VERDICTS,
}
_LEAST = {"version": 1, "round": 1, "position": 0, "order": 0}
JSON = ("settings", "figures")
"""Columns that hold the JSON text of an object."""
PROSE = ("reason", "note", "why")
"""Columns that hold sentences."""
_LONGEST = 500
_ADDED = ("number", "recorded_at")


def columns(kind: str) -> dict[str, Any]:
    """Return the columns of the records of a kind as a ledger gives them back.

    Raises
    ------
    GoldError
        There is no such kind.

    Examples
    --------
    >>> list(columns("audit"))
    ['number', 'task', 'audit', 'state', 'recorded_at']
    """
    _known(kind)
    return {"number": pl.Int64, "task": pl.String, **KINDS[kind], "recorded_at": _TIME}


def check_records(kind: str, frame: pl.DataFrame, *, task: str, place: str | None = None) -> pl.DataFrame:
    """Return records with all columns of their kind in order, or say everything that is wrong with them.

    Columns that may be null may be left out. Columns that a ledger adds (`number`, `recorded_at`, and `task`, which
    must be this one) are taken off.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    frame
        One row a record.
    task
        The task that they belong to.
    place
        What the frame is called in messages; None: "the … records".

    Raises
    ------
    Problems
        With every fault: unknown, missing or mistyped columns; nulls, values that are no choice, empty or too long
        names, probabilities and numbers out of range, text that is no JSON, a subject that is there twice. Rows
        count from 1.

    Examples
    --------
    >>> given = pl.DataFrame({"item": ["a"], "labels": [["spam"]], "role": ["check"], "origin": ["random"]})
    >>> check_records("gold", given, task="mail").select("item", "experts", "inclusion").rows()
    [('a', [], None)]
    """
    _known(kind)
    place = place or f"the {kind} records"
    rows = frame.drop(*_ADDED, strict=False)
    others = [t for t in _distinct(rows, "task") if t != task]
    if others:
        raise GoldError(f"records of task {others[0]!r} are added to task {task!r}", where=place)
    rows = rows.drop("task", strict=False)
    wanted = KINDS[kind]
    needed = [name for name in wanted if name not in _OPTIONAL.get(kind, ())]
    problems: list[WeakLabelError] = [*column_problems(rows, wanted, needed=needed, place=place)]
    if problems:
        raise Problems(place, problems)
    rows = rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(type_).alias(name)
        for name, type_ in wanted.items()
    )
    filled = [pl.col(name).fill_null(value) for name, value in FILLED.get(kind, {}).items()]
    floats = [pl.col(name).fill_nan(None) for name, type_ in wanted.items() if type_ == pl.Float64]
    rows = rows.with_columns(*filled, *floats)
    problems = list(told(_faults(kind, rows, needed), place))
    if problems:
        raise Problems(place, problems)
    return rows


def current(kind: str, records: pl.DataFrame) -> pl.DataFrame:
    """Return the latest record of each subject, sorted by task and subject.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    records
        As `Ledger.records` returns them; without `number` the order of the rows counts.

    Examples
    --------
    >>> opened = pl.DataFrame({"number": [2, 7], "audit": ["may", "may"], "state": ["open", "closed"]})
    >>> current("audit", opened)["state"].to_list()
    ['closed']
    """
    _known(kind)
    subject = [*(["task"] if "task" in records.columns else []), *SUBJECTS[kind]]
    in_order = records.sort("number", maintain_order=True) if "number" in records.columns else records
    return in_order.unique(subset=subject, keep="last", maintain_order=True).sort(
        subject, nulls_last=False, maintain_order=True
    )


def named(kind: str, records: pl.DataFrame, what: str) -> pl.Series:
    """Return the items or annotators that records name, each once.

    Parameters
    ----------
    kind
        Kind of the records.
    records
        Their frame.
    what
        ``item`` or ``annotator``.

    Examples
    --------
    >>> gold = pl.DataFrame({"item": ["a", "b"], "experts": [["ann", "bob"], ["ann"]]})
    >>> named("gold", gold, "annotator").to_list()
    ['ann', 'bob']
    """
    found = [_each(records, column) for column in NAMES.get(kind, {}).get(what, ())]
    every = pl.concat(found) if found else pl.Series([], dtype=pl.String)
    return every.drop_nulls().unique(maintain_order=True)


def _each(records: pl.DataFrame, column: str) -> pl.Series:
    values = records[column].rename("name")
    return values.explode(empty_as_null=False) if isinstance(values.dtype, pl.List) else values


# ---- checks ----


def _known(kind: str) -> None:
    if kind not in KINDS:
        raise GoldError(f"no kind of record {kind!r}", available=KINDS, hint=did_you_mean(kind, KINDS))


def _distinct(rows: pl.DataFrame, column: str) -> list[Any]:
    return rows[column].unique(maintain_order=True).to_list() if column in rows.columns else []


def _faults(
    kind: str, rows: pl.DataFrame, needed: list[str]
) -> Iterator[tuple[int, int, str, str, str | None]]:
    """Give row, rank of the column, where in the row, what and hint of each fault."""
    numbered = rows.with_row_index("__row__", offset=1)
    about = SUBJECTS[kind][0]
    for column, wrong, what, hint in _tests(kind, rows, needed):
        shown = pl.col(column).dt.year() if KINDS[kind][column] == _TIME else pl.col(column)
        found = numbered.filter(wrong).select("__row__", name=pl.col(about), value=shown)
        for row, name, value in found.iter_rows():
            place = ("" if name is None else f" ({about} {name!r})") + f", column {column!r}"
            yield row, list(KINDS[kind]).index(column), place, what(value), hint


_Test = tuple[str, pl.Expr | pl.Series, Callable[[Any], str], str | None]


def _tests(kind: str, rows: pl.DataFrame, needed: list[str]) -> Iterator[_Test]:
    """Give column, where it is wrong, what to say of the value, and a hint."""
    for column, type_ in KINDS[kind].items():
        value = pl.col(column)
        if column in needed:
            yield column, value.is_null(), lambda _: "a null", None
        if type_ == pl.String:
            yield from _text_tests(kind, column, rows)
        elif type_ == _TEXTS:
            yield from _list_tests(column)
        elif type_ == pl.Int64 and column in _LEAST:
            yield column, value < _LEAST[column], _below(_LEAST[column]), None
        elif type_ == pl.Float64:
            wrong = ~((value > 0) & (value <= 1))
            yield column, wrong, lambda v: f"a probability of {v:g}", "above 0 and up to 1; null: unknown"
        elif type_ == _TIME:
            years = ~value.dt.year().is_between(1, 9999)
            yield column, years, lambda v: f"the year {v}", "1 to 9999; null where there is none"
    twice = ~pl.struct(SUBJECTS[kind]).is_first_distinct()
    yield SUBJECTS[kind][0], twice, lambda v: f"{v!r} is there twice", "one record of a subject at a time"
    if kind == "gold":
        known = (pl.col("origin") == "adjudicated") & pl.col("inclusion").is_not_null()
        hint = "null: an item that was chosen because people disagreed has no known probability"
        yield "inclusion", known, lambda v: f"a probability of {v:g} for an adjudicated item", hint


def _below(least: int) -> Callable[[Any], str]:
    return lambda value: f"{value} is less than {least}"


def _text_tests(kind: str, column: str, rows: pl.DataFrame) -> Iterator[_Test]:
    text = pl.col(column)
    choices = _CHOICES.get((kind, column))
    if choices:
        yield (
            column,
            ~text.is_in(choices),
            lambda v: f"unknown {column} {v!r}",
            f"one of {', '.join(choices)}",
        )
        return
    nul = "take it out: databases don't hold it"
    yield column, text.str.contains("\0", literal=True), lambda v: f"{cut(v)} holds a NUL", nul
    if column not in (*PROSE, *JSON, "text"):
        yield column, text == "", lambda _: "an empty text", None
        long = text.str.len_chars() > _LONGEST
        yield column, long, lambda v: f"{cut(v)} is longer than {_LONGEST} characters", None
    if column in JSON:
        broken = pl.Series([v is not None and not _is_json(v) for v in rows[column]], dtype=pl.Boolean)
        yield column, broken, lambda v: f"{cut(v)} is no JSON", 'an object, such as {"checks": 12}'


def _list_tests(column: str) -> Iterator[_Test]:
    each, texts = pl.col(column), pl.element()
    null = each.list.eval(texts.is_null() | (texts == "")).list.any()
    yield column, null, lambda v: f"a null or empty text in {v!r}", None
    nul = each.list.eval(texts.str.contains("\0", literal=True)).list.any()
    yield column, nul, lambda v: f"a NUL in {v!r}", None
    kept = each.list.eval(texts.filter(texts != ERASED))
    yield column, kept.list.n_unique() < kept.list.len(), lambda v: f"a text twice in {v!r}", None


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
