"""The verbs: vote, fit, label, score, and `run`, which does them all and leaves one whole folder."""

from weaklabel.pipeline.gold import open_calibration, open_gold
from weaklabel.pipeline.labels import fit, label_table
from weaklabel.pipeline.result import RunResult
from weaklabel.pipeline.task import (
    Task,
    label_of,
    open_corpus,
    open_registry,
    open_task,
    relative,
)
from weaklabel.pipeline.votes import Observer, VoteTask, vote
from weaklabel.pipeline.whole import run, tracking_store

__all__ = [
    "Observer",
    "RunResult",
    "Task",
    "VoteTask",
    "fit",
    "label_of",
    "label_table",
    "open_calibration",
    "open_corpus",
    "open_gold",
    "open_registry",
    "open_task",
    "relative",
    "run",
    "tracking_store",
    "vote",
]
