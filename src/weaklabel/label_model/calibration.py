"""Calibrators: from probabilities that are too sure, or not sure enough, to ones that come true.

A calibrator learns from gold rows that the model was not fitted on. `cross_fitted` gives each gold row what a
calibrator says that never saw it: the only honest way to score a calibrator on the rows that it learned from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from weaklabel.errors import GoldError, ModelError, did_you_mean
from weaklabel.fingerprint import fingerprint

Float = npt.NDArray[np.float64]

CLIP = 1e-6
"""Probabilities are raised to this before their logarithm."""
PRIOR_ROWS = 2.0
"""Rows, in all, by which isotonic scaling believes the given probabilities."""

_STEPS = 200


class Calibrator(ABC):
    """What every calibrator does. Made by `TemperatureScaling()`, `IsotonicScaling()` or `Chain(...)`.

    `probabilities` is (n, k), rows sum to 1; `gold` (n,) integers, -1 unknown; `weights` (n,) what a gold row
    counts, 1 when not given. Arguments are never changed.

    Examples
    --------
    >>> isinstance(TemperatureScaling(), Calibrator)
    True
    """

    name: ClassVar[str]

    def fit(self, probabilities: npt.ArrayLike, gold: npt.ArrayLike, *, weights: Any = None) -> Self:
        """Learn from gold rows, always from scratch, and return the calibrator itself.

        Raises
        ------
        GoldError
            No gold rows, or gold, weights and probabilities that don't go together.
        """
        p, codes, each = _checked(probabilities, gold, weights)
        known = (codes >= 0) & (each > 0)
        if not known.any():
            raise GoldError("no gold row to calibrate by", hint="give the codes of some rows; -1 is unknown")
        self._fit(p[known], codes[known], each[known])
        self.n_gold_ = int(known.sum())
        return self

    def apply(self, probabilities: npt.ArrayLike) -> Float:
        """Return calibrated probabilities, (n, k).

        Raises
        ------
        ModelError
            Not fitted yet.
        """
        if not hasattr(self, "n_gold_"):
            raise ModelError(f"calibrator {self.name!r} is not fitted", hint="call fit(probabilities, gold)")
        return self._apply(_rows(probabilities))

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted calibrator as plain data for JSON; `calibrator_from` reads it.

        Examples
        --------
        >>> fitted = TemperatureScaling().fit([[0.9, 0.1], [0.2, 0.8]], [0, 0])
        >>> calibrator_from(fitted.to_dict()).apply([[0.9, 0.1]]).tolist() == fitted.apply([[0.9, 0.1]]).tolist()
        True
        """
        return {"name": self.name, "n_gold": self.n_gold_, **self._state()}

    @abstractmethod
    def _fit(self, p: Float, codes: npt.NDArray[np.int64], weights: Float) -> None: ...

    @abstractmethod
    def _apply(self, p: Float) -> Float: ...

    @abstractmethod
    def _state(self) -> dict[str, Any]: ...

    @abstractmethod
    def _restore(self, state: Mapping[str, Any]) -> None: ...


class TemperatureScaling(Calibrator):
    """Raises probabilities to one power and renormalises: the order of the classes stays.

    The power a = 1 / temperature minimises the log loss of the gold rows plus (ln a)^2, which keeps it finite where
    all of them are right. Source: Guo et al. 2017, On Calibration of Modern Neural Networks.

    Examples
    --------
    >>> sure = [[0.99, 0.01]] * 10
    >>> fitted = TemperatureScaling().fit(sure, [0] * 8 + [1] * 2)
    >>> fitted.apply([[0.99, 0.01]]).round(2).tolist(), round(fitted.temperature_, 1)
    ([[0.88, 0.12]], 2.3)
    """

    name = "temperature"
    temperature_: float

    def _fit(self, p: Float, codes: npt.NDArray[np.int64], weights: Float) -> None:
        from scipy.optimize import brentq

        logs = np.log(np.maximum(p, CLIP))
        own = logs[np.arange(len(logs)), codes]

        def slope(log_a: float) -> float:
            a = np.exp(log_a)
            return float(a * (weights * ((softmax(a * logs) * logs).sum(axis=1) - own)).sum() + 2 * log_a)

        self.temperature_ = float(np.exp(-brentq(slope, -20.0, 20.0, xtol=1e-14)))

    def _apply(self, p: Float) -> Float:
        return softmax(np.log(np.maximum(p, CLIP)) / self.temperature_)

    def _state(self) -> dict[str, Any]:
        return {"temperature": self.temperature_}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.temperature_ = float(state["temperature"])


