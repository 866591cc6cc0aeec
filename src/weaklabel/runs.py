"""A run's folder: built beside its place, whole or not at all; and the manifest that lies in it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from weaklabel.errors import OutputError
from weaklabel.export import sync, write_text, writing
from weaklabel.fingerprint import file_digest

HOME = ".weaklabel"
LIBRARIES = ("weaklabel", "polars", "numpy", "numba", "scipy", "scikit-learn", "snorkel", "spacy", "mlflow")
_BUILDING = ".building-"
_DAY = 24 * 60 * 60


def new_run_id(config: Mapping[str, Any]) -> str:
    """Return an id for a run that starts now: UTC time, then six hex digits; ids sort by time.

    Four of the digits are the part of the second, so that runs within one second sort too.

    Examples
    --------
    >>> len(new_run_id({})), new_run_id({}) < new_run_id({})[:8] + "-999999"
    (22, True)
    """
    now = datetime.now(UTC)
    seed = json.dumps([dict(config), time.time_ns(), os.getpid()], sort_keys=True, default=str)
    part = now.microsecond * 65536 // 1_000_000
    return f"{now:%Y%m%d-%H%M%S}-{part:04x}{hashlib.blake2b(seed.encode(), digest_size=1).hexdigest()}"


def home(project: str | Path) -> Path:
    """Return a project's folder for everything that is written, made if need be.

    Raises
    ------
    OutputError
        It can't be made, or can't be written into.
    """
    folder = Path(project) / HOME
    if folder.exists() and not folder.is_dir():
        raise OutputError("a file is in the way of the output folder", where=str(folder), hint="move it away")
    with writing(folder):
        folder.mkdir(exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            "can't write into the project's output folder",
            where=str(folder),
            hint="check its owner and permissions",
        )
    return folder


@contextmanager
def building(project: str | Path, run_id: str) -> Iterator[Path]:
    """Give a temporary folder, and rename it to .weaklabel/runs/<run_id> when all went well.

    Whatever goes wrong inside, the temporary folder is removed. One that a killed process left behind is never
    read, and is removed a day later.

    Raises
    ------
    OutputError
        The folder can't be made, filled or renamed.
    """
    runs = home(project) / "runs"
    temporary = runs / f"{_BUILDING}{run_id}"
    with writing(runs):
        runs.mkdir(exist_ok=True)
        _remove_left_behind(runs)
        temporary.mkdir()
    try:
        yield temporary
        with writing(runs / run_id):
            for folder in (temporary, *(p for p in temporary.rglob("*") if p.is_dir())):
                sync(folder)
            temporary.rename(runs / run_id)
            sync(runs)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_manifest(
    folder: Path,
    *,
    run_id: str,
    fingerprints: Mapping[str, str | None],
    counts: Mapping[str, int],
    files: Sequence[Path],
    schema_version: str,
) -> dict[str, Any]:
    """Write manifest.json: what a run was made from and what it made; return what it holds."""
    manifest = {
        "format": 1,
        "run_id": run_id,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "schema_version": schema_version,
        "fingerprints": dict(fingerprints),
        "counts": dict(counts),
        "files": {path.name: file_digest(path) for path in files},
        "versions": {"python": platform.python_version(), **_versions()},
    }
    write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", folder / "manifest.json")
    return manifest


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _remove_left_behind(runs: Path) -> None:
    for folder in runs.glob(f"{_BUILDING}*"):
        if time.time() - folder.stat().st_mtime > _DAY:
            shutil.rmtree(folder, ignore_errors=True)
