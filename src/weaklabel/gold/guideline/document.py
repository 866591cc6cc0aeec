"""Guidelines: Markdown documents that tell people how to label, cut into sections with anchors and labels."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from weaklabel.errors import GoldError, Problems, WeakLabelError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.gold.guideline.headings import Heading, assign_anchors, assign_labels, read_headings
from weaklabel.gold.guideline.text import Block, Line, blocks, plain, scan
from weaklabel.schema import LabelSchema

Kind = Literal["label", "general", "cases", "log"]

_LOG = re.compile(r"(?:(?:change|version|revision)[ -]?(?:log|history)|changes|history)", re.IGNORECASE)
_CASES = re.compile(r"\b(?:cases|ambiguous|borderline)\b", re.IGNORECASE)
_VERSION = re.compile(
    r"^\s*(?:[*_]{1,2})?version:?\s+v?(\d[^\s,(]*?)[.,]?(?:\s*[,(]?\s*\d{4}-\d\d-\d\d\)?)?\.?(?:[*_]{1,2})?\s*$",
    re.IGNORECASE,
)
_ENTRY = re.compile(r"- (\d{4}-\d\d-\d\d)(?:, ?(.*?))?: (.*)")
_EDITORIAL = re.compile(r"\(editorial(?:\s*[,;:][^)]*)?\)", re.IGNORECASE)


@dataclass(frozen=True)
class Section:
    """A heading with the text beneath it, up to the next heading; made by `parse`.

    Parameters
    ----------
    anchor
        Its name: the heading as Markdown viewers link to it, or what ``<!-- id: x -->`` beneath it says.
    title
        The heading without marks; empty for text above the first heading.
    level
        1 to 6; 0 above the first heading.
    label
        The label that it defines or whose section it lies in; None for general sections.
    kind
        "label", "cases" (ambiguous cases with decisions), "log" (the change log) or "general".
    defines
        Its heading names the label.
    parent
        Anchor of the section it lies in; None at the top.
    blocks
        What people wrote, a paragraph or list item each, with whitespace made equal.
    examples
        The same for the marked blocks that `build` fills.
    line
        Line of the heading, from 1.
    body, stop, end
        First line of its own text, the line after it, and the line after all sections in it, from 0.

    Examples
    --------
    >>> guideline = parse("# Mail\\n## ham\\nAll else.\\n## spam\\nIt sells.\\n", schema=LabelSchema(["ham", "spam"]))
    >>> section = guideline.section("spam")
    >>> section.anchor, section.label, section.line, section.text
    ('spam', 'spam', 4, 'It sells.')
    """

    anchor: str
    title: str
    level: int
    label: str | None
    kind: Kind
    defines: bool
    parent: str | None
    blocks: tuple[Block, ...] = field(repr=False)
    examples: tuple[Block, ...] = field(repr=False)
    line: int
    body: int = field(repr=False)
    stop: int = field(repr=False)
    end: int = field(repr=False)

    @property
    def text(self) -> str:
        """What people wrote, a paragraph or list item a line."""
        return "\n".join(block.text for block in self.blocks)

    @property
    def fingerprint(self) -> str:
        """Hash of what people wrote; the heading, wrapping, list numbers and examples pulled from gold don't matter."""
        return fingerprint([block.text for block in self.blocks])


@dataclass(frozen=True)
class Entry:
    """An entry of the change log, ``- 2026-11-21, version 2, delivery: typos (editorial)``.

    Examples
    --------
    >>> text = "# ham\\n# spam\\n# Change log\\n- 2026-11-21, version 2, spam: typos (editorial)\\n"
    >>> entry = parse(text, schema=LabelSchema(["ham", "spam"])).entries[0]
    >>> entry.sections, entry.version, entry.editorial, entry.line
    (('spam',), 2, True, 4)
    """

    date: date
    sections: tuple[str, ...]
    text: str
    version: int | None
    editorial: bool
    line: int


