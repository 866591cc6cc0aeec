"""Batches: who is asked about what, in which order, with which hidden checks and suggestions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.gold.asking.assigning import assign, listed, may_ask, need_columns, odd
from weaklabel.gold.asking.hidden import hide
from weaklabel.gold.asking.people import active
from weaklabel.gold.gold_set.seen import nearly_met
from weaklabel.gold.ledger.records import KINDS
from weaklabel.gold.power import LEAST_HISTORY, checks_needed, power_sentence
from weaklabel.gold.sampling import DRAW

DRAWN = KINDS["draw"]
"""Columns of a batch's items: `weaklabel.gold.sampling.DRAW`, with the batch, the id called `item`, and null for no stratum."""


@dataclass(frozen=True)
class BatchSettings:
    """How a batch is made.

    Parameters
    ----------
    per_item
        People asked about each item; odd.
    checks
        Hidden checks for each person; None: as many as are needed to catch falls (`caught`, `good`, `bad`, `alpha`,
        `history`, `floor`), or while a history is too short to be held against anybody, as many as will be.
    caught
        Share of falls to be caught.
    good, bad, alpha, history, floor
        See `weaklabel.gold.power.power_table`; `alpha` is the level at which a batch fails, such as `Season.level`.
    most_checks
        Largest share of a person's list that may be checks.
    blind
        Share of the assignments with a suggestion that are shown without it.

    Raises
    ------
    GoldError
        An even number of people, or a number out of its range.

    Examples
    --------
    >>> BatchSettings(per_item=4)
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: 4 people an item is an even number: they can split in halves and leave no majority
      hint: per_item is odd: 3 or 5
    """

    per_item: int = 3
    checks: int | None = None
    caught: float = 0.8
    good: float = 0.95
    bad: float = 0.80
    alpha: float = 0.05
    history: int | None = None
    floor: float | None = None
    most_checks: float = 0.2
    blind: float = 0.3

    def __post_init__(self) -> None:
        if self.per_item < 1:
            raise GoldError(f"an item is asked of at least 1 person, not {self.per_item}")
        if self.per_item % 2 == 0:
            near = f"{max(self.per_item - 1, 1)} or {self.per_item + 1}"
            raise GoldError(
                f"{self.per_item} people an item is an even number: they can split in halves and leave no majority",
                hint=f"per_item is odd: {near}",
            )
        if self.checks is not None and self.checks < 0:
            raise GoldError(f"a person has 0 checks or more, not {self.checks}")
        if not 0 < self.most_checks < 1:
            raise GoldError(f"most_checks is a share between 0 and 1, not {self.most_checks}")
        if not 0 <= self.blind <= 1:
            raise GoldError(f"blind is a share from 0 to 1, not {self.blind}")

    @property
    def power(self) -> dict[str, Any]:
        """What `weaklabel.gold.power.power_table`, `power_sentence` and `checks_needed` take."""
        return {name: getattr(self, name) for name in ("good", "bad", "alpha", "history", "floor")}

    def to_json(self) -> str:
        """Return the settings as they stand in the batch's first record.

        Examples
        --------
        >>> BatchSettings(checks=12).to_json()[:28]
        '{"per_item": 3, "checks": 12'
        """
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Plan:
    """A batch that can be sent; made by `plan_batch`.

    Parameters
    ----------
    batch
        Its id.
    draws
        Its items with their inclusion probabilities, columns of `DRAWN`.
    assignments
        Who is asked about what, columns of `weaklabel.gold.asking.assigning.ASSIGNMENT`.
    settings
        What it was made with, and the seed, as JSON.
    notes
        What the caller should know: people with fewer checks than wanted, items that could not be given to as many.
    sentence
        What the hidden checks can catch.

    Examples
    --------
    >>> drawn = pl.DataFrame({"id": ["a"], "design": ["simple"], "stratum": [""], "inclusion": [0.1],
    ...                       "purpose": ["batch"], "order": [0]})
    >>> plan_batch(drawn, pl.DataFrame({"annotator": ["ann", "bob", "cid"]}), batch="b1", seed=1).sentence
    'no checks are hidden in this batch: a bad day can not be seen'
    """

    batch: str
    draws: pl.DataFrame
    assignments: pl.DataFrame
    settings: str
    notes: tuple[str, ...]
    sentence: str

    @property
    def loads(self) -> pl.DataFrame:
        """Items and checks of each person: `annotator`, `items`, `checks`."""
        counts = self.assignments.group_by("annotator").agg(
            (~pl.col("check")).sum().cast(pl.Int64).alias("items"),
            pl.col("check").sum().cast(pl.Int64).alias("checks"),
        )
        return counts.sort("annotator")


