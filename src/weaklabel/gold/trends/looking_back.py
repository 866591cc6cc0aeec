"""Everything that the report on people's work shows, made from frames; people appear by pseudonym."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import polars as pl

from weaklabel.gold.judging.confusion import classes_of
from weaklabel.gold.ledger import records
from weaklabel.gold.trends.agreed import SOURCES, among, class_names, judged, with_gold
from weaklabel.gold.trends.contested import confusions, contested_pairs, hardest
from weaklabel.gold.trends.costs import Rates, costs
from weaklabel.gold.trends.found import PEOPLE, QUARANTINES, Look, Sources, Trends
from weaklabel.gold.trends.occasions import FEW, by_number, known_only, occasions, renamed
from weaklabel.gold.trends.shares import made_by_people, moved
from weaklabel.gold.trends.times import times
from weaklabel.schema import LabelSchema

_EVERYDAY = ("production", "check", "other")


def look_back(
    sources: Sources,
    *,
    task: str,
    schema: LabelSchema,
    rates: Rates | None = None,
    seed: int = 0,
    most: int = 20,
    confidence: float = 0.95,
) -> Trends:
    """Return how agreement, time, cost and the shares of people and rules have moved.

    Parameters
    ----------
    sources
        What it is made from.
    task, schema
        The task and its labels.
    rates
        What time costs, by the annotators' own names.
    seed
        Seed of every resampling; the order of rows changes nothing.
    most
        Number of hardest items.
    confidence
        Nominal coverage of every interval.

    Examples
    --------
    >>> from weaklabel.gold.trends.found import no_records
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> found.notes
    ('Nobody has answered yet: there is no agreement, time or cost to show.',)
    """
    rates = rates or Rates()
    gold = _gold(sources)
    audited = gold.filter(pl.col("role") == "audit")["item"].to_list()
    answers, odd = known_only(sources.answers, schema, "answer")
    gold, odd_gold = known_only(gold, schema, "gold item")
    rows = occasions(
        answers,
        assignments=sources.assignments,
        batches=sources.batches,
        quarantines=sources.quarantines,
        audited=audited,
        names=sources.names,
    )
    order = _version_order(sources.guidelines, rows)
    looks = tuple(
        _look(rows, gold, schema, label, order, seed=seed, most=most, confidence=confidence)
        for label in class_names(schema)
    )
    made = made_by_people(rows, sources.settled, _first_gold(sources.gold))
    shares = moved(made, sources.runs, sources.both)
    names = sources.names
    spent = costs(
        rows,
        made,
        rates if names is None else rates.renamed(names),
        rule_labels=int(shares["rule"][-1]) if sources.runs.height and shares.height else None,
        seed=seed,
        confidence=confidence,
    )
    spans = {by: times(rows, by, confidence=confidence) for by in ("week", "annotator", "suggested", "all")}
    spans["guideline"] = _in_order(times(rows, "guideline", confidence=confidence), order)
    spans["annotator"] = _people_in_order(spans["annotator"], "group")
    return Trends(
        task,
        rows.height,
        rows["item"].n_unique(),
        looks,
        spans,
        _people(rows, spans["annotator"]),
        _quarantines(sources, rows),
        spent,
        shares,
        rates.currency,
        (*odd, *odd_gold, *_notes(rows, looks)),
    )


# ---- parts ----


def _look(
    rows: pl.DataFrame,
    gold: pl.DataFrame,
    schema: LabelSchema,
    label: str | None,
    order: Sequence[str],
    *,
    seed: int,
    most: int,
    confidence: float,
) -> Look:
    classes = classes_of(schema, label)
    held = judged(rows, gold, schema=schema, label=label)
    counts = held.filter(~pl.col("aside"))
    everyday = counts.filter(pl.col("use").is_in(_EVERYDAY))
    against = partial(with_gold, classes=classes, confidence=confidence)
    between = partial(among, everyday, classes=classes, seed=seed, confidence=confidence)
    return Look(
        label,
        classes,
        {
            "week": against(counts, "week"),
            "guideline": _in_order(against(counts, "guideline"), order),
            "annotator": _people_in_order(against(held, "annotator"), "group"),  # those set aside, too
        },
        {"week": between("week"), "guideline": _in_order(between("guideline"), order)},
        contested_pairs(everyday, classes=classes, confidence=confidence),
        hardest(counts.filter(pl.col("use") != "audit"), most=most, confidence=confidence),
        _people_in_order(confusions(held, confidence=confidence), "annotator"),
    )


def _gold(sources: Sources) -> pl.DataFrame:
    """Return the gold items that count, their experts by pseudonym."""
    now = records.current("gold", sources.gold).filter(pl.col("role") != "removed")
    kept = now.select("item", "labels", "role", "experts")
    if sources.names is None:
        return kept
    names = dict(sources.names)
    shown = [[names.get(who, who) for who in experts or []] for experts in kept["experts"].to_list()]
    return kept.with_columns(pl.Series("experts", shown, dtype=pl.List(pl.String)))


def _first_gold(gold: pl.DataFrame) -> pl.DataFrame:
    """Return the items that are gold, and when each became it."""
    now = records.current("gold", gold).filter(pl.col("role") != "removed").select("item")
    first = gold.group_by("item").agg(at=pl.col("recorded_at").min())
    return now.join(first, on="item", how="left").sort("item")


def _people(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    opinion = pl.col("kind").is_in(["skip", "unsure"])
    found = rows.group_by("annotator").agg(
        answers=pl.len(),
        aside=pl.col("aside").sum(),
        no_opinion=opinion.sum(),
        unsuggested=(pl.col("suggested") == False).sum(),  # noqa: E712 - null is neither
    )
    took = spans.select(annotator="group", median="median", low="low", high="high")
    both = found.join(took, on="annotator", how="left")
    return _people_in_order(both.select(pl.col(n).cast(t) for n, t in PEOPLE.items()), "annotator")


def _quarantines(sources: Sources, rows: pl.DataFrame) -> pl.DataFrame:
    now = records.current("quarantine", sources.quarantines)
    names = dict(sources.names or {})
    if names:
        hidden = [_without_names(reason, names) for reason in now["reason"]]
        now = renamed(now, names).with_columns(pl.Series("reason", hidden, dtype=pl.String))
    counts = rows.group_by("batch", "annotator").agg(answers=pl.len())
    found = now.join(counts, on=["batch", "annotator"], how="left").select(
        "batch",
        "annotator",
        pl.col("answers").fill_null(0),
        "reason",
        "lifted",
        failed=pl.col("failed").list.len(),
        at="recorded_at",
    )
    return found.select(pl.col(n).cast(t) for n, t in QUARANTINES.items()).sort("at", "batch", "annotator")


def _without_names(text: str | None, names: Mapping[str, str]) -> str | None:
    """Return a text with pseudonyms for names, longer names first; a name that is a number may be any number."""
    if text is None or all(name.isdigit() for name in names):
        return text
    every = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if not name.isdigit())
    return re.sub(rf"(?<!\w)(?:{every})(?!\w)", lambda found: names[found.group()], text)


def _version_order(guidelines: pl.DataFrame, rows: pl.DataFrame) -> tuple[str, ...]:
    """Return the guideline versions as they were recorded; those nobody recorded, by their first answer."""
    said = guidelines.sort("number")["version"].to_list() if guidelines.height else []
    used = rows.group_by("guideline").agg(pl.col("order").min()).sort("order")["guideline"].to_list()
    return tuple(dict.fromkeys([*said, *used]))


def _in_order(frame: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """Return a table with its groups in an order."""
    place = {name: i for i, name in enumerate(order)}
    first = ["source"] if "source" in frame.columns else []
    at = pl.col("group").replace_strict(place, default=len(place), return_dtype=pl.Int64)
    return frame.sort(*first, at, "group", maintain_order=True)


def _people_in_order(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return a table with people in the order of their pseudonyms' numbers."""
    names = sorted(frame[column].drop_nulls().unique(), key=by_number)
    place = {name: i for i, name in enumerate(names)}
    at = pl.col(column).replace_strict(place, default=len(place), return_dtype=pl.Int64)
    return frame.sort(at, maintain_order=True)


def _notes(rows: pl.DataFrame, looks: Sequence[Look]) -> tuple[str, ...]:
    if not rows.height:
        return ("Nobody has answered yet: there is no agreement, time or cost to show.",)
    rules: list[tuple[Callable[[], bool], str]] = [
        (
            lambda: rows.height < FEW,
            f"There are only {rows.height} answers: the intervals are wide, and no trend can be read from them.",
        ),
        (
            lambda: not rows["timed"].all(),
            f"{rows.height - int(rows['timed'].sum()):,} of {rows.height:,} answers come without their date: the week of their "
            "import stands in.",
        ),
        (
            lambda: (rows["guideline"] == "unknown").any(),
            f"{int((rows['guideline'] == 'unknown').sum()):,} of {rows.height:,} answers name no guideline version.",
        ),
        (
            lambda: not any("check" in look.gold["week"]["source"] for look in looks),
            f"There are no answers to {SOURCES['check']}: how right people are in their daily work is not measured.",
        ),
        (
            lambda: bool(rows["aside"].any()),
            f"{int(rows['aside'].sum()):,} answers are set aside: they are in no figure by week or guideline version, but in "
            "each person's own figures and in time and cost.",
        ),
    ]
    return tuple(said for holds, said in rules if holds())
