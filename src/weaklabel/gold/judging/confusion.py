"""What people say where gold says something else, and which items confuse several people."""

from __future__ import annotations

from typing import Any

import polars as pl

from weaklabel.errors import GoldError, SchemaError, some
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.schema import LabelSchema

CONFUSION: dict[str, Any] = {"gold": pl.String, "said": pl.String, "n": pl.Int64, "share": pl.Float64}
"""How often what was said for each class of gold; `share` is of that class's answers."""

CONFUSING: dict[str, Any] = {
    "item": pl.String,
    "label": pl.String,
    "counter": pl.String,
    "wrong": pl.Int64,
    "answered": pl.Int64,
    "comments": pl.List(pl.String),
}
"""Items that several people got wrong: what gold says, what most of them said instead (`counter`), how many were wrong
of how many, and their comments."""


_NONE, _SEVERAL = "(none of these)", "(several labels)"


def classes_of(schema: LabelSchema, label: str | None = None) -> tuple[str, ...]:
    """Return what an answer can say as one class.

    Parameters
    ----------
    schema
        The labels.
    label
        For a schema that is not exclusive: the label that is asked about.

    Raises
    ------
    SchemaError
        The schema is not exclusive and no label is asked about, or the other way round.

    Examples
    --------
    >>> classes_of(LabelSchema(["ham", "spam"]))
    ('ham', 'spam', '(none of these)', '(several labels)')
    >>> classes_of(LabelSchema(["x", "y"], exclusive=False), "x")
    ('x', 'not x')
    """
    if schema.exclusive and label is not None:
        raise SchemaError(
            "one label is asked about where labels don't exclude each other", hint="leave out label="
        )
    if schema.exclusive:
        return (*schema.names, _NONE, _SEVERAL)
    if label is None:
        raise SchemaError(
            "answers with several labels are not judged as one class each",
            available=schema.names,
            hint="judge one label at a time: label=…",
        )
    name = schema.label(schema.code(label))
    return (name, f"not {name}")


def against_gold(
    answers: pl.DataFrame, gold: pl.DataFrame, *, schema: LabelSchema, label: str | None = None
) -> pl.DataFrame:
    """Return answers to gold items as classes, beside what gold says.

    Parameters
    ----------
    answers
        Current answers: `item`, `annotator`, `kind`, `labels`, and if wanted `comment`; those to other items are
        passed over.
    gold
        `item` and `labels` (empty: none of these).
    schema, label
        See `classes_of`.

    Returns
    -------
    polars.DataFrame
        `item`, `annotator`, `comment`, and the classes `gold` and `said` (null: no answer), sorted by annotator and
        item.

    Raises
    ------
    GoldError
        A column is missing, a person answers an item twice, or gold names an item twice.
    SchemaError
        A label is not in the schema, or see `classes_of`.

    Examples
    --------
    >>> gold = pl.DataFrame({"item": ["a", "b"], "labels": [["ham"], ["spam"]]})
    >>> answers = pl.DataFrame({"item": ["a", "b"], "annotator": "ann", "kind": ["label", "skip"], "labels": [["ham"], []]})
    >>> against_gold(answers, gold, schema=LabelSchema(["ham", "spam"])).select("item", "gold", "said").rows()
    [('a', 'ham', 'ham'), ('b', 'spam', None)]
    """
    need_columns(answers, ("item", "annotator", "kind", "labels"), "the answers")
    need_columns(gold, ("item", "labels"), "gold")
    classes = classes_of(schema, label)
    if gold["item"].is_duplicated().any():
        raise GoldError(
            f"gold names an item twice: {some(gold.filter(gold['item'].is_duplicated())['item'].unique())}"
        )
    comment = (
        pl.col("comment") if "comment" in answers.columns else pl.lit(None, dtype=pl.String).alias("comment")
    )
    known = gold.select("item", pl.col("labels").alias("truth"))
    rows = answers.join(known, on="item", how="inner").with_columns(comment).sort("annotator", "item")
    twice = rows.filter(rows.select("item", "annotator").is_duplicated())
    if twice.height:
        item, person = twice.select("item", "annotator").row(0)
        raise GoldError(f"item {item!r} is answered twice by {person!r}", hint="give current answers only")
    right = [_class(schema, "label", list(names or ()), label, classes, item)
             for item, names in rows.select("item", "truth").iter_rows()]  # fmt: skip
    said = [_class(schema, kind, list(names or ()), label, classes, item)
            for item, kind, names in rows.select("item", "kind", "labels").iter_rows()]  # fmt: skip
    return rows.select("item", "annotator", "comment").with_columns(
        pl.Series("gold", right, dtype=pl.String), pl.Series("said", said, dtype=pl.String)
    )


