"""One row for each time that a person was asked about an item: what every report on people's work reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.asking.states import batch_states
from weaklabel.gold.judging.quarantine import set_aside
from weaklabel.gold.ledger.answers import LEDGER
from weaklabel.schema import LabelSchema

USES = ("production", "check", "training", "audit", "expert", "review", "other")
"""What an answer was asked for: to label; a hidden check; a training round; the audit; an expert or a reviewer;
`other`, no batch is known."""
UNKNOWN = "unknown"
"""Stands for a guideline version that an answer does not name."""
FEW = 30
"""Fewer answers (or items) than this are called few."""

OCCASIONS: dict[str, Any] = {
    "order": pl.Int64,
    "item": pl.String,
    "annotator": pl.String,
    "kind": pl.String,
    "labels": pl.List(pl.String),
    "week": pl.Date,
    "timed": pl.Boolean,
    "guideline": pl.String,
    "batch": pl.String,
    "use": pl.String,
    "seconds": pl.Float64,
    "suggested": pl.Boolean,
    "suggestion": pl.List(pl.String),
    "commented": pl.Boolean,
    "aside": pl.Boolean,
}
"""Columns of occasions. `order` is that of the answers in time (one without a time
is earlier than all that have one), then as recorded; `annotator` is a pseudonym; `week` the Monday (UTC) of the answer, or, where its time is not
known (`timed` is false), of its import; `guideline` the version in force or `UNKNOWN`; `use` one of `USES`;
`suggested` whether a suggestion was shown (null: not known); `aside` whether the answer is set aside now."""

_ONE = ["item", "annotator", "batch", "guideline"]
_NOBODY = "annotator"


def occasions(
    answers: pl.DataFrame,
    *,
    assignments: pl.DataFrame | None = None,
    batches: pl.DataFrame | None = None,
    quarantines: pl.DataFrame | None = None,
    audited: Iterable[str] = (),
    names: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Return one row for each item, person, batch and guideline version: the latest answer that was given then.

    Parameters
    ----------
    answers
        Every answer, with the columns of `weaklabel.gold.ledger.answers.LEDGER`.
    assignments, batches, quarantines
        Records of these kinds; None: there are none.
    audited
        Items of the audit.
    names
        Annotator -> name in reports; nobody else's name is given on. None: names stay as they are.

    Returns
    -------
    polars.DataFrame
        Columns of `OCCASIONS`, sorted by item, annotator, batch and guideline.

    Raises
    ------
    GoldError
        A column is missing, or an annotator has no name for reports.

    Examples
    --------
    >>> import datetime
    >>> at = datetime.datetime(2026, 3, 4, tzinfo=datetime.UTC)
    >>> row = {"number": 1, "task": "t", "key": "k", "item": "a", "annotator": "ann", "kind": "label", "labels": ["x"],
    ...        "at": at, "recorded_at": at}
    >>> said = pl.DataFrame([row], schema=LEDGER)
    >>> occasions(said, names={"ann": "annotator 3"}).select("annotator", "week", "use").rows()
    [('annotator 3', datetime.date(2026, 3, 2), 'other')]
    """
    need_columns(answers, LEDGER, "the answers")
    when = pl.coalesce("at", "recorded_at")
    rows = answers.select(LEDGER.keys()).with_columns(
        pl.col("guideline").fill_null(UNKNOWN),
        timed=pl.col("at").is_not_null(),
        week=when.dt.date().dt.truncate("1w"),
        commented=(pl.col("comment").str.strip_chars() != "").fill_null(False),
        seconds=pl.col("seconds").cast(pl.Float64),
    )
    in_time = rows.sort("at", "number", nulls_last=False).with_row_index("order", offset=1)
    rows = in_time.unique(subset=_ONE, keep="last", maintain_order=True)
    rows = _used(_assigned(rows, assignments), batches, audited)
    rows = _set_aside(rows, quarantines)
    if names is not None:
        rows = renamed(rows, names)
    wanted = [pl.col(name).cast(kind) for name, kind in OCCASIONS.items()]
    return rows.select(wanted).sort("item", "annotator", "batch", "guideline", nulls_last=False)


def renamed(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Return a frame with people's names for reports in its column `annotator`.

    Raises
    ------
    GoldError
        Somebody has none; who it is isn't told.

    Examples
    --------
    >>> renamed(pl.DataFrame({"annotator": ["ann"]}), {"ann": "annotator 3"})["annotator"].to_list()
    ['annotator 3']
    """
    there = frame[_NOBODY].unique()
    nameless = [name for name in there.drop_nulls() if name not in names]
    if nameless:
        raise GoldError(
            f"{len(nameless)} of {len(there)} annotators have no pseudonym",
            hint="the ledger gives one with the first answer or record",
        )
    given = pl.col(_NOBODY).replace_strict(dict(names), default=None, return_dtype=pl.String)
    return frame.with_columns(given if names else pl.col(_NOBODY))


def known_only(frame: pl.DataFrame, schema: LabelSchema, what: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the rows whose `labels` the schema has, and a note on the rest.

    Parameters
    ----------
    frame
        Rows with a column `labels`; an empty list is known.
    schema
        The labels.
    what
        What one row is, for the note.

    Examples
    --------
    >>> rows = pl.DataFrame({"labels": [["ham"], ["gone"], []]})
    >>> kept, notes = known_only(rows, LabelSchema(["ham", "spam"]), "answer")
    >>> kept.height, notes
    (2, ("1 answer names labels that the schema does not have: 'gone'; left out",))
    """
    there = frame["labels"].explode(empty_as_null=False).drop_nulls().unique().sort()
    strange = [name for name in there if name not in schema]
    if not strange:
        return frame, ()
    odd = pl.col("labels").list.eval(pl.element().is_in(strange)).list.any().fill_null(False)
    kept = frame.filter(~odd)
    lost = frame.height - kept.height
    told = f"{lost} {what}{'s name' if lost != 1 else ' names'} labels that the schema does not have"
    return kept, (f"{told}: {some(strange)}; left out",)


def by_number(name: str) -> tuple[str, int]:
    """Return the key by which pseudonyms are sorted: "annotator 10" after "annotator 9".

    Examples
    --------
    >>> sorted(["annotator 10", "annotator 9"], key=by_number)
    ['annotator 9', 'annotator 10']
    """
    head, _, number = name.rpartition(" ")
    return (head, int(number)) if number.isascii() and number.isdigit() else (name, -1)


def _assigned(rows: pl.DataFrame, assignments: pl.DataFrame | None) -> pl.DataFrame:
    """Add `check`; and what was shown, where only the assignment knows it."""
    if assignments is None or not assignments.height:
        return rows.with_columns(check=pl.lit(False))
    who = ["batch", "item", "annotator"]
    need_columns(assignments, (*who, "check", "blind", "suggestion"), "the assignments")
    given = (
        assignments.sort("number", maintain_order=True) if "number" in assignments.columns else assignments
    )
    had = pl.col("suggestion").list.len().fill_null(0) > 0
    known = given.unique(subset=who, keep="last", maintain_order=True).select(
        *who,
        pl.col("check").fill_null(False),
        meant=had & ~pl.col("blind").fill_null(False),
        offered=pl.when(had & ~pl.col("blind").fill_null(False)).then("suggestion"),
    )
    both = rows.join(known, on=who, how="left", maintain_order="left")
    return both.with_columns(
        pl.col("check").fill_null(False),
        suggested=pl.coalesce("suggested", "meant"),
        suggestion=pl.coalesce("suggestion", "offered"),
    ).drop("meant", "offered")


def _used(rows: pl.DataFrame, batches: pl.DataFrame | None, audited: Iterable[str]) -> pl.DataFrame:
    purpose: dict[str, str] = {}
    if batches is not None and batches.height:
        known = batch_states(batches).select("batch", pl.col("purpose").fill_null("production"))
        purpose = dict(known.iter_rows())
    of_batch = pl.col("batch").replace_strict(purpose, default="other", return_dtype=pl.String)
    use = (
        pl.when(pl.col("item").is_in(sorted(set(audited))))
        .then(pl.lit("audit"))
        .when(pl.col("check"))
        .then(pl.lit("check"))
        .otherwise(of_batch if purpose else pl.lit("other"))
    )
    return rows.with_columns(use=use.fill_null("other"))


def _set_aside(rows: pl.DataFrame, quarantines: pl.DataFrame | None) -> pl.DataFrame:
    if quarantines is None or not quarantines.height:
        return rows.with_columns(aside=pl.lit(False))
    gone = set_aside(quarantines).with_columns(aside=pl.lit(True))
    found = rows.join(gone, on=["batch", "annotator"], how="left", maintain_order="left")
    return found.with_columns(pl.col("aside").fill_null(False))
