"""Majority vote on tags: every vote counts the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from weaklabel.tags.events import AGAINST, MEMBER
from weaklabel.tags.gold import GoldTags
from weaklabel.tags.model import TagModel
from weaklabel.tags.votes import TagVotes

Float = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


class TagMajority(TagModel):
    """A tag's probability is the share of the votes that touch it and speak for it; a baseline.

    A vote for a tag counts one for it and for all above it, a denial none, and a set of s tags 1 / s for each of them.
    Tags with more than half are given, and all above them. Gold is not read. A tag of which nothing is said has
    probability 0.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> from weaklabel.schema import LabelSchema, Outcome
    >>> schema = LabelSchema(["late", "lost"], exclusive=False)
    >>> alphabets = {"a": (Outcome(("late",)),), "b": (Outcome(("late",), against=True), Outcome(("lost",)))}
    >>> matrix = LabelMatrix.from_numpy([[0, 0], [0, 1]], labelers=["a", "b"], ids=["x", "y"])
    >>> votes = TagVotes.of_alphabets(matrix, schema, alphabets)
    >>> TagMajority(schema=schema).fit(votes).predict(votes).table().select("labels", "probabilities").rows()
    [([], [0.5]), (['late', 'lost'], [1.0, 1.0])]
    """

    name: ClassVar[str] = "majority_vote"

    def _fit(self, votes: TagVotes, gold: GoldTags | None, rows: Int64 | None) -> None:
        pass

    def _cell_probabilities(self, votes: TagVotes) -> Float:
        from weaklabel.kernels.tags import raise_parents

        row_ends, tags, ends, links = votes.cells
        events = votes.events
        members = events.kinds == MEMBER
        size = np.bincount(events.owners[members], minlength=len(events))
        worth = np.where(members, 1 / np.maximum(size, 1)[events.owners], events.kinds != AGAINST)
        heard = np.diff(ends)
        cell = np.repeat(np.arange(len(heard)), heard)
        total = np.bincount(cell, weights=worth[links], minlength=len(heard))
        share: Float = total / np.maximum(heard, 1)
        raise_parents(row_ends, tags, events.taxonomy.indptr, events.taxonomy.codes, share)
        return share

    def _base(self) -> Float:
        return np.zeros(len(self.schema))

    def _thresholds(self, votes: TagVotes) -> Float:
        return np.full(len(self.schema), np.nextafter(np.float32(0.5), np.float32(1)), np.float64)

    def _state(self) -> dict[str, Any]:
        return {"thresholds_": self.thresholds_, "open_": self.open_}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.thresholds_, self.open_ = state["thresholds_"], state["open_"]
