"""Verdicts on training rounds: whether a person's answers to gold are good enough, and what confused people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from weaklabel.agreement import cohen_kappa, krippendorff_alpha, raw_agreement
from weaklabel.errors import GoldError
from weaklabel.gold.judging.confusion import against_gold, classes_of, confusing, confusion
from weaklabel.gold.ledger.records import KINDS
from weaklabel.gold.power import percent
from weaklabel.schema import LabelSchema
from weaklabel.stats import Estimate

_SLACK = 1e-9


@dataclass(frozen=True)
class TrainingRules:
    """When a person has passed.

    Parameters
    ----------
    least
        Answers that are needed for a verdict; with fewer there is none yet.
    kappa
        Kappa with gold that is needed; None: none.
    accuracy
        Share of answers as in gold that is needed; None: none.
    sure
        Whether the lower ends of the intervals must reach these, and not only the values. A person whose value
        reaches them and whose lower end does not has not given enough answers yet.
    confused
        Number of people from which on an item that they got wrong is proposed as a case for the guideline.

    Raises
    ------
    GoldError
        A number is out of its range, or nothing is asked for.

    Examples
    --------
    >>> TrainingRules(least=20, kappa=0.6)
    TrainingRules(least=20, kappa=0.6, accuracy=None, sure=False, confused=2)
    """

    least: int = 30
    kappa: float | None = 0.7
    accuracy: float | None = None
    sure: bool = False
    confused: int = 2

    def __post_init__(self) -> None:
        if self.least < 1 or self.confused < 1:
            raise GoldError(f"least and confused are 1 or more, not {self.least} and {self.confused}")
        if self.kappa is None and self.accuracy is None:
            raise GoldError("training asks for nothing", hint="set kappa, accuracy, or both")
        for name, value in (("kappa", self.kappa), ("accuracy", self.accuracy)):
            if value is not None and not 0 < value < 1:
                raise GoldError(f"the {name} that is needed lies between 0 and 1, not {value}")


@dataclass(frozen=True)
class Trainee:
    """How one person did; made by `judge_round`.

    Parameters
    ----------
    person
        Who.
    verdict
        `passed`; `again`, another round; or `more`, not enough answers yet.
    reason
        Why, in words for that person.
    answered, unanswered
        Items answered, and items skipped or left unsure.
    kappa, accuracy
        Agreement with gold beyond chance, and share of answers as in gold.
    confusion
        Columns of `weaklabel.gold.judging.confusion.CONFUSION`: how often gold says one thing and the person another.

    Examples
    --------
    >>> Trainee("ann", "passed", "kappa 0.80", 40, 0, Estimate(0.8, 0.6, 0.9, 40), Estimate(0.9, 0.8, 0.95, 40)).verdict
    'passed'
    """

    person: str
    verdict: str
    reason: str
    answered: int
    unanswered: int
    kappa: Estimate
    accuracy: Estimate
    confusion: pl.DataFrame = field(default_factory=pl.DataFrame, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; the confusion as rows.

        Examples
        --------
        >>> kappa, accuracy = Estimate(0.8, 0.6, 0.9, 40), Estimate(0.9, 0.8, 0.95, 40)
        >>> Trainee("ann", "passed", "kappa 0.80", 40, 0, kappa, accuracy).to_dict()["kappa"]["value"]
        0.8
        """
        return {
            "person": self.person,
            "verdict": self.verdict,
            "reason": self.reason,
            "answered": self.answered,
            "unanswered": self.unanswered,
            "kappa": self.kappa.to_dict(),
            "accuracy": self.accuracy.to_dict(),
            "confusion": self.confusion.to_dicts(),
        }


@dataclass(frozen=True)
class Round:
    """A training round; made by `judge_round`.

    Parameters
    ----------
    people
        Each person's verdict, by name.
    alpha
        Agreement among the people beyond chance (Krippendorff), gold left aside.
    confusion
        Of all people together.
    confusing
        Items that several people got wrong, columns of `weaklabel.gold.judging.confusion.CONFUSING`: cases for the guideline.
    notes
        What was left out, in sentences.

    Examples
    --------
    >>> Round((), Estimate(None, None, None, 0), pl.DataFrame(), pl.DataFrame()).people
    ()
    """

    people: tuple[Trainee, ...]
    alpha: Estimate
    confusion: pl.DataFrame
    confusing: pl.DataFrame
    notes: tuple[str, ...] = ()

    def records(self, number: int) -> pl.DataFrame:
        """Return the verdicts as records of kind training, for the round of that number.

        Examples
        --------
        >>> Round((), Estimate(None, None, None, 0), pl.DataFrame(), pl.DataFrame()).records(1).columns
        ['annotator', 'round', 'verdict', 'figures']
        """
        rows: list[Any] = [
            (t.person, number, t.verdict, json.dumps(t.to_dict(), ensure_ascii=False)) for t in self.people
        ]
        return pl.DataFrame(rows, schema=KINDS["training"], orient="row")


