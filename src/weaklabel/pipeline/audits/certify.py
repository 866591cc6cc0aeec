"""Certificates of an audit: made once all rows are decided, written beside its plan, and made again to be verified."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import tracking
from weaklabel.audit.certificate import Certificate
from weaklabel.audit.certifying import certify
from weaklabel.audit.tolerances import Part
from weaklabel.audit.verifying import verify
from weaklabel.errors import GoldError, WeakLabelError
from weaklabel.fingerprint import fingerprint
from weaklabel.pipeline.audits.again import gold_error_of
from weaklabel.pipeline.audits.audit import (
    answers_of,
    decided,
    need_all,
    open_kept,
)
from weaklabel.pipeline.audits.carried import Carried, carried_now, changed_since
from weaklabel.pipeline.audits.commit import (
    Published,
    certificate_mark,
    certified_version,
    publish,
    refuse_other_version,
)
from weaklabel.pipeline.audits.files import (
    ACCEPTED,
    CERTIFICATE,
    PAGE,
    AuditPlan,
    Kept,
    add_look,
    audits_folder,
    write_json,
    write_page,
    write_table,
)
from weaklabel.pipeline.audits.methods import PART, older_of, parts_of, pilots_only
from weaklabel.pipeline.audits.rows import Judged, find_run, rows_of_file, rows_of_run
from weaklabel.pipeline.audits.show import log_figures
from weaklabel.pipeline.audits.table import judged_version, version_of_word
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.label_places import open_label_table
from weaklabel.pipeline.task import open_registry
from weaklabel.report.certificate_page import certificate_page
from weaklabel.store.label_table import TableError


@dataclass(frozen=True)
class Issued:
    """The certificates of an audit; made by `certify_audit`.

    Parameters
    ----------
    plan
        The audit.
    certificates
        One for each part.
    data
        What certificate.json holds.
    path, page
        Where it is, as JSON and to read.
    notes
        What to know.
    mlflow_run, tracking_error
        Where it was logged, or why not.
    version
        The version of the label table that carries them; None: there is none.

    Examples
    --------
    >>> Issued(AuditPlan("may", "mail", "certificate", {}, {}, {}, "p", 1), (), {}, Path("a"), Path("b")).accepted
    0
    """

    plan: AuditPlan
    certificates: tuple[Certificate, ...]
    data: Mapping[str, Any]
    path: Path
    page: Path
    notes: tuple[str, ...] = ()
    mlflow_run: str | None = None
    tracking_error: tracking.TrackingError | None = None
    version: int | None = None

    @property
    def accepted(self) -> int:
        """Rows that are accepted, over all parts."""
        return sum(certificate.accepted for certificate in self.certificates)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            **self.data,
            "path": str(self.path),
            "page": str(self.page),
            "notes": list(self.notes),
            "version": self.version,
            "mlflow_run": self.mlflow_run,
            "tracking_error": None if self.tracking_error is None else str(self.tracking_error),
        }


@dataclass(frozen=True)
class Verified:
    """What became of an audit's certificates; made by `verify_audit`.

    Parameters
    ----------
    audit
        The audit.
    against
        What they were compared with.
    changed
        What is not as they say, in sentences.
    notes
        What else to know: a later version of the label table, of which they say nothing.

    Examples
    --------
    >>> Verified("may", "run r2", ("rules was 'a' and is 'b'",)).holds
    False
    """

    audit: str
    against: str
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether all is as they say."""
        return not self.changed

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "audit": self.audit,
            "against": self.against,
            "holds": self.holds,
            "changed": list(self.changed),
            "notes": list(self.notes),
        }


def certify_audit(
    desk: Desk,
    name: str,
    *,
    error: float | None = None,
    confidence: float | None = None,
    run: str | None = None,
    version: str | None = None,
) -> Issued:
    """Make the certificates of an audit, and write them as JSON and as a page, with the ids that are accepted.

    Parameters
    ----------
    desk
        The task's gold room.
    name
        The audit.
    error, confidence, run, version
        What the certificate is to say; refused where that is not what was fixed beforehand.

    Raises
    ------
    GoldError
        The audit is of another design, rows are not decided yet, something else was fixed beforehand, answers were
        changed after its first certificate, or it is of a version of the label table that does not stand any more.
    """
    kept = open_kept(desk, name)
    _as_fixed(kept, error, confidence, run)
    _of_fixed_version(desk, kept, version)
    refuse_other_version(desk, kept.plan)
    answers = answers_of(desk, kept)
    need_all(answers, kept)
    if pilots_only(kept):
        raise GoldError(
            f"audit {name!r} has made its first draw only, which chooses what is tested",
            hint=f"weaklabel audit next {name}",
        )
    said = decided(answers)
    _looked_once(kept, said)
    options = gold_error_of(kept, said)
    made = [
        certify(
            part.rows,
            part.goal,
            _answers(kept, part, said),
            older=older_of(kept.older, part),
            names=kept.plan.names,
            **options,  # type: ignore[arg-type]
        )
        for part in parts_of(kept)
    ]
    certificates = tuple(one.certificate for one in made)
    data = _data(kept, certificates)
    refuse_other_version(desk, kept.plan, certificate_mark(data))
    accepted = pl.concat(one.rows.with_columns(pl.lit(one.certificate.goal.part).alias(PART)) for one in made)
    write_table(kept.folder / ACCEPTED, accepted)
    write_json(kept.folder / CERTIFICATE, data)
    write_page(kept.folder / PAGE, certificate_page(data))
    published = Published(None)
    if certified_version(kept.plan) is not None:
        published = publish(desk, kept, certificates, data, accepted)
    kept_new = add_look(kept, what="certificate", answers=_mark(said, kept))
    issued = Issued(
        kept.plan,
        certificates,
        data,
        kept.folder / CERTIFICATE,
        kept.folder / PAGE,
        (*published.notes, *_newer(desk, kept)),
        version=published.version,
    )
    if len(kept_new.looks) == len(kept.looks):
        return issued
    return _logged(issued, desk)


