"""Tables that people fill in: CSV or JSON Lines out, CSV, TSV, JSON Lines or Parquet back, with columns by name."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, did_you_mean
from weaklabel.gold.ledger.answers import KINDS
from weaklabel.gold.tools.files import READERS, File, Record, csv_records, tool_files
from weaklabel.gold.tools.incoming import Asked, Faults, Given, ToolAnswers, settle, unknown_option
from weaklabel.gold.tools.names import ID, SUGGESTION
from weaklabel.gold.tools.outgoing import Row, choices, outgoing
from weaklabel.gold.tools.values import assigned, carried, duration, joined, moment, ours
from weaklabel.gold.tools.writing import ToolFiles, free_names, json_lines, write_folder
from weaklabel.schema import LabelSchema

NAME = "table"
FORMATS = ("csv", "jsonl")
COLUMNS = {
    "item": ID,
    "text": "text",
    "annotator": "annotator",
    "label": "label",
    "kind": "kind",
    "at": "at",
    "seconds": "seconds",
    "comment": "comment",
}
"""Columns that are read, and the names they have unless the caller names others."""
JOIN = "|"
"""What stands between several labels in one cell."""

_SKIP = "skip"
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"^(0\d+|\d{12,}|\d+[eE]\d+|\d{1,2}[-/.]\d{1,2}([-/.]\d{2,4})?)$")


def write(
    items: pl.DataFrame,
    *,
    schema: LabelSchema,
    folder: str | Path,
    id: str = "id",
    text: str = "text",
    fields: Sequence[str] = (),
    batch: str | None = None,
    guideline: str | None = None,
    suggestions: pl.DataFrame | None = None,
    assignment: pl.DataFrame | None = None,
    extras: Sequence[str] = ("none", "unsure"),
    format: str = "csv",
) -> ToolFiles:
    """Write tables with empty columns for the label and a comment.

    Parameters
    ----------
    items, schema, id, text, fields, batch, guideline, suggestions, assignment, extras
        As `outgoing` takes them. A suggestion stands in a column of its own.
    folder
        A new folder.
    format
        "csv" (UTF-8 with a mark by which spreadsheets know it) or "jsonl".

    Raises
    ------
    Problems
        Something is wrong with the items.
    OutputError
        The folder is not empty or can't be written.

    Examples
    --------
    >>> import tempfile
    >>> items = pl.DataFrame({"id": ["a"], "text": ["hello"]})
    >>> out = write(items, schema=LabelSchema(["ham", "spam"]), folder=tempfile.mkdtemp(), format="jsonl")
    >>> out.paths[0].read_text()
    '{"text": "hello", "label": null, "comment": null, "weaklabel_id": "a"}\\n'
    """
    if format not in FORMATS:
        raise unknown_option("format of tables", format, FORMATS)
    out = outgoing(
        items,
        schema=schema,
        id=id,
        text=text,
        fields=fields,
        batch=batch,
        guideline=guideline,
        suggestions=suggestions,
        assignment=assignment,
        extras=extras,
    )
    texts, notes = {}, list(out.notes)
    for stem, (_, rows) in out.files.items():
        lines = [_written(row) for row in rows]
        texts[f"{stem}.{format}"] = _csv(lines) if format == "csv" else json_lines(lines)
    if format == "csv":
        notes += _warnings({row.id: row for _, rows in out.files.values() for row in rows}.values())
    texts["README.md"] = _readme(list(texts), schema, extras)
    return write_folder(folder, texts, notes)


def read(
    path: str | Path | Sequence[str | Path],
    *,
    schema: LabelSchema,
    batch: str | None = None,
    guideline: str | None = None,
    annotator: str | None = None,
    people: Mapping[str, str] | None = None,
    by_text: pl.DataFrame | None = None,
    columns: Mapping[str, str] | None = None,
    join: str = JOIN,
) -> ToolAnswers:
    """Read tables of answers.

    Parameters
    ----------
    path
        A file, a folder of them, or several: CSV, TSV, JSON Lines, or Parquet.
    schema, batch, guideline, annotator, people, by_text
        As in `Asked`.
    columns
        What is called otherwise in the table than in `COLUMNS`: ``{"item": "id", "label": "answer"}``.
    join
        What stands between several labels in one cell.

    Returns
    -------
    ToolAnswers
        A row without label and kind is not answered and left out. Where `kind` is empty, the words "none of these",
        "unsure" and "skip" in the label's cell are no labels, unless the schema has them.

    Raises
    ------
    GoldError
        A file can't be read, or lacks a column.
    Problems
        Labels, items or people that can't be found; kinds or times that are none.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "answers.csv"
    >>> _ = file.write_text("id,who,label\\na,ann,ham\\nb,ann,unsure\\nc,ann,\\n")
    >>> back = read(file, schema=LabelSchema(["ham", "spam"]), columns={"item": "id", "annotator": "who"})
    >>> back.frame.select("item", "annotator", "kind", "labels").rows(), back.notes
    ([('a', 'ann', 'label', ['ham']), ('b', 'ann', 'unsure', [])], ('rows without an answer, left out: 1',))
    """
    unknown = [name for name in columns or () if name not in COLUMNS]
    if unknown:
        raise unknown_option("column of answers called", unknown[0], tuple(COLUMNS))
    asked = Asked(schema, batch, guideline, annotator, people or {}, by_text)
    names = {**COLUMNS, **(columns or {})}
    faults, left_out = Faults(), Counter[str]()
    given = []
    for file in tool_files(path, (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")):
        records = _records(file, [names["item"], names["label"]])
        _check(file, records, names, columns or {}, by_text is not None)
        given += [one for record in records for one in _answer(record, names, asked, join, left_out, faults)]
    return settle(NAME, given, asked, left_out, faults)


def _written(row: Row) -> dict[str, Any]:
    reserved = ("text", *COLUMNS.values())
    return {"text": row.text, **free_names(row.fields, reserved), "label": None, "comment": None, **row.ours}


def _csv(lines: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for line in lines for name in line))
    names = [name for name in names if name != SUGGESTION] + [SUGGESTION] * (SUGGESTION in names)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(names)
    for line in lines:
        writer.writerow([_cell(line.get(name)) for name in names])
    return "\ufeff" + out.getvalue()


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json_lines([value]).strip()


def _warnings(rows: Iterable[Row]) -> Iterator[str]:
    rows = list(rows)
    formulas = sum(_FORMULA.match(row.text) is not None for row in rows)
    numbers = sum(_NUMBER.match(row.id) is not None for row in rows)
    if formulas:
        yield f"texts that begin like a formula (open the table with all columns as text): {formulas}"
    if numbers:
        yield f"ids that a spreadsheet may rewrite as numbers or dates (open all columns as text): {numbers}"


def _readme(files: Sequence[str], schema: LabelSchema, extras: Sequence[str]) -> str:
    names = [name for name, _ in choices(schema, extras)]
    several = "" if schema.exclusive else f" Several labels of one text: with `{JOIN}` between them."
    return (
        "# Tables to fill in\n\n"
        f"In {', '.join(f'`{name}`' for name in files)}, write one of these into the column `label`: "
        f"{', '.join(f'`{name}`' for name in names)}, or `{_SKIP}`.{several} An empty cell means: not yet answered.\n"
        "Questions go into `comment`. Columns whose names begin with `weaklabel_` must stay as they are.\n"
    )


def _records(file: File, wanted: Sequence[str]) -> list[Record]:
    if file.suffix == ".parquet":
        return _parquet(file)
    if file.suffix == ".tsv":
        return csv_records(file, separator="\t")
    if file.suffix != ".csv":
        return READERS[file.suffix](file)
    head = file.raw[:65536].decode("utf-8-sig", "replace").partition("\n")[0]
    fits = [s for s in (",", ";", "\t") if set(wanted) & {cell.strip('"\r ') for cell in head.split(s)}]
    return csv_records(file, separator=fits[0] if fits else ",")


def _parquet(file: File) -> list[Record]:
    try:
        frame = pl.read_parquet(io.BytesIO(file.raw))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise GoldError("not a Parquet file that can be read", where=file.name) from error
    return [
        Record(f"{file.name}: row {i}", dict(line)) for i, line in enumerate(frame.iter_rows(named=True), 1)
    ]


def _check(
    file: File,
    records: Sequence[Record],
    names: Mapping[str, str],
    asked: Mapping[str, str],
    by_text: bool,
) -> None:
    """Say which columns are missing."""
    there = list(dict.fromkeys(name for record in records for name in record.data))
    if not records:
        return
    needed = {"label", *asked} | ({"text"} if by_text else {"item"})
    if "kind" in there and "label" not in asked:
        needed.discard("label")
    for role in names:
        if role in needed and names[role] not in there and not (role == "item" and by_text):
            near = did_you_mean(names[role], there) if role in asked else None
            hint = near or f'name it: columns={{"{role}": …}}'
            raise GoldError(
                f"no column {names[role]!r} ({role})", where=file.name, available=there, hint=hint
            )


def _answer(
    record: Record,
    names: Mapping[str, str],
    asked: Asked,
    join: str,
    left_out: Counter[str],
    faults: Faults,
) -> Iterator[Given]:
    data, place = record.data, record.place
    cell = {role: data.get(name) for role, name in names.items()}
    kind = str(cell["kind"] or "").strip()
    if kind and kind not in KINDS:
        faults.add(f"unknown kind {kind!r}", place, available=KINDS, hint=did_you_mean(kind, KINDS))
        return
    try:
        labels = _labels(cell["label"], join, asked.schema)
    except ValueError as error:
        faults.add(f"labels that can be read in two ways: {error}", place, hint="name another join=")
        return
    if not kind and labels == (_SKIP,) and _SKIP not in asked.schema:
        kind, labels = "skip", ()
    if not kind and not labels:
        left_out["rows without an answer, left out"] += 1
        return
    kind = kind or "label"
    if (kind in ("label", "not")) != bool(labels):
        faults.add(f"kind {kind!r} {'with' if labels else 'without'} a label", place)
        return
    try:
        at = cell["at"] if hasattr(cell["at"], "tzinfo") else moment(cell["at"])
    except ValueError:
        faults.add(f"not a time: {cell['at']!r}", place, hint="2026-05-31T12:00:00+00:00")
        return
    who = ours(data, names["annotator"])
    comment = cell["comment"]
    yield Given(
        place,
        ours(data, names["item"]),
        cell["text"] if isinstance(cell["text"], str) else None,
        (who,) if who is not None else assigned(data),
        kind,
        labels,
        at=at,
        seconds=duration(cell["seconds"]),
        comment=None if comment is None else str(comment),
        **carried(data),
    )


def _labels(cell: Any, join: str, schema: LabelSchema) -> tuple[str, ...]:
    if cell is None:
        return ()
    if isinstance(cell, (list, tuple)):
        return tuple(str(each) for each in cell if each is not None)
    text = str(cell)
    if text in schema:
        return (text,)
    return joined(text.strip(), join, schema)
