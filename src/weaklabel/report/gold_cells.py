"""Cells and tables of the page on people's work."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from weaklabel.report.drawing import interval, text

MOST_WEEKS = 260
"""With more weeks only those that are known are drawn."""
SOURCE_NAMES = {"check": "hidden checks", "training": "training rounds", "settled": "items settled later"}


def all_weeks(known: Sequence[str]) -> list[str]:
    """Return every week from the first to the last that is known, so that gaps can be seen.

    Examples
    --------
    >>> all_weeks(["2026-03-16", "2026-03-02"])
    ['2026-03-02', '2026-03-09', '2026-03-16']
    """
    days = sorted(datetime.date.fromisoformat(week) for week in known)
    if not days or (days[-1] - days[0]).days > 7 * MOST_WEEKS:
        return sorted(known)
    count = (days[-1] - days[0]).days // 7 + 1
    return [str(days[0] + datetime.timedelta(weeks=i)) for i in range(count)]


def table_of(names: Sequence[str], rows: Sequence[Sequence[str]], *, safe: bool = False) -> str:
    """Return a table; `safe`: the cells are HTML already. Columns of numbers stand to the right.

    Examples
    --------
    >>> "<td>a &amp; b</td>" in table_of(["label"], [["a & b"]])
    True
    """
    numeric = [
        bool(rows) and all(row[i][:1].isdigit() or not row[i] for row in rows) for i in range(len(names))
    ]
    mark = [' class="n"' if number else "" for number in numeric]
    head = "".join(f"<th{mark[i]}>{text(name)}</th>" for i, name in enumerate(names))
    body = "".join(
        "<tr>"
        + "".join(f"<td{mark[i]}>{cell if safe else text(cell)}</td>" for i, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def nothing_to_show(why: str) -> str:
    """Return a sentence on why a part is empty.

    Examples
    --------
    >>> nothing_to_show("nobody has answered.")
    '<p class="soft">Nothing to show: nobody has answered.</p>'
    """
    return f'<p class="soft">Nothing to show: {text(why)}</p>'


def whole(value: int | None) -> str:
    """Return a count as text.

    Examples
    --------
    >>> whole(1200)
    '1,200'
    """
    return "" if value is None else f"{value:,}"


def number(value: float | None, form: str, unit: str = "") -> str:
    """Return a number in a form, with its unit; "not known" for none.

    Examples
    --------
    >>> number(2.5, ".2f", "EUR"), number(None, ".2f")
    ('2.50 EUR', 'not known')
    """
    return "not known" if value is None else f"{value:{form}}" + (f" {unit}" if unit else "")


def seconds(value: float | None) -> str:
    """Return seconds as text, in minutes from two on.

    Examples
    --------
    >>> seconds(9.5), seconds(150.0)
    ('9.5 s', '2.5 min')
    """
    if value is None:
        return ""
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"


def between(low: float | None, high: float | None, shown: Callable[[float], str]) -> str:
    """Return an interval in brackets; nothing where there is none.

    Examples
    --------
    >>> between(1.0, 2.0, seconds)
    ' [1.0 s, 2.0 s]'
    """
    return "" if low is None or high is None else f" [{shown(low)}, {shown(high)}]"


def share_text(row: dict[str, Any], kind: str) -> str:
    """Return a figure of a row with its interval.

    Examples
    --------
    >>> share_text({"raw": 0.5, "raw_low": 0.25, "raw_high": 0.75}, "raw")
    '0.50 [0.25, 0.75]'
    """
    value, low, high = _ends(row, kind)
    if value is None:
        return "not measured"
    return f"{value:.2f}" + between(low, high, lambda v: f"{v:.2f}")


def _ends(row: dict[str, Any], kind: str) -> tuple[float | None, float | None, float | None]:
    first = f"{kind}_" if f"{kind}_low" in row else ""
    return row[kind], row[f"{first}low"], row[f"{first}high"]


def interval_cell(row: dict[str, Any], kind: str) -> str:
    """Return a figure of a row, drawn and in words.

    Examples
    --------
    >>> interval_cell({"share": 0.5, "low": 0.25, "high": 0.75}, "share").endswith("0.50 [0.25, 0.75]")
    True
    """
    value, low, high = _ends(row, kind)
    return interval(low, value, high, share_text(row, kind))


def values(row: dict[str, Any], *kinds: str) -> list[str]:
    """Return figures of a row with their intervals, and "few" where there are few answers.

    Examples
    --------
    >>> values({"raw": 0.5, "raw_low": 0.25, "raw_high": 0.75, "few": True}, "raw")
    ['0.50 [0.25, 0.75] (few)']
    """
    return [share_text(row, kind) + (" (few)" if row["few"] else "") for kind in kinds]


def few_mark(row: dict[str, Any]) -> str:
    """Return the word "few" where a figure rests on few answers.

    Examples
    --------
    >>> few_mark({"few": False})
    ''
    """
    return ' <span class="few">few</span>' if row["few"] else ""
