"""What may become of the gold set: one role an item, near duplicates together, and no way back from a role.

| from | may go to |
|---|---|
| shown | nothing: who reads the guideline has seen it |
| training, check | shown: people have seen it |
| calibrate | training, check, shown; never audit, as labels were made with it |
| audit | calibrate, training, once its audit is closed |

Anything may be removed, and come back to what it was or where that may go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from weaklabel.errors import GoldError, Problems, WeakLabelError, did_you_mean, some
from weaklabel.gold.gold_set.seen import regrouped
from weaklabel.gold.gold_set.standard import GoldSet, by_name, still_mistaken
from weaklabel.gold.ledger import records
from weaklabel.gold.ledger.records import KINDS, ROLES

MOVES: dict[str, tuple[str, ...]] = {
    "shown": (),
    "training": ("shown",),
    "check": ("shown",),
    "calibrate": ("shown", "training", "check"),
    "audit": ("calibrate", "training"),
}
"""Where an item of a role may go; from `audit` only once its audit is closed."""

_WHY = {
    "shown": "it was printed in the guideline, so nobody can be tested on it",
    "training": "people were trained on it, so they have seen it",
    "check": "people were tested on it, so they have seen it",
    "calibrate": "it may have reached the label model",
    "audit": "what an audit measured is handed on to these only",
}
_MOST = 20


@dataclass(frozen=True, eq=False)
class Proposal:
    """Gold records that may be recorded; made by `proposed`.

    Parameters
    ----------
    frame
        Columns of gold records: what is new or changes, sorted by item.
    notes
        What a reader should know, in sentences.

    Examples
    --------
    >>> Proposal(pl.DataFrame(schema=KINDS["gold"]), ()).frame.height
    0
    """

    frame: pl.DataFrame
    notes: tuple[str, ...]


def proposed(
    new: pl.DataFrame,
    current: GoldSet,
    *,
    groups: pl.DataFrame | None = None,
    audits: pl.DataFrame | None = None,
    drawn: pl.DataFrame | None = None,
    seen: pl.DataFrame | None = None,
    place: str = "the proposed gold",
) -> Proposal:
    """Return what to record so that the gold set changes as is wanted, or say why it may not.

    Parameters
    ----------
    new
        Items that are new, or what changes of those that are there: item and any columns of gold records. What is
        left out or null stays as it is; a role of ``removed`` takes an item out.
    current
        The gold set as it is.
    groups
        item, group: near duplicates among all of them, as `weaklabel.gold.gold_set.seen.near_groups` finds them.
    audits
        The audit records.
    drawn
        The draw records: an audit's items are those of the batch of its name. An item of role audit that is in none
        of them belongs to all audits.
    seen
        item, annotator: what people have seen; only for a note on tests that nobody could take.
    place
        What `new` is called in messages.

    Returns
    -------
    Proposal
        Its frame holds only what changes, so that the same proposal made again is empty; also items that are there
        and now have near duplicates.

    Raises
    ------
    GoldError
        A role that an item may not have, with the item, the role, the reason and what is allowed.
    Problems
        Several of these, or rows that are no gold records.

    Examples
    --------
    >>> from weaklabel.gold.gold_set.standard import gold_set
    >>> from weaklabel.schema import LabelSchema
    >>> there = pl.DataFrame({"item": ["a"], "labels": [["spam"]], "role": ["shown"], "origin": ["expert"]})
    >>> now = gold_set(there, schema=LabelSchema(["ham", "spam"]))
    >>> proposed(pl.DataFrame({"item": ["a"], "role": ["check"]}), now)
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: item 'a' can't go from shown to check: it was printed in the guideline, so nobody can be tested on it
      where: the proposed gold
      hint: it may be shown or removed
    """
    last = records.current("gold", current.history)
    _must_be_there(new, last, place)
    rows = records.check_records("gold", _completed(new, last), task="", place=place)
    if "counter" not in new.columns:
        rows = rows.with_columns(still_mistaken(rows, current.schema))
    going, staying = (
        rows.filter(removed) for removed in (pl.col("role") == "removed", pl.col("role") != "removed")
    )
    rows = pl.concat([by_name(staying, current.schema, place=place), going])
    together = _grouped(rows, last, groups)
    changed = _changed(together, last)
    closed = _closed(current.history, audits, drawn)
    problems = [*_origin_problems(changed, last, place), *_role_problems(changed, current, closed, place)]
    problems += _group_problems(changed, together, last, _roles_had(current), closed, place)
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(place, _shortened(problems, place))
    return Proposal(changed.sort("item"), tuple(_notes(changed, together, rows, seen)))


def _must_be_there(new: pl.DataFrame, last: pl.DataFrame, place: str) -> None:
    """Complain of items that are to be removed and were never there."""
    if {"item", "role"} <= set(new.columns) and new["item"].dtype == pl.String == new["role"].dtype:
        strange = new.filter(pl.col("role") == "removed").join(last, on="item", how="anti")["item"]
        if strange.len():
            verb = "item is" if strange.len() == 1 else "items are"
            raise GoldError(
                f"{strange.len()} {verb} to be removed and not in the gold set: {some(strange)}",
                where=place,
                hint=did_you_mean(strange[0], last["item"].head(1000)),
            )


def _completed(new: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with what is there already where they say nothing."""
    if "item" not in new.columns or new["item"].dtype != pl.String:
        return new
    joined = new.join(
        last.select(KINDS["gold"].keys()), on="item", how="left", suffix="__old", maintain_order="left"
    )
    filled = [
        pl.coalesce(name, f"{name}__old").alias(name)
        for name in new.columns
        if f"{name}__old" in joined.columns and new[name].dtype in (pl.Null, KINDS["gold"][name])
    ]
    joined = joined.with_columns(filled).drop([n for n in joined.columns if n.endswith("__old")])
    if "origin" in new.columns and "inclusion" not in new.columns:
        by_dispute = pl.col("origin") == "adjudicated"
        joined = joined.with_columns(inclusion=pl.when(~by_dispute).then("inclusion"))
    needed = [name for name in ("labels", "role", "origin") if name not in new.columns]
    return joined.drop([name for name in needed if joined[name].null_count() == joined.height])


