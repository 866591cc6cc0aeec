"""Examples and counter-examples of a guideline, pulled from gold into its marked blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, Problems, WeakLabelError, did_you_mean
from weaklabel.fingerprint import event_hash
from weaklabel.gold.guideline.document import Guideline, parse
from weaklabel.gold.guideline.text import (
    code,
    end_of_text,
    inserted,
    newline_of,
    one_line,
    quoted,
    scan,
    split_lines,
)
from weaklabel.schema import LabelSchema

_SHOWN = ("item", "text", "label")


@dataclass(frozen=True)
class _Example:
    """A row of shown gold, its labels by name."""

    item: str
    text: str
    label: str
    reason: str
    counter: tuple[str, ...]


def build(guideline: Guideline, shown: pl.DataFrame, *, limit: int | None = None, add: bool = True) -> str:
    """Return the text of a guideline with its marked blocks filled with examples from gold.

    A block ``<!-- examples: spam --> … <!-- end -->`` gets the texts with that label, and beneath them, as counter-examples,
    those of other labels that name it as the label they are easily mistaken for. Blocks that have no examples any more
    are emptied. Nothing outside the blocks is changed, and building again changes nothing.

    Parameters
    ----------
    guideline
        The guideline.
    shown
        Gold of the role *shown*: `item`, `text`, `label` and, if there are, `reason` (Markdown) and `counter` (a label,
        or a list of labels). The order of its rows does not matter.
    limit
        At most so many examples, and so many counter-examples, in a block, chosen by a hash of the item. None: all.
    add
        Write a block at the end of a label's section where gold has examples and the document no block for them.

    Raises
    ------
    GoldError
        A column is missing, a label is unknown, an item, text or label is null, or an item stands twice.
    Problems
        Several of these at once.

    Examples
    --------
    >>> text = "# ham\\nAll else.\\n# spam\\nIt sells.\\n"
    >>> guideline = parse(text, schema=LabelSchema(["ham", "spam"]))
    >>> shown = pl.DataFrame({"item": ["1", "2"], "text": ["buy *now*", "by now"], "label": ["spam", "ham"],
    ...                       "reason": [None, "a typo"], "counter": [None, "spam"]})
    >>> built = build(guideline, shown)
    >>> print(built)
    # ham
    All else.
    <BLANKLINE>
    <!-- examples: ham -->
    - "by now", not `spam`: a typo
    <!-- end -->
    <BLANKLINE>
    # spam
    It sells.
    <BLANKLINE>
    <!-- examples: spam -->
    - "buy \\*now\\*"
    <BLANKLINE>
    Not `spam`:
    <BLANKLINE>
    - "by now" is `ham`: a typo
    <!-- end -->
    <BLANKLINE>
    """
    contents = _contents(shown, guideline.schema, limit)
    newline = newline_of(guideline.text)
    raw = split_lines(guideline.text)
    lines, _ = scan(guideline.text)
    filled = set()
    written: list[str] = []
    for line, whole in zip(lines, raw, strict=True):
        if line.kind == "example":
            continue
        written.append(whole)
        if line.kind == "start":
            label = guideline.schema.label(guideline.schema.code(line.value))
            filled.add(label)
            indent = line.text[: len(line.text) - len(line.text.lstrip())]
            written += [f"{indent if one else ''}{one}{newline}" for one in contents.get(label, ())]
    text = "".join(written)
    for label in guideline.schema.names if add else ():
        if label in contents and label not in filled:
            now = parse(text, schema=guideline.schema, name=guideline.name)
            body = [f"<!-- examples: {label} -->", *contents[label], "<!-- end -->"]
            text = inserted(text, end_of_text(text, now.of_label(label).stop), body, newline)
    return text


def _contents(shown: pl.DataFrame, schema: LabelSchema, limit: int | None) -> dict[str, list[str]]:
    """Return the lines of each label's block."""
    of: dict[str, list[str]] = {}
    against: dict[str, list[str]] = {}
    for row in _checked(shown, schema):
        text = quoted(row.text)
        reason = f": {one_line(row.reason)}" if row.reason.strip() else ""
        nots = "".join(f", not {code(name)}" for name in row.counter)
        of.setdefault(row.label, []).append(f"- {text}{nots}{reason}")
        for name in row.counter:
            against.setdefault(name, []).append(f"- {text} is {code(row.label)}{reason}")
    contents = {}
    for label in schema.names:
        examples, counters = of.get(label, [])[:limit], against.get(label, [])[:limit]
        gap = [""] if examples and counters else []
        below = [f"Not {code(label)}:", "", *counters] if counters else []
        if examples or counters:
            contents[label] = [*examples, *gap, *below]
    return contents


def _checked(shown: pl.DataFrame, schema: LabelSchema) -> list[_Example]:
    """Return the rows in the order of a hash of the item."""
    missing = [name for name in _SHOWN if name not in shown.columns]
    if missing:
        hint = did_you_mean(missing[0], shown.columns)
        what = f"shown gold has no column {missing[0]!r}"
        raise GoldError(what, available=shown.columns, hint=hint)
    rows = []
    problems: list[WeakLabelError] = []
    seen: set[str] = set()
    for at, row in enumerate(shown.iter_rows(named=True), 1):
        try:
            rows.append(_example(row, schema, at, seen))
        except WeakLabelError as error:
            problems.append(error)
    if problems:
        raise problems[0] if len(problems) == 1 else Problems("shown gold", problems)
    return sorted(rows, key=lambda row: (event_hash(f"shown {row.item}", 0), row.item))


def _example(row: dict[str, Any], schema: LabelSchema, at: int, seen: set[str]) -> _Example:
    if row["item"] is None:
        raise GoldError("shown gold without an item", where=f"row {at}")
    item = str(row["item"])
    where = f"shown gold, item {item!r}"
    for name in ("text", "label"):
        if row[name] is None:
            raise GoldError(f"there is no {name}", where=where)
    if item in seen:
        raise GoldError(f"item {item!r} stands twice in shown gold", where=f"row {at}")
    seen.add(item)
    given = row.get("counter")
    counter = [given] if isinstance(given, str) else [name for name in given or [] if name is not None]
    label = schema.label(schema.code(row["label"], where=where))
    names = dict.fromkeys(schema.label(schema.code(name, where=where)) for name in counter)
    names.pop(label, None)
    return _Example(item, row["text"], label, row.get("reason") or "", tuple(names))
