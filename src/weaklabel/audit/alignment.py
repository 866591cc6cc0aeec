"""Do votes still belong to their texts? Counts of votes can't tell when rows have slipped; texts can."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.audit.drift import Change
from weaklabel.audit.text_model import ROWS, Vocabulary, hashed_order, linear_models, words_of
from weaklabel.audit.two_samples import rank_shift
from weaklabel.errors import GoldError, some
from weaklabel.schema import VOTE_PREFIX
from weaklabel.stats import clopper_pearson

BELONG, APART, WORSE, UNKNOWN = "belong", "apart", "worse", "unknown"

_RULES, _TRIALS, _SHUFFLES, _FEWEST = 12, 200, 999, 20
_CLEAR = 0.8
Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """Whether votes belong to their texts; made by `alignment`.

    Parameters
    ----------
    verdict
        ``belong``; ``apart`` (the votes fit these texts no better than votes of other rows); ``worse`` (they fit,
        but worse than they did); ``unknown`` (the texts say too little, or there are too few rows).
    p
        P-value that the votes of the new rows fit their texts as well as those of the reference did.
    p_related
        P-value that the new rows' votes have nothing to do with their texts.
    before, after
        How much likelier the votes are when the text is known, in nats per row: reference (rows that were not fitted
        to) and new rows. About 0 when votes and texts don't belong together.
    power
        Chance that rows slipped by one would have been noticed, tried out on the reference.
    rows
        New rows.
    level
        Chance of a false alarm.

    Examples
    --------
    >>> Alignment("belong", 0.4, 0.001, 1.2, 1.1, 1.0, 100, 0.05).alarm
    False
    """

    verdict: str
    p: float
    p_related: float
    before: float
    after: float
    power: float
    rows: int
    level: float

    @property
    def alarm(self) -> bool:
        """Whether someone should look."""
        return self.verdict in (APART, WORSE)

    def change(self, part: str | None = None) -> Change:
        """Return it as one of the comparisons over which `drift` holds false alarms.

        Examples
        --------
        >>> Alignment("belong", 0.4, 0.001, 1.2, 1.1, 1.0, 100, 0.05).change().kind
        'votes and texts'
        """
        detail = f"{self.before:.2f} nats per row before, {self.after:.2f} now"
        return Change("votes and texts", "", None, None, 0, self.rows, self.p, part=part, detail=detail)

    def sentence(self) -> str:
        """Return the verdict for people.

        Examples
        --------
        >>> print(Alignment("belong", 0.4, 0.001, 1.2, 1.1, 1.0, 100, 0.05).sentence())
        the votes of 100 rows belong to their texts (rows slipped by one would be noticed 100 times in 100)
        """
        seen = f"rows slipped by one would be noticed {100 * self.power:.0f} times in 100"
        what = f"the votes of {self.rows} rows"
        if self.verdict == BELONG:
            return f"{what} belong to their texts ({seen})"
        if self.verdict == APART:
            return (
                f"{what} do not belong to their texts: they fit them no better than votes of other rows do; "
                "look for rows that slipped, were sorted or joined by position"
            )
        if self.verdict == WORSE:
            return (
                f"{what} fit their texts worse than they did ({self.after:.2f} against {self.before:.2f} nats per "
                "row): some rows may have slipped, or the texts are of another kind"
            )
        return f"whether {what} belong to their texts can't be told ({seen})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in data.items()}
        return {**plain, "alarm": self.alarm, "sentence": self.sentence()}


def alignment(
    reference: pl.DataFrame, new: pl.DataFrame, *, text: str = "text", seed: int = 0, level: float = 0.05
) -> Alignment:
    """Test whether the votes of new rows still belong to their texts.

    Parameters
    ----------
    reference
        Rows whose votes belong to their texts: `id`, the column of texts, columns ``lf:<rule id>``.
    new
        Rows to judge, with the same columns.
    text
        Column of texts.
    seed
        Seed of the halves and of the trials.
    level
        Chance of a false alarm.

    Raises
    ------
    GoldError
        Columns are missing, or the new rows have no votes of a rule of the reference.

    Notes
    -----
    On one half of the reference a logistic model of the words is fitted for each of the rules whose firing is least
    certain. A row's score is the log likelihood of what all of them did given its text, less that given nothing. Do new
    rows score less than the other half does (Mann-Whitney, one side)? And more than when their votes are shuffled
    among them (permutation test)? The chance to notice rows that slipped by one is tried out on the other half. The
    models know no rule's definition, so any rules will do, and both tests are valid however poor the models.

    Examples
    --------
    >>> words = ["apple", "pear", "plum", "fig"] * 60
    >>> old = pl.DataFrame({"id": [str(i) for i in range(240)], "text": words})
    >>> old = old.with_columns((pl.col("text") == "plum").cast(pl.Int8).replace(0, -1).alias("lf:plum"))
    >>> alignment(old, old.head(100)).verdict
    'belong'
    >>> slipped = old.with_columns(pl.col("lf:plum").shift(1, fill_value=-1)).head(100)
    >>> alignment(old, slipped).verdict
    'apart'
    """
    return learn_alignment(reference, text=text, seed=seed).judge(new, level=level)


@dataclass(frozen=True, eq=False)
class AlignmentModel:
    """What texts say of the votes that belong to them; made by `learn_alignment`, judges any number of parts.

    Examples
    --------
    >>> words = ["apple", "pear", "plum", "fig"] * 60
    >>> old = pl.DataFrame({"id": [str(i) for i in range(240)], "text": words})
    >>> old = old.with_columns((pl.col("text") == "plum").cast(pl.Int8).replace(0, -1).alias("lf:plum"))
    >>> model = learn_alignment(old)
    >>> model.rules, model.judge(old.tail(50)).verdict
    (('lf:plum',), 'belong')
    """

    rules: tuple[str, ...]
    text: str
    seed: int
    known: Vocabulary
    weights: Float
    constants: Float
    base: Float
    before: Float
    slipped: Float

    def judge(self, new: pl.DataFrame, *, level: float = 0.05) -> Alignment:
        """Test whether the votes of new rows belong to their texts; see `alignment`."""
        _need(new, (self.text, *self.rules), "the new rows")
        rows = hashed_order(new["id"], self.seed)[:ROWS]
        if not self.rules or len(self.before) < _FEWEST or len(rows) < _FEWEST:
            return Alignment(UNKNOWN, math.nan, math.nan, math.nan, math.nan, 0.0, new.height, level)
        generator = np.random.default_rng(self.seed)
        fired = _fires(new, self.rules)[rows]
        odds = self._odds(words_of(new[self.text].gather(rows)))
        after = _scores(odds, self.base, fired)
        p = rank_shift(-self.before, -after)[2]
        related = _related(odds, fired, generator)
        power = _power(self.before, self.slipped, len(rows), level, generator)
        means = float(self.before.mean()), float(after.mean())
        verdict = _verdict(p, related, power, level)
        return Alignment(verdict, p, related, *means, power, new.height, level)

    def _odds(self, words: pl.Series) -> Float:
        odds: Float = self.known.presence(words) @ self.weights + self.constants
        return odds


def learn_alignment(reference: pl.DataFrame, *, text: str = "text", seed: int = 0) -> AlignmentModel:
    """Learn from rows whose votes belong to their texts what texts say of votes; see `alignment`.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "text": ["plum", "fig"], "lf:plum": [1, -1]})
    >>> learn_alignment(rows).judge(rows).verdict
    'unknown'
    """
    rules = [c for c in reference.columns if c.startswith(VOTE_PREFIX)]
    if not rules:
        raise GoldError(
            "the reference has no rule's votes",
            available=reference.columns,
            hint=f"votes are columns {VOTE_PREFIX}<rule id>",
        )
    _need(reference, (text,), "the rows of the reference")
    order = hashed_order(reference["id"], seed)[: 2 * ROWS]
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    fires = _fires(reference, rules)
    kept = _uncertain(fires[first])
    train, held = (words_of(reference[text].gather(rows)) for rows in (first, second))
    known = Vocabulary.of(train)
    if not known.words or not len(kept):
        none = np.zeros(0)
        return AlignmentModel((), text, seed, known, none, none, none, none, none)
    target = fires[np.ix_(first, kept)]
    weights, constants = linear_models(known.presence(train), target)
    base = np.log((target.sum(axis=0) + 0.5) / ((~target).sum(axis=0) + 0.5))
    odds = known.presence(held) @ weights + constants
    before = _scores(odds, base, fires[np.ix_(second, kept)])
    slipped = _scores(odds, base, np.roll(fires, 1, axis=0)[np.ix_(second, kept)])
    chosen = tuple(rules[j] for j in kept)
    return AlignmentModel(chosen, text, seed, known, weights, constants, base, before, slipped)


def _verdict(p: float, related: float, power: float, level: float) -> str:
    if p <= level:
        return WORSE if related <= level else APART
    return BELONG if power >= _CLEAR else UNKNOWN


def _need(frame: pl.DataFrame, names: Sequence[str], which: str) -> None:
    for name in names:
        if name not in frame.columns:
            raise GoldError(f"{which} have no column {name!r}", available=frame.columns)


def _fires(frame: pl.DataFrame, rules: Sequence[str]) -> npt.NDArray[np.bool_]:
    fires: npt.NDArray[np.bool_] = frame.select(rules).to_numpy() >= 0
    return fires


def _uncertain(fires: npt.NDArray[np.bool_]) -> np.ndarray:
    """Return the rules whose firing is least certain, at most `_RULES`; none that always or hardly ever fires."""
    share = fires.mean(axis=0)
    enough = np.minimum(fires.sum(axis=0), (~fires).sum(axis=0)) >= 3
    order = np.argsort(np.abs(share - 0.5), kind="stable")
    return np.array([j for j in order if enough[j]][:_RULES], np.int64)


def _scores(odds: Float, base: Float, fired: npt.NDArray[np.bool_]) -> Float:
    sign = np.where(fired, 1.0, -1.0)
    gained: Float = (np.logaddexp(0, -sign * base) - np.logaddexp(0, -sign * odds)).sum(axis=1)
    return gained


def _related(odds: Float, fired: npt.NDArray[np.bool_], generator: np.random.Generator) -> float:
    """Return the p-value that votes fit their own texts no better than each other's."""
    y = fired.astype(
        np.float64
    )  # of the log likelihood only the sum of odds times votes moves with a shuffle
    own = float((odds * y).sum())
    shuffled = np.array([float((odds * y[generator.permutation(len(y))]).sum()) for _ in range(_SHUFFLES)])
    return float((1 + (shuffled >= own - 1e-9).sum()) / (_SHUFFLES + 1))


