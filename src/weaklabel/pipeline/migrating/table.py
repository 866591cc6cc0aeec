"""The versioned label table under a new schema."""

from __future__ import annotations

import json

import polars as pl

from weaklabel.label_model.saved import schema_mark
from weaklabel.pipeline.migrating.steps import Step
from weaklabel.schema import LabelSchema
from weaklabel.store.label_files import rewritten
from weaklabel.store.label_table import LabelTable
from weaklabel.taxonomy import SchemaDiff, carry_labels
from weaklabel.taxonomy.carrying import QUEUED

_KEPT = ("corpus", "rules", "gold", "settings", "threshold", "rule_fingerprints", "sample", "run_id")
"""What a commit says that is as true after a migration; the model was fitted under the old schema."""


_TOLD = {"renamed": "renamed", "queued": "without a label now"}


def table_mark(schema: LabelSchema) -> str:
    """Return the hash by which a version of the label table knows its schema.

    Examples
    --------
    >>> table_mark(LabelSchema(["ham", "spam"])) == table_mark(LabelSchema(["spam", "ham"]))
    False
    """
    return str(schema_mark(schema, len(schema))["fingerprint"])


def carry_table(diff: SchemaDiff, table: LabelTable, dry_run: bool) -> Step:
    """Carry the rows that stand over into a new version."""
    version = table.version()
    counts = {"same": 0, "renamed": 0, "queued": 0}
    said = table.metadata(version)
    if said.get("schema") == table_mark(diff.new):
        return Step("the label table", counts, notes=("it is of the new schema already",))
    queued, files = [pl.DataFrame(schema=QUEUED)], []
    notes: tuple[str, ...] = ()
    for path in sorted(table.files(version)):
        frame = pl.read_parquet(table.place.url(path), storage_options=table.place.options)
        carried = carry_labels(frame, diff)
        counts = {name: counts[name] + carried.counts[name] for name in counts}
        queued.append(carried.queued)
        notes = carried.notes or notes
        if not dry_run:
            files.append(rewritten(table.place, path, carried.rows))
    waits = pl.concat(queued)
    if dry_run:
        return Step("the label table", counts, waits, notes)
    metadata = {
        **{name: text for name, text in said.items() if name in _KEPT},
        "kind": "migrate",
        "schema": table_mark(diff.new),
        "schema_version": diff.new.version,
        "changed": json.dumps(
            {
                "schema": diff.versions.removeprefix("schema "),
                **{word: counts[name] for name, word in _TOLD.items() if counts[name]},
            }
        ),
    }
    made = table.commit(files, schema=diff.new, expected=version, metadata=metadata)
    return Step("the label table", counts, waits, notes, f"version {made} of {table.root}")