def confusion(rows: pl.DataFrame) -> pl.DataFrame:
    """Return how often what was said for each class of gold.

    Parameters
    ----------
    rows
        One row an answer: `gold` and `said` (null: no answer).

    Returns
    -------
    polars.DataFrame
        Columns of `CONFUSION`, sorted by gold, then the most frequent first.

    Examples
    --------
    >>> confusion(pl.DataFrame({"gold": ["ham", "ham", "spam"], "said": ["ham", "spam", "spam"]})).rows()
    [('ham', 'ham', 1, 0.5), ('ham', 'spam', 1, 0.5), ('spam', 'spam', 1, 1.0)]
    """
    need_columns(rows, ("gold", "said"), "the answers")
    counts = (
        rows.drop_nulls(["gold", "said"]).group_by("gold", "said").agg(pl.len().cast(pl.Int64).alias("n"))
    )
    shares = counts.with_columns((pl.col("n") / pl.col("n").sum().over("gold")).alias("share"))
    return shares.sort("gold", "n", "said", descending=[False, True, False]).select(
        pl.col(name).cast(kind) for name, kind in CONFUSION.items()
    )


def confusing(rows: pl.DataFrame, least: int = 2) -> pl.DataFrame:
    """Return the items that several people got wrong, those that confuse most first.

    Parameters
    ----------
    rows
        One row an answer: `item`, `gold`, `said` (null: no answer), and if wanted `comment`.
    least
        Number of people who got it wrong.

    Returns
    -------
    polars.DataFrame
        Columns of `CONFUSING`; of several labels given equally often, `counter` is the first by name.

    Examples
    --------
    >>> rows = pl.DataFrame({"item": ["a", "a", "a", "b"], "gold": ["ham"] * 4, "said": ["spam", "spam", "ham", "spam"]})
    >>> confusing(rows).select("item", "label", "counter", "wrong", "answered").rows()
    [('a', 'ham', 'spam', 2, 3)]
    """
    need_columns(rows, ("item", "gold", "said"), "the answers")
    comment = (
        pl.col("comment") if "comment" in rows.columns else pl.lit(None, dtype=pl.String).alias("comment")
    )
    said = rows.with_columns(comment).drop_nulls(["gold", "said"])
    wrong = said.filter(pl.col("said") != pl.col("gold"))
    per_label = wrong.group_by("item", "said").agg(pl.len().alias("times"))
    counter = per_label.sort("item", "times", "said", descending=[False, True, False])
    counter = counter.unique(subset=["item"], keep="first", maintain_order=True)
    comments = rows.with_columns(comment).drop_nulls("comment").group_by("item")
    found = (
        said.group_by("item")
        .agg(
            pl.col("gold").first().alias("label"),
            (pl.col("said") != pl.col("gold")).sum().alias("wrong"),
            pl.len().alias("answered"),
        )
        .filter(pl.col("wrong") >= least)
        .join(counter.select("item", pl.col("said").alias("counter")), on="item")
        .join(comments.agg(pl.col("comment").sort().alias("comments")), on="item", how="left")
        .with_columns(pl.col("comments").fill_null([]), (pl.col("wrong") / pl.col("answered")).alias("share"))
    )
    found = found.sort("share", "wrong", "item", descending=[True, True, False])
    return found.select(pl.col(name).cast(kind) for name, kind in CONFUSING.items())


def _class(
    schema: LabelSchema, kind: str, labels: list[str], label: str | None, classes: tuple[str, ...], item: str
) -> str | None:
    """Return the class that an answer, or gold, names; None where it is no answer."""
    names = [schema.label(schema.code(name, where=f"item {item!r}")) for name in labels]
    if label is not None:
        if kind == "not":
            return classes[1] if classes[0] in names else None
        if kind not in ("label", "none"):
            return None
        return classes[0] if classes[0] in names else classes[1]
    if kind == "none" or (kind == "label" and not names):
        return _NONE
    if kind != "label":
        return None
    return names[0] if len(names) == 1 else _SEVERAL
