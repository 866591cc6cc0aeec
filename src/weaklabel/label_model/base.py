"""The contract of label models, and what all of them share: checks, alignment of labelers, files."""

from __future__ import annotations

import json
import os
import uuid
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from weaklabel.errors import ModelError, OutputError, VotesError
from weaklabel.label_matrix import LabelMatrix, VotePatterns, as_patterns, gold_table
from weaklabel.schema import ABSTAIN, MAX_CODE

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Votes = LabelMatrix | VotePatterns | npt.ArrayLike

TIE = 1e-9
"""Two probabilities that differ by less than this share of the larger one are tied."""

_FORMAT = 1
_HEAD = "model.json"


class LabelModel(ABC):
    """What every label model does. Make one with `weaklabel.label_model.create`.

    `votes` is a `LabelMatrix`, `VotePatterns`, or an (n, m) integer array: -1 abstained, -2 not asked, else a class.
    Answers are in the order of the input: one row each, or one per pattern when patterns are given. Known labels
    (`gold`) go with the form of the votes: a mapping id to code or a frame `id`, `code` for a `LabelMatrix`; (n,)
    integers, -1 unknown, for an array; a (patterns, classes) table of counts for patterns. Arguments are never
    changed. What a fit learns ends in `_`.

    Subclasses set `name`, `OPTIONS` (constructor arguments that are saved), `STATE` (learned attributes that are
    saved) and `BREAKS`: which of the properties in the contract tests they don't keep, and why.

    Examples
    --------
    >>> from weaklabel.label_model import create
    >>> model = create("majority_vote", n_classes=3)
    >>> isinstance(model, LabelModel)
    True
    """

    name: ClassVar[str]
    OPTIONS: ClassVar[tuple[str, ...]] = ()
    STATE: ClassVar[tuple[str, ...]] = ("class_balance_",)
    BREAKS: ClassVar[Mapping[str, str]] = {}

    class_balance_: Float
    labelers_: tuple[str, ...]
    silence_: npt.NDArray[np.int8]

    def __init__(self, *, n_classes: int) -> None:
        if isinstance(n_classes, bool) or not isinstance(n_classes, (int, np.integer)):
            raise ModelError(f"n_classes is a whole number, not {n_classes!r}", hint="len(schema)")
        if not 2 <= n_classes <= MAX_CODE:
            raise ModelError(
                f"n_classes={n_classes}; a label model needs 2 to {MAX_CODE} classes", hint="len(schema)"
            )
        self.n_classes = int(n_classes)

    def fit(self, votes: Votes, *, gold: Any = None) -> Self:
        """Learn from votes, always from scratch, and return the model itself.

        Raises
        ------
        VotesError
            Votes that are no votes, or that name a class which doesn't exist.
        GoldError
            Gold that doesn't go with the votes.
        """
        patterns = self._checked(votes)
        table = gold_table(votes, patterns, gold, n_classes=self.n_classes)
        self._fit(patterns, None if table is None else table.astype(np.float64))
        self.labelers_, self.silence_ = patterns.labelers, patterns.silence.copy()
        return self

    def predict_proba(self, votes: Votes) -> Float:
        """Return class probabilities, (n, k) float64; a row without votes gets `class_balance_`.

        Raises
        ------
        ModelError
            Not fitted yet, or fitted on other labelers; the difference is named.
        """
        patterns, answers = self._answers(votes)
        return self._per_row(votes, patterns, answers)

    def predict(self, votes: Votes) -> Int:
        """Return the most probable class, (n,) int64; -1 for a tie and for a row without votes.

        Raises
        ------
        ModelError
            As for `predict_proba`.
        """
        patterns, answers = self._answers(votes)
        ranked = np.sort(answers, axis=1)
        tied = ranked[:, -1] - ranked[:, -2] <= TIE * ranked[:, -1]
        best = np.where(tied | (patterns.n_votes == 0), ABSTAIN, answers.argmax(axis=1)).astype(np.int64)
        return self._per_row(votes, patterns, best)

    def save(self, folder: str | Path) -> Path:
        """Write the fitted model: `model.json` and an `.npz` of arrays, no pickle. Return the folder.

        Raises
        ------
        ModelError
            Not fitted yet.
        OutputError
            The folder can't be written.
        """
        self._need_fit()
        folder = Path(folder)
        learned = {name: getattr(self, name) for name in ("labelers_", "silence_", *self.STATE)}
        arrays = {name: value for name, value in learned.items() if isinstance(value, np.ndarray)}
        head = {
            "format": _FORMAT,
            "model": self.name,
            "n_classes": self.n_classes,
            "options": {name: getattr(self, name) for name in self.OPTIONS},
            "arrays": f"arrays-{uuid.uuid4().hex}.npz",
            "learned": {name: value for name, value in learned.items() if name not in arrays},
        }
        try:
            _write_state(folder, head, arrays)
        except OSError as error:
            raise OutputError(f"can't save the label model: {error}", where=str(folder)) from error
        return folder

    @abstractmethod
    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        """Learn from patterns whose codes are all below `n_classes`; gold is a (u, k) table or None."""

    @abstractmethod
    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        """Return (u, k) probabilities; `where` maps the patterns' labelers to the fitted ones."""

    def _restore(self, state: Mapping[str, Any]) -> None:
        for name in ("labelers_", "silence_", *self.STATE):
            value = state[name]
            setattr(self, name, _tuples(value) if isinstance(value, list) else value)

    def _checked(self, votes: Votes) -> VotePatterns:
        patterns = as_patterns(votes)
        if not patterns.labelers:
            raise VotesError("votes without a single labeler", hint="one column per rule or person")
        wrong = np.flatnonzero(patterns.codes >= self.n_classes)
        if len(wrong):
            who = patterns.labelers[patterns.labeler_index[wrong[0]]]
            what = f"labeler {who!r} votes {patterns.codes[wrong[0]]}"
            raise VotesError(
                f"{what}, and there are {self.n_classes} classes: 0 to {self.n_classes - 1}",
                hint="n_classes is the number of labels in the schema; a rule that stands for several labels, or "
                "against one (any_of, none_of), is left out: votes.keep([…])",
            )
        return patterns

    def _answers(self, votes: Votes) -> tuple[VotePatterns, Float]:
        self._need_fit()
        patterns = self._checked(votes)
        answers = self._posterior(patterns, _where(patterns, self.labelers_, self.silence_))
        answers[patterns.n_votes == 0] = self.class_balance_
        return patterns, answers

    def _per_row(self, votes: Votes, patterns: VotePatterns, answers: Any) -> Any:
        if isinstance(votes, VotePatterns):
            return answers
        assert patterns.inverse is not None
        return answers[patterns.inverse]

    def _need_fit(self) -> None:
        if not hasattr(self, "labelers_"):
            raise ModelError(f"label model {self.name!r} is not fitted", hint="call fit(votes) first")


