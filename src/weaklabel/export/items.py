"""Single items in files that were written: whether one is there, and the file without it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weaklabel.export.files import sync, writing
from weaklabel.gold.tools.names import ID


def is_export(path: Path) -> bool:
    """Return whether a file has a form of its own, which this module knows how to take an item out of.

    Examples
    --------
    >>> is_export(Path("labels.spacy")), is_export(Path("labels.csv"))
    (True, False)
    """
    return path.name in _FORMS


def holds_item(path: Path, id: str) -> bool:
    """Return whether an export holds an item.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels.doccano.jsonl"
    >>> _ = path.write_text('{"text": "hello", "label": [], "weaklabel_id": "a"}\\n')
    >>> holds_item(path, "a"), holds_item(path, "b")
    (True, False)
    """
    return _FORMS[path.name](path, id) is not None


def write_without_item(path: Path, id: str, target: Path) -> None:
    """Write an export without an item under another name, flushed; what was said about other items stays as it is.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels.doccano.jsonl"
    >>> _ = path.write_text('{"text": "hello", "label": [], "weaklabel_id": "a"}\\n')
    >>> write_without_item(path, "a", path.with_name("new"))
    >>> path.with_name("new").read_text()
    ''
    """
    rest = _FORMS[path.name](path, id)
    with writing(target):
        target.write_bytes(path.read_bytes() if rest is None else rest)
        sync(target)


def _doccano(path: Path, id: str) -> bytes | None:
    return _lines(path, lambda data: data.get(ID) == id)


def _prodigy(path: Path, id: str) -> bytes | None:
    return _lines(path, lambda data: data["meta"].get(ID) == id)


def _lines(path: Path, is_item: Callable[[dict[str, Any]], bool]) -> bytes | None:
    before = path.read_bytes().splitlines(keepends=True)
    after = [line for line in before if not is_item(json.loads(line))]
    return None if len(after) == len(before) else b"".join(after)


def _label_studio(path: Path, id: str) -> bytes | None:
    first, *tasks, last = path.read_bytes().split(b"\n")[
        :-1
    ]  # one task a line, with a comma behind all but the last
    bare = [task.rstrip(b",") for task in tasks]
    kept = [task for task in bare if task and json.loads(task)["data"].get(ID) != id]
    if len(kept) == len([task for task in bare if task]):
        return None
    return b"\n".join([first, *([b",\n".join(kept)] if kept else []), last, b""])


def _hugging_face(path: Path, id: str) -> bytes | None:
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    kept = table.filter(pyarrow.compute.not_equal(table["id"], id))  # with the features in its metadata
    if kept.num_rows == table.num_rows:
        return None
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(kept, buffer)
    return bytes(buffer.getvalue())


def _spacy(path: Path, id: str) -> bytes | None:
    from weaklabel.export.spacy_docs import without_document

    return without_document(path.read_bytes(), id)


def _nothing(path: Path, id: str) -> bytes | None:
    return None


_FORMS: dict[str, Callable[[Path, str], bytes | None]] = {
    "labels.huggingface.parquet": _hugging_face,
    "labels.spacy": _spacy,
    "labels.label_studio.json": _label_studio,
    "labels.label_studio.xml": _nothing,
    "labels.doccano.jsonl": _doccano,
    "labels.doccano.json": _nothing,
    "labels.prodigy.jsonl": _prodigy,
}
"""A file without an item, as bytes; None where it does not hold it."""
