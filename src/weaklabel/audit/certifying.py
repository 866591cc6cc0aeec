"""The part of a corpus whose labels may be used as they are: drawn in two steps, tested exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.certificate import METHOD, Certificate, Goal, claim_of, percent
from weaklabel.audit.population import check_population, population_fingerprint
from weaklabel.audit.ranking import ON, chance_wrong, evidence
from weaklabel.audit.regions import Aim, Nested, aim, cut, fewest_labels, measure, outward
from weaklabel.errors import GoldError, some
from weaklabel.fingerprint import event_hash, fingerprint
from weaklabel.gold.sampling import DRAW, Draw, draw
from weaklabel.stats import Estimate

_PURPOSE = "certificate"
_PILOT_SHARE, _ROOM = 0.35, 2.5


@dataclass(frozen=True)
class Second:
    """The second draw, chosen by the pilot's answers; made by `draw_second`.

    Parameters
    ----------
    draw
        Rows to label now: columns of a draw, inclusion probabilities within the region that they come from.
    rows
        `id`, `chance_wrong` and `rank` of each labeled row; rank 0 is likeliest to be right. Sorted by rank.
    regions
        The nested regions, as they stand after the pilot.
    chosen
        Which of them are tested.
    sentence
        What to expect.

    Examples
    --------
    >>> Second.__name__
    'Second'
    """

    draw: Draw
    rows: pl.DataFrame
    regions: Nested
    chosen: Aim
    sentence: str


@dataclass(frozen=True)
class Certified:
    """A certificate and the rows it is about; made by `certify`.

    Parameters
    ----------
    certificate
        The statement.
    rows
        `id`, `chance_wrong`, `accepted` of every row of the corpus, sorted by id; a row without label is not accepted.

    Examples
    --------
    >>> Certified.__name__
    'Certified'
    """

    certificate: Certificate
    rows: pl.DataFrame


def pilot_size(rows: int, goal: Goal) -> int:
    """Return how many of the labels go to the first draw, which chooses what is tested.

    Raises
    ------
    GoldError
        With so few labels nothing can be certified.

    Examples
    --------
    >>> [pilot_size(20_000, Goal(error=0.05, labels=labels)) for labels in (100, 200, 500)]
    [20, 52, 175]
    """
    least = fewest_labels(rows, goal.error, goal.confidence)
    what = f"an error of at most {percent(goal.error)} in {goal.part or 'these'} {rows} rows"
    if goal.labels < least:
        raise GoldError(
            f"{goal.labels} labels can't certify {what}: it takes at least {least}, all of them right",
            hint=f"plan {math.ceil(2.5 * least)} labels or more, or tolerate a larger error",
        )
    wanted = max(goal.labels - _ROOM * least, 0.2 * goal.labels)
    return int(min(wanted, _PILOT_SHARE * goal.labels, goal.labels - least, rows))


def draw_pilot(population: pl.DataFrame, goal: Goal) -> Draw:
    """Return the first draw: a simple random sample of the labeled rows.

    Parameters
    ----------
    population
        `id`, `label`, `confidence`; and `on:<rule>` columns, if wanted (see `weaklabel.audit.ranking.with_votes`).
    goal
        What is to be certified.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [str(i) for i in range(1000)], "label": ["x"] * 1000})
    >>> len(draw_pilot(rows, Goal(error=0.05, labels=200)))
    60
    """
    rows = _labeled(population)
    size = pilot_size(rows.height, goal)
    if size < 1:
        return Draw(
            _nothing(),
            ("there is no label to spare for a pilot: the label model's confidences are followed",),
        )
    return draw(rows, size, purpose=f"{_PURPOSE} pilot {goal.part}", seed=goal.seed)


def draw_second(
    population: pl.DataFrame, goal: Goal, answers: pl.DataFrame, *, older: pl.DataFrame | None = None
) -> Second:
    """Learn from the pilot's answers which labels are likely wrong, choose regions, and draw the labels that test them.

    Parameters
    ----------
    population, goal
        As given to `draw_pilot`.
    answers
        `id` and adjudicated `label` of the pilot's rows; a null label, for a row that people could not decide, counts
        as a wrong label of the corpus.
    older
        Labels known before, which only help to rank the rows.

    Raises
    ------
    GoldError
        Answers are missing, or there are others than the pilot's.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [str(i) for i in range(1000)], "label": ["x"] * 1000})
    >>> goal = Goal(error=0.05, labels=200)
    >>> answers = draw_pilot(rows, goal).frame.select("id", pl.lit("x").alias("label"))
    >>> print(draw_second(rows, goal, answers).sentence)
    140 labels are drawn from all 1000 rows. The first test, of all 1000 rows, is expected to pass with a chance of 51 %.
    """
    rows = _labeled(population)
    pilot = draw_pilot(rows, goal).frame
    _same_ids(pilot["id"], answers["id"], "the pilot")
    return _second(rows, goal, pilot, _wrong(rows, answers), older)


def certify(
    population: pl.DataFrame,
    goal: Goal,
    answers: pl.DataFrame,
    *,
    older: pl.DataFrame | None = None,
    gold_error: Estimate | None = None,
    names: Mapping[str, str] | None = None,
) -> Certified:
    """Test the regions and say which part of the corpus may be accepted.

    Parameters
    ----------
    population, goal, older
        As given to `draw_second`.
    answers
        `id` and adjudicated `label` of the rows of both draws; with a column `role`, all of role "audit".
    gold_error
        How often adjudicated gold is itself wrong, from a blind second adjudication.
    names
        Fingerprints or versions of what the labels were made from: rules, model, corpus, table version, …

    Raises
    ------
    GoldError
        Answers are missing, or there are others than those drawn; gold of another role; gold whose own error is more
        than half of the error to be certified.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [str(i) for i in range(1000)], "label": ["x"] * 1000})
    >>> goal = Goal(error=0.05, labels=200)
    >>> first = draw_pilot(rows, goal).frame.select("id", pl.lit("x").alias("label"))
    >>> second = draw_second(rows, goal, first).draw.frame.select("id", pl.lit("x").alias("label"))
    >>> print(certify(rows, goal, pl.concat([first, second])).certificate.claim)
    All 1000 rows are accepted: at most 50 of their labels (5 %) differ from adjudicated gold. The method errs in at most 5 % of its uses.
    """
    _check_roles(answers)
    note = _check_gold_error(gold_error, goal)
    everything = check_population(population)
    rows = _labeled(population)
    pilot = draw_pilot(rows, goal).frame
    wrong = _wrong(rows, answers)
    second = _second(rows, goal, pilot, wrong.join(pilot.select("id"), on="id", how="semi"), older)
    _same_ids(pl.concat([pilot["id"], second.draw.frame["id"]]), answers["id"], "the two draws")
    tested = second.draw.frame.join(wrong, on="id").join(second.rows.select("id", "rank"), on="id")
    checked = _per_region(second.regions, tested["rank"])
    bad = _per_region(second.regions, tested.filter("wrong")["rank"])
    last, p_values = outward(
        second.regions, checked, bad, error=goal.error, delta=goal.delta, chosen=second.chosen
    )
    size = int(second.regions.rows[last]) if last >= 0 else 0
    accepted = second.rows.head(size)
    out = everything.select("id").join(
        second.rows.select("id", "chance_wrong", (pl.col("rank") < size).alias("accepted")),
        on="id",
        how="left",
    )
    certificate = Certificate(
        claim=claim_of(goal, everything.height, size),
        goal=goal,
        rows=everything.height,
        accepted=size,
        wrong_at_most=math.floor(goal.error * size + 1e-9),
        threshold=float(accepted["chance_wrong"][-1]) if size else None,
        method=METHOD,
        design=_design(second, pilot.height, checked, bad, p_values),
        gold={"pilot": pilot["id"].to_list(), "second": second.draw.frame["id"].to_list()},
        gold_error=gold_error,
        fingerprints={f"given:{name}": value for name, value in sorted((names or {}).items())}
        | input_fingerprints(population, answers, older)
        | {
            "accepted": fingerprint(accepted["id"].sort().to_list()),
        },
        notes=note,
    )
    return Certified(certificate, out.with_columns(pl.col("accepted").fill_null(False)).sort("id"))


def input_fingerprints(
    population: pl.DataFrame, answers: pl.DataFrame, older: pl.DataFrame | None
) -> dict[str, str]:
    """Return what stands for each thing that a certificate is made from.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a"], "label": ["x"]})
    >>> sorted(input_fingerprints(rows, rows, None))
    ['answers', 'older', 'population']
    """
    known = [] if older is None else older.select("id", "label").sort("id").rows()
    return {
        "population": whole_fingerprint(population),
        "answers": fingerprint(answers.select("id", "label").sort("id").rows()),
        "older": fingerprint(known),
    }


def whole_fingerprint(population: pl.DataFrame) -> str:
    """Return what stands for all of a population that a certificate looks at, in whatever order of rows and rules.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a"], "label": ["x"], "on:long": [1]})
    >>> whole_fingerprint(rows) == whole_fingerprint(rows.with_columns(pl.lit(0).alias("on:long")))
    False
    """
    rows = check_population(population).sort("id")
    signs = sorted(name for name in rows.columns if name.startswith(ON))
    return fingerprint([population_fingerprint(rows), [[name, rows[name].to_list()] for name in signs]])


def _second(
    rows: pl.DataFrame, goal: Goal, pilot: pl.DataFrame, wrong: pl.DataFrame, older: pl.DataFrame | None
) -> Second:
    known = wrong
    if older is not None:
        mine = older.join(rows, on="id", how="semi").join(wrong, on="id", how="anti")
        known = pl.concat([wrong, _wrong(rows, mine)])
    place = pl.DataFrame({"id": rows["id"], "place": np.arange(rows.height)})
    learnt = known.join(place, on="id").sort("place")
    found = evidence(rows)
    kinds = chance_wrong(found, learnt["place"].to_numpy(), learnt["wrong"].to_numpy())
    chance = kinds[found.kind]
    tie = np.fromiter(
        (event_hash(f"{_PURPOSE} tie {id}", goal.seed) for id in rows["id"]), np.uint64, rows.height
    )
    rank = ranks(chance, tie)
    checked = wrong.join(place, on="id").sort("place")
    regions = measure(
        rank, chance, checked["place"].to_numpy(), checked["wrong"].to_numpy(), cut(rows.height)
    )
    labels = goal.labels - pilot.height
    chosen = aim(regions, labels, error=goal.error, delta=goal.delta, strength=strength(pilot.height))
    ranked = pl.DataFrame({"id": rows["id"], "chance_wrong": chance, "rank": rank}).sort("rank")
    inside = ranked.head(int(regions.rows[chosen.outer])).join(pilot, on="id", how="anti")
    drawn = (
        draw(inside, labels, purpose=f"{_PURPOSE} test {goal.part}", seed=goal.seed)
        if inside.height
        else None
    )
    made = drawn or Draw(_nothing(), ("every row of the region is labeled already",))
    return Second(made, ranked, regions, chosen, _expectation(regions, chosen, len(made)))


def strength(pilot: int) -> float:
    """Return how many labels the model of errors is thought to be worth after a pilot.

    Examples
    --------
    >>> strength(80)
    100.0
    """
    return 20.0 + pilot


def ranks(chance: np.ndarray, tie: np.ndarray) -> np.ndarray:
    """Return each row's place in the order of chances, equal ones by their random numbers.

    Examples
    --------
    >>> ranks(np.array([0.3, 0.1, 0.3]), np.array([2, 9, 1])).tolist()
    [2, 0, 1]
    """
    # sums of floats may differ in the last bits between machines: chances that close are one chance
    order = np.lexsort((tie, np.round(chance, 9)))
    rank = np.empty(len(chance), dtype=np.int64)
    rank[order] = np.arange(len(chance))
    return rank


def _labeled(population: pl.DataFrame) -> pl.DataFrame:
    return check_population(population).filter(pl.col("label").is_not_null()).sort("id")


def _wrong(rows: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Return `id` and `wrong` of the answers to these rows."""
    for name in ("id", "label"):
        if name not in answers.columns:
            raise GoldError(f"the answers have no column {name!r}", available=answers.columns)
    if answers["id"].n_unique() < answers.height:
        twice = answers["id"].filter(answers["id"].is_duplicated()).unique().sort()
        raise GoldError(
            f"{twice.len()} rows have more than one answer: {some(twice)}", hint="adjudicate them first"
        )
    said = answers.select("id", pl.col("label").cast(pl.String).alias("said"))
    joined = rows.select("id", "label").join(said, on="id", how="inner")
    return joined.select("id", pl.col("label").ne_missing(pl.col("said")).alias("wrong"))