def soft_votes(patterns: VotePatterns, n_classes: int, weights: Float | None = None) -> Float:
    """Return each pattern's share of votes per class, (u, k); zeros where nobody votes.

    `weights` is what a vote of each labeler counts, 1 when not given.

    Examples
    --------
    >>> soft_votes(as_patterns([[0, 1, 1, -1]]), 2).round(3).tolist()
    [[0.333, 0.667]]
    """
    voted = patterns.codes >= 0
    cells = patterns.pattern_index[voted] * n_classes + patterns.codes[voted]
    each = None if weights is None else weights[patterns.labeler_index[voted]]
    flat = np.bincount(cells, weights=each, minlength=len(patterns) * n_classes)
    counts = flat.reshape(len(patterns), n_classes)
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total > 0, total, 1)


def class_weights(patterns: VotePatterns, shares: Float, gold: Float | None) -> Float:
    """Return rows per pattern and class, (u, k): gold where known, shares for the rest; 0 for rows without votes."""
    rows = np.where(patterns.n_votes > 0, patterns.counts, 0).astype(np.float64)
    if gold is None:
        return rows[:, None] * shares
    known = gold * (patterns.n_votes > 0)[:, None]
    return (rows - known.sum(axis=1))[:, None] * shares + known


def read_state(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `LabelModel.save` wrote: the head of `model.json`, and all learned attributes."""
    try:
        head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        if head["format"] != _FORMAT:
            hint = "fit it again, or load it with the version that wrote it"
            raise ModelError(
                f"a saved model of format {head['format']}; this version reads {_FORMAT}", hint=hint
            )
        with (folder / head["arrays"]).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            state = {**head["learned"], **{name: arrays[name] for name in arrays.files}}
    except OSError as error:
        hint = "give the folder that save() returned"
        raise ModelError(f"no saved label model: {error}", where=str(folder), hint=hint) from error
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(f"the saved model is damaged: {error}", where=str(folder)) from error
    return head, state


def _write_state(folder: Path, head: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    old = list(folder.glob("arrays-*.npz"))
    with (folder / head["arrays"]).open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary = folder / f".{uuid.uuid4().hex}.tmp"
    with temporary.open("w", encoding="utf-8") as text:
        json.dump(head, text, indent=1)
        text.flush()
        os.fsync(text.fileno())
    temporary.replace(folder / _HEAD)
    for file_name in old:
        file_name.unlink(missing_ok=True)


def _where(patterns: VotePatterns, fitted: tuple[str, ...], silence: npt.NDArray[np.int8]) -> Int:
    """Map the patterns' labelers to the fitted ones: by name, or by position when either has no names."""
    if patterns.labelers == fitted:
        return np.arange(len(fitted))
    nameless = tuple(str(j) for j in range(len(patterns.labelers)))
    fitted_nameless = tuple(str(j) for j in range(len(fitted)))
    if nameless == patterns.labelers or fitted_nameless == fitted:
        if len(nameless) != len(fitted):
            raise ModelError(
                f"votes of {len(nameless)} labelers; the model was fitted on {len(fitted)}",
                available=fitted,
                hint="give the same columns in the same order, or fit again",
            )
        return np.arange(len(fitted))
    position = {name: j for j, name in enumerate(fitted)}
    new = [name for name in patterns.labelers if name not in position]
    given = set(patterns.labelers)
    gone = [name for j, name in enumerate(fitted) if name not in given and silence[j] == ABSTAIN]
    if new or gone:
        told = [f"{word}: {', '.join(some)}" for word, some in (("new", new), ("missing", gone)) if some]
        hint = "predict with the labelers of the fit, or fit again"
        raise ModelError(f"other labelers than in the fit ({'; '.join(told)})", available=fitted, hint=hint)
    return np.array([position[name] for name in patterns.labelers], np.int64)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
