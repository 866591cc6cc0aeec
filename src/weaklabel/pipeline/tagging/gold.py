"""The gold of a run whose rows may have several labels: what scores its tags, and what its model learns from."""

from __future__ import annotations

from typing import Any

from weaklabel.config_errors import as_settings
from weaklabel.errors import ConfigError, GoldError, did_you_mean
from weaklabel.gold.tag_gold import TagGold, load_tag_gold
from weaklabel.pipeline.gold import calibration_parts
from weaklabel.pipeline.task import Task
from weaklabel.settings import LEDGER

COLUMN = "labels"
"""The column of a gold table that holds the tags, where the settings name none."""


def open_tag_gold(task: Task) -> tuple[TagGold | None, TagGold | None]:
    """Load the gold that scores a task's tags, and the gold that its model learns from; no row is in both.

    Raises
    ------
    ConfigError
        `task.gold.calibrate` names the gold room, whose answers a run of tags does not read.
    GoldError
        The table or column can't be read, or names a tag that the schema doesn't know.
    """
    part, ledger = calibration_parts(task.config.task.gold.calibrate)
    if ledger:
        raise ConfigError(
            f"task.gold.calibrate: {LEDGER} is for tasks with one label a row",
            hint="export the answers to a table, and name it as task.gold.path",
        )
    if isinstance(part, str):
        return _load(task, f"COALESCE({part}, FALSE) = FALSE"), _load(task, part)
    gold = _load(task)
    if gold is None or part is None:
        return gold, None
    fitting, scoring = gold.parted(part)
    return scoring, fitting


def _load(task: Task, condition: str | None = None) -> TagGold | None:
    """Load the gold rows for which a condition holds."""
    gold = task.config.task.gold
    where = " AND ".join(f"({part})" for part in (gold.where, condition) if part) or None
    unknown: dict[str, Any] = {"leave_out_unknown": gold.unknown == "leave_out"}
    if gold.column:
        columns = task.corpus.columns
        if gold.column not in columns:
            hint = did_you_mean(gold.column, columns)
            what = f"task.gold.column: the corpus has no column {gold.column!r}"
            raise GoldError(what, available=columns, hint=hint)
        wanted = ("id", gold.column, *(name for name in columns if where and name in where))
        frame = task.corpus.scan().select(*dict.fromkeys(wanted)).collect()
        return load_tag_gold(frame, schema=task.schema, label=gold.column, where=where, **unknown)
    if not gold.path:
        return None
    options: dict[str, Any] = {
        "id": gold.id,
        "label": gold.label or COLUMN,
        "annotator": gold.annotator,
        "time": gold.time,
        "where": where,
        "separator": gold.separator,
    }
    with as_settings("task.gold", options):
        return load_tag_gold(task.project / gold.path, schema=task.schema, **options, **unknown)
