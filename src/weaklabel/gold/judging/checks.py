"""Hidden checks: which person's batch shows a bad day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from weaklabel.agreement import cohen_kappa
from weaklabel.errors import GoldError, some
from weaklabel.gold.fall import fall_p, floor_of_kappa, floor_p
from weaklabel.gold.power import LEAST_HISTORY, percent
from weaklabel.stats import Estimate, undefined

CHECKS: dict[str, Any] = {
    "annotator": pl.String,
    "batch": pl.String,
    "item": pl.String,
    "gold": pl.String,
    "label": pl.String,
    "right": pl.Boolean,
}
"""Answers to hidden checks; `right` is null where there is no answer, `label` also where no label was named."""

_SHARE_OF_DECLARED = 0.9


@dataclass(frozen=True)
class Season:
    """How many batches of how many people are judged, and how many of them may be failed wrongly.

    Parameters
    ----------
    people
        People who are expected to work in the season.
    batches
        Batches that each is expected to do.
    false_alarms
        Number of batches of people who did no worse than ever that may be failed, on average over seasons, all
        people and batches together. Below 1 it is also a bound for the chance that a season has any.

    Notes
    -----
    The number is spent as fixed levels, one for each person's batch: nine tenths in equal parts on the declared
    ones, one tenth on those beyond them, halved each time the declared number is reached again. The levels add up
    to at most `false_alarms`, so the average holds whatever the p-values have to do with one another. They do
    depend on each other: a person's batches are all held against one history, and a hard set of checks meets
    several people. Methods that spend what earlier results earned (LORD and other online control of the false
    discovery rate) need p-values that are independent, or hold given the past, which these do not.

    Raises
    ------
    GoldError
        A number is not positive, or more false alarms are allowed than there are batches.

    Examples
    --------
    >>> season = Season(people=5, batches=20, false_alarms=1.0)
    >>> [round(season.level(i), 6) for i in (1, 100, 101)]
    [0.009, 0.009, 0.0005]
    """

    people: int
    batches: int
    false_alarms: float = 1.0

    def __post_init__(self) -> None:
        if self.people < 1 or self.batches < 1:
            raise GoldError(
                f"a season has at least 1 person and 1 batch, not {self.people} and {self.batches}"
            )
        if not 0 < self.false_alarms <= self.people * self.batches:
            raise GoldError(
                f"{self.false_alarms} false alarms are allowed in a season of {self.people * self.batches} batches",
                hint="false_alarms is more than 0 and at most people times batches",
            )

    def level(self, number: int) -> float:
        """Return the level at which the season's number-th judged batch is failed, counted from 1.

        Examples
        --------
        >>> round(Season(people=1, batches=10, false_alarms=0.1).level(1), 6)
        0.009
        """
        declared = self.people * self.batches
        times = (number - 1) // declared
        if times == 0:
            return self.false_alarms * _SHARE_OF_DECLARED / declared
        return self.false_alarms * (1 - _SHARE_OF_DECLARED) * 0.5**times / declared


@dataclass(frozen=True)
class Verdict:
    """What the checks say about one person's batch; made by `judge_batches`.

    Parameters
    ----------
    person, batch
        Whose batch.
    right, n
        Checks answered as gold says, and checks answered.
    unanswered
        Checks skipped or left unsure.
    history
        Checks right and answered before this batch, those of failed batches left out.
    p
        Chance of a day at least so bad if nothing were amiss, doubled where two tests were made; None where nothing
        could be tested.
    level
        The batch fails where p is at most this.
    failed
        Whether the batch is to be set aside.
    reason
        Why, in words for that person.
    failed_items
        Checks answered wrongly, sorted.
    kappa
        Agreement with gold on this batch's checks beyond chance.

    Examples
    --------
    >>> verdict = Verdict("ann", "b7", 11, 12, 0, (90, 96), 0.83, 0.01, False, "11 of 12 checks right", ("i3",))
    >>> verdict.failed, verdict.failed_items
    (False, ('i3',))
    """

    person: str
    batch: str
    right: int
    n: int
    unanswered: int
    history: tuple[int, int]
    p: float | None
    level: float
    failed: bool
    reason: str
    failed_items: tuple[str, ...] = ()
    kappa: Estimate = field(default_factory=undefined)

    @property
    def tested(self) -> bool:
        """Whether there was something to test."""
        return self.p is not None


def check_answers(answers: pl.DataFrame, gold: pl.DataFrame) -> pl.DataFrame:
    """Return the answers to hidden checks, each with its gold label and whether it is right.

    Parameters
    ----------
    answers
        Current answers, one a person, batch and item, with columns `item`, `annotator`, `batch`, `kind` and
        `labels`. Answers without a batch, and to items that are no checks, are left out.
    gold
        The checks: `id` and `label`.

    Returns
    -------
    polars.DataFrame
        Columns of `CHECKS`, sorted by batch, annotator and item. A label is right if it is the one that gold
        names; "none of these" is wrong, and so is "not" of the gold label; other "not", skips and unsure are no
        answer.

    Raises
    ------
    GoldError
        A column is missing, or a person answered an item of a batch twice, or gold names an id twice.

    Examples
    --------
    >>> answers = pl.DataFrame({"item": ["i1", "i2"], "annotator": ["ann"] * 2, "batch": ["b1"] * 2,
    ...                         "kind": ["label", "skip"], "labels": [["ham"], []]})
    >>> check_answers(answers, pl.DataFrame({"id": ["i1", "i2"], "label": ["ham", "spam"]})).rows()
    [('ann', 'b1', 'i1', 'ham', 'ham', True), ('ann', 'b1', 'i2', 'spam', None, None)]
    """
    _columns(answers, ("item", "annotator", "batch", "kind", "labels"), "the answers")
    _columns(gold, ("id", "label"), "gold")
    if gold["id"].is_duplicated().any():
        raise GoldError(
            f"gold names an id twice: {some(gold.filter(gold['id'].is_duplicated())['id'].unique())}"
        )
    labels, kind, right = pl.col("labels"), pl.col("kind"), pl.col("gold")
    one = pl.when((kind == "label") & (labels.list.len() == 1)).then(labels.list.first())
    answer = (
        pl.when(kind == "label")
        .then((labels.list.len() == 1) & (labels.list.first() == right))
        .when(kind == "none")
        .then(False)
        .when((kind == "not") & labels.list.contains(right))
        .then(False)
    )
    known = gold.select(pl.col("id").alias("item"), pl.col("label").alias("gold"))
    found = answers.filter(pl.col("batch").is_not_null()).join(known, on="item", how="inner")
    found = found.with_columns(one.alias("label"), answer.alias("right")).select(CHECKS.keys())
    return found.cast(pl.Schema(CHECKS)).sort("batch", "annotator", "item")


def judge_batches(
    checks: pl.DataFrame,
    batches: Sequence[str],
    *,
    season: Season,
    floor: float | None = None,
    kappa_floor: float | None = None,
    least_history: int = LEAST_HISTORY,
    history: Mapping[str, tuple[int, int]] | None = None,
) -> tuple[Verdict, ...]:
    """Return a verdict on each person's batch, in the order of batches and of people's names.

    Parameters
    ----------
    checks
        Answers to hidden checks of the whole season so far, columns of `CHECKS`; made by `check_answers`.
    batches
        The season's batches in the order in which they were done.
    season
        How many false alarms are allowed, over all people and batches.
    floor
        Share of right answers that nobody should be below; None: no floor.
    kappa_floor
        Kappa with gold that nobody should be below, turned into a share of right answers at the class mix of all
        checks up to that batch (`floor_of_kappa`); the higher of the two floors counts.
    least_history
        Number of a person's earlier checks from which on the batch is held against them.
    history
        Right and answered checks of each person from before the season.

    Notes
    -----
    A batch is held against the person's own history (`fall_p`), where there is enough of it, and against the floor
    (`floor_p`), where there is one; with both, the smaller p-value is doubled (Bonferroni). So without history the
    floor alone judges. Failed batches do not enter the history. Up to a person's first false alarm none is left
    out, so the bound on the chance of any false alarm is not touched by that.

    Raises
    ------
    GoldError
        A column is missing, a batch is not among `batches`, or a check stands twice.

    Examples
    --------
    >>> checks = pl.DataFrame([("ann", "b1", f"i{i}", "ham", "ham" if i > 9 else "spam", i > 9) for i in range(12)],
    ...                       schema=CHECKS, orient="row")
    >>> (verdict,) = judge_batches(checks, ["b1"], season=Season(5, 10), history={"ann": (95, 100)})
    >>> verdict.failed, verdict.reason
    (True, '2 of 12 checks right, after 95 of 100 before: a fall that chance gives less than once in 1,000,000 batches')
    """
    _check_checks(checks, batches)
    past = {person: (int(right), int(n)) for person, (right, n) in (history or {}).items()}
    verdicts: list[Verdict] = []
    mix: dict[str, int] = {}
    number = 1
    parts = checks.sort("annotator", "item").partition_by("batch", "annotator", as_dict=True)
    for batch in batches:
        people = sorted(person for b, person in parts if b == batch)
        for person in people:
            for gold in parts[batch, person]["gold"].drop_nulls():
                mix[gold] = mix.get(gold, 0) + 1
        least = least_share(floor, kappa_floor, mix)
        for person in people:
            level = season.level(number)
            verdict = _judge(parts[batch, person], past.get(person, (0, 0)), least, least_history, level)
            number += verdict.tested
            if not verdict.failed:
                right, n = verdict.history
                past[person] = (right + verdict.right, n + verdict.n)
            verdicts.append(verdict)
    return tuple(verdicts)


def _judge(
    rows: pl.DataFrame, past: tuple[int, int], floor: float | None, least_history: int, level: float
) -> Verdict:
    answered = rows.filter(pl.col("right").is_not_null())
    right, n = int(answered["right"].sum()), answered.height
    held = n > 0 and past[1] >= max(least_history, 1)
    tests: dict[str, float] = {}
    if held:
        tests["fall"] = float(fall_p(right, n, *past))
    if n and floor is not None:
        tests["floor"] = float(floor_p(right, n, floor))
    p = min(1.0, len(tests) * min(tests.values())) if tests else None
    failed = p is not None and p <= level
    return Verdict(
        person=str(rows["annotator"][0]),
        batch=str(rows["batch"][0]),
        right=right,
        n=n,
        unanswered=rows.height - n,
        history=past,
        p=p,
        level=level,
        failed=failed,
        reason=_reason(right, n, past, tests, floor, level, failed),
        failed_items=tuple(answered.filter(~pl.col("right"))["item"].to_list()),
        kappa=_kappa(answered),
    )


def _reason(
    right: int,
    n: int,
    past: tuple[int, int],
    tests: Mapping[str, float],
    floor: float | None,
    level: float,
    failed: bool,
) -> str:
    if not n:
        return "no check was answered"
    said = f"{right} of {n} check{'s' * (n != 1)} right"
    before = f"{past[0]} of {past[1]} before"
    if not tests:
        return f"{said}; not tested: {before} is too short a history, and there is no floor"
    which = min(tests, key=lambda name: tests[name])
    if failed and which == "fall":
        return f"{said}, after {before}: a fall that chance gives {_odds(len(tests) * tests[which])}"
    if failed:
        assert floor is not None
        return f"{said}, where nobody should be below {percent(floor)}: chance gives that {_odds(len(tests) * tests[which])}"
    best = [float(fall_p(0, n, *past))] if "fall" in tests else []
    best += [float(floor_p(0, n, floor))] if floor is not None else []
    if len(tests) * min(best) > level:
        return f"{said}; so few checks can't fail a batch at this level"
    return f"{said}; {before}" if past[1] else said


def _odds(p: float) -> str:
    if p < 1e-6:
        return "less than once in 1,000,000 batches"
    times = 1 / p
    return f"once in {times:,.0f} batches" if times >= 10 else f"once in {times:.1f} batches"


def _kappa(answered: pl.DataFrame) -> Estimate:
    """Return kappa with gold; "none of these" is a class of its own that gold never names."""
    if not answered.height:
        return undefined()
    names = sorted({*answered["gold"].drop_nulls(), *answered["label"].drop_nulls()})
    code = {name: i for i, name in enumerate(names)}
    mine = [len(names) if label is None else code[label] for label in answered["label"]]
    return cohen_kappa(mine, [code[label] for label in answered["gold"]])


def least_share(floor: float | None, kappa_floor: float | None, mix: Mapping[str, int]) -> float | None:
    """Return the share of right answers that nobody should be below; None: there is no floor.

    Parameters
    ----------
    floor, kappa_floor
        See `judge_batches`.
    mix
        How often gold of the checks names each class.

    Examples
    --------
    >>> least_share(0.7, 0.6, {"ham": 1, "spam": 1}), least_share(None, 0.6, {"ham": 3}), least_share(0.9, None, {})
    (0.8, None, 0.9)
    """
    of_kappa = None if kappa_floor is None else floor_of_kappa(kappa_floor, mix)
    floors = [value for value in (floor, of_kappa) if value is not None]
    return max(floors) if floors else None


def _check_checks(checks: pl.DataFrame, batches: Sequence[str]) -> None:
    _columns(checks, tuple(CHECKS), "the checks")
    if len(set(batches)) < len(batches):
        raise GoldError(
            f"a batch is named twice: {some([b for b in dict.fromkeys(batches) if batches.count(b) > 1])}"
        )
    unknown = sorted(set(checks["batch"].drop_nulls()) - set(batches))
    if unknown or checks["batch"].null_count():
        raise GoldError(
            f"checks of batches that are not in the season: {some(unknown or [None])}", available=batches
        )
    for name, missing in (("annotator", "annotator"), ("item", "item"), ("gold", "gold label")):
        if checks[name].null_count():
            raise GoldError(f"{checks[name].null_count()} of {checks.height} checks have no {missing}")
    names = checks.select("annotator", "batch", "item")
    twice = names.filter(names.is_duplicated()).unique(maintain_order=True)
    if twice.height:
        person, batch, item = twice.row(0)
        raise GoldError(
            f"{twice.height} checks are answered twice by one person: item {item!r} of batch {batch!r} by {person!r}",
            hint="give each person's current answers only",
        )


def _columns(frame: pl.DataFrame, names: Sequence[str], what: str) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise GoldError(f"there is no column {some(missing)} in {what}", available=frame.columns)
