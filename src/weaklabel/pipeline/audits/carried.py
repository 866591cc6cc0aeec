"""Whether the label table still is what a certificate says: the audited version, and the one that carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from weaklabel.errors import WeakLabelError
from weaklabel.fingerprint import fingerprint
from weaklabel.pipeline.audits.commit import (
    BELOW,
    carrying,
    certificate_mark,
    certified_version,
    labels_taken,
    standing_ids,
    words_of,
)
from weaklabel.pipeline.audits.files import ACCEPTED, Kept
from weaklabel.pipeline.audits.methods import PART
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.label_places import models_folder, open_label_table
from weaklabel.pipeline.relabeling.job import open_bulk, version_of
from weaklabel.store.label_table import LabelTable, TableError, TableVersion

_LABELS = ("status", "label")
_OTHERS = ("probabilities", "n_votes", "pattern", "model")


@dataclass(frozen=True)
class Carried:
    """How the label table stands to a certificate; made by `carried_now`.

    Parameters
    ----------
    changed
        What is not as the certificate says, in sentences.
    notes
        What else to know: a later version.

    Examples
    --------
    >>> Carried((), ()).changed
    ()
    """

    changed: tuple[str, ...]
    notes: tuple[str, ...]


def carried_now(desk: Desk, kept: Kept, data: Mapping[str, Any]) -> Carried:
    """Compare the version that carries certificates with the audited one: only status and labels taken away may differ.

    Parameters
    ----------
    desk, kept
        The audit.
    data
        What certificate.json holds.
    """
    version = certified_version(kept.plan)
    assert version is not None
    table = open_label_table(desk.config, desk.project)
    log = table.log()
    accepted, changed = _accepted_now(kept, data)
    there = carrying(log, kept.plan)
    if there is None:
        later = _not_for(log, version)
        if accepted is not None and not standing_ids(accepted).len():
            return Carried(tuple(changed), later)
        return Carried((*changed, "no version of the label table carries this certificate"), later)
    one, said = there
    if one.version != version + 1:
        changed.append(f"it stands in version {one.version} of the label table, not in version {version + 1}")
    if said.get("fingerprint") != certificate_mark(data):
        changed.append(f"version {one.version} carries another certificate than this")
    try:
        if accepted is not None:
            changed += _differences(table, version, one.version, standing_ids(accepted))
        later = _later(table, log, one.version)
    except TableError as error:
        changed.append(f"version {one.version} of the label table can't be compared: {error.what}")
        later = _not_for(log, one.version)
    return Carried(tuple(changed), later)


def changed_since(desk: Desk, kept: Kept) -> list[str]:
    """Say what has been changed since the audited version was made: rows, rules, labels, or the model's files."""
    version = certified_version(kept.plan)
    assert version is not None
    config, names = desk.config, kept.plan.names
    if not (config.task.date or config.task.today):
        made = _made_on(open_label_table(config, desk.project).log(), version)
        config = replace(config, task=replace(config.task, today=made))
    try:
        bulk = open_bulk(config, desk.project)
        now = bulk.inputs
    except WeakLabelError as error:
        return [f"what the labels were made from can't be read: {error.what}"]
    words = {"corpus": "the corpus has", "rules": "the rules have", "schema": "the labels of the schema have"}
    found = [
        f"{told} been changed since version {version} of the label table was made"
        for name, told in words.items()
        if now[name] != names.get(name)
    ]
    found += [f"a file of the corpus can't be read: {error.what}" for error in bulk.failures]
    folder = models_folder(config, desk.project) / names.get("model", "-")
    if folder.is_dir() and version_of(folder) != names["model"]:
        found.append(f"the files of model {names['model']} have been changed")
    return found


def _accepted_now(kept: Kept, data: Mapping[str, Any]) -> tuple[pl.DataFrame | None, list[str]]:
    """Return what accepted.parquet holds, where these are the rows that the certificates name."""
    try:
        table = pl.read_parquet(kept.folder / ACCEPTED)
        found = {
            part: fingerprint(rows.filter("accepted")["id"].sort().to_list())
            for (part,), rows in table.group_by(PART)
        }
    except (OSError, pl.exceptions.PolarsError):
        return None, [f"{ACCEPTED} can't be read"]
    none = fingerprint([])
    same = all(
        found.get(one["goal"]["part"], none) == one["fingerprints"]["accepted"]
        for one in data["certificates"]
    )
    return (table, []) if same else (None, [f"{ACCEPTED} doesn't hold the rows that the certificate names"])


def _differences(table: LabelTable, before: int, after: int, stands: pl.Series) -> list[str]:
    found = table.differences(before, after)
    other = found.filter((pl.col("side") != "both") | pl.any_horizontal(*_OTHERS)).height
    told = []
    if other:
        told.append(f"{other} rows of version {after} differ from version {before} in more than their status")
    wanted = labels_taken(table, before, stands)
    differ = found.filter(pl.any_horizontal(*_LABELS))["id"]
    now = table.scan(after).select("id", *_LABELS).join(wanted.lazy().select("id"), on="id", how="semi")
    wrong = set(differ) ^ set(wanted["id"])
    rest = now.filter(pl.col("status").ne_missing(BELOW) | pl.col("label").is_not_null()).select("id")
    wrong |= set(rest.collect(engine="streaming")["id"])
    if wrong:
        told.append(
            f"{len(wrong)} rows of version {after} have another status or label than the certificate gives them"
        )
    return told


def _later(table: LabelTable, log: Sequence[TableVersion], version: int) -> tuple[str, ...]:
    newest = log[-1].version
    if newest != version and table.files(newest).keys() == table.files(version).keys():
        told = f"{words_of(log[-1])} stands now, and holds the same labels as version {version}"
        return (f"{told}; the certificate names version {version} alone",)
    return _not_for(log, version)


def _not_for(log: Sequence[TableVersion], version: int) -> tuple[str, ...]:
    if not log or log[-1].version == version:
        return ()
    told = f"{words_of(log[-1])} of the label table stands now"
    return (f"{told}: the certificate is of version {version}, and not valid for it",)


def _made_on(log: Sequence[TableVersion], version: int) -> str:
    """Return the day on which the labels of a version were made, as this machine counts days."""
    said = {one.version: one for one in log}
    job = said[version].metadata.get("job")
    first = next((one for one in log if job and one.metadata.get("job") == job), said[version])
    return first.time.astimezone().date().isoformat()