@dataclass(frozen=True)
class Guideline:
    """A guideline that was read; made by `parse`.

    Parameters
    ----------
    text
        The document as it stands.
    schema
        The labels.
    name
        File, for messages.
    sections
        In the order of the document.
    entries
        Of the change log, in its order.
    number
        From its line "Version 2."; 0 without one.
    number_line
        Where that line stands, from 0; None without one.

    Examples
    --------
    >>> guideline = parse("Version 3.\\n# ham\\n# spam\\nIt sells.\\n", schema=LabelSchema(["ham", "spam"]))
    >>> guideline.number, guideline.version
    (3, '3-ae2898e1')
    """

    text: str = field(repr=False)
    schema: LabelSchema
    name: str
    sections: tuple[Section, ...]
    entries: tuple[Entry, ...] = ()
    number: int = 0
    number_line: int | None = field(default=None, repr=False)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of all that people read to label: headings, texts, examples; not of the change log and the number."""
        return fingerprint(
            [
                [s.title, s.level, s.label, [b.text for b in s.blocks], [b.text for b in s.examples]]
                for s in self.sections
                if s.kind != "log"
            ]
        )

    @property
    def version(self) -> str:
        """Number and the first digits of the fingerprint, as answers name it."""
        return f"{self.number}-{self.fingerprint[:8]}"

    @property
    def titled(self) -> bool:
        """Its first heading stands above all others, as the title of the document."""
        levels = [section.level for section in self.sections if section.level]
        return len(levels) > 1 and min(levels[1:]) > levels[0]

    def find(self, name: str) -> Section | None:
        """Return the section with this anchor, label, alias or heading, or None."""
        by_anchor = {section.anchor: section for section in self.sections}
        if name in by_anchor:
            return by_anchor[name]
        if name in self.schema:
            return self.of_label(name)
        titles = [section for section in self.sections if section.title.casefold() == name.casefold()]
        return titles[0] if len(titles) == 1 else None

    def section(self, name: str) -> Section:
        """Return the section with this anchor, label, alias or heading.

        Raises
        ------
        GoldError
            There is none; the nearest are given.
        """
        found = self.find(name)
        if found is None:
            anchors = [section.anchor for section in self.sections]
            hint = did_you_mean(name, anchors)
            raise GoldError(
                f"the guideline has no section {name!r}", where=self.name, available=anchors, hint=hint
            )
        return found

    def of_label(self, label: str) -> Section:
        """Return the section that defines a label, by name or alias.

        Raises
        ------
        SchemaError
            There is no such label.
        """
        wanted = self.schema.label(self.schema.code(label, where=self.name))
        return next(section for section in self.sections if section.defines and section.label == wanted)

    def beneath(self, anchor: str) -> tuple[Section, ...]:
        """Return a section and all sections in it."""
        top = self.section(anchor)
        first = self.sections.index(top)
        return (top, *(section for section in self.sections[first + 1 :] if section.line <= top.end))


def parse(text: str, *, schema: LabelSchema, name: str = "the guideline") -> Guideline:
    """Read a guideline.

    Parameters
    ----------
    text
        Markdown. Every label has a section: a heading that is its name (or an alias), alone or before a colon or dash,
        or one with ``<!-- label: NAME -->`` beneath it.
    schema
        The labels.
    name
        File, for messages.

    Raises
    ------
    GoldError
        A label has no section or two, a heading looks like a label and is none, an anchor is given twice, an
        ``<!-- examples: LABEL -->`` names no label, something opened is never closed, a version is no whole number, or
        a date in the change log is no day.
    Problems
        Several of these at once.

    Examples
    --------
    >>> schema = LabelSchema(["ham", "spam"])
    >>> guideline = parse("# Mail\\n## ham\\nAll else.\\n## spam\\nIt sells.\\n### Cases\\n- A draw.\\n", schema=schema)
    >>> [(section.anchor, section.label, section.kind) for section in guideline.sections]
    [('mail', None, 'general'), ('ham', 'ham', 'label'), ('spam', 'spam', 'label'), ('cases', 'spam', 'cases')]
    >>> parse("# ham\\n# spma\\n", schema=schema, name="guide.md")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: the heading 'spma' names no label
      where: guide.md:2
      available: ham, spam
      hint: did you mean 'spam'? Is it none: write <!-- general --> beneath it
    """
    lines, faults = scan(text)
    problems: list[WeakLabelError] = [
        GoldError(fault.what, where=f"{name}:{fault.at + 1}", hint=fault.hint) for fault in faults
    ]
    headings = read_headings(lines)
    problems += assign_anchors(headings, name)
    problems += assign_labels(headings, schema, name)
    problems += _unknown_blocks(lines, schema, name)
    number, number_line = _number(lines, headings, name, problems)
    made = (_section(heading, headings, lines, number_line) for heading in headings)
    sections = tuple(section for section in made if section.level or section.blocks or section.examples)
    entries = tuple(_entries(sections, name, problems))
    if problems:
        problems.sort(key=_place)
        raise problems[0] if len(problems) == 1 else Problems(name, problems)
    return Guideline(text, schema, name, sections, entries, number, number_line)


def load_guideline(path: str | Path, *, schema: LabelSchema) -> Guideline:
    """Read a guideline from a file; line ends stay as they are.

    Raises
    ------
    GoldError
        The file can't be read or is not UTF-8, or what `parse` raises.
    Problems
        What `parse` raises.

    Examples
    --------
    >>> load_guideline("nowhere.md", schema=LabelSchema(["ham", "spam"]))
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: can't read the guideline: No such file or directory
      where: nowhere.md
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise GoldError(f"can't read the guideline: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        what = f"the guideline is not UTF-8 (byte {error.start})"
        raise GoldError(what, where=str(path), hint="save it as UTF-8") from error
    return parse(text, schema=schema, name=str(path))


def _place(problem: WeakLabelError) -> int:
    line = (problem.where or "").rpartition(":")[2]
    return int(line) if line.isdigit() else 0


def _section(
    heading: Heading, headings: list[Heading], lines: list[Line], number_line: int | None
) -> Section:
    own = range(heading.at + 1, heading.stop)
    written = ((at, lines[at]) for at in own if lines[at].kind != "example" and at != number_line)
    pulled = ((at, lines[at]) for at in own if lines[at].kind == "example")
    label = next((above.label for above in heading.lineage() if above.label is not None), None)
    return Section(
        anchor=heading.anchor,
        title=heading.title,
        level=heading.level,
        label=label,
        kind=_kind(heading, label),
        defines=heading.label is not None,
        parent=heading.parent.anchor if heading.parent else None,
        blocks=blocks(written),
        examples=blocks(pulled),
        line=heading.at + 1 or 1,
        body=heading.body,
        stop=heading.stop,
        end=heading.end,
    )


def _kind(heading: Heading, label: str | None) -> Kind:
    for above in heading.lineage():
        anchor = above.said.get("id", "")
        if above.whole:
            break
        if above.label is not None:
            return "label"
        if _LOG.fullmatch(above.title) or anchor == "change-log":
            return "log"
        if _CASES.search(above.title) or re.search(r"(?:^|-)cases$", anchor):
            return "cases"
    return "general" if label is None else "label"


def _number(
    lines: list[Line], headings: list[Heading], name: str, problems: list[WeakLabelError]
) -> tuple[int, int | None]:
    """Return number and line of the version, which stands above the first label's section."""
    first = min((heading.at for heading in headings if heading.label is not None), default=len(lines))
    for at, line in enumerate(lines[:first]):
        match = _VERSION.match(line.text) if line.kind == "text" else None
        if match and match[1].isdecimal():
            return int(match[1]), at
        if match:
            what = f"a version is a whole number, not {match[1]!r}"
            problems.append(GoldError(what, where=f"{name}:{at + 1}", hint="Version 2."))
    return 0, None


def _entries(sections: tuple[Section, ...], name: str, problems: list[WeakLabelError]) -> list[Entry]:
    """Return the entries of the change log that begin with a day; others are for people alone."""
    found = []
    for block in [block for section in sections if section.kind == "log" for block in section.blocks]:
        match = _ENTRY.match(block.text)
        if match is None:
            continue
        line = block.at + 1
        try:
            day = date.fromisoformat(match[1])
        except ValueError:
            what = f"the change log: {match[1]!r} is no day"
            problems.append(GoldError(what, where=f"{name}:{line}", hint="2026-11-21"))
            continue
        names = [plain(part) for part in (match[2] or "").split(",") if part.strip()]
        versions = [int(part.split()[1]) for part in names if re.fullmatch(r"(?i)version \d+", part)]
        named = tuple(part for part in names if not re.fullmatch(r"(?i)version \d+", part))
        editorial = _EDITORIAL.search(match[3]) is not None
        found.append(Entry(day, named, match[3], versions[0] if versions else None, editorial, line))
    return found


def _unknown_blocks(lines: list[Line], schema: LabelSchema, name: str) -> list[WeakLabelError]:
    return [
        GoldError(
            f"examples of an unknown label {line.value!r}",
            where=f"{name}:{at + 1}",
            available=schema.names,
            hint=did_you_mean(line.value, schema.names),
        )
        for at, line in enumerate(lines)
        if line.kind == "start" and line.value not in schema
    ]
