"""Who has seen which item, near duplicates included: nobody is tested on what they have seen."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError
from weaklabel.fingerprint import fingerprint
from weaklabel.profile.near import LONGEST, near_duplicates, shingles

_PAIR = pl.Schema({"item": pl.String, "annotator": pl.String})
_GROUP = pl.Schema({"item": pl.String, "group": pl.String})
_BLOCK = 5_000
_NEAR = pl.Schema({"item": pl.String, "other": pl.String})


def near_groups(
    texts: pl.DataFrame, *, known: pl.DataFrame | None = None, threshold: float = 0.8, seed: int = 0
) -> pl.DataFrame:
    """Return the groups of items whose texts are alike, or nearly.

    Parameters
    ----------
    texts
        item and text; of gold and of what may become gold.
    known
        item and group: groups that exist, such as ``gold_set.items``. They are kept, and joined where a text is a
        near duplicate of several.
    threshold
        Least Jaccard index of the texts' sets of 5-character shingles.
    seed
        Seed of MinHash.

    Returns
    -------
    polars.DataFrame
        item, group, sorted by item; only items that are not alone. A group keeps the name it has in `known`.

    Examples
    --------
    >>> texts = pl.DataFrame({"item": ["a", "b", "c"], "text": ["where is it, please?", "Where is it, please??", "hi"]})
    >>> near_groups(texts)["item"].to_list()
    ['a', 'b']
    """
    _need(texts, "texts", ["item", "text"])
    read = texts.select(pl.col("item").cast(pl.String), pl.col("text").cast(pl.String)).drop_nulls()
    alike = (
        read.group_by("text", maintain_order=True)
        .agg(pl.col("item").sort())
        .sort(pl.col("item").list.first())
    )
    different = alike.select(id=pl.col("item").list.first(), text="text")
    near = near_duplicates(different.filter(pl.col("text").str.len_chars() <= LONGEST), threshold, seed)
    links = [
        *near.select("id", "other").iter_rows(),
        *((row[0], i) for row in alike["item"] for i in row[1:]),
    ]
    named = _none(_GROUP) if known is None else known.select(_GROUP.keys()).drop_nulls()
    return _named(links, named)


def near_pairs(tests: pl.DataFrame, others: pl.DataFrame, *, threshold: float = 0.8) -> pl.DataFrame:
    """Return which test items have a near duplicate among other items.

    Parameters
    ----------
    tests
        item and text: gold that people are tested with.
    others
        item and text: what people have met, or will meet.
    threshold
        Least Jaccard index of the texts' sets of 5-character shingles; longer texts than `near_groups` compares must
        be alike.

    Returns
    -------
    polars.DataFrame
        item, other, sorted; no item is its own near duplicate. A text that is null is like no other.

    Notes
    -----
    Exact, and linear in the number of other texts: a sparse product counts the shingles that each has in common with
    each test, a block of texts at a time.

    Examples
    --------
    >>> tests = pl.DataFrame({"item": ["g"], "text": ["where is it, please?"]})
    >>> near_pairs(tests, pl.DataFrame({"item": ["a", "b"], "text": ["Where is it, please??", "hi"]})).rows()
    [('g', 'a')]
    """
    _need(tests, "tests", ["item", "text"])
    _need(others, "others", ["item", "text"])
    if not 0 < threshold <= 1:
        raise GoldError(f"a threshold is above 0 and up to 1, not {threshold}")
    ids, parts = _split(tests)
    of = {part: n for n, part in enumerate(dict.fromkeys(part for one in parts for part in one))}
    mine, sizes = _counted(parts, of), np.array([len(one) for one in parts])
    found: list[tuple[str, str]] = []
    for block in others.select("item", "text").unique().iter_slices(_BLOCK):
        names, each = _split(block)
        common = (_counted(each, of) @ mine.T).tocoo()
        every = np.array([len(one) for one in each])[common.row] + sizes[common.col] - common.data
        near = common.data / every >= threshold
        found += ((ids[t], names[o]) for o, t in zip(common.row[near], common.col[near], strict=True))
    pairs = pl.DataFrame(found, schema=_NEAR, orient="row").filter(pl.col("item") != pl.col("other"))
    return pairs.unique().sort("item", "other")


def _split(texts: pl.DataFrame) -> tuple[list[str], list[set[str]]]:
    """Return the items that have a text, and the parts of each."""
    rows = texts.select("item", "text").drop_nulls()
    return rows["item"].to_list(), [_parts(text) for text in rows["text"]]


def _counted(parts: Sequence[set[str]], of: Mapping[str, int]) -> Any:
    """Return a sparse matrix of which text has which of the known parts."""
    from scipy.sparse import csr_array

    known = [[of[part] for part in one if part in of] for one in parts]
    ends = np.cumsum([0, *(len(one) for one in known)])
    columns = np.fromiter((n for one in known for n in one), dtype=np.int64, count=int(ends[-1]))
    return csr_array((np.ones(len(columns), np.int32), columns, ends), shape=(len(parts), max(len(of), 1)))


def _parts(text: str) -> set[str]:
    return shingles(text) if len(text) <= LONGEST else {text}


def nearly_met(met: pl.DataFrame, near: pl.DataFrame) -> pl.DataFrame:
    """Return the test items that people have as good as met: those with a near duplicate among what they have met.

    Parameters
    ----------
    met
        item and annotator.
    near
        item and other, as `near_pairs` gives them.

    Examples
    --------
    >>> met = pl.DataFrame({"item": ["a"], "annotator": ["ann"]})
    >>> nearly_met(met, pl.DataFrame({"item": ["g", "h"], "other": ["a", "b"]})).rows()
    [('g', 'ann')]
    """
    _need(met, "what people have met", list(_PAIR))
    _need(near, "near duplicates", list(_NEAR))
    given = met.select(_PAIR.keys()).cast(_PAIR).unique().rename({"item": "other"})
    return near.cast(_NEAR).join(given, on="other").select(_PAIR.keys()).unique().sort("item", "annotator")


def seen(
    annotators: Iterable[str],
    *,
    assignments: pl.DataFrame | None = None,
    answers: pl.DataFrame | None = None,
    gold: pl.DataFrame | None = None,
    groups: pl.DataFrame | None = None,
    near: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return which items people have seen, or will when what is drawn is sent.

    An item is seen by those who were asked about it or answered it, skips included, and by the experts who judged it;
    an item that is or was shown in the guideline, by all. Who has seen an item has seen its near duplicates.

    Parameters
    ----------
    annotators
        The people who are asked about.
    assignments, answers
        Frames with item and annotator, of any batch.
    gold
        Gold records (all of them, not only those that count): item, role, group, experts.
    groups
        item, group: more near duplicates, such as `near_groups` finds.
    near
        item, other: test items with near duplicates that are no gold, as `near_pairs` gives them.

    Returns
    -------
    polars.DataFrame
        item, annotator, each pair once, sorted.

    Examples
    --------
    >>> gold = pl.DataFrame({"item": ["a", "b", "c"], "role": ["shown", "check", "check"], "group": [None, "g", "g"]})
    >>> answers = pl.DataFrame({"item": ["c"], "annotator": ["ann"]})
    >>> seen(["ann", "bob"], answers=answers, gold=gold).rows()
    [('a', 'ann'), ('a', 'bob'), ('b', 'ann'), ('c', 'ann')]
    """
    people = pl.DataFrame({"annotator": list(dict.fromkeys(annotators))}, schema={"annotator": pl.String})
    pairs = [_pairs(frame, name) for frame, name in ((assignments, "assignments"), (answers, "answers"))]
    named = [_none(_GROUP)]
    if gold is not None:
        _need(gold, "gold", ["item", "role"])
        pairs.append(gold.filter(pl.col("role") == "shown").select("item").join(people, how="cross"))
        if "experts" in gold.columns:
            pairs.append(gold.explode("experts", empty_as_null=False).select("item", annotator="experts"))
        if "group" in gold.columns:
            named.append(gold.select(_GROUP.keys()))
    if groups is not None:
        _need(groups, "groups", ["item", "group"])
        named.append(groups.select(_GROUP.keys()))
    direct = (
        pl.concat([frame.cast(_PAIR) for frame in pairs]).join(people, on="annotator", how="semi").unique()
    )
    if near is not None:
        direct = pl.concat([direct, nearly_met(direct, near)]).unique()
    alike = _named([], pl.concat([frame.cast(_GROUP) for frame in named]).drop_nulls().unique())
    others = direct.join(alike, on="item").join(alike, on="group", suffix="_other")
    every = pl.concat([direct, others.select(item="item_other", annotator="annotator")])
    return every.unique().sort("item", "annotator")


