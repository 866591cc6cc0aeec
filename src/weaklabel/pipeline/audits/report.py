"""The report of an audit: the verdict, and all that it rests on, on one page and as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.audit.estimates import ALL
from weaklabel.audit.rule_health import Health
from weaklabel.audit.tolerances import Tolerance
from weaklabel.gold.auditing import audit_states
from weaklabel.pipeline.audits.around import (
    CertificateNow,
    People,
    certificates_of,
    drift_of,
    next_steps,
    people_of,
    rules_of_audit,
)
from weaklabel.pipeline.audits.audit import AuditSettings, after, answers_of, open_kept, settings_of
from weaklabel.pipeline.audits.drift import Drifted
from weaklabel.pipeline.audits.files import AuditPlan, Kept
from weaklabel.pipeline.audits.methods import whole_draw
from weaklabel.pipeline.audits.rows import SLICE
from weaklabel.pipeline.audits.show import Shown, Watched, show_audit, watch_audit
from weaklabel.pipeline.audits.verdict import (
    FAILS,
    HOLDS,
    NOTHING_SAID,
    OPEN,
    Verdict,
    verdict_of_certificate,
    verdict_of_figures,
    verdict_of_watch,
)
from weaklabel.pipeline.desk.room import Desk
from weaklabel.report.audit_page import write_audit_page
from weaklabel.runs import home


@dataclass(frozen=True)
class AuditReport:
    """All that is known of an audit; made by `audit_report`.

    Parameters
    ----------
    plan
        What was fixed.
    settings
        What the labels are for, and what is tolerated of them.
    drawn, decided
        Rows that were drawn, and those that are decided.
    verdict
        What is said first.
    shown, watched
        Figures, or where a sequential audit stands; None: there are none.
    certificates
        Certificates of the same labels, verified.
    health, rule_notes
        Of the rules; None: they can't be judged, and the notes say why.
    people
        Who answered, by pseudonym.
    drift, drift_note
        What has changed since the reference; None: not known, and the note says why.
    next
        What to do next.
    page
        The file; None: there was nothing to report.

    Examples
    --------
    >>> plan = AuditPlan("may", "mail", "figures", {"run": "r"}, {}, {}, "p", 1)
    >>> AuditReport(plan, AuditSettings(), 20, 0, Verdict("open", "Not shown yet.")).to_dict()["verdict"]["headline"]
    'Not shown yet.'
    """

    plan: AuditPlan
    settings: AuditSettings
    drawn: int
    decided: int
    verdict: Verdict
    shown: Shown | None = None
    watched: Watched | None = None
    certificates: tuple[CertificateNow, ...] = ()
    health: Health | None = None
    rule_notes: tuple[str, ...] = ()
    people: People = field(default_factory=lambda: People(()))
    drift: Drifted | None = None
    drift_note: str = ""
    next: tuple[str, ...] = ()
    page: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; the page shows nothing that is not in it."""
        tolerated = {"error": self.settings.error, "classes": dict(self.settings.classes)}
        return {
            "audit": self.plan.name,
            "task": self.plan.task,
            "for": self.plan.method,
            "of": self.plan.told,
            "made_at": self.plan.made_at,
            "plan": self.plan.fingerprint,
            "owner": self.plan.owner or self.settings.owner,
            "purpose": self.plan.purpose or self.settings.purpose,
            "tolerated": {**tolerated, "slices": dict(self.settings.slices)},
            "drawn": self.drawn,
            "decided": self.decided,
            "verdict": self.verdict.to_dict(),
            "figures": None if self.shown is None else self.shown.to_dict(),
            "watched": None if self.watched is None else self.watched.to_dict(),
            "certificates": [one.to_dict() for one in self.certificates],
            "rules": None if self.health is None else self.health.to_dict(),
            "rule_notes": list(self.rule_notes),
            "people": self.people.to_dict(),
            "drift": None if self.drift is None else self.drift.to_dict(),
            "drift_note": self.drift_note,
            "next": list(self.next),
            "page": None if self.page is None else str(self.page),
        }


