"""What the gold room does for audits: rows that were drawn go out to people, and come back as gold of role audit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from weaklabel.errors import GoldError, did_you_mean, some
from weaklabel.gold.asking.batches import DRAWN, Plan, plan_batch
from weaklabel.gold.gold_set.proposing import proposed
from weaklabel.gold.gold_set.standard import GoldSet
from weaklabel.gold.ledger import records
from weaklabel.gold.ledger.log import Log
from weaklabel.gold.room import Room

JUDGED = ("checked", "reviewed", "released")
"""States of a batch whose people have been judged: only then its answers count in an audit."""
AFTERWARDS = ("calibrate", "training")
"""Roles that gold of an audit may be handed on to, once the audit is closed."""

_OTHERWISE = ~pl.col("role").is_in(["audit", "removed"])


@dataclass(frozen=True)
class Answers:
    """What is known of the rows of a batch that an audit drew; made by `audit_answers`.

    Parameters
    ----------
    frame
        `id`, `label` (null: none of the labels) and `role` of the rows that are decided.
    drawn
        Rows that were drawn.
    state
        State of the batch.
    judged
        Whether its people have been judged, so that their answers count.
    waiting
        Rows on which people don't agree, and no expert has decided yet.

    Examples
    --------
    >>> Answers(pl.DataFrame({"id": ["a"], "label": ["spam"], "role": ["audit"]}), 2, "checked", True, ()).missing
    1
    """

    frame: pl.DataFrame
    drawn: int
    state: str
    judged: bool
    waiting: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Number of rows without a decision."""
        return self.drawn - self.frame.height


def open_audit(room: Room, audit: str, drawn: pl.DataFrame, *, mark: str) -> Plan:
    """Open an audit: its draw, its batch with hidden checks, and who is asked about what, in one transaction.

    People never see the labels that are judged. Rows that are gold of an earlier audit are not asked again.

    Parameters
    ----------
    room
        The gold room.
    audit
        Name of the audit, and of its batch. Further steps of an audit are opened in the same way, with names of their
        own.
    drawn
        The rows, columns of `weaklabel.gold.sampling.DRAW`, inclusion known.
    mark
        Fingerprint of the audit's plan; it stands in the batch's first record.

    Raises
    ------
    GoldError
        There is such an audit or batch already, a probability of inclusion is unknown, or a row is gold of another
        role. Nothing is recorded then.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.gold.ledger.ledger import Ledger
    >>> from weaklabel.gold.rules import Rules
    >>> from weaklabel.gold.sampling import draw
    >>> from weaklabel.schema import LabelSchema
    >>> folder = tempfile.TemporaryDirectory()
    >>> room = Room(Ledger.open(f"{folder.name}/ledger.db"), "mail", LabelSchema(["ham", "spam"]),
    ...             Rules(people={"ann": 1, "bob": 1, "cid": 1}))
    >>> rows = pl.DataFrame({"id": ["a", "b", "c", "d"]})
    >>> plan = open_audit(room, "may", draw(rows, 2, seed=1, purpose="audit may").frame, mark="p1")
    >>> plan.draws["inclusion"].to_list(), room.batches()["batch"].to_list(), audit_states(room)
    ([0.5, 0.5], ['may'], {'may': 'open'})
    >>> folder.cleanup()
    """
    _known_inclusion(drawn)
    with room._deciding() as log:
        there = records.current("audit", log.records("audit", task=room.task))
        if audit in there["audit"]:
            raise GoldError(f"there is an audit {audit!r} already", hint="name the new one otherwise")
        gold = room._set(log)
        known = gold.items.filter(pl.col("item").is_in(drawn["id"].implode()))
        _only_audit(gold, drawn["id"])
        asked = drawn.filter(~pl.col("id").is_in(known["item"].implode()))
        plan = _plan(room, log, audit, asked) if asked.height else _nothing_asked(audit)
        settings = {**json.loads(plan.settings), "audit": mark}
        plan = replace(plan, draws=_draws(audit, drawn), settings=json.dumps(settings))
        log.record("audit", _state(audit, "open"), task=room.task)
        room._record_plan(log, plan, "production")
    return plan


def audit_states(room: Room) -> dict[str, str]:
    """Return the state of each audit and of each further step, "open" or "closed", by name."""
    found = records.current("audit", room.ledger.records("audit", task=room.task))
    return dict(found.select("audit", "state").iter_rows())


def audit_mark(room: Room, audit: str) -> str | None:
    """Return the fingerprint of the plan that a batch was opened with; None where there is no such batch."""
    mine = room.batches().filter(pl.col("batch") == audit)
    if not mine.height:
        return None
    return json.loads(mine["settings"][0] or "{}").get("audit")


