"""Taking a task to a new schema: a plan of what becomes of rules, gold, labels and votes; then the same, done.

Nothing is dropped in silence: each row is carried over unchanged, carried over by another name, or queued with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weaklabel.errors import SchemaError
from weaklabel.gold import Ledger
from weaklabel.lf.folder import read_folder
from weaklabel.pipeline.migrating.files import file_step, places_of, read_rows, votes_step
from weaklabel.pipeline.migrating.ledger import carry_ledger
from weaklabel.pipeline.migrating.rules import RuleFate, rule_fates
from weaklabel.pipeline.migrating.steps import Step
from weaklabel.pipeline.migrating.table import carry_table
from weaklabel.store.label_table import LabelTable
from weaklabel.taxonomy import SchemaDiff, carry_gold, carry_labels


@dataclass(frozen=True)
class Migration:
    """What a migration does, or did; made by `migrate`.

    Parameters
    ----------
    diff
        What changed.
    rules
        Rules that must be edited.
    steps
        One for each store and file.
    notes
        What a reader should know.
    dry_run
        Nothing was written.

    Examples
    --------
    >>> from weaklabel.schema import LabelSchema
    >>> from weaklabel.taxonomy import schema_diff
    >>> Migration(schema_diff(LabelSchema(["a", "b"]), LabelSchema(["a", "b"])), (), (), (), True).changes
    False
    """

    diff: SchemaDiff
    rules: tuple[RuleFate, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    dry_run: bool

    @property
    def changes(self) -> bool:
        """There is something to do."""
        return bool(self.diff.changes or self.rules or any(step.changes for step in self.steps))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "diff": self.diff.to_dict(),
            "rules": [rule.to_dict() for rule in self.rules],
            "steps": [step.to_dict() for step in self.steps],
            "notes": list(self.notes),
            "dry_run": self.dry_run,
        }


def migrate(
    diff: SchemaDiff,
    *,
    rules: Path | None = None,
    ledger: Ledger | None = None,
    task: str = "",
    table: LabelTable | None = None,
    gold_files: Sequence[Path] = (),
    label_files: Sequence[Path] = (),
    vote_files: Sequence[Path] = (),
    gold_id: str = "id",
    gold_column: str | None = None,
    out: Path | None = None,
    dry_run: bool = False,
) -> Migration:
    """Take what was said under an old schema to a new one, or say what that would do.

    All of it is gone through once before anything is written, so that a file that can't be read leaves everything as it was.

    Parameters
    ----------
    diff
        What changed.
    rules
        The task's folder of rules: those that must be edited are named; nothing is written there.
    ledger, task
        The gold ledger. Items whose labels are carried over are recorded anew; the others leave the gold set (they stay in the
        log) and wait for an expert in the queue. A version of the set is recorded.
    table
        The versioned label table: a new version is committed.
    gold_files, label_files, vote_files
        Files; the results go to `out` under the same names, with ``NAME.queued.csv`` beside them.
    gold_id, gold_column
        Where the ids and the labels of gold files stand, in those that have the columns; otherwise in ``item``, and in
        ``label`` or ``labels``.
    out
        The folder for them.
    dry_run
        Write nothing.

    Raises
    ------
    SchemaError
        A label is gone, and nothing says what became of it.
    GoldError
        An audit is open, and gold of it would change.
    OutputError
        A result would overwrite what it is made from, or there is no `out`.

    Examples
    --------
    >>> from weaklabel.schema import LabelSchema
    >>> from weaklabel.taxonomy import schema_diff
    >>> found = schema_diff(LabelSchema(["ham", "spam"]), LabelSchema(["ham", "junk"]), {"rename": {"spam": "junk"}})
    >>> migrate(found, dry_run=True).notes[0]
    "the new schema doesn't know 'spam': add it to the aliases of 'junk', so that older answers, runs and rules are understood"
    """
    if diff.gone:
        hint = "say it in a map: rename, merge, split or retire; or give the label the old name as an alias"
        what = f"nothing says what became of {', '.join(map(repr, diff.gone))}"
        raise SchemaError(what, where="the new schema", available=diff.new.names, hint=hint)
    places = places_of((*gold_files, *label_files, *vote_files), out, dry_run)
    held = read_folder(rules)[0] if rules is not None else []

    def steps(dry_run: bool) -> Iterator[Step]:
        if ledger is not None:
            yield carry_ledger(diff, ledger, task, dry_run)
        if table is not None and table.version() is not None:
            yield carry_table(diff, table, dry_run)
        for path in gold_files:
            frame = read_rows(path)
            name = next((one for one in (gold_id, "item") if one in frame.columns), gold_id)
            column = gold_column if gold_column in frame.columns else None
            yield file_step(path, carry_gold(frame, diff, id=name, label=column), places, dry_run)
        for path in label_files:
            yield file_step(path, carry_labels(read_rows(path), diff), places, dry_run)
        for path in vote_files:
            yield votes_step(path, diff, held, places, dry_run)

    done = tuple(steps(True))
    if not dry_run:
        done = tuple(steps(False))
    return Migration(diff, tuple(rule_fates(held, diff)), done, _notes(diff), dry_run)


def _notes(diff: SchemaDiff) -> tuple[str, ...]:
    notes = [
        f"the new schema doesn't know {old!r}: add it to the aliases of {new!r}, so that older answers, runs and rules are understood"
        for old, new in diff.unaliased
    ]
    if diff.changes and diff.old.version == diff.new.version:
        notes.append(f"both schemas say version {diff.new.version}: raise it")
    return tuple(notes)
