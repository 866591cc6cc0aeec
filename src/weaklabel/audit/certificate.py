"""What may be said of a corpus's labels, written down so that it can be checked: the goal and the certificate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from weaklabel.errors import GoldError, some
from weaklabel.stats import Estimate

METHOD = "nested regions of labels ranked by a model of errors; hypergeometric tests in a fixed sequence"
"""How certificates are made; another way of making them has another name."""


@dataclass(frozen=True)
class Goal:
    """What is to be certified, fixed before anybody sees an answer.

    Parameters
    ----------
    error
        Largest share of wrong labels that is tolerated in what is accepted.
    labels
        Rows that people will label for this, in both steps together.
    confidence
        Chance with which the certificate is to be true.
    seed
        Of the draws and of the order of rows that the model of errors can't tell apart.
    part
        What the rows are, for sentences and for the draw: "" for a whole corpus, else such as "label 'spam'".

    Raises
    ------
    GoldError
        A number makes no sense.

    Examples
    --------
    >>> Goal(error=0.05, labels=500).delta
    0.05
    """

    error: float
    labels: int
    confidence: float = 0.95
    seed: int = 0
    part: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.error < 1:
            raise GoldError(f"the error tolerated lies between 0 and 1, not {self.error}", hint="5 % is 0.05")
        if not 0.5 <= self.confidence < 1:
            raise GoldError(f"confidence lies between 0.5 and 1, not {self.confidence}", hint="usual is 0.95")
        if self.labels < 1:
            raise GoldError(f"a certificate needs labels, and {self.labels} are planned")

    @property
    def delta(self) -> float:
        """Chance that may be taken that the certificate is false."""
        return round(1 - self.confidence, 12)


@dataclass(frozen=True)
class Certificate:
    """What may be said of a corpus's labels, with all that it takes to check it; plain data.

    Parameters
    ----------
    claim
        The statement, in words.
    goal
        What was to be certified.
    rows, accepted, wrong_at_most
        Rows of the corpus or part, rows accepted (0: nothing is certified), and the wrong labels that those may hold.
    threshold
        Accepted are rows whose chance of being wrong, by the model of errors, is at most this; None where nothing is.
        Rows of exactly this chance are told apart by the seed.
    method
        How it was made.
    design
        Regions, draws and tests, with counts and p-values.
    gold
        The labels that it rests on: ids of both draws.
    gold_error
        How often adjudicated gold is itself wrong, where that was measured.
    fingerprints
        Of the rows and labels, the answers, the accepted ids, and what the caller named: rules, model, table version.

    Examples
    --------
    >>> Certificate("nothing", Goal(error=0.05, labels=100), 9, 0, 0, None, METHOD, {}, {}, None, {}).share
    0.0
    """

    claim: str
    goal: Goal
    rows: int
    accepted: int
    wrong_at_most: int
    threshold: float | None
    method: str
    design: Mapping[str, Any]
    gold: Mapping[str, Sequence[str]]
    gold_error: Estimate | None
    fingerprints: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())

    @property
    def share(self) -> float:
        """Share of the rows that is accepted."""
        return self.accepted / self.rows if self.rows else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Examples
        --------
        >>> made = Certificate("nothing", Goal(error=0.05, labels=100), 9, 0, 0, None, METHOD, {}, {}, None, {})
        >>> Certificate.from_dict(made.to_dict()) == made
        True
        """
        found = asdict(self) | {"notes": list(self.notes), "format": 1}
        return found | {"gold": {name: list(ids) for name, ids in self.gold.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Certificate:
        """Return the certificate that `to_dict` wrote.

        Raises
        ------
        GoldError
            The data is no certificate, or one of a later format.

        Examples
        --------
        >>> Certificate.from_dict({"format": 2})
        Traceback (most recent call last):
        ...
        weaklabel.errors.GoldError: this is no certificate that this version can read: its format is 2, not 1
        """
        if data.get("format") != 1:
            raise GoldError(
                f"this is no certificate that this version can read: its format is {data.get('format')}, not 1"
            )
        rest = {name: value for name, value in data.items() if name != "format"}
        known = set(cls.__dataclass_fields__)
        if set(rest) != known:
            raise GoldError(
                f"this is no certificate: fields {some(sorted(set(rest) ^ known))} are missing or unknown",
                available=sorted(known),
            )
        error = rest["gold_error"]
        made = rest | {
            "goal": Goal(**rest["goal"]),
            "gold_error": None if error is None else Estimate(**error),
            "notes": tuple(rest["notes"]),
        }
        return cls(**made)


def claim_of(goal: Goal, rows: int, size: int) -> str:
    """Return what is claimed when so many of the rows are accepted.

    Examples
    --------
    >>> print(claim_of(Goal(error=0.05, labels=200), 1000, 400))
    400 of 1000 rows (40.0%) are accepted: at most 20 of their labels (5 %) differ from adjudicated gold. The method errs in at most 5 % of its uses.
    """
    part = f" with {goal.part}" if goal.part else ""
    sure = f"The method errs in at most {percent(goal.delta)} of its uses."
    if not size:
        return (
            f"None of the {rows} rows{part} can be accepted: no part of them was shown to have at most "
            f"{percent(goal.error)} labels that differ from adjudicated gold. {sure}"
        )
    what = (
        f"All {rows} rows{part} are"
        if size == rows
        else f"{size} of {rows} rows{part} ({size / rows:.1%}) are"
    )
    allowed = math.floor(goal.error * size + 1e-9)
    return (
        f"{what} accepted: at most {allowed} of their labels ({percent(goal.error)}) differ from adjudicated gold. "
        f"{sure}"
    )


def percent(share: float) -> str:
    """Return a share as text.

    Examples
    --------
    >>> percent(0.05)
    '5 %'
    """
    return f"{100 * share:.3g} %"