def _same_ids(drawn: pl.Series, answered: pl.Series, what: str) -> None:
    missing = sorted(set(drawn) - set(answered))
    if missing:
        raise GoldError(
            f"{len(missing)} of {drawn.len()} rows of {what} have no answer: {some(missing)}",
            hint="all of them are needed: leaving out what is hard to label would make labels look better",
        )
    extra = sorted(set(answered) - set(drawn))
    if extra:
        raise GoldError(
            f"{len(extra)} answers are to rows that {what} didn't draw: {some(extra)}",
            hint="a fixed design takes no answers beyond those it drew, whatever they say; an audit that may be "
            "looked at at any time is the sequential one",
        )


def _check_roles(answers: pl.DataFrame) -> None:
    if "role" not in answers.columns:
        return
    other = answers.filter(pl.col("role").ne_missing("audit"))
    if other.height:
        raise GoldError(
            f"{other.height} answers are gold of role {some(other['role'].unique().sort())}, not 'audit': "
            f"{some(other['id'])}",
            hint="gold that a model was fitted or a rule was written on says nothing about rows nobody looked at",
        )


def _check_gold_error(gold_error: Estimate | None, goal: Goal) -> tuple[str, ...]:
    if gold_error is None or gold_error.value is None:
        return ("How often adjudicated gold is itself wrong was not measured.",)
    if gold_error.value > goal.error / 2:
        raise GoldError(
            f"adjudicated gold is itself wrong in about {percent(gold_error.value)} of rows, too near the "
            f"{percent(goal.error)} to be certified",
            hint=f"tolerate more than {percent(2 * gold_error.value)}, or make the guideline and adjudication better",
        )
    at_most = goal.error + (gold_error.high if gold_error.high is not None else gold_error.value)
    return (
        f"Adjudicated gold is itself wrong in about {percent(gold_error.value)} of {gold_error.n} rows looked at "
        f"twice: against the truth the error could be as large as {percent(at_most)}.",
    )


