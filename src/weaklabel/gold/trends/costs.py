"""What a label costs in minutes and money: by hand, by an accepted suggestion, by rule, and in the audit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.trends.occasions import FEW
from weaklabel.gold.trends.shares import HOWS
from weaklabel.stats import Estimate, bootstrap

WAYS = (*HOWS, "rule", "audit")
"""By hand, by accepted suggestion, by people where it is not known which, by rule, in the audit."""

COSTS: dict[str, Any] = {
    "way": pl.String,
    "labels": pl.Int64,
    "answers": pl.Int64,
    "timed": pl.Float64,
    "minutes": pl.Float64,
    "overhead": pl.Float64,
    **{f"{name}{end}": pl.Float64 for name in ("each", "money_each") for end in ("", "_low", "_high")},
    "money": pl.Float64,
    "few": pl.Boolean,
}
"""What labels cost. `timed`: share of the answers whose time is known; `minutes` on the labeled items themselves and
`overhead`, their part of all other minutes (hidden checks, training, answers that were set aside, items not settled);
`each`: minutes a label, both together; `money` the same in money. Null: not known. `few`: fewer than `FEW` labels."""

_DIRECT = ("production", "other", "expert", "review")


@dataclass(frozen=True)
class Rates:
    """What people's time costs.

    Parameters
    ----------
    hourly
        What an hour of anybody costs; None: not known.
    people
        Annotator -> what an hour of theirs costs, where it is not `hourly`.
    currency
        How money is shown, such as "EUR".
    rule_minutes
        Minutes that people have spent on rules; None: not known.
    longest
        An answer that took more minutes than this was left open: it counts with its person's median.

    Examples
    --------
    >>> rates = Rates(hourly=30, people={"ann": 60}, currency="EUR")
    >>> rates.of("ann"), rates.of("bob"), rates.known
    (60.0, 30.0, True)
    """

    hourly: float | None = None
    people: Mapping[str, float] = field(default_factory=dict)
    currency: str = ""
    rule_minutes: float | None = None
    longest: float = 30.0

    def __post_init__(self) -> None:
        numbers = {"hourly": self.hourly, "rule_minutes": self.rule_minutes, **self.people}
        for name, value in numbers.items():
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise GoldError(f"a rate of {value} for {name}", hint="0 or more; leave it out: not known")
        if not self.longest > 0:
            raise GoldError(f"longest is {self.longest} minutes", hint="above 0")

    @property
    def known(self) -> bool:
        """Whether anything is known of what time costs."""
        return self.hourly is not None or bool(self.people)

    def of(self, person: str) -> float | None:
        """Return what an hour of a person costs, or None."""
        rate = self.people.get(person, self.hourly)
        return None if rate is None else float(rate)

    def renamed(self, names: Mapping[str, str]) -> Rates:
        """Return the same rates under people's names in reports.

        Examples
        --------
        >>> Rates(people={"ann": 60}).renamed({"ann": "annotator 3"}).of("annotator 3")
        60.0
        """
        return replace(self, people={names[who]: rate for who, rate in self.people.items() if who in names})


@dataclass(frozen=True, eq=False)
class Costs:
    """What labels cost; made by `costs`.

    Parameters
    ----------
    table
        Columns of `COSTS`, one row a way that has labels, in the order of `WAYS`.
    notes
        What is not known, and how it was made up for.

    Examples
    --------
    >>> Costs(pl.DataFrame(schema=COSTS), ("Nothing is known.",)).table.height
    0
    """

    table: pl.DataFrame
    notes: tuple[str, ...]


def costs(
    rows: pl.DataFrame,
    made: pl.DataFrame,
    rates: Rates | None = None,
    *,
    rule_labels: int | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> Costs:
    """Return minutes and money a label for each way to get one.

    An answer whose time is not known, or is longer than `Rates.longest`, counts with its person's median (else the
    median of all). The intervals are of the mean over items, from resampling them; what is made up for is not in them.

    Parameters
    ----------
    rows
        Occasions, those that are set aside too: their time was spent.
    made
        Items that people have labeled, see `weaklabel.gold.trends.shares.MADE`.
    rates
        What time costs, under the names that the rows use.
    rule_labels
        Rows that have a label by rule alone; None: there is no run.
    seed
        Seed of the resamples; the order of the rows changes nothing.
    confidence
        Nominal coverage of the intervals.

    Examples
    --------
    >>> from weaklabel.gold.trends.occasions import OCCASIONS
    >>> from weaklabel.gold.trends.shares import MADE
    >>> one = {"annotator": "annotator 1", "use": "production", "aside": False, "batch": "b1"}
    >>> rows = pl.DataFrame([one | {"item": "a", "seconds": 60.0}, one | {"item": "b", "seconds": 120.0}], schema=OCCASIONS)
    >>> made = pl.DataFrame([("a", "hand", None, False), ("b", "hand", None, False)], schema=MADE, orient="row")
    >>> costs(rows, made, Rates(hourly=20)).table.select("way", "labels", "minutes", "each", "money").rows()
    [('hand', 2, 3.0, 1.5, 1.0)]
    """
    rates = rates or Rates()
    need_columns(rows, ("item", "annotator", "use", "aside", "seconds"), "the answers")
    spent, notes = _spent(rows, rates)
    how = dict(made.select("item", "how").iter_rows())
    spent = spent.with_columns(way=_way(how))
    people = spent.filter(pl.col("way") != "audit")
    direct = _sum(people.filter(pl.col("way") != "overhead")["minutes"])
    factor = 1.0 if not direct else _sum(people["minutes"]) / direct
    direct_money = _sum(people.filter(pl.col("way") != "overhead")["money"])
    money_factor = 1.0 if not direct_money else _sum(people["money"]) / direct_money
    if people["money"].null_count():
        money_factor = math.nan  # the overhead is in every label: one unknown rate leaves all of them unknown
    found = []
    for way in (*HOWS, "audit"):
        part = spent.filter(pl.col("way") == way)
        factors = (1.0, 1.0) if way == "audit" else (factor, money_factor)
        if part.height:
            found.append(_line(way, part, factors, rates, seed=seed, confidence=confidence))
    if rule_labels:
        found.append(_rule_line(rule_labels, rates))
    notes += _unknown(spent, rates, rule_labels, direct, factor)
    order = {way: i for i, way in enumerate(WAYS)}
    table = pl.DataFrame(sorted(found, key=lambda row: order[row[0]]), schema=COSTS, orient="row")
    return Costs(table, notes)


def _spent(rows: pl.DataFrame, rates: Rates) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the rows with `minutes` and `money`, times that are not known made up for, and notes on that."""
    seconds = pl.col("seconds")
    usable = seconds.is_not_null() & (seconds <= rates.longest * 60)
    clean = rows.with_columns(usable=usable.fill_null(False), usual=pl.when(usable).then(seconds))
    filled = clean.with_columns(
        minutes=pl.coalesce("usual", pl.col("usual").median().over("annotator"), pl.col("usual").median())
        / 60
    ).sort("item", "annotator", "minutes", nulls_last=True)
    rate = {person: rates.of(person) for person in filled["annotator"].unique().drop_nulls()}
    paid = pl.col("annotator").replace_strict(rate, default=None, return_dtype=pl.Float64)
    filled = filled.with_columns(money=pl.col("minutes") * paid / 60)
    dark, open_ = clean["seconds"].null_count(), clean.filter(~pl.col("usable")).drop_nulls("seconds").height
    made_up = _sum(filled.filter(~pl.col("usable"))["minutes"])
    notes = []
    if filled["minutes"].null_count():
        notes.append("No answer has a time: what people's work costs is not known.")
    elif dark or open_:
        why = [f"{dark:,} answers have no time"] * bool(dark)
        why += [f"{open_:,} took more than {rates.longest:g} minutes and were left open"] * bool(open_)
        notes.append(
            f"Of {rows.height:,} answers {' and '.join(why)}: they count with their person's median, {made_up:,.0f} of "
            f"{_sum(filled['minutes']):,.0f} minutes."
        )
    return filled, tuple(notes)


