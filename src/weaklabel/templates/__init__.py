"""What `weaklabel init DIR` copies; files ending in .tmpl lose that ending."""

from __future__ import annotations

import shutil
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from weaklabel.errors import OutputError
from weaklabel.export import writing

ENDING = ".tmpl"


def write_project(folder: str | Path) -> Path:
    """Write a new project into a new or empty folder.

    Raises
    ------
    OutputError
        The folder is there and not empty, or can't be written.

    Examples
    --------
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> sorted(path.name for path in project.iterdir())
    ['.gitignore', 'README.md', 'conf', 'labeling_functions']
    """
    folder = Path(folder)
    with writing(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(
                f"{folder} is there already and not empty", hint="name a new folder; nothing was written"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".weaklabel-init-") as temporary:
            whole = Path(temporary) / "project"
            with as_file(files("weaklabel") / "templates" / "project") as template:
                shutil.copytree(template, whole, ignore=shutil.ignore_patterns("__pycache__"))
            for path in whole.rglob(f"*{ENDING}"):
                path.rename(path.with_name(path.name.removesuffix(ENDING)))
            whole.replace(folder)
    return folder