def audit_answers(room: Room, audit: str) -> Answers:
    """Return the decisions on the rows of a batch that an audit drew, and keep them as gold of role audit.

    A row is decided where people agree, or where an expert has settled it; see `Room.settle`. As long as the batch
    is not judged, only what was known before counts. Of a closed audit nothing is decided any more.

    Parameters
    ----------
    room
        The gold room.
    audit
        Name of the batch.

    Raises
    ------
    GoldError
        There is no such audit.
    """
    states = audit_states(room)
    if audit not in states:
        raise GoldError(f"no audit {audit!r}", available=states, hint=did_you_mean(audit, states))
    drawn = room.ledger.records("draw", task=room.task).filter(pl.col("batch") == audit)
    asked = room.ledger.records("assignment", task=room.task)
    mine = asked.filter((pl.col("batch") == audit) & ~pl.col("check"))["item"].unique()
    state = room.batches().filter(pl.col("batch") == audit)["state"][0]
    judged = not mine.len() or state in JUDGED
    doubtful: list[str] = []
    if judged and mine.len():
        found = room.consensus(audit, record=False)
        settled = found.settled.filter(pl.col("item").is_in(mine.implode()))
        if states[audit] == "open":
            _keep(room, settled, drawn)
        doubtful = sorted(set(mine) - set(settled["item"]))
    gold = room.gold().items.filter(pl.col("item").is_in(drawn["item"].implode()))
    by_people = pl.col("item").is_in(pl.Series(mine if not judged else doubtful, dtype=pl.String).implode())
    open_ = by_people & (pl.col("experts").list.len() == 0)
    rows = gold.filter(~open_) if states[audit] == "open" else gold
    frame = rows.select(id="item", label=pl.col("labels").list.first(), role="role").sort("id")
    left = sorted(set(doubtful) - set(frame["id"])) if states[audit] == "open" else []
    return Answers(frame, drawn["item"].n_unique(), state, judged, tuple(left))


@dataclass(frozen=True)
class Closed:
    """What became of the gold of an audit; made by `close_audit`.

    Parameters
    ----------
    handed_on
        Items that have another role from now on.
    held
        Items that stay gold of role audit, because audits that are still open have drawn them too.
    by
        Names of these audits.

    Examples
    --------
    >>> Closed(3, 0, ()).handed_on
    3
    """

    handed_on: int
    held: int
    by: tuple[str, ...]


def close_audit(room: Room, audits: Sequence[str], *, hand_on: str | None = None) -> Closed:
    """Close an audit with all its steps; hand its gold on, if wanted. What is closed already may be handed on later.

    Parameters
    ----------
    room
        The gold room.
    audits
        Names of its steps.
    hand_on
        "calibrate" or "training": the role that its gold has from now on. None: it stays gold of role audit, which
        may be handed on later and helps later audits.

    Raises
    ------
    GoldError
        A step is not there, or gold of an audit can't have that role; nothing is recorded then.
    """
    if hand_on is not None and hand_on not in AFTERWARDS:
        raise GoldError(f"gold of an audit can't be handed on to {hand_on!r}", available=AFTERWARDS)
    with room._deciding() as log:
        known = records.current("audit", log.records("audit", task=room.task))
        states = dict(known.select("audit", "state").iter_rows())
        for audit in audits:
            if audit not in states:
                raise GoldError(f"no audit {audit!r}", available=states, hint=did_you_mean(audit, states))
            if states[audit] == "open":
                log.record("audit", _state(audit, "closed"), task=room.task)
        return Closed(0, 0, ()) if hand_on is None else _handed_on(room, log, audits, hand_on)


def _handed_on(room: Room, log: Log, audits: Sequence[str], role: str) -> Closed:
    gold, drawn = room._set(log), log.records("draw", task=room.task)
    known = records.current("audit", log.records("audit", task=room.task))
    opened = known.filter(pl.col("state") == "open")["audit"]
    mine = drawn.filter(pl.col("batch").is_in(list(audits)))["item"].unique()
    others = drawn.filter(pl.col("batch").is_in(opened.implode()) & pl.col("item").is_in(mine.implode()))
    rows = gold.role("audit").filter(pl.col("item").is_in(mine.implode()))
    held = rows.filter(pl.col("item").is_in(others["item"].implode()))
    free = rows.filter(~pl.col("item").is_in(held["item"].implode()))
    if free.height:
        proposal = proposed(
            free.select("item", role=pl.lit(role)),
            gold,
            audits=log.records("audit", task=room.task),
            drawn=drawn,
            place=f"audit {audits[0]!r}",
        )
        log.record("gold", proposal.frame, task=room.task, erased="skip")
        note = f"audit {audits[0]} handed on to {role}"
        log.record("version", room._set(log).next_version(note), task=room.task)
    return Closed(free.height, held.height, tuple(others["batch"].unique().sort()))