class IsotonicScaling(Calibrator):
    """Replaces each class' probability by a rising step function of it, and renormalises.

    Per class the weighted least squares fit of "is it this class?" among rising functions (pool adjacent
    violators), straight lines between the steps. Each row's answer is drawn a little towards its own probability, `PRIOR_ROWS`
    rows in all, so that no class becomes impossible. Source: Zadrozny & Elkan 2002, Transforming Classifier Scores
    into Accurate Multiclass Probability Estimates. It needs more gold than `TemperatureScaling`: some hundred rows.

    Examples
    --------
    >>> p = [[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 4
    >>> fitted = IsotonicScaling().fit(p, [0, 0, 0, 0, 0, 0, 1, 1])
    >>> fitted.apply([[0.9, 0.1], [0.6, 0.4]]).round(2).tolist()
    [[0.98, 0.02], [0.52, 0.48]]
    """

    name = "isotonic"
    steps_: tuple[tuple[Float, Float], ...]

    def _fit(self, p: Float, codes: npt.NDArray[np.int64], weights: Float) -> None:
        self.steps_ = tuple(_isotonic(p[:, y], codes == y, weights) for y in range(p.shape[1]))

    def _apply(self, p: Float) -> Float:
        if p.shape[1] != len(self.steps_):
            raise ModelError(f"{p.shape[1]} classes; the calibrator was fitted on {len(self.steps_)}")
        found = np.stack([np.interp(p[:, y], *step) for y, step in enumerate(self.steps_)], axis=1)
        found = np.maximum(found, CLIP)
        return found / found.sum(axis=1, keepdims=True)

    def _state(self) -> dict[str, Any]:
        return {"steps": [[x.tolist(), y.tolist()] for x, y in self.steps_]}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.steps_ = tuple((np.array(x, np.float64), np.array(y, np.float64)) for x, y in state["steps"])


class Chain(Calibrator):
    """One calibrator after the other; each learns from what the ones before it say of rows that they never saw.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.4, 0.6]] * 20)
    >>> Chain(TemperatureScaling(), IsotonicScaling()).fit(p, [0, 1, 0, 0] * 10).apply(p).round(2)[:2].tolist()
    [[1.0, 0.0], [0.49, 0.51]]
    """

    name = "chain"

    def __init__(self, *parts: Calibrator) -> None:
        if not parts:
            raise ModelError(
                "a chain of no calibrators", hint="Chain(TemperatureScaling(), IsotonicScaling())"
            )
        self.parts = parts

    def _fit(self, p: Float, codes: npt.NDArray[np.int64], weights: Float) -> None:
        for place, part in enumerate(self.parts):
            honest = p if place == len(self.parts) - 1 else cross_fitted(part, p, codes, weights=weights)
            part.fit(p, codes, weights=weights)
            p = honest

    def _apply(self, p: Float) -> Float:
        for part in self.parts:
            p = part.apply(p)
        return p

    def _state(self) -> dict[str, Any]:
        return {"parts": [part.to_dict() for part in self.parts]}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.parts = tuple(calibrator_from(part) for part in state["parts"])


CALIBRATORS: Mapping[str, type[Calibrator]] = {
    kind.name: kind for kind in (TemperatureScaling, IsotonicScaling)
}
"""Calibrators by name."""


def calibrator(name: str) -> Calibrator:
    """Make a calibrator by name.

    Raises
    ------
    ModelError
        No such calibrator.

    Examples
    --------
    >>> calibrator("isotonic").name
    'isotonic'
    """
    if name not in CALIBRATORS:
        hint = did_you_mean(name, list(CALIBRATORS))
        raise ModelError(f"no calibrator {name!r}", available=list(CALIBRATORS), hint=hint)
    return CALIBRATORS[name]()


