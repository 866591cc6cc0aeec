"""What people name in their answers, how often they were right before, and what models make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import GoldError, SchemaError, some
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.judging.quarantine import set_aside
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create
from weaklabel.schema import LabelSchema

HISTORY: dict[str, Any] = {"annotator": pl.String, "gold": pl.String, "said": pl.String, "n": pl.Int64}
"""How often an annotator said what for each class of gold; null is none of the labels."""

OUTCOME = "outcome"
NEEDED = ("item", "annotator", "kind", "labels")

Float = npt.NDArray[np.float64]
Cells = dict[tuple[str | None, str | None], float]
"""Counts by gold and answer."""

_MEMBERS: tuple[Mapping[str, Any], ...] = ({"smoothing": 0}, {})


def history(
    answers: pl.DataFrame, gold: pl.DataFrame, *, schema: LabelSchema, label: str | None = None
) -> pl.DataFrame:
    """Return how often each annotator said what for each class of gold: what `consensus` takes as `history`.

    Parameters
    ----------
    answers
        Current answers to gold items (checks, training rounds); other items are passed over.
    gold
        `item` (or `id`) and `label`, null for none of these; or `labels`, a list, empty for none of these.
    schema
        The labels.
    label
        For a schema that is not exclusive: the label that is asked about.

    Returns
    -------
    polars.DataFrame
        Columns of `HISTORY`, sorted.

    Examples
    --------
    >>> said = pl.DataFrame({"item": ["g1", "g2"], "annotator": "ann", "kind": "label", "labels": [["ham"], ["ham"]]})
    >>> gold = pl.DataFrame({"item": ["g1", "g2"], "label": ["ham", "spam"]})
    >>> history(said, gold, schema=LabelSchema(["ham", "spam"])).rows()
    [('ann', 'ham', 'ham', 1), ('ann', 'spam', 'ham', 1)]
    """
    known = known_labels(gold, schema, outcome_names(schema, label))
    rows = with_outcomes(prepared(answers, None), schema, label).filter("counts")
    rows = rows.filter(pl.col("item").is_in(list(known)))
    told = rows.with_columns(
        pl.col("item").replace_strict(known, default=None, return_dtype=pl.String).alias("gold"),
        pl.col(OUTCOME).alias("said"),
    )
    counts = told.group_by("annotator", "gold", "said").agg(pl.len().alias("n"))
    return counts.sort("annotator", "gold", "said", nulls_last=True).select(
        pl.col(name).cast(kind) for name, kind in HISTORY.items()
    )


def prepared(answers: pl.DataFrame, quarantines: pl.DataFrame | None) -> pl.DataFrame:
    """Return answers with `comment` and `aside`, sorted by item and annotator."""
    need_columns(answers, NEEDED, "the answers")
    _one_each(answers)
    rows = answers
    if "comment" not in rows.columns:
        rows = rows.with_columns(comment=pl.lit(None, dtype=pl.String))
    aside = pl.lit(False)
    if quarantines is not None:
        need_columns(answers, ("batch",), "the answers")
        out = set_aside(quarantines).unique().with_columns(aside=pl.lit(True))
        rows = rows.join(out, on=["batch", "annotator"], how="left")
        aside = pl.col("aside").fill_null(False)
    text = [pl.col(name).cast(pl.String) for name in ("item", "annotator", "kind", "comment")]
    labels = pl.col("labels").cast(pl.List(pl.String)).fill_null([])
    blank = pl.col("comment").str.strip_chars() == ""
    kept = pl.when(~blank).then("comment").alias("comment")
    return rows.select(*text, labels, aside.alias("aside")).with_columns(kept).sort("item", "annotator")


def _one_each(answers: pl.DataFrame) -> None:
    doubled = answers.filter(pl.struct("item", "annotator").is_duplicated())
    if doubled.height:
        first = doubled.sort("item", "annotator").row(0, named=True)
        raise GoldError(
            f"annotator {first['annotator']!r} has several answers to item {first['item']!r}",
            hint="take the latest: Ledger.current, or weaklabel.gold.ledger.answers.latest",
        )


def outcome_names(schema: LabelSchema, label: str | None) -> list[str | None]:
    """Return the outcomes apart from "none"."""
    if schema.exclusive and label is not None:
        raise SchemaError(
            "consensus on one label is for schemas that are not exclusive", hint="leave out label="
        )
    if not schema.exclusive and label is None:
        raise SchemaError(
            "answers of a multi-label schema are settled one label at a time",
            available=schema.names,
            hint="label=…",
        )
    return list(schema.names) if label is None else [schema.label(schema.code(label))]


def with_outcomes(rows: pl.DataFrame, schema: LabelSchema, label: str | None) -> pl.DataFrame:
    """Return rows with what each names (null: none of the labels) and whether it counts; names for aliases."""
    names = {}
    for spelling in rows["labels"].explode(empty_as_null=False).drop_nulls().unique(maintain_order=True):
        if spelling not in schema:
            first = rows.filter(pl.col("labels").list.contains(spelling)).row(0, named=True)
            schema.code(spelling, where=f"item {first['item']!r}, annotator {first['annotator']!r}")
        names[spelling] = schema.label(schema.code(spelling))
    if names:
        renamed = pl.element().replace_strict(names, default=None, return_dtype=pl.String)
        rows = rows.with_columns(pl.col("labels").list.eval(renamed))
    kind, labels = pl.col("kind"), pl.col("labels")
    if label is None:
        one = (kind == "label") & (labels.list.len() == 1)
        outcome, names_one = pl.when(one).then(labels.list.first()), one | (kind == "none")
    else:
        asked = schema.label(schema.code(label))
        has = labels.list.contains(asked)
        outcome = pl.when((kind == "label") & has).then(pl.lit(asked))
        names_one = kind.is_in(["label", "none"]) | ((kind == "not") & has)
    return rows.with_columns(outcome.alias(OUTCOME), (names_one & ~pl.col("aside")).alias("counts"))


def known_labels(
    gold: pl.DataFrame | None, schema: LabelSchema, names: list[str | None]
) -> dict[str, str | None]:
    """Return the outcome of each gold item; null: none of `names`."""
    if gold is None:
        return {}
    key = "item" if "item" in gold.columns else "id"
    column = "labels" if "labels" in gold.columns else "label"
    need_columns(gold, (key, column), "the gold")
    found: dict[str, str | None] = {}
    for item, given in gold.select(pl.col(key).cast(pl.String), column).iter_rows():
        labels = given if column == "labels" else [] if given is None else [given]
        where = f"gold item {item!r}"
        named = [schema.label(schema.code(label, where=where)) for label in labels or []]
        if schema.exclusive and len(named) > 1:
            raise GoldError(
                f"{len(named)} labels: {some(named)}", where=where, hint="the schema is exclusive"
            )
        outcome = next((name for name in named if name in names), None)
        if found.setdefault(item, outcome) != outcome:
            raise GoldError(f"two labels: {in_words(found[item])} and {in_words(outcome)}", where=where)
    return found


def past_counts(
    history: pl.DataFrame | None, schema: LabelSchema, names: list[str | None]
) -> dict[str, Cells]:
    """Return counts by annotator, and by gold and answer."""
    if history is None:
        return {}
    need_columns(history, HISTORY, "the history")
    found: dict[str, Cells] = {}
    for who, gold, said, n in history.select(HISTORY.keys()).iter_rows():
        where = f"the history of {who!r}"
        if n is None or n < 0:
            raise GoldError(f"{n} answers", where=where, hint="counts are 0 or more")
        cell = _outcome(gold, schema, names, where), _outcome(said, schema, names, where)
        mine = found.setdefault(who, {})
        mine[cell] = mine.get(cell, 0.0) + float(n)
    return found


def _outcome(name: str | None, schema: LabelSchema, names: list[str | None], where: str) -> str | None:
    if name is None:
        return None
    label = schema.label(schema.code(name, where=where))
    if label not in names:
        raise GoldError(
            f"{name!r} is not what is asked about", where=where, available=list(map(in_words, names))
        )
    return label


def none_is_used(rows: pl.DataFrame, known: dict[str, str | None], past: dict[str, Any]) -> bool:
    """Say whether "none of the labels" is an outcome that somebody gave."""
    here = set(rows["item"])
    return (
        rows.filter(pl.col("counts") & pl.col(OUTCOME).is_null()).height > 0
        or any(name is None for item, name in known.items() if item in here)
        or any(None in cell for cells in past.values() for cell in cells)
    )


def posteriors(
    votes: pl.DataFrame,
    items: pl.Series,
    names: list[str | None],
    known: dict[str, str | None],
    past: dict[str, Cells],
    method: str,
) -> Float:
    """Return the probability of each outcome, (items, outcomes); zeros for items without answers."""
    place = {name: i for i, name in enumerate(names)}
    found = np.zeros((items.len(), len(names)))
    if votes.height:
        codes = pl.Series("code", [place[name] for name in votes[OUTCOME]], dtype=pl.Int8)
        matrix = LabelMatrix.from_answers(votes.with_columns(codes), labeler="annotator")
        where = items.search_sorted(matrix.ids)
        found[where.to_numpy()] = _opinion(matrix, place, known, past, method)
    for i, item in enumerate(items):
        if item in known:
            found[i] = np.eye(len(names))[place[known[item]]]
    return found


def _opinion(
    votes: LabelMatrix,
    place: dict[str | None, int],
    known: dict[str, str | None],
    past: dict[str, Cells],
    method: str,
) -> Float:
    """Return the probability of each outcome for each row of votes."""
    k = len(place)
    shares: Float = create("majority_vote", n_classes=k).fit(votes).predict_proba(votes)
    if method == "majority_vote":
        return shares
    here = set(votes.ids)
    gold = {item: place[name] for item, name in known.items() if item in here} or None
    history = {who: _table(cells, place) for who, cells in past.items()} or None
    models = [create("dawid_skene", n_classes=k, history=history, **options) for options in _MEMBERS]
    mean: Float = np.mean([shares, *(m.fit(votes, gold=gold).predict_proba(votes) for m in models)], axis=0)
    return mean


def _table(cells: Cells, place: dict[str | None, int]) -> Float:
    counts = np.zeros((len(place), len(place)))
    for (gold, said), n in cells.items():
        counts[place[gold], place[said]] = n
    return counts


def in_words(name: str | None) -> str:
    """Return an outcome as messages say it."""
    return "none of the labels" if name is None else repr(name)
