"""What so many hidden checks can catch, and how many are needed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.fall import fall_limits


def power_table(
    n_checks: Sequence[int] = (4, 6, 8, 10, 12, 15, 20, 30, 40),
    *,
    good: float = 0.95,
    bad: float = 0.80,
    alpha: float = 0.05,
    history: int | None = None,
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

    Returns
    -------
    polars.DataFrame
        A row for each number of checks: `checks`; `fails_at`, the largest number of right answers that fails a
        batch (with a history: where it holds the usual share of right answers), null where none does;
        `false_alarms`, the share of usual batches that fail; `caught`, the share of fallen batches that fail. Both
        are exact sums over binomial counts.

    Examples
    --------
    >>> power_table([6, 12, 24], alpha=0.05).with_columns(pl.col("false_alarms", "caught").round(3)).rows()
    [(6, 4, 0.033, 0.345), (12, 9, 0.02, 0.442), (24, 20, 0.03, 0.736)]
    """
    _check_power(good, bad, alpha, history)
    rows = [_power(int(n), good, bad, alpha, history) for n in n_checks]
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
    most: int = 200,
) -> int:
    """Return the least number of checks from which on that share of falls is caught.

    Parameters
    ----------
    caught
        Share of falls to be caught.
    good, bad, alpha, history
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
    _check_power(good, bad, alpha, history)
    if not 0 < caught < 1:
        raise GoldError(f"the share of falls to be caught lies between 0 and 1, not {caught}")
    tooth = math.ceil(1.5 / (1 - good))
    held = 0  # numbers in a row that catch enough
    for n in range(1, most + tooth):
        found = _power(n, good, bad, alpha, history)[3]
        held = held + 1 if found >= caught else 0
        if held == tooth:
            return n - tooth + 1
        if n == most and not held:
            break
    found = _power(most, good, bad, alpha, history)[3]
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
) -> str:
    """Return a row of the power table as a sentence for people.

    Examples
    --------
    >>> power_sentence(12)
    'with 12 checks a fall from 95 % to 80 % is caught in 44 % of batches, at 2 % false alarms'
    >>> power_sentence(3, alpha=0.0001)
    'with 3 checks no fall can be caught at this level: even no right answer at all would be put down to chance'
    """
    _check_power(good, bad, alpha, history)
    _, fails_at, alarms, caught = _power(n_checks, good, bad, alpha, history)
    checks = f"{n_checks} check{'s' * (n_checks != 1)}"
    if fails_at is None:
        return f"with {checks} no fall can be caught at this level: even no right answer at all would be put down to chance"
    after = f" after {history} earlier ones" if history else ""
    return (
        f"with {checks}{after} a fall from {percent(good)} to {percent(bad)} is caught in {percent(caught)} "
        f"of batches, at {percent(alarms)} false alarms"
    )


def _power(
    n: int, good: float, bad: float, alpha: float, history: int | None
) -> tuple[int, int | None, float, float]:
    from scipy.stats import binom

    if n < 1:
        raise GoldError(f"a batch has at least 1 check, not {n}")
    x = np.arange(n + 1)
    if history is None:
        fails = (binom.cdf(x, n, good) <= alpha)[None, :]
        before = np.ones(1)
        usual = 0
    else:
        fails = x[None, :] <= fall_limits(n, history, alpha)[:, None]
        before = binom.pmf(np.arange(history + 1), history, good)
        usual = round(good * history)
    alarms = float(before @ (fails @ binom.pmf(x, n, good)))
    caught = float(before @ (fails @ binom.pmf(x, n, bad)))
    fails_at = int(fails[usual].sum()) - 1
    return n, (fails_at if fails_at >= 0 else None), alarms, caught


def _check_power(good: float, bad: float, alpha: float, history: int | None) -> None:
    if not 0 < bad < good < 1:
        raise GoldError(
            f"a fall goes from a larger share of right answers to a smaller one, not {good} to {bad}"
        )
    if not 0 < alpha < 1:
        raise GoldError(f"a level lies between 0 and 1, not {alpha}")
    if history is not None and history < 0:
        raise GoldError(f"a history has 0 checks or more, not {history}")


def percent(share: float) -> str:
    """Return a share in words for people.

    Examples
    --------
    >>> percent(0.954), percent(0.0224)
    ('95 %', '2.2 %')
    """
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 or value == round(value) else f"{value:.2g} %"
