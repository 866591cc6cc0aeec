"""Accuracy over time: a figure with its interval for each window, and tests of whether it has changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from weaklabel.audit.estimates import Figure, accuracy_by
from weaklabel.audit.sample import Sample
from weaklabel.audit.trend import BatchPrecision, bad_batch_p, by_batch, combined, step_p

LEVEL = 0.05
"""Chance of an alarm at one look when accuracy is the same in all windows."""
NO_WINDOW = "none"
"""Window of rows whose time is not known; it has no place in time."""


@dataclass(frozen=True)
class Window:
    """The accuracy of one window; made by `measure_windows`.

    Parameters
    ----------
    name
        The window, such as ``2026-W19``; names sort as time goes.
    figure
        Accuracy of its rows, or why there is none.
    batch
        Its checked labels as whole numbers, for the tests; None where none was checked.
    audit
        The audit that measured it.

    Examples
    --------
    >>> from weaklabel.stats import Estimate
    >>> Window("2026-W19", Figure("accuracy", "week 2026-W19", Estimate(0.9, 0.8, 0.95, 40)), None).to_dict()["labels"]
    40
    """

    name: str
    figure: Figure
    batch: BatchPrecision | None
    audit: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        found = self.figure.estimate
        ends = {"value": found.value, "low": found.low, "high": found.high, "labels": found.n}
        return {"window": self.name, "audit": self.audit, **ends, "says": str(self.figure)}


@dataclass(frozen=True)
class Windows:
    """Accuracy over time; made by `over_windows`.

    Parameters
    ----------
    every
        What a window is: day, week, month, year.
    windows
        The windows in the order of time.
    p_last, p_step
        P-values that the last window is no worse than those before, and that accuracy is the same in all; NaN where
        there is too little to tell.
    since
        First window after the likeliest change; None where none can be looked for.
    before, after
        Accuracy before that window and from it on, in words.
    level
        Chance of an alarm when nothing has changed.

    Examples
    --------
    >>> Windows("week", ()).sentences()
    ['there is no week with a checked label: no change can be seen']
    """

    every: str
    windows: tuple[Window, ...]
    p_last: float = math.nan
    p_step: float = math.nan
    since: str | None = None
    before: str = ""
    after: str = ""
    level: float = LEVEL

    @property
    def worse(self) -> bool:
        """Whether the last window is shown to be worse than those before."""
        return self.p_last <= self.level / 2

    @property
    def moved(self) -> bool:
        """Whether accuracy is shown not to be the same in all windows."""
        return self.p_step <= self.level / 2

    @property
    def alarm(self) -> bool:
        """Whether a change is shown."""
        return self.worse or self.moved

    def sentences(self) -> list[str]:
        """Return what is to be said of changes."""
        known = [window.name for window in self.windows if window.batch is not None]
        if len(known) < 2:
            what = f"one {self.every} only" if known else f"no {self.every} with a checked label"
            return [f"there is {what}: no change can be seen"]
        told, last = [], f"{self.every} {known[-1]}"
        if not math.isnan(self.p_last):
            head = f"change: {last} is worse" if self.worse else f"no change shown: that {last} is worse"
            told.append(f"{head} than those before ({_p(self.p_last)})")
        if not math.isnan(self.p_step):
            told.append(
                f"change: accuracy is not the same over the {self.every}s; it changed most with {self.since}: {self.after} "
                f"from then on, {self.before} before ({_p(self.p_step)})"
                if self.moved
                else f"no change shown: that accuracy moves over the {self.every}s ({_p(self.p_step)})"
            )
        return told or ["too few checked labels to see a change"]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        tests = {"last_is_worse": self.p_last, "moves": self.p_step}
        return {
            "every": self.every,
            "windows": [window.to_dict() for window in self.windows],
            "p": {name: None if math.isnan(p) else p for name, p in tests.items()},
            "level": self.level,
            "since": self.since if self.moved else None,
            "alarm": self.alarm,
            "sentences": self.sentences(),
        }


def measure_windows(
    sample: Sample, column: str, *, audit: str = "", confidence: float = 0.95
) -> tuple[Window, ...]:
    """Return the accuracy of each window of a sample, in the order of time.

    Parameters
    ----------
    sample
        From `weaklabel.audit.sample.collect`.
    column
        Column of the population that names each row's window; rows of `NO_WINDOW` are left out.
    audit
        Name of the audit.
    confidence
        Nominal coverage of each interval.
    """
    figures = {
        one.part.removeprefix(f"{column} "): one for one in accuracy_by(sample, column, confidence=confidence)
    }
    names = sorted(name for name in figures if name != NO_WINDOW)
    rows = sample.rows.filter(pl.col("inside") & pl.col("answered") & pl.col(column).is_in(names)).sort("id")
    place = rows[column].replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
    right = rows["label"].eq_missing(rows["gold"]).to_numpy()
    batches = {batch.batch: batch for batch in by_batch(right, rows["weight"].to_numpy(), place, names)}
    return tuple(Window(name, figures[name], batches.get(name), audit) for name in names)


def over_windows(windows: Sequence[Window], every: str, *, level: float = LEVEL, seed: int = 0) -> Windows:
    """Order windows by time and test whether accuracy has changed.

    Parameters
    ----------
    windows
        Of one audit or of several; of a window that several have measured, the last one given counts.
    every
        What a window is.
    level
        Chance of an alarm when nothing has changed, over both tests.
    seed
        Seed of the shuffles.

    Notes
    -----
    That the last window is bad is tested as a person's bad day is; that accuracy is the same in all, by the largest
    difference between before and after, over all times between two windows, against shuffles. Each takes half of the
    level.

    Examples
    --------
    >>> from weaklabel.stats import wilson
    >>> def week(name, right):
    ...     found = wilson(right, 40)
    ...     return Window(name, Figure("accuracy", name, found), BatchPrecision(name, found, right, 40, 40.0))
    >>> found = over_windows([week("2026-W21", 29), week("2026-W19", 39), week("2026-W20", 38)], "week")
    >>> found.alarm, found.since
    (True, '2026-W21')
    """
    chosen = {window.name: window for window in windows}
    ordered = tuple(chosen[name] for name in sorted(chosen))
    batches = [window.batch for window in ordered if window.batch is not None]
    if len(batches) < 2:
        return Windows(every, ordered, level=level)
    p, cut = step_p(batches, seed=seed)
    if cut is None:
        return Windows(every, ordered, bad_batch_p(batches), p, level=level)
    before, after = (_share(part) for part in (batches[:cut], batches[cut:]))
    return Windows(every, ordered, bad_batch_p(batches), p, batches[cut].batch, before, after, level)


def _share(batches: Sequence[BatchPrecision]) -> str:
    found = combined(batches)
    return "" if found.value is None else f"{100 * found.value:.1f} % of {found.n} right"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
