"""What stands around an audit's figures: certificates, the rules, the people, and drift, each with a line where there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.audit.reference import Comparison, read_reference
from weaklabel.audit.rule_health import Health, rule_health
from weaklabel.errors import GoldError, WeakLabelError
from weaklabel.gold.auditing import audit_states
from weaklabel.gold.trends.found import Sources, Trends
from weaklabel.gold.trends.looking_back import look_back
from weaklabel.pipeline.audits.audit import answers_of, decided, open_kept
from weaklabel.pipeline.audits.certify import verify_audit
from weaklabel.pipeline.audits.drift import Drifted, drift_of_run
from weaklabel.pipeline.audits.drift_files import open_run, reference_place
from weaklabel.pipeline.audits.files import (
    CERTIFICATE,
    PLAN,
    Kept,
    audit_names,
    audits_folder,
    ended_by_erasure,
)
from weaklabel.pipeline.audits.methods import whole_draw
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.task import open_registry


@dataclass(frozen=True)
class CertificateNow:
    """A certificate of the same labels, and whether it holds.

    Parameters
    ----------
    audit
        The audit that made it.
    data
        What its certificate.json holds.
    against
        What it was compared with.
    changed
        What is not as it says any more.

    Examples
    --------
    >>> CertificateNow("safe", {"certificates": []}, "run r1", ()).to_dict()["holds"]
    True
    """

    audit: str
    data: Mapping[str, Any]
    against: str
    changed: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        told = {"audit": self.audit, "holds": not self.changed, "against": self.against}
        return {**told, "changed": list(self.changed), "certificate": dict(self.data)}


def certificates_of(desk: Desk, kept: Kept) -> tuple[CertificateNow, ...]:
    """Return the certificates of the labels that an audit is of, its own first, each made again to be verified."""
    names = sorted(audit_names(desk.project), key=lambda name: (name != kept.plan.name, name))
    found = []
    for name in names:
        folder = audits_folder(desk.project) / name
        path = folder / CERTIFICATE
        if not path.is_file() or ended_by_erasure(folder) or _source(folder) != dict(kept.plan.source):
            continue
        try:
            checked = verify_audit(desk, name)
        except WeakLabelError as error:
            if name == kept.plan.name:
                raise
            told = f"it can't be verified: {error.what}"
            found.append(CertificateNow(name, {"certificates": []}, "what is there now", (told,)))
            continue
        data = json.loads(path.read_text(encoding="utf-8"))
        found.append(CertificateNow(name, data, checked.against, checked.changed))
    return tuple(found)


# ---- rules ----


def rules_of_audit(
    desk: Desk, kept: Kept, *, changes: Comparison | None = None
) -> tuple[Health | None, tuple[str, ...]]:
    """Return the health of the rules that made the labels of an audit, by the gold of audits; and what to know.

    Parameters
    ----------
    desk
        The task's gold room.
    kept
        The audit.
    changes
        What has drifted.
    """
    run = kept.plan.source.get("run")
    if "version" in kept.plan.source:
        return None, (
            "These labels are of the label table; rules are judged on runs: weaklabel audit rules.",
        )
    if run is None:
        return None, ("These labels are of another system: no rules of this project made them.",)
    try:
        files = open_run(desk.project, desk.room.task, run)
        frame = pl.concat([part.drop("label") for part in files.parts()])
    except GoldError as error:
        return None, (f"Rules can't be judged: {error.what}.",)
    gold, notes = gold_of_audits(desk, kept, frame["id"])
    if not gold.height:
        return None, ("Rules can't be judged yet: no row of this audit is decided.", *notes)
    outcomes = open_registry(desk.config, desk.project).outcome_codes()
    found = rule_health(frame, files.labels, gold, changes=changes, seed=kept.plan.seed, outcomes=outcomes)
    return found, (*found.notes, *notes)


def gold_of_audits(desk: Desk, kept: Kept, ids: pl.Series) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the gold of this audit and of closed ones before it with its inclusion, and what could not be read.

    Only draws that are of all rows count: the second draw of a certificate is of a chosen part. Open audits are looked
    at by their own verbs alone.
    """
    states, found, notes = audit_states(desk.room), [], []
    for name in audit_names(desk.project):
        folder = audits_folder(desk.project) / name
        own = name == kept.plan.name
        if name not in states or ended_by_erasure(folder) or not (own or states[name] == "closed"):
            continue
        try:
            one = kept if own else open_kept(desk, name)
            if one.plan.task != desk.room.task or one.plan.made_at > kept.plan.made_at:
                continue
            said = decided(answers_of(desk, one)).filter(pl.col("role") == "audit")
        except WeakLabelError as error:
            notes.append(f"audit {name!r} does not count for the rules: {error.what}")
            continue
        drawn = whole_draw(one).select("id", "inclusion").unique("id")
        rows = said.select("id", "label").join(drawn, on="id", how="inner")
        when = f"{one.plan.made_at[:16]} {name}"
        found.append(rows.filter(pl.col("id").is_in(ids.implode())).with_columns(batch=pl.lit(when)))
    none = pl.DataFrame(
        schema={"id": pl.String, "label": pl.String, "inclusion": pl.Float64, "batch": pl.String}
    )
    return pl.concat([none, *(rows.select(none.columns) for rows in found)]), tuple(notes)


