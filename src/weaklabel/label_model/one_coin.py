"""One coin per labeler: Dawid-Skene with a single accuracy in place of a confusion matrix, by EM over vote patterns.

The model: a row has a class y with probability pi_y; a labeler that votes names y with probability a_j, and each of
the other k - 1 classes with probability (1 - a_j) / (k - 1), independently of the others. It is the confusion matrix
of A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
Applied Statistics 28(1), 1979, sections 2 and 3, with one free number; Y. Zhang, X. Chen, D. Zhou and M. I. Jordan,
"Spectral methods meet EM", Journal of Machine Learning Research 17(102), 2016, call it the one-coin model.
"""

from __future__ import annotations

import logging
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from weaklabel.errors import ModelError
from weaklabel.label_matrix import Sets, VotePatterns
from weaklabel.label_model.base import TIE, Float, Int, LabelModel, class_weights, soft_votes
from weaklabel.label_model.dawid_skene import FLOOR, PERSON_SMOOTHING, RULE_SMOOTHING
from weaklabel.label_model.duplicates import duplicate_groups, with_votes
from weaklabel.schema import ABSTAIN

logger = logging.getLogger("weaklabel.label_model")


class OneCoin(LabelModel):
    """Weigh labelers by one number each: how often they are right when they vote.

    Whether a labeler votes is taken to have nothing to do with the class, so neither abstaining (-1) nor a missing
    answer (-2) is evidence. Rows without votes are left out of the fit.

    The prior of labeler j's accuracy is worth s (T_j + 1) votes, of which the share `prior_accuracy` is right; T_j
    are its votes and s is `smoothing`. The class balance gets one pseudo-row per class. With r_j the expected
    number of right votes, the M step is a_j = (r_j + s (T_j + 1) p) / (T_j + s (T_j + 1)). EM starts from the
    shares of votes and climbs the log likelihood plus the log prior (`log_likelihood_`), which never falls. Rows
    with gold are of their class throughout.

    A vote for s of the k classes is right where the class is one of them. It leaves out k - s classes, and errs to each of
    them as often as a vote for one class errs to each other: it is wrong with probability (1 - a_j)(k - s)/(k - 1). The M
    step is then the root of a falling function, found by halving.

    `merge_duplicates` and `keep_unanimous` are as in Dawid-Skene: rules that vote alike in every row count as one,
    and the class balance doesn't overrule a row's votes when all name one class (or have one in common) and every
    voter is better than chance (a_j > 1/k): such a row is scored by its votes alone.

    Parameters
    ----------
    n_classes
        Number of classes.
    smoothing
        Strength of the prior; 0 is maximum likelihood. None: 4 for rules, 0.25 for people, as in Dawid-Skene.
    prior_accuracy
        Between 1/k and 1.
    tol
        Stop when the penalised log likelihood grows by less than this share of its size.
    max_iter
        Stop after this many passes.
    keep_unanimous, merge_duplicates
        See above.

    Attributes
    ----------
    class_balance_
        (k,) share of each class among rows with votes.
    accuracy_
        (m,) how often each labeler's votes are right.
    weights_
        (m,) 1, or 1/g for each of g rules that count as one.
    log_likelihood_
        Penalised log likelihood after each pass; the last one is that of the final parameters.
    n_iter_, converged_
        Passes made, and whether `tol` was reached.
    duplicates_
        Groups of labeler ids that were merged.

    Examples
    --------
    >>> votes = [[0, 0, 1], [0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 1], [1, 1, 0]]
    >>> model = OneCoin(n_classes=2, merge_duplicates=False).fit(votes)
    >>> model.predict(votes).tolist(), model.accuracy_.round(2).tolist()
    ([0, 0, 1, 1, 0, 1], [0.82, 0.82, 0.73])
    """

    name = "one_coin"
    EVENT_BYTES = 48
    OPTIONS: ClassVar[tuple[str, ...]] = (
        "smoothing",
        "prior_accuracy",
        "tol",
        "max_iter",
        "keep_unanimous",
        "merge_duplicates",
    )
    STATE: ClassVar[tuple[str, ...]] = (
        "class_balance_",
        "accuracy_",
        "weights_",
        "log_likelihood_",
        "n_iter_",
        "converged_",
        "duplicates_",
    )

    accuracy_: Float
    weights_: Float
    log_likelihood_: Float
    n_iter_: int
    converged_: bool
    duplicates_: tuple[tuple[str, ...], ...]

    def __init__(
        self,
        *,
        n_classes: int,
        outcomes: Sets | None = None,
        smoothing: float | None = None,
        prior_accuracy: float = 0.8,
        tol: float = 1e-7,
        max_iter: int = 200,
        keep_unanimous: bool = True,
        merge_duplicates: bool = True,
    ) -> None:
        super().__init__(n_classes=n_classes, outcomes=outcomes)
        lowest = 1 / self.n_classes
        for good, what in (
            (smoothing is None or 0 <= smoothing < np.inf, f"smoothing is 0 or more, not {smoothing}"),
            (
                lowest <= prior_accuracy < 1,
                f"prior_accuracy is {lowest:.3g} to below 1, not {prior_accuracy}",
            ),
            (tol >= 0, f"tol is 0 or more, not {tol}"),
            (
                max_iter >= 1 and int(max_iter) == max_iter,
                f"max_iter is a whole number from 1, not {max_iter}",
            ),
        ):
            if not good:
                raise ModelError(what)
        self.smoothing, self.prior_accuracy = smoothing, prior_accuracy
        self.tol, self.max_iter = tol, int(max_iter)
        self.keep_unanimous, self.merge_duplicates = bool(keep_unanimous), bool(merge_duplicates)

    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        from weaklabel.kernels.em import coin_pass

        m, k = len(patterns.labelers), self.n_classes
        duplicates = duplicate_groups(patterns) if self.merge_duplicates else ()
        weights = np.ones(m)
        for group in duplicates:
            weights[list(group)] = 1 / len(group)
        fitted = with_votes(patterns)
        used = np.zeros((0, k)) if gold is None else gold[patterns.n_votes > 0]
        first = class_weights(
            fitted, soft_votes(fitted, self.alphabet, weights), None if gold is None else used
        )
        voted = fitted.codes >= 0
        who, where = fitted.labeler_index[voted], fitted.pattern_index[voted]
        sizes = self.alphabet.members.sum(axis=1)
        kinds = who.astype(np.int64) * k + sizes[fitted.codes[voted]] - 1
        times = (
            np.bincount(kinds, weights=fitted.counts[where], minlength=m * k).astype(np.float64).reshape(m, k)
        )
        hits = first[where, np.minimum(fitted.codes[voted], k - 1)]
        for code in range(k, len(self.alphabet)):
            at = np.flatnonzero(fitted.codes[voted] == code)
            hits[at] = first[where[at]][:, self.alphabet.members[code]].sum(axis=1)
        right = np.bincount(kinds, weights=hits, minlength=m * k).astype(np.float64).reshape(m, k)
        prior = self._prior(patterns, times.sum(axis=1))
        accuracy, pi = self._maximise(right, times, first.sum(axis=0), prior)
        rows = fitted.counts.astype(np.float64)
        history: list[float] = []
        converged = False
        for _ in range(self.max_iter):
            good, bad = self._logs(accuracy, weights)
            total, classes, right = coin_pass(
                fitted.indptr,
                fitted.labeler_index,
                fitted.codes,
                rows,
                used,
                self.alphabet.members,
                sizes,
                good,
                bad,
                _log(pi),
            )
            history.append(total + self._log_prior(prior, accuracy, pi, weights))
            if len(history) > 1 and history[-1] - history[-2] <= self.tol * abs(history[-1]):
                converged = True
                break
            if len(history) < self.max_iter:
                accuracy, pi = self._maximise(right, times, classes, prior)
        if not converged:
            logger.info("one coin stopped after %d passes before it reached tol=%g", len(history), self.tol)
        self.class_balance_, self.accuracy_, self.weights_ = pi, accuracy, weights
        self.log_likelihood_ = np.array(history)
        self.n_iter_, self.converged_ = len(history), converged
        self.duplicates_ = tuple(tuple(patterns.labelers[j] for j in group) for group in duplicates)

    def _prior(self, patterns: VotePatterns, times: Float) -> Float:
        """Return pseudo-votes (m,) of each labeler."""
        if self.smoothing is None:
            return np.where(patterns.silence == ABSTAIN, RULE_SMOOTHING, PERSON_SMOOTHING) * (times + 1)
        return float(self.smoothing) * (times + 1)

    def _maximise(self, right: Float, times: Float, classes: Float, prior: Float) -> tuple[Float, Float]:
        """Return accuracies (m,) and class balance (k,); who never votes, and has no prior, gets the prior's mean."""
        p = self.prior_accuracy
        total = times.sum(axis=1) + prior
        if times[:, 1:].any():
            wrong = (times - right).sum(axis=1) + prior * (1 - p)
            good = right.copy()
            good[:, 0] += prior * p
            accuracy = np.where(total > 0, 1 - _likeliest(good, wrong), p)
        else:
            unknown = np.full(len(times), p)
            accuracy = np.divide(right[:, 0] + prior * p, total, out=unknown, where=total > 0)
        pi = classes + (0.0 if self.smoothing == 0 else 1.0)
        pi = pi / pi.sum() if pi.sum() > 0 else np.full(self.n_classes, 1 / self.n_classes)
        return np.minimum(accuracy, 1.0), pi

    def _log_prior(self, prior: Float, accuracy: Float, pi: Float, weights: Float) -> float:
        if self.smoothing == 0:
            return 0.0
        p = self.prior_accuracy
        each = prior * (p * _log(accuracy) + (1 - p) * _log(1 - accuracy))
        return float(weights @ each + np.log(pi).sum())

    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        from weaklabel.kernels.em import posterior

        table = self._table(where)
        base = _log(self.class_balance_)
        answers: Float = posterior(patterns.indptr, self._cells(patterns), table.reshape(-1, len(base)), base)
        if self.keep_unanimous:
            self._keep_unanimous(patterns, where, table, answers)
        return answers

    def _evidence(self, row: VotePatterns, where: Int) -> tuple[Float, Float]:
        from weaklabel.kernels.em import posterior

        k = self.n_classes
        table, base = self._table(where), _log(self.class_balance_)
        answers = posterior(row.indptr, self._cells(row), table.reshape(-1, k), base)
        alone = self.keep_unanimous and self._keep_unanimous(row, where, table, answers)
        return (np.zeros(k) if alone else base), table

    def _cells(self, patterns: VotePatterns) -> npt.NDArray[np.int32]:
        width = len(self.alphabet) + 2
        return (patterns.labeler_index * width + patterns.codes + 2).astype(np.int32)

    def _table(self, where: Int) -> Float:
        """Return what each answer of each labeler adds to each class, (m, codes + 2, k); silence adds nothing."""
        good, bad = self._logs(self.accuracy_[where], self.weights_[where])
        table = np.zeros((len(where), len(self.alphabet) + 2, self.n_classes))
        table[:, 2:] = np.where(self.alphabet.members, good[:, :, None], bad[:, :, None])
        return table

    def _keep_unanimous(self, patterns: VotePatterns, where: Int, table: Float, answers: Float) -> int:
        """Rescore, in place, trustworthy unanimous votes that were overruled; return how many rows that were."""
        from weaklabel.kernels.em import keep_unanimous

        k, members = self.n_classes, self.alphabet.members
        right, wrong = self._chances(self.accuracy_[where])
        better = np.zeros(table.shape, bool)
        better[:, 2:] = (right > wrong * (1 + TIE))[:, :, None] & members
        parts = better.reshape(-1, k), table.reshape(-1, k)
        return int(keep_unanimous(patterns.indptr, self._cells(patterns), members, *parts, TIE, answers))

    def _chances(self, accuracy: Float) -> tuple[Float, Float]:
        """Return how likely each vote is in a class that it names, and in any other, (m, codes), but for a factor."""
        k, size = self.n_classes, self.alphabet.members.sum(axis=1)
        wrong = np.repeat(((1 - accuracy) / (k - 1))[:, None], len(size), axis=1)
        right = np.where(size == 1, accuracy[:, None], (1 - (k - size) * wrong) / size)
        return right, wrong

    def _logs(self, accuracy: Float, weights: Float) -> tuple[Float, Float]:
        """Return the log score of each labeler's vote in a class that it names, and in any other, (m, codes)."""
        right, wrong = self._chances(accuracy)
        return weights[:, None] * _log(right), weights[:, None] * _log(wrong)


def _likeliest(right: Float, wrong: Float) -> Float:
    """Return the error rate e of each labeler, (m,), that maximises the likelihood of its right and wrong votes.

    With r_s the right votes for s classes, (m, k), and w the wrong ones: w ln e + sum of r_s ln(1 - e (k - s) / (k - 1)),
    whose slope falls all the way.
    """
    k = right.shape[1]
    part = (k - np.arange(1, k + 1)) / (k - 1)
    low, high = np.zeros(len(wrong)), np.ones(len(wrong))
    for _ in range(60):
        e = (low + high) / 2
        rises = wrong / e > (right * part / (1 - e[:, None] * part)).sum(axis=1)
        low, high = np.where(rises, e, low), np.where(rises, high, e)
    return (low + high) / 2


def _log(values: Float) -> Float:
    return np.log(np.maximum(values, FLOOR))
