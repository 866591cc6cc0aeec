"""Decided cases: written into a guideline with their reason, noted in its change log; all else stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date as Day

from weaklabel.errors import GoldError
from weaklabel.gold.guideline.document import Entry, Guideline, Section, parse
from weaklabel.gold.guideline.text import (
    Line,
    code,
    end_of_text,
    inserted,
    is_item,
    newline_of,
    normal,
    one_line,
    quoted,
    scan,
    split_lines,
)

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def add_case(
    guideline: Guideline,
    text: str,
    label: str,
    reason: str,
    *,
    date: Day,
    section: str | None = None,
    mistaken_for: str | Iterable[str] = (),
    by: str = "",
) -> str:
    """Return the text of a guideline with one more decided case, noted in the change log, its version raised by one.

    The case becomes the last item of the list in the section's part "Cases", or in the section itself if it is one of
    cases. What is missing (that part, the change log, the line with the version) is added.

    Parameters
    ----------
    guideline
        The guideline.
    text
        What was hard to label.
    label
        The decision.
    reason
        Why, in Markdown.
    date
        The day of the decision.
    section
        Anchor, label or heading of the section; None: the one of the label.
    mistaken_for
        Labels that were given instead; what people answered with them is then looked at again, too.
    by
        Who decided, as readers may know them.

    Raises
    ------
    GoldError
        There is no such section, it is the change log, the text or the reason is empty, or the case stands there already.
    SchemaError
        A label is unknown.

    Examples
    --------
    >>> from weaklabel.schema import LabelSchema
    >>> guideline = parse("Version 1.\\n# ham\\n# spam\\nIt sells.\\n", schema=LabelSchema(["ham", "spam"]))
    >>> print(add_case(guideline, "free hugs", "ham", "nothing is sold", date=Day(2026, 11, 21), mistaken_for="spam"))
    Version 2.
    # ham
    <BLANKLINE>
    ## Cases
    <!-- id: ham-cases -->
    <BLANKLINE>
    - "free hugs" -> `ham`, not `spam`. Reason: nothing is sold (2026-11-21)
    <BLANKLINE>
    # spam
    It sells.
    <BLANKLINE>
    # Change log
    <BLANKLINE>
    - 2026-11-21, version 2, ham-cases: new case of `ham`, not `spam`
    <BLANKLINE>
    """
    schema = guideline.schema
    decided = schema.label(schema.code(label))
    others = [mistaken_for] if isinstance(mistaken_for, str) else list(mistaken_for)
    names = [schema.label(schema.code(other)) for other in others]
    for what, given in (("text", text), ("reason", reason)):
        if not given.strip():
            raise GoldError(f"the {what} of a case is empty", where=guideline.name)
    target = guideline.section(section) if section is not None else guideline.of_label(decided)
    if target.kind == "log":
        raise GoldError("the change log holds no cases", where=f"{guideline.name}:{target.line}")
    decision = code(decided) + "".join(f", not {code(name)}" for name in names if name != decided)
    signed = f"({date.isoformat()}{f', {one_line(by)}' if by.strip() else ''})"
    _refuse_known(guideline, text)
    case = f"{quoted(text)} -> {decision}. Reason: {one_line(reason)} {signed}"
    changed, anchor = _with_case(guideline, target, case)
    number = guideline.number + 1
    entry = f"- {date.isoformat()}, version {number}, {anchor}: new case of {decision}"
    return _raised(_logged(_again(guideline, changed), entry), number, date)


def _again(guideline: Guideline, text: str) -> Guideline:
    return parse(text, schema=guideline.schema, name=guideline.name)


def _refuse_known(guideline: Guideline, text: str) -> None:
    """Raise a GoldError when the text is a case already."""
    opening = normal(f"{quoted(text)} -> ")
    for section in guideline.sections:
        for block in section.blocks:
            if section.kind == "cases" and re.sub(r"^(?:-|1\.) ", "", block.text).startswith(opening):
                where = f"{guideline.name}:{block.at + 1}"
                raise GoldError(
                    "the case stands there already", where=where, hint="change its decision there"
                )


def _with_case(guideline: Guideline, target: Section, case: str) -> tuple[str, str]:
    """Return the text with the case in the target's list of cases, and that list's anchor."""
    text, newline = guideline.text, newline_of(guideline.text)
    parts = [s for s in guideline.sections if s.parent == target.anchor and s.kind == "cases"]
    home = target if target.kind == "cases" else parts[0] if parts else None
    if home is not None:
        return _listed(text, home.body, home.stop, case, newline), home.anchor
    if not 1 <= target.level <= 5:
        hint = "name a section of level 1 to 5, or write a heading of cases yourself"
        raise GoldError(
            f"section {target.anchor!r} has no room for a part of cases",
            where=f"{guideline.name}:{target.line}",
            hint=hint,
        )
    anchor, number = f"{target.anchor}-cases", 2
    while guideline.find(anchor) is not None:
        anchor, number = f"{target.anchor}-cases-{number}", number + 1
    at = _before_log(guideline, target)
    level = "#" * (target.level + 1)
    body = [f"{level} Cases", f"<!-- id: {anchor} -->", "", f"- {case}"]
    return inserted(text, end_of_text(text, at), body, newline), anchor


def _before_log(guideline: Guideline, target: Section) -> int:
    """Return the line, from 0, where a part of a section ends, the change log left out."""
    inside = guideline.beneath(target.anchor)
    return min([target.end, *(section.line - 1 for section in inside if section.kind == "log")])


def _logged(guideline: Guideline, entry: str) -> Guideline:
    """Return the guideline with one more entry in its change log: at the top if that is where the newest stands."""
    text, newline = guideline.text, newline_of(guideline.text)
    log = next((section for section in guideline.sections if section.kind == "log"), None)
    if log is None:
        levels = [section.level for section in guideline.sections if section.level]
        heading = f"{'#' * min(levels[1:] if guideline.titled else levels)} Change log"
        at = end_of_text(text, len(split_lines(text)))
        return _again(guideline, inserted(text, at, [heading, "", entry], newline))
    own = [e for e in guideline.entries if log.body < e.line <= log.stop]
    if _newest_first(own):
        raw = split_lines(text)
        raw.insert(own[0].line - 1, entry + newline)
        return _again(guideline, "".join(raw))
    return _again(
        guideline, _listed(text, log.body, log.stop, entry.removeprefix("- "), newline, numbered=False)
    )


def _newest_first(entries: Sequence[Entry]) -> bool:
    ages = [(entry.date, entry.version or 0) for entry in entries]
    return bool(ages) and ages[0] > ages[-1]


def _raised(guideline: Guideline, number: int, day: Day) -> str:
    """Return the text with this version number and, where one stands beside it, this day."""
    raw, newline = split_lines(guideline.text), newline_of(guideline.text)
    if guideline.number_line is not None:
        at = guideline.number_line
        raw[at] = _DAY.sub(day.isoformat(), re.sub(r"\d+", str(number), raw[at], count=1))
        return "".join(raw)
    mark = "\ufeff" if guideline.text.startswith("\ufeff") else ""
    lines, _ = scan(guideline.text)
    at = next(section.line for section in guideline.sections if section.level) if guideline.titled else 0
    while at < len(lines) and lines[at].kind in ("underline", "comment"):
        at += 1
    return mark + inserted(guideline.text.removeprefix(mark), at, [f"Version {number}."], newline)


def _listed(text: str, body: int, stop: int, item: str, newline: str, *, numbered: bool = True) -> str:
    """Return the text with one more item in the last list between two lines, or in a new one at their end."""
    lines, _ = scan(text)
    marks = {at: mark for at in range(body, stop) if (mark := is_item(lines[at]))}
    if not marks:
        return inserted(text, end_of_text(text, stop), [f"- {item}"], newline)
    least = min(_indent(lines[at]) for at in marks)
    last = max(at for at in marks if _indent(lines[at]) == least)
    bullet, number, point = marks[last].groups()
    own = bullet or (f"{int(number) + 1}{point}" if numbered else "-")
    at = _end_of_item(lines, last, stop)
    raw = split_lines(text)
    if not raw[at - 1].endswith(("\n", "\r")):
        raw[at - 1] += newline
    raw.insert(at, f"{' ' * least}{own} {item}{newline}")
    return "".join(raw)


def _indent(line: Line) -> int:
    return len(line.text) - len(line.text.lstrip())


def _end_of_item(lines: Sequence[Line], at: int, stop: int) -> int:
    """Return the line after a list item and what belongs to it."""
    end = at + 1
    for place in range(at + 1, stop):
        line = lines[place]
        inner = line.kind in ("text", "code") and line.text.startswith((" ", "\t"))
        lazy = line.kind == "text" and lines[place - 1].kind == "text"
        if line.kind == "blank":
            continue
        if not (inner or (lazy and place == end)):
            break
        end = place + 1
    return end