def _per_region(regions: Nested, rank: pl.Series) -> np.ndarray:
    inside = np.searchsorted(regions.rows, rank.to_numpy(), side="right")
    return np.bincount(inside, minlength=len(regions.rows) + 1)[: len(regions.rows)].cumsum()


def _design(
    second: Second, pilot: int, checked: np.ndarray, bad: np.ndarray, p_values: Sequence[float]
) -> dict[str, Any]:
    regions, chosen = second.regions, second.chosen
    return {
        "pilot": {"labels": pilot, "draw": "simple random"},
        "test": {
            "labels": len(second.draw),
            "draw": "simple random within the outer region",
            "start": chosen.start,
            "outer": chosen.outer,
            "checked": checked[: chosen.outer + 1].tolist(),
            "wrong": bad[: chosen.outer + 1].tolist(),
            "p_values": list(p_values),
        },
        "regions": {
            "rows": regions.rows.tolist(),
            "left_after_pilot": regions.left.tolist(),
            "wrong_in_pilot": regions.wrong.tolist(),
        },
    }


def _expectation(regions: Nested, chosen: Aim, labels: int) -> str:
    whole = int(regions.rows[-1])

    def name(j: int) -> str:
        size = int(regions.rows[j])
        return f"all {whole} rows" if size == whole else f"the {size} rows likeliest to be right"

    return (
        f"{labels} labels are drawn from {name(chosen.outer)}. The first test, of {name(chosen.start)}, is expected "
        f"to pass with a chance of {percent(round(chosen.passing, 2))}."
    )


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema=DRAW)