def verify_audit(desk: Desk, path: str, *, run: str = "last") -> Verified:
    """Make an audit's certificates again from what is there now, and say what is not as they say.

    Parameters
    ----------
    desk
        The task's gold room.
    path
        The file, or the audit's name.
    run
        The run that they are compared with; the last one, unless another is named. Those of a version of the label
        table are compared with that version and the one that carries them.

    Raises
    ------
    GoldError
        The file is no certificate, its audit is not there, or it is compared with what it says nothing about.
    """
    data = _read(desk, path)
    name = str(data["audit"])
    kept = open_kept(desk, name)
    changed = []
    if data.get("plan") != kept.plan.fingerprint:
        changed.append("the audit's plan is another")
    of_table = certified_version(kept.plan) is not None
    try:
        now = _now(desk, kept, run)
    except TableError as error:
        return Verified(name, kept.plan.told, (*changed, f"{kept.plan.told} can't be read: {error.what}"))
    changed += changed_since(desk, kept) if of_table else _not_run_yet(desk, kept, now)
    said = decided(answers_of(desk, kept)).select("id", "label")
    found = [Certificate.from_dict(one) for one in data["certificates"]]
    parts = {part.goal.part: part for part in parts_of(kept)}
    for certificate in found:
        part = parts.get(certificate.goal.part)
        if part is None:
            changed.append(f"{certificate.goal.part} is no part of the audit")
            continue
        answers, older = _answers(kept, part, said), older_of(kept.older, part)
        rows = _again(part, now.rows)
        told = verify(certificate, rows, answers, older=older, names=now.names).changed
        changed += [f"{certificate.goal.part}: {one}" if certificate.goal.part else one for one in told]
    changed += _missing_rows(kept, now)
    carried = carried_now(desk, kept, data) if of_table else Carried((), ())
    against = replace(kept.plan, source=now.source).told
    return Verified(name, against, tuple(dict.fromkeys([*changed, *carried.changed])), carried.notes)


# ---- what was fixed, and what is there now ----


def _as_fixed(kept: Kept, error: float | None, confidence: float | None, run: str | None) -> None:
    name, options = kept.plan.name, kept.plan.options
    if kept.plan.method != "certificate":
        raise GoldError(
            f"audit {name!r} was drawn for {kept.plan.method}, and nothing can be certified from it",
            hint="how a certificate is tested is fixed before anybody answers: "
            f"weaklabel audit draw NAME --for certificate --error {error or 0.05:g}",
        )
    for what, wanted, fixed in (
        ("error", error, options["error"]),
        ("confidence", confidence, options["confidence"]),
    ):
        if wanted is not None and wanted != fixed:
            raise GoldError(
                f"audit {name!r} was drawn for {what} {fixed}, not {wanted}",
                hint="a goal that is chosen once answers are seen proves nothing: draw another audit",
            )
    if run is not None and run != kept.plan.source.get("run"):
        raise GoldError(
            f"audit {name!r} is of {kept.plan.told}, and says nothing about run {run}",
            hint="draw another audit of that run",
        )


def _of_fixed_version(desk: Desk, kept: Kept, word: str | None) -> None:
    if word is None:
        return
    version = version_of_word(open_label_table(desk.config, desk.project), word)
    if version != certified_version(kept.plan):
        raise GoldError(
            f"audit {kept.plan.name!r} is of {kept.plan.told}, and says nothing about version {version} of the label table",
            hint="draw another audit of that version",
        )


def _looked_once(kept: Kept, said: pl.DataFrame) -> None:
    earlier = [look for look in kept.looks if look["what"] == "certificate"]
    if earlier and earlier[0]["answers"] != _mark(said, kept):
        raise GoldError(
            f"answers were added or changed after the certificate of {earlier[0]['at'][:10]} was seen",
            where=str(kept.folder / CERTIFICATE),
            hint="a fixed design is looked at once: the certificate stands as it was, or draw another audit; one that "
            "may be looked at at any time is `--for watch`",
        )


