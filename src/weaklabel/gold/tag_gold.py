"""Gold of tasks whose rows may have several labels (tags): reading it, with several annotators settled tag by tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, SchemaError, did_you_mean
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
from weaklabel.schema import LabelSchema

JOIN = "|"
"""What stands between the tags of a row where they are one text."""
NONE_OF_THEM = ""
"""The joined text of a row that was looked at and has no tag."""


@dataclass(frozen=True)
class TagGold:
    """Gold tags, a list of them for each row; made by `load_tag_gold`.

    Parameters
    ----------
    frame
        `id` String and `labels` List(String), sorted by id; tags by their name, in the order of the schema. An empty
        list: a row that has none of the tags.
    schema
        The tags.
    notes
        What was left out and why, in sentences.
    unknown
        Tags that the schema doesn't know and that were left out, with the number of rows of each.

    Examples
    --------
    >>> schema = LabelSchema(["late", "lost", "rude"], exclusive=False)
    >>> gold = load_tag_gold(pl.DataFrame({"id": ["a", "b"], "labels": [["lost", "late"], []]}), schema=schema)
    >>> gold.frame.rows()
    [('a', ['late', 'lost']), ('b', [])]
    """

    frame: pl.DataFrame
    schema: LabelSchema
    notes: tuple[str, ...] = ()
    unknown: tuple[tuple[str, int], ...] = ()

    @property
    def fingerprint(self) -> str:
        """Hash of ids and tags; the order of the rows of the file does not matter."""
        return fingerprint(self.frame.rows())

    def join(self, ids: pl.Series | Iterable[str]) -> pl.DataFrame:
        """Return `id` and `labels` (null without gold) in the order of `ids`.

        Raises
        ------
        GoldError
            A gold row is not among the ids.

        Examples
        --------
        >>> schema = LabelSchema(["late", "lost"], exclusive=False)
        >>> gold = load_tag_gold(pl.DataFrame({"id": ["a"], "labels": ["late|lost"]}), schema=schema)
        >>> gold.join(["b", "a"]).rows()
        [('b', None), ('a', ['late', 'lost'])]
        """
        series = ids if isinstance(ids, pl.Series) else pl.Series(list(ids), dtype=pl.String)
        wanted = pl.DataFrame({"id": series.cast(pl.String)})
        strange = self.frame.join(wanted, on="id", how="anti")["id"]
        if strange.len():
            shown = ", ".join(repr(id) for id in strange.head(FEW))
            raise GoldError(
                f"{strange.len()} of {self.frame.height} gold ids are not in the corpus: {shown}",
                hint="the id columns of gold and corpus must mean the same: task.gold.id, task.corpus.id",
            )
        return wanted.join(self.frame, on="id", how="left", maintain_order="left")

    def parted(self, share: float, *, seed: int = 0) -> tuple[TagGold, TagGold]:
        """Return two sets of which the first holds about that share of the rows, chosen by a hash of their ids.

        Examples
        --------
        >>> table = pl.DataFrame({"id": [str(i) for i in range(100)], "labels": [["late"]] * 100})
        >>> one, other = load_tag_gold(table, schema=LabelSchema(["late", "lost"], exclusive=False)).parted(0.3)
        >>> one.frame.height, other.frame.height
        (26, 74)
        """
        limit = int(share * 2**64)
        ids = self.frame["id"]
        inside = pl.Series([event_hash(f"gold {id}", seed) < limit for id in ids], dtype=pl.Boolean)
        return replace(self, frame=self.frame.filter(inside)), replace(self, frame=self.frame.filter(~inside))


def load_tag_gold(
    source: str | Path | pl.DataFrame | pl.LazyFrame,
    *,
    schema: LabelSchema,
    id: str = "id",
    label: str = "labels",
    annotator: str | None = None,
    time: str | None = None,
    where: str | pl.Expr | None = None,
    separator: str | None = None,
    leave_out_unknown: bool = False,
) -> TagGold:
    """Read gold of a task whose rows may have several labels.

    Parameters
    ----------
    source
        A Parquet, CSV, TSV or JSONL (NDJSON) file, or a frame.
    schema
        The tags, of a schema that is not exclusive; names and aliases are taken.
    id, label
        Columns. Tags are a list, or one text with ``|`` between them; an empty list, an empty text or ``|`` alone says
        that the row has none of the tags, null that it has no gold. An empty cell of a CSV file is null.
    annotator
        Column that says who gave the tags. With several annotators a row gets each tag that more than half of them
        gave.
    time
        Column that says when: of several answers of one annotator to one row the latest counts.
    where
        SQL text or Polars expression over the table's columns; only rows where it is true are taken.
    separator
        The character between the columns of a CSV file, as in `load_gold`.
    leave_out_unknown
        Tags that the schema doesn't know are left out, counted in `unknown` and told in a note; otherwise they are an
        error.

    Raises
    ------
    SchemaError
        The schema is exclusive.
    GoldError, Problems
        The file can't be read, a column is missing or holds no tags, ids are null, tags are unknown, or a row
        stands twice and neither annotator nor time tells which counts.

    Examples
    --------
    >>> schema = LabelSchema(["late", "lost", "rude"], exclusive=False)
    >>> answers = {"id": ["a"] * 3, "labels": ["late", "late|rude", "lost|late"], "who": ["ann", "bob", "cid"]}
    >>> load_tag_gold(pl.DataFrame(answers), schema=schema, annotator="who").frame.rows()
    [('a', ['late'])]
    """
    if schema.exclusive:
        raise SchemaError("rows of this schema have one label each", hint="read their gold with load_gold")
    named = {"id": id, "label": label, "annotator": annotator, "time": time}
    place, rows, whole = read_rows(source, named, where=where, separator=separator)
    rows = _joined(rows, label, place)
    labeled = clean_rows(rows.with_columns(pl.col("label").replace(NONE_OF_THEM, JOIN))).drop_nulls("label")
    no_null_ids(labeled, place)
    if time:
        labeled = timed_answers(labeled, place)
    answers = labeled.with_columns(pl.col("label").str.split(JOIN)).explode("label", empty_as_null=True)
    answers = answers.with_columns(pl.col("label").str.strip_chars())
    named_rows, unknown = _named(answers, schema, place, leave_out_unknown)
    latest = latest_answers(_together(labeled, named_rows), place)
    frame = _settled(latest, schema)
    notes = _notes(whole, rows, labeled, unknown, where)
    return TagGold(frame, schema, tuple(notes), unknown)


def _joined(rows: pl.DataFrame, label: str, place: str) -> pl.DataFrame:
    """Return rows with their tags as one text; empty for none of them."""
    kind: Any = rows["label"].dtype
    if isinstance(kind, pl.List) and kind.inner in (pl.String, pl.Null):
        return rows.with_columns(pl.col("label").cast(pl.List(pl.String)).list.join(JOIN))
    if kind.is_nested() or kind.is_numeric():
        raise GoldError(
            f"the gold column {label!r} holds {kind}: neither lists of tags nor text",
            where=place,
            hint=f"a list of names, or one text with {JOIN} between them: late{JOIN}rude",
        )
    return rows.with_columns(pl.col("label").cast(pl.String))


def _named(
    answers: pl.DataFrame, schema: LabelSchema, place: str, leave_out: bool
) -> tuple[pl.DataFrame, tuple[tuple[str, int], ...]]:
    """Return one row for each tag of an answer, by its name in the schema, and the tags that it doesn't know."""
    given = answers.filter(pl.col("label") != "")
    names = {text: schema.label(schema.code(text)) for text in given["label"].unique() if text in schema}
    strange = given.filter(~pl.col("label").is_in(list(names)))
    if strange.height and not leave_out:
        raise _unknown(strange, schema, place)
    counts = Counter(strange["label"].to_list())
    known = given.filter(pl.col("label").is_in(list(names)))
    if names:
        known = known.with_columns(pl.col("label").replace_strict(names, return_dtype=pl.String))
    return known.unique([ROW, "label"], maintain_order=True), tuple(
        sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    )


