"""Answers put together with the draws they belong to: counts of strata, ready to be estimated from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from weaklabel.audit.population import check_population
from weaklabel.audit.proportions import STEP, stratified_proportion
from weaklabel.errors import GoldError, some
from weaklabel.gold.sampling import DRAW

WEIGHTED = ("poisson", "rare", "pps")
"""Designs in which rows have probabilities of their own; rows of like probability are taken together."""
BIN = 16
"""Least rows of such a bin."""
BINS = 5
BY_CHANCE = 1e-4
"""A draw that lies within another, with less than this chance of it, was made with the same seed."""


@dataclass(frozen=True)
class Sample:
    """Drawn rows of a population with their gold, made by `collect`.

    Parameters
    ----------
    rows
        One line for each row of each draw: `id`, `draw` (its number), `cell` (number of the stratum over all draws),
        `weight` (1 / inclusion), `inside` (whether it is of the population now), `label`, `confidence`, `gold`,
        `answered`.
    cells
        One line a stratum, in the order of their numbers: `draw`, `rows` drawn, `all` rows that they stand for,
        `left` (share that was not drawn), `loose` (whether the number of rows drawn is itself random).
    population
        The rows that are judged.
    notes
        What the reader should know.
    """

    rows: pl.DataFrame
    cells: pl.DataFrame
    population: pl.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def unanswered(self) -> int:
        """Number of drawn rows without an answer."""
        return self.rows.filter(pl.col("inside") & ~pl.col("answered"))["id"].n_unique()


def collect(
    population: pl.DataFrame, draws: Sequence[pl.DataFrame] | pl.DataFrame, answers: pl.DataFrame
) -> Sample:
    """Return the rows of all draws with their gold, or say why they can't carry an estimate.

    Parameters
    ----------
    population
        Rows whose labels are judged; see `weaklabel.audit.check_population`.
    draws
        One or more draws, each as `weaklabel.gold.sampling.draw` made it. They are independent: each of a seed or a
        purpose of its own.
    answers
        Adjudicated gold, columns `id` and `label`; null: none of the labels fits. A column `role`, if there is one,
        must be "audit".

    Raises
    ------
    GoldError
        A probability of inclusion is not known, an answer is not of any draw, gold is of another role, one draw is
        a part of another, or rows were added to the population after the draw.

    Examples
    --------
    >>> from weaklabel.gold.sampling import draw
    >>> rows = pl.DataFrame({"id": list("abcd"), "label": ["x", "x", "y", "y"]})
    >>> drawn = draw(rows, 4, seed=1, purpose="audit").frame
    >>> found = collect(rows, drawn, rows.select("id", "label"))
    >>> found.cells.rows(), found.unanswered
    ([(0, 4, 4.0, 0.0, False)], 0)
    """
    rows = check_population(population)
    frames = [draws] if isinstance(draws, pl.DataFrame) else list(draws)
    if not frames:
        raise GoldError("there is no draw to estimate from")
    for number, frame in enumerate(frames):
        _check_draw(frame, number, rows)
    _check_independent(frames)
    _check_answers(answers, frames)
    parts = [_celled(frame).with_columns(pl.lit(number).alias("draw")) for number, frame in enumerate(frames)]
    drawn = pl.concat(parts).with_columns(
        pl.struct("draw", "part").rank("dense").cast(pl.Int64).alias("cell") - 1
    )
    cells = (
        drawn.group_by("cell", "draw")
        .agg(
            pl.len().alias("rows"),
            pl.col("weight").sum().alias("all"),
            pl.col("design").is_in(["poisson", "rare"]).first().alias("loose"),
        )
        .sort("cell")
        .with_columns((1 - pl.col("rows") / pl.col("all")).clip(0.0, 1.0).alias("left"))
    )
    gold = answers.select("id", pl.col("label").cast(pl.String).alias("gold"), pl.lit(True).alias("answered"))
    joined = (
        drawn.select("id", "draw", "cell", "weight")
        .join(rows.with_columns(pl.lit(True).alias("inside")), on="id", how="left", maintain_order="left")
        .join(gold, on="id", how="left", maintain_order="left")
        .with_columns(pl.col("inside", "answered").fill_null(False))
    )
    kept = ["id", "draw", "cell", "weight", "inside", "label", "confidence", "gold", "answered"]
    found = Sample(
        joined.select(*kept, pl.exclude(*kept)), cells.select("draw", "rows", "all", "left", "loose"), rows
    )
    return Sample(found.rows, found.cells, rows, _notes(found, len(frames)))


def mean_interval(
    sample: Sample,
    hits: np.ndarray,
    base: np.ndarray | None = None,
    *,
    step: float = STEP,
    confidence: float = 0.95,
) -> tuple[float, float, float, int] | None:
    """Return the share of hits among the rows of a part of the population, its interval, and the rows it rests on.

    Parameters
    ----------
    sample
        From `collect`.
    hits
        Bool of each line of `sample.rows`.
    base
        The part, bool of each line; None: everything that was drawn.
    step
        Continuity correction; see `stratified_proportion`.
    confidence
        Nominal coverage.

    Returns
    -------
    tuple or None
        None where no row of the part was drawn.

    Notes
    -----
    The share is a ratio of two estimated totals. Given how many rows of each stratum fall into the part, each
    stratum's hits are a sample of that part, with a weight that is known as far as the part fills the stratum; what
    is not known of it is `spread` in `stratified_proportion`: with b the share of a stratum that lies in the part,
    the variance of a row is q(1-q) + (1-b)(q-p)^2, the linearised ratio's.
    """
    inside = np.ones(len(hits), dtype=bool) if base is None else base
    weight = sample.rows["weight"].to_numpy()
    cell, count = sample.rows["cell"].to_numpy(), sample.cells.height
    rows = np.bincount(cell, weights=inside, minlength=count)
    if not rows.any():
        return None
    mass = np.bincount(cell, weights=weight * inside, minlength=count)
    good = np.bincount(cell, weights=weight * (inside & hits), minlength=count)
    square = np.bincount(cell, weights=weight**2 * inside, minlength=count)
    seen = mass > 0
    effective = np.where(seen, mass**2 / np.where(seen, square, 1.0), 0.0)
    share = mass * draw_weights(sample)[sample.cells["draw"].to_numpy()]
    per_draw = np.bincount(sample.cells["draw"].to_numpy(), weights=sample.cells["all"].to_numpy())
    share = share / per_draw[sample.cells["draw"].to_numpy()]
    filled = rows / sample.cells["rows"].to_numpy()
    spread = np.where(sample.cells["loose"].to_numpy(), 1.0, 1 - filled)
    p, low, high = stratified_proportion(
        np.where(seen, good / np.where(seen, mass, 1.0), 0.0) * effective,
        effective,
        share / share.sum(),
        left=sample.cells["left"].to_numpy(),
        spread=spread,
        step=step,
        confidence=confidence,
    )
    return float(p[0]), float(low[0]), float(high[0]), int(inside.sum())


def draw_weights(sample: Sample) -> np.ndarray:
    """Return how much each of several draws counts, summing to 1: in proportion to the rows it is worth.

    A draw is worth 1 / sum of W_h^2 / n_h rows; that is fixed by the designs, never by the answers.
    """
    number, rows, stands = (sample.cells[name].to_numpy() for name in ("draw", "rows", "all"))
    share = stands / np.bincount(number, weights=stands)[number]
    worth = 1 / np.bincount(number, weights=share**2 / rows)
    return worth / worth.sum()


def _celled(frame: pl.DataFrame) -> pl.DataFrame:
    """Give each drawn row the stratum it is counted in."""
    rows = frame.with_columns((1 / pl.col("inclusion")).alias("weight"))
    if frame["design"][0] not in WEIGHTED:
        return rows.select("id", "design", "weight", pl.col("stratum").alias("part"))
    bins = max(1, min(BINS, frame.height // BIN))
    place = (pl.col("weight").rank("ordinal") - 1) * bins // pl.len()
    return rows.sort("weight", "id").select("id", "design", "weight", place.cast(pl.String).alias("part"))


def _check_draw(frame: pl.DataFrame, number: int, population: pl.DataFrame) -> None:
    where = f"draw {number + 1}"
    missing = [name for name in DRAW if name not in frame.columns]
    if missing:
        raise GoldError(f"a draw has no column {some(missing)}", where=where, available=frame.columns)
    if not frame.height:
        raise GoldError("a draw holds no rows", where=where)
    unknown = frame.filter(
        ~(pl.col("inclusion").is_between(0, 1) & (pl.col("inclusion") > 0)).fill_null(False)
    )
    if unknown.height:
        raise GoldError(
            f"nobody knows with which probability {unknown.height} rows came into the sample: {some(unknown['id'])}",
            where=where,
            hint="rows that were picked by hand can't carry an estimate: draw a sample with `audit draw`",
        )
    if frame["id"].n_unique() < frame.height:
        raise GoldError("a row stands more than once in one draw", where=where)
    if frame["design"][0] in WEIGHTED:
        return
    drawn_from = round(float((1 / frame["inclusion"]).sum()))
    gone = frame.filter(~pl.col("id").is_in(population["id"].implode())).height
    if drawn_from < population.height:
        raise GoldError(
            f"the draw was made from {drawn_from} rows, and there are {population.height} now: the new ones had no "
            "chance to be drawn",
            where=where,
            hint="audit the rows that were there, or draw again" if not gone else "draw again",
        )


def _check_independent(frames: Sequence[pl.DataFrame]) -> None:
    for i, one in enumerate(frames):
        for other in frames[:i]:
            small, large = sorted((one, other), key=lambda f: f.height)
            same = small["purpose"][0] == large["purpose"][0]
            chance = math.prod(large.filter(pl.col("id").is_in(small["id"].implode()))["inclusion"])
            if same and small["id"].is_in(large["id"].implode()).all() and chance < BY_CHANCE:
                raise GoldError(
                    f"one draw for {small['purpose'][0]!r} is a part of another: they were made with one seed",
                    hint="give the larger one alone, or draw with another seed",
                )


def _check_answers(answers: pl.DataFrame, frames: Sequence[pl.DataFrame]) -> None:
    for name in ("id", "label"):
        if name not in answers.columns:
            raise GoldError(f"the answers have no column {name!r}", available=answers.columns)
    if "role" in answers.columns:
        wrong = answers.filter(pl.col("role").ne_missing("audit"))
        if wrong.height:
            raise GoldError(
                f"{wrong.height} answers are gold of role {wrong['role'][0]!r}, and an audit takes role 'audit' only",
                where=f"row {wrong['id'][0]!r}",
                hint="gold that a model or a rule has seen says nothing about rows that it has not seen",
            )
    if answers["id"].n_unique() < answers.height:
        twice = answers.filter(pl.col("id").is_duplicated())["id"].unique().sort()
        raise GoldError(
            f"{twice.len()} rows have more than one answer: {some(twice)}", hint="adjudicate first"
        )
    drawn = pl.concat([frame.select("id") for frame in frames])["id"].unique()
    extra = answers.filter(~pl.col("id").is_in(drawn.implode()))["id"].sort()
    if extra.len():
        raise GoldError(
            f"{extra.len()} answers are of rows that no draw holds: {some(extra)}",
            hint="rows that were added after the draw were not chosen by chance: leave them out, or give their draw",
        )


def _notes(sample: Sample, draws: int) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if draws > 1:
        shares = ", ".join(f"{share:.0%}" for share in draw_weights(sample))
        notes += (f"{draws} draws count for {shares}",)
    if sample.unanswered:
        notes += (
            f"{sample.unanswered} drawn rows have no answer: the intervals hold whatever the answers will be",
        )
    gone = sample.rows.filter(~pl.col("inside")).height
    if gone:
        notes += (f"{gone} drawn rows are not among the rows to audit now: figures are of those that are",)
    return notes
