"""Audits: drawn and fixed before anybody answers, asked of people through the gold room, and closed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from weaklabel.audit.strata import LEAST_OLDER
from weaklabel.audit.tolerances import Tolerance
from weaklabel.errors import GoldError, some
from weaklabel.gold.asking.batches import Plan as Sheet
from weaklabel.gold.auditing import (
    Answers,
    Closed,
    audit_answers,
    audit_mark,
    audit_states,
    close_audit,
    earlier_gold,
    open_audit,
)
from weaklabel.gold.sampling import DRAW
from weaklabel.pipeline.audits.files import (
    AuditPlan,
    Kept,
    add_draw,
    alone,
    audit_names,
    audits_folder,
    check_name,
    ended_by_erasure,
    read_audit,
    step_names,
    write_audit,
)
from weaklabel.pipeline.audits.methods import (
    MAKERS,
    PART,
    PHASE,
    PILOT,
    STEP,
    TEST,
    Start,
    Wish,
    check_wish,
    further_draw,
    parts_of,
    pilots_only,
    second_draw,
    watch_of,
)
from weaklabel.pipeline.audits.rows import (
    WEEK,
    Judged,
    find_run,
    rows_of_file,
    rows_of_run,
    with_parts,
    without_gold,
)
from weaklabel.pipeline.audits.table import judged_version, version_of_word
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.label_places import open_label_table
from weaklabel.settings import Config


@dataclass(frozen=True)
class AuditSettings:
    """What a task's labels are for, and what is tolerated of them.

    Parameters
    ----------
    owner, purpose
        Who answers for the labels, and what they are used for.
    error
        Share of wrong labels that is tolerated in what is used; None: not said.
    confidence
        Of intervals and certificates.
    classes, slices
        The error tolerated among rows with a label, and in a slice.

    Examples
    --------
    >>> AuditSettings(error=0.05, classes={"spam": 0.01}).tolerance.parts()
    {'': 0.05, "label 'spam'": 0.01}
    """

    owner: str = ""
    purpose: str = ""
    error: float | None = None
    confidence: float = 0.95
    classes: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, float] = field(default_factory=dict)

    @property
    def tolerance(self) -> Tolerance:
        """The error tolerated, overall and in parts."""
        return Tolerance(self.error, dict(self.classes), dict(self.slices))


def settings_of(config: Config) -> AuditSettings:
    """Return what the configuration says of audits.

    Examples
    --------
    >>> settings_of(Config()).confidence
    0.95
    """
    return AuditSettings(**{name: getattr(config.audit, name) for name in AuditSettings.__dataclass_fields__})


@dataclass(frozen=True)
class Asked:
    """What goes out to people: made by `draw_audit` and `next_step`.

    Parameters
    ----------
    plan
        What was fixed.
    drawn
        Rows that are drawn now.
    sheet
        The batch that people get; None: nothing was recorded.
    sentences, notes
        What it can show, and what to know.

    Examples
    --------
    >>> Asked(AuditPlan("may", "mail", "figures", {}, {}, {}, "p", 1), pl.DataFrame(), None, ("200 labels",)).batch
    'may'
    """

    plan: AuditPlan
    drawn: pl.DataFrame
    sheet: Sheet | None
    sentences: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def batch(self) -> str:
        """Name of the batch."""
        return self.plan.name if self.sheet is None else self.sheet.batch

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "audit": self.plan.name,
            "batch": self.batch,
            "method": self.plan.method,
            "of": self.plan.told,
            "rows": self.drawn["id"].n_unique() if self.drawn.height else 0,
            "recorded": self.sheet is not None,
            "plan": None if self.sheet is None else self.plan.fingerprint,
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "loads": [] if self.sheet is None else self.sheet.loads.to_dicts(),
            "checks": None if self.sheet is None else self.sheet.sentence,
        }


def draw_audit(
    desk: Desk, name: str, wish: Wish, *, dry: bool = False, but: pl.DataFrame | None = None
) -> Asked:
    """Fix an audit and draw its rows; unless `dry`, write its folder and send the rows to people as a batch.

    Parameters
    ----------
    desk
        The task's gold room.
    name
        Name of the audit, and of its batch.
    wish
        What it is to be.
    dry
        Only say what it would be.
    but
        `id` and `label` of labels that are not judged, because they were before; None: all are.

    Raises
    ------
    GoldError
        The audit is there already, or what is wished for can't be.
    """
    check_name(name)
    check_wish(wish)
    if name in audit_states(desk.room):
        raise GoldError(f"there is an audit {name!r} already", hint="name the new one otherwise")
    settings, seed = settings_of(desk.config), desk.room._seed(f"audit {name}")
    older = earlier_gold(desk.room)
    judged = _judged(desk, wish, learns=wish.method != "figures" or older.height >= LEAST_OLDER)
    wanted = judged.rows if but is None else judged.rows.join(but, on=["id", "label"], how="anti")
    rows, gold = without_gold(with_parts(wanted, desk, wish.by), desk)
    older = older.filter(pl.col("id").is_in(rows["id"].implode()))
    notes = _left_out(judged, gold)
    if wanted.height < judged.rows.height:
        notes += (
            f"{judged.rows.height - wanted.height} labels are left out: an earlier check was drawn from them",
        )
    over = _windows(desk, wish, rows)
    said = {"metadata": dict(judged.said)} if judged.said else {}
    confidence = settings.confidence if wish.confidence is None else wish.confidence
    tolerance = settings.tolerance if wish.tolerance is None else wish.tolerance
    made = MAKERS[wish.method](Start(name, wish, rows, older, seed, confidence, tolerance))
    fixed = AuditPlan(
        name=name,
        task=desk.room.task,
        method=wish.method,
        source=judged.source,
        names=judged.names,
        options={"confidence": confidence, "by": list(wish.by), **over, **said, **made.options},
        population="",
        seed=seed,
        owner=settings.owner,
        purpose=settings.purpose,
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        sentences=made.sentences,
        notes=notes,
    )
    if dry:
        return Asked(fixed, made.drawn, None, made.sentences, notes)
    with alone(desk.project):
        fixed = write_audit(desk.project, fixed, rows, made.drawn, made.older)
        sheet = open_audit(desk.room, name, union(made.drawn), mark=fixed.fingerprint)
    return Asked(fixed, made.drawn, sheet, made.sentences, (*notes, *sheet.notes))


def open_kept(desk: Desk, name: str) -> Kept:
    """Read an audit, and say so where it is not what was fixed.

    Raises
    ------
    GoldError
        There is no such audit; its plan, rows or draw have been changed; it is of another task.
    """
    kept = read_audit(desk.project, name, mark=audit_mark(desk.room, name))
    known = desk.room.ledger.records("draw", task=desk.room.task)
    opened = audit_states(desk.room)
    steps = [s for s, batch in enumerate(step_names(name, len(kept.steps)), 1) if batch in opened]
    kept = replace(kept, drawn=kept.drawn.filter(pl.col(STEP).is_in(steps)))
    for step in steps:
        batch = step_names(name, step)[-1]
        there = set(known.filter(pl.col("batch") == batch)["item"])
        if set(kept.of_step(step)["id"]) != there:
            raise GoldError(
                f"the rows of {batch!r} are not those that were drawn before anybody answered",
                where=str(kept.folder),
                hint="put the file back, or draw another audit",
            )
    return kept


def answers_of(desk: Desk, kept: Kept) -> dict[str, Answers]:
    """Return what is decided of the rows of each step, by the name of its batch."""
    return {batch: audit_answers(desk.room, batch) for batch in kept.steps}


def decided(answers: Mapping[str, Answers]) -> pl.DataFrame:
    """Return `id`, `label` and `role` of all rows that are decided."""
    return pl.concat([found.frame for found in answers.values()]).unique("id", keep="last").sort("id")


def next_step(desk: Desk, name: str, *, size: int | None = None) -> Asked | None:
    """Draw what an audit asks for next; None: nothing more is to be asked.

    Parameters
    ----------
    desk
        The task's gold room.
    name
        The audit.
    size
        Further labels of an audit that may be looked at at any time; None: as many as it is thought to take.

    Raises
    ------
    GoldError
        The design is fixed, the audit is closed, or answers are missing that decide what is asked next.
    """
    with alone(desk.project):
        kept = open_kept(desk, name)
        if audit_states(desk.room)[name] == "closed":
            raise GoldError(f"audit {name!r} is closed", hint="draw another one")
        if kept.plan.method == "figures":
            raise GoldError(
                f"audit {name!r} has a fixed design: it takes no rows beyond the {kept.drawn.height} that it drew",
                hint="rows that are added once answers were seen would bias it; "
                "draw another audit and show both (--with), or one that may be looked at: --for watch",
            )
        answers = answers_of(desk, kept)
        if kept.plan.method == "watch":
            found = further_draw(kept, decided(answers), size)
        else:
            if pilots_only(kept) and size is None:
                need_all(answers, kept)
            found = second_draw(kept, decided(answers), size)
        if found is None:
            return None
        drawn, sentences = found
        step = len(kept.steps) + 1
        drawn = drawn.with_columns(pl.lit(step, dtype=pl.Int64).alias(STEP))
        add_draw(kept, drawn)
        batch = step_names(name, step)[-1]
        sheet = open_audit(desk.room, batch, union(drawn), mark=kept.plan.fingerprint)
    return Asked(kept.plan, drawn, sheet, sentences, sheet.notes)


def close(desk: Desk, name: str, *, hand_on: str | None = None) -> Closed:
    """Close an audit; see `weaklabel.gold.auditing.close_audit`."""
    return close_audit(desk.room, open_kept(desk, name).steps, hand_on=hand_on)


def status(desk: Desk) -> list[dict[str, Any]]:
    """Return where each audit of the task stands, as plain data, and what to do next."""
    states, found = audit_states(desk.room), []
    for name in audit_names(desk.project):
        ended = ended_by_erasure(audits_folder(desk.project) / name)
        if ended:
            found.append(_ended(name, ended))
        if name not in states or ended:
            continue
        kept = open_kept(desk, name)
        if kept.plan.task != desk.room.task:
            continue
        answers = answers_of(desk, kept)
        drawn = sum(a.drawn for a in answers.values())
        missing = sum(a.missing for a in answers.values())
        found.append(
            {
                "audit": name,
                "for": kept.plan.method,
                "of": kept.plan.told,
                "state": states[name],
                "drawn": drawn,
                "decided": drawn - missing,
                "looks": len(kept.looks),
                "next": "" if states[name] == "closed" else after(kept, answers),
            }
        )
    return found


def _ended(name: str, ended: str) -> dict[str, Any]:
    none = {"for": "", "of": "", "drawn": 0, "decided": 0, "looks": 0, "next": ""}
    return {"audit": name, "state": ended, **none}


def after(kept: Kept, answers: Mapping[str, Answers]) -> str:
    """Return what is done next for an open audit."""
    for batch, found in answers.items():
        if not found.judged:
            return f"{batch} is {found.state}: its answers count once it is back and judged (weaklabel gold judge {batch})"
        if found.waiting:
            return (
                f"{len(found.waiting)} of {batch} wait for an expert: weaklabel gold consensus {batch}, "
                f"weaklabel gold queue --write queue.csv, weaklabel gold settle queue.csv --batch {batch}"
            )
    name = kept.plan.name
    if kept.plan.method == "watch":
        return f"weaklabel audit watch {name}"
    if kept.plan.method == "certificate":
        if any(look["what"] == "certificate" for look in kept.looks):
            return f"weaklabel audit verify {name}; weaklabel audit close {name}, once nothing more is asked of it"
        tested = TEST in kept.drawn[PHASE].to_list() and not pilots_only(kept)
        return f"weaklabel audit {'certify' if tested else 'next'} {name}"
    return f"weaklabel audit show {name}"


def union(drawn: pl.DataFrame) -> pl.DataFrame:
    """Return the draws of several parts as one, each row with its probability of being in any of them.

    Examples
    --------
    >>> row = {"id": "a", "design": "simple", "stratum": "", "inclusion": 0.5, "purpose": "p", "order": 0}
    >>> union(pl.DataFrame([row, {**row, "purpose": "q"}]))["inclusion"].to_list()
    [0.75]
    """
    many = pl.len() > 1
    found = drawn.group_by("id").agg(
        pl.when(many).then(pl.lit("several")).otherwise(pl.col("design").first()).alias("design"),
        pl.col("stratum").unique().sort().str.join("; ").alias("stratum"),
        (1 - (1 - pl.col("inclusion")).product()).clip(0, 1).alias("together"),
        pl.col("inclusion").first(),
        pl.col("purpose").unique().sort().str.join("; ").alias("purpose"),
        pl.len().alias("times"),
        pl.col("order").min(),
    )
    one = pl.when(pl.col("times") > 1).then("together").otherwise("inclusion").alias("inclusion")
    ordered = found.with_columns(one).sort("order", "id")
    return ordered.with_columns(order=pl.int_range(pl.len(), dtype=pl.Int64)).select(
        pl.col(name).cast(kind) for name, kind in DRAW.items()
    )


def need_all(answers: Mapping[str, Answers], kept: Kept) -> None:
    """Raise unless every row that was drawn is decided, and say what is to be done."""
    missing = sum(found.missing for found in answers.values())
    if missing:
        drawn = sum(found.drawn for found in answers.values())
        raise GoldError(
            f"{missing} of {drawn} rows of audit {kept.plan.name!r} are not decided yet",
            hint=after(kept, answers),
        )


def _judged(desk: Desk, wish: Wish, *, learns: bool) -> Judged:
    if wish.predictions is not None:
        judged = rows_of_file(wish.predictions, desk.project, every=wish.every)
        strange = sorted(set(judged.rows["label"]) - set(desk.room.schema.names))
        if strange:
            raise GoldError(
                f"{len(strange)} labels of {wish.predictions} are not labels of the task: {some(strange)}",
                available=desk.room.schema.names,
            )
        return judged
    if wish.version is not None:
        version = version_of_word(open_label_table(desk.config, desk.project), wish.version)
        classes = desk.room.schema.names if learns else None
        return judged_version(desk.config, desk.project, version, votes=classes)
    folder = find_run(desk.project, desk.room.task, wish.run)
    return rows_of_run(folder, votes=desk.room.schema.names if learns else None)


def _windows(desk: Desk, wish: Wish, rows: pl.DataFrame) -> dict[str, Any]:
    """Return what is fixed of windows of time; nothing where no times are known."""
    every = wish.every or WEEK
    if wish.predictions is None or every not in rows.columns:
        if wish.after is not None:
            raise GoldError(
                f"{wish.predictions} has no times", hint="give it a column time, or leave --after out"
            )
        return {}
    if wish.after is not None:
        earlier = open_kept(desk, wish.after).plan
        if earlier.method != "figures" or earlier.every != every:
            kind = f"is for a {earlier.method}" if earlier.method != "figures" else f"is not by {every}"
            raise GoldError(f"audit {wish.after!r} {kind}: its windows can't be shown with these")
    return {"every": every, **({} if wish.after is None else {"after": wish.after})}


def _left_out(judged: Judged, gold: int) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if judged.unlabeled:
        notes += (f"{judged.unlabeled} rows without a label are not part of the audit",)
    if gold:
        notes += (
            f"{gold} rows that are or were gold of another role are not part of the audit: figures are of the others",
        )
    return notes


__all__ = [
    "PART",
    "PHASE",
    "PILOT",
    "STEP",
    "TEST",
    "Asked",
    "AuditSettings",
    "Wish",
    "after",
    "answers_of",
    "close",
    "decided",
    "draw_audit",
    "need_all",
    "next_step",
    "open_kept",
    "parts_of",
    "settings_of",
    "status",
    "union",
    "watch_of",
]
