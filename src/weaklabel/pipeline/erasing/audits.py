"""Erasing an item from audits: an audit that loses a row has ended, for nobody can make it again."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from weaklabel.export import write_parquet, writing
from weaklabel.pipeline.audits.files import ERASED, FOLDER, PAGE, PLAN
from weaklabel.pipeline.erasing.files import beside, replace, without_name
from weaklabel.pipeline.erasing.wanted import Found, Wanted


def in_audits(wanted: Wanted, really: bool) -> Found:
    """Take an item's row out of the tables and certificates of audits, and note that these audits have ended."""
    if wanted.kind != "item":
        return Found("audits", 0, "audits hold no annotators")
    names = []
    for plan in sorted((wanted.home / FOLDER).glob(f"[!.]*/{PLAN}")):
        folder = plan.parent
        if json.loads(plan.read_text(encoding="utf-8")).get("task") != wanted.config.task.name:
            continue
        tables = [path for path in sorted(folder.glob("*.parquet")) if _holds(path, wanted.id)]
        words = {path: without_name(path, wanted.id) for path in sorted(folder.glob("*.json"))}
        changed = {path: text for path, text in words.items() if text is not None}
        if not tables and not changed:
            continue
        names.append(folder.name)
        if really:
            for path, text in changed.items():
                replace(path, text)
            for path in tables:
                _without_row(path, wanted.id)
            replace(folder / ERASED, json.dumps([*_noted(folder), wanted.note]) + "\n")
            with writing(folder / PAGE):
                (folder / PAGE).unlink(missing_ok=True)
    what = f"in audits {', '.join(names)}, which end with it" if names else "in no audit"
    return Found("audits", len(names), what)


def _holds(path: Path, id: str) -> bool:
    return bool(pl.scan_parquet(path).filter(pl.col("id") == id).select(pl.len()).collect().item())


def _without_row(path: Path, id: str) -> None:
    rows, temporary = pl.read_parquet(path).filter(pl.col("id") != id), beside(path)
    write_parquet(rows, temporary)
    with writing(path):
        temporary.replace(path)


def _noted(folder: Path) -> list[str]:
    path = folder / ERASED
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []
