"""Reading gold labels from a table, with repeated answers and several annotators settled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, Problems, SchemaError, WeakLabelError, did_you_mean
from weaklabel.fingerprint import event_hash, fingerprint
from weaklabel.gold.reading import (
    FEW,
    ROW,
    clean_rows,
    latest_answers,
    no_null_ids,
    plural,
    read_rows,
    row_numbers,
    timed_answers,
)
from weaklabel.schema import GOLD_COLUMNS, LabelSchema

_MISSING = ("nan", "null", "none", "na", "n/a", "-", "?")


@dataclass(frozen=True)
class Gold:
    """Gold labels, one a row; made by `load_gold`.

    Parameters
    ----------
    frame
        `id` and `label`, both String, sorted by id; labels by their name in the schema.
    schema
        The labels.
    notes
        What was left out and why, in sentences.
    counts
        Of the table that was read: `rows`, `unlabeled`, `superseded` (an earlier answer of the same annotator),
        `no_majority` (items on which annotators disagree).

    Examples
    --------
    >>> gold = load_gold(pl.DataFrame({"id": ["a", "b"], "label": ["ham", None]}), schema=LabelSchema(["ham", "spam"]))
    >>> gold.frame.rows(), gold.notes
    ([('a', 'ham')], ('1 gold row has no label and is left out',))
    """

    frame: pl.DataFrame
    schema: LabelSchema
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Hash of ids and labels; the order of the rows of the file does not matter."""
        return fingerprint(self.frame.rows())

    def join(self, ids: pl.Series | Iterable[str]) -> pl.DataFrame:
        """Return the gold rows in the order of `ids`.

        Parameters
        ----------
        ids
            Ids of the rows at hand; they may be more than the gold rows.

        Raises
        ------
        GoldError
            A gold id is not among `ids`.

        Examples
        --------
        >>> gold = load_gold(pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"]}),
        ...                  schema=LabelSchema(["ham", "spam"]))
        >>> gold.join(["b", "c", "a"]).rows()
        [('b', 'spam'), ('a', 'ham')]
        """
        rows = _ids(ids)
        unknown = self.frame.join(rows, on="id", how="anti")["id"]
        if unknown.len():
            like = ", ".join(repr(i) for i in rows["id"].head(2))
            some = unknown.len() < self.frame.height  # when none fits, the nearest is no help
            nearest = did_you_mean(unknown[0], rows["id"].head(1000)) if some and rows.height else None
            raise GoldError(
                f"{unknown.len()} of {self.frame.height} gold ids are not among the {rows.height} rows at hand: "
                f"{_some(unknown.to_list())}",
                hint=nearest or f"the rows' ids look like {like}" if rows.height else "there are no rows",
            )
        return rows.join(self.frame, on="id", how="inner", maintain_order="left")

    def codes(self, ids: pl.Series | Iterable[str]) -> np.ndarray:
        """Return the class code of each id, int64 (n,), -1 without gold; gold of other rows is passed over.

        Examples
        --------
        >>> gold = load_gold(pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"]}),
        ...                  schema=LabelSchema(["ham", "spam"]))
        >>> gold.codes(["b", "c"])
        array([ 1, -1])
        """
        found = _ids(ids).join(self.code_frame, on="id", how="left", maintain_order="left")
        return found["code"].fill_null(-1).to_numpy().astype(np.int64)

    def parted(self, share: float, *, seed: int = 0) -> tuple[Gold, Gold]:
        """Return two sets of which the first holds about that share of the rows, chosen by a hash of their ids.

        A row stays in its part when others are added.

        Examples
        --------
        >>> table = pl.DataFrame({"id": [str(i) for i in range(100)], "label": ["ham", "spam"] * 50})
        >>> one, other = load_gold(table, schema=LabelSchema(["ham", "spam"])).parted(0.3)
        >>> one.frame.height, other.frame.height
        (26, 74)
        """
        limit = int(share * 2**64)
        inside = pl.Series(
            [event_hash(f"gold {id}", seed) < limit for id in self.frame["id"]], dtype=pl.Boolean
        )
        return replace(self, frame=self.frame.filter(inside)), replace(self, frame=self.frame.filter(~inside))

    @property
    def code_frame(self) -> pl.DataFrame:
        """`id` and `code`, as label models take gold."""
        codes = [self.schema.code(name) for name in self.frame["label"]]
        return self.frame.select("id", pl.Series("code", codes, dtype=pl.Int64))


def load_gold(
    source: str | Path | pl.DataFrame | pl.LazyFrame,
    *,
    schema: LabelSchema,
    id: str = "id",
    label: str = "label",
    annotator: str | None = None,
    time: str | None = None,
    where: str | pl.Expr | None = None,
    separator: str | None = None,
) -> Gold:
    """Read gold labels.

    Parameters
    ----------
    source
        A Parquet, CSV, TSV or JSONL (NDJSON) file, or a frame.
    schema
        The labels; names and aliases are taken, codes are not.
    id, label
        Columns; ids become String.
    annotator
        Column that says who gave the label. With several annotators an item gets the label that more than half
        of them gave, and is left out and counted when there is none.
    time
        Column that says when: of several answers of one annotator to one item the latest counts. Numbers, dates,
        or ISO 8601 text (without an offset: UTC); a missing time is earlier than all others.
    where
        SQL text or Polars expression over the table's columns; only rows where it is true are taken.
    separator
        The character between the columns of a CSV or TSV file. None: a tab for TSV; for CSV the comma, semicolon,
        tab or bar that the header shows, with a note in the log when it is no comma.

    Raises
    ------
    GoldError
        The file can't be read, a column is missing, ids are null, labels are unknown, or an annotator (or a
        table without annotators) answers an item twice and no time tells which counts.
    Problems
        Several of these at once.

    Notes
    -----
    A table without rows is allowed; `Gold.notes` says so. Row numbers in errors count from 1, header not counted.

    Examples
    --------
    >>> answers = pl.DataFrame({"item": [1, 1, 1], "answer": ["ham", "junk", "junk"], "who": ["ann", "bob", "cid"]})
    >>> from weaklabel.schema import Label
    >>> schema = LabelSchema(["ham", Label("spam", aliases=("junk",))])
    >>> load_gold(answers, schema=schema, id="item", label="answer", annotator="who").frame.rows()
    [('1', 'spam')]
    """
    if not schema.exclusive:
        raise SchemaError(
            "gold of a multi-label schema is not one label a row", hint="make each label a task of its own"
        )
    named = {"id": id, "label": label, "annotator": annotator, "time": time}
    place, rows, whole = read_rows(source, named, where=where, separator=separator)
    by_number = rows["label"].dtype.is_numeric()
    _no_lists(rows, named, place)
    rows = clean_rows(rows)
    labeled = rows.drop_nulls("label")
    problems: list[WeakLabelError] = []
    labeled = _try(problems, lambda: _named(labeled, schema, place, by_number), labeled)
    _try(problems, lambda: no_null_ids(labeled, place), None)
    if time:
        labeled = _try(problems, lambda: timed_answers(labeled, place), labeled.drop("time"))
    latest = _try(problems, lambda: latest_answers(labeled, place), labeled) if not problems else labeled
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(place, problems)
    settled = _majority(latest)
    counts = {
        "rows": rows.height,
        "unlabeled": rows.height - labeled.height,
        "superseded": labeled.height - latest.height,
        "no_majority": latest["id"].n_unique() - settled.height,
    }
    frame = settled.select(pl.col(*GOLD_COLUMNS).cast(pl.String)).sort("id")
    if where is not None and whole and not rows.height:
        notes = [f"the condition on gold keeps none of its {whole} rows: {where}"]
    else:
        notes = _notes(counts, frame.height)
    return Gold(frame, schema, tuple(notes), counts)


def _no_lists(rows: pl.DataFrame, named: Mapping[str, str | None], place: str) -> None:
    for role in ("id", "label", "annotator"):
        if role in rows.columns and rows[role].dtype.is_nested():
            raise GoldError(
                f"the {role} column {named[role]!r} of gold holds {rows[role].dtype}, not one value a row",
                where=place,
                hint=f"write one row for each value, or choose another column with {role}=",
            )


def _named(rows: pl.DataFrame, schema: LabelSchema, place: str, by_number: bool) -> pl.DataFrame:
    """Return rows with labels by their name in the schema."""
    names, unknown = {}, []
    for spelling in rows["label"].unique(maintain_order=True):
        if spelling in schema:
            names[spelling] = schema.label(schema.code(spelling))
        else:
            unknown.append(spelling)
    if unknown:
        at = {name: rows[ROW].filter(rows["label"] == name).to_list() for name in unknown}
        each = [f"{name!r} ({row_numbers(at[name])})" for name in unknown[:FEW]]
        more = f" and {len(unknown) - FEW} more" if len(unknown) > FEW else ""
        near = {name: did_you_mean(name, _spellings(schema)) for name in unknown[:FEW]}
        hints = [f"{name!r}: {hint}" for name, hint in near.items() if hint]
        missing = [name for name in unknown[:FEW] if name.lower() in _MISSING]
        hints += [f"{name!r}: leave the cell empty where there is no label" for name in missing]
        if by_number or all(name.isdecimal() for name in unknown):
            hints = ["gold is stored by label name, not by code"]
        total = sum(map(len, at.values()))
        raise GoldError(
            f"{plural(total, 'gold label is', 'gold labels are')} unknown: {', '.join(each)}{more}",
            where=place,
            available=schema.names,
            hint="; ".join(hints) or None,
        )
    return rows.with_columns(
        pl.col("label").replace_strict(names, return_dtype=pl.String) if names else pl.col("label")
    )


def _spellings(schema: LabelSchema) -> list[str]:
    return [spelling for lab in schema.labels for spelling in (lab.name, *lab.aliases)]


def _majority(rows: pl.DataFrame) -> pl.DataFrame:
    """Return id and the label that more than half of its annotators gave."""
    counted = rows.group_by("id", "label").agg(pl.len().alias("n"))
    return counted.filter(2 * pl.col("n") > pl.col("n").sum().over("id")).select("id", "label")


def _notes(counts: Mapping[str, int], kept: int) -> list[str]:
    notes = []
    if not counts["rows"]:
        notes.append("the gold table has no rows")
    elif not kept:
        notes.append("no gold label is left")
    if counts["unlabeled"]:
        notes.append(
            plural(
                counts["unlabeled"],
                "gold row has no label and is left out",
                "gold rows have no label and are left out",
            )
        )
    if counts["superseded"]:
        n = counts["superseded"]
        notes.append(
            f"{n} earlier or repeated answer{'s' * (n != 1)} of the same annotator gave way to the latest"
        )
    if counts["no_majority"]:
        notes.append(
            plural(
                counts["no_majority"],
                "gold item has no majority and is left out",
                "gold items have no majority and are left out",
            )
        )
    return notes


def _try(problems: list[WeakLabelError], step: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return step()
    except GoldError as error:
        problems.append(error)
        return otherwise


def _ids(ids: pl.Series | Iterable[str]) -> pl.DataFrame:
    series = ids if isinstance(ids, pl.Series) else pl.Series(list(ids))
    return pl.DataFrame({"id": series.cast(pl.String)})


def _some(names: Sequence[object]) -> str:
    return ", ".join(repr(n) for n in names[:FEW]) + (
        f" and {len(names) - FEW} more" if len(names) > FEW else ""
    )
