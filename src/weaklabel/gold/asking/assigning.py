"""Who is asked about what: work shared out evenly, so that each item meets different people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.fingerprint import event_hash
from weaklabel.gold.ledger.records import KINDS

ASSIGNMENT = KINDS["assignment"]
"""Columns of assignments: who is asked about what.

`position` is the place in the person's list, from 1. `suggestion` is what a program suggests for the item; it is shown
only where `blind` is false, and kept where it is true, so that the two can be compared. `requeued_from` is the person
in whose place this one is asked; null: nobody's.
"""


def assign(
    items: Sequence[str],
    people: Sequence[str],
    *,
    needed: int | Sequence[int],
    seed: int,
    weights: Sequence[float] | None = None,
    may: np.ndarray | None = None,
) -> np.ndarray:
    """Return who is asked about which item, bool (items, people).

    Parameters
    ----------
    items, people
        Ids and names, each distinct.
    needed
        How many people each item needs: one number, or one for each item.
    seed
        Seed; the same names and seed give the same answer, whatever their order.
    weights
        A person's share of the work, in proportion; None: all the same.
    may
        Whether a person may be asked about an item, bool (items, people); None: always.

    Returns
    -------
    numpy.ndarray
        Each item has exactly the people it needs. Work goes by weight: people of one weight have equal work or differ
        by one item, unless `may` or too few items leave no such way.

    Raises
    ------
    GoldError
        An item needs more people than may be asked, or a weight is no positive number.

    Notes
    -----
    Work is apportioned by largest remainders, nobody getting more than they may be asked. Items, in the order of a
    hash, then take the people with the most work left and among them those who have met least so far, so that pairs
    of people share items about equally often. At the end work is moved along shortest chains of people from those who
    have too much to those who have too little, until no chain is left: the closest to the shares that there is.

    Examples
    --------
    >>> asked = assign(["a", "b", "c", "d"], ["ann", "bob", "cid", "dot"], needed=3, seed=1)
    >>> asked.sum(axis=1).tolist(), asked.sum(axis=0).tolist()
    ([3, 3, 3, 3], [3, 3, 3, 3])
    """
    _distinct(items, "item")
    _distinct(people, "person")
    w = _weights(people, weights)
    n, k = len(items), len(people)
    need = np.full(n, needed, dtype=np.int64) if isinstance(needed, int) else np.array(needed, np.int64)
    allowed = np.ones((n, k), dtype=bool) if may is None else np.array(may, dtype=bool)
    _check_room(items, need, allowed)
    rows = np.array(
        sorted(range(n), key=lambda i: (event_hash(f"item {items[i]}", seed), items[i])), np.int64
    )
    columns = np.array(sorted(range(k), key=lambda p: (event_hash(f"person {people[p]}", seed), people[p])))
    given = np.zeros((n, k), dtype=bool)
    if n and k and need.any():
        order = np.ix_(rows, columns)
        ties = np.array(
            [[event_hash(f"{people[p]}\0{items[i]}", seed) for p in columns] for i in rows], np.uint64
        )
        loads = _loads(int(need.sum()), w[columns], allowed.sum(axis=0)[columns])
        found = _dealt(need[rows], allowed[order], loads, ties)
        given[order] = _evened(found, allowed[order], loads)
    return given


def _loads(total: int, weights: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Return how many items each person takes: by weight, nobody more than `most`, ties to the first."""
    full = most == 0
    quota = most.astype(np.float64)
    while not full.all():
        rest = total - int(most[full].sum())
        quota = np.where(full, most, rest * weights / math.fsum(weights[~full]))
        over = ~full & (quota >= most)
        if not over.any():
            break
        full |= over
    loads = np.minimum(np.floor(quota + 1e-9).astype(np.int64), most)
    left = np.where(loads < most, np.round(quota - loads, 9), -1.0)
    loads[np.argsort(-left, kind="stable")[: max(total - int(loads.sum()), 0)]] += 1
    return loads