def _power(before: Float, slipped: Float, n: int, level: float, generator: np.random.Generator) -> float:
    """Return the share of trials in which n slipped rows would have been noticed."""
    drawn = generator.choice(slipped, (_TRIALS, n), replace=True)
    ordered = np.sort(before)
    below = (np.searchsorted(ordered, drawn, "left") + np.searchsorted(ordered, drawn, "right")) / 2
    m = len(before)
    spread = math.sqrt(n * m * (n + m + 1) / 12)
    z = (n * m / 2 - below.sum(axis=1)) / spread
    return float((z >= NormalDist().inv_cdf(1 - level)).mean())


@dataclass(frozen=True)
class Rerun:
    """How stored votes compare with the same rules run again; made by `rerun`.

    Parameters
    ----------
    rows
        Rows in both.
    differ
        Rows on which any rule votes otherwise now.
    most
        With 95 % confidence no larger share of all rows differs.
    rules
        For each rule that differs anywhere, on how many rows; most first.
    examples
        Ids of rows that differ, at most five.

    Examples
    --------
    >>> old = pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1]})
    >>> rerun(old, old.with_columns(pl.col("lf:link").reverse())).rules
    {'link': 2}
    """

    rows: int
    differ: int
    most: float
    rules: dict[str, int]
    examples: tuple[str, ...]

    @property
    def alarm(self) -> bool:
        """Whether any vote differs."""
        return self.differ > 0

    def sentence(self) -> str:
        """Return it for people.

        Examples
        --------
        >>> old = pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1]})
        >>> print(rerun(old, old).sentence())
        run again on 2 rows, every rule votes as stored: at most 77.6 % of all rows differ (95 % confidence)
        """
        limit = f"at most {100 * self.most:.1f} % of all rows differ (95 % confidence)"
        if not self.differ:
            return f"run again on {self.rows} rows, every rule votes as stored: {limit}"
        named = ", ".join(f"{rule!r} on {count}" for rule, count in list(self.rules.items())[:5])
        return (
            f"run again on {self.rows} rows, {self.differ} have other votes than are stored ({named}), such as "
            f"{some(self.examples)}; {limit}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**data, "examples": list(self.examples), "alarm": self.alarm, "sentence": self.sentence()}


def rerun(stored: pl.DataFrame, again: pl.DataFrame) -> Rerun:
    """Compare stored votes with those of the same rules run again on a random sample of rows, joined by id.

    Raises
    ------
    GoldError
        Rows of the sample that have no stored votes, or no rule in common.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "lf:link": [1, -1]})
    >>> rerun(rows, rows.reverse()).alarm
    False
    """
    rules = [c for c in again.columns if c.startswith(VOTE_PREFIX) and c in stored.columns]
    if not rules:
        raise GoldError(
            "the stored votes and those made again have no rule in common", available=stored.columns
        )
    ids = stored["id"].cast(pl.String)
    unknown = again.filter(~pl.col("id").cast(pl.String).is_in(ids.implode()))
    if unknown.height:
        raise GoldError(
            f"{unknown.height} rows have no stored votes: {some(unknown['id'])}",
            hint="run the rules again on rows of the same corpus",
        )
    key = pl.col("id").cast(pl.String)
    both = again.select(key, *rules).join(stored.select(key, *rules), on="id", suffix=" stored")
    differs = both.select("id", *(pl.col(r).ne_missing(pl.col(f"{r} stored")) for r in rules))
    rows = differs.filter(pl.any_horizontal(rules))
    counts = {r.removeprefix(VOTE_PREFIX): int(rows[r].sum()) for r in rules}
    ordered = dict(sorted(((r, c) for r, c in counts.items() if c), key=lambda rc: (-rc[1], rc[0])))
    bound = clopper_pearson(rows.height, both.height, confidence=0.9)
    most = 1.0 if bound.high is None else bound.high
    return Rerun(both.height, rows.height, most, ordered, tuple(rows["id"].sort().head(5)))
