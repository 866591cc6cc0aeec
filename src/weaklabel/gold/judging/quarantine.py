"""Batches of people that are set aside whole: what no longer counts, who is asked instead, and what the person sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.asking.assigning import ASSIGNMENT, assign, listed, may_ask, need_columns
from weaklabel.gold.asking.hidden import hide_for_new
from weaklabel.gold.asking.outcomes import queued
from weaklabel.gold.asking.people import active
from weaklabel.gold.judging.checks import CHECKS, Verdict
from weaklabel.gold.ledger.records import KINDS, current

QUARANTINE = KINDS["quarantine"]
"""Columns of quarantines: a person's batch, why, the checks that failed, and whether it counts again (`lifted`)."""


@dataclass(frozen=True)
class Quarantine:
    """What goes when batches fail; made by `quarantine`. Nothing is done until its frames are recorded.

    Parameters
    ----------
    records
        Columns of `QUARANTINE`, a row for each person's batch that fails now.
    assignments
        Who is asked instead, columns of `weaklabel.gold.asking.assigning.ASSIGNMENT`, `requeued_from` in whose place; and
        hidden checks of people who had none in the batch.
    queue
        Items for which too few other people are left, columns of the queue's records.
    answers
        Number of answers that no longer count.
    sentences
        One for each person's batch.

    Examples
    --------
    >>> Quarantine(*[pl.DataFrame()] * 3, 0, ()).failed
    False
    """

    records: pl.DataFrame
    assignments: pl.DataFrame
    queue: pl.DataFrame
    answers: int
    sentences: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether a batch fails."""
        return self.records.height > 0


def quarantine(
    verdicts: Iterable[Verdict],
    answers: pl.DataFrame,
    assignments: pl.DataFrame,
    annotators: pl.DataFrame,
    *,
    seed: int,
    quarantines: pl.DataFrame | None = None,
    seen: pl.DataFrame | None = None,
    checks: pl.DataFrame | None = None,
    wanted: int = 10,
    most: float = 0.2,
    near: pl.DataFrame | None = None,
) -> Quarantine:
    """Return what goes when verdicts fail batches of people: their answers out, their items to others.

    Parameters
    ----------
    verdicts
        As `weaklabel.gold.judging.checks.judge_batches` gives them; those that don't fail are passed over.
    answers
        Current answers: `item`, `annotator`, `batch`.
    assignments
        Records of kind assignment.
    annotators
        See `weaklabel.gold.asking.batches.plan_batch`.
    seed
        Seed of who is asked.
    quarantines
        Records of kind quarantine so far. A person's batch that has one is passed over, also where it was lifted:
        somebody has decided on it.
    seen
        Who has met what: `item` and `annotator` (null: everybody).
    checks, wanted, most, near
        Gold of role check, and how many are hidden for people who had none in the batch; see
        `weaklabel.gold.asking.hidden.hide_for_new`. None: none are.

    Returns
    -------
    Quarantine
        Each item of such a batch is asked of one other person in the place of each who fails; never of one who has
        met it or whose answers of that batch are set aside. Where too few are left, the item goes to the experts'
        queue, and is asked of so many that the number of answers stays odd, or as near to it as can be. Hidden
        checks are not asked again.

    Examples
    --------
    >>> pairs = pl.DataFrame({"item": ["a", "a", "a"], "annotator": ["ann", "bob", "cid"]})
    >>> answers = pairs.with_columns(batch=pl.lit("b1"))
    >>> bad = Verdict("bob", "b1", 2, 12, 0, (95, 100), 1e-7, 0.01, True, "2 of 12 checks right", ("g1", "g2"))
    >>> people = pl.DataFrame({"annotator": ["ann", "bob", "cid", "dot"]})
    >>> plan = quarantine([bad], answers, listed(pairs, batch="b1", seed=1), people, seed=1)
    >>> plan.assignments.select("item", "annotator", "requeued_from").rows()
    [('a', 'dot', 'bob')]
    >>> plan.sentences
    ('bob, b1: 2 of 12 checks right; 1 answer is set aside, 1 item is asked of others',)
    """
    need_columns(answers, ("item", "annotator", "batch"), "the answers")
    need_columns(assignments, ASSIGNMENT, "the assignments")
    known = _subjects(quarantines)
    failed = sorted(
        (v for v in verdicts if v.failed and (v.batch, v.person) not in known),
        key=lambda v: (v.batch, v.person),
    )
    rows: list[Any] = [(v.batch, v.person, v.reason, list(v.failed_items), False) for v in failed]
    records = pl.DataFrame(rows, schema=QUARANTINE, orient="row")
    people = active(annotators)
    after = records if quarantines is None else pl.concat([quarantines.select(QUARANTINE.keys()), records])
    more, stuck, sentences = [pl.DataFrame(schema=ASSIGNMENT)], [queued([], batch=None, why="")], []
    gone = 0
    for batch in sorted({v.batch for v in failed}):
        mine = [v for v in failed if v.batch == batch]
        requeue = _requeued(batch, [v.person for v in mine], assignments, people, after, seen, seed)
        hidden = hide_for_new(
            requeue.pairs,
            checks,
            assignments,
            batch=batch,
            seed=seed,
            wanted=wanted,
            most=most,
            seen=seen,
            near=near,
        )
        pairs = pl.concat([requeue.pairs, hidden], how="diagonal")
        more.append(listed(pairs, batch=batch, seed=seed, before=assignments))
        stuck.append(queued(requeue.stuck, batch=batch, why="set aside, and too few others are left to ask"))
        for verdict in mine:
            lost = answers.filter((pl.col("batch") == batch) & (pl.col("annotator") == verdict.person)).height
            asked = int((requeue.pairs["requeued_from"] == verdict.person).sum())
            gone += lost
            sentences.append(_sentence(verdict, lost, asked, requeue.short.get(verdict.person, 0)))
    return Quarantine(records, pl.concat(more), pl.concat(stuck), gone, tuple(sentences))


def standing(frame: pl.DataFrame, quarantines: pl.DataFrame | None) -> pl.DataFrame:
    """Return the rows whose person's batch is not set aside, in their order.

    Parameters
    ----------
    frame
        Answers or assignments: `annotator` and `batch`; rows without a batch stand.
    quarantines
        Records of kind quarantine; of several of one person's batch the latest counts. None: there are none.

    Examples
    --------
    >>> answers = pl.DataFrame({"item": ["a", "a"], "annotator": ["ann", "bob"], "batch": ["b1", "b1"]})
    >>> aside = pl.DataFrame({"batch": ["b1"], "annotator": ["bob"], "lifted": [False]})
    >>> standing(answers, aside)["annotator"].to_list()
    ['ann']
    """
    if quarantines is None:
        return frame
    return frame.join(set_aside(quarantines), on=["batch", "annotator"], how="anti", maintain_order="left")


def set_aside(quarantines: pl.DataFrame) -> pl.DataFrame:
    """Return the batches of people that are set aside now: `batch` and `annotator`.

    Examples
    --------
    >>> said = pl.DataFrame({"number": [1, 2], "batch": "b1", "annotator": "bob", "lifted": [False, True]})
    >>> set_aside(said).height
    0
    """
    need_columns(quarantines, ("batch", "annotator", "lifted"), "the quarantines")
    latest = current("quarantine", quarantines)
    return latest.filter(~pl.col("lifted").fill_null(False)).select("batch", "annotator")


def lift(quarantines: pl.DataFrame, *, batch: str, annotator: str, reason: str) -> pl.DataFrame:
    """Return the record by which a person's batch counts again; answers of those asked instead stay.

    Parameters
    ----------
    quarantines
        Records of kind quarantine.
    batch, annotator
        Whose batch.
    reason
        Why.

    Raises
    ------
    GoldError
        That person's batch is not set aside.

    Examples
    --------
    >>> aside = pl.DataFrame({"batch": ["b1"], "annotator": ["bob"], "lifted": [False]})
    >>> lift(aside, batch="b1", annotator="bob", reason="gold was wrong").rows()
    [('b1', 'bob', 'gold was wrong', [], True)]
    """
    now = set_aside(quarantines)
    if (batch, annotator) not in now.rows():
        raise GoldError(
            f"the answers of {annotator!r} in batch {batch!r} are not set aside",
            available=[f"{name} in {b}" for b, name in now.iter_rows()],
        )
    row: Any = (batch, annotator, reason, [], True)
    return pl.DataFrame([row], schema=QUARANTINE, orient="row")


@dataclass(frozen=True)
class Feedback:
    """What a person is told about a batch; made by `feedback`.

    Parameters
    ----------
    sentence
        What happened, in words for that person.
    failed
        Checks answered wrongly: `item`, `said` (null: none of these, or several labels), `gold`.

    Examples
    --------
    >>> Feedback("11 of 12 checks right", pl.DataFrame()).sentence
    '11 of 12 checks right'
    """

    sentence: str
    failed: pl.DataFrame


def feedback(verdict: Verdict, checks: pl.DataFrame) -> Feedback:
    """Return what a person is told about a batch: which checks failed, what they said, and what gold says.

    These checks are known to the person from then on; who has answered a check is never asked it again anyway.

    Parameters
    ----------
    verdict
        On the person's batch.
    checks
        Answers to hidden checks, columns of `weaklabel.gold.judging.checks.CHECKS`.

    Examples
    --------
    >>> checks = pl.DataFrame([("bob", "b1", "g1", "ham", "spam", False)], schema=CHECKS, orient="row")
    >>> told = feedback(Verdict("bob", "b1", 0, 1, 0, (0, 0), None, 0.01, False, "0 of 1 check right", ("g1",)), checks)
    >>> told.sentence, told.failed.rows()
    ('Your answers in batch b1 count: 0 of 1 check right.', [('g1', 'spam', 'ham')])
    """
    need_columns(checks, CHECKS, "the checks")
    mine = checks.filter((pl.col("annotator") == verdict.person) & (pl.col("batch") == verdict.batch))
    wrong = mine.filter(pl.col("item").is_in(list(verdict.failed_items))).sort("item")
    fate = "are set aside" if verdict.failed else "count"
    said = f"Your answers in batch {verdict.batch} {fate}: {verdict.reason}."
    return Feedback(said, wrong.select("item", pl.col("label").alias("said"), "gold"))


@dataclass(frozen=True)
class _Requeue:
    pairs: pl.DataFrame
    stuck: list[str]
    short: dict[str, int]


_PAIR = {"item": pl.String, "annotator": pl.String, "requeued_from": pl.String, "check": pl.Boolean}


def _requeued(
    batch: str,
    failed: Sequence[str],
    assignments: pl.DataFrame,
    people: tuple[list[str], list[float]],
    quarantines: pl.DataFrame,
    seen: pl.DataFrame | None,
    seed: int,
) -> _Requeue:
    """Return who is asked in the place of people who fail, and items that nobody is left for."""
    asked = current("assignment", assignments.filter((pl.col("batch") == batch) & ~pl.col("check")))
    lost = asked.filter(pl.col("annotator").is_in(list(failed)))
    places = dict(lost.group_by("item").agg(pl.col("annotator").sort()).sort("item").iter_rows())
    items = list(places)
    names, weights = people
    may = may_ask(items, names, assignments, seen)
    out = set(set_aside(quarantines).filter(pl.col("batch") == batch)["annotator"])
    may &= np.array([name not in out for name in names], dtype=bool)
    needed: list[int] = []
    stuck: list[str] = []
    short: dict[str, int] = {}
    for item, room in zip(items, may.sum(axis=1).tolist(), strict=True):
        want = len(places[item])
        give = want if room >= want else max(room - (want - room) % 2, 0)
        needed.append(give)
        if give < want:
            stuck.append(item)
            for person in places[item][give:]:
                short[person] = short.get(person, 0) + 1
    given = assign(items, names, needed=needed, seed=seed, weights=weights, may=may)
    rows: list[Any] = []
    for i, item in enumerate(items):
        takers = sorted(names[p] for p in np.flatnonzero(given[i]))
        rows += [(item, taker, giver, False) for taker, giver in zip(takers, places[item], strict=False)]
    return _Requeue(pl.DataFrame(rows, schema=_PAIR, orient="row"), stuck, short)


def _sentence(verdict: Verdict, lost: int, asked: int, short: int) -> str:
    parts = [f"{lost} answer{'s are' if lost != 1 else ' is'} set aside"]
    parts.append(f"{asked} item{'s are' if asked != 1 else ' is'} asked of others")
    if short:
        parts.append(f"{short} go{'es' if short == 1 else ''} to experts, for too few others are left")
    return f"{verdict.person}, {verdict.batch}: {verdict.reason}; {', '.join(parts)}"


def _subjects(quarantines: pl.DataFrame | None) -> set[tuple[str, str]]:
    if quarantines is None:
        return set()
    need_columns(quarantines, QUARANTINE, "the quarantines")
    return set(quarantines.select("batch", "annotator").rows())
