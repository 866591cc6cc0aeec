"""What a task tolerates, overall and per class or slice, and what labels that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from weaklabel.audit.certificate import Goal
from weaklabel.audit.regions import fewest_labels
from weaklabel.errors import GoldError, did_you_mean

_COMFORT = 2.5


@dataclass(frozen=True)
class Tolerance:
    """Shares of wrong labels that a task tolerates in what it uses.

    Parameters
    ----------
    error
        In the whole corpus; None where only parts are judged.
    classes
        Among the rows that carry a label, by label.
    slices
        In the rows for which a Boolean column of the population is true, by column.

    Examples
    --------
    >>> Tolerance(0.05, classes={"spam": 0.01}).parts()
    {'': 0.05, "label 'spam'": 0.01}
    """

    error: float | None = None
    classes: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, float] = field(default_factory=dict)

    def parts(self) -> dict[str, float]:
        """Return the error tolerated in each part, by its name; "" is the whole corpus."""
        found = {} if self.error is None else {"": self.error}
        found |= {f"label {name!r}": error for name, error in self.classes.items()}
        return found | {f"slice {name!r}": error for name, error in self.slices.items()}


@dataclass(frozen=True)
class Part:
    """One part that is certified by itself, with draws of its own; made by `split`.

    Parameters
    ----------
    goal
        What is to be certified of it.
    rows
        Its rows of the population.
    least
        With fewer labels nothing can be certified.

    Examples
    --------
    >>> Part.__name__
    'Part'
    """

    goal: Goal
    rows: pl.DataFrame
    least: int

    @property
    def sentence(self) -> str:
        """What the budget can do."""
        name = self.goal.part or "all rows"
        told = f"{name}: {self.goal.labels} labels for {self.rows.height} rows, error at most {100 * self.goal.error:.3g} %"
        if self.goal.labels < self.least:
            return f"{told}: too few, it takes at least {self.least}."
        return f"{told}: at least {self.least} are needed."


def split(
    population: pl.DataFrame,
    tolerance: Tolerance,
    *,
    confidence: float = 0.95,
    labels: Mapping[str, int] | None = None,
    seed: int = 0,
) -> list[Part]:
    """Return the parts to certify, each with its budget, so that all certificates are true together.

    Parameters
    ----------
    population
        `id`, `label`, and a Boolean column for each slice.
    tolerance
        What is tolerated where.
    confidence
        Chance with which all certificates are to be true: each of K takes 1 - (1 - confidence) / K.
    labels
        Budget of each part by name; by default two and a half times the least that it takes, or all of its rows.
    seed
        Of the draws.

    Raises
    ------
    GoldError
        There is no such label or slice, or nothing is tolerated anywhere.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [str(i) for i in range(5000)], "label": ["x"] * 4000 + ["y"] * 1000})
    >>> for part in split(rows, Tolerance(classes={"x": 0.05, "y": 0.1})):
    ...     print(part.sentence)
    label 'x': 178 labels for 4000 rows, error at most 5 %: at least 71 are needed.
    label 'y': 88 labels for 1000 rows, error at most 10 %: at least 35 are needed.
    """
    wanted = tolerance.parts()
    if not wanted:
        raise GoldError(
            "no tolerated error is given", hint="give one for the whole, for labels or for slices"
        )
    _check_names(population, tolerance, labels or {}, wanted)
    each = 1 - (1 - confidence) / len(wanted)
    found = []
    for name, error in wanted.items():
        rows = _rows(population, tolerance, name)
        if not rows.height:
            raise GoldError(f"no row is of {name}")
        least = fewest_labels(rows.height, error, each)
        given = (labels or {}).get(name, min(math.ceil(_COMFORT * least), rows.height))
        goal = replace(Goal(error, max(given, 1), each), seed=seed, part=name)
        found.append(Part(goal, rows, least))
    return found


def _rows(population: pl.DataFrame, tolerance: Tolerance, name: str) -> pl.DataFrame:
    if not name:
        return population
    for label in tolerance.classes:
        if name == f"label {label!r}":
            return population.filter(pl.col("label") == label)
    kept = next(column for column in tolerance.slices if name == f"slice {column!r}")
    return population.filter(pl.col(kept))


def _check_names(
    population: pl.DataFrame, tolerance: Tolerance, labels: Mapping[str, int], wanted: Mapping[str, float]
) -> None:
    known = population["label"].drop_nulls().unique().sort().to_list()
    for name in tolerance.classes:
        if name not in known:
            raise GoldError(f"no row has label {name!r}", available=known, hint=did_you_mean(name, known))
    for name in tolerance.slices:
        if population.schema.get(name) != pl.Boolean:
            raise GoldError(
                f"there is no slice {name!r} among the rows",
                available=[column for column, kind in population.schema.items() if kind == pl.Boolean],
            )
    for name in labels:
        if name not in wanted:
            raise GoldError(
                f"labels are planned for {name!r}, where no error is given", available=list(wanted)
            )
