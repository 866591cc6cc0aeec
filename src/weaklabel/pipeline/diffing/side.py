"""Labels that can be compared, explained and taken back, with what they were made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel import label_model
from weaklabel.errors import ModelError
from weaklabel.label_matrix import VotePatterns
from weaklabel.label_matrix.patterns import row_patterns
from weaklabel.label_model.saved import read_state
from weaklabel.schema import ABSTAIN

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]
COLUMNS = ("id", "label", "status", "probabilities", "n_votes", "pattern")
"""Columns that both a run's labels and a version of the table have."""
LATEST, LAST = "latest", "last"


@dataclass(frozen=True, eq=False)
class Side:
    """Labels, and what they were made of; made by `open_side`.

    Parameters
    ----------
    name
        A run's id, or a version: `v3`.
    task
        The task.
    labels
        One row per id, with `COLUMNS`.
    names
        Labels, in the order of the probabilities.
    model_folder
        Where the label model lies; None: it is not known.
    prints
        Fingerprints of what the labels were made from.
    threshold
        Rows whose best probability is lower got no label.
    find_votes
        Gives the votes of patterns by their keys, as `LabelMatrix.patterns` would.
    version
        Number of the table's version; None: a run.
    marks
        Rule -> what its votes depend on, as the commit of a version says.
    folder
        The run's folder; None: a version.

    Examples
    --------
    >>> nothing = pl.LazyFrame(schema={"id": pl.String})
    >>> Side("v3", "spam", nothing, ("ham", "spam"), None).is_run
    False
    """

    name: str
    task: str
    labels: pl.LazyFrame
    names: tuple[str, ...]
    model_folder: Path | None
    prints: Mapping[str, str] = field(default_factory=dict)
    threshold: float | None = None
    find_votes: Callable[[Side, Int64], Int8] | None = None
    version: int | None = None
    marks: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def is_run(self) -> bool:
        """Whether these are the labels of a run."""
        return self.folder is not None

    @property
    def told(self) -> str:
        """What it is, in words."""
        return f"run {self.name}" if self.is_run else f"version {self.version}"

    @cached_property
    def model(self) -> Any:
        """The fitted label model.

        Raises
        ------
        ModelError
            It is not there any more.
        """
        if self.model_folder is None or not (self.model_folder / "model.json").is_file():
            place = None if self.model_folder is None else str(self.model_folder)
            raise ModelError(
                f"the label model of {self.told} is not there",
                where=place,
                hint="its labels can be compared, but not explained",
            )
        return label_model.load(self.model_folder)

    @property
    def has_model(self) -> bool:
        """Whether the label model is there."""
        return self.model_folder is not None and (self.model_folder / "model.json").is_file()

    @cached_property
    def rules(self) -> dict[str, str]:
        """Id -> fingerprint of the rules that the label model was fitted on; an empty one where it is not known.

        Without the model they are those that the commit names.
        """
        if self.model_folder is None or not self.has_model:
            return dict(self.marks)
        known = read_state(self.model_folder)[0].get("rules", {})
        return {rule: known.get(rule, "") for rule in self.model.labelers_}

    def votes(self, keys: Sequence[int] | Int64) -> Int8:
        """Return the votes behind pattern keys, (keys, rules) in the order of the model's rules.

        Raises
        ------
        ModelError
            A pattern is not known.
        """
        assert self.find_votes is not None
        return self.find_votes(self, np.asarray(keys, np.int64))


def as_votes(side: Side, votes: Int8) -> VotePatterns:
    """Return rows of codes in the order of a side's rules as patterns that stand for one row each."""
    labelers = tuple(side.model.labelers_)
    return row_patterns(
        np.ascontiguousarray(votes, np.int8), labelers, np.full(len(labelers), ABSTAIN, np.int8)
    )
