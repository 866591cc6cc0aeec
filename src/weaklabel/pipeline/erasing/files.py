"""Files of which an item or annotator is taken out: tables lose rows, words lose names."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from weaklabel.export import sync, write_parquet, write_text, writing
from weaklabel.export.items import holds_item, is_export, write_without_item
from weaklabel.fingerprint import file_digest
from weaklabel.gold.ledger.bodies import nameless
from weaklabel.label_matrix.files import read_head, write_table

WORDS = (".json", ".yaml", ".yml", ".txt", ".md", ".csv", ".jsonl", ".html", "")
"""Ends of files that are read as text."""
_COLUMNS = ("id", "item", "annotator")
_SHORT = 3


def mentions(text: str, id: str) -> bool:
    """Return whether a text names an item or annotator; a number or a very short name only where it stands quoted.

    Examples
    --------
    >>> mentions("rows m17, m18", "m17"), mentions("m171", "m17"), mentions("12 rows", "12"), mentions("item '12'", "12")
    (True, False, False, True)
    """
    if len(id) < _SHORT or id.isdigit():
        return any(quoted in text for quoted in (repr(id), json.dumps(id, ensure_ascii=False), f"`{id}`"))
    return re.search(rf"(?<![\w-]){re.escape(id)}(?![\w-])", text) is not None


def words_of(path: Path) -> str:
    """Return the text of a file of words, that of JSON without escapes; of any other file nothing."""
    if path.suffix not in WORDS:
        return ""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".json":
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    except ValueError:
        return text


def without_name(path: Path, id: str) -> str | None:
    """Return a JSON or YAML file without a name, as text, or None where that changes nothing.

    A value that is the name becomes ``(erased)``, as it does where it stands quoted in a sentence; a key within a value
    goes, and so does the row of a table that is about it. The outermost keys are names of fields, and stay.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "config.yaml"
    >>> written = path.write_text("gold: {people: {ann: 1, bob: 1}}")
    >>> without_name(path, "ann")
    'gold:\\n  people:\\n    bob: 1\\n'
    """
    if path.suffix not in (".json", ".yaml", ".yml"):
        return None
    as_json = path.suffix == ".json"
    text = path.read_text(encoding="utf-8")
    try:
        before = json.loads(text) if as_json else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError):
        return None
    after = _without(before, id)
    if after == before:
        return None
    if as_json:
        return json.dumps(after, ensure_ascii=False, indent=2) + "\n"
    return str(yaml.safe_dump(after, allow_unicode=True, sort_keys=False))


def _without(value: Any, id: str) -> Any:
    if not isinstance(value, dict):
        return nameless(value, id)
    kept = dict(value)
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list):  # a table as MLflow keeps it
        at = [i for i, name in enumerate(columns) if name in _COLUMNS]
        kept["data"] = [row for row in data if id not in [row[i] for i in at]]
    return {name: nameless(one, id) for name, one in kept.items()}


# ---- tables ----


def tables(folder: Path) -> Iterator[Path]:
    """Give the tables of a run that have a row for each item."""
    yield from sorted(folder.glob("labels.*"))
    yield from sorted((folder / "votes").glob("[!.]*.parquet"))


def holds(path: Path, id: str) -> bool:
    """Return whether a table has a row of an item."""
    if is_export(path):
        return holds_item(path, id)
    if path.suffix == ".parquet":
        rows = pl.scan_parquet(path).filter(pl.col("id") == id).select(pl.len())
        return bool(rows.collect().item())
    return any(_id_of(record, path) == id for record in _records(path))


def without_row(path: Path, id: str) -> None:
    """Write a table of rows again without one, the others as they are."""
    if is_export(path):
        temporary = beside(path)
        write_without_item(path, id, temporary)
        with writing(path):
            temporary.replace(path)
        return
    if path.suffix == ".parquet":
        rows = pl.read_parquet(path).filter(pl.col("id") != id)
        temporary = beside(path)
        if path.parent.name == "votes":
            head = read_head(path)
            write_table(path, rows, head.labelers, head.silence, head.layout, head.faults)
            return
        write_parquet(rows, temporary)
        with writing(path):
            temporary.replace(path)
        return
    replace(path, "".join(record for record in _records(path) if _id_of(record, path) != id))


def _records(path: Path) -> Iterator[str]:
    """Give each record of a JSONL or CSV file as it stands; line ends within quotes belong to a record of CSV."""
    record = ""
    with path.open(encoding="utf-8", newline="") as file:
        for line in file:
            record += line
            if path.suffix != ".csv" or record.count('"') % 2 == 0:
                yield record
                record = ""
    if record:
        yield record


def _id_of(record: str, path: Path) -> str | None:
    """Return the id of a record; `id` is the first column of label tables."""
    if path.suffix == ".csv":
        row = next(csv.reader([record]), [])
        return row[0] if row else None
    value = json.loads(record)["id"] if record.strip() else None
    return None if value is None else str(value)


# ---- a run's own words ----


def task_of(folder: Path) -> str | None:
    """Return the task of a run; None where it does not say."""
    path = folder / "config.yaml"
    if not path.is_file():
        return None
    config = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    name = config.get("task", {}).get("name") if isinstance(config, dict) else None
    return None if name is None else str(name)


def note_erasure(folder: Path, note: str) -> None:
    """Say in a run's manifest that something was erased, with the files as they are now."""
    path = folder / "manifest.json"
    if not path.is_file():
        return
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["erased"] = [*(one for one in manifest.get("erased", []) if one != note), note]
    for name in manifest.get("files", {}):
        if (folder / name).is_file():
            manifest["files"][name] = file_digest(folder / name)
    replace(path, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")


def beside(path: Path) -> Path:
    """Return where a file is written before it takes its place."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def replace(path: Path, text: str) -> None:
    """Write a file again, whole or not at all."""
    temporary = beside(path)
    write_text(text, temporary)
    with writing(path):
        temporary.replace(path)
        sync(path.parent)
