"""Labels by name: those of a run, or of a version of the label table."""

from __future__ import annotations

from pathlib import Path

from weaklabel.pipeline.diffing.runs import open_run_side
from weaklabel.pipeline.diffing.side import LAST, LATEST, Side
from weaklabel.pipeline.diffing.versions import label_table, open_version
from weaklabel.settings import Config


def open_side(config: Config, project: Path, name: str) -> Side:
    """Open a run (its id, or `last`) or a version of the label table (`v3`, or `latest`) of a task.

    Raises
    ------
    WeakLabelError
        There is no such run or version of the task, or its files can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline import run
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> config = load(project, ["tracking=none", "plots=false"])
    >>> made = run(config, project=project)
    >>> side = open_side(config, project, "last")
    >>> side.name == made.run_id, sorted(side.rules)
    (True, ['asks', 'grumbles', 'says_thanks'])
    """
    if name == LATEST or (name[:1] in "vV" and name[1:].isdigit()):
        return open_version(config, project, None if name == LATEST else int(name[1:]))
    return open_run_side(config.task.name, project, name)


def open_standing(config: Config, project: Path, at: str | None = None) -> Side:
    """Return the side that is asked for; none asked for: the newest version of the label table, else the last run.

    Raises
    ------
    WeakLabelError
        There is neither.
    """
    if at is not None:
        return open_side(config, project, at)
    if label_table(config, project).version() is not None:
        return open_side(config, project, LATEST)
    return open_side(config, project, LAST)
