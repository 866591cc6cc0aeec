"""Label models: many votes in, class probabilities out. One model per file, one contract (`base`)."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

from weaklabel.errors import ModelError, did_you_mean
from weaklabel.label_model.base import LabelModel
from weaklabel.label_model.explanation import Explanation
from weaklabel.label_model.saved import check_marks, read_state
from weaklabel.schema import LabelSchema

DEFAULT = "event_bayes"
"""The model that `create("default", ...)` makes."""

_CLASSES = {
    "event_bayes": ("weaklabel.label_model.event_bayes", "EventBayes"),
    "majority_vote": ("weaklabel.label_model.majority_vote", "MajorityVote"),
    "weighted_vote": ("weaklabel.label_model.weighted_vote", "WeightedVote"),
    "dawid_skene": ("weaklabel.label_model.dawid_skene", "DawidSkene"),
    "one_coin": ("weaklabel.label_model.one_coin", "OneCoin"),
    "triplet": ("weaklabel.label_model.triplet", "Triplet"),
    "snorkel": ("weaklabel.label_model.snorkel", "SnorkelLabelModel"),
}

__all__ = ["DEFAULT", "Explanation", "LabelModel", "create", "load", "names"]


def names() -> tuple[str, ...]:
    """Return the names of all models; "default" is another name of one of them.

    Examples
    --------
    >>> names()
    ('event_bayes', 'majority_vote', 'weighted_vote', 'dawid_skene', 'one_coin', 'triplet', 'snorkel')
    """
    return tuple(_CLASSES)


def create(name: str, *, n_classes: int, **options: Any) -> LabelModel:
    """Make a label model by name.

    Parameters
    ----------
    name
        One of `names()`, or "default".
    n_classes
        Number of classes, at least 2.
    options
        Options of that model.

    Raises
    ------
    ModelError
        Unknown name or option, or a value that makes no sense.

    Examples
    --------
    >>> model = create("default", n_classes=2).fit([[1, 1, -1], [0, -1, 0], [-1, -1, -1]])
    >>> model.predict([[1, 1, -1], [0, -1, 0], [-1, -1, -1]]).tolist()
    [1, 0, -1]
    """
    kind = _class(name)
    known = [p for p in inspect.signature(kind).parameters if p != "n_classes"]
    for option in options:
        if option not in known:
            hint = did_you_mean(option, known)
            raise ModelError(f"label model {name!r} has no option {option!r}", available=known, hint=hint)
    return kind(n_classes=n_classes, **options)


def load(folder: str | Path, *, schema: LabelSchema | None = None, rules: Any = None) -> LabelModel:
    """Load a model that `LabelModel.save` wrote; nothing in the folder is executed.

    Parameters
    ----------
    folder
        What `save` returned.
    schema, rules
        The labels and rules that the model is wanted for (see `LabelModel.save`): checked where given.

    Raises
    ------
    ModelError
        Nothing there, files that are damaged or of another version, or a model of other labels or rules: it names
        which are new, gone or changed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = create("majority_vote", n_classes=2).fit([[0, 1]]).save(folder)
    ...     load(folder).predict_proba([[0, 0]]).tolist()
    [[1.0, 0.0]]
    """
    head, state = read_state(Path(folder))
    check_marks(head, schema, rules, str(folder))
    try:
        model = create(head["model"], n_classes=head["n_classes"], **head["options"])
        model._restore(state)
    except (KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
        raise ModelError(f"the saved model is damaged: {error!r}", where=str(folder)) from error
    return model


def _class(name: str) -> type[LabelModel]:
    found = _CLASSES.get(DEFAULT if name == "default" else name)
    if found is None:
        hint = did_you_mean(name, ["default", *_CLASSES])
        raise ModelError(f"unknown label model {name!r}", available=["default", *_CLASSES], hint=hint)
    module, kind = found
    return getattr(importlib.import_module(module), kind)
