"""Small drawings for pages, as SVG text: points with intervals, quartiles, stacked bars, and shaded tables."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weaklabel.report.style import GREY, INK, OKABE_ITO

_HEIGHT, _LEFT, _TOP, _BOTTOM = 190, 46, 12, 62
_MOST_LABELS = 26


@dataclass(frozen=True)
class Point:
    """One value of a series.

    Parameters
    ----------
    value, low, high
        The value and its interval; None: not measured.
    told
        What is said when it is pointed at.
    few
        Drawn hollow: few answers.

    Examples
    --------
    >>> Point(0.9, 0.8, 0.95, "9 of 10").few
    False
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    told: str = ""
    few: bool = False


def points(
    groups: Sequence[str],
    series: Mapping[str, Sequence[Point]],
    *,
    top: float = 1.0,
    bottom: float = 0.0,
    percent: bool = True,
    unit: str = "",
) -> str:
    """Return a drawing of values with their intervals; each series has a colour and a shape of its own.

    Parameters
    ----------
    groups
        Names along the axis, from left to right.
    series
        Name -> one point a group.
    top, bottom
        Ends of the upright axis; values beyond are drawn at its end.
    percent
        Whether the axis shows per cent.
    unit
        Stands after the numbers of the axis.

    Examples
    --------
    >>> drawn = points(["v1"], {"raw": [Point(0.5, 0.25, 0.75, "5 of 10")]})
    >>> "<circle" in drawn and "5 of 10" in drawn
    True
    """
    step = max(26, min(80, 900 // max(len(groups), 1)))
    width = _LEFT + step * len(groups) + 20
    parts = [_grid(width, bottom, top, percent, unit), _names(groups, step)]
    for i, (name, values) in enumerate(series.items()):
        colour = OKABE_ITO[i % len(OKABE_ITO)]
        shift = (i - (len(series) - 1) / 2) * 9
        for j, point in enumerate(values):
            if point.value is not None:
                x = _LEFT + step * (j + 0.5) + shift
                parts.append(_point(point, x, bottom, top, colour, i, f"{name}, {groups[j]}: {point.told}"))
    return (
        f'{_legend(list(series))}<div class="scroll"><svg width="{width}" height="{_HEIGHT + _BOTTOM}" role="img" '
        f'aria-label="{text(", ".join(series))}">{"".join(parts)}</svg></div>'
    )


def stacks(groups: Sequence[str], series: Mapping[str, Sequence[int]]) -> str:
    """Return bars of shares: each group's counts as parts of one bar, the shares written in where there is room.

    Parameters
    ----------
    groups
        Names along the axis.
    series
        Name -> one count a group; the first is at the bottom.

    Examples
    --------
    >>> "75%" in stacks(["2026-03-02"], {"by hand": [1], "by rule": [3]})
    True
    """
    step = max(34, min(80, 900 // max(len(groups), 1)))
    width = _LEFT + step * len(groups) + 20
    parts = [_grid(width, 0.0, 1.0, True, ""), _names(groups, step)]
    for j in range(len(groups)):
        total, done = sum(counts[j] for counts in series.values()), 0
        for i, (name, counts) in enumerate(series.items()):
            if counts[j]:
                low, high = done / total, (done + counts[j]) / total
                parts.append(_part(name, counts[j], low, high, _LEFT + step * j + 3, step - 6, i))
            done += counts[j]
    return (
        f'{_legend(list(series), shapes=False)}<div class="scroll"><svg width="{width}" height="{_HEIGHT + _BOTTOM}" '
        f'role="img" aria-label="{text(", ".join(series))}">{"".join(parts)}</svg></div>'
    )


def interval(low: float | None, value: float | None, high: float | None, told: str) -> str:
    """Return a small line from 0 to 1 with a value and its interval, and the value in words.

    Examples
    --------
    >>> interval(None, None, None, "")
    '<span class="soft">not measured</span>'
    """
    if value is None:
        return '<span class="soft">not measured</span>'
    width = 130
    ends = "" if low is None or high is None else _line(low, high, width)
    return (
        f'<svg width="{width + 8}" height="16" role="img" aria-label="{text(told)}"><title>{text(told)}</title>'
        f'<line x1="0" y1="8" x2="{width}" y2="8" stroke="#ddd"/>{ends}'
        f'<circle cx="{width * min(max(value, 0), 1):.1f}" cy="8" r="4" fill="{OKABE_ITO[0]}" stroke="white"/></svg> '
        f"{text(told)}"
    )


def shade(share: float) -> str:
    """Return the style of a cell that is darker the larger its share; its text stays readable.

    Examples
    --------
    >>> shade(0.0), shade(1.0)
    ('background:#ffffff;color:#000000', 'background:#00507d;color:#ffffff')
    """
    share = min(max(share, 0.0), 1.0)
    parts = [round(255 + (end - 255) * share) for end in (0, 80, 125)]
    return (
        f"background:#{''.join(f'{p:02x}' for p in parts)};color:{'#ffffff' if share > 0.75 else '#000000'}"
    )


def text(value: object) -> str:
    """Return a value as text that is safe in HTML.

    Examples
    --------
    >>> text("<b>")
    '&lt;b&gt;'
    """
    return html.escape(str(value), quote=True)


def _line(low: float, high: float, width: int) -> str:
    a, b = (width * min(max(end, 0), 1) for end in (low, high))
    return f'<line x1="{a:.1f}" y1="8" x2="{b:.1f}" y2="8" stroke="{OKABE_ITO[0]}" stroke-width="3" opacity="0.55"/>'


def _y(value: float, bottom: float, top: float) -> float:
    share = (min(max(value, bottom), top) - bottom) / ((top - bottom) or 1)
    return _TOP + (_HEIGHT - _TOP) * (1 - share)


def _grid(width: int, bottom: float, top: float, percent: bool, unit: str) -> str:
    step = _step((top - bottom) / 5)
    count = math.floor((top - bottom) / step + 1e-9) + 1
    parts = []
    for mark in (bottom + step * i for i in range(count)):
        y = _y(mark, bottom, top)
        name = f"{mark:.0%}" if percent else f"{round(mark, 6):g}{unit}"
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{width}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text(name)}</text>')
    return "".join(parts)


def _step(least: float) -> float:
    """Return the next larger step of 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> _step(0.2), _step(5.4), _step(11)
    (0.2, 10.0, 20.0)
    """
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    return next(power * times for times in (1, 2, 5, 10) if power * times >= least * (1 - 1e-9))


def _names(groups: Sequence[str], step: int) -> str:
    every = math.ceil(len(groups) / _MOST_LABELS)
    parts = []
    for j, name in enumerate(groups):
        if j % every == 0:
            x, y = _LEFT + step * (j + 0.5), _HEIGHT + 14
            shown = name if len(name) <= 14 else name[:13] + "…"
            parts.append(
                f'<text x="{x:.1f}" y="{y}" text-anchor="end" transform="rotate(-35 {x:.1f} {y})">'
                f"<title>{text(name)}</title>{text(shown)}</text>"
            )
    return "".join(parts)


def _point(point: Point, x: float, bottom: float, top: float, colour: str, kind: int, told: str) -> str:
    assert point.value is not None
    y = _y(point.value, bottom, top)
    ends = ""
    if point.low is not None and point.high is not None:
        a, b = _y(point.low, bottom, top), _y(point.high, bottom, top)
        ends = f'<line x1="{x:.1f}" y1="{a:.1f}" x2="{x:.1f}" y2="{b:.1f}" stroke="{colour}" stroke-width="2" opacity="0.6"/>'
    return f"<g><title>{text(told)}</title>{ends}{_shape(kind, x, y, colour, point.few)}</g>"


def _shape(kind: int, x: float, y: float, colour: str, hollow: bool) -> str:
    fill = f'fill="{"white" if hollow else colour}" stroke="{colour}" stroke-width="1.6"'
    if kind % 3 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {fill}/>'
    if kind % 3 == 1:
        return f'<rect x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2" {fill}/>'
    return (
        f'<path d="M{x:.1f} {y - 4.6:.1f}L{x + 4.4:.1f} {y + 3.6:.1f}L{x - 4.4:.1f} {y + 3.6:.1f}Z" {fill}/>'
    )


def _part(name: str, count: int, low: float, high: float, x: float, width: float, kind: int) -> str:
    a, b = _y(high, 0, 1), _y(low, 0, 1)
    fill = (*OKABE_ITO[:2], GREY, OKABE_ITO[4])[kind % 4]
    share = high - low
    said = "<1%" if 0 < share < 0.01 else ">99%" if 0.99 < share < 1 else f"{share:.0%}"
    inside = ""
    if b - a > 13:
        ink = "white" if kind % 4 == 0 else INK
        inside = (
            f'<text x="{x + width / 2:.1f}" y="{(a + b) / 2 + 4:.1f}" text-anchor="middle" style="fill:{ink}">'
            f"{text(said)}</text>"
        )
    return (
        f"<g><title>{text(f'{name}: {count:,} ({said})')}</title>"
        f'<rect x="{x:.1f}" y="{a:.1f}" width="{width:.1f}" height="{b - a:.1f}" fill="{fill}" stroke="white"/>{inside}</g>'
    )


def _legend(names: Sequence[str], *, shapes: bool = True) -> str:
    keys = []
    for i, name in enumerate(names):
        if shapes:
            mark = (
                f'<svg width="12" height="12">{_shape(i, 6, 6, OKABE_ITO[i % len(OKABE_ITO)], False)}</svg>'
            )
        else:
            fill = (*OKABE_ITO[:2], GREY, OKABE_ITO[4])[i % 4]
            mark = f'<svg width="12" height="12"><rect width="12" height="12" fill="{fill}"/></svg>'
        keys.append(f"<span>{mark} {text(name)}</span>")
    return f'<p class="keys">{" ".join(keys)}</p>'
