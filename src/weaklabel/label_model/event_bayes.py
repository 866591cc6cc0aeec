"""The default label model: naive Bayes over events "rule j said l", cautious or bold as far as the votes allow.

Two models of the same form are fitted by EM. The *bold* one takes rules to be independent given the class and lets
the votes decide everything; it is right when that is true and runs away when it is not. The *cautious* one holds on
to a strong prior, that a vote is right with probability .8, and moves little. The votes themselves say how far the
bold one may be trusted: under it, events that occur together more or less often than they should mean that rules
depend on each other. The answer is the mean of the two, weighted by that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from weaklabel.errors import ModelError
from weaklabel.label_matrix import VotePatterns
from weaklabel.label_model.base import TIE, Float, Int, LabelModel, soft_votes
from weaklabel.label_model.duplicates import with_votes
from weaklabel.label_model.near_copies import (
    CoVotes,
    co_votes,
    event_cells,
    find_copies,
    overlap_weights,
    pool,
    sampled,
    shared_votes,
)
from weaklabel.schema import ABSTAIN, MISSING

logger = logging.getLogger("weaklabel.label_model")

MAX_CELLS, MAX_PATTERNS = 160_000, 16_384
"""EM runs on a sample of this many distinct rows times classes, and of rows, then once over all."""
MAX_PASSES = 100
STILL = 0.0005
"""EM stops when the log weight of a vote moves by less, on average."""
PEOPLE = 0.25
"""Strength of the prior on a person's confusion matrix, as in `DawidSkene`."""
NEVER = 1e-4
"""Where the noise alone leaves the bold model no more weight than this, it isn't fitted."""
SURE = 0.9
"""From this weight of the bold model on, silence and prior may overrule votes that name one class only."""
DOUBT, WIDTH = 0.1, 0.02
"""The bold model has half the weight where this part of the co-votes is unexplained; how fast that changes."""
HIDDEN = 0.9
"""At most this part of a class is taken to have no vote at all."""


@dataclass(frozen=True)
class Prior:
    """What a fit believes beforehand.

    Parameters
    ----------
    strength, votes
        A vote's prior is worth `votes` plus `strength` times the votes of its event.
    silence
        How much abstaining counts as evidence, 0 to 1.
    balance
        The prior class balance is worth this part of the rows, plus two rows.
    even
        Whether that balance is uniform; else it is the majority vote's.
    sharpness
        All weights are multiplied by this.
    hidden
        Whether rows that nobody votes on, which are not in the fit, are reckoned with.
    spread
        That a vote's errors go to the other classes by their size is worth this many errors per other class.
    """

    strength: float
    votes: float
    silence: float
    balance: float
    even: bool
    sharpness: float
    hidden: bool
    spread: float


CAUTIOUS = Prior(4.0, 1.0, 0.2, 1.0, even=False, sharpness=1.2, hidden=False, spread=0.0)
BOLD = Prior(0.05, 1.0, 1.0, 0.0, even=True, sharpness=1.0, hidden=True, spread=10.0)


@dataclass(frozen=True)
class _Scores:
    """A fitted model: log class balance (k,), what abstaining adds (m, k), and what each vote adds (m, k, k)."""

    prior: Float
    quiet: Float
    said: Float
    passes: int = 0
    converged: bool = False

    @classmethod
    def start(cls, m: int, accuracy: float, weights: Float, k: int) -> _Scores:
        """Return the scores of a vote that is right with this probability, and errs to every class alike."""
        each = np.full((k, k), np.log((1 - accuracy) / (k - 1)))
        np.fill_diagonal(each, np.log(accuracy))
        return cls(np.zeros(k), np.zeros((m, k)), weights[:, None, None] * each)

    def tables(self, silence: npt.NDArray[np.int8]) -> tuple[Float, Float]:
        """Return the log score of a row without events (k,), and what each event adds, (m * (k + 2), k)."""
        m, k = self.quiet.shape
        quiet = np.where(silence[:, None] == ABSTAIN, self.quiet, 0.0)
        table = np.empty((m, k + 2, k))
        table[:, 0] = -quiet
        table[:, 1] = self.quiet - quiet
        table[:, 2:] = self.said - quiet[:, None, :]
        return self.prior + quiet.sum(axis=0), table.reshape(-1, k)


