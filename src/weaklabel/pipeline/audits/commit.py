"""Certificates in the label table: a version in which only accepted rows keep their labels, and who may commit it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.audit.certificate import Certificate
from weaklabel.errors import GoldError
from weaklabel.fingerprint import fingerprint
from weaklabel.pipeline.audits.files import CERTIFICATE, AuditPlan, Kept
from weaklabel.pipeline.audits.methods import PART
from weaklabel.pipeline.audits.table import VERSION
from weaklabel.pipeline.audits.verdict import HOLDS, OPEN, verdict_of_certificate
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.label_places import open_label_table
from weaklabel.store.label_table import LabelTable, TableVersion

BELOW = "below_threshold"
_CHANGES = {"id": pl.String, "status": pl.String, "label": pl.String}


@dataclass(frozen=True)
class Published:
    """The version of the label table that carries an audit's certificates; made by `publish`.

    Parameters
    ----------
    version
        Its number; None: nothing was accepted, so there is none.
    notes
        What was done, in sentences.

    Examples
    --------
    >>> Published(None, ("nothing is accepted",)).version is None
    True
    """

    version: int | None
    notes: tuple[str, ...] = ()


def certified_version(plan: AuditPlan) -> int | None:
    """Return the version of the label table whose labels an audit is of; None: they come from elsewhere.

    Examples
    --------
    >>> certified_version(AuditPlan("may", "mail", "figures", {"run": "r1"}, {}, {}, "p", 1)) is None
    True
    """
    return int(plan.source[VERSION]) if VERSION in plan.source else None


def certificate_mark(data: Mapping[str, Any]) -> str:
    """Return what stands for all that certificate.json says, but for when it was written.

    Examples
    --------
    >>> certificate_mark({"audit": "may", "made_at": "a"}) == certificate_mark({"audit": "may", "made_at": "b"})
    True
    """
    said = {name: value for name, value in data.items() if name != "made_at"}
    return fingerprint(json.loads(json.dumps(said)))


def certificate_of(metadata: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what a version's commit says of the certificate that it carries; None: it carries none.

    Examples
    --------
    >>> certificate_of({"audit": '{"verdict": "holds", "certificate": {"audit": "may"}}'})
    {'audit': 'may'}
    >>> certificate_of({"audit": '{"verdict": "first"}'}) is None
    True
    """
    try:
        said = json.loads(metadata.get("audit") or "{}")
    except ValueError:
        return None
    found = said.get("certificate") if isinstance(said, dict) else None
    return found if isinstance(found, dict) else None


def refuse_other_version(desk: Desk, plan: AuditPlan, mark: str | None = None) -> None:
    """Raise unless the audited version is the newest, or there is one already that carries this certificate.

    Parameters
    ----------
    desk, plan
        The audit.
    mark
        What stands for the certificate; None: it has not been made yet.

    Raises
    ------
    GoldError
        Another version stands, or another certificate of this audit does.
    """
    version = certified_version(plan)
    if version is None:
        return
    table = open_label_table(desk.config, desk.project)
    log = table.log()
    there = carrying(log, plan)
    if there is not None:
        one, said = there
        if mark is not None and said["fingerprint"] != mark:
            raise GoldError(
                f"version {one.version} of the label table carries another certificate of audit {plan.name!r}",
                where=table.root,
                hint="what was committed stands as it is; draw another audit",
            )
        return
    newest = log[-1].version if log else None
    if newest != version:
        now = "there is no label table any more" if not log else f"{words_of(log[-1])} stands now"
        raise GoldError(
            f"audit {plan.name!r} is of version {version} of the label table, and {now}",
            where=table.root,
            hint="a certificate is of the version that was audited and of no other: "
            "weaklabel audit draw NAME --for certificate --version latest",
        )


def publish(
    desk: Desk,
    kept: Kept,
    certificates: Sequence[Certificate],
    data: Mapping[str, Any],
    accepted: pl.DataFrame,
) -> Published:
    """Commit the version in which only accepted rows keep their labels, with the certificates, unless one carries them.

    Parameters
    ----------
    desk, kept
        The audit; its certificates lie in its folder already.
    certificates, data
        What is certified, and what certificate.json holds.
    accepted
        What accepted.parquet holds.

    Raises
    ------
    ConflictError
        Another version came between; nothing was committed.
    """
    version = certified_version(kept.plan)
    assert version is not None
    table = open_label_table(desk.config, desk.project)
    there = carrying(table.log(), kept.plan)
    if there is not None:
        number = there[0].version
        return Published(number, (f"version {number} of the label table carries this certificate already",))
    stands = standing_ids(accepted)
    if not stands.len():
        told = (
            "nothing is accepted, so no version of the label table is committed: its labels stay as they are"
        )
        return Published(None, (told,))
    changes = labels_taken(table, version, stands)
    said = _metadata(desk, kept, certificates, data, accepted, stands)
    number = table.change_status(
        changes,
        expected=version,
        metadata={"audit": json.dumps(said, ensure_ascii=False)},
        always=True,
    )
    told = (
        f"version {number} of the label table carries this certificate: {stands.len():,} rows keep their label, and "
        f"{changes.height:,} are {BELOW}"
    )
    return Published(number, (told, *_limits(said["certificate"]), *_not_judged(kept, changes)))


