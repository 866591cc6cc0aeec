"""The audit that may stop at any label: certified, rejected, or about so many more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.bets import SCALES, Order, evidence_above, evidence_below, more_labels, order_of, weights
from weaklabel.audit.population import check_population, population_fingerprint
from weaklabel.audit.ranking import chance_wrong, evidence
from weaklabel.errors import GoldError, some
from weaklabel.fingerprint import event_hash, fingerprint

CURVE: dict[str, Any] = {"labels": pl.Int64, "wrong": pl.Int64, "below": pl.Float64, "above": pl.Float64}
"""Columns of the running evidence, a row for each label: wrong so far, evidence that the error is at most the tolerated
one, and that it is more."""


@dataclass(frozen=True)
class Watch:
    """An audit that may be looked at after every label; made by `plan_watch`.

    Parameters
    ----------
    error, confidence, seed
        Error that is tolerated, chance with which a verdict is to be true, seed of the order.
    tolerated
        Number of wrong labels that is tolerated.
    rows
        `id`, `label`, `chance` and `weight` of every row, in the order in which they are labeled.
    weighted
        Whether rows that are probably wrong are drawn more often.
    fingerprint
        Of all that the order rests on.

    Examples
    --------
    >>> Watch.__name__
    'Watch'
    """

    error: float
    confidence: float
    seed: int
    tolerated: int
    rows: pl.DataFrame
    weighted: bool
    fingerprint: str

    @property
    def order(self) -> Order:
        """The rows as bets see them."""
        return order_of(self.rows["weight"].to_numpy(), self.rows["chance"].to_numpy())

    def record(self) -> dict[str, Any]:
        """Return the plain data to keep; `plan_watch` with these settings makes the same audit.

        Examples
        --------
        >>> rows = pl.DataFrame({"id": ["a", "b"], "label": ["x", "x"]})
        >>> sorted(plan_watch(rows, error=0.05).record())
        ['confidence', 'error', 'fingerprint', 'seed', 'weighted']
        """
        names = ("error", "confidence", "seed", "weighted", "fingerprint")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Standing:
    """Where an audit stands; made by `follow`.

    Parameters
    ----------
    status
        "certified": the error is at most the tolerated one. "rejected": it is more. "open": neither is shown yet.
    labels, wrong
        Labels that count, and how many of them were wrong.
    evidence, against
        Evidence for "at most" and for "more"; a verdict falls where one has reached `needed`.
    needed
        1 / (1 - confidence).
    decided_at
        Number of the label that decided; None while it is open.
    more
        About how many more labels it takes, None where that can't be said or nothing is open.
    waiting
        Answers that are not counted yet, because a row before theirs has none.
    sentence
        All of it in words.
    curve
        The running evidence, columns of `CURVE`.

    Examples
    --------
    >>> Standing("open", 0, 0, 1.0, 1.0, 20.0, None, None, 0, "", pl.DataFrame(schema=CURVE)).to_dict()["status"]
    'open'
    """

    status: str
    labels: int
    wrong: int
    evidence: float
    against: float
    needed: float
    decided_at: int | None
    more: int | None
    waiting: int
    sentence: str
    curve: pl.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; evidence beyond measure is the text "certain".

        Examples
        --------
        >>> standing = Standing("open", 0, 0, 1.0, 1.0, 20.0, None, None, 0, "", pl.DataFrame(schema=CURVE))
        >>> standing.to_dict()["curve"]
        []
        """
        found = {name: value for name, value in vars(self).items() if name != "curve"}
        found |= {name: _finite(found[name]) for name in ("evidence", "against")}
        curve = [
            {name: _finite(value) for name, value in row.items()} for row in self.curve.iter_rows(named=True)
        ]
        return found | {"curve": curve}