def _way(how: Mapping[str, str]) -> pl.Expr:
    labeled = pl.col("item").replace_strict(dict(how), default=None, return_dtype=pl.String)
    direct = pl.col("use").is_in(_DIRECT) & ~pl.col("aside")
    return (
        pl.when(pl.col("use") == "audit")
        .then(pl.lit("audit"))
        .when(direct & labeled.is_not_null())
        .then(labeled)
        .otherwise(pl.lit("overhead"))
    )


def _line(
    way: str,
    part: pl.DataFrame,
    factors: tuple[float, float],
    rates: Rates,
    *,
    seed: int,
    confidence: float,
) -> tuple[Any, ...]:
    items = _per_item(part)
    labels = len(items)
    paid = not math.isnan(items[:, 1].sum() * factors[1])
    minutes = math.fsum(items[:, 0]) if not math.isnan(items[:, 0].sum()) else None
    money = math.fsum(items[:, 1]) * factors[1] if paid else None
    each = _mean(items[:, 0], factors[0], seed, confidence) if minutes is not None else None
    price = _mean(items[:, 1], factors[1], seed, confidence) if paid else None
    timed = 1 - part["usable"].not_().sum() / part.height
    overhead = None if minutes is None else minutes * (factors[0] - 1)
    ends = [*_ends(each), *_ends(price)]
    return (way, labels, part.height, timed, minutes, overhead, *ends, money, labels < FEW)