def calibrator_from(state: Mapping[str, Any]) -> Calibrator:
    """Read what `Calibrator.to_dict` returned; see there for an example.

    Raises
    ------
    ModelError
        The data is not a calibrator's.
    """
    try:
        made = Chain.__new__(Chain) if state["name"] == Chain.name else calibrator(state["name"])
        made._restore(state)
        made.n_gold_ = int(state["n_gold"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the saved calibrator is damaged: {error!r}") from error
    return made


def cross_fitted(
    made: Calibrator,
    probabilities: npt.ArrayLike,
    gold: npt.ArrayLike,
    *,
    weights: Any = None,
    ids: Sequence[str] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Float:
    """Return calibrated probabilities, (n, k), each gold row's from a calibrator that never saw that row.

    Rows without gold are calibrated by all gold rows. `made` is left as it was.

    Parameters
    ----------
    made
        A calibrator; a fresh one like it is fitted for each fold.
    probabilities, gold, weights
        As in `Calibrator.fit`.
    ids
        (n,) what decides the fold, by a seeded hash; the rows' numbers when not given.
    folds
        Number of parts, at least 2; no more than there are gold rows.
    seed
        Seed of the hash.

    Raises
    ------
    GoldError
        Fewer than two gold rows.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1]] * 10)
    >>> cross_fitted(TemperatureScaling(), p, [0] * 9 + [1], folds=10)[-1].round(2)  # it never saw the one that is wrong
    array([0.97, 0.03])
    """
    p, codes, each = _checked(probabilities, gold, weights)
    known = np.flatnonzero((codes >= 0) & (each > 0))
    if len(known) < 2:
        raise GoldError(
            f"{len(known)} gold rows can't be parted", hint="fit and apply the calibrator without it"
        )
    names: Sequence[Any] = known.tolist() if ids is None else [ids[i] for i in known.tolist()]
    order = np.argsort([fingerprint([seed, name]) for name in names], kind="stable")
    part = np.empty(len(known), np.int64)
    part[order] = np.arange(len(known)) % min(max(folds, 2), len(known))
    found = _fresh(made).fit(p, codes, weights=each).apply(p)
    for fold in range(part.max() + 1):
        hidden = codes.copy()
        hidden[known[part == fold]] = -1
        inside = known[part == fold]
        found[inside] = _fresh(made).fit(p, hidden, weights=each).apply(p[inside])
    return found


def f1_threshold(probabilities: npt.ArrayLike, counts: npt.ArrayLike | None = None) -> float:
    """Return the probability above which to name a class so that its expected F1 is largest.

    The plug-in rule: among thresholds t the one with the largest 2 * sum of p above t / (number above t + sum of p).
    It is as good as the probabilities are calibrated. Rows at the threshold itself are named.

    Parameters
    ----------
    probabilities
        (n,) probability of the class, by row or by pattern.
    counts
        (n,) rows of each pattern; 1 when not given.

    Returns
    -------
    float
        The least probability that is named; infinite where the class has no probability at all.

    Raises
    ------
    ModelError
        No rows, or counts of another shape.

    Examples
    --------
    >>> f1_threshold([0.9, 0.4, 0.35, 0.05, 0.05])  # of three named rows 1.65 are expected to be right
    0.35
    """
    p = np.asarray(probabilities, np.float64)
    n = np.ones(p.shape) if counts is None else np.asarray(counts, np.float64)
    if p.ndim != 1 or not len(p) or n.shape != p.shape:
        raise ModelError(f"probabilities {p.shape} and counts {n.shape} are not one column of rows")
    expected = float((n * p).sum())
    if expected <= 0:
        return float("inf")
    values, first = np.unique(-p, return_inverse=True)
    rows = np.cumsum(np.bincount(first, weights=n))
    right = np.cumsum(np.bincount(first, weights=n * p))
    return float(-values[np.argmax(2 * right / (rows + expected))])


def _fresh(made: Calibrator) -> Calibrator:
    return Chain(*[_fresh(part) for part in made.parts]) if isinstance(made, Chain) else type(made)()


def _isotonic(p: Float, is_class: npt.NDArray[np.bool_], weights: Float) -> tuple[Float, Float]:
    """Return the distinct probabilities and the fitted value of each."""
    from scipy.optimize import isotonic_regression

    prior = PRIOR_ROWS / weights.sum()
    x, where = np.unique(p, return_inverse=True)
    weight = np.bincount(where, weights=weights * (1 + prior))
    target = np.bincount(where, weights=weights * (is_class + prior * p)) / weight
    return x, np.asarray(isotonic_regression(target, weights=weight).x, np.float64)


def softmax(z: Float) -> Float:
    """Return the probabilities that log scores stand for, row by row.

    Examples
    --------
    >>> softmax(np.log([[1.0, 3.0]])).tolist()
    [[0.25, 0.75]]
    """
    e = np.exp(z - z.max(axis=1, keepdims=True))
    found: Float = e / e.sum(axis=1, keepdims=True)
    return found


def _rows(probabilities: npt.ArrayLike) -> Float:
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or p.shape[1] < 2:
        raise ModelError(f"probabilities are (rows, classes), not {p.shape}")
    wrong = np.flatnonzero(~((p >= 0).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-4)))
    if len(wrong):
        raise ModelError(
            f"row {wrong[0]} holds no probabilities: {p[wrong[0]].tolist()}",
            hint="each row is 0 or more and sums to 1",
        )
    return p


def _checked(
    probabilities: npt.ArrayLike, gold: npt.ArrayLike, weights: Any
) -> tuple[Float, npt.NDArray[np.int64], Float]:
    p, codes = _rows(probabilities), np.asarray(gold)
    if codes.shape != (len(p),) or not (np.issubdtype(codes.dtype, np.integer) or not codes.size):
        raise GoldError(f"gold is ({len(p)},) integers, one per row, not {codes.dtype} {codes.shape}")
    wrong = np.flatnonzero((codes < -1) | (codes >= p.shape[1]))
    if len(wrong):
        raise GoldError(
            f"row {wrong[0]}: gold code {codes[wrong[0]]}; there are {p.shape[1]} classes, -1 is unknown"
        )
    each = np.ones(len(p)) if weights is None else np.asarray(weights, np.float64)
    if each.shape != (len(p),) or not (np.isfinite(each) & (each >= 0)).all():
        raise GoldError(f"weights are ({len(p)},) numbers, 0 or more")
    return p, codes.astype(np.int64), each
