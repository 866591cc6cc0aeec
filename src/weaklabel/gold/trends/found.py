"""What a report on people's work is made from, and what it shows: tables that name people by pseudonym."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from weaklabel.gold.ledger import records
from weaklabel.gold.ledger.answers import LEDGER
from weaklabel.gold.trends.costs import Costs
from weaklabel.gold.trends.shares import RUNS, SETTLED

PEOPLE: dict[str, Any] = {
    "annotator": pl.String,
    "answers": pl.Int64,
    "aside": pl.Int64,
    "no_opinion": pl.Int64,
    "unsuggested": pl.Int64,
    "median": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
"""What each person did: answers, those set aside, skips and unsure ones, those without a suggestion, and the median
time of an answer with its interval."""

QUARANTINES: dict[str, Any] = {
    "batch": pl.String,
    "annotator": pl.String,
    "answers": pl.Int64,
    "failed": pl.Int64,
    "reason": pl.String,
    "lifted": pl.Boolean,
    "at": pl.Datetime("us", "UTC"),
}
"""Batches of people that were set aside: how many answers, how many checks failed, why, and whether they count again."""


@dataclass(frozen=True, eq=False)
class Sources:
    """What a report on people's work is made from, as the ledger and the runs give it.

    Parameters
    ----------
    answers
        Every answer: `weaklabel.gold.ledger.answers.LEDGER`.
    gold
        Every gold record; what counts is folded from it.
    assignments, batches, quarantines, guidelines
        Records of these kinds.
    settled
        See `weaklabel.gold.trends.shares.SETTLED`.
    runs
        See `weaklabel.gold.trends.shares.RUNS`.
    both
        `run` and `item`: items that people have labeled and that a run has labeled too.
    names
        Annotator -> pseudonym.

    Examples
    --------
    >>> Sources(*no_records()).answers.height
    0
    """

    answers: pl.DataFrame
    gold: pl.DataFrame
    assignments: pl.DataFrame
    batches: pl.DataFrame
    quarantines: pl.DataFrame
    guidelines: pl.DataFrame
    settled: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SETTLED))
    runs: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RUNS))
    both: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"run": pl.String, "item": pl.String})
    )
    names: Mapping[str, str] | None = None


@dataclass(frozen=True, eq=False)
class Look:
    """Agreement on one question: which class an item is, or, of labels that don't exclude each other, whether it has one.

    Parameters
    ----------
    label
        The label that is asked about; None: which of all classes.
    classes
        What an answer can say.
    gold
        Agreement with gold by `week`, `guideline` and `annotator`: `weaklabel.gold.trends.agreed.WITH_GOLD`.
    people
        Agreement among people by `week` and `guideline`: `weaklabel.gold.trends.agreed.AMONG`.
    pairs, hardest, confusions
        See `weaklabel.gold.trends.contested`.

    Examples
    --------
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> found.looks[0].label, found.looks[0].measured
    (None, False)
    """

    label: str | None
    classes: tuple[str, ...]
    gold: Mapping[str, pl.DataFrame]
    people: Mapping[str, pl.DataFrame]
    pairs: pl.DataFrame
    hardest: pl.DataFrame
    confusions: pl.DataFrame

    @property
    def measured(self) -> bool:
        """Whether anything can be said about agreement."""
        return any(frame.height for frame in (*self.gold.values(), *self.people.values()))


@dataclass(frozen=True, eq=False)
class Trends:
    """How people's work has moved; made by `weaklabel.gold.trends.looking_back.look_back`.

    Parameters
    ----------
    task
        Name of the task.
    answers, items
        Numbers of answers (one for each person, item, batch and guideline version) and of items.
    looks
        Agreement, one for each question.
    times
        Time an answer by `week`, `guideline`, `annotator`, `suggested` and `all`: `weaklabel.gold.trends.times.TIMES`.
    people
        Columns of `PEOPLE`.
    quarantines
        Columns of `QUARANTINES`.
    costs
        What a label costs.
    shares
        See `weaklabel.gold.trends.shares.MOVED`.
    currency
        How money is shown.
    notes
        What a reader should know.

    Examples
    --------
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> found.answers, found.people.height, found.shares.height
    (0, 0, 0)
    """

    task: str
    answers: int
    items: int
    looks: tuple[Look, ...]
    times: Mapping[str, pl.DataFrame]
    people: pl.DataFrame
    quarantines: pl.DataFrame
    costs: Costs
    shares: pl.DataFrame
    currency: str = ""
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show: neither an answer nor a label."""
        return not self.answers and not self.shares.height

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return every table by name, none of which names an item or holds a text.

        Examples
        --------
        >>> from weaklabel.gold.trends.looking_back import look_back
        >>> from weaklabel.schema import LabelSchema
        >>> empty = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
        >>> sorted(empty.tables())[:3]
        ['agreement_among_people', 'agreement_with_gold', 'confusions']
        """
        found: dict[str, list[pl.DataFrame]] = {}
        for look in self.looks:
            parts = {
                "agreement_with_gold": _stacked(look.gold),
                "agreement_among_people": _stacked(look.people),
                "contested_pairs": look.pairs,
                "confusions": look.confusions,
            }
            for name, frame in parts.items():
                asked = pl.lit(look.label, dtype=pl.String).alias("asked_about")
                found.setdefault(name, []).append(frame.select(asked, pl.all()))
        whole = {
            "time": _stacked(self.times),
            "people": self.people,
            "quarantines": self.quarantines.drop("reason"),
            "costs": self.costs.table,
            "shares": self.shares,
        }
        return {**{name: pl.concat(frames) for name, frames in found.items()}, **whole}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Examples
        --------
        >>> from weaklabel.gold.trends.looking_back import look_back
        >>> from weaklabel.schema import LabelSchema
        >>> empty = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
        >>> empty.to_dict()["answers"], empty.empty
        (0, True)
        """
        return {
            "task": self.task,
            "answers": self.answers,
            "items": self.items,
            "agreement": [
                {
                    "label": look.label,
                    "with_gold": {by: frame.to_dicts() for by, frame in look.gold.items()},
                    "among_people": {by: frame.to_dicts() for by, frame in look.people.items()},
                    "contested_pairs": look.pairs.to_dicts(),
                    "hardest": look.hardest.to_dicts(),
                    "confusions": look.confusions.to_dicts(),
                }
                for look in self.looks
            ],
            "time": {by: frame.to_dicts() for by, frame in self.times.items()},
            "people": self.people.to_dicts(),
            "quarantines": self.quarantines.to_dicts(),
            "costs": self.costs.table.to_dicts(),
            "currency": self.currency,
            "shares": self.shares.to_dicts(),
            "notes": [*self.notes, *self.costs.notes],
        }


def no_records() -> tuple[pl.DataFrame, ...]:
    """Return empty frames for the first six fields of `Sources`.

    Examples
    --------
    >>> [frame.height for frame in no_records()]
    [0, 0, 0, 0, 0, 0]
    """
    kinds = ("gold", "assignment", "batch", "quarantine", "guideline")
    return (pl.DataFrame(schema=LEDGER), *(pl.DataFrame(schema=records.columns(kind)) for kind in kinds))


def _stacked(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return tables of one kind under one another, with a column that says by what they are grouped."""
    return pl.concat([frame.select(pl.lit(by).alias("by"), pl.all()) for by, frame in tables.items()])