def plan_batch(
    drawn: pl.DataFrame,
    annotators: pl.DataFrame,
    *,
    batch: str,
    seed: int,
    checks: pl.DataFrame | None = None,
    seen: pl.DataFrame | None = None,
    suggestions: pl.DataFrame | None = None,
    settings: BatchSettings | None = None,
    near: pl.DataFrame | None = None,
) -> Plan:
    """Return who is asked about which item of a draw, with checks hidden among them.

    Parameters
    ----------
    drawn
        The items, columns of `weaklabel.gold.sampling.DRAW`.
    annotators
        `annotator`, and if wanted `weight` (share of the work in proportion; null: 1) and `active` (null: yes).
    batch
        The batch's id.
    seed
        Seed; the same rows and seed give the same plan, whatever their order.
    checks
        Gold of role check: `item`, and if wanted `group` (near duplicates; null: alone). None: no checks.
    seen
        Who has met what: `item` and `annotator` (null: everybody).
    suggestions
        What a program suggests: `item` and `suggestion` (a label or a list of them); for checks too, or they would
        be known by having none. None: no item is shown with a suggestion.
    settings
        How the batch is made.
    near
        `item` and `other`: checks with a near duplicate among the items; see
        `weaklabel.gold.gold_set.seen.near_pairs`. Nobody gets such a check beside such an item.

    Raises
    ------
    GoldError
        Fewer people are active than an item needs, a name or id stands twice, or a column is missing.

    Notes
    -----
    A person's checks are a simple random sample, by a seeded hash, of those that they have not met, one of each
    group of near duplicates; items of the batch are no checks. Items and checks together are then put in a random
    order for each person, so that neither place nor class gives a check away. Who sees a suggestion is a coin for
    each person and item.

    Examples
    --------
    >>> from weaklabel.gold.sampling import draw
    >>> drawn = draw(pl.DataFrame({"id": [f"i{n}" for n in range(200)]}), 60, seed=1, purpose="batch")
    >>> people = pl.DataFrame({"annotator": ["ann", "bob", "cid", "dot"]})
    >>> checks = pl.DataFrame({"item": [f"g{n}" for n in range(30)]})
    >>> plan = plan_batch(drawn.frame, people, batch="b1", seed=1, checks=checks, settings=BatchSettings(checks=10))
    >>> plan.loads.rows()
    [('ann', 45, 10), ('bob', 45, 10), ('cid', 45, 10), ('dot', 45, 10)]
    >>> plan.sentence
    'with 10 checks a fall from 95 % to 80 % is caught in 32 % of batches, at 1.2 % false alarms'
    """
    settings = settings or BatchSettings()
    need_columns(drawn, DRAW, "the draw")
    people, weights = active(annotators)
    if len(people) < settings.per_item:
        raise GoldError(
            f"each item is asked of {settings.per_item} people, and {len(people)} are active",
            available=people,
            hint="call more people, or set per_item to a smaller odd number",
        )
    items = sorted(drawn["id"])
    may = may_ask(items, people, seen)
    needed = [odd(min(settings.per_item, int(n))) for n in may.sum(axis=1)]
    given = assign(items, people, needed=needed, seed=seed, weights=weights, may=may)
    pairs = [(items[i], people[p], False) for i, p in zip(*given.nonzero(), strict=True)]
    loads = dict(zip(people, (int(n) for n in given.sum(axis=0)), strict=True))
    wanted = _wanted(checks, settings)
    hidden: dict[str, list[str]] = {}
    notes: tuple[str, ...] = ()
    if checks is not None and wanted:
        met = _met(pairs, seen, near)
        hidden, notes = hide(checks, loads, wanted=wanted, most=settings.most_checks, salt=f"{batch}\0{seed}",
                             seen=met, without=set(items))  # fmt: skip
    rows = pl.DataFrame(
        [*pairs, *((item, person, True) for person, chosen in hidden.items() for item in chosen)],
        schema={"item": pl.String, "annotator": pl.String, "check": pl.Boolean},
        orient="row",
    )
    blind = 1.0 if suggestions is None else settings.blind
    assignments = listed(rows, batch=batch, seed=seed, suggestions=suggestions, blind=blind)
    draws = drawn.rename({"id": "item"}).with_columns(
        pl.lit(batch, dtype=pl.String).alias("batch"), pl.col("stratum").replace("", None)
    )
    return Plan(
        batch=batch,
        draws=draws.select(pl.col(name).cast(kind) for name, kind in DRAWN.items()).sort("order", "item"),
        assignments=assignments,
        settings=json.dumps({**asdict(settings), "seed": seed}),
        notes=(*_few(items, needed, settings.per_item), *notes, *_bare(assignments, suggestions)),
        sentence=_sentence([len(chosen) for chosen in hidden.values()], settings),
    )


