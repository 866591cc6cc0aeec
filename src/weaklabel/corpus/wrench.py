"""WRENCH directories: train.json, valid.json, test.json and label.json as one table.

Columns: `id` ("train:0"), `split`, `gold` (the label's name, null when unknown), the fields of `data`, and
`weak_labels` where entries have them. A file is parsed whole: these data sets are small.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from weaklabel.corpus import tables
from weaklabel.corpus.columns import Columns, Decoder
from weaklabel.corpus.encoding import SAMPLE, not_utf8
from weaklabel.corpus.files import SourceFile, source_file
from weaklabel.corpus.json_types import frame_of
from weaklabel.corpus.tables import Part, Piece, Reading, Table
from weaklabel.errors import CorpusError, did_you_mean

_OWN = {"id": pl.String(), "split": pl.String(), "gold": pl.String()}
_VOTES = "weak_labels"
_KEYS = {"label", "data", _VOTES}


def inspect(files: Sequence[SourceFile], reading: Reading) -> Table:
    """Read all splits once: entries, labels, fields of `data`."""
    also = _label_files(files)
    names = _label_names(also)
    columns = Columns(reading.text_columns)
    parts, votes = [], False
    for file in files:
        entries = _entries(file)
        _rows(file, entries, names)
        for key, entry in entries.items():
            columns.add(entry["data"], f"{file.path}, entry {key!r}")
            votes = votes or entry.get(_VOTES) is not None
        parts.append(_part(file, len(entries)))
    schema = {**_OWN, **columns.schema, **({_VOTES: pl.List(pl.Int8())} if votes else {})}
    clash = sorted(set(columns.types) & {*_OWN, _VOTES})
    if clash:
        raise CorpusError(
            f"the data field {clash[0]!r} has the name of a column of the format", where=str(files[0].path)
        )
    filled = tuple(part for part in parts if part.rows)
    return Table(schema, filled, also)


def cut(part: Part, reading: Reading, target_rows: int, target_bytes: int) -> tuple[Piece, ...]:
    """Cut a file into runs of rows."""
    starts = range(0, part.rows, target_rows)
    stops = [min(start + target_rows, part.rows) for start in starts]
    return tuple(Piece(a, b, a, b - a) for a, b in zip(starts, stops, strict=True))


def read(table: Table, part: Part, piece: Piece, reading: Reading, columns: Sequence[str]) -> pl.DataFrame:
    """Read the columns of one shard."""
    entries = _entries(part.file)
    rows = _rows(part.file, entries, _label_names(table.also))[piece.start : piece.stop]
    schema = tables.only(table.schema, columns)
    if not columns:
        return pl.DataFrame(height=len(rows))
    own = {name for name in columns if name in _OWN or name == _VOTES}
    flat = [{name: row[name] if name in own else row["data"].get(name) for name in columns} for row in rows]
    return frame_of(flat, schema)


def locate(part: Part, reading: Reading, row: int) -> str:
    """Return file and row."""
    return tables.place(part, row)


def _part(file: SourceFile, rows: int) -> Part:
    part = Part(file, rows, (), ())
    pieces = cut(part, Reading("wrench"), tables.TARGET_ROWS, tables.TARGET_BYTES)
    return Part(file, rows, (), pieces)


def _label_files(files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    folders = sorted({file.path.parent for file in files})
    if len(folders) > 1:
        where = ", ".join(map(str, folders[:2]))
        raise CorpusError("two WRENCH directories are two corpora", where=where, hint="name one at a time")
    path = folders[0] / "label.json"
    try:
        return (source_file(path, path.name),)
    except CorpusError as error:
        hint = 'it names the classes: {"0": "NEG", "1": "POS"}'
        raise CorpusError(
            "the WRENCH directory has no readable label.json", where=str(folders[0]), hint=hint
        ) from error


def _label_names(files: Sequence[SourceFile]) -> dict[int, str]:
    file = files[0]
    loaded = _load(file)
    if not isinstance(loaded, dict) or not all(isinstance(name, str) for name in loaded.values()):
        raise CorpusError(
            "label.json maps codes to names", where=str(file.path), hint='{"0": "NEG", "1": "POS"}'
        )
    try:
        return {int(code): name for code, name in loaded.items()}
    except ValueError as error:
        raise CorpusError(f"a label code is a whole number: {error}", where=str(file.path)) from error


def _load(file: SourceFile) -> Any:
    raw = tables.read_range(file.path, 0, file.size)
    wrong = not_utf8(raw[:SAMPLE])
    if wrong is not None:
        raise CorpusError(wrong[0], where=str(file.path), hint=wrong[1])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"not UTF-8: byte 0x{raw[error.start]:02x} at byte {error.start} of the file"
        raise CorpusError(what, where=f"{file.path}:{line}", hint="save the file as UTF-8") from error
    return Decoder().decode(text, str(file.path))


def _entries(file: SourceFile) -> dict[str, dict[str, Any]]:
    loaded = _load(file)
    hint = '{"0": {"label": 1, "data": {"text": "hello"}}}'
    if not isinstance(loaded, dict):
        raise CorpusError("a WRENCH split maps keys to entries", where=str(file.path), hint=hint)
    for key, entry in loaded.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("data"), dict):
            raise CorpusError(f"entry {key!r} has no `data` object", where=str(file.path), hint=hint)
    return loaded


def _rows(
    file: SourceFile, entries: Mapping[str, Mapping[str, Any]], names: Mapping[int, str]
) -> list[dict[str, Any]]:
    split = file.path.stem
    rows = []
    for key, entry in entries.items():
        where = f"{file.path}, entry {key!r}"
        row = {"id": f"{split}:{key}", "split": split, "data": entry["data"]}
        row["gold"] = _gold(entry.get("label"), names, where)
        row[_VOTES] = _checked_votes(entry.get(_VOTES), where)
        rows.append(row)
    return rows


def _gold(code: Any, names: Mapping[int, str], where: str) -> str | None:
    if code is None or code == -1:
        return None
    if isinstance(code, bool) or not isinstance(code, int) or code not in names:
        hint = did_you_mean(code, map(str, names))
        raise CorpusError(
            f"label {json.dumps(code)} is not in label.json", where=where, available=names, hint=hint
        )
    return names[code]


def _checked_votes(votes: Any, where: str) -> list[int] | None:
    if votes is None:
        return None
    fine = isinstance(votes, list) and all(type(v) is int and -2 <= v <= 126 for v in votes)
    if not fine:
        raise CorpusError("`weak_labels` is a list of whole numbers from -2 to 126", where=where)
    return votes
