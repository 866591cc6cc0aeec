"""What so many hidden checks can catch, and how many are needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.fall import fall_limits

LEAST_HISTORY = 20
"""Number of a person's earlier checks from which on a batch is held against them."""


def power_table(
    n_checks: Sequence[int] = (4, 6, 8, 10, 12, 15, 20, 30, 40),
    *,
    good: float = 0.95,
    bad: float = 0.80,
    alpha: float = 0.05,
    history: int | None = None,
    floor: float | None = None,
    least_history: int = LEAST_HISTORY,
) -> pl.DataFrame:
    """Return how many falls so many hidden checks catch, and how many batches they fail wrongly.

    Parameters
    ----------
    n_checks
        Numbers of checks in a batch.
    good, bad
        Share of right answers on a usual day, and after the fall to be caught.
    alpha
        Level at which a batch fails; for many people and batches, `Season.level`.
    history
        Number of the person's earlier checks; today's are held against them by `fall_p`. None: the usual share is
        known.
    floor
        Share of right answers that nobody should be below; None: no floor.
    least_history
        Number of earlier checks from which on a batch is held against them.

    Returns
    -------
    polars.DataFrame
        A row for each number of checks: `checks`; `fails_at`, the largest number of right answers that fails a
        batch (with a history: where it holds the usual share of right answers), null where none does;
        `false_alarms`, the share of usual batches that fail; `caught`, the share of fallen batches that fail. Both
        are exact sums over binomial counts.

    Notes
    -----
    As in `weaklabel.gold.judging.checks.judge_batches`, a batch with a history and a floor is tested twice, each time
    at half the level. A history that is shorter than `least_history` is not held against anybody: then the floor
    alone judges, at the whole level, and without a floor nothing fails.

    Examples
    --------
    >>> power_table([6, 12, 24], alpha=0.05).with_columns(pl.col("false_alarms", "caught").round(3)).rows()
    [(6, 4, 0.033, 0.345), (12, 9, 0.02, 0.442), (24, 20, 0.03, 0.736)]
    >>> power_table([12], alpha=0.05, history=100, floor=0.8).with_columns(pl.col("false_alarms", "caught").round(3)).rows()
    [(12, 9, 0.017, 0.36)]
    """
    day = _Day(good, bad, alpha, history, floor, least_history)
    rows = [_power(int(n), day) for n in n_checks]
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "checks": pl.Int64,
            "fails_at": pl.Int64,
            "false_alarms": pl.Float64,
            "caught": pl.Float64,
        },
    )


def checks_needed(
    caught: float,
    *,
    good: float = 0.95,
    bad: float = 0.80,
    alpha: float = 0.05,
    history: int | None = None,
    floor: float | None = None,
    least_history: int = LEAST_HISTORY,
    most: int = 200,
) -> int:
    """Return the least number of checks from which on that share of falls is caught.

    Parameters
    ----------
    caught
        Share of falls to be caught.
    good, bad, alpha, history, floor, least_history
        See `power_table`.
    most
        Largest number to try.

    Raises
    ------
    GoldError
        Even the largest number catches fewer.

    Notes
    -----
    One check more may catch less: the share is a saw, because right answers are whole numbers. A person may answer
    more or fewer than planned, so the number returned is the first of a whole tooth, 1.5 / (1 - good) in a row,
    that all catch enough.

    Examples
    --------
    >>> checks_needed(0.8, good=0.95, bad=0.80, alpha=0.05)
    33
    """
    day = _Day(good, bad, alpha, history, floor, least_history)
    if not 0 < caught < 1:
        raise GoldError(f"the share of falls to be caught lies between 0 and 1, not {caught}")
    tooth = math.ceil(1.5 / (1 - good))
    held = 0  # numbers in a row that catch enough
    for n in range(1, most + tooth):
        found = _power(n, day)[3]
        held = held + 1 if found >= caught else 0
        if held == tooth:
            return n - tooth + 1
        if n == most and not held:
            break
    found = _power(most, day)[3]
    raise GoldError(
        f"up to {most} checks are too few to be sure to catch {percent(caught)} of falls from {percent(good)} to "
        f"{percent(bad)}: {most} catch {percent(found)}",
        hint="allow more false alarms, a larger fall, a longer history or a larger most=",
    )


