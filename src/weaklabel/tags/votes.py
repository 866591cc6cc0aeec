"""Votes on tags: distinct rows of events, and the tags that each row touches. Memory follows the number of votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import ModelError, SchemaError, VotesError, did_you_mean
from weaklabel.label_matrix import LabelMatrix, VotePatterns
from weaklabel.lf import LFRegistry
from weaklabel.schema import LabelSchema, Outcome
from weaklabel.tags.events import AGAINST, TagEvents

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class TagVotes:
    """Rows of votes of a task whose rows may have several tags; made by `TagVotes.of`.

    Parameters
    ----------
    tags
        Names of the tags, in schema order.
    events
        What rules can say.
    indptr, said
        (u + 1,) int64 and (votes,) int32: events of each distinct row, ascending.
    counts, keys
        (u,) int64: rows that each stands for, and their keys, as in `VotePatterns`.
    inverse
        (n,) int64: the distinct row of each row; None when it is not known.
    ids
        Ids of the rows; None when they are not known.
    open
        Tags that are candidates on every row with a vote, ascending, with those above them.

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> from weaklabel.schema import Label, LabelSchema
    >>> schema = LabelSchema(["animal", Label("cat", parents=("animal",))], exclusive=False)
    >>> registry = LFRegistry([regex("purrs", "purr", label="cat")], schema=schema)
    >>> votes = TagVotes.of(LabelMatrix.from_numpy([[0], [-1], [0]], labelers=["purrs"]), registry)
    >>> len(votes), votes.n_rows, votes.n_votes.tolist()
    (2, 3, [1, 0])
    """

    tags: tuple[str, ...]
    events: TagEvents
    indptr: Int64
    said: Int32
    counts: Int64
    keys: Int64
    inverse: Int64 | None = None
    ids: pl.Series | None = None
    open: tuple[int, ...] = ()

    @classmethod
    def of(cls, votes: LabelMatrix | VotePatterns, registry: LFRegistry) -> TagVotes:
        """Read votes with the alphabets of their rules.

        Parameters
        ----------
        votes
            Votes of rules of the registry; rules that are not in them have not voted.
        registry
            The rules, with a schema whose labels are not exclusive.

        Raises
        ------
        SchemaError
            The schema's labels are exclusive.
        VotesError
            A labeler is no rule of the registry, or a code is not in its alphabet.
        """
        alphabets = {rule.id: registry.alphabet(rule) for rule in registry}
        places = {rule.id: rule.where for rule in registry}
        return cls.of_alphabets(votes, registry.schema, alphabets, places=places)

    @classmethod
    def of_alphabets(
        cls,
        votes: LabelMatrix | VotePatterns,
        schema: LabelSchema,
        alphabets: Mapping[str, Sequence[Outcome]],
        *,
        places: Mapping[str, str] | None = None,
    ) -> TagVotes:
        """Read votes where the rules themselves are not at hand.

        Parameters
        ----------
        votes
            Votes of rules that `alphabets` holds.
        schema
            The tags.
        alphabets
            What the codes 0, 1, … of each rule stand for: rule id to outcomes; a label alone is `Outcome((label,))`.
        places
            Where each rule is written, for messages.

        Raises
        ------
        SchemaError, VotesError
            As for `of`.

        Examples
        --------
        >>> schema = LabelSchema(["late", "lost"], exclusive=False)
        >>> matrix = LabelMatrix.from_numpy([[0], [1]], labelers=["where"])
        >>> alphabets = {"where": (Outcome(("lost",)), Outcome(("late",), against=True))}
        >>> [rule for rule, _ in TagVotes.of_alphabets(matrix, schema, alphabets).events.said]
        ['where', 'where']
        """
        if schema.exclusive:
            raise SchemaError(
                "these labels are exclusive: a row has one of them",
                hint="set `exclusive: false` in schema.yaml, or take a label model",
            )
        ids = votes.ids if isinstance(votes, LabelMatrix) else None
        patterns = votes.patterns() if isinstance(votes, LabelMatrix) else votes
        strangers = [name for name in patterns.labelers if name not in alphabets]
        if strangers:
            hint = did_you_mean(strangers[0], alphabets)
            raise VotesError(f"no rule {strangers[0]!r}", available=alphabets, hint=hint)
        every = [(rule, outcome) for rule, own in alphabets.items() for outcome in own]
        events = TagEvents.of(every, schema)
        indptr, said = _said(patterns, events, alphabets, places or {})
        return cls(schema.names, events, indptr, said, patterns.counts, patterns.keys, patterns.inverse, ids)

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def n_rows(self) -> int:
        """Number of rows behind the distinct ones."""
        return int(self.counts.sum())

    @property
    def n_votes(self) -> Int64:
        """(u,) int64: votes of each distinct row that say something."""
        return np.diff(self.indptr)

    @cached_property
    def cells(self) -> tuple[Any, Any, Any, Any]:
        """The tags that each row touches, and the links that meet there; see `weaklabel.kernels.tags.expand`."""
        from weaklabel.kernels import tags as kernel

        events, above = self.events, self.events.taxonomy
        own = self.indptr, self.said, events.indptr, events.kinds, events.tags
        room = int(kernel.link_counts(*own, above.indptr, len(self.open)))
        links = events.indptr, events.tags, events.kinds
        open_tags = np.array(self.open, np.int32)
        found: tuple[Any, Any, Any, Any] = kernel.expand(
            self.indptr, self.said, *links, above.indptr, above.codes, open_tags, room
        )
        return found

    def opened(self, tags: npt.ArrayLike) -> TagVotes:
        """Return the same votes with tags, and all above them, as candidates on every row that has a vote.

        Examples
        --------
        >>> schema = LabelSchema(["late", "lost"], exclusive=False)
        >>> matrix = LabelMatrix.from_numpy([[0], [-1]], labelers=["where"])
        >>> votes = TagVotes.of_alphabets(matrix, schema, {"where": (Outcome(("lost",)),)})
        >>> len(votes.cells[1]), len(votes.opened([0]).cells[1])
        (1, 2)
        """
        return replace(self, open=tuple(self.events.taxonomy.closed(tags).tolist()))

    @cached_property
    def contested(self) -> npt.NDArray[np.bool_]:
        """(u,) whether a tag of the distinct row is both named, or implied, and denied."""
        row_ends, _, ends, links = self.cells
        kinds = self.events.kinds[links]
        denied, spoken = (
            np.diff(np.concatenate([[0], np.cumsum(one)])[ends]) > 0
            for one in (kinds == AGAINST, kinds < AGAINST)
        )
        found: npt.NDArray[np.bool_] = (
            np.diff(np.concatenate([[0], np.cumsum(denied & spoken)])[row_ends]) > 0
        )
        return found

    @cached_property
    def named(self) -> npt.NDArray[np.bool_]:
        """(cells,) whether a vote speaks for the tag, one below it or a set that holds it, or it is open: it may be given."""
        _, tags, ends, links = self.cells
        speaks = np.concatenate([[0], np.cumsum(self.events.kinds[links] != AGAINST)])
        free = np.zeros(len(self.tags), bool)
        free[list(self.open)] = True
        found: npt.NDArray[np.bool_] = (speaks[ends[1:]] > speaks[ends[:-1]]) | (
            (np.diff(ends) == 0) & free[tags]
        )
        return found

    def with_events(self, events: TagEvents) -> TagVotes:
        """Return the same votes written with the events of a fitted model.

        Raises
        ------
        ModelError
            A rule says what none of these events is.
        """
        if events is self.events:
            return self
        heard = np.unique(self.said)
        unknown = [self.events.said[e] for e in heard if self.events.said[e] not in events.place]
        if unknown:
            rule, outcome = unknown[0]
            rules = sorted({rule for rule, _ in events.said})
            what = f"rule {rule!r} votes for {outcome.name!r}, which it did not when the model was fitted"
            raise ModelError(what, available=rules, hint=did_you_mean(rule, rules) or "fit it again")
        to = np.array([events.place.get(one, -1) for one in self.events.said], np.int32)
        return replace(self, events=events, said=_sorted_in_rows(self.indptr, to[self.said]))

    def rows_of(self, ids: pl.Series) -> Int64:
        """Return the distinct row of each id, -1 for ids that are not among the rows.

        Raises
        ------
        VotesError
            The votes don't know their rows.
        """
        if self.inverse is None or self.ids is None:
            raise VotesError("these votes don't know their rows", hint="make them of a LabelMatrix")
        known = pl.DataFrame({"id": self.ids, "row": self.inverse})
        found = pl.DataFrame({"id": ids}).join(known, on="id", how="left", maintain_order="left")
        return found["row"].fill_null(-1).to_numpy()


def _sorted_in_rows(indptr: Int64, said: Int32) -> Int32:
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return said[np.lexsort((said, rows))]


def _said(
    patterns: VotePatterns,
    events: TagEvents,
    alphabets: Mapping[str, Sequence[Outcome]],
    places: Mapping[str, str],
) -> tuple[Int64, Int32]:
    """Return the events of each pattern, those that say something, ascending."""
    tables = [[events.place[name, outcome] for outcome in alphabets[name]] for name in patterns.labelers]
    first = np.concatenate([[0], np.cumsum([len(table) for table in tables])]).astype(np.int64)
    table = np.array([*(event for own in tables for event in own), 0], np.int32)
    kept = patterns.codes >= 0
    who = patterns.labeler_index[kept]
    at = first[who] + patterns.codes[kept]
    over = np.flatnonzero(at >= first[who + 1])
    if len(over):
        name, code = patterns.labelers[who[over[0]]], patterns.codes[kept][over[0]]
        own = [outcome.name for outcome in alphabets[name]]
        what = f"rule {name!r} votes {code}, and its codes are 0 to {len(own) - 1}"
        hint = "where rows may have several labels, codes are places in the rule's own alphabet: registry.alphabet(rule)"
        raise VotesError(what, where=places.get(name), available=own, hint=hint)
    said = table[at]
    rows = patterns.pattern_index[kept][events.speaks[said]]
    said = said[events.speaks[said]]
    order = np.lexsort((said, rows))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(patterns)))])
    return indptr.astype(np.int64), said[order]
