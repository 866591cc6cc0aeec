"""What rules can say in a task whose rows may have several tags: events, and the tags that each touches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from weaklabel.lf import LFRegistry
from weaklabel.schema import LabelSchema, Outcome
from weaklabel.tags.taxonomy import Above, above

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Int8 = npt.NDArray[np.int8]

PRESENT, IMPLIED, AGAINST, MEMBER = range(4)
"""Kinds of links: the event names the tag; it names one below it; it denies it; the tag is one of a set."""
KINDS = ("present", "implied", "against", "member")


@dataclass(frozen=True, eq=False)
class TagEvents:
    """Everything that some rules can say, in an order that neither theirs nor that of their codes moves.

    An event is a rule and one of its outcomes. Its links say which tags it touches, and how: a tag that it names
    (`PRESENT`), tags above all that it names (`IMPLIED`), tags that it denies (`AGAINST`), or the tags of a set of which
    one is there (`MEMBER`). A set of all tags says nothing and has no links.

    Parameters
    ----------
    said
        Rule id and outcome of each event, sorted.
    indptr
        (events + 1,) int64: links of each event.
    tags, kinds
        (links,) int32 and int8: code of the tag, and kind.
    taxonomy
        What stands above what.
    n_tags
        Number of tags.

    Examples
    --------
    >>> from weaklabel.schema import Label, any_of, none_of
    >>> schema = LabelSchema(["animal", Label("cat", parents=("animal",)), "stone"], exclusive=False)
    >>> events = TagEvents.of([("purrs", Outcome(("cat",))), ("moves", none_of("stone"))], schema)
    >>> [(events.said[e][0], events.tags[i].item(), KINDS[events.kinds[i]]) for i, e in enumerate(events.owners)]
    [('moves', 2, 'against'), ('purrs', 0, 'implied'), ('purrs', 1, 'present')]
    """

    said: tuple[tuple[str, Outcome], ...]
    indptr: Int64
    tags: Int32
    kinds: Int8
    taxonomy: Above
    n_tags: int

    @classmethod
    def of(cls, said: Sequence[tuple[str, Outcome]], schema: LabelSchema) -> TagEvents:
        """Make the events of pairs of a rule's id and an outcome, each once."""
        order = sorted(dict.fromkeys(said), key=lambda one: (one[0], one[1].against, one[1].labels))
        taxonomy = above(schema)
        links = [_links(outcome, schema, taxonomy) for _, outcome in order]
        flat = [link for each in links for link in each]
        return cls(
            tuple(order),
            np.concatenate([[0], np.cumsum([len(each) for each in links])]).astype(np.int64),
            np.array([tag for tag, _ in flat], np.int32),
            np.array([kind for _, kind in flat], np.int8),
            taxonomy,
            len(schema),
        )

    @classmethod
    def of_registry(cls, registry: LFRegistry) -> TagEvents:
        """Return all that the rules of a registry can say."""
        return cls.of(
            [(rule.id, outcome) for rule in registry for outcome in registry.alphabet(rule)], registry.schema
        )

    def __len__(self) -> int:
        return len(self.said)

    @cached_property
    def owners(self) -> Int32:
        """(links,) int32: the event of each link."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr)).astype(np.int32)

    @cached_property
    def place(self) -> dict[tuple[str, Outcome], int]:
        """Number of each event."""
        return {one: i for i, one in enumerate(self.said)}

    @cached_property
    def speaks(self) -> npt.NDArray[np.bool_]:
        """(events,) whether an event says anything: a set of all tags doesn't."""
        return np.diff(self.indptr) > 0


def _links(outcome: Outcome, schema: LabelSchema, taxonomy: Above) -> list[tuple[int, int]]:
    codes = sorted(schema.code(label) for label in outcome.labels)
    if outcome.against:
        return [(code, AGAINST) for code in codes]
    if len(codes) == 1:
        implied = [(int(code), IMPLIED) for code in taxonomy.of(codes[0])]
        return sorted([(codes[0], PRESENT), *implied])
    if len(codes) == len(schema):
        return []
    shared = set.intersection(*({code, *taxonomy.of(code).tolist()} for code in codes))
    members = [(code, MEMBER) for code in codes]
    return sorted([*members, *((code, IMPLIED) for code in shared)])