def _answers(kept: Kept, part: Part, said: pl.DataFrame) -> pl.DataFrame:
    mine = kept.drawn.filter(pl.col(PART) == part.goal.part)["id"]
    return said.filter(pl.col("id").is_in(mine.implode()))


def _mark(said: pl.DataFrame, kept: Kept) -> str:
    mine = said.filter(pl.col("id").is_in(kept.drawn["id"].implode()))
    return fingerprint(mine.select("id", "label").sort("id").rows())


def _data(kept: Kept, certificates: Sequence[Certificate]) -> dict[str, Any]:
    made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    path = kept.folder / CERTIFICATE
    if path.exists():
        made = json.loads(path.read_text(encoding="utf-8"))["made_at"]
    return {
        "format": 1,
        "audit": kept.plan.name,
        "task": kept.plan.task,
        "owner": kept.plan.owner,
        "purpose": kept.plan.purpose,
        "made_at": made,
        "labels_of": dict(kept.plan.source),
        "made_from": dict(kept.plan.names),
        "plan": kept.plan.fingerprint,
        "seed": kept.plan.seed,
        "left_out": list(kept.plan.notes),
        "valid_for": "exactly the rows, labels, rules, model and answers that it names, and nothing else",
        "certificates": [one.to_dict() for one in certificates],
    }


def _read(desk: Desk, path: str) -> Mapping[str, Any]:
    file = Path(path)
    if not file.is_file():
        file = audits_folder(desk.project) / path / CERTIFICATE
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if not {"format", "audit", "certificates", "plan"} <= set(data):
            raise ValueError("fields are missing")
    except OSError as error:
        raise GoldError(
            f"there is no certificate {path!r}", where=str(file), hint="weaklabel audit certify NAME"
        ) from error
    except (ValueError, TypeError) as error:
        raise GoldError(f"this is no certificate: {error}", where=str(file)) from error
    return data


def _now(desk: Desk, kept: Kept, run: str) -> Judged:
    """Return the labels as they are now, from whatever gave them."""
    signs = any(name.startswith("on:") for name in kept.population.columns)
    version = certified_version(kept.plan)
    if version is not None:
        if run != "last":
            raise GoldError(
                f"the certificate of audit {kept.plan.name!r} is of {kept.plan.told}, and says nothing about run {run}",
                hint="leave --run out",
            )
        classes = desk.room.schema.names if signs else None
        return judged_version(desk.config, desk.project, version, votes=classes)
    if "run" not in kept.plan.source:
        path = Path(kept.plan.source["predictions"])
        return rows_of_file(path if path.is_absolute() else desk.project / path, desk.project)
    folder = find_run(desk.project, desk.room.task, run)
    return rows_of_run(folder, votes=desk.room.schema.names if signs else None)


def _again(part: Part, now: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a part with the labels that they have now."""
    return part.rows.select("id").join(now, on="id", how="inner", maintain_order="left")


def _not_run_yet(desk: Desk, kept: Kept, now: Judged) -> list[str]:
    """Say what has been changed since the run that the certificate is compared with."""
    if "run" not in now.source:
        return []
    run, found = now.source["run"], []
    try:
        rules: str | None = open_registry(desk.config, desk.project).active().fingerprint
    except WeakLabelError:
        rules = None
    if rules != now.names.get("rules"):
        found.append(f"the rules have been changed since run {run}, and were not run: weaklabel run")
    if desk.corpus.fingerprint != now.names.get("corpus"):
        found.append(f"the corpus has been changed since run {run}, and was not run: weaklabel run")
    return found


def _missing_rows(kept: Kept, now: Judged) -> list[str]:
    both = kept.population.join(now.rows, on="id", how="inner")
    gone = kept.population.height - both.height
    other = both.filter(pl.col("label") != pl.col("label_right")).height
    told = []
    if gone:
        told.append(f"{gone} of {kept.population.height} rows have no label any more")
    if other:
        told.append(f"{other} of {kept.population.height} rows have another label")
    return told


def _newer(desk: Desk, kept: Kept) -> tuple[str, ...]:
    if "run" not in kept.plan.source:
        return ()
    try:
        last = find_run(desk.project, desk.room.task).name
    except GoldError:
        return (f"the folder of run {kept.plan.source['run']} is gone; its rows are kept with the audit",)
    if last == kept.plan.source["run"]:
        return ()
    return (
        f"this is about run {kept.plan.source['run']}; run {last} is newer, and weaklabel audit verify compares",
    )


def _logged(issued: Issued, desk: Desk) -> Issued:
    run, error = log_figures(desk, issued.plan, (), files=[issued.path, issued.page])
    return replace(issued, mlflow_run=run, tracking_error=error)


__all__ = ["Issued", "Verified", "certify_audit", "verify_audit"]
