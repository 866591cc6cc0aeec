"""Answers of people as one frame: its columns, its checks, the latest answer of each person, and votes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, Problems, SchemaError, WeakLabelError
from weaklabel.fingerprint import fingerprint
from weaklabel.gold.ledger.columns import column_problems, cut, told
from weaklabel.label_matrix import LabelMatrix
from weaklabel.schema import MISSING, LabelSchema

KINDS = ("label", "not", "none", "skip", "unsure")
"""`label`: it is this; `not`: it is not this; `none`: none of the labels; `skip`, `unsure`: no opinion."""

ANSWERS: dict[str, Any] = {
    "key": pl.String,
    "item": pl.String,
    "annotator": pl.String,
    "kind": pl.String,
    "labels": pl.List(pl.String),
    "at": pl.Datetime("us", "UTC"),
    "seconds": pl.Float64,
    "guideline": pl.String,
    "batch": pl.String,
    "tool": pl.String,
    "suggested": pl.Boolean,
    "suggestion": pl.List(pl.String),
    "comment": pl.String,
}
"""Columns of a frame of answers, with their types.

`key` makes an answer what it is: the tool's name and its own id where it has one, else a hash of the answer
(`content_key`). `item` and `labels` are a row's id and names of the schema; `at` is when, `seconds` how long,
`guideline` the version in force, `suggested` whether a suggestion was shown, and `suggestion` which. Null: unknown.
"""

LEDGER: dict[str, Any] = {"number": pl.Int64, "task": pl.String, **ANSWERS, "recorded_at": ANSWERS["at"]}
"""Columns of what a ledger gives back: `number` is the order in which answers were recorded, from 1."""

_NEEDED = ("item", "annotator", "kind", "labels")
_LISTS = ("labels", "suggestion")
_LONGEST = {"key": 500, "item": 500, "annotator": 500, "batch": 500}
_FIRST_YEAR, _LAST_YEAR = 1, 9999


def content_key(
    *,
    task: str,
    batch: str | None,
    item: str,
    annotator: str,
    kind: str,
    labels: Iterable[str],
    at: object = None,
) -> str:
    """Return the key of an answer whose tool gives it none: a hash of what it says.

    Parameters
    ----------
    task, batch, item, annotator, kind, labels
        Of the answer; the order of the labels does not matter.
    at
        When; a `datetime` or None.

    Examples
    --------
    >>> one = dict(task="t", batch=None, item="a", annotator="ann", kind="label")
    >>> content_key(**one, labels=["x", "y"]) == content_key(**one, labels=["y", "x"])
    True
    """
    return fingerprint([task, batch, item, annotator, kind, sorted(labels), at and str(at)])


def check_answers(frame: pl.DataFrame, *, task: str, place: str = "the answers") -> pl.DataFrame:
    """Return answers with all columns of `ANSWERS` in that order, or say everything that is wrong with them.

    Columns that may be null may be left out; so may `key`, which is then made by `content_key`. Columns that a
    ledger adds (`number`, `recorded_at`, and `task`, which must be this one) are taken off.

    Parameters
    ----------
    frame
        One row an answer.
    task
        The task that they belong to.
    place
        What the frame is called in messages.

    Raises
    ------
    Problems
        With every fault: unknown, missing or mistyped columns; per row and column nulls, unknown kinds, labels that
        don't go with the kind, text that is empty, too long or holds NUL, times out of range. Rows count from 1.

    Examples
    --------
    >>> frame = pl.DataFrame({"item": ["a"], "annotator": ["ann"], "kind": ["skip"], "labels": [None]})
    >>> check_answers(frame, task="support").select("item", "kind", "labels").rows()
    [('a', 'skip', [])]
    """
    rows = frame.drop("number", "recorded_at", strict=False)
    without_task = rows.drop("task", strict=False)
    problems: list[WeakLabelError] = [*column_problems(without_task, ANSWERS, needed=_NEEDED, place=place)]
    if problems:
        raise Problems(place, problems)
    other = [t for t in _distinct(rows, "task") if t != task]
    if other:
        raise GoldError(f"answers of task {other[0]!r} are added to task {task!r}", where=place)
    rows = rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in ANSWERS.items()
    ).with_columns(pl.col("labels").fill_null([]), pl.col("seconds").fill_nan(None))
    problems = list(_row_problems(rows, place))
    if problems:
        raise Problems(place, problems)
    return _keyed(rows, task)


def with_content(frame: pl.DataFrame) -> pl.DataFrame:
    """Return answers with a column `content`: a hash of who said what about which item, when, with which comment.

    Two answers of one key and one content are the same answer; two of one key and different content are an answer
    and its correction.
    """
    said = frame.select("item", "annotator", "kind", "labels", "at", "comment")
    hashes = [
        fingerprint([item, annotator, kind, sorted(labels), at and str(at), comment])
        for item, annotator, kind, labels, at, comment in said.iter_rows()
    ]
    return frame.with_columns(pl.Series("content", hashes, dtype=pl.String))


def latest(answers: pl.DataFrame) -> pl.DataFrame:
    """Return the latest answer of each annotator to each item of each task, sorted by task, item, annotator.

    By `at`, then by `number`; an answer without a time is earlier than all that have one.

    Parameters
    ----------
    answers
        A frame with the columns of `LEDGER`, such as `Ledger.answers` returns.

    Examples
    --------
    >>> import datetime
    >>> said = pl.DataFrame({"task": "t", "item": "a", "annotator": "ann", "labels": [["x"], ["y"]],
    ...                      "at": [datetime.datetime(2026, 1, 2), datetime.datetime(2026, 1, 1)], "number": [1, 2]})
    >>> latest(said)["labels"].to_list()
    [['x']]
    """
    who = ["task", "item", "annotator"]
    in_time = answers.sort(*who, "at", "number", nulls_last=False)
    return in_time.unique(subset=who, keep="last", maintain_order=True)


def to_votes(answers: pl.DataFrame, *, schema: LabelSchema, label: str | None = None) -> LabelMatrix:
    """Return answers as votes, in the events layout; rows in the order of their first answer.

    Parameters
    ----------
    answers
        Frame with `item`, `annotator`, `kind` and `labels`; one annotator's several answers to an item all count.
    schema
        The labels.
    label
        For a schema that is not exclusive: the label that is asked about; code 1 is "yes", 0 is "no".

    Returns
    -------
    LabelMatrix
        An answer of kind `label` with exactly one label is a vote for it. All others are missing (-2): a person
        who skips is no evidence, and neither `none` nor `not` names a class. With `label`, answers of kind
        `label` and `none` are votes, and `not` is a vote against where it names the label.

    Raises
    ------
    SchemaError
        An answer names a label that is not in the schema, or the schema is not exclusive and no label is asked.

    Examples
    --------
    >>> said = pl.DataFrame({"item": ["a", "a", "b"], "annotator": ["ann", "bob", "ann"],
    ...                      "kind": ["label", "label", "skip"], "labels": [["spam"], ["ham"], []]})
    >>> to_votes(said, schema=LabelSchema(["ham", "spam"])).to_numpy().tolist()
    [[1, 0], [-2, -2]]
    """
    if schema.exclusive and label is not None:
        raise SchemaError(
            "votes on one label are for schemas that are not exclusive", hint="leave out label="
        )
    if not schema.exclusive and label is None:
        raise SchemaError(
            "answers of a multi-label schema are not one vote each",
            available=schema.names,
            hint="ask for the votes on one label at a time: label=…",
        )
    named = _by_name(answers, schema)
    if label is not None:
        code = _on_label(schema.label(schema.code(label)))
    else:
        codes = {name: i for i, name in enumerate(schema.names)}
        one = (pl.col("kind") == "label") & (pl.col("labels").list.len() == 1)
        first = pl.col("labels").list.first().replace_strict(codes, default=MISSING, return_dtype=pl.Int8)
        code = pl.when(one).then(first).otherwise(MISSING)
    votes = named.select("item", "annotator", code=code.cast(pl.Int8))
    return LabelMatrix.from_answers(votes, labeler="annotator")


def _on_label(label: str) -> pl.Expr:
    """Return code 1 where an answer names the label, 0 where it denies it, else missing."""
    named, kind = pl.col("labels").list.contains(label), pl.col("kind")
    denied = ((kind == "label") & ~named) | (kind == "none") | ((kind == "not") & named)
    return pl.when((kind == "label") & named).then(1).when(denied).then(0).otherwise(MISSING)


def _by_name(answers: pl.DataFrame, schema: LabelSchema) -> pl.DataFrame:
    """Return answers with names in place of aliases; an unknown label names its item."""
    spellings = answers["labels"].explode(empty_as_null=False).drop_nulls().unique(maintain_order=True)
    names = {}
    for spelling in spellings:
        if spelling not in schema:
            first = answers.filter(pl.col("labels").list.contains(spelling)).row(0, named=True)
            where = f"item {first['item']!r}, annotator {first['annotator']!r}"
            schema.code(spelling, where=where)
        names[spelling] = schema.label(schema.code(spelling))
    replaced = pl.element().replace_strict(names, default=None, return_dtype=pl.String)
    return answers.with_columns(pl.col("labels").list.eval(replaced)) if names else answers


# ---- checks ----


def _distinct(rows: pl.DataFrame, column: str) -> list[Any]:
    return rows[column].unique(maintain_order=True).to_list() if column in rows.columns else []


def _row_problems(rows: pl.DataFrame, place: str) -> Iterator[GoldError]:
    """Say what is wrong, per row and column; of very many faults the first ones and how many more there are."""
    numbered = rows.with_row_index("row", offset=1)
    faults = []
    for column, wrong, what, hint in _faults():
        shown = pl.col("at").dt.year() if column == "at" else pl.col(column)  # Python has no such dates
        for row, item, value in numbered.filter(wrong).select("row", "item", value=shown).iter_rows():
            about = "" if item is None else f" (item {item!r})"
            rank = list(ANSWERS).index(column)
            faults.append((row, rank, f"{about}, column {column!r}", what(value), hint))
    yield from told(faults, place)


def _faults() -> Iterator[tuple[str, pl.Expr, Any, str | None]]:
    """Give column, where it is wrong, what to say of the value, and a hint."""
    for column in ("item", "annotator", "kind"):
        yield column, pl.col(column).is_null(), lambda _: "a null", None
    for column, kind in ANSWERS.items():
        if kind == pl.String:
            text = pl.col(column)
            nul = "take it out: databases don't hold it"
            yield column, text.str.contains("\0", literal=True), lambda v: f"{cut(v)} holds a NUL", nul
            if column in _LONGEST:
                long = text.str.len_chars() > _LONGEST[column]
                yield column, text == "", lambda _: "an empty text", None
                yield column, long, lambda v: f"{cut(v)} is longer than 500 characters", None
    yield from _list_faults()
    known = pl.col("kind").is_in(KINDS)
    yield "kind", ~known, lambda v: f"unknown kind {v!r}", f"one of {', '.join(KINDS)}"
    count, kind_is = pl.col("labels").list.len(), pl.col("kind")
    needs = kind_is.is_in(["label", "not"]) & (count == 0)
    yield (
        "labels",
        needs,
        lambda _: "no label",
        "an answer of kind label or not names one; else it is a skip or none",
    )
    odd = kind_is.is_in(["none", "skip", "unsure"]) & (count > 0)
    yield "labels", odd, lambda v: f"labels {v!r} of an answer that names none", "kind label goes with labels"
    wrong = (pl.col("seconds") < 0) | pl.col("seconds").is_infinite()
    yield "seconds", wrong, lambda v: f"{v:g} seconds", "null where the time is not known"
    years = ~pl.col("at").dt.year().is_between(_FIRST_YEAR, _LAST_YEAR)
    yield "at", years, lambda v: f"the year {v}", "1 to 9999; null where it is not known"


def _list_faults() -> Iterator[tuple[str, pl.Expr, Any, str | None]]:
    for column in _LISTS:
        each, texts = pl.col(column), pl.element()
        null = each.list.eval(texts.is_null() | (texts == "")).list.any()
        yield column, null, lambda v: f"a null or empty label in {v!r}", None
        nul = each.list.eval(texts.str.contains("\0", literal=True)).list.any()
        yield column, nul, lambda v: f"a NUL in {v!r}", None
        yield column, each.list.n_unique() < each.list.len(), lambda v: f"a label twice in {v!r}", None


def _keyed(rows: pl.DataFrame, task: str) -> pl.DataFrame:
    """Give a key to those that have none."""
    if not rows["key"].null_count():
        return rows
    said = rows.select("key", "batch", "item", "annotator", "kind", "labels", "at")
    keys = [
        key
        if key is not None
        else content_key(
            task=task, batch=batch, item=item, annotator=annotator, kind=kind, labels=labels, at=at
        )
        for key, batch, item, annotator, kind, labels, at in said.iter_rows()
    ]
    return rows.with_columns(pl.Series("key", keys, dtype=pl.String))
