"""Whether people follow the suggestions that they are shown: answers with a suggestion against blind ones."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.asking.assigning import ASSIGNMENT, need_columns
from weaklabel.gold.asking.outcomes import votes_of
from weaklabel.gold.ledger.records import current
from weaklabel.gold.power import percent
from weaklabel.stats import Estimate, undefined, wilson

_METHOD = "Newcombe, Wilson's ends"


@dataclass(frozen=True)
class Compared:
    """A share among answers with a suggestion shown, and among blind ones.

    Parameters
    ----------
    shown, blind
        Counts: how many answers do it, of how many.
    difference
        Share of the shown minus share of the blind, with its interval.
    p
        Fisher's exact test of no difference, two sides; None where one of the two has no answers.

    Examples
    --------
    >>> print(compared((45, 50), (30, 50)).difference)
    0.300 [0.132, 0.449] n=100
    """

    shown: tuple[int, int]
    blind: tuple[int, int]
    difference: Estimate
    p: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Examples
        --------
        >>> compared((3, 4), (0, 0)).to_dict()["p"] is None
        True
        """
        return asdict(self)


@dataclass(frozen=True)
class Anchoring:
    """What suggestions do to answers; made by `anchoring`.

    Parameters
    ----------
    follows
        Answers that are as the suggestion.
    right
        Answers as in gold, of items that have gold.
    misled
        Answers as the suggestion, of items whose suggestion is not what gold says.
    skips
        Assignments that were skipped or left unsure.
    level
        Level at which a difference in `follows` counts as anchoring.
    notes
        What the caller should know.
    sentence
        The result in words.

    Examples
    --------
    >>> nothing = compared((0, 0), (0, 0))
    >>> Anchoring(nothing, nothing, nothing, nothing, 0.05, (), "nothing to compare").anchored
    False
    """

    follows: Compared
    right: Compared
    misled: Compared
    skips: Compared
    level: float
    notes: tuple[str, ...]
    sentence: str

    @property
    def anchored(self) -> bool:
        """Whether answers with the suggestion shown follow it more often than chance explains."""
        p, difference = self.follows.p, self.follows.difference.value
        return p is not None and p <= self.level and difference is not None and difference > 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Examples
        --------
        >>> nothing = compared((0, 0), (0, 0))
        >>> Anchoring(nothing, nothing, nothing, nothing, 0.05, (), "nothing to compare").to_dict()["anchored"]
        False
        """
        return {**asdict(self), "anchored": self.anchored}


def anchoring(
    answers: pl.DataFrame, assignments: pl.DataFrame, *, gold: pl.DataFrame | None = None, level: float = 0.05
) -> Anchoring:
    """Compare answers that were shown a suggestion with blind ones.

    Parameters
    ----------
    answers
        Current answers: `item`, `annotator`, `batch`, `kind`, `labels`, and if wanted `suggested` (what the tool says
        was shown).
    assignments
        Records of kind assignment. Those without a suggestion, and those that were asked later in another's place
        or of hard items (they have none), are left out.
    gold
        `item` and `labels` (empty: none of these), of any items. None: only `follows` and `skips` are measured.
    level
        Level of the test.

    Raises
    ------
    GoldError
        A column is missing, or the level is no share.

    Notes
    -----
    Who sees a suggestion is a coin for each person and item, so blind answers are what the others would have been
    without it. If suggestions change no answer, then given how many are blind every choice of which is equally
    likely: the test is exact as a randomisation test, however much a person's or an item's answers depend on each
    other (R. A. Fisher, "The Design of Experiments", 1935). Answers count by what was assigned, also where a tool
    says that it showed something else; the difference is then one between assignments, and a note counts them.
    Interval: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10; it takes answers to be independent.

    Only `follows` is tested for anchoring. A difference there is good where suggestions are right, and `misled` shows
    what it costs where they are not.

    Examples
    --------
    >>> from weaklabel.gold.asking.assigning import listed
    >>> pairs = pl.DataFrame({"item": [f"i{n}" for n in range(40)], "annotator": "ann"})
    >>> suggestions = pairs.select("item", suggestion=pl.lit("ham"))
    >>> asked = listed(pairs, batch="b1", seed=1, suggestions=suggestions, blind=0.5)
    >>> labels = pl.when("blind").then(pl.lit("spam")).otherwise(pl.lit("ham"))
    >>> answers = asked.select("item", "annotator", "batch", kind=pl.lit("label"), labels=pl.concat_list(labels))
    >>> anchoring(answers, asked).anchored
    True
    """
    need_columns(answers, ("item", "annotator", "batch", "kind", "labels"), "the answers")
    need_columns(assignments, ASSIGNMENT, "the assignments")
    if not 0 < level < 1:
        raise GoldError(f"a level lies between 0 and 1, not {level}")
    chosen = current("assignment", assignments).filter(
        pl.col("suggestion").is_not_null() & pl.col("requeued_from").is_null()
    )
    asked = chosen.select("batch", "item", "annotator", "blind", pl.col("suggestion").list.sort())
    rows = answers.join(asked, on=["batch", "item", "annotator"], how="inner")
    opinions = rows.with_columns(pl.col("kind").is_in(["skip", "unsure"]).alias("does"))
    votes = votes_of(rows).with_columns((pl.col("outcome") == pl.col("suggestion")).alias("does"))
    right = misled = votes.clear()
    if gold is not None:
        need_columns(gold, ("item", "labels"), "gold")
        truth = gold.select("item", pl.col("labels").cast(pl.List(pl.String)).list.sort().alias("truth"))
        judged = votes.join(truth, on="item", how="inner")
        right = judged.with_columns((pl.col("outcome") == pl.col("truth")).alias("does"))
        misled = judged.filter(pl.col("suggestion") != pl.col("truth"))
    follows = _arms(votes)
    return Anchoring(
        follows=follows,
        right=_arms(right),
        misled=_arms(misled),
        skips=_arms(opinions),
        level=level,
        notes=_notes(rows),
        sentence=_sentence(follows, level),
    )


def compared(shown: tuple[int, int], blind: tuple[int, int], *, confidence: float = 0.95) -> Compared:
    """Return the difference of two shares with its interval and test.

    Parameters
    ----------
    shown, blind
        How many, of how many.
    confidence
        Nominal coverage of the interval.

    Examples
    --------
    >>> round(compared((7, 10), (2, 10)).p, 4)
    0.0698
    """
    n = shown[1] + blind[1]
    if not shown[1] or not blind[1]:
        return Compared(shown, blind, undefined(n=n, method=_METHOD), None)
    from scipy.stats import fisher_exact

    table = [[shown[0], shown[1] - shown[0]], [blind[0], blind[1] - blind[0]]]
    p = min(float(fisher_exact(table, alternative="two-sided")[1]), 1.0)
    one, other = wilson(*shown, confidence=confidence), wilson(*blind, confidence=confidence)
    assert one.value is not None and one.low is not None and one.high is not None
    assert other.value is not None and other.low is not None and other.high is not None
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    return Compared(shown, blind, Estimate(value, low, high, n, method=_METHOD), p)


def _arms(rows: pl.DataFrame) -> Compared:
    """Return how many do it among the shown and the blind; `does` and `blind` are columns."""
    counts = {}
    for blind in (False, True):
        arm = rows.filter(pl.col("blind") == blind)
        counts[blind] = (int(arm["does"].sum()) if arm.height else 0, arm.height)
    return compared(counts[False], counts[True])


def _notes(rows: pl.DataFrame) -> tuple[str, ...]:
    if "suggested" not in rows.columns:
        return ()
    differ = rows.filter(pl.col("suggested").is_not_null() & (pl.col("suggested") == pl.col("blind"))).height
    if not differ:
        return ()
    was = "answer was" if differ == 1 else "answers were"
    return (
        f"{differ} {was} made with a suggestion where none was meant to be shown, or without one where it was",
    )


def _sentence(follows: Compared, level: float) -> str:
    if follows.p is None:
        return "there is nothing to compare: answers to suggested items are needed both with the suggestion and blind"
    (a, n), (b, m) = follows.shown, follows.blind
    shares = f"{percent(a / n)} of {n} answers that were shown a suggestion follow it, {percent(b / m)} of {m} blind ones"
    if follows.p > level:
        return f"{shares}: chance explains that (p = {follows.p:.2g})"
    return f"{shares}: a difference that chance does not explain (p = {follows.p:.2g})"
