"""Which tags stand above which: the taxonomy of a schema as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weaklabel.schema import LabelSchema

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Above:
    """The tags above each tag, parents and theirs, by code.

    Parameters
    ----------
    indptr
        (k + 1,) int64: those of tag t are `codes[indptr[t]:indptr[t + 1]]`, ascending.
    codes
        int32.
    order
        (k,) int32: all tags, each after those above it.

    Examples
    --------
    >>> from weaklabel.schema import Label
    >>> cat = Label("cat", parents=("mammal",))
    >>> found = above(LabelSchema([cat, Label("mammal", parents=("animal",)), "animal"], exclusive=False))
    >>> found.of(0).tolist(), found.order.tolist()
    ([1, 2], [2, 1, 0])
    """

    indptr: Int64
    codes: Int32
    order: Int32

    def of(self, tag: int) -> Int32:
        """Return the tags above a tag."""
        return self.codes[self.indptr[tag] : self.indptr[tag + 1]]

    def closed(self, tags: npt.ArrayLike) -> Int32:
        """Return tags and all that stand above them, ascending.

        Examples
        --------
        >>> from weaklabel.schema import Label
        >>> above(LabelSchema(["b", Label("a", parents=("b",))], exclusive=False)).closed([1]).tolist()
        [0, 1]
        """
        given = np.asarray(tags, np.int32)
        return np.unique(np.concatenate([given, *(self.of(int(tag)) for tag in given)])).astype(np.int32)


def above(schema: LabelSchema) -> Above:
    """Return the taxonomy of a schema as arrays; see `Above` for an example."""
    parents = [[schema.code(parent) for parent in label.parents] for label in schema.labels]
    found: dict[int, frozenset[int]] = {}
    for tag in range(len(schema)):
        _close(tag, parents, found)
    codes = [sorted(found[tag]) for tag in range(len(schema))]
    indptr = np.concatenate([[0], np.cumsum([len(each) for each in codes])]).astype(np.int64)
    flat = np.array([code for each in codes for code in each], np.int32)
    depth = np.zeros(len(schema), np.int64)
    for tag in sorted(range(len(schema)), key=lambda tag: len(found[tag])):
        depth[tag] = 1 + max((depth[parent] for parent in parents[tag]), default=-1)
    return Above(indptr, flat, np.argsort(depth, kind="stable").astype(np.int32))


def _close(tag: int, parents: list[list[int]], found: dict[int, frozenset[int]]) -> None:
    """Find what stands above a tag, those above it first; schemas hold no circles."""
    stack = [tag]
    while stack:
        top = stack[-1]
        missing = [parent for parent in parents[top] if parent not in found]
        if top not in found and missing:
            stack += missing
            continue
        stack.pop()
        found[top] = frozenset(parents[top]).union(*(found[parent] for parent in parents[top]))