# ---- people ----


@dataclass(frozen=True)
class People:
    """The people who answered for an audit, by pseudonym; made by `people_of`.

    Parameters
    ----------
    rows
        One for each: answers, those set aside, right on hidden checks with its interval, median seconds.
    sentences
        What to know: batches set aside, rows that wait for an expert.

    Examples
    --------
    >>> People((), ("Nobody has answered yet.",)).to_dict()["rows"]
    []
    """

    rows: tuple[Mapping[str, Any], ...]
    sentences: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"rows": [dict(row) for row in self.rows], "sentences": list(self.sentences)}


def people_of(desk: Desk, kept: Kept) -> People:
    """Return who answered for an audit and how they did on its hidden checks, by pseudonym."""
    ledger, task, room = desk.room.ledger, desk.room.task, desk.room
    mine = pl.col("batch").is_in(kept.steps)
    answers = ledger.answers(task=task).filter(mine)
    if not answers.height:
        return People((), ("Nobody has answered yet.",))
    found = look_back(
        Sources(
            answers,
            ledger.records("gold", task=task),
            ledger.records("assignment", task=task).filter(mine),
            ledger.records("batch", task=task).filter(mine),
            ledger.records("quarantine", task=task).filter(mine),
            ledger.records("guideline", task=task),
            names=ledger.pseudonyms(),
        ),
        task=task,
        schema=room.schema,
        seed=desk.config.seed,
        confidence=desk.config.evaluation.confidence,
    )
    return People(tuple(_person(row, found) for row in found.people.iter_rows(named=True)), _set_aside(found))


def _person(row: Mapping[str, Any], found: Trends) -> dict[str, Any]:
    checks: Mapping[str, Any] = next(
        (
            one
            for look in found.looks
            for one in look.gold["annotator"].iter_rows(named=True)
            if look.label is None and one["source"] == "check" and one["group"] == row["annotator"]
        ),
        {},
    )
    return {
        "person": row["annotator"],
        "answers": row["answers"],
        "aside": row["aside"],
        "checks": checks.get("answers", 0),
        "right": checks.get("right", 0),
        "share": checks.get("raw"),
        "low": checks.get("raw_low"),
        "high": checks.get("raw_high"),
        "seconds": row["median"],
    }


def _set_aside(found: Trends) -> tuple[str, ...]:
    rows = found.quarantines.filter(~pl.col("lifted"))
    if not rows.height:
        return ("Nobody's answers were set aside.",)
    return tuple(
        f"{row['annotator']}: {row['answers']} answers of {row['batch']} were set aside, {row['failed']} hidden checks failed"
        for row in rows.iter_rows(named=True)
    )


# ---- drift ----


def drift_of(desk: Desk, kept: Kept) -> tuple[Drifted | None, str]:
    """Return how the run of an audit differs from the reference that is kept, or in a line why that is not known."""
    place, run = reference_place(desk.project, desk.room.task), kept.plan.source.get("run")
    if not place.is_file():
        return None, "No reference is kept to compare with: weaklabel audit reference makes one."
    if "version" in kept.plan.source:
        return None, "These labels are of the label table; drift is looked for between runs."
    if run is None:
        return (
            None,
            "These labels are of another system; drift is looked for between runs of this project's rules.",
        )
    unlogged = replace(desk.config, tracking=replace(desk.config.tracking, name="none"))
    try:
        if read_reference(place).facts.get("run") == run:
            return (
                None,
                f"The reference that is kept is of this same run, {run}: there is nothing to compare yet.",
            )
        found = drift_of_run(unlogged, desk.project, run=run)
    except WeakLabelError as error:
        return None, f"Drift can't be told: {error.what}."
    return found, "" if found is None else f"Compared with {found.against}."


def _source(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / PLAN).read_text(encoding="utf-8")).get("source", {}))


def next_steps(
    steps: Sequence[str], health: Health | None, drift: Drifted | None, certificates: Sequence[CertificateNow]
) -> tuple[str, ...]:
    """Return what to do next: first what the audit itself asks for, then rules, drift and certificates.

    Examples
    --------
    >>> next_steps(["weaklabel audit show may"], None, None, ())
    ('weaklabel audit show may',)
    """
    found = list(steps)
    if health is not None:
        bad = [rule for rule in health.rules if rule.verdict != "keep"]
        for verdict in ("mend", "retire"):
            names = [rule.rule for rule in bad if rule.verdict == verdict]
            if names:
                more = f" and {len(names) - 5} more" if len(names) > 5 else ""
                found.append(f"{verdict} {', '.join(names[:5])}{more}, then weaklabel run")
    if drift is not None and drift.alarm:
        found.append("look at what has changed since the reference, before these labels are used")
    found += [
        f"the certificate of audit {one.audit} does not hold any more: draw another"
        for one in certificates
        if one.changed
    ]
    return tuple(dict.fromkeys(found))
