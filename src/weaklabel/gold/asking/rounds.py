"""Training rounds: gold that a person has not met."""

from __future__ import annotations

import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.gold.asking.assigning import listed, need_columns
from weaklabel.gold.asking.hidden import unmet
from weaklabel.gold.asking.people import active
from weaklabel.gold.sampling import draw


def draw_round(
    training: pl.DataFrame,
    annotators: pl.DataFrame,
    *,
    size: int,
    batch: str,
    seed: int,
    seen: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return a training round: gold that each person has not met, and notes.

    Parameters
    ----------
    training
        Gold of role training: `item`, `labels`, and if wanted `group` (near duplicates).
    annotators
        `annotator`, and if wanted `active` (null: yes).
    size
        Items for each person.
    batch
        The round's batch.
    seed
        Seed of the choice; another for every round.
    seen
        Who has met what: `item` and `annotator` (null: everybody).

    Returns
    -------
    tuple
        Columns of `weaklabel.gold.asking.assigning.ASSIGNMENT`, without suggestions, and notes on people who get fewer.

    Notes
    -----
    Every person's items are a sample stratified by label from those that this person has not met, by one permanent
    random number for each item: people with the same items to choose from get the same ones, so that they can be
    compared with each other too.

    Raises
    ------
    GoldError
        A column is missing, or nobody is active.

    Examples
    --------
    >>> training = pl.DataFrame({"item": [f"t{n}" for n in range(8)], "labels": [["ham"], ["spam"]] * 4})
    >>> people = pl.DataFrame({"annotator": ["ann", "bob"]})
    >>> found, notes = draw_round(training, people, size=4, batch="r1", seed=1)
    >>> found.group_by("annotator").len().sort("annotator").rows(), notes
    ([('ann', 4), ('bob', 4)], ())
    """
    need_columns(training, ("item", "labels"), "the training gold")
    people, _ = active(annotators)
    if not people:
        raise GoldError("nobody is active")
    pairs = []
    few: dict[int, list[str]] = {}
    for person in people:
        pool = unmet(training, person, seen).select("item", "labels", "group")
        rows = pool.select(
            pl.col("item").alias("id"), pl.col("labels").list.sort().list.join("\n").alias("label"), "group"
        )
        chosen = _chosen(rows, size, seed)
        pairs += [(item, person) for item in chosen]
        if len(chosen) < size:
            few.setdefault(len(chosen), []).append(person)
    frame = pl.DataFrame(pairs, schema={"item": pl.String, "annotator": pl.String}, orient="row")
    notes = tuple(
        f"{n} of {size} items for {some(names)}: there is no more training gold that they have not met"
        for n, names in sorted(few.items())
    )
    return listed(frame, batch=batch, seed=seed), notes


def _chosen(rows: pl.DataFrame, size: int, seed: int) -> list[str]:
    """Return a sample of one item a group at most, every label in its share and at least once where that fits."""
    if not rows.height:
        return []
    order = draw(rows, rows.height, purpose="training", seed=seed).frame.select("id", "order")
    first = rows.join(order, on="id").sort("order").with_columns(pl.coalesce("group", "id").alias("of"))
    single = first.unique(subset=["of"], keep="first", maintain_order=True)
    fits = size >= single["label"].n_unique()
    found = draw(
        single.select("id", "label"),
        min(size, single.height),
        design="stratified",
        strata="label",
        minimum=1 if fits else 0,
        purpose="training",
        seed=seed,
    )
    return found.frame["id"].to_list()
