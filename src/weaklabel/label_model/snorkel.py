"""Snorkel's LabelModel behind our contract: a baseline."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from weaklabel.errors import ModelError
from weaklabel.label_matrix import Sets, VotePatterns
from weaklabel.label_model.base import Float, Int, LabelModel

_FEWEST = 3


class SnorkelLabelModel(LabelModel):
    """Snorkel 0.10's LabelModel, fitted by Snorkel; its probabilities are computed here, in log space.

    Votes go to Snorkel row by row with -2 as -1, since it knows one kind of silence; it sees rows without votes as
    well. Gold gives it the class balance (with one label added per class); without gold it takes all classes to
    be equally frequent. It knows votes for single classes only: votes for several, or against some, are read as
    abstentions, with a warning. The states of the global random generators are put back after the fit. Predicting and
    loading need neither Snorkel nor torch.

    Parameters
    ----------
    n_classes
        Number of classes.
    n_epochs
        Steps of gradient descent; 500 is what published comparisons use.
    lr, l2
        Snorkel's learning rate and regularisation.
    seed
        Of Snorkel's random start.

    Raises
    ------
    ModelError
        From `fit`: fewer than three rules, Snorkel or torch not installed, or a loss that is not a number.

    Examples
    --------
    >>> model = SnorkelLabelModel(n_classes=2, n_epochs=50)
    >>> model.fit([[0, 0], [1, 1]])
    Traceback (most recent call last):
    ...
    weaklabel.errors.ModelError: Snorkel's label model needs at least 3 rules, and these votes have 2
      hint: label_model=majority_vote and label_model=dawid_skene work with any number
    """

    name = "snorkel"
    READS_SETS = False
    OPTIONS: ClassVar[tuple[str, ...]] = ("n_epochs", "lr", "l2", "seed")
    STATE: ClassVar[tuple[str, ...]] = ("class_balance_", "mu_")
    BREAKS: ClassVar[Mapping[str, str]] = {
        "rule_order": "gradient descent in single precision, stopped before it converges",
        "class_order": "gradient descent in single precision, stopped before it converges",
        "unanimous": "nothing keeps a fitted rule from being worse than chance where its votes are all right",
        "duplicated_rule": "a rule that is given twice is taken for two independent ones",
        "sets": "votes for several classes, or against some, are read as abstentions",
    }

    mu_: Float

    def __init__(
        self,
        *,
        n_classes: int,
        outcomes: Sets | None = None,
        n_epochs: int = 500,
        lr: float = 0.01,
        l2: float = 0.0,
        seed: int = 123,
    ) -> None:
        super().__init__(n_classes=n_classes, outcomes=outcomes)
        if n_epochs < 1 or int(n_epochs) != n_epochs:
            raise ModelError(f"n_epochs is a whole number from 1, not {n_epochs}")
        self.n_epochs, self.lr, self.l2, self.seed = int(n_epochs), lr, l2, int(seed)

    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        m, k = len(patterns.labelers), self.n_classes
        if m < _FEWEST:
            hint = "label_model=majority_vote and label_model=dawid_skene work with any number"
            raise ModelError(
                f"Snorkel's label model needs at least 3 rules, and these votes have {m}", hint=hint
            )
        if not len(patterns):
            raise ModelError("Snorkel's label model can't be fitted on no rows")
        balance = np.full(k, 1 / k) if gold is None else (gold.sum(axis=0) + 1) / (gold.sum() + k)
        rows = np.repeat(_dense(patterns), patterns.counts, axis=0)
        with _contained():
            self.mu_ = _mu(
                rows, k, balance, {"n_epochs": self.n_epochs, "lr": self.lr, "l2": self.l2, "seed": self.seed}
            )
        self.class_balance_ = balance

    def _fit_bytes(self, patterns: VotePatterns) -> int:
        cells = patterns.n_rows * len(patterns.labelers)
        return (
            super()._fit_bytes(patterns) + 16 * (self.n_classes + 1) * cells
        )  # rows, and Snorkel's indicators

    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        from weaklabel.kernels.em import posterior

        k = self.n_classes
        base, table = self._evidence(patterns, where)
        cells = (patterns.labeler_index * (k + 2) + patterns.codes + 2).astype(np.int32)
        return np.asarray(posterior(patterns.indptr, cells, table.reshape(-1, k), base))

    def _evidence(self, row: VotePatterns, where: Int) -> tuple[Float, Float]:
        k = self.n_classes
        table = np.zeros((len(where), k + 2, k))
        table[:, 2:] = np.log(self.mu_.reshape(-1, k, k)[where])
        return np.log(
            self.class_balance_
        ), table  # silence adds nothing: Snorkel leaves it out of the posterior


def _dense(patterns: VotePatterns) -> Int:
    if len(np.unique(patterns.pattern_index * len(patterns.labelers) + patterns.labeler_index)) < len(
        patterns.codes
    ):
        hint = "choose one answer per labeler and row, or take label_model=dawid_skene"
        raise ModelError(
            "Snorkel's label model knows one answer per labeler and row, and here are several", hint=hint
        )
    dense = np.full((len(patterns), len(patterns.labelers)), -1, np.int64)
    dense[patterns.pattern_index, patterns.labeler_index] = np.maximum(patterns.codes, -1)
    return dense


def _mu(rows: Int, k: int, balance: Float, settings: dict[str, Any]) -> Float:
    try:
        from snorkel.labeling.model import LabelModel as Snorkel
    except ImportError as error:
        hint = "pip install snorkel (with torch), or take another label model"
        raise ModelError(f"Snorkel's label model can't be imported: {error}", hint=hint) from error
    model = Snorkel(cardinality=k, verbose=False)
    try:
        model.fit(rows, class_balance=balance.tolist(), progress_bar=False, **settings)
    except Exception as error:  # Snorkel raises plain Exception when its loss is not a number
        raise ModelError(f"Snorkel's label model failed: {error}", hint="a smaller lr often helps") from error
    return np.asarray(model.mu.detach().cpu().numpy(), np.float64)


@contextlib.contextmanager
def _contained() -> Iterator[None]:
    """Keep Snorkel's warnings and its reseeding of global random generators from reaching anybody."""
    try:
        import torch
    except ImportError as error:
        hint = "pip install snorkel (with torch), or take another label model"
        raise ModelError(f"Snorkel's label model needs torch: {error}", hint=hint) from error
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # its matrices are tiny: more threads only wait for each other
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
            torch.set_rng_state(states[2])
            torch.set_num_threads(threads)