def plan_watch(
    population: pl.DataFrame,
    *,
    error: float,
    confidence: float = 0.95,
    seed: int = 0,
    older: pl.DataFrame | None = None,
    weighted: bool | None = None,
) -> Watch:
    """Fix the order in which the rows of a corpus are labeled, before anybody sees an answer.

    Parameters
    ----------
    population
        `id`, `label`, `confidence`; `on:<rule>` columns, if wanted. Rows without label are left out.
    error
        Share of wrong labels that is tolerated.
    confidence
        Chance with which the verdict is to be true, for each of the two verdicts.
    seed
        Of the order.
    older
        `id` and `label` of answers known before; a model of errors learns from them which labels are likely wrong.
    weighted
        Whether such rows are drawn more often; by default if there are older answers.

    Notes
    -----
    A row's place is by its exponential random number over its weight, which draws without replacement in proportion to
    the weights of those left.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b", "c"], "label": ["x", "x", None]})
    >>> plan_watch(rows, error=0.05, seed=1).rows["id"].sort().to_list()
    ['a', 'b']
    """
    if not 0 < error < 1:
        raise GoldError(f"the error tolerated lies between 0 and 1, not {error}", hint="5 % is 0.05")
    if not 0.5 <= confidence < 1:
        raise GoldError(f"confidence lies between 0.5 and 1, not {confidence}", hint="usual is 0.95")
    rows = check_population(population).filter(pl.col("label").is_not_null()).sort("id")
    chance = np.clip(_chances(rows, older), 0.01, 0.95)
    drawn_more = older is not None if weighted is None else weighted
    weight = weights(chance).round(6) if drawn_more else np.ones(rows.height)
    unit = np.array([_unit(event_hash(f"watch {id}", seed)) for id in rows["id"]])
    ordered = (
        rows.select("id", "label")
        .with_columns(pl.Series("chance", chance), pl.Series("weight", weight))
        .with_columns(pl.Series("key", -np.log(unit) / weight))
        .sort("key", "id")
        .drop("key")
    )
    known = [] if older is None else older.select("id", "label").sort("id").rows()
    mark = fingerprint(
        [population_fingerprint(rows), known, error, confidence, seed, ordered["id"].to_list()]
    )
    tolerated = math.floor(error * rows.height + 1e-9)
    return Watch(error, confidence, seed, tolerated, ordered, drawn_more, mark)


def same_watch(watch: Watch, record: Mapping[str, Any]) -> None:
    """Say what has changed if an audit that goes on is not the one that was begun.

    Raises
    ------
    GoldError
        A setting, the rows, their labels or the older answers are others.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "label": ["x", "x"]})
    >>> same_watch(plan_watch(rows, error=0.05), plan_watch(rows, error=0.05).record())
    """
    now = watch.record()
    changed = [name for name in now if name != "fingerprint" and now[name] != record.get(name)]
    if changed:
        told = ", ".join(f"{name} was {record.get(name)} and is {now[name]}" for name in changed)
        raise GoldError(f"this audit was begun with other settings: {told}", hint="begin another one")
    if now["fingerprint"] != record.get("fingerprint"):
        raise GoldError(
            "the rows, their labels or the older answers have changed since this audit was begun",
            hint="its verdict is about the labels as they were: go on with those, or begin another one",
        )


def next_rows(watch: Watch, answers: pl.DataFrame, size: int) -> pl.DataFrame:
    """Return `id` and `label` of the rows to label next, in order.

    Examples
    --------
    >>> watch = plan_watch(pl.DataFrame({"id": ["a", "b"], "label": ["x", "x"]}), error=0.05)
    >>> next_rows(watch, pl.DataFrame(schema={"id": pl.String, "label": pl.String}), 5).height
    2
    """
    rest = watch.rows.join(answers.select("id"), on="id", how="anti", maintain_order="left")
    return rest.select("id", "label").head(size)


def follow(watch: Watch, answers: pl.DataFrame) -> Standing:
    """Return where the audit stands after these answers; it may be asked after every one.

    Parameters
    ----------
    watch
        The audit.
    answers
        `id` and adjudicated `label`, in any order; a null label, for a row that people could not decide, counts as a
        wrong label of the corpus. They count as far as the audit's order has no gap.

    Raises
    ------
    GoldError
        An answer is to no row of the audit, or a row has several.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [str(i) for i in range(1000)], "label": ["x"] * 1000})
    >>> watch = plan_watch(rows, error=0.05)
    >>> first = watch.rows.head(100).select("id", "label")
    >>> print(follow(watch, first).sentence)
    Certified after 77 labels: at most 5 % of the 1000 labels differ from adjudicated gold (0 of 77 checked did).
    """
    _check_answers(watch, answers)
    said = answers.select("id", pl.col("label").cast(pl.String).alias("said"), pl.lit(True).alias("answered"))
    joined = watch.rows.join(said, on="id", how="left", maintain_order="left")
    counted = int(joined["answered"].fill_null(False).cum_min().sum())
    head = joined.head(counted)
    wrong = head.select(pl.col("label").ne_missing(pl.col("said")).alias("wrong"))["wrong"].to_numpy()
    order = watch.order
    below = evidence_below(order, wrong, watch.tolerated)
    above = evidence_above(order, wrong, watch.tolerated)
    needed = 1 / round(1 - watch.confidence, 12)
    up, down = _first(below, needed), _first(above, needed)
    status = "open"
    if up is not None or down is not None:
        status = "certified" if down is None or (up is not None and up <= down) else "rejected"
    decided = {"open": None, "certified": up, "rejected": down}[status]
    now = decided if decided is not None else counted
    curve = pl.DataFrame(
        {"labels": np.arange(1, counted + 1), "wrong": np.cumsum(wrong), "below": below, "above": above},
        schema=CURVE,
    )
    bad = int(wrong[:now].sum())
    for_, against = (float(part[now - 1]) if now else 1.0 for part in (below, above))
    more = None if decided is not None else _more(watch, wrong, for_, against, needed)
    waiting = answers.height - counted
    sentence = _sentence(watch, status, now, bad, more, waiting)
    return Standing(status, now, bad, for_, against, needed, decided, more, waiting, sentence, curve)


