"""What an audit will ask for, fixed before anybody answers: the design, the rows, and what they can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.population import check_population, population_fingerprint
from weaklabel.audit.proportions import stratified_proportion
from weaklabel.audit.regions import fewest_labels
from weaklabel.audit.strata import UNKNOWN, Strata, jittered, label_strata, learned_strata
from weaklabel.errors import GoldError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.gold.allocation import Wanted, allocate
from weaklabel.gold.sampling import Draw, draw

AIMS = ("accuracy", "classes")
DESIGNS = ("simple", "stratified")
LEAST_SIZE = 20
"""Fewer labels than this estimate nothing that anybody should act on."""


@dataclass(frozen=True)
class Stratum:
    """A part of the population that is drawn from on its own.

    Parameters
    ----------
    name
        What it is.
    rows
        Rows of the population in it.
    take
        Rows that are drawn.
    expected
        Share of right labels that is expected, from their confidence or from older gold.
    """

    name: str
    rows: int
    take: int
    expected: float


@dataclass(frozen=True)
class Plan:
    """An audit before its first answer; made by `plan`.

    Parameters
    ----------
    design
        "simple", or "stratified".
    aim
        What the labels are shared out for: "accuracy", or "classes" (rare ones get more).
    size
        Labels to ask for.
    confidence
        Of all intervals.
    seed
        Of the draw.
    purpose
        Name of the audit; the draw's purpose.
    strata
        Parts of the population and how many rows each gives.
    population
        Fingerprint of ids, labels and confidences.
    half_width
        Half the width of the interval of accuracy that is expected.
    sentences
        What the budget can show, and why this design, for people.
    rows
        `id` and `stratum` of the population; not part of `to_dict`.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [f"r{i}" for i in range(400)], "label": ["x", "y"] * 200,
    ...                      "confidence": [0.9] * 400})
    >>> made = plan(rows, budget=100, seed=1)
    >>> made.design, made.size, [(s.name, s.take) for s in made.strata][0]
    ('stratified', 100, ('x, band 1 of 3', 17))
    """

    design: str
    aim: str
    size: int
    confidence: float
    seed: int
    purpose: str
    strata: tuple[Stratum, ...]
    population: str
    half_width: float
    sentences: tuple[str, ...]
    rows: pl.DataFrame = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """What stands for everything that is fixed beforehand."""
        said = self.to_dict()
        return fingerprint({name: value for name, value in said.items() if name != "sentences"})

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without the rows."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "rows"}
        return found | {"strata": [asdict(s) for s in self.strata], "sentences": list(self.sentences)}


def plan(
    population: pl.DataFrame,
    *,
    budget: int | None = None,
    width: float | None = None,
    seed: int,
    purpose: str = "audit",
    aim: str = "accuracy",
    design: str | None = None,
    by: Sequence[str] = (),
    older: pl.DataFrame | None = None,
    features: pl.DataFrame | None = None,
    confidence: float = 0.95,
) -> Plan:
    """Return the audit to be made: a budget or a wanted half width in, the design and its strata out.

    Parameters
    ----------
    population
        Rows whose labels are judged; see `check_population`. Rows without a label are left out: an audit is about
        labels that are there.
    budget
        Labels that may be asked for. Give this or `width`.
    width
        Half the width of the interval of accuracy: 0.03 for plus or minus 3 points.
    seed
        Of the draw; another audit takes another.
    purpose
        Name of the audit.
    aim
        "accuracy" of the whole; "classes": figures for each label, the rare ones too, for which labels are shared out
        by the square root of a label's rows.
    design
        "simple" or "stratified"; None: stratified where labels or confidences differ.
    by
        Columns to separate beside the label, such as source or month: a fault in a fifth of a corpus is diluted in
        a sample of the whole.
    older
        Gold of earlier times, `id` and `label`, of any role; it decides where to look and never enters an estimate.
    features
        Numbers that may tell right labels from wrong ones, for use with `older`; see `learned_strata`.
    confidence
        Nominal coverage of the intervals.

    Raises
    ------
    GoldError
        The population or the options don't fit, the budget is below `LEAST_SIZE`, or no sample gives that width.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [f"r{i}" for i in range(4000)], "label": ["x", "y"] * 2000,
    ...                      "confidence": [0.9] * 4000})
    >>> plan(rows, width=0.03, seed=1).size
    368
    """
    _check_options(budget, width, aim, design, confidence)
    rows = jittered(check_population(population.drop("jitter", strict=False)), seed)
    rows = rows.filter(pl.col("label").is_not_null())
    left_out = population.height - rows.height
    options = _Options(seed, purpose, aim, _chosen(rows, design, by, older), tuple(by), confidence)
    if budget is None:
        assert width is not None
        budget = _size_for(rows, width, options, older, features)
    if budget < min(LEAST_SIZE, rows.height):
        raise GoldError(
            f"an audit of {budget} labels shows nothing: it takes {min(LEAST_SIZE, rows.height)}",
            hint="give a larger budget, or wait until there is one",
        )
    return _plan(rows, min(budget, rows.height), options, older, features, left_out)


def draw_plan(made: Plan) -> Draw:
    """Return the rows that a plan asks for, each with its probability of being drawn.

    Parameters
    ----------
    made
        The plan.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [f"r{i}" for i in range(400)], "label": ["x", "y"] * 200})
    >>> drawn = draw_plan(plan(rows, budget=40, seed=1))
    >>> len(drawn), drawn.frame["inclusion"].unique().to_list()
    (40, [0.1])
    """
    if made.design == "simple":
        return draw(made.rows, made.size, seed=made.seed, purpose=made.purpose)
    return draw(
        made.rows,
        made.size,
        design="stratified",
        strata="stratum",
        allocation={s.name: s.take for s in made.strata},
        seed=made.seed,
        purpose=made.purpose,
    )


@dataclass(frozen=True)
class _Options:
    seed: int
    purpose: str
    aim: str
    design: str
    by: tuple[str, ...]
    confidence: float


def _plan(
    rows: pl.DataFrame,
    size: int,
    options: _Options,
    older: pl.DataFrame | None,
    features: pl.DataFrame | None,
    left_out: int,
) -> Plan:
    made, strata = _strata(rows, size, options, older, features)
    half = _expected_half_width(strata, options.confidence)
    return Plan(
        design=options.design,
        aim=options.aim,
        size=size,
        confidence=options.confidence,
        seed=options.seed,
        purpose=options.purpose,
        strata=strata,
        population=population_fingerprint(rows),
        half_width=half,
        sentences=_sentences(size, half, made.how, strata, options, left_out),
        rows=made.rows.select("id", "stratum"),
    )


def _strata(
    rows: pl.DataFrame,
    size: int,
    options: _Options,
    older: pl.DataFrame | None,
    features: pl.DataFrame | None,
) -> tuple[Strata, tuple[Stratum, ...]]:
    if options.design == "simple":
        everything = rows.select("id", pl.lit("").alias("stratum"), pl.col("confidence").fill_null(UNKNOWN))
        made = Strata(everything.rename({"confidence": "expected"}), 1.0, "nothing: every row is as likely")
    elif older is not None and options.aim == "accuracy" and not options.by:
        made = learned_strata(rows, size, older, seed=options.seed, features=features)
    else:
        merge = options.aim == "accuracy" or 2 * rows.select("label", *options.by).n_unique() > size
        made = label_strata(rows, size, seed=options.seed, by=options.by, merge=merge)
    k = max(2, rows["label"].n_unique())
    table = (
        made.rows.join(rows.select("id", "label"), on="id")
        .group_by("stratum")
        .agg(pl.len(), pl.col("expected").mean().clip(0.5 / k, 0.98), pl.col("label").first())
        .sort("stratum")
    )
    weight = _weights(table, made.proportional, options.aim)
    names, counts = table["stratum"].to_list(), table["len"].to_numpy()
    least = 2 if 2 * len(names) <= size else 1
    wanted = Wanted(size, "neyman", dict(zip(names, weight / counts, strict=True)), least)
    take, _ = allocate(names, counts, wanted)
    found = zip(names, counts.tolist(), take.tolist(), table["expected"].to_list(), strict=True)
    return made, tuple(Stratum(*each) for each in found)


def _weights(table: pl.DataFrame, proportional: float, aim: str) -> np.ndarray:
    """Return what the numbers of rows drawn are in proportion to."""
    counts, expected = table["len"].to_numpy().astype(np.float64), table["expected"].to_numpy()
    if aim == "classes":
        of_label = table.select(pl.col("len").sum().over("label")).to_series().to_numpy()
        return counts / of_label * np.sqrt(of_label)
    share, spread = counts / counts.sum(), np.sqrt(expected * (1 - expected))
    return proportional * share + (1 - proportional) * share * spread / (share @ spread)


def _expected_half_width(strata: Sequence[Stratum], confidence: float) -> float:
    rows, take = np.array([(s.rows, s.take) for s in strata], dtype=np.float64).T
    hits = np.array([[s.expected * s.take for s in strata]])
    _, low, high = stratified_proportion(
        hits, take, np.where(take > 0, rows, 0) / rows.sum(), left=1 - take / rows, confidence=confidence
    )
    return float(high[0] - low[0]) / 2


def _size_for(
    rows: pl.DataFrame,
    width: float,
    options: _Options,
    older: pl.DataFrame | None,
    features: pl.DataFrame | None,
) -> int:
    """Find the smallest budget of which the expected interval is narrow enough."""

    def wide(size: int) -> bool:
        _, strata = _strata(rows, size, options, older, features)
        return _expected_half_width(strata, options.confidence) > width

    low, high = min(LEAST_SIZE, rows.height), min(2 * LEAST_SIZE, rows.height)
    if not wide(low):
        return low
    while high < rows.height and wide(high):
        low, high = high, min(2 * high, rows.height)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(middle) else (low, middle)
    return high


def _chosen(rows: pl.DataFrame, design: str | None, by: Sequence[str], older: pl.DataFrame | None) -> str:
    if design is not None:
        return design
    differ = rows["label"].n_unique() > 1 or rows["confidence"].drop_nulls().n_unique() > 1
    return "stratified" if differ or by or older is not None else "simple"


def _sentences(
    size: int,
    half: float,
    how: str,
    strata: Sequence[Stratum],
    options: _Options,
    left_out: int,
) -> tuple[str, ...]:
    total = sum(s.rows for s in strata)
    said = [
        f"{size} labels of {total} rows: accuracy to about +-{100 * half:.1f} points at {100 * options.confidence:g} % "
        f"confidence, if labels are as often right as expected",
        f"a 5 % certificate needs at least {fewest_labels(None, 0.05, options.confidence)} labels in the part that it is for",
    ]
    if options.design == "simple":
        said.append("design: a simple random sample, every row is as likely")
    else:
        said.append(
            f"design: stratified by {how}; {len(strata)} strata, as rows that differ are judged apart"
        )
    if options.aim == "classes":
        said.append(
            "labels are shared out by the square root of a label's rows, so that rare labels get more"
        )
    if size == total:
        said.append("all rows are asked for: the figures are exact")
    if left_out:
        said.append(f"{left_out} rows without a label are not part of the audit")
    return tuple(said)


def _check_options(
    budget: int | None, width: float | None, aim: str, design: str | None, confidence: float
) -> None:
    if (budget is None) == (width is None):
        raise GoldError("an audit takes a budget or a half width, one of the two")
    if width is not None and not 0 < width < 0.5:
        raise GoldError(f"a half width is a share between 0 and 0.5, not {width}", hint="0.03 for +-3 points")
    if budget is not None and (isinstance(budget, bool) or budget < 1):
        raise GoldError(f"a budget is a number of labels, not {budget}")
    for value, names, what in ((aim, AIMS, "aim"), (design, DESIGNS, "design")):
        if value is not None and value not in names:
            hint = did_you_mean(value, names)
            raise GoldError(f"there is no {what} {value!r} of an audit", available=names, hint=hint)
    if not 0 < confidence < 1:
        raise GoldError(f"confidence lies between 0 and 1, not {confidence}")
