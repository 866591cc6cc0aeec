"""The default label model: naive Bayes over events "rule j said l", cautious or bold as far as the votes allow.

Two models of the same form are fitted by EM. The *bold* one takes rules to be independent given the class and lets
the votes decide everything; it is right when that is true and runs away when it is not. The *cautious* one holds on
to a strong prior, that a vote is right with probability .8, and moves little. The votes themselves say how far the
bold one may be trusted: under it, events that occur together more or less often than they should mean that rules
depend on each other. The answer is the mean of the two, weighted by that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np

from weaklabel.errors import ModelError
from weaklabel.label_matrix import Sets, VotePatterns
from weaklabel.label_matrix.patterns import Int8
from weaklabel.label_model.base import TIE, Float, Int, LabelModel
from weaklabel.label_model.cells import Cells, Places, Rows, blocks, votes_in
from weaklabel.label_model.event_scores import Part, Prior, Scores, Several, fit_events, unexplained
from weaklabel.label_model.near_copies import co_votes, find_copies, overlap_weights, pool, shared_votes
from weaklabel.schema import ABSTAIN, MISSING

logger = logging.getLogger("weaklabel.label_model")

CAUTIOUS = Prior(4.0, 1.0, 0.2, 1.0, even=False, sharpness=1.2, hidden=False, spread=0.0)
BOLD = Prior(0.05, 1.0, 1.0, 0.0, even=True, sharpness=1.0, hidden=True, spread=10.0)
MAX_CELLS, MAX_PATTERNS = 160_000, 16_384
"""EM runs on a sample of this many distinct rows times classes, and of rows, then once over all."""
NEVER = 1e-4
"""No more weight than this is none; where the noise alone leaves none, the bold model isn't fitted."""
DOUBT, WIDTH = 0.1, 0.02
"""The bold model has half the weight where this part of the co-votes is unexplained; how fast that changes."""


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
    hide in the noise. Where many pairs are rare, squared departures tell more, and their root mean square takes its
    place (`event_scores.unexplained`). Where there are fewer pairs than parameters, their ratio less 1 is added:
    nothing can be tested. The cautious model's probabilities are raised to max(.45, .8 / (k - 1)^.45) and normalised, since
    votes that depend on each other are worth less than they seem.

    A vote for several classes, or against some, has the prior r_cy = f pi_y for each class that it leaves out,
    f = (1 - `prior_accuracy`) k / (k - 1); what remains is spread over its classes like pi. It never raises a class that
    it leaves out above one that it names, whatever is learned: without gold, a vote against a class never raises that
    class. Copies of it are found like those of other votes; two votes agree where they have a class in common.

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
        When all votes of a row name one class, and each is likelier in it than in any other class, silence and prior
        don't overrule them; the row is then scored by its votes alone. Votes for several classes count in that score, but
        not in whether it is taken.

    Attributes
    ----------
    class_balance_
        (k,) share of each class among rows with votes.
    independence_
        Weight of the bold model.
    excess_, noise_
        The two parts of x: co-votes that are unexplained, and what chance alone gives. Where chance alone settles
        it, the bold model isn't fitted, and these are those of its first guess.
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
    READS_ROWS = True
    EVENT_BYTES = 10
    CELL_BYTES = 12
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
        outcomes: Sets | None = None,
        prior_accuracy: float = 0.8,
        trust: float | None = None,
        merge_copies: bool = True,
        keep_unanimous: bool = True,
    ) -> None:
        super().__init__(n_classes=n_classes, outcomes=outcomes)
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
        self._fit_cells(Cells.of(patterns, len(self.alphabet)))

    def _fit_cells(self, rows: Cells) -> None:
        k, m, size = self.n_classes, len(rows.labelers), len(self.alphabet)
        several = Several.of(self.alphabet, rows.labelers)
        members = self.alphabet.members
        self.into_, self.rank_ = np.arange(m), np.arange(m)
        found, fitted = None, rows
        if self.merge_copies:
            self.into_, self.rank_, found = find_copies(rows, size, members @ members.T)
            fitted = pool(rows, self.into_, self.rank_)
        found = co_votes(fitted, size) if found is None else found
        self.weights_ = overlap_weights(shared_votes(found, m, size))
        named = fitted.sums[3].reshape(m, size + 2)[:, 2:].sum(axis=0)
        if several.members.size:
            named = self.alphabet.spread(named[None, :])[0]
        balance = (named + 1) / (fitted.counts.sum() + k)
        part = Part.of(fitted, min(MAX_PATTERNS, MAX_CELLS // k))
        start = Scores.start(m, self.prior_accuracy, self.weights_, k, several)
        left = unexplained(fitted, found, *part.expected(start))
        self.independence_ = self._trusted(rows, left.least + left.few)
        how = self.prior_accuracy, self.weights_, balance, several
        cautious, _ = fit_events(fitted, part, CAUTIOUS, *how)
        bold = cautious
        if self.independence_ > NEVER:
            bold, before = fit_events(fitted, part, BOLD, *how)
            expected = part.expected(bold) if part.whole else before
            left = unexplained(fitted, found, *expected)
            self.independence_ = self._trusted(rows, left.doubt)
        self.excess_, self.noise_ = left.excess, left.noise
        self.prior_ = np.stack([bold.prior, cautious.prior])
        self.quiet_ = np.stack([bold.quiet, cautious.quiet])
        self.said_ = np.stack([bold.said, cautious.said])
        self.n_iter_ = cautious.passes + (bold.passes if bold is not cautious else 0)
        self.converged_ = bold.converged and cautious.converged
        if not self.converged_:
            logger.info("event_bayes stopped after %d passes before its weights came to rest", self.n_iter_)
        ids = rows.labelers
        groups = [np.flatnonzero(self.into_ == j) for j in np.unique(self.into_)]
        self.copies_ = tuple(
            tuple(ids[j] for j in group[np.argsort(self.rank_[group])]) for group in groups if len(group) > 1
        )
        answers: Float = np.empty((len(part.rows), k))
        self._mixed(rows.silence)(part.rows.indptr, part.rows.cells, answers)
        self.class_balance_ = (part.counts @ answers + 1) / (part.counts.sum() + k)

    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        silence = np.full(len(self.into_), MISSING, np.int8)  # who isn't there was not asked
        silence[where] = patterns.silence
        moved = patterns
        if len(where) != len(silence) or (np.diff(where) != 1).any():
            moved = replace(
                patterns.without_rows(),
                labelers=tuple(str(j) for j in range(len(silence))),
                silence=silence,
                labeler_index=where[patterns.labeler_index].astype(np.int32),
            )
        rows = pool(Cells.of(moved, len(self.alphabet)), self.into_, self.rank_)
        out: Float = np.empty((len(patterns), self.n_classes))
        self._mixed(silence)(rows.indptr, rows.cells, out)
        return out

    def _row_posterior(self, rows: Rows) -> tuple[Rows, Float]:
        mixed, width = self._mixed(rows.silence), len(self.alphabet) + 2
        out: Float = np.empty((len(rows.votes), self.n_classes))
        heard, nothing = np.empty(len(out), np.int64), np.zeros(0, np.int64)
        for start, indptr, cells in blocks(rows, width):
            some = slice(start, start + len(indptr) - 1)
            heard[some] = votes_in(indptr, cells, width) if rows.odd else np.diff(indptr)
            block = Cells(self.labelers_, rows.silence, width, indptr, cells, nothing, nothing)
            block = pool(block, self.into_, self.rank_)
            mixed(block.indptr, block.cells, out[some])
        return replace(rows, n_votes=heard), out

    def _mixed(self, silence: Int8) -> Callable[[Int, Places, Float], None]:
        """Return what writes the class probabilities of rows of cells."""
        from weaklabel.kernels import em

        k = self.n_classes
        trust, power = self.independence_, max(0.45, 0.8 / (k - 1) ** 0.45)
        parts = [(i, w, p) for i, w, p in ((0, trust, 1.0), (1, 1 - trust, power)) if w > 0 or k == 2]
        tables = [
            Scores(p * self.prior_[i], p * self.quiet_[i], p * self.said_[i]).tables(silence)
            for i, _, p in parts
        ]
        base, table = (np.stack(each) for each in zip(*tables, strict=True))
        weights = np.array([w for _, w, _ in parts])
        said = self.said_[1]
        by_vote = np.zeros((len(said), said.shape[1] + 2, k))
        by_vote[:, 2:] = power * said
        others = np.where(np.eye(k, dtype=bool), -np.inf, said[:, :k]).max(axis=2)
        better = said[:, np.arange(k), np.arange(k)] > others + TIE
        votes = np.full((len(said), said.shape[1] + 2), -1)
        votes[:, 2 : k + 2] = np.where(better & self.keep_unanimous, np.arange(k), -2)
        votes[:, k + 2 :] = -3
        alone, flat = by_vote.reshape(-1, k), votes.reshape(-1)
        if k > 2:
            return lambda indptr, cells, out: em.mixed_of_many(
                indptr, cells, base, table, weights, flat, alone, TIE, out
            )
        flags = np.tile([0, 0, 1, 1 << 20], len(said)) + (flat == -2) * (1 << 40)
        favour = np.ascontiguousarray((table[:, :, 1] - table[:, :, 0]).T)
        start, second = base[:, 1] - base[:, 0], alone[:, 1] - alone[:, 0]
        return lambda indptr, cells, out: em.mixed_of_two(
            indptr, cells, start, favour, weights, flags, second, TIE, out
        )

    def _together(self) -> tuple[Int, Float]:
        return self.into_, 1 / np.bincount(self.into_, minlength=len(self.into_))[self.into_]

    def _trusted(self, rows: Cells, doubt: float) -> float:
        if self.trust is not None:
            return self.trust
        if not (rows.silence == ABSTAIN).any():
            return 1.0
        trust = float(1 / (1 + np.exp(np.clip((doubt - DOUBT) / WIDTH, -40, 40))))
        return trust if trust > NEVER else 0.0