def audit_report(desk: Desk, name: str) -> AuditReport:
    """Put together what is known of an audit, and write it as a page under .weaklabel/reports.

    It is a look at the audit, kept and logged as `show_audit` does. The page itself does not go to MLflow: where texts
    have changed, it names words of them.

    Parameters
    ----------
    desk
        The task's gold room.
    name
        The audit.

    Raises
    ------
    GoldError
        There is no such audit, or it can't be read any more.
    """
    kept = open_kept(desk, name)
    settings = settings_of(desk.config)
    shown, watched = _looked(desk, kept)
    certificates = certificates_of(desk, kept)
    mine = next((one for one in certificates if one.audit == name), None)
    answers = answers_of(desk, kept)
    drawn = sum(found.drawn for found in answers.values())
    decided = drawn - sum(found.missing for found in answers.values())
    verdict = _verdict(kept, settings, shown, watched, mine)
    report = AuditReport(
        kept.plan,
        settings,
        drawn,
        decided,
        verdict,
        shown,
        watched,
        certificates,
        people=people_of(desk, kept),
    )
    if not decided and not certificates:
        return replace(report, next=(after(kept, answers),))
    drift, drift_note = drift_of(desk, kept)
    health, rule_notes = rules_of_audit(desk, kept, changes=None if drift is None else drift.found)
    ahead = (
        after(kept, answers)
        if decided < drawn or (kept.plan.method == "certificate" and mine is None)
        else ""
    )
    steps = _steps(desk, report, ahead)
    report = replace(
        report,
        health=health,
        rule_notes=rule_notes,
        drift=drift,
        drift_note=drift_note,
        next=next_steps(steps, health, drift, certificates),
    )
    place = home(desk.project) / "reports" / f"audit-{name}.html"
    return replace(report, page=write_audit_page(report.to_dict(), place))


def _looked(desk: Desk, kept: Kept) -> tuple[Shown | None, Watched | None]:
    if kept.plan.method == "watch":
        return None, watch_audit(desk, kept.plan.name)
    if not whole_draw(kept).height:
        return None, None
    shown = show_audit(desk, kept.plan.name)
    return (shown if shown.figures else None), None


def _verdict(
    kept: Kept,
    settings: AuditSettings,
    shown: Shown | None,
    watched: Watched | None,
    mine: CertificateNow | None,
) -> Verdict:
    if watched is not None:
        return verdict_of_watch(watched.standing.status, watched.standing.sentence)
    if kept.plan.method == "certificate":
        return verdict_of_certificate(
            None if mine is None else mine.data, () if mine is None else mine.changed
        )
    if shown is None:
        return Verdict(OPEN, "Not shown yet: no row is decided.")
    tolerance = Tolerance(settings.error, dict(settings.classes), dict(settings.slices))
    sure = kept.plan.options["confidence"]
    return verdict_of_figures(shown.figures, tolerance, confidence=sure, sizes=_sizes(kept.population))


def _sizes(population: pl.DataFrame) -> dict[str, int]:
    """Return how many rows each part of a population has."""
    labels = population.group_by("label").len().iter_rows()
    slices = [name for name in population.columns if name.startswith(SLICE)]
    return {
        ALL: population.height,
        **{f"label {name!r}": count for name, count in labels},
        **{f"slice {name.removeprefix(SLICE)!r}": int(population[name].sum()) for name in slices},
    }


def _steps(desk: Desk, report: AuditReport, ahead: str) -> list[str]:
    name, status, found = report.plan.name, report.verdict.status, []
    if ahead:
        found.append(ahead)
    elif report.watched is not None and status == OPEN:
        found.append(report.watched.next)
    if status == NOTHING_SAID:
        found.append("say what the labels are for and how many wrong ones are tolerated: audit.owner, audit.purpose, audit.error in conf/config.yaml")  # fmt: skip
    if status == FAILS:
        found.append("don't use these labels as they are: mend the rules and run again, or have people label what is least sure")  # fmt: skip
    more = [part for part in report.verdict.parts if part.status == OPEN and part.needed]
    if more:
        asked = max((part.needed or 0) - part.labels for part in more)
        found.append(
            f"about {asked:,} more labels would tell: weaklabel audit draw NAME --size {asked}, then weaklabel audit "
            f"show NAME --with {name}"
        )
    few = 0 if report.shown is None else sum(figure.estimate.value is None for figure in report.shown.figures)
    if few:
        found.append(
            f"{few} figures rest on too few labels: weaklabel audit draw NAME --aim classes looks for rare labels"
        )
    if status == HOLDS and not ahead and audit_states(desk.room).get(name) == "open":
        found.append(f"weaklabel audit close {name}, so that its gold may be handed on")
    return found
