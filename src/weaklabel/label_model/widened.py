"""Fitted label models that read more outcomes than those of their fit: what two models need to be put side by side."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.errors import ModelError
from weaklabel.label_matrix import Alphabet, Sets, checked_outcomes
from weaklabel.label_model.base import LabelModel

PER_CODE: Mapping[str, Mapping[str, int]] = {"event_bayes": {"said_": 2}, "dawid_skene": {"confusion_": 2}}
"""What each model has learned of each code, and the axis along which codes stand; what follows the codes stays last."""


def widened(model: LabelModel, outcomes: Sets) -> LabelModel:
    """Return a copy of a fitted model with other outcomes, among whose sets are all those of the fit.

    Labelers may be renamed and more of them named; answers to the same votes are the same bits. Nothing is known of a set
    that the fit didn't know.

    Parameters
    ----------
    model
        A fitted label model.
    outcomes
        Labeler to sets of classes, as in `create`.

    Raises
    ------
    ModelError
        A set of the fit is missing.

    Examples
    --------
    >>> from weaklabel.label_model import create
    >>> model = create("default", n_classes=3, outcomes={"0": [[1, 2]]}).fit([[3, 0], [3, 1], [-1, 2]])
    >>> wide = widened(model, {"0": [[1, 2]], "1": [[0, 1]]})
    >>> bool((wide.predict_proba([[3, 0]]) == model.predict_proba([[3, 0]])).all()), wide.alphabet.sets
    (True, ((0, 1), (1, 2)))
    """
    made = copy.copy(model)
    made.outcomes = checked_outcomes(model.n_classes, outcomes)
    made.alphabet = Alphabet.of(model.n_classes, made.outcomes, sets=model.READS_SETS)
    missing = [one for one in model.alphabet.sets if one not in made.alphabet.sets]
    if missing:
        raise ModelError(
            f"the model was fitted with the set of classes {missing[0]}, which these outcomes lack"
        )
    k = model.n_classes
    at = [*range(k), *(k + made.alphabet.sets.index(one) for one in model.alphabet.sets)]
    for name, axis in PER_CODE.get(model.name, {}).items():
        setattr(made, name, _spread(getattr(model, name), at, len(made.alphabet), axis))
    if model.correction_ is not None:
        weights = _spread(model.correction_.weights, at, len(made.alphabet), 1)
        made.correction_ = replace(model.correction_, weights=weights, alphabet=made.alphabet)
    made._counted = None
    return made


def _spread(table: npt.NDArray[Any], at: list[int], size: int, axis: int) -> npt.NDArray[Any]:
    """Return a table whose codes stand at new places, zeros at the others."""
    rest = table.shape[axis] - len(at)
    shape = list(table.shape)
    shape[axis] = size + rest
    wide = np.zeros(shape, table.dtype)
    places: list[Any] = [slice(None)] * table.ndim
    places[axis] = [*at, *range(size, size + rest)]
    wide[tuple(places)] = table
    return wide
