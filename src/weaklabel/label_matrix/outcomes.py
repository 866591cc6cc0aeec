"""What votes stand for where rules also vote for sets of classes: one numbering for all labelers.

The codes from k on are each rule's own: k + i is the i-th of its sets. Where votes of different rules are compared or
weighed they are read in an `Alphabet`, in which equal sets have one code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import ModelError, VotesError
from weaklabel.label_matrix.matrix import LabelMatrix, as_patterns, as_rows
from weaklabel.label_matrix.patterns import (
    Events,
    Int8,
    Int64,
    VotePatterns,
    event_patterns,
    nameless,
    vote_array,
)
from weaklabel.schema import ABSTAIN, MAX_CODE, MISSING

Sets = Mapping[str, Sequence[Sequence[int]]]
"""Labeler -> the classes that its codes k, k + 1, … stand for: what `LFRegistry.outcome_codes` returns."""

_NOTHING = -128


@dataclass(frozen=True, eq=False)
class Alphabet:
    """Everything that labelers may vote for: the k classes, then each set of several classes that any of them names.

    A set of one class is that class, and a set of all classes says nothing: such a vote is an abstention.

    Parameters
    ----------
    n_classes
        Number of classes, k.
    sets
        The sets, each with its classes ascending; the code of the i-th is k + i.
    own
        Labeler -> what its own codes k, k + 1, … are here: a code, or -1 for a set of all classes.

    Examples
    --------
    >>> found = Alphabet.of(3, {"parcel": [[1, 2]], "polite": [[0], [0, 1, 2], [1, 2]]})
    >>> found.sets, found.own["polite"], len(found)
    (((1, 2),), (0, -1, 3), 4)
    """

    n_classes: int
    sets: tuple[tuple[int, ...], ...] = ()
    own: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, n_classes: int, outcomes: Sets | None, *, sets: bool = True, whole: bool = False) -> Alphabet:
        """Number what labelers may vote for; without `sets` every set of several classes is an abstention.

        With `whole` a set of all classes is a set like others, in place of an abstention.

        Raises
        ------
        ModelError
            Outcomes of another form, classes that don't exist, a set without any, more sets than there are codes.
        """
        checked = checked_outcomes(n_classes, outcomes)
        several = {one for own in checked.values() for one in own if 1 < len(one) < n_classes + whole}
        ordered = tuple(sorted(several, key=lambda one: (len(one), one))) if sets else ()
        code = {one: n_classes + i for i, one in enumerate(ordered)} | {(y,): y for y in range(n_classes)}
        own = {name: tuple(code.get(one, ABSTAIN) for one in each) for name, each in checked.items()}
        if n_classes + len(ordered) > MAX_CODE + 1:
            raise ModelError(
                f"{len(ordered)} different sets of labels beside {n_classes} labels; {MAX_CODE + 1 - n_classes} can be read",
                hint="let rules share their sets, or vote for single labels",
            )
        return cls(n_classes, ordered, own)

    def silenced(self, labelers: Sequence[str]) -> bool:
        """Whether some outcome of these labelers is read as an abstention.

        Examples
        --------
        >>> Alphabet.of(3, {"parcel": [[0, 1]]}, sets=False).silenced(["parcel"])
        True
        """
        return any(ABSTAIN in self.own.get(name, ()) for name in labelers)

    def __len__(self) -> int:
        return self.n_classes + len(self.sets)

    @cached_property
    def members(self) -> npt.NDArray[np.bool_]:
        """(codes, k) bool: the classes that each code leaves possible."""
        table = np.zeros((len(self), self.n_classes), bool)
        table[np.arange(self.n_classes), np.arange(self.n_classes)] = True
        for i, classes in enumerate(self.sets):
            table[self.n_classes + i, list(classes)] = True
        return table

    @cached_property
    def shares(self) -> npt.NDArray[np.float64]:
        """(codes, k): each code's weight, spread evenly over its classes."""
        return self.members / self.members.sum(axis=1, keepdims=True)

    def spread(self, counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return what is counted by code, (u, codes), by class, (u, k): sets are spread evenly over their classes.

        Examples
        --------
        >>> Alphabet.of(3, {"0": [[0, 2]]}).spread(np.array([[1.0, 0.0, 0.0, 3.0]])).tolist()
        [[2.5, 0.0, 1.5]]
        """
        found: npt.NDArray[np.float64] = counts[:, : self.n_classes].astype(np.float64)
        for code in range(self.n_classes, len(self)):
            found += (
                counts[:, [code]] * self.shares[code]
            )  # a matrix product would round by the number of rows
        return found

    def may_say(self, labelers: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return which sets are among each labeler's own, (m, sets)."""
        found = np.zeros((len(labelers), len(self.sets)), bool)
        for j, name in enumerate(labelers):
            found[j, [code - self.n_classes for code in self.own.get(name, ()) if code >= self.n_classes]] = (
                True
            )
        return found

    def own_code(self, labeler: str, code: int) -> int:
        """Return the labeler's own code for one of this numbering.

        Examples
        --------
        >>> Alphabet.of(3, {"parcel": [[0], [1, 2]]}).own_code("parcel", 3)
        4
        """
        return code if code < self.n_classes else self.n_classes + self.own[labeler].index(code)

    def classes(self, labeler: str, code: int) -> tuple[int, ...]:
        """Return the classes that a labeler's own code leaves possible; none for an abstention.

        Examples
        --------
        >>> found = Alphabet.of(3, {"parcel": [[1, 2]]})
        >>> found.classes("parcel", 3), found.classes("parcel", 0), found.classes("parcel", -1)
        ((1, 2), (0,), ())
        """
        if code >= self.n_classes:
            own = self.own[labeler][code - self.n_classes]
            return tuple(range(self.n_classes)) if own == ABSTAIN else self.classes_of(own)
        return () if code < 0 else (code,)

    def classes_of(self, code: int) -> tuple[int, ...]:
        """Return the classes of a code of this numbering."""
        return self.sets[code - self.n_classes] if code >= self.n_classes else (code,)

    def read(
        self, votes: Any, *, labelers: tuple[str, ...] | None = None, group: bool = True
    ) -> tuple[VotePatterns, Int64 | None]:
        """Return votes in any form as patterns in this numbering, and which of them each given pattern has become.

        Parameters
        ----------
        votes
            A `LabelMatrix`, `VotePatterns`, or an (n, m) integer array, with every labeler's own codes.
        labelers
            Whose codes these are; None: the votes say.
        group
            Whether patterns that have become equal are joined; if not, each stays where it is.

        Raises
        ------
        VotesError
            A labeler votes a code that stands for nothing.

        Examples
        --------
        >>> rows, _ = Alphabet.of(3, {"0": [[1, 2], [2]]}).read([[3, -1], [4, 0]])
        >>> sorted(rows.codes.tolist())
        [0, 2, 3]
        """
        form = as_patterns if group else as_rows
        if not self.own:
            patterns = form(votes)
            self._check(patterns)
            return patterns, None
        plain = not isinstance(votes, (LabelMatrix, VotePatterns, pl.DataFrame, pl.LazyFrame))
        if plain:
            codes = vote_array(votes)
            return form(self.codes(codes, labelers or nameless(codes.shape[1]))), None
        patterns = form(votes)
        return self._moved(patterns, labelers or patterns.labelers, group)

    def codes(self, votes: Int8, labelers: Sequence[str]) -> Int8:
        """Return an (n, m) matrix of every labeler's own codes in this numbering; what stands for nothing stays.

        Examples
        --------
        >>> found = Alphabet.of(3, {"b": [[0, 1, 2], [0, 2]]})
        >>> found.codes(np.array([[0, 3], [1, 4]], np.int8), ["a", "b"]).tolist()
        [[0, -1], [1, 3]]
        """
        found = votes
        for j, name in enumerate(labelers):
            top = int(votes[:, j].max(initial=ABSTAIN))
            if top < self.n_classes:
                continue
            own = self.own.get(name, ())
            if top >= self.n_classes + len(own):
                raise self._strange(name, top)
            found = votes.copy() if found is votes else found
            high = votes[:, j] >= self.n_classes
            found[high, j] = np.array(own, np.int8)[votes[high, j] - self.n_classes]
        return found

    def events(self, patterns: VotePatterns, labelers: Sequence[str] | None = None) -> Int64:
        """Return the code of each event of patterns in this numbering.

        Examples
        --------
        >>> from weaklabel.label_matrix import as_patterns
        >>> Alphabet.of(3, {"0": [[2], [1, 2]]}).events(as_patterns([[4, 0]])).tolist()
        [3, 0]
        """
        names = patterns.labelers if labelers is None else labelers
        top = max(int(patterns.codes.max(initial=ABSTAIN)), self.n_classes - 1)
        table = np.full((len(names), top + 3), _NOTHING, np.int64)
        table[:, : self.n_classes + 2] = np.arange(MISSING, self.n_classes)
        for j, name in enumerate(names):
            own = self.own.get(name, ())[: top + 1 - self.n_classes]
            table[j, self.n_classes + 2 : self.n_classes + 2 + len(own)] = own
        found: Int64 = table[patterns.labeler_index, patterns.codes.astype(np.int64) + 2]
        wrong = np.flatnonzero(found == _NOTHING)
        if len(wrong):
            who = patterns.labelers[patterns.labeler_index[wrong[0]]]
            raise self._strange(who, int(patterns.codes[wrong[0]]))
        return found

    def _moved(
        self, patterns: VotePatterns, labelers: Sequence[str], group: bool
    ) -> tuple[VotePatterns, Int64 | None]:
        from weaklabel.kernels.patterns import sort_events

        codes = self.events(patterns, labelers)
        changed = codes != patterns.codes
        if not changed.any():
            return patterns, None
        keep = ~changed | (codes != patterns.silence[patterns.labeler_index])
        ends = np.concatenate([[0], np.cumsum(keep)])[patterns.indptr].astype(np.int64)
        who, what = patterns.labeler_index[keep], codes[keep].astype(np.int8)
        sort_events(ends, who, what)
        events = Events(ends, who, what)
        if not group:
            given = patterns.counts, patterns.keys, patterns.inverse
            return VotePatterns(patterns.labelers, patterns.silence, ends, who, what, *given), None
        every = np.arange(len(patterns))
        found = event_patterns(events, patterns.labelers, patterns.silence, patterns.counts, every)
        to = found.inverse
        assert to is not None
        return replace(found, inverse=None if patterns.inverse is None else to[patterns.inverse]), to

    def _check(self, patterns: VotePatterns) -> None:
        wrong = np.flatnonzero(patterns.codes >= len(self))
        if len(wrong):
            who = patterns.labelers[patterns.labeler_index[wrong[0]]]
            raise self._strange(who, int(patterns.codes[wrong[0]]))

    def _strange(self, labeler: str, code: int) -> VotesError:
        k = self.n_classes
        own = len(self.own.get(labeler, ()))
        beside = f", and {own} outcomes of its own: {k} to {k + own - 1}" if own else ""
        return VotesError(
            f"labeler {labeler!r} votes {code}, and there are {k} classes: 0 to {k - 1}{beside}",
            hint="n_classes is the number of labels in the schema; what rules vote for beside single labels (any_of, "
            "none_of) is told by outcomes=registry.outcome_codes()",
        )


def checked_outcomes(n_classes: int, outcomes: Sets | None) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return labeler -> sets of classes, each ascending, or say what is wrong with them.

    Raises
    ------
    ModelError
        Another form, a class that doesn't exist, a set without any.

    Examples
    --------
    >>> checked_outcomes(3, {"parcel": [[2, 1]]})
    {'parcel': ((1, 2),)}
    """
    if outcomes is None:
        return {}
    hint = "registry.outcome_codes()"
    if not isinstance(outcomes, Mapping):
        raise ModelError(f"outcomes are a mapping labeler: sets of classes, not {outcomes!r}", hint=hint)
    found = {}
    for name, sets in outcomes.items():
        if isinstance(sets, str) or not isinstance(sets, Sequence):
            raise ModelError(
                f"the outcomes of {str(name)!r} are a list of sets of classes, not {sets!r}", hint=hint
            )
        found[str(name)] = tuple(_set(str(name), one, n_classes) for one in sets)
    return {name: sets for name, sets in found.items() if sets}


def _set(labeler: str, classes: Any, n_classes: int) -> tuple[int, ...]:
    listed = (
        list(classes)
        if isinstance(classes, (Sequence, frozenset, set)) and not isinstance(classes, str)
        else []
    )
    whole = all(isinstance(y, (int, np.integer)) and not isinstance(y, bool) for y in listed)
    if not listed or not whole or not all(0 <= y < n_classes for y in listed):
        raise ModelError(
            f"an outcome of {labeler!r} stands for {classes!r}",
            available=[f"classes 0 to {n_classes - 1}"],
            hint="registry.outcome_codes()",
        )
    return tuple(sorted({int(y) for y in listed}))