def _dealt(need: np.ndarray, may: np.ndarray, loads: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Give each item its people in turn; nobody is short of work at the end unless `may` makes it so."""
    n, k = may.shape
    given = np.zeros((n, k), dtype=bool)
    met = np.zeros((k, k))
    left = loads.astype(np.float64)
    ahead = may.sum(axis=0)  # items from here on that a person may still be asked about
    size = np.maximum(loads, 1)
    for i in range(n):
        must = left >= ahead
        cost = np.zeros(k)
        for _ in range(need[i]):
            free = np.flatnonzero(may[i] & ~given[i])
            keys = (ties[i, free], -(left / size)[free], cost[free], left[free] <= 0, ~must[free])
            best = free[np.lexsort(keys)[0]]
            met[best, given[i]] += 1
            met[given[i], best] += 1
            given[i, best] = True
            left[best] -= 1
            cost = (met[:, given[i]] / (size[:, None] * size[given[i]])).sum(axis=1)
        ahead = ahead - may[i]
    return given


def _evened(given: np.ndarray, may: np.ndarray, loads: np.ndarray) -> np.ndarray:
    """Move work along shortest chains of people from those above their load to those below."""
    given = given.copy()
    while True:
        over = given.sum(axis=0) - loads
        if not (over > 0).any():
            return given
        can = (given.T.astype(np.float32) @ (may & ~given).astype(np.float32)) > 0
        chain = _chain(can, over)
        if not chain:
            return given
        for giver, taker in pairwise(chain):
            item = int(np.flatnonzero(given[:, giver] & may[:, taker] & ~given[:, taker])[0])
            given[item, [giver, taker]] = False, True


def _chain(can: np.ndarray, over: np.ndarray) -> list[int]:
    """Return the people on a shortest way from one with too much to one with too little; empty where there is none."""
    came = {int(p): -1 for p in np.flatnonzero(over > 0)}
    ring = list(came)
    while ring:
        wider = []
        for giver in ring:
            for found in np.flatnonzero(can[giver]):
                taker = int(found)
                if taker in came:
                    continue
                came[taker] = giver
                if over[taker] < 0:
                    chain = [taker]
                    while came[chain[-1]] >= 0:
                        chain.append(came[chain[-1]])
                    return chain[::-1]
                wider.append(taker)
        ring = wider
    return []


def listed(
    pairs: pl.DataFrame,
    *,
    batch: str,
    seed: int,
    before: pl.DataFrame | None = None,
    suggestions: pl.DataFrame | None = None,
    blind: float = 1.0,
) -> pl.DataFrame:
    """Return assignments in an order shuffled for each person.

    Parameters
    ----------
    pairs
        `item` and `annotator`, and if wanted `check` and `requeued_from`.
    batch
        The batch's id.
    seed
        Seed of the order and of who sees a suggestion.
    before
        Assignments that these people have already; the new ones come after them.
    suggestions
        `item` and `suggestion` (a label or a list of them).
    blind
        Share of the assignments with a suggestion that are shown without it, each chosen on its own.

    Returns
    -------
    polars.DataFrame
        Columns of `ASSIGNMENT`, sorted by annotator and position.

    Examples
    --------
    >>> pairs = pl.DataFrame({"item": ["a", "b"], "annotator": ["ann", "ann"]})
    >>> listed(pairs, batch="b1", seed=1).select("item", "position", "check", "blind").rows()
    [('a', 1, False, True), ('b', 2, False, True)]
    """
    rows = pairs.with_columns(
        pl.lit(default).alias(name).cast(ASSIGNMENT[name])
        for name, default in (("check", False), ("requeued_from", None))
        if name not in pairs.columns
    )
    who = [f"{batch}\0{person}\0{item}" for person, item in rows.select("annotator", "item").iter_rows()]
    coins = [event_hash(f"blind {name}", seed) / 2**64 < blind for name in who]
    rows = rows.with_columns(
        pl.Series("rank", [event_hash(f"place {name}", seed) for name in who], dtype=pl.UInt64),
        pl.Series("coin", coins, dtype=pl.Boolean),
        pl.lit(batch, dtype=pl.String).alias("batch"),
    )
    rows = rows.join(suggestion_lists(suggestions), on="item", how="left").sort("annotator", "rank", "item")
    done: dict[str, int] = {}
    if before is not None:
        mine = before.filter(pl.col("batch") == batch).group_by("annotator").agg(pl.col("position").max())
        done = dict(mine.iter_rows())
    start = pl.col("annotator").replace_strict(done, default=0, return_dtype=pl.Int64) if done else 0
    return rows.with_columns(
        (pl.int_range(pl.len(), dtype=pl.Int64).over("annotator") + 1 + start).alias("position"),
        (pl.col("coin") | pl.col("suggestion").is_null()).alias("blind"),
    ).select(pl.col(name).cast(kind) for name, kind in ASSIGNMENT.items())


def suggestion_lists(suggestions: pl.DataFrame | None) -> pl.DataFrame:
    """Return suggestions as lists of labels, one row an item; items without one are left out.

    Examples
    --------
    >>> suggestion_lists(pl.DataFrame({"item": ["a", "b"], "suggestion": ["ham", None]})).rows()
    [('a', ['ham'])]
    """
    form = pl.Schema([("item", pl.String()), ("suggestion", pl.List(pl.String))])
    if suggestions is None:
        return pl.DataFrame(schema=form)
    need_columns(suggestions, ("item", "suggestion"), "the suggestions")
    if suggestions["item"].is_duplicated().any():
        twice = suggestions.filter(suggestions["item"].is_duplicated())["item"].unique(maintain_order=True)
        raise GoldError(f"an item has two suggestions: {some(twice)}")
    given = suggestions.select("item", "suggestion").drop_nulls()
    if not isinstance(given["suggestion"].dtype, pl.List):
        given = given.with_columns(pl.concat_list("suggestion"))
    return given.cast(form)


def suggestions_to_show(assignments: pl.DataFrame) -> pl.DataFrame:
    """Return the suggestions that people are to see: `annotator`, `item`, `suggestion`, as tools' `write` takes them.

    Examples
    --------
    >>> pairs = pl.DataFrame({"item": ["a", "b"], "annotator": ["ann", "ann"]})
    >>> suggestions = pl.DataFrame({"item": ["a"], "suggestion": ["ham"]})
    >>> suggestions_to_show(listed(pairs, batch="b1", seed=1, suggestions=suggestions, blind=0.0)).rows()
    [('ann', 'a', ['ham'])]
    """
    seen = assignments.filter(~pl.col("blind") & pl.col("suggestion").is_not_null())
    return seen.select("annotator", "item", "suggestion")


def may_ask(items: Sequence[str], people: Sequence[str], *seen: pl.DataFrame | None) -> np.ndarray:
    """Return whether each person may be asked about each item, bool (items, people): nobody who has met it.

    Parameters
    ----------
    items, people
        Ids and names.
    *seen
        Frames with `item` and `annotator`: who has met what; an annotator that is null means everybody.

    Examples
    --------
    >>> seen = pl.DataFrame({"item": ["a", "b"], "annotator": ["ann", None]})
    >>> may_ask(["a", "b"], ["ann", "bob"], seen).tolist()
    [[False, True], [False, False]]
    """
    row = {item: i for i, item in enumerate(items)}
    column = {person: p for p, person in enumerate(people)}
    may = np.ones((len(items), len(people)), dtype=bool)
    for frame in seen:
        if frame is None:
            continue
        need_columns(frame, ("item", "annotator"), "what people have seen")
        for item, person in frame.select("item", "annotator").unique().iter_rows():
            if item in row and person is None:
                may[row[item]] = False
            elif item in row and person in column:
                may[row[item], column[person]] = False
    return may


def odd(number: int) -> int:
    """Return the largest odd number up to this one; 0 for 0.

    Examples
    --------
    >>> [odd(n) for n in range(5)]
    [0, 1, 1, 3, 3]
    """
    return number if number % 2 or number == 0 else number - 1


def need_columns(frame: pl.DataFrame, names: Iterable[str], what: str) -> None:
    """Raise a GoldError where a frame lacks a column.

    Examples
    --------
    >>> need_columns(pl.DataFrame({"item": []}), ["item"], "the answers")
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise GoldError(f"there is no column {some(missing)} in {what}", available=frame.columns)


def _distinct(names: Sequence[str], what: str) -> None:
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise GoldError(f"{what} {some(twice)} stands twice among those to be shared out")


def _weights(people: Sequence[str], weights: Sequence[float] | None) -> np.ndarray:
    given = np.ones(len(people)) if weights is None else np.array(weights, dtype=np.float64)
    wrong = np.flatnonzero(~(np.isfinite(given) & (given > 0)))
    if len(wrong):
        raise GoldError(
            f"the weight of {people[wrong[0]]!r} is {given[wrong[0]]:g}, and weights are positive numbers",
            hint="a person who is not to be asked is not active",
        )
    return given


def _check_room(items: Sequence[str], need: np.ndarray, may: np.ndarray) -> None:
    short = np.flatnonzero(need > may.sum(axis=1))
    if len(short):
        i = int(short[0])
        raise GoldError(
            f"item {items[i]!r} needs {need[i]} people, and {int(may[i].sum())} of {may.shape[1]} may be asked"
        )