def _grouped(rows: pl.DataFrame, last: pl.DataFrame, groups: pl.DataFrame | None) -> pl.DataFrame:
    """Return the proposed rows, and the items that are there, with the groups that all of them have together."""
    there = last.join(rows, on="item", how="anti").select(KINDS["gold"].keys())
    every = pl.concat([rows, there])
    before = pl.concat([last.select("item", "group"), rows.select("item", "group")])
    return regrouped(every, before, groups)


def _changed(together: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that are not as they are recorded."""
    before = last.select(KINDS["gold"].keys())
    return together.join(before, on=list(KINDS["gold"]), how="anti", nulls_equal=True, maintain_order="left")


def _closed(
    history: pl.DataFrame, audits: pl.DataFrame | None, drawn: pl.DataFrame | None
) -> dict[str, str | None]:
    """Return for each item that was ever audit None when its audit is closed, else why it counts as open."""
    items = history.filter(role="audit").group_by("item").agg(pl.col("number").min())
    none = pl.DataFrame(schema={"audit": pl.String, "state": pl.String, "number": pl.Int64})
    states = records.current("audit", audits) if audits is not None else none
    if "number" not in states.columns:
        states = states.with_columns(number=pl.lit(None, pl.Int64))
    of_audit: dict[str, set[str]] = {}
    names = set(states["audit"])
    for audit, item in drawn.select("batch", "item").unique().iter_rows() if drawn is not None else ():
        if audit in names:
            of_audit.setdefault(item, set()).add(audit)
    known = {
        audit: (state, number)
        for audit, state, number in states.select("audit", "state", "number").iter_rows()
    }
    return {item: _why_open(of_audit.get(item), known, number) for item, number in items.iter_rows()}


def _why_open(
    mine: set[str] | None, known: dict[str, tuple[str, int | None]], since: int | None
) -> str | None:
    """Say why the audit of an item is not closed; without a draw, any audit that closed since it got its role may be it."""
    opened = sorted(audit for audit in (mine or known) if known[audit][0] == "open")
    if opened:
        return f"the audit {opened[0]!r} is open"
    after = [a for a, (_, number) in known.items() if number is None or since is None or number > since]
    return None if mine or after else "no audit was closed since it became audit"


def _origin_problems(changed: pl.DataFrame, last: pl.DataFrame, place: str) -> Iterator[WeakLabelError]:
    """Say which items can't stand for the others: those chosen by disagreement have no known probability."""
    before = last.select("item", was="origin")
    rows = changed.join(before, on="item", how="left", maintain_order="left").filter(
        pl.col("role") != "removed"
    )
    for item, role, origin, inclusion, was in rows.select(
        "item", "role", "origin", "inclusion", "was"
    ).iter_rows():
        chosen = "it was chosen because people disagreed on it"
        if was == "adjudicated" and origin != was:
            yield GoldError(
                f"item {item!r} of role {role} can't become {origin}: {chosen}",
                where=place,
                hint="its origin stays",
            )
        elif role == "audit" and origin == "adjudicated":
            hint = f"it may be {_either(r for r in ROLES if r != 'audit')}"
            yield GoldError(f"item {item!r} can't be audit: {chosen}", where=place, hint=hint)
        elif role == "audit" and inclusion is None:
            yield GoldError(
                f"item {item!r} can't be audit: its probability of inclusion is not known",
                where=place,
                hint="an audit's items are drawn; others may be " + _either(r for r in ROLES if r != "audit"),
            )


def _role_problems(
    changed: pl.DataFrame, current: GoldSet, closed: dict[str, str | None], place: str
) -> Iterator[WeakLabelError]:
    was = _roles_had(current)
    for item, role in changed.select("item", "role").iter_rows():
        if item in was and role != "removed":
            yield from _move(item, was[item], role, closed.get(item), place)


def _move(item: str, was: str, role: str, still_open: str | None, place: str) -> Iterator[WeakLabelError]:
    """Say why an item may not go from one role to another."""
    reason = still_open if was == "audit" and still_open else _WHY[was]
    allowed = () if was == "audit" and still_open else MOVES[was]
    if role != was and role not in allowed:
        yield GoldError(
            f"item {item!r} can't go from {was} to {role}: {reason}",
            where=place,
            hint=f"it may be {_either([was, *allowed, 'removed'])}",
        )


def _group_problems(
    changed: pl.DataFrame,
    together: pl.DataFrame,
    last: pl.DataFrame,
    was: dict[str, str],
    closed: dict[str, str | None],
    place: str,
) -> Iterator[WeakLabelError]:
    """Say which near duplicates would not share one role; those that were removed keep what they stood for."""
    given = changed.filter(pl.col("role") != "removed").join(last, on=["item", "role"], how="anti")
    told: set[frozenset[str]] = set()
    for item, role, other, other_role in _pairs(given, together):
        stood = was.get(other) if other_role == "removed" else other_role
        moved_on = stood is not None and role in MOVES[stood] and not (stood == "audit" and closed.get(other))
        allowed = stood is None or role == stood or (other_role == "removed" and moved_on)
        pair = frozenset((item, other))
        if not allowed and pair not in told:
            told.add(pair)
            gone = other_role == "removed"
            yield GoldError(
                f"item {item!r} can't be {role}: its near duplicate {other!r} {'was' if gone else 'is'} {stood}",
                where=place,
                hint=f"near duplicates share one role: {stood}{'' if gone else ', or remove one of them'}",
            )


def _pairs(some_items: pl.DataFrame, together: pl.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    """Give item, role, and item and role of each of its near duplicates."""
    mine = some_items.select("item", "role", "group").drop_nulls()
    others = together.select("group", other="item", other_role="role").drop_nulls()
    pairs = mine.join(others, on="group").filter(pl.col("item") != pl.col("other")).sort("item", "other")
    return pairs.select("item", "role", "other", "other_role").iter_rows()


def _roles_had(current: GoldSet) -> dict[str, str]:
    """Return the last role of each item before it was removed, if it was."""
    had = current.history.filter(pl.col("role") != "removed").sort("number")
    return dict(had.select("item", "role").iter_rows())


def _notes(
    changed: pl.DataFrame, together: pl.DataFrame, rows: pl.DataFrame, seen: pl.DataFrame | None
) -> Iterator[str]:
    regrouped_only = changed.join(rows, on="item", how="anti").height
    if regrouped_only:
        verb = "item has" if regrouped_only == 1 else "items have"
        yield f"{regrouped_only} {verb} near duplicates that were not known before"
    split = [
        f"{item!r} ({role}) and {other!r} ({other_role})"
        for item, role, other, other_role in _pairs(changed, together)
        if item < other and role != other_role and "removed" not in (role, other_role)
    ]
    if split:
        yield f"near duplicates with two roles, of which one should be removed: {'; '.join(split[:5])}"
    if seen is not None and seen.height:
        people = seen["annotator"].n_unique()
        by_all = (
            seen.group_by("item").agg(pl.col("annotator").n_unique()).filter(pl.col("annotator") == people)
        )
        tests = changed.filter(pl.col("role").is_in(["training", "check"])).join(
            by_all, on="item", how="semi"
        )
        if tests.height:
            verb = (
                "item for training or check was" if tests.height == 1 else "items for training or check were"
            )
            yield f"{tests.height} {verb} seen by all {people} annotators, and can test newcomers only"


def _either(roles: Iterator[str] | list[str]) -> str:
    *first, final = list(roles)
    return f"{', '.join(first)} or {final}" if first else final


def _shortened(problems: list[WeakLabelError], place: str) -> list[WeakLabelError]:
    more = len(problems) - _MOST
    rest: list[WeakLabelError] = [GoldError(f"{more} more of such faults", where=place)] if more > 0 else []
    return problems[:_MOST] + rest
