"""Tools that people label in: each a pair, `write` for what leaves and `read` for what comes back.

A new tool is one file with such a pair and one line in `TOOLS`; `tests/gold/test_tools.py` runs over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.gold.tools import doccano, label_studio, prodigy, tables
from weaklabel.gold.tools.incoming import ToolAnswers, unknown_option
from weaklabel.gold.tools.names import EXTRAS
from weaklabel.gold.tools.writing import ToolFiles
from weaklabel.schema import LabelSchema

__all__ = ["EXTRAS", "TOOLS", "Tool", "ToolAnswers", "ToolFiles", "from_tool", "to_tool"]


@dataclass(frozen=True)
class Tool:
    """One tool.

    Parameters
    ----------
    name
        As it stands in the column `tool` of answers and in settings.
    title
        As people call it.
    write, read
        See `to_tool` and `from_tool`.

    Examples
    --------
    >>> TOOLS["label_studio"].title
    'Label Studio'
    """

    name: str
    title: str
    write: Callable[..., ToolFiles]
    read: Callable[..., ToolAnswers]


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(label_studio.NAME, "Label Studio", label_studio.write, label_studio.read),
        Tool(doccano.NAME, "doccano", doccano.write, doccano.read),
        Tool(prodigy.NAME, "Prodigy", prodigy.write, prodigy.read),
        Tool(tables.NAME, "tables", tables.write, tables.read),
    )
}


def to_tool(
    name: str, items: pl.DataFrame, *, schema: LabelSchema, folder: str | Path, **options: Any
) -> ToolFiles:
    """Write items for a tool, with the settings it needs and a README.md that says what to do with them.

    Parameters
    ----------
    name
        One of `TOOLS`.
    items
        One row an item.
    schema
        The labels.
    folder
        A new folder.
    **options
        Of every tool: `id`, `text` (columns), `fields` (further columns that may leave; all others stay), `batch`,
        `guideline`, `suggestions`, `assignment`, `extras`: see `weaklabel.gold.tools.outgoing.outgoing`. Of tables:
        `format`.

    Raises
    ------
    GoldError
        There is no such tool.
    Problems
        Something is wrong with the items.
    OutputError
        The folder is not empty or can't be written.

    Examples
    --------
    >>> import tempfile
    >>> items = pl.DataFrame({"id": ["a", "b"], "text": ["one", "two"]})
    >>> assignment = pl.DataFrame({"annotator": ["ann", "bob", "bob"], "item": ["a", "b", "a"]})
    >>> out = to_tool("prodigy", items, schema=LabelSchema(["ham", "spam"]), folder=tempfile.mkdtemp(),
    ...               assignment=assignment)
    >>> out.files
    ('ann.jsonl', 'bob.jsonl', 'prodigy.json', 'README.md')
    """
    return _tool(name).write(items, schema=schema, folder=folder, **options)


def from_tool(
    name: str, path: str | Path | Sequence[str | Path], *, schema: LabelSchema, **options: Any
) -> ToolAnswers:
    """Read answers from a tool's files.

    Parameters
    ----------
    name
        One of `TOOLS`.
    path
        A file, a folder of them, or several.
    schema
        The labels.
    **options
        Of every tool: `batch`, `guideline`, `annotator`, `people`, `by_text`: see
        `weaklabel.gold.tools.incoming.Asked`. Of Label Studio: `control`; of doccano: `empty`; of Prodigy: `dataset`;
        of tables: `columns`, `join`.

    Raises
    ------
    GoldError
        There is no such tool, or a file can't be read.
    Problems
        Labels, items or people that can't be found. Nothing is read half.

    Examples
    --------
    >>> from_tool("docano", "export.zip", schema=LabelSchema(["ham", "spam"]))
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: no tool 'docano'
      available: label_studio, doccano, prodigy, table
      hint: did you mean 'doccano'?
    """
    return _tool(name).read(path, schema=schema, **options)


def _tool(name: str) -> Tool:
    if name not in TOOLS:
        raise unknown_option("tool", name, tuple(TOOLS))
    return TOOLS[name]