# ---- what is committed ----


def carrying(log: Sequence[TableVersion], plan: AuditPlan) -> tuple[TableVersion, dict[str, Any]] | None:
    """Return the version that was committed for an audit, and what it says of the certificate."""
    for one in log:
        said = certificate_of(one.metadata)
        if one.kind == "status" and said is not None and said.get("plan") == plan.fingerprint:
            return one, said
    return None


def standing_ids(accepted: pl.DataFrame) -> pl.Series:
    """Return the ids of rows that every part they belong to accepts, sorted."""
    return accepted.group_by("id").agg(pl.col("accepted").all()).filter("accepted")["id"].sort()


def labels_taken(table: LabelTable, version: int, stands: pl.Series) -> pl.DataFrame:
    """Return the labeled rows of a version that lose their label."""
    labeled = table.scan(version).filter(pl.col("label").is_not_null()).select("id")
    lost = labeled.join(stands.to_frame().lazy(), on="id", how="anti").collect(engine="streaming").sort("id")
    none = pl.lit(None, pl.String).alias("label")
    return lost.select("id", pl.lit(BELOW).alias("status"), none).cast(pl.Schema(_CHANGES))


def _metadata(
    desk: Desk,
    kept: Kept,
    certificates: Sequence[Certificate],
    data: Mapping[str, Any],
    accepted: pl.DataFrame,
    stands: pl.Series,
) -> dict[str, Any]:
    """Return what the commit says: no ids, for the log is not where rows are erased."""
    verdict = verdict_of_certificate(data, ())
    place = kept.folder / CERTIFICATE
    held = accepted.filter(pl.col("id").is_in(stands.implode())).group_by(PART).len()
    rows = dict(held.iter_rows())
    parts = [_part(one, rows.get(one.goal.part, 0)) for one in certificates]
    short = any(part["wrong_at_most"] > part["error"] * part["stands"] + 1e-9 for part in parts)
    return {
        "verdict": OPEN if short and verdict.status == HOLDS else verdict.status,
        "says": verdict.headline,
        "certificate": {
            "audit": kept.plan.name,
            "version": certified_version(kept.plan),
            "plan": kept.plan.fingerprint,
            "fingerprint": certificate_mark(data),
            "place": _relative(place, desk.project),
            "rows": kept.population.height,
            "accepted": stands.len(),
            "parts": parts,
        },
    }


def _part(one: Certificate, stands: int) -> dict[str, Any]:
    return {
        "part": one.goal.part,
        "error": one.goal.error,
        "confidence": one.goal.confidence,
        "rows": one.rows,
        "accepted": one.accepted,
        "wrong_at_most": one.wrong_at_most,
        "threshold": one.threshold,
        "stands": stands,
        "claim": one.claim,
    }


def _limits(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Say of parts of whose accepted rows other parts refuse some what is still shown of the rest."""
    return tuple(
        f"{part['part'] or 'all rows'}: {part['stands']:,} of {part['accepted']:,} accepted rows keep their label, for "
        f"another part does not accept the others; at most {part['wrong_at_most']:,} of them are wrong"
        f"{_share(part['wrong_at_most'], part['stands'])}"
        for part in said["parts"]
        if part["stands"] < part["accepted"]
    )


def _share(wrong: int, rows: int) -> str:
    return f" ({100 * wrong / rows:.1f} %)" if rows else ""


def _not_judged(kept: Kept, changes: pl.DataFrame) -> tuple[str, ...]:
    left = changes.join(kept.population.select("id"), on="id", how="anti").height
    if not left:
        return ()
    return (f"{left:,} of these were not part of the audit, so that nothing is certified of them",)


def _relative(path: Path, project: Path) -> str:
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else str(path)


def words_of(one: TableVersion) -> str:
    """Return a version in words: its number, what it is, and when it was committed."""
    return f"version {one.version} ({one.kind}, {one.time:%Y-%m-%d %H:%M} UTC)"
