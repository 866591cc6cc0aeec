"""Dawid-Skene by EM over vote patterns: every labeler has a confusion matrix, and abstaining is an outcome of it.

The model: a row has a class y with probability pi_y; given y, labeler j answers l with probability theta_j[y, l],
independently of the others. A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates
using the EM algorithm", Applied Statistics 28(1), 1979, pages 20 to 28, sections 2 and 3. Two things are added:
abstention as one more answer of a labeler that looked, and a prior on the confusion matrices.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from weaklabel.errors import ModelError
from weaklabel.label_matrix import Sets, VotePatterns
from weaklabel.label_model.base import TIE, Float, Int, LabelModel, class_weights, soft_votes
from weaklabel.label_model.duplicates import duplicate_groups, with_votes
from weaklabel.label_model.event_scores import Several
from weaklabel.schema import ABSTAIN

logger = logging.getLogger("weaklabel.label_model")

RULE_SMOOTHING = 4.0
"""Default strength of the prior for labelers that were always asked (silence -1)."""
PERSON_SMOOTHING = 0.25
"""Default strength of the prior for labelers that were asked now and then (silence -2)."""
FLOOR = 1e-300


class DawidSkene(LabelModel):
    """Weigh labelers by how often, and how, they agree with what all of them say together.

    Abstaining (-1) is an answer like any other, so it is evidence; a missing answer (-2) is none. Rows without
    votes are left out of the fit: they get no label, and thousands of them would otherwise become a class of
    their own (seen on public rule sets once five rows in six have no vote).

    The prior of labeler j says what it would be if it were right with probability `prior_accuracy` whatever it
    says, its other answers spread over the other classes, and its abstentions over all classes, like the majority
    vote's class balance pi0: with strength s and T_jl answers l, answer l gets s (T_jl + 1) pseudo-votes, so that
    the prior is worth s times the labeler's own answers. This keeps the fit from running away where rules vote for
    one class only and their errors depend on each other. The class balance gets one pseudo-row per class.

    A vote for several classes, or against some, is one more answer of a labeler, of whose prior `EventBayes` tells.

    EM starts from the shares of votes and climbs the log likelihood plus the log prior (`log_likelihood_`), which
    never falls; sums run over distinct rows in an order that only their content decides.

    Three rules of the house, of which each can be turned off:

    * `merge_duplicates`: rules (silence -1) whose votes are identical in every row of the fit count as one: each
      of g such rules has the weight 1/g, in the start and the prior as well. People are never merged.
    * `keep_unanimous`: when all class votes of a row name one class y (votes for several classes: have one class y in
      common), and every voter is better than chance at it (it says so more often where y is right than where any
      class is that its vote leaves out), prior and silence don't overrule them: should another
      class win or tie, the row is scored by its votes alone, under a uniform balance.
    * a row without votes gets `class_balance_` from `predict_proba`, and -1 from `predict`.

    Parameters
    ----------
    n_classes
        Number of classes.
    smoothing
        Strength of the prior; 0 is maximum likelihood. None: 4 for rules, 0.25 for people, chosen once for all
        public sets (experiments/crowd_dawid_skene).
    prior_accuracy
        Between 1/k and 1.
    start
        (n, k) class probabilities to start from, one row per row (or per pattern) of `fit`'s votes.
    history
        Answers that labelers gave before, to rows whose class is known: by labeler id, (k, k) counts of true class
        and answer. They are added to the prior as they are; of rows that are in the fit as well they would count
        twice. Labelers that have no votes in the fit are passed over. Like `start`, it is not saved with the model.
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
    confusion_
        (m, k, codes + 1): P(answer | class); the first k columns are the classes, the last is "abstained".
    log_likelihood_
        Penalised log likelihood after each pass; the last one is that of the final parameters.
    n_iter_, converged_
        Passes made, and whether `tol` was reached.
    duplicates_
        Groups of labeler ids that were merged.

    Examples
    --------
    >>> votes = [[0, 0, 1], [0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 1], [1, 1, 0]]
    >>> model = DawidSkene(n_classes=2, merge_duplicates=False).fit(votes)
    >>> model.predict(votes).tolist()
    [0, 0, 1, 1, 0, 1]
    >>> model.confusion_[0].round(2).tolist()  # the first rule: rows are true classes; it never abstains
    [[0.82, 0.18, 0.0], [0.18, 0.82, 0.0]]
    """

    name = "dawid_skene"
    BREAKS: ClassVar[Mapping[str, str]] = {
        "against": "a rule whose votes against a class stand mostly on rows of that class is taken to speak for it"
    }
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
        "confusion_",
        "weights_",
        "log_likelihood_",
        "n_iter_",
        "converged_",
        "duplicates_",
    )

    confusion_: Float
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
        start: npt.ArrayLike | None = None,
        history: Mapping[str, npt.ArrayLike] | None = None,
        tol: float = 1e-7,
        max_iter: int = 200,
        keep_unanimous: bool = True,
        merge_duplicates: bool = True,
    ) -> None:
        super().__init__(n_classes=n_classes, outcomes=outcomes)
        _check(smoothing is None or 0 <= smoothing < np.inf, f"smoothing is 0 or more, not {smoothing}")
        lowest = 1 / self.n_classes
        _check(
            lowest <= prior_accuracy < 1, f"prior_accuracy is {lowest:.3g} to below 1, not {prior_accuracy}"
        )
        _check(tol >= 0, f"tol is 0 or more, not {tol}")
        _check(
            max_iter >= 1 and int(max_iter) == max_iter, f"max_iter is a whole number from 1, not {max_iter}"
        )
        self.smoothing = smoothing
        self.prior_accuracy = prior_accuracy
        self.start = start
        self.history = {
            name: _history(name, counts, self.n_classes) for name, counts in (history or {}).items()
        }
        self.tol = tol
        self.max_iter = int(max_iter)
        self.keep_unanimous = bool(keep_unanimous)
        self.merge_duplicates = bool(merge_duplicates)

    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        from weaklabel.kernels.em import em_pass, expected_events

        m, k, size = len(patterns.labelers), self.n_classes, len(self.alphabet)
        duplicates = duplicate_groups(patterns) if self.merge_duplicates else ()
        weights = np.ones(m)
        for group in duplicates:
            weights[list(group)] = 1 / len(group)
        fitted = with_votes(patterns)
        used = gold[patterns.n_votes > 0] if gold is not None else np.zeros((0, k))
        shares = soft_votes(fitted, self.alphabet, weights)
        first = class_weights(fitted, shares, used if gold is not None else None)
        balance = (first.sum(axis=0) + 1) / (first.sum() + k)
        answers = _answer_counts(fitted, size)
        prior = self._prior(fitted, answers, balance)
        if self.start is not None:
            start = self._start(patterns)[patterns.n_votes > 0]
            first = class_weights(fitted, start, used if gold is not None else None)
        cells = _cells(fitted, np.arange(m), size)
        expected = expected_events(fitted.indptr, cells, first, m * (size + 2))
        theta, pi = self._maximise(fitted, answers, expected, first.sum(axis=0), prior)
        rows = fitted.counts.astype(np.float64)
        history: list[float] = []
        converged = False
        for _ in range(self.max_iter):
            base, table = _scores(pi, theta, fitted.silence, weights)
            total, classes, expected = em_pass(fitted.indptr, cells, rows, used, table, base)
            history.append(total + self._log_prior(prior, theta, pi, weights))
            if len(history) > 1 and history[-1] - history[-2] <= self.tol * abs(history[-1]):
                converged = True
                break
            if len(history) < self.max_iter:
                theta, pi = self._maximise(fitted, answers, expected, classes, prior)
        if not converged:
            logger.info(
                "Dawid-Skene stopped after %d passes before it reached tol=%g", len(history), self.tol
            )
        self.class_balance_, self.confusion_, self.weights_ = pi, theta, weights
        self.log_likelihood_ = np.array(history)
        self.n_iter_, self.converged_ = len(history), converged
        self.duplicates_ = tuple(tuple(patterns.labelers[j] for j in group) for group in duplicates)

    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        from weaklabel.kernels.em import posterior

        base, table = _scores(
            self.class_balance_, self.confusion_[where], patterns.silence, self.weights_[where]
        )
        cells = _cells(patterns, np.arange(len(where)), len(self.alphabet))
        answers: Float = posterior(patterns.indptr, cells, table, base)
        if self.keep_unanimous:
            self._keep_unanimous(patterns, where, answers)
        return answers

    def _evidence(self, row: VotePatterns, where: Int) -> tuple[Float, Float]:
        from weaklabel.kernels.em import posterior

        m, k, size = len(where), self.n_classes, len(self.alphabet)
        base, table = _scores(self.class_balance_, self.confusion_[where], row.silence, self.weights_[where])
        answers = posterior(row.indptr, _cells(row, np.arange(m), size), table, base)
        table = table.reshape(m, size + 2, k)
        if self.keep_unanimous and self._keep_unanimous(row, where, answers):
            table[:, 1] = 0.0  # votes alone
            return np.zeros(k), table
        return base, table

    def _keep_unanimous(self, patterns: VotePatterns, where: Int, answers: Float) -> int:
        """Rescore, in place, trustworthy unanimous votes that were overruled; return how many rows that were."""
        from weaklabel.kernels.em import keep_unanimous

        k, size, members = self.n_classes, len(self.alphabet), self.alphabet.members
        said = self.confusion_[where][:, :, :size].transpose(0, 2, 1)  # [j, answer, class]
        others = np.where(members, -1.0, said).max(axis=2, keepdims=True)
        better, logs = np.zeros((2, len(where), size + 2, k))
        better[:, 2:] = said > others * (1 + TIE)
        logs[:, 2:] = self.weights_[where][:, None, None] * np.log(np.maximum(said, FLOOR))
        cells = _cells(patterns, np.arange(len(where)), size)
        flat = better.reshape(-1, k) > 0, logs.reshape(-1, k)
        return int(keep_unanimous(patterns.indptr, cells, members, *flat, TIE, answers))

    def _prior(self, patterns: VotePatterns, answers: Int, balance: Float) -> Float:
        """Return pseudo-votes (m, k, codes + 1) per labeler, class and answer."""
        m, k, size = len(patterns.labelers), self.n_classes, len(self.alphabet)
        right = np.full((size + 1, k), 1 - self.prior_accuracy)  # P(class | answer) under the prior
        right[:k] *= balance[None, :] / (1 - balance[:, None])
        right[np.arange(k), np.arange(k)] = self.prior_accuracy
        several = Several.of(self.alphabet, patterns.labelers)
        right[k:size] = several.prior(balance, self.prior_accuracy)
        right[size] = balance
        if self.smoothing is None:
            strength = np.where(patterns.silence == ABSTAIN, RULE_SMOOTHING, PERSON_SMOOTHING)
        else:
            strength = np.full(m, float(self.smoothing))
        pseudo = strength[:, None] * (answers + 1)
        pseudo[answers[:, size] == 0, size] = 0  # who never abstained has no such answer
        pseudo[:, k:size][~several.own] = 0
        prior: Float = pseudo[:, None, :] * right.T[None, :, :]
        for j, labeler in enumerate(patterns.labelers):
            if labeler in self.history:
                prior[j, :, :k] += self.history[labeler]
        return prior

    def _maximise(
        self, patterns: VotePatterns, answers: Int, expected: Float, classes: Float, prior: Float
    ) -> tuple[Float, Float]:
        """Return the confusion matrices (m, k, codes + 1) and class balance (k,) of the M step.

        A labeler without weight in a class gives each answer that it ever gave there with equal probability.
        """
        m, k, size = len(patterns.labelers), self.n_classes, len(self.alphabet)
        events = expected.reshape(m, size + 2, k)
        silent = classes[None, :] - events.sum(axis=1)
        abstained = np.where(patterns.silence[:, None] == ABSTAIN, np.maximum(silent, 0), events[:, 1])
        abstained[answers[:, size] == 0] = 0
        counts = np.concatenate([events[:, 2:], abstained[:, None]], axis=1).transpose(0, 2, 1) + prior
        total = counts.sum(axis=2, keepdims=True)
        known = (answers > 0) | ~answers.any(axis=1, keepdims=True)
        known[:, k:size] &= answers[:, k:size] > 0
        known[:, size] &= answers[:, size] > 0
        unseen = np.broadcast_to((known / known.sum(axis=1, keepdims=True))[:, None, :], counts.shape)
        theta = np.divide(counts, total, out=unseen.copy(), where=total > 0)
        pseudo = 0.0 if self.smoothing == 0 else 1.0
        pi = classes + pseudo
        pi = pi / pi.sum() if pi.sum() > 0 else np.full(k, 1 / k)
        return theta, pi

    def _log_prior(self, prior: Float, theta: Float, pi: Float, weights: Float) -> float:
        each = np.einsum("jyl,jyl->j", prior, np.log(np.maximum(theta, FLOOR)))
        return float(weights @ each + (0.0 if self.smoothing == 0 else np.log(pi).sum()))

    def _start(self, patterns: VotePatterns) -> Float:
        start = np.asarray(self.start, np.float64)
        if patterns.inverse is not None and len(start) == len(patterns.inverse):
            sums = np.zeros((len(patterns), start.shape[1] if start.ndim == 2 else 0))
            np.add.at(sums, patterns.inverse, start)
            start = sums / patterns.counts[:, None]
        expected = (len(patterns), self.n_classes)
        _check(
            start.shape == expected, f"start has {start.shape[0]} rows for {patterns.n_rows} rows of votes"
        )
        good = bool((start >= 0).all() and np.allclose(start.sum(axis=1), 1, atol=1e-6))
        _check(good, "start holds class probabilities: each row is 0 or more and sums to 1")
        return start


def _answer_counts(patterns: VotePatterns, size: int) -> Int:
    """Return how often each labeler gave each answer, (m, codes + 1); the last column is "abstained"."""
    from weaklabel.kernels.patterns import sum_by_group

    m = len(patterns.labelers)
    events = sum_by_group(
        patterns.counts[patterns.pattern_index], _cells(patterns, np.arange(m), size), m * (size + 2)
    ).reshape(m, size + 2)
    silent = np.where(patterns.silence == ABSTAIN, patterns.n_rows - events.sum(axis=1), events[:, 1])
    return np.concatenate([events[:, 2:], silent[:, None]], axis=1)


def _cells(patterns: VotePatterns, where: Int, size: int) -> npt.NDArray[np.int32]:
    return (where[patterns.labeler_index] * (size + 2) + patterns.codes + 2).astype(np.int32)


def _scores(pi: Float, theta: Float, silence: Any, weights: Float) -> tuple[Float, Float]:
    """Return the log score of a silent row (k,), and what each event adds to it (m * (codes + 2), k)."""
    m, k, size = len(theta), theta.shape[1], theta.shape[2] - 1
    logs = weights[:, None, None] * np.log(np.maximum(theta, FLOOR)).transpose(0, 2, 1)  # [j, answer, class]
    logs[~theta[:, :, size].any(axis=1), size] = 0.0  # an abstention nobody has seen yet is no evidence
    quiet = np.where(silence[:, None] == ABSTAIN, logs[:, size], 0.0)
    base = np.log(np.maximum(pi, FLOOR)) + quiet.sum(axis=0)
    table = np.empty((m, size + 2, k))
    table[:, 0] = -quiet
    table[:, 1] = logs[:, size] - quiet
    table[:, 2:] = logs[:, :size] - quiet[:, None]
    return base, table.reshape(m * (size + 2), k)


def _history(name: str, counts: npt.ArrayLike, k: int) -> Float:
    """Return a labeler's counts, checked."""
    table = np.asarray(counts, np.float64)
    _check(
        table.shape == (k, k), f"the history of {name!r} is {table.shape}, not a ({k}, {k}) table of counts"
    )
    _check(
        bool((np.isfinite(table) & (table >= 0)).all()), f"the history of {name!r} holds counts, 0 or more"
    )
    return table


def _check(good: bool, what: str) -> None:
    if not good:
        raise ModelError(what)