def _first(evidence_: np.ndarray, needed: float) -> int | None:
    reached = np.flatnonzero(evidence_ >= needed * (1 - 1e-12))
    return int(reached[0]) + 1 if len(reached) else None


def _more(watch: Watch, wrong: np.ndarray, below: float, above: float, needed: float) -> int | None:
    """Guess how many labels are missing: the median over what the error may be, by the labels so far."""
    from scipy.stats import beta

    n, rows = len(wrong), watch.rows.height
    left = rows - n
    edge = max(watch.tolerated + 1 - int(wrong.sum()), 0) / left if left else 0.0
    if not 0 < edge < 1:
        return None
    share = 1 / watch.rows["weight"][:n].to_numpy()
    found = n * float((wrong * share).sum() / share.sum()) if n else 0.0
    expected = float(watch.rows["chance"].mean())  # type: ignore[arg-type]
    told = []
    for p in beta.ppf(np.arange(1, 20) / 20, found + expected, n - found + 1 - expected):
        p = min(max(float(p), 1e-9), 1 - 1e-9)
        growth = p * math.log(p / edge) + (1 - p) * math.log((1 - p) / (1 - edge))
        # one bet of several will lead in the end
        told.append(more_labels(below if p < edge else above, needed * len(SCALES), growth) or left)
    return min(int(np.median(told)), left)


def _chances(rows: pl.DataFrame, older: pl.DataFrame | None) -> np.ndarray:
    found = evidence(rows)
    if older is None:
        return chance_wrong(found, np.array([], dtype=np.int64), np.array([], dtype=bool))[found.kind]
    place = rows.select("id", "label", pl.int_range(pl.len(), dtype=pl.Int64).alias("place"))
    said = older.select("id", pl.col("label").cast(pl.String).alias("said"))
    known = place.join(said, on="id", how="inner").sort("place")
    wrong = known.select(pl.col("label").ne_missing(pl.col("said")).alias("wrong"))["wrong"].to_numpy()
    return chance_wrong(found, known["place"].to_numpy(), wrong)[found.kind]


def _check_answers(watch: Watch, answers: pl.DataFrame) -> None:
    unknown = answers.join(watch.rows, on="id", how="anti")["id"].unique().sort()
    if unknown.len():
        raise GoldError(f"{unknown.len()} answers are to rows that this audit doesn't know: {some(unknown)}")
    if answers["id"].n_unique() < answers.height:
        twice = answers["id"].filter(answers["id"].is_duplicated()).unique().sort()
        raise GoldError(
            f"{twice.len()} rows have more than one answer: {some(twice)}", hint="adjudicate them first"
        )


def _sentence(watch: Watch, status: str, n: int, wrong: int, more: int | None, waiting: int) -> str:
    rows, error = watch.rows.height, f"{100 * watch.error:.3g} %"
    seen = f"{wrong} of {n} checked did"
    if status == "certified":
        return f"Certified after {n} labels: at most {error} of the {rows} labels differ from adjudicated gold ({seen})."
    if status == "rejected":
        return f"Rejected after {n} labels: more than {error} of the {rows} labels differ from adjudicated gold ({seen})."
    told = (
        "it can't be said yet how many more it takes"
        if more is None
        else f"about {more} more labels to a verdict"
    )
    late = f" {waiting} answers wait for rows before them." if waiting else ""
    return f"Open after {n} labels: {told} ({wrong} of {n} checked differ from adjudicated gold).{late}"


def _unit(number: int) -> float:
    return ((number >> 11) + 0.5) * 2.0**-53


def _finite(value: Any) -> Any:
    return "certain" if isinstance(value, float) and math.isinf(value) else value