def _unknown(strange: pl.DataFrame, schema: LabelSchema, place: str) -> GoldError:
    spellings = [text for tag in schema.labels for text in (tag.name, *tag.aliases)]
    at = {name: strange[ROW].filter(strange["label"] == name).to_list() for name in strange["label"].unique()}
    shown = sorted(at, key=lambda name: (-len(at[name]), name))
    each = [f"{name!r} ({row_numbers(at[name])})" for name in shown[:FEW]]
    more = f" and {len(shown) - FEW} more" if len(shown) > FEW else ""
    near = [f"{name!r}: {hint}" for name in shown[:FEW] if (hint := did_you_mean(name, spellings))]
    what = plural(strange.height, "gold tag is", "gold tags are")
    return GoldError(
        f"{what} unknown: {', '.join(each)}{more}",
        where=place,
        available=schema.names,
        hint="; ".join([*near, "or leave them out, counted: task.gold.unknown=leave_out"]),
    )


def _together(labeled: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Return the answers with their known tags as one text, in alphabetical order."""
    tags = named.sort(ROW, "label").group_by(ROW, maintain_order=True).agg(pl.col("label").str.join(JOIN))
    return (
        labeled.drop("label")
        .join(tags, on=ROW, how="left", maintain_order="left")
        .with_columns(pl.col("label").fill_null(NONE_OF_THEM))
    )


def _settled(latest: pl.DataFrame, schema: LabelSchema) -> pl.DataFrame:
    """Return for each id the tags that more than half of its answers give."""
    asked = latest.group_by("id").agg(pl.len().alias("answers"))
    tags = latest.select("id", pl.col("label").str.split(JOIN)).explode("label", empty_as_null=True)
    counted = tags.filter(pl.col("label") != "").group_by("id", "label").agg(pl.len().alias("n"))
    kept = counted.join(asked, on="id").filter(2 * pl.col("n") > pl.col("answers"))
    places = {name: code for code, name in enumerate(schema.names)}
    order = pl.Series([places[name] for name in kept["label"]], dtype=pl.Int64)
    lists = (
        kept.with_columns(order.alias("place"))
        .sort("id", "place")
        .group_by("id", maintain_order=True)
        .agg(pl.col("label").alias("labels"))
    )
    empty = pl.lit([], dtype=pl.List(pl.String))
    return (
        asked.select("id")
        .join(lists, on="id", how="left")
        .with_columns(pl.col("labels").fill_null(empty))
        .sort("id")
        .cast({"id": pl.String, "labels": pl.List(pl.String)})
    )


def _notes(
    whole: int,
    rows: pl.DataFrame,
    labeled: pl.DataFrame,
    unknown: Sequence[tuple[str, int]],
    where: object,
) -> list[str]:
    notes = []
    if where is not None and whole and not rows.height:
        notes.append(f"the condition on gold keeps none of its {whole} rows: {where}")
    elif not rows.height:
        notes.append("the gold table has no rows")
    left = rows.height - labeled.height
    if left:
        notes.append(
            plural(
                left, "gold row has no answer and is left out", "gold rows have no answer and are left out"
            )
        )
    if unknown:
        most = ", ".join(f"{name} ({count})" for name, count in unknown[:FEW])
        what = plural(len(unknown), "tag of gold is", "tags of gold are")
        notes.append(f"{what} not in the schema and left out; most often: {most}")
    return notes
