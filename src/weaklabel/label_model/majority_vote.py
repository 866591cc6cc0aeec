"""Majority vote: every vote counts the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from weaklabel.label_matrix import VotePatterns
from weaklabel.label_model.base import Float, Int, LabelModel, class_weights, soft_votes


class MajorityVote(LabelModel):
    """A row's probabilities are its shares of votes; classes with equally many votes are tied.

    Shares (two votes of three: .67) rather than certainty (two of three: 1), because that is what published
    Brier scores and log losses of majority vote are computed from, and because they are the better forecast on
    most public sets. A vote for a set of classes is spread evenly over them. Abstentions and missing answers count nothing. `class_balance_` is the mean share over the
    rows with votes, with one row added per class; gold labels count there instead of the row's votes, and
    nowhere else.

    Examples
    --------
    >>> model = MajorityVote(n_classes=2).fit([[0, 0, 1], [1, -1, -1], [0, 1, -1]])
    >>> model.predict_proba([[0, 0, 1], [0, 1, -1]]).round(2).tolist()
    [[0.67, 0.33], [0.5, 0.5]]
    >>> model.predict([[0, 0, 1], [0, 1, -1], [-1, -1, -1]]).tolist()
    [0, -1, -1]
    """

    name = "majority_vote"
    SCALE = "share"
    EVENT_BYTES = 20
    BREAKS: ClassVar[Mapping[str, str]] = {"duplicated_rule": "a rule that is given twice votes twice"}

    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        weights = class_weights(patterns, soft_votes(patterns, self.alphabet), gold)
        self.class_balance_ = (weights.sum(axis=0) + 1) / (weights.sum() + self.n_classes)

    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        return np.array(soft_votes(patterns, self.alphabet))

    def _evidence(self, row: VotePatterns, where: Int) -> tuple[Float, Float]:
        k = self.n_classes
        table = np.zeros((len(where), len(self.alphabet) + 2, k))
        table[:, 2:] = self.alphabet.shares
        return np.zeros(k), table