def judge_round(
    answers: pl.DataFrame,
    gold: pl.DataFrame,
    *,
    schema: LabelSchema,
    rules: TrainingRules | None = None,
    label: str | None = None,
) -> Round:
    """Return each person's verdict on answers to training gold, and what confused people.

    Parameters
    ----------
    answers
        Current answers: `item`, `annotator`, `kind`, `labels`, and if wanted `comment`. Those to other items are
        passed over.
    gold
        Gold of role training: `item` and `labels` (empty: none of these).
    schema
        The labels.
    rules
        When a person has passed.
    label
        For a schema that is not exclusive: the label that is asked about; the classes are then yes and no.

    Raises
    ------
    GoldError
        A column is missing, a person answers an item twice, or gold names an item twice.
    SchemaError
        A label is not in the schema, or the schema is not exclusive and no label is asked.

    Notes
    -----
    "None of these" is a class of its own. An answer with several labels to an exclusive schema is one that gold never
    gives. Skips, unsure answers, and those that say only what an item is not, are no answers.

    Examples
    --------
    >>> gold = pl.DataFrame({"item": ["a", "b", "c", "d"], "labels": [["ham"], ["spam"], ["ham"], ["spam"]]})
    >>> answers = gold.with_columns(annotator=pl.lit("ann"), kind=pl.lit("label"))
    >>> done = judge_round(answers, gold, schema=LabelSchema(["ham", "spam"]), rules=TrainingRules(least=4))
    >>> done.people[0].verdict, done.people[0].reason
    ('passed', 'kappa 1.00 (0.70 is needed) on 4 items')
    """
    rules = rules or TrainingRules()
    rows = against_gold(answers, gold, schema=schema, label=label)
    codes = {name: code for code, name in enumerate(classes_of(schema, label))}
    people = []
    for person, mine in sorted(rows.partition_by("annotator", as_dict=True).items()):
        people.append(_trainee(str(person[0]), mine, codes, rules))
    said = rows.drop_nulls("said").sort("item", "annotator")
    alpha = krippendorff_alpha(
        _coded(said["said"], codes), items=said["item"].to_list(), n_classes=len(codes)
    )
    unknown = answers.join(gold, on="item", how="anti").height
    notes = (f"answers to items that are not in this gold, left out: {unknown}",) if unknown else ()
    return Round(tuple(people), alpha, confusion(rows), confusing(rows, rules.confused), notes)


def _coded(names: pl.Series, codes: Mapping[str, int]) -> np.ndarray:
    return np.array([codes[name] for name in names], dtype=np.int64)


def _trainee(person: str, rows: pl.DataFrame, codes: Mapping[str, int], rules: TrainingRules) -> Trainee:
    said = rows.drop_nulls("said")
    mine, gold = _coded(said["said"], codes), _coded(said["gold"], codes)
    kappa, accuracy = cohen_kappa(mine, gold), raw_agreement(mine, gold)
    verdict, reason = _verdict(kappa, accuracy, said.height, rules)
    return Trainee(
        person, verdict, reason, said.height, rows.height - said.height, kappa, accuracy, confusion(rows)
    )


def _verdict(kappa: Estimate, accuracy: Estimate, n: int, rules: TrainingRules) -> tuple[str, str]:
    items = f"{n} item{'s' * (n != 1)}"
    if n < rules.least:
        return "more", f"{items} answered, and {rules.least} are needed"
    asked = [
        (name, found, floor, form)
        for name, found, floor, form in (
            ("kappa", kappa, rules.kappa, _two),
            ("right answers", accuracy, rules.accuracy, percent),
        )
        if floor is not None
    ]
    told = []
    verdict = "passed"
    for name, found, floor, form in asked:
        if found.value is None:
            return "more", f"{name} has no meaning on {items}: all are of one class"
        low = found.low if found.low is not None else found.value
        told.append(f"{name} {form(found.value)}" + (f", surely {form(low)}" if rules.sure else "") + f" ({form(floor)} is needed)")  # fmt: skip
        if found.value < floor - _SLACK:
            verdict = "again"
        elif rules.sure and low < floor - _SLACK and verdict == "passed":
            verdict = "more"
    return verdict, f"{'; '.join(told)} on {items}"


def _two(value: float) -> str:
    return f"{value:.2f}"
