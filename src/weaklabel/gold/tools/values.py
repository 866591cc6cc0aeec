"""Values as they come back from a tool: our own names, times, lists of labels in one cell."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from weaklabel.gold.tools.names import ANNOTATOR, BATCH, GUIDELINE, ID, NONE, SUGGESTION, UNSURE
from weaklabel.schema import LabelSchema


def ours(data: Any, name: str) -> str | None:
    """Return what came back under one of our own names: text, or None.

    Examples
    --------
    >>> ours({"weaklabel_id": 7}, "weaklabel_id"), ours({"weaklabel_id": ""}, "weaklabel_id")
    ('7', None)
    """
    value = data.get(name) if isinstance(data, dict) else None
    if value is None or isinstance(value, (bool, list, dict)):
        return None
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value == int(value) else None
    return str(value) or None


def carried(data: Any) -> dict[str, Any]:
    """Return batch, guideline and suggestion as they came back, under the names of `Given`.

    `suggested` is known only where our id came back: an item of ours without a suggestion was shown blind.

    Examples
    --------
    >>> carried({"weaklabel_id": "a", "weaklabel_suggestion": '["spam"]'})["suggestion"]
    ('spam',)
    """
    text = ours(data, SUGGESTION)
    suggestion: Any = data.get(SUGGESTION) if isinstance(data, dict) else None
    if text is not None:
        try:
            suggestion = json.loads(text)
        except ValueError:
            suggestion = [text]
    labels = tuple(map(str, suggestion)) if isinstance(suggestion, list) else None
    return {
        "batch": ours(data, BATCH),
        "guideline": ours(data, GUIDELINE),
        "suggestion": labels,
        "suggested": True if labels is not None else (False if ours(data, ID) is not None else None),
    }


def assigned(data: Any) -> tuple[str, ...]:
    """Return the annotator whom an item was meant for, if it says so.

    Examples
    --------
    >>> assigned({"weaklabel_annotator": "ann"}), assigned({})
    (('ann',), ())
    """
    name = ours(data, ANNOTATOR)
    return () if name is None else (name,)


def moment(value: Any) -> datetime | None:
    """Return a point in time from ISO 8601 text or seconds since 1970; without an offset it is UTC.

    Raises
    ------
    ValueError
        It is neither.

    Examples
    --------
    >>> moment("2026-11-21T10:00:00Z") == moment(1795255200)
    True
    >>> moment(None) is None
    True
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(value)
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(value) from error


def duration(value: Any) -> float | None:
    """Return seconds; None where it is no number of seconds.

    Examples
    --------
    >>> duration(3), duration("2.5"), duration(-1), duration("soon")
    (3.0, 2.5, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def joined(cell: str, separator: str, schema: LabelSchema) -> tuple[str, ...]:
    """Return the labels of a cell in which they were joined, though a label's name may hold the separator.

    A cell that can't be read as known labels is cut at every separator, so that the unknown one can be named.

    Raises
    ------
    ValueError
        It can be read in two ways.

    Examples
    --------
    >>> schema = LabelSchema(["c#", "c", "go"])
    >>> joined("c##go", "#", schema), joined("c#go", "#", schema), joined("", "#", schema)
    (('c#', 'go'), ('c', 'go'), ())
    """
    if not cell:
        return ()
    parts = cell.split(separator)
    readings: list[list[tuple[str, ...]]] = [[()], *([] for _ in parts)]
    for end in range(1, len(parts) + 1):
        for start in range(end):
            name = separator.join(parts[start:end])
            name = name if name in schema else name.strip()
            if name in schema or name in (NONE, UNSURE):
                readings[end] += [(*before, name) for before in readings[start]]
        readings[end] = readings[end][:2]
    if len(readings[-1]) > 1:
        raise ValueError(" or ".join(" + ".join(map(repr, reading)) for reading in readings[-1]))
    found = [part.strip() for part in parts]
    return readings[-1][0] if readings[-1] else tuple(part for part in found if part)