def power_sentence(
    n_checks: int,
    *,
    good: float = 0.95,
    bad: float = 0.80,
    alpha: float = 0.05,
    history: int | None = None,
    floor: float | None = None,
    least_history: int = LEAST_HISTORY,
) -> str:
    """Return a row of the power table as a sentence for people.

    Examples
    --------
    >>> power_sentence(12)
    'with 12 checks a fall from 95 % to 80 % is caught in 44 % of batches, at 2 % false alarms'
    >>> power_sentence(3, alpha=0.0001)
    'with 3 checks no fall can be caught at this level: even no right answer at all would be put down to chance'
    >>> power_sentence(12, alpha=0.01, history=60, floor=0.7)[:91]
    'with 12 checks after 60 earlier ones and a floor of 70 % a fall from 95 % to 80 % is caught'
    >>> power_sentence(12, history=4)
    'with 12 checks no fall can be caught: 4 earlier ones are too few to hold them against, and there is no floor'
    """
    day = _Day(good, bad, alpha, history, floor, least_history)
    _, fails_at, alarms, caught = _power(n_checks, day)
    checks = f"{n_checks} check{'s' * (n_checks != 1)}"
    if not day.tests:
        few = (
            f"{history} earlier one{'s are' if history != 1 else ' is'}"
            if history
            else "there are no earlier ones"
        )
        short = f"{few} too few to hold them against" if history else f"{few} to hold them against"
        return f"with {checks} no fall can be caught: {short}, and there is no floor"
    if fails_at is None:
        return f"with {checks} no fall can be caught at this level: even no right answer at all would be put down to chance"
    after = f" after {history} earlier ones" if history and day.held else ""
    least = f"{' and' if after else ','} a floor of {percent(floor)}" if floor is not None else ""
    return (
        f"with {checks}{after}{least} a fall from {percent(good)} to {percent(bad)} is caught in {percent(caught)} "
        f"of batches, at {percent(alarms)} false alarms"
    )


@dataclass(frozen=True)
class _Day:
    """What a batch is tested by, and what is to be caught."""

    good: float
    bad: float
    alpha: float
    history: int | None
    floor: float | None
    least_history: int

    def __post_init__(self) -> None:
        if not 0 < self.bad < self.good < 1:
            raise GoldError(
                "a fall goes from a larger share of right answers to a smaller one, "
                f"not {self.good} to {self.bad}"
            )
        if not 0 < self.alpha < 1:
            raise GoldError(f"a level lies between 0 and 1, not {self.alpha}")
        if self.history is not None and self.history < 0:
            raise GoldError(f"a history has 0 checks or more, not {self.history}")
        if self.floor is not None and not 0 < self.floor < 1:
            raise GoldError(f"a floor is a share between 0 and 1, not {self.floor}")

    @property
    def held(self) -> bool:
        """Whether the batch is held against what came before."""
        return self.history is None or self.history >= max(self.least_history, 1)

    @property
    def tests(self) -> int:
        """How many tests are made; the level is split among them."""
        return int(self.held) + int(self.floor is not None)


def _power(n: int, day: _Day) -> tuple[int, int | None, float, float]:
    """Return a row of the table: sums over days, and over histories where the usual share is not known."""
    from scipy.stats import binom

    if n < 1:
        raise GoldError(f"a batch has at least 1 check, not {n}")
    level = day.alpha / max(day.tests, 1)
    size = day.history if day.history is not None and day.held else 0
    before = binom.pmf(np.arange(size + 1), size, day.good)
    limits = np.full(size + 1, -1)
    if day.held:
        limits = _limit(n, day.good, level) if day.history is None else fall_limits(n, size, level)
    if day.floor is not None:
        limits = np.maximum(limits, _limit(n, day.floor, level))
    alarms = float(before @ binom.cdf(limits, n, day.good))
    caught = float(before @ binom.cdf(limits, n, day.bad))
    fails_at = int(limits[round(day.good * size)])
    return n, (fails_at if fails_at >= 0 else None), alarms, caught


def _limit(n: int, share: float, level: float) -> np.ndarray:
    """Return the largest number of right answers that fails a batch where the share is known, as an array of one."""
    from scipy.stats import binom

    return np.array([int((binom.cdf(np.arange(n + 1), n, share) <= level).sum()) - 1])


def percent(share: float) -> str:
    """Return a share in words for people.

    Examples
    --------
    >>> percent(0.954), percent(0.0224)
    ('95 %', '2.2 %')
    """
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 or value == round(value) else f"{value:.2g} %"
