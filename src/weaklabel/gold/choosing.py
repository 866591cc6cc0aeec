"""What the gold room does for rows that were chosen elsewhere: they go out to people as a batch."""

from __future__ import annotations

import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.gold.asking.batches import Plan, plan_batch
from weaklabel.gold.room import Room
from weaklabel.gold.sampling import DRAW


def taken(room: Room) -> set[str]:
    """Return the items that are gold, or that went out in an earlier batch: nobody need be asked about them again.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.gold.ledger.ledger import Ledger
    >>> from weaklabel.gold.rules import Rules
    >>> from weaklabel.schema import LabelSchema
    >>> folder = tempfile.TemporaryDirectory()
    >>> ledger = Ledger.open(f"{folder.name}/ledger.db")
    >>> room = Room(ledger, "mail", LabelSchema(["ham", "spam"]), Rules(people={"ann": 1, "bob": 1, "cid": 1}))
    >>> taken(room)
    set()
    >>> rows = [("a", "poisson", "", 0.5, "selection", 0)]
    >>> plan = open_chosen(room, "may", pl.DataFrame(rows, schema=DRAW, orient="row"))
    >>> taken(room), plan.draws["inclusion"].to_list()
    ({'a'}, [0.5])
    >>> folder.cleanup()
    """
    drawn = room.ledger.records("draw", task=room.task)["item"].to_list()
    return {*drawn, *room.gold().items["item"].to_list()}


def open_chosen(
    room: Room, batch: str, drawn: pl.DataFrame, *, suggestions: pl.DataFrame | None = None
) -> Plan:
    """Open a batch of chosen rows, with hidden checks among them and who is asked about what, in one transaction.

    Parameters
    ----------
    room
        The gold room.
    batch
        Its name.
    drawn
        The rows, columns of `weaklabel.gold.sampling.DRAW`; inclusion is null where a row was picked and not drawn.
    suggestions
        What people see as a suggestion: `item` and `suggestion`. None: nothing.

    Raises
    ------
    GoldError
        There is such a batch already, or rows are gold or in an earlier batch. Nothing is recorded then.
    """
    if not drawn.height:
        raise GoldError("no row was chosen: there is nothing to ask people about")
    with room._deciding() as log:
        gold = room._set(log)
        there = {*log.records("draw", task=room.task)["item"], *gold.items["item"]}
        again = drawn.filter(pl.col("id").is_in(list(there)))["id"].sort()
        if again.len():
            raise GoldError(
                f"{again.len()} of {drawn.height} rows are gold or in earlier batches: {some(again)}",
                hint="choose among the rows that are left",
            )
        hidden = gold.role("check")
        near = room._near(log, hidden["item"], drawn["id"])
        plan = plan_batch(
            drawn.select(DRAW.keys()),
            room._weighted(log, gold),
            batch=batch,
            seed=room.seed,
            checks=hidden,
            seen=room._seen(log, near),
            suggestions=suggestions,
            settings=room._settings(log, gold),
            near=near,
        )
        room._record_plan(log, plan, "production")
    return plan