@dataclass(frozen=True)
class _Part:
    """All patterns or a sample of them, and the rows that each stands for."""

    patterns: VotePatterns
    counts: Float

    @classmethod
    def whole(cls, patterns: VotePatterns) -> _Part:
        return cls(patterns, patterns.counts.astype(np.float64))

    @classmethod
    def of(cls, patterns: VotePatterns, most: int) -> _Part:
        rows, counts, _ = sampled(patterns, most)
        return cls.whole(patterns) if len(rows) == len(patterns) else cls(_taken(patterns, rows), counts)

    def expected(self, scores: _Scores) -> tuple[Float, Float]:
        """Return expected rows per event and class (m, k + 2, k), and per class (k,)."""
        from weaklabel.kernels import em

        k = len(scores.prior)
        cells = event_cells(self.patterns.labeler_index, self.patterns.codes, k)
        base, table = scores.tables(self.patterns.silence)
        nobody = np.zeros((0, k))
        _, classes, expected = em.em_pass(self.patterns.indptr, cells, self.counts, nobody, table, base)
        return expected.reshape(-1, k + 2, k), classes


class EventBayes(LabelModel):
    """Weigh events "rule j said l", and let the votes decide how far independence may be believed.

    Rows without votes are left out of the fit. Copies and near copies of a rule are heard once (`copies_`), rules
    with overlapping votes count less. Then two naive-Bayes models are fitted by EM. Event c of rule j has T_c votes,
    of which C_cy are expected in class y; n is the number of rows, pi the class balance:

    * q_cy = (C_cy + (1 + s T_c) r_cy) / (T_c + 1 + s T_c), with the prior r_cy = `prior_accuracy` for the class that
      the event names and the rest spread like pi; its weight is ln q_cy - ln pi_y.
    * abstaining adds nu ln(1 - v_jy), v_jy being the share of class y on which the rule votes.
    * pi_y is proportional to expected rows plus (b n + 2) times a prior balance.

    The *cautious* model has s = 4, nu = .2, b = 1 with the majority vote's balance, and its weights are multiplied by
    1.2. The *bold* one has s = .05, nu = 1, b = 0 with an even balance; it also reckons with the rows that it does
    not see: a class y of which every rule abstains on the part h_y = product over j of (1 - v_jy) has 1 / (1 - h_y)
    times as many rows as are covered.

    The bold model's weight, `independence_`, is 1 / (1 + exp((x - .1) / .02)). Over pairs of events of different
    rules with O co-votes, E of them expected, x is the sum of |O - E|, less what chance alone would give (but no less
    than 0), plus what chance alone would give, over the sum of O: dependence that is seen, and dependence that could
    hide in the noise. Where there are fewer pairs than parameters, their ratio less 1 is added: nothing can be
    tested. The cautious model's probabilities are raised to max(.45, .8 / (k - 1)^.45) and normalised, since
    votes that depend on each other are worth less than they seem.

    The prior, the threshold and the exponent were chosen once for all sets (experiments/label_models shows what other
    choices, and a choice without the set scored, cost). People (silence -2) get a confusion matrix each, as in
    `DawidSkene`; where only people vote, the bold model is taken.

    Known labels are no part of EM: as a prior or a clamped E step they were found to lower accuracy. They correct the
    fitted model's answers afterwards (`weaklabel.label_model.correction`).

    Parameters
    ----------
    n_classes
        Number of classes.
    prior_accuracy
        Between 1/k and 1.
    trust
        Weight of the bold model, 0 to 1; None: from the votes.
    merge_copies
        Whether copies and near copies are heard once.
    keep_unanimous
        Where the cautious model has more weight: when all votes of a row name one class, and each is likelier in it
        than in any other class, silence and prior don't overrule them; the row is then scored by its votes alone.

    Attributes
    ----------
    class_balance_
        (k,) share of each class among rows with votes.
    independence_
        Weight of the bold model.
    excess_, noise_
        The two parts of x: co-votes that are unexplained, and what chance alone gives.
    copies_
        Groups of labeler ids that are heard once; the first speaks, the others only where it abstains.
    n_iter_, converged_
        Passes of the two fits together, and whether both came to rest.

    Examples
    --------
    >>> votes = [[0, 0, 1, -1], [0, -1, 0, 0], [1, 1, 0, 1], [-1, 1, 1, 1], [0, -1, 1, 0], [1, 0, -1, 1]]
    >>> model = EventBayes(n_classes=2).fit(votes)
    >>> model.predict(votes).tolist()
    [0, 0, 1, 1, 0, 1]
    >>> model.independence_ < 0.5  # six rows prove nothing
    True
    """

    name = "event_bayes"
    CORRECTS = True
    OPTIONS: ClassVar[tuple[str, ...]] = ("prior_accuracy", "trust", "merge_copies", "keep_unanimous")
    STATE: ClassVar[tuple[str, ...]] = (
        "class_balance_",
        "prior_",
        "quiet_",
        "said_",
        "weights_",
        "into_",
        "rank_",
        "independence_",
        "excess_",
        "noise_",
        "copies_",
        "n_iter_",
        "converged_",
    )

    prior_: Float
    quiet_: Float
    said_: Float
    weights_: Float
    into_: Int
    rank_: Int
    independence_: float
    excess_: float
    noise_: float
    copies_: tuple[tuple[str, ...], ...]
    n_iter_: int
    converged_: bool

    def __init__(
        self,
        *,
        n_classes: int,
        prior_accuracy: float = 0.8,
        trust: float | None = None,
        merge_copies: bool = True,
        keep_unanimous: bool = True,
    ) -> None:
        super().__init__(n_classes=n_classes)
        lowest = 1 / self.n_classes
        if not lowest < prior_accuracy < 1:
            raise ModelError(f"prior_accuracy is above {lowest:.3g} and below 1, not {prior_accuracy}")
        if trust is not None and not 0 <= trust <= 1:
            raise ModelError(f"trust is 0 to 1, not {trust}", hint="None: the votes decide")
        self.prior_accuracy = float(prior_accuracy)
        self.trust = None if trust is None else float(trust)
        self.merge_copies = bool(merge_copies)
        self.keep_unanimous = bool(keep_unanimous)

    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        k, m = self.n_classes, len(patterns.labelers)
        fitted = with_votes(patterns).without_rows()
        self.into_, self.rank_ = np.arange(m), np.arange(m)
        found = None
        if self.merge_copies:
            self.into_, self.rank_, found = find_copies(fitted, k)
            fitted = pool(fitted, self.into_, self.rank_)
        found = co_votes(fitted, k) if found is None else found
        self.weights_ = overlap_weights(shared_votes(found, m, k))
        share = soft_votes(fitted, k)
        balance = (fitted.counts @ share + 1) / (fitted.counts.sum() + k)
        part = _Part.of(fitted, min(MAX_PATTERNS, MAX_CELLS // k))
        start = _Scores.start(m, self.prior_accuracy, self.weights_, k)
        self.excess_, self.noise_, unsure = _unexplained(fitted, found, *part.expected(start))
        self.independence_ = self._trusted(fitted, self.noise_ + unsure)
        cautious = _fit_events(fitted, part, CAUTIOUS, self.prior_accuracy, self.weights_, balance)
        bold = cautious
        if self.independence_ > NEVER:
            bold = _fit_events(fitted, part, BOLD, self.prior_accuracy, self.weights_, balance)
            expected = _Part.whole(fitted).expected(bold)
            self.excess_, self.noise_, unsure = _unexplained(fitted, found, *expected)
            self.independence_ = self._trusted(fitted, self.excess_ + self.noise_ + unsure)
        self.prior_ = np.stack([bold.prior, cautious.prior])
        self.quiet_ = np.stack([bold.quiet, cautious.quiet])
        self.said_ = np.stack([bold.said, cautious.said])
        self.n_iter_ = cautious.passes + (bold.passes if bold is not cautious else 0)
        self.converged_ = bold.converged and cautious.converged
        if not self.converged_:
            logger.info("event_bayes stopped after %d passes before its weights came to rest", self.n_iter_)
        ids = patterns.labelers
        groups = [np.flatnonzero(self.into_ == j) for j in np.unique(self.into_)]
        self.copies_ = tuple(
            tuple(ids[j] for j in group[np.argsort(self.rank_[group])]) for group in groups if len(group) > 1
        )
        answers = self._mixed(part.patterns)
        self.class_balance_ = (part.counts @ answers + 1) / (part.counts.sum() + k)

    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        silence = np.full(len(self.into_), MISSING, np.int8)  # who isn't there was not asked
        silence[where] = patterns.silence
        moved = replace(
            patterns.without_rows(),
            labelers=tuple(str(j) for j in range(len(silence))),
            silence=silence,
            labeler_index=where[patterns.labeler_index].astype(np.int32),
        )
        return self._mixed(pool(moved, self.into_, self.rank_))

    def _mixed(self, patterns: VotePatterns) -> Float:
        from weaklabel.kernels import em

        k = self.n_classes
        cells = event_cells(patterns.labeler_index, patterns.codes, k)
        trust, power = self.independence_, max(0.45, 0.8 / (k - 1) ** 0.45)
        out: Float = np.zeros((len(patterns), k))
        for i, (weight, sharp) in enumerate(((trust, 1.0), (1 - trust, power))):
            if weight > 0:
                scores = _Scores(sharp * self.prior_[i], sharp * self.quiet_[i], sharp * self.said_[i])
                base, table = scores.tables(patterns.silence)
                out += weight * em.posterior(patterns.indptr, cells, table, base)
        if self.keep_unanimous and trust < SURE:
            said = self.said_[1]
            own = said[:, np.arange(k), np.arange(k)]
            others = np.where(np.eye(k, dtype=bool), -np.inf, said).max(axis=2)
            parts = (patterns.indptr, patterns.labeler_index, patterns.codes)
            em.keep_unanimous(*parts, own > others + TIE, power * said, TIE, out)
        return out

    def _together(self) -> tuple[Int, Float]:
        return self.into_, 1 / np.bincount(self.into_, minlength=len(self.into_))[self.into_]

    def _trusted(self, patterns: VotePatterns, doubt: float) -> float:
        if self.trust is not None:
            return self.trust
        if not (patterns.silence == ABSTAIN).any():
            return 1.0
        return float(1 / (1 + np.exp(np.clip((doubt - DOUBT) / WIDTH, -40, 40))))


def _fit_events(
    patterns: VotePatterns, part: _Part, prior: Prior, accuracy: float, weights: Float, balance: Float
) -> _Scores:
    """Fit one of the two models: on a part of the patterns until it rests, then on all of them."""
    rules = patterns.silence == ABSTAIN
    balance = np.full(len(balance), 1 / len(balance)) if prior.even else balance
    scores = _Scores.start(len(weights), accuracy, weights, len(balance))
    passes, converged = 0, False
    while passes < MAX_PASSES and not converged:
        before = scores
        expected, classes = part.expected(scores)
        scores = _maximise(expected, classes, prior, accuracy, weights, balance, rules)
        passes += 1
        converged = passes > 1 and _moved(before, scores, expected[:, 2:]) < STILL
    if len(part.patterns) < len(patterns):
        scores = _maximise(*_Part.whole(patterns).expected(scores), prior, accuracy, weights, balance, rules)
        passes += 1
    return replace(scores, passes=passes, converged=converged)


def _maximise(
    expected: Float,
    classes: Float,
    prior: Prior,
    accuracy: float,
    weights: Float,
    balance: Float,
    rules: npt.NDArray[np.bool_],
) -> _Scores:
    """Return the scores that the expected rows per event (m, k + 2, k) and class (k,) lead to."""
    k, rows = len(classes), classes.sum()
    pi = classes + (prior.balance * rows + 2) * balance
    pi = pi / pi.sum()
    right = (1 - accuracy) * pi[None, :] / (1 - pi[:, None])
    right[np.arange(k), np.arange(k)] = accuracy
    counts = expected[:, 2:]
    votes = counts.sum(axis=2)
    share = _precision(counts, votes, right, pi, prior)
    asked = (classes - expected[:, 0] + 1) / (classes + 1)
    logs = np.log(share) - np.log(pi) - np.log(np.maximum(asked, 1e-12))[:, None, :]
    seen = np.minimum((np.exp(logs) * votes[:, :, None]).sum(axis=1) / max(rows, 1.0), 1 - 1 / (rows + 2))
    seen[~rules] = 0
    base = np.log(pi)
    if prior.hidden:
        part = 1 - _hidden(seen)
        logs, seen = logs + np.log(part), seen * part
        base = base - np.log(part)
    each = prior.sharpness * weights
    quiet = prior.silence * each[:, None] * np.log1p(-seen)
    people = counts + PEOPLE * (votes + 1)[:, :, None] * right
    logs = np.where(rules[:, None, None], logs, np.log(people / people.sum(axis=1, keepdims=True)))
    return _Scores(base, quiet, each[:, None, None] * logs)


def _precision(counts: Float, votes: Float, right: Float, pi: Float, prior: Prior) -> Float:
    """Return P(class | vote), (m, k, k)."""
    k = len(pi)
    own = np.arange(k)
    good = counts[:, own, own]
    belief = prior.votes + prior.strength * votes
    p = right[own, own][None, :]
    hit = (good + belief * p) / (votes + belief)
    other = pi[None, :] / (1 - pi[:, None])
    weight = belief * (1 - p) + prior.spread * (k - 1)
    miss = (counts + weight[:, :, None] * other) / np.maximum(votes - good + weight, 1e-300)[:, :, None]
    share: Float = (1 - hit)[:, :, None] * miss
    share[:, own, own] = hit
    return share


def _moved(before: _Scores, after: _Scores, votes: Float) -> float:
    """Return how far the weight of a vote moved, on average over expected votes."""
    change = np.abs((after.said - after.quiet[:, None]) - (before.said - before.quiet[:, None]))
    return float((change * votes).sum() / max(votes.sum(), 1.0))


def _hidden(seen: Float) -> Float:
    """Return the part of each class (k,) that no rule votes on, from the parts of its covered rows (m, k)."""
    part = np.zeros(seen.shape[1])
    for _ in range(30):
        part = np.minimum(np.exp(np.log1p(-np.minimum(seen * (1 - part), 1 - 1e-9)).sum(axis=0)), HIDDEN)
    return part


def _unexplained(
    patterns: VotePatterns, found: CoVotes, expected: Float, classes: Float
) -> tuple[float, float, float]:
    """Return unexplained co-votes, the noise they stand in, and what few pairs add to the doubt."""
    from weaklabel.kernels import em

    m, width, k = expected.shape
    rules = (patterns.silence == ABSTAIN)[:, None]
    rate = expected[:, 2:].sum(axis=1) / np.maximum(classes, 1e-9) * rules
    part = 1 - _hidden(rate)
    events = expected.reshape(m * width, k)[found.cells]
    left = events / np.maximum(classes, 1e-9) * part / found.unit
    sums, seen, pairs = em.unexplained(
        found.counts / found.unit, left, events, found.cells // width, found.cells % width
    )
    if not seen:
        return 0.0, 1.0, 0.0
    excess, noise = float((sums[:, 0] - sums[:, 1]).max()), float(sums[:, 1].min())
    parameters = (len(events) + 1) * (k - 1)
    return max(0.0, excess) / seen, noise / seen, max(0.0, parameters / pairs - 1)


def _taken(patterns: VotePatterns, rows: Int) -> VotePatterns:
    from weaklabel.kernels.patterns import take_events

    indptr, who, codes = take_events(patterns.indptr, patterns.labeler_index, patterns.codes, rows)
    return VotePatterns(
        patterns.labelers, patterns.silence, indptr, who, codes, patterns.counts[rows], patterns.keys[rows]
    )