def _rule_line(labels: int, rates: Rates) -> tuple[Any, ...]:
    minutes, hour = rates.rule_minutes, rates.hourly
    each = None if minutes is None else minutes / labels
    money = None if minutes is None or hour is None else minutes * hour / 60
    price = None if money is None else money / labels
    return ("rule", labels, 0, None, minutes, None, each, None, None, price, None, None, money, labels < FEW)


def _per_item(part: pl.DataFrame) -> np.ndarray:
    """Return minutes and money of each item, shape (items, 2), sorted by item; NaN: not known."""
    found: dict[str, list[tuple[float, float]]] = {}
    for item, minutes, money in part.select("item", "minutes", "money").iter_rows():
        cell = (math.nan if minutes is None else minutes, math.nan if money is None else money)
        found.setdefault(item, []).append(cell)
    rows = [[math.fsum(column) for column in zip(*cells, strict=True)] for _, cells in sorted(found.items())]
    return np.array(rows, dtype=np.float64)


def _mean(values: np.ndarray, factor: float, seed: int, confidence: float) -> Estimate:
    """Return the mean over items, times a factor, with an interval from resampling the items."""
    n = len(values)
    column = values[:, None] * factor
    if n < 2:
        return Estimate(float(column[0, 0]), None, None, n)
    (found,) = bootstrap(lambda counts: counts @ column / n, n, seed=seed, confidence=confidence)
    return found


def _unknown(
    spent: pl.DataFrame, rates: Rates, rule_labels: int | None, direct: float, factor: float
) -> tuple[str, ...]:
    """Say what is not known of the cost, and how large the overhead is."""
    notes = []
    if direct:
        notes.append(
            f"Hidden checks, training, answers that were set aside and items that are not settled take {factor - 1:.0%} "
            "on top of the minutes on labeled items; every label carries its part."
        )
    notes.append("What experts spend on deciding items of the queue is not measured: it is in no figure.")
    nobody = sorted({p for p in spent["annotator"].drop_nulls() if rates.of(p) is None})
    if not rates.known:
        notes.append(
            "What an hour costs is not set (gold.hourly, gold.rates): there are minutes only, no money."
        )
    elif nobody:
        notes.append(f"No rate is set for {', '.join(nobody)}: there is no money where they have worked.")
    if rule_labels and rates.rule_minutes is None:
        notes.append(
            "Minutes spent on rules are not set (gold.rule_minutes): what a label by rule costs is not known."
        )
    elif rule_labels and rates.hourly is None:
        notes.append("gold.hourly is not set: what the work on rules costs in money is not known.")
    if rule_labels is None:
        notes.append("The rules of this task have not been run: there are no labels by rule.")
    if "audit" not in spent["way"]:
        notes.append("No answer is to an item of the audit: what a label in the audit costs is not known.")
    return tuple(notes)


def _sum(column: pl.Series) -> float:
    return math.fsum(column.drop_nulls())


def _ends(estimate: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if estimate is None else (estimate.value, estimate.low, estimate.high)