def unseen(
    items: pl.DataFrame,
    annotator: str,
    *,
    assignments: pl.DataFrame | None = None,
    answers: pl.DataFrame | None = None,
    gold: pl.DataFrame | None = None,
    groups: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the rows of `items` on which a person may be tested: neither the item nor a near duplicate was seen.

    Parameters
    ----------
    items
        A frame with item, in any order, which is kept.
    annotator
        The person.
    assignments, answers, gold, groups
        See `seen`.

    Examples
    --------
    >>> checks = pl.DataFrame({"item": ["a", "b"]})
    >>> unseen(checks, "ann", answers=pl.DataFrame({"item": ["a"], "annotator": ["ann"]}))["item"].to_list()
    ['b']
    """
    _need(items, "items", ["item"])
    known = seen([annotator], assignments=assignments, answers=answers, gold=gold, groups=groups)
    return items.join(known, on="item", how="anti", maintain_order="left")


def regrouped(items: pl.DataFrame, known: pl.DataFrame, groups: pl.DataFrame | None) -> pl.DataFrame:
    """Return items with the groups that known and new near duplicates make together; null for those that are alone.

    Parameters
    ----------
    items
        A frame with item; its column group is made anew.
    known, groups
        item, group. A group of `known` keeps its name; names of the two say nothing of each other.

    Examples
    --------
    >>> items, known = pl.DataFrame({"item": ["a", "b", "c"]}), pl.DataFrame({"item": ["a"], "group": ["g"]})
    >>> regrouped(items, known, pl.DataFrame({"item": ["a", "b"], "group": ["n1", "n1"]}))["group"].to_list()
    ['g', 'g', None]
    """
    mine = known.select(_GROUP.keys()).cast(_GROUP).drop_nulls()
    links: list[tuple[str, str]] = []
    if groups is not None:
        _need(groups, "groups", ["item", "group"])
        here = groups.cast(_GROUP).drop_nulls().join(items, on="item", how="semi")
        for members in here.group_by("group", maintain_order=True).agg(pl.col("item").unique().sort())[
            "item"
        ]:
            links += [(members[0], other) for other in members[1:]]
    found = _named(links, mine)
    return (
        items.drop("group", strict=False)
        .join(found, on="item", how="left", maintain_order="left")
        .select(items.columns if "group" in items.columns else [*items.columns, "group"])
    )


def components(links: Iterable[tuple[Hashable, Hashable]]) -> list[list[Hashable]]:
    """Return what is linked, directly or through others, as groups in the order of their first link.

    Examples
    --------
    >>> components([("a", "b"), ("c", "d"), ("b", "e")])
    [['a', 'b', 'e'], ['c', 'd']]
    """
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one, other in links:
        parent.setdefault(one, one)
        parent.setdefault(other, other)
        parent[root(other)] = root(one)
    groups: dict[Hashable, list[Hashable]] = {}
    for node in parent:
        groups.setdefault(root(node), []).append(node)
    return list(groups.values())


def _named(links: Iterable[tuple[str, str]], known: pl.DataFrame) -> pl.DataFrame:
    """Return item and group of all that is linked, or is in a known group with others or alone."""
    by_group = [
        (("item", item), ("group", group)) for item, group in known.unique().sort("group", "item").rows()
    ]
    by_text = [(("item", one), ("item", other)) for one, other in links]
    return pl.DataFrame(list(_rows(components([*by_group, *by_text]))), schema=_GROUP, orient="row").sort(
        "item"
    )


def _rows(groups: list[list[Hashable]]) -> Iterator[tuple[str, str]]:
    for group in groups:
        nodes: list[tuple[str, str]] = group  # type: ignore[assignment]
        items = sorted(name for what, name in nodes if what == "item")
        names = sorted(name for what, name in nodes if what == "group")
        name = names[0] if names else f"near-{fingerprint(items[0])[:12]}"
        yield from ((item, name) for item in items)


def _pairs(frame: pl.DataFrame | None, name: str) -> pl.DataFrame:
    if frame is None:
        return _none(_PAIR)
    _need(frame, name, list(_PAIR))
    return frame.select(_PAIR.keys())


def _none(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


def _need(frame: pl.DataFrame, name: str, columns: list[str]) -> None:
    for column in columns:
        if column not in frame.columns:
            raise GoldError(f"{name}: no column {column!r}", available=frame.columns)
