"""Two label models in one: every rule stands in it twice, with the weight it has in one and that in the other.

A row of votes says which of the two is heard: the other twin is "not asked" (-2), which is no evidence. So one call
answers what a row would get with the votes and weights of some rules from one side and of the rest from the other,
by the very code that gives labels: copies that are heard once, corrections by gold and calibrators among them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.label_matrix.patterns import row_patterns
from weaklabel.label_model.base import TIE
from weaklabel.label_model.correction import Correction
from weaklabel.label_model.widened import widened
from weaklabel.schema import ABSTAIN, MISSING

Float = npt.NDArray[np.float64]
Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]

PER_RULE: Mapping[str, Mapping[str, int]] = {
    "event_bayes": {"quiet_": 1, "said_": 1, "into_": 0, "rank_": 0, "weights_": 0},
    "majority_vote": {},
    "weighted_vote": {"weights_": 0, "accuracy_": 0},
    "dawid_skene": {"confusion_": 0, "weights_": 0},
    "one_coin": {"accuracy_": 0, "weights_": 0},
    "triplet": {"accuracy_": 0, "weights_": 0},
    "snorkel": {"mu_": 0},
}
"""What each model has learned of each rule, and the axis along which rules stand."""
PRIOR: Mapping[str, tuple[str, ...]] = {"event_bayes": ("class_balance_", "prior_", "independence_")}
"""What a model has learned of no rule in particular; `class_balance_` where nothing is said. Its options go with it."""
_BLOCK = 1 << 25


class Mixed:
    """The models of two sides, mixed rule by rule; `first` gives what belongs to no rule.

    Parameters
    ----------
    first, second
        Fitted label models of one kind and number of classes.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> from weaklabel.label_model import create
    >>> votes = LabelMatrix.from_numpy([[0, 1]], labelers=["a", "b"])
    >>> one = create("weighted_vote", n_classes=2, weights={"a": 2.0}).fit(votes)
    >>> two = create("weighted_vote", n_classes=2, weights={"b": 3.0}).fit(votes)
    >>> mixed = Mixed(one, two)
    >>> before = after = np.array([[0, 1]], np.int8)
    >>> rows = mixed.rows(before, after, np.array([[False, False], [False, True], [True, True]]), np.zeros(3, int))
    >>> mixed.model.predict_proba(rows).round(2).tolist()  # weights 2 and 1, then 2 and 3, then 1 and 3
    [[0.67, 0.33], [0.4, 0.6], [0.25, 0.75]]
    """

    def __init__(self, first: Any, second: Any) -> None:
        first, second = _alike(first, second)
        self.first, self.second = first, second
        self.rules = tuple(dict.fromkeys([*first.labelers_, *second.labelers_]))
        place = {rule: j for j, rule in enumerate(self.rules)}
        self.in_first = np.array([place[rule] for rule in first.labelers_], np.int64)
        self.in_second = np.array([place[rule] for rule in second.labelers_], np.int64)
        self.model = merged(first, second)

    def with_second(self, *parts: str) -> Any:
        """Return the mixed model in which `prior` or `calibration` is that of the second side."""
        model = copy.copy(self.model)
        if "prior" in parts:
            for name in (*PRIOR.get(model.name, ("class_balance_",)), *model.OPTIONS):
                setattr(model, name, getattr(self.second, name))
        if "calibration" in parts:
            model.calibrator_ = self.second.calibrator_
            model.correction_ = _correction(self.second, self.first, self.second)
        return model

    def differ(self, part: str) -> bool:
        """Say whether the two sides differ in `prior` or `calibration`."""
        if part == "prior":
            learned = PRIOR.get(self.model.name, ("class_balance_",))
            if any(not np.array_equal(getattr(self.first, n), getattr(self.second, n)) for n in learned):
                return True
            return any(getattr(self.first, n) != getattr(self.second, n) for n in self.first.OPTIONS)
        return _calibration_of(self.first) != _calibration_of(self.second)

    @cached_property
    def weights_differ(self) -> npt.NDArray[np.bool_]:
        """(rules,) whether anything that was learned of a rule differs, or only one side has it."""
        return _weights_differ(self)

    def rows(self, before: Int8, after: Int8, chosen: npt.NDArray[np.bool_], at: Int64) -> Any:
        """Return rows of votes for the mixed model.

        Parameters
        ----------
        before, after
            (u, rules of the first side) and (u, rules of the second).
        chosen
            (n, rules) bool: which rules are as in the second side; in the order of `rules`.
        at
            (n,) which of the u each row is.
        """
        heard = chosen[:, self.in_first]
        left = np.where(heard, np.int8(MISSING), before[at])
        heard = chosen[:, self.in_second]
        right = np.where(heard, after[at], np.int8(MISSING))
        votes = np.ascontiguousarray(np.concatenate([left, right], axis=1), np.int8)
        return row_patterns(votes, self.model.labelers_, np.full(votes.shape[1], ABSTAIN, np.int8))

    def answers(
        self, before: Int8, after: Int8, chosen: npt.NDArray[np.bool_], at: Int64, *, model: Any = None
    ) -> tuple[Float, Int64, Int64]:
        """Return probabilities (n, k), labels (n,) and numbers of votes (n,) of such rows, a block at a time."""
        model = self.model if model is None else model
        k = model.n_classes
        shares, heard = np.empty((len(at), k)), np.empty(len(at), np.int64)
        step = max(1, _BLOCK // max(len(model.labelers_) * 10, 1))
        for start in range(0, len(at), step):
            part = slice(start, start + step)
            rows = self.rows(before, after, chosen[part], at[part])
            shares[part], heard[part] = model.predict_proba(rows), rows.n_votes
        best = np.partition(shares, -2, axis=1)[:, -2:]
        tied = best[:, 1] - best[:, 0] <= TIE * best[:, 1]
        labels = np.where(tied | (heard == 0), ABSTAIN, shares.argmax(axis=1))
        return shares, labels, heard


def can_mix(first: Any, second: Any) -> bool:
    """Say whether two models are of one kind, which is known, and have as many classes.

    Examples
    --------
    >>> from weaklabel.label_model import create
    >>> can_mix(create("majority_vote", n_classes=2), create("one_coin", n_classes=2))
    False
    """
    return first.name == second.name and first.name in PER_RULE and first.n_classes == second.n_classes


def merged(first: Any, second: Any) -> Any:
    """Return one model that knows each rule of `first` as `0:rule` and each of `second` as `1:rule`.

    What belongs to no rule is that of `first`.

    Examples
    --------
    >>> from weaklabel.label_model import create
    >>> model = create("majority_vote", n_classes=2).fit([[0, 1], [1, 1]])
    >>> merged(model, model).labelers_
    ('0:0', '0:1', '1:0', '1:1')
    """
    first, second = _alike(first, second)
    model = copy.copy(first)
    model.labelers_ = (
        *(f"0:{rule}" for rule in first.labelers_),
        *(f"1:{rule}" for rule in second.labelers_),
    )
    model.silence_ = np.concatenate([first.silence_, second.silence_])
    for name, axis in PER_RULE[first.name].items():
        one, two = np.asarray(getattr(first, name)), np.asarray(getattr(second, name))
        if name == "into_":
            two = two + len(first.labelers_)
        setattr(model, name, np.concatenate([one, two], axis=axis))
    model.correction_ = _correction(first, first, second)
    model._counted = None
    return model


def _alike(first: Any, second: Any) -> tuple[Any, Any]:
    """Return both models with the outcomes of both, under the names that rules have in the mixed one."""
    if any(str(rule).startswith("0:") for rule in first.outcomes or second.outcomes):
        return first, second
    outcomes = {f"0:{rule}": sets for rule, sets in first.outcomes.items()}
    outcomes |= {f"1:{rule}": sets for rule, sets in second.outcomes.items()}
    return widened(first, outcomes), widened(second, outcomes)


def _correction(general: Any, first: Any, second: Any) -> Correction | None:
    """Return the correction whose weights of votes are those of both sides, and whose rest is that of `general`."""
    if first.correction_ is None and second.correction_ is None:
        return None
    k = first.n_classes
    parts = []
    for model in (first, second):
        m, codes = len(model.labelers_), len(model.alphabet)
        none = Correction(1.0, np.zeros(k), np.zeros((k, k)), np.zeros((m, codes, k)), np.ones(m), 0)
        none = replace(none, alphabet=model.alphabet)
        parts.append(model.correction_ or none)
    rest = parts[0] if general is first else parts[1]
    return replace(
        rest,
        weights=np.concatenate([part.weights for part in parts]),
        counts=np.concatenate([part.counts for part in parts]),
    )


def _calibration_of(model: Any) -> Any:
    told: list[Any] = [None if model.calibrator_ is None else model.calibrator_.to_dict()]
    if model.correction_ is not None:
        one = model.correction_
        told += [one.scale, one.bias.tolist(), one.leaning.tolist()]
    return told


def _weights_differ(mixed: Mixed) -> npt.NDArray[np.bool_]:
    """Say of each rule whether anything that was learned of it differs, or only one side has it."""
    m = len(mixed.rules)
    first, second = np.full(m, -1), np.full(m, -1)
    first[mixed.in_first] = np.arange(len(mixed.in_first))
    second[mixed.in_second] = np.arange(len(mixed.in_second))
    differ = (first < 0) | (second < 0)
    shared = np.flatnonzero(~differ)
    for name, axis in PER_RULE[mixed.first.name].items():
        if name in ("into_", "rank_"):
            continue
        parts = []
        for model, where in ((mixed.first, first[shared]), (mixed.second, second[shared])):
            table = np.moveaxis(np.asarray(getattr(model, name)), axis, 0)
            table = table.reshape(len(model.labelers_), -1)
            parts.append(table[where])
        differ[shared] |= (parts[0] != parts[1]).any(axis=1)
    differ[shared] |= _groups(mixed.first)[first[shared]] != _groups(mixed.second)[second[shared]]
    return differ | _corrections_differ(mixed, first, second)


def _groups(model: Any) -> npt.NDArray[np.object_]:
    """Return for each rule the copies that it is heard with, in their order."""
    alone = np.array([(name,) for name in model.labelers_] + [None], object)[:-1]
    if not hasattr(model, "into_"):
        return np.array([0] * len(model.labelers_), object)
    for j in range(len(model.labelers_)):
        group = np.flatnonzero(model.into_ == model.into_[j])
        alone[j] = tuple(model.labelers_[g] for g in group[np.argsort(model.rank_[group])])
    return alone


def _corrections_differ(mixed: Mixed, first: Int64, second: Int64) -> npt.NDArray[np.bool_]:
    m = len(mixed.rules)
    told = mixed.model.correction_
    if told is None:
        return np.zeros(m, bool)
    size = len(mixed.in_first)
    one, two = told.weights[:size], told.weights[size:]
    shared = np.flatnonzero((first >= 0) & (second >= 0))
    differ = np.zeros(m, bool)
    differ[shared] = (one[first[shared]] != two[second[shared]]).any(axis=(1, 2))
    return differ
