"""doccano: JSON Lines and label settings out, its exports (ZIP, JSON Lines, JSON, CSV) back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.tools.files import READERS, Record, tool_files
from weaklabel.gold.tools.incoming import Asked, Faults, Given, ToolAnswers, settle, unknown_option
from weaklabel.gold.tools.names import ID
from weaklabel.gold.tools.outgoing import Row, choices, outgoing
from weaklabel.gold.tools.values import assigned, carried, joined, ours
from weaklabel.gold.tools.writing import ToolFiles, free_names, json_lines, write_folder
from weaklabel.schema import LabelSchema

NAME = "doccano"
CONFIG = "label_config.json"
EMPTY = ("unanswered", "none")
_COMMENTS = "Comments"
_RESERVED = (
    "id",
    "text",
    "data",
    "label",
    "labels",
    "cats",
    "categories",
    "entities",
    "relations",
    _COMMENTS,
)
_KEYS = "123456789abcdefghijklmnopqrstuvwxyz"
_LONGEST = 100
_COLOURS = (
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#ff7f0e",
)  # fmt: skip


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
) -> ToolFiles:
    """Write a data set for doccano and the settings of its labels.

    Parameters
    ----------
    items, schema, id, text, fields, batch, guideline, suggestions, assignment, extras
        As `outgoing` takes them. A suggestion is shown beside the text and not as a label: doccano would give a label
        back as if the person had chosen it.
    folder
        A new folder.

    Raises
    ------
    Problems
        Something is wrong with the items.
    GoldError
        A label is longer than doccano allows.
    OutputError
        The folder is not empty or can't be written.

    Examples
    --------
    >>> import tempfile
    >>> items = pl.DataFrame({"id": ["a"], "text": ["hello"]})
    >>> out = write(items, schema=LabelSchema(["ham", "spam"]), folder=tempfile.mkdtemp())
    >>> out.paths[0].read_text()
    '{"text": "hello", "label": [], "weaklabel_id": "a"}\\n'
    """
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
    texts = {f"{stem}.jsonl": json_lines(map(_written, rows)) for stem, (_, rows) in out.files.items()}
    texts |= {CONFIG: label_config(schema, extras=extras), "README.md": _readme(list(texts), schema)}
    return write_folder(folder, texts, out.notes)


def label_config(schema: LabelSchema, *, extras: Sequence[str] = ("none", "unsure")) -> str:
    """Return doccano's label settings as JSON: names, shortcuts and colours.

    Raises
    ------
    GoldError
        A label is longer than doccano allows.

    Examples
    --------
    >>> json.loads(label_config(LabelSchema(["ham", "spam"]), extras=[]))[1]["text"]
    'spam'
    """
    names = [name for name, _ in choices(schema, extras)]
    long = [name for name in names if len(name) > _LONGEST]
    if long:
        raise GoldError(f"the label {long[0]!r} has {len(long[0])} characters; doccano takes {_LONGEST}")
    entries = [
        {
            "text": name,
            "prefix_key": None,
            "suffix_key": _KEYS[i] if i < len(_KEYS) else None,
            "background_color": _COLOURS[i % len(_COLOURS)],
            "text_color": "#ffffff",
        }
        for i, name in enumerate(names)
    ]
    return json.dumps(entries, ensure_ascii=False, indent=2) + "\n"


def read(
    path: str | Path | Sequence[str | Path],
    *,
    schema: LabelSchema,
    batch: str | None = None,
    guideline: str | None = None,
    annotator: str | None = None,
    people: Mapping[str, str] | None = None,
    by_text: pl.DataFrame | None = None,
    empty: str = "unanswered",
) -> ToolAnswers:
    """Read doccano's export of a project for text classification.

    Parameters
    ----------
    path
        The ZIP, or a file that lay in it, or a folder of them. A file's name says who answered, unless it is `all`:
        then it is the person whom the item was meant for, or `annotator`.
    schema, batch, guideline, annotator, people, by_text
        As in `Asked`.
    empty
        What a row without a label means. "unanswered": doccano gives such rows also for texts that nobody has looked
        at, so they, left out. "none": none of the labels; right for an export of approved texts only.

    Raises
    ------
    GoldError
        A file can't be read.
    Problems
        Labels, items or people that can't be found.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "ann.jsonl"
    >>> _ = file.write_text('{"id": 9, "text": "hello", "label": ["ham"], "Comments": [], "weaklabel_id": "a"}')
    >>> read(file, schema=LabelSchema(["ham", "spam"])).frame.select("item", "annotator", "labels").rows()
    [('a', 'ann', ['ham'])]
    """
    if empty not in EMPTY:
        raise unknown_option("meaning of a row without a label", empty, EMPTY)
    asked = Asked(schema, batch, guideline, annotator, people or {}, by_text)
    faults, left_out = Faults(), Counter[str]()
    given = []
    for file in tool_files(path, (".zip", ".jsonl", ".json", ".csv"), skip=(CONFIG,)):
        for record in READERS[file.suffix](file):
            one = _answer(file.stem, record, asked, empty, left_out, faults)
            if one is not None:
                given.append(one)
    return settle(NAME, given, asked, left_out, faults)


def _written(row: Row) -> dict[str, Any]:
    return {"text": row.text, "label": [], **free_names(row.fields, _RESERVED), **row.ours}


def _readme(files: Sequence[str], schema: LabelSchema) -> str:
    single = "a single label" if schema.exclusive else "several labels"
    return (
        "# For doccano\n\n"
        f"1. Make a project for text classification with {single} per text. Annotations must not be shared between\n"
        "   users: else nobody can say who answered.\n"
        f"2. Import the labels from `{CONFIG}`.\n"
        f"3. Import {', '.join(f'`{name}`' for name in files)} as JSONL, with `text` as the column of data and `label`\n"
        "   as the column of labels. One project for each file keeps people apart. Names that begin with `weaklabel_`\n"
        "   must stay as they are.\n"
        "4. Export as JSONL. Export approved texts only, if everybody approves what they have looked at: then a text\n"
        "   without a label means none of them, and the import must be told so.\n"
    )


def _answer(
    stem: str, record: Record, asked: Asked, empty: str, left_out: Counter[str], faults: Faults
) -> Given | None:
    data = record.data
    if "annotations" in data and "label" not in data:
        hint = "export it with a newer doccano"
        faults.add("the form of an old doccano, which gives labels as numbers", record.place, hint=hint)
        return None
    found = next((data[name] for name in ("label", "labels", "cats", "categories") if name in data), None)
    labels = _labels(found, record, asked.schema, left_out, faults)
    for name in ("entities", "spans"):
        spans = data.get(name)
        left_out["spans, left out (only labels of whole texts are read)"] += (
            len(spans) if isinstance(spans, list) else 0
        )
    if labels is None:
        return None
    comment = _comment(data.get(_COMMENTS))
    if not labels and empty == "unanswered":
        if comment is not None:
            left_out["rows with a comment and no label, read as unsure"] += 1
        else:
            left_out["rows without a label, left out (nobody may have looked at them; see empty=)"] += 1
            return None
    sent = carried(data)
    alone = stem != "all"
    text = data.get("text", data.get("data"))
    return Given(
        record.place,
        ours(data, ID),
        text if isinstance(text, str) else None,
        (stem,) if alone else assigned(data),
        "label" if labels else ("none" if empty == "none" else "unsure"),
        labels,
        comment=comment,
        **sent,
    )


def _labels(
    found: Any, record: Record, schema: LabelSchema, left_out: Counter[str], faults: Faults
) -> tuple[str, ...] | None:
    """Return the labels of a row; None where it holds spans only, or can't be read."""
    if found is None or found == "":
        return ()
    if isinstance(found, str):
        try:
            return joined(found, "#", schema)
        except ValueError as error:
            faults.add(f"labels that can be read in two ways: {error}", record.place, hint="export as JSONL")
            return None
    if not isinstance(found, list):
        return (str(found),)
    spans = [each for each in found if isinstance(each, (list, dict))]
    left_out["spans, left out (only labels of whole texts are read)"] += len(spans)
    whole = tuple(str(each) for each in found if each is not None and not isinstance(each, (list, dict)))
    return None if spans and not whole else whole


def _comment(found: Any) -> str | None:
    lines = found if isinstance(found, list) else [found]
    return "\n".join(str(line) for line in lines if line not in (None, "")) or None