def known_otherwise(gold: GoldSet) -> pl.Series:
    """Return the items that are gold of another role than audit, or ever were: no audit can take them.

    Examples
    --------
    >>> from weaklabel.gold.gold_set.standard import gold_set
    >>> from weaklabel.schema import LabelSchema
    >>> said = pl.DataFrame({"item": ["a", "b"], "labels": [["spam"], ["spam"]], "role": ["check", "audit"],
    ...                      "origin": ["expert", "random"], "inclusion": [None, 0.5]})
    >>> known_otherwise(gold_set(said, schema=LabelSchema(["ham", "spam"]))).to_list()
    ['a']
    """
    return gold.history.filter(_OTHERWISE)["item"].unique().sort()


def earlier_gold(room: Room, *, but: Sequence[str] = ()) -> pl.DataFrame:
    """Return `id` and `label` of gold of role audit, which later audits may learn from; `but` these items."""
    items = room.gold().role("audit").filter(~pl.col("item").is_in(list(but)))
    return items.select(id="item", label=pl.col("labels").list.first()).sort("id")


def _known_inclusion(drawn: pl.DataFrame) -> None:
    unknown = drawn.filter(pl.col("inclusion").is_null())["id"]
    if unknown.len():
        raise GoldError(
            f"nobody knows with which probability {unknown.len()} rows came into the sample: {some(unknown)}",
            hint="rows that were picked by hand can't carry an estimate: draw them",
        )


def _only_audit(gold: GoldSet, drawn: pl.Series) -> None:
    other = gold.history.filter(_OTHERWISE & pl.col("item").is_in(drawn.implode()))
    if other.height:
        items = other["item"].unique().sort()
        raise GoldError(
            f"{items.len()} drawn rows are or were gold of role {some(other['role'].unique().sort())}: {some(items)}",
            hint="an audit is of rows that neither people nor the label model know as gold: leave them out before "
            "drawing",
        )


def _plan(room: Room, log: Log, audit: str, asked: pl.DataFrame) -> Plan:
    gold = room._set(log)
    hidden = gold.role("check")
    near = room._near(log, hidden["item"], asked["id"])
    # that a person met a row in an earlier batch is no reason to leave it out: nobody there knew what is right
    seen = room._seen(log, near).filter(~pl.col("item").is_in(asked["id"].implode()))
    return plan_batch(
        asked,
        room._weighted(log, gold),
        batch=audit,
        seed=room.seed,
        checks=hidden,
        seen=seen,
        settings=room._settings(log, gold),
        near=near,
    )


def _nothing_asked(audit: str) -> Plan:
    return Plan(
        audit,
        pl.DataFrame(schema=DRAWN),
        pl.DataFrame(schema=records.KINDS["assignment"]),
        "{}",
        ("all rows that were drawn are gold of earlier audits: nobody is asked",),
        "no checks are hidden in this batch: nobody is asked",
    )


def _draws(audit: str, drawn: pl.DataFrame) -> pl.DataFrame:
    rows = drawn.rename({"id": "item"}).with_columns(
        pl.lit(audit, dtype=pl.String).alias("batch"), pl.col("stratum").replace("", None)
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in DRAWN.items()).sort("order", "item")


def _state(audit: str, state: str) -> pl.DataFrame:
    return pl.DataFrame([(audit, state)], schema=records.KINDS["audit"], orient="row")


def _keep(room: Room, settled: pl.DataFrame, drawn: pl.DataFrame) -> None:
    """Record what people agree on as gold of role audit; what an expert has decided stays."""
    new = settled.join(drawn.select("item", "inclusion"), on="item", how="inner").select(
        "item",
        labels=pl.concat_list(pl.col("label")).list.drop_nulls(),
        role=pl.lit("audit"),
        origin=pl.lit("random"),
        inclusion="inclusion",
    )
    with room._deciding() as log:
        gold = room._set(log)
        decided = gold.items.filter((pl.col("experts").list.len() > 0) | (pl.col("role") != "audit"))["item"]
        new = new.filter(~pl.col("item").is_in(decided.implode()))
        if not new.height:
            return
        proposal = proposed(
            new,
            gold,
            audits=log.records("audit", task=room.task),
            drawn=log.records("draw", task=room.task),
            place="what people agree on",
        )
        if proposal.frame.height:
            log.record("gold", proposal.frame, task=room.task, erased="skip")
            note = f"answers of the audit {drawn['batch'][0]}"
            log.record("version", room._set(log).next_version(note), task=room.task)