def _met(
    pairs: Sequence[tuple[str, str, bool]], seen: pl.DataFrame | None, near: pl.DataFrame | None
) -> pl.DataFrame | None:
    """Return who has met what, with the checks that are as good as known by an item of the batch."""
    if near is None:
        return seen
    asked = pl.DataFrame([pair[:2] for pair in pairs], schema=["item", "annotator"], orient="row")
    alike = nearly_met(asked.cast(pl.String), near)
    return (
        alike
        if seen is None
        else pl.concat([seen.select(pl.col("item", "annotator").cast(pl.String)), alike])
    )


def _few(items: Sequence[str], needed: Sequence[int], wanted: int) -> list[str]:
    notes = []
    for people in sorted({n for n in needed if n < wanted}, reverse=True):
        names = [item for item, n in zip(items, needed, strict=True) if n == people]
        asked = f"asked of {people}, not {wanted}" if people else "asked of nobody"
        notes.append(
            f"{len(names)} item{'s are' if len(names) > 1 else ' is'} {asked}, for the others have met them: {some(names)}"
        )
    return notes


def _bare(assignments: pl.DataFrame, suggestions: pl.DataFrame | None) -> list[str]:
    """Say where having no suggestion gives checks away."""
    if suggestions is None:
        return []
    bare = assignments.filter(pl.col("check") & pl.col("suggestion").is_null())["item"].n_unique()
    if not bare:
        return []
    return [
        f"{bare} check{'s have' if bare > 1 else ' has'} no suggestion, and may be known by it: suggest labels for checks too"
    ]


def _wanted(checks: pl.DataFrame | None, settings: BatchSettings) -> int:
    """Return how many checks each person should have."""
    if checks is None:
        return 0
    if settings.checks is not None:
        return settings.checks
    power = settings.power
    if not _is_held(settings):
        power["history"] = None
    return checks_needed(settings.caught, **power)


def _sentence(numbers: Sequence[int], settings: BatchSettings) -> str:
    """Say what the person with the fewest checks can be caught at."""
    if not numbers or not max(numbers):
        return "no checks are hidden in this batch: a bad day can not be seen"
    if not min(numbers):
        return "there are people without any hidden check: a bad day of theirs can not be seen"
    if settings.floor is None and not _is_held(settings):
        few = f"{settings.history} are too few" if settings.history else "none are there"
        later = power_sentence(min(numbers), **settings.power | {"history": None})
        return f"this batch can't fail, for it takes {LEAST_HISTORY} earlier checks or a floor, and {few}; later, {later}"
    return power_sentence(min(numbers), **settings.power)


def _is_held(settings: BatchSettings) -> bool:
    return settings.history is None or settings.history >= LEAST_HISTORY
