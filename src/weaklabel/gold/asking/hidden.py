"""Hidden checks: gold that a person has not met, among the items of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import polars as pl

from weaklabel.errors import some
from weaklabel.fingerprint import event_hash
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.gold_set.seen import nearly_met
from weaklabel.gold.power import percent


def unmet(
    pool: pl.DataFrame,
    person: str,
    seen: pl.DataFrame | None,
    *,
    without: Set[str] = frozenset(),
) -> pl.DataFrame:
    """Return the gold items that a person has not met, nor a near duplicate of them, one of each group at most.

    Parameters
    ----------
    pool
        Gold: `item`, and if wanted `group`.
    person
        Who.
    seen
        Who has met what: `item` and `annotator` (null: everybody).
    without
        Items that are left out, with their near duplicates.

    Examples
    --------
    >>> pool = pl.DataFrame({"item": ["a", "b", "c"], "group": ["g", "g", None]})
    >>> unmet(pool, "ann", pl.DataFrame({"item": ["a"], "annotator": ["ann"]}))["item"].to_list()
    ['c']
    """
    need_columns(pool, ("item",), "gold")
    rows = (
        pool if "group" in pool.columns else pool.with_columns(pl.lit(None, dtype=pl.String).alias("group"))
    )
    met = set(without)
    if seen is not None:
        need_columns(seen, ("item", "annotator"), "what people have seen")
        mine = seen.filter(pl.col("annotator").is_null() | (pl.col("annotator") == person))
        met |= set(mine["item"])
    groups = rows.filter(pl.col("item").is_in(sorted(met)))["group"].drop_nulls().unique().to_list()
    left = rows.filter(~pl.col("item").is_in(sorted(met)))
    return left.filter(pl.col("group").is_null() | ~pl.col("group").is_in(groups))


def hide(
    checks: pl.DataFrame,
    loads: Mapping[str, int],
    *,
    wanted: int,
    most: float,
    salt: str,
    seen: pl.DataFrame | None = None,
    without: Set[str] = frozenset(),
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return each person's checks, and notes on people who have fewer than wanted.

    Parameters
    ----------
    checks
        Gold of role check: `item`, and if wanted `group`.
    loads
        Number of items of each person; who has none gets no checks.
    wanted
        Number of checks for each.
    most
        Largest share of a person's list that may be checks; one check is always allowed.
    salt
        Text that chooses the sample.
    seen, without
        See `unmet`.

    Examples
    --------
    >>> found, notes = hide(pl.DataFrame({"item": ["a", "b", "c"]}), {"ann": 20}, wanted=5, most=0.2, salt="b1")
    >>> len(found["ann"]), notes
    (3, ("3 of 5 checks for 'ann': there are no more that this person has not met",))
    """
    hidden: dict[str, list[str]] = {}
    short: dict[tuple[int, bool], list[str]] = {}
    for person, load in loads.items():
        if not load:
            continue
        chosen = _one_of_a_group(unmet(checks, person, seen, without=without), f"check {salt}\0{person}")
        room = max(int(most * load / (1 - most) + 1e-9), 1)
        hidden[person] = chosen[: min(wanted, room)]
        if len(hidden[person]) < wanted:
            short.setdefault((len(hidden[person]), len(chosen) >= room), []).append(person)
    notes = (_short(people, have, wanted, full, most) for (have, full), people in sorted(short.items()))
    return hidden, tuple(notes)


def hide_for_new(
    pairs: pl.DataFrame,
    checks: pl.DataFrame | None,
    assignments: pl.DataFrame,
    *,
    batch: str,
    seed: int,
    wanted: int,
    most: float,
    seen: pl.DataFrame | None = None,
    near: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return checks for people who are asked now and had none in the batch, as when the batch was planned.

    Parameters
    ----------
    pairs
        Who is asked now: `item` and `annotator`.
    checks
        Gold of role check: `item`, and if wanted `group`. None: no checks.
    assignments
        Records of kind assignment, of all batches: nobody gets a check that they were ever asked about.
    batch, seed
        The batch's id, and what it was planned with.
    wanted, most
        See `hide`.
    seen
        See `unmet`.
    near
        `item` and `other`: checks with a near duplicate among the items; see
        `weaklabel.gold.gold_set.seen.near_pairs`.

    Returns
    -------
    polars.DataFrame
        `item`, `annotator` and `check`, which is true.

    Examples
    --------
    >>> pairs = pl.DataFrame({"item": ["a", "b"], "annotator": ["ann", "dot"]})
    >>> before = pl.DataFrame({"batch": ["b1"], "item": ["g"], "annotator": ["ann"], "check": [True]})
    >>> hide_for_new(pairs, pl.DataFrame({"item": ["g"]}), before, batch="b1", seed=1, wanted=1, most=0.2).rows()
    [('g', 'dot', True)]
    """
    form = {"item": pl.String, "annotator": pl.String, "check": pl.Boolean}
    if checks is None or not wanted:
        return pl.DataFrame(schema=form)
    mine = assignments.filter(pl.col("batch") == batch)
    tested = mine.filter("check")["annotator"].unique().to_list()
    new = pairs.filter(~pl.col("annotator").is_in(tested)).group_by("annotator").len().sort("annotator")
    met = [frame.select("item", "annotator") for frame in (assignments, pairs)]
    if seen is not None:
        need_columns(seen, ("item", "annotator"), "what people have seen")
        met.append(seen.select(pl.col("item", "annotator").cast(pl.String)))
    if near is not None:
        met.append(nearly_met(pairs, near))
    found, _ = hide(
        checks,
        dict(new.iter_rows()),
        wanted=wanted,
        most=most,
        salt=f"{batch}\0{seed}",
        seen=pl.concat(met),
        without=set(mine.filter(~pl.col("check"))["item"]),
    )
    rows = [(item, person, True) for person, chosen in found.items() for item in chosen]
    return pl.DataFrame(rows, schema=form, orient="row")


def _one_of_a_group(pool: pl.DataFrame, salt: str) -> list[str]:
    """Return the pool's items in random order, of each group of near duplicates the first."""
    ranked = sorted(
        pool.select("item", "group").unique().rows(), key=lambda r: (event_hash(f"{salt}\0{r[0]}", 0), r)
    )
    groups: set[str] = set()
    chosen = []
    for item, group in ranked:
        if group is None or group not in groups:
            chosen.append(item)
            groups.add(group)
    return chosen


def _short(people: Sequence[str], have: int, wanted: int, full: bool, most: float) -> str:
    few = f"{have} of {wanted} checks for {some(people)}"
    if full:
        return f"{few}: at most {percent(most)} of a list are checks, and theirs are short"
    return f"{few}: there are no more that {'they have' if len(people) > 1 else 'this person has'} not met"
