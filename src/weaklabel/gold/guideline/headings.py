"""The headings of a guideline: what lies in them, which anchor each has, and which label it defines."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from weaklabel.errors import GoldError, WeakLabelError, did_you_mean
from weaklabel.gold.guideline.text import Line, code_names, directives_in, plain, slug
from weaklabel.schema import LabelSchema

_ANCHOR = re.compile(r"[\w.-]+")
_NUMBER = re.compile(r"^\d+(?:\.\d+)*[.)]?\s+")
_AFTER_NAME = re.compile(r"\s*(?::|\(|\s[-–—]+\s).*$")
_NEAR = 0.75


@dataclass(eq=False)
class Heading:
    """A heading while a guideline is read; lines count from 0. `whole`: it is the title, with all others beneath it.

    Examples
    --------
    >>> Heading(3, 2, "delivery").title
    'delivery'
    """

    at: int
    level: int = 0
    title: str = ""
    raw: str = ""
    body: int = 0
    stop: int = 0
    end: int = 0
    said: dict[str, str] = field(default_factory=dict)
    parent: Heading | None = None
    anchor: str = ""
    label: str | None = None
    whole: bool = False

    def lineage(self) -> Iterator[Heading]:
        """Yield it and what it lies in, from the inside out."""
        heading: Heading | None = self
        while heading is not None:
            yield heading
            heading = heading.parent

    @property
    def inside(self) -> str | None:
        """The label in whose section it lies, itself not counted."""
        return next((h.label for h in list(self.lineage())[1:] if h.label is not None), None)


def read_headings(lines: Sequence[Line]) -> list[Heading]:
    """Return the headings, with what the comments beneath them say; text above the first makes one of level 0.

    Examples
    --------
    >>> from weaklabel.gold.guideline.text import scan
    >>> [(heading.title, heading.at, heading.stop, heading.end) for heading in read_headings(scan("# A\\n## B\\n")[0])]
    [('A', 0, 1, 2), ('B', 1, 2, 2)]
    """
    places = [at for at, line in enumerate(lines) if line.kind == "heading"]
    found = (
        []
        if places and not any(line.kind not in ("blank", "comment") for line in lines[: places[0]])
        else [Heading(-1)]
    )
    found += [Heading(at, lines[at].level, plain(lines[at].value), lines[at].value) for at in places]
    stops = [heading.at for heading in found[1:]] + [len(lines)]
    for heading, stop in zip(found, stops, strict=True):
        heading.stop = stop
        heading.body = heading.at + 1
        said = directives_in(heading.raw)
        while heading.body < stop and lines[heading.body].kind in ("blank", "comment", "underline"):
            said.append((lines[heading.body].word, lines[heading.body].value))
            heading.body += 1
        if heading.at >= 0:
            heading.said = {
                word: value for word, value in reversed(said) if word in ("id", "label", "general")
            }
    above: list[Heading] = []
    for heading in found:
        while above and above[-1].level >= heading.level:
            above.pop().end = heading.at
        heading.parent = above[-1] if above and above[-1].level else None
        above.append(heading)
    for heading in above:
        heading.end = len(lines) if heading.level else heading.stop
    titled = [heading for heading in found if heading.level]
    if len(titled) > 1 and all(heading.level > titled[0].level for heading in titled[1:]):
        titled[0].whole = True
    return found


def assign_anchors(headings: Sequence[Heading], name: str) -> list[WeakLabelError]:
    """Give every heading an anchor of its own: the one it names, its slug, or its parent's with its slug.

    Examples
    --------
    >>> one, other = Heading(0, 1, "Cases"), Heading(5, 1, "Cases")
    >>> assign_anchors([one, other], "guide.md"), one.anchor, other.anchor
    ([], 'cases', 'cases-2')
    """
    problems: list[WeakLabelError] = []
    taken: dict[str, int] = {}
    for heading in headings:
        given = heading.said.get("id")
        if given is None:
            continue
        where = f"{name}:{heading.at + 1}"
        if not _ANCHOR.fullmatch(given):
            hint = f"<!-- id: {slug(given) or 'a-name'} -->"
            problems.append(
                GoldError(
                    f"{given!r} is no id: letters, digits, `_`, `-` and `.` only", where=where, hint=hint
                )
            )
        elif given in taken:
            problems.append(GoldError(f"the id {given!r} is taken by line {taken[given]}", where=where))
        heading.anchor = given
        taken.setdefault(given, heading.at + 1)
    for heading in headings:
        if "id" not in heading.said:
            heading.anchor = _free(heading, taken)
            taken[heading.anchor] = heading.at + 1
    return problems


def _free(heading: Heading, taken: dict[str, int]) -> str:
    own = (slug(heading.title) or "section") if heading.level else "top"
    wanted = own
    if own in taken and heading.parent:
        wanted = f"{heading.parent.anchor}-{own}"
    number, free = 2, wanted
    while free in taken:
        free, number = f"{wanted}-{number}", number + 1
    return free


def assign_labels(headings: Sequence[Heading], schema: LabelSchema, name: str) -> list[WeakLabelError]:
    """Give headings that define a label that label, and return what is wrong with them.

    A heading counts that is a label's name, or, where no heading has the name, an alias, or its only part in code marks. Headings inside a label's section
    count only for labels beneath that label; the heading above the whole document never does.

    Examples
    --------
    >>> heads = [Heading(0, 1, "ham"), Heading(2, 1, "Junk")]
    >>> [p.what for p in assign_labels(heads, LabelSchema(["ham", "spam"]), "guide.md")], heads[0].label
    (["label 'spam' has no section"], 'ham')
    """
    problems = _explicit(headings, schema, name)
    open_ = [h for h in headings if h.level and not h.whole and not {"label", "general"} & h.said.keys()]
    for of_alias in (False, True):
        defined = {h.label for h in headings if h.label is not None}
        for heading in [heading for heading in open_ if heading.label is None]:
            found = _label(heading, schema, of_alias)
            fits = found is not None and (heading.inside is None or heading.inside in _broader(found, schema))
            if found is not None and fits and not (of_alias and found in defined):
                heading.label = found
    problems += _doubled(headings, name)
    strange = _strange(headings, schema)
    for heading, near in strange:
        hint = f"did you mean {near!r}? " if near else ""
        problems.append(
            GoldError(
                f"the heading {heading.title!r} names no label",
                where=f"{name}:{heading.at + 1}",
                available=schema.names,
                hint=f"{hint}Is it none: write <!-- general --> beneath it",
            )
        )
    return problems + _missing(headings, schema, name, {near for _, near in strange})


def _explicit(headings: Sequence[Heading], schema: LabelSchema, name: str) -> list[WeakLabelError]:
    problems: list[WeakLabelError] = []
    for heading in headings:
        given = heading.said.get("label")
        if given is not None and given in schema:
            heading.label = schema.label(schema.code(given))
        elif given is not None:
            hint = did_you_mean(given, schema.names)
            where = f"{name}:{heading.at + 1}"
            problems.append(
                GoldError(f"unknown label {given!r}", where=where, available=schema.names, hint=hint)
            )
    return problems


def _label(heading: Heading, schema: LabelSchema, of_alias: bool) -> str | None:
    """Return the label that a heading names, or None; aliases only as the whole heading; with them names in code marks."""
    title = _NUMBER.sub("", heading.title)
    by_name = {_folded(label.name): label.name for label in schema.labels}
    by_alias = {_folded(alias): label.name for label in schema.labels for alias in label.aliases}
    spans = code_names(heading.raw)
    if of_alias:
        return by_alias.get(_folded(title)) or (by_name.get(_folded(spans[0])) if len(spans) == 1 else None)
    tries = [heading.title, title, _AFTER_NAME.sub("", title)]
    exact = [label for one in tries for label in schema.names if unicodedata.normalize("NFC", one) == label]
    return next(iter([*exact, *(by_name[_folded(one)] for one in tries if _folded(one) in by_name)]), None)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(re.split(r"[\s_-]+", name.casefold()))).strip()


def _broader(label: str, schema: LabelSchema) -> set[str]:
    """Return the labels above a label."""
    parents = {lab.name: lab.parents for lab in schema.labels}
    found: set[str] = set()
    frontier = list(parents[label])
    while frontier:
        above = frontier.pop()
        if above not in found:
            found.add(above)
            frontier.extend(parents[above])
    return found


def _doubled(headings: Sequence[Heading], name: str) -> list[WeakLabelError]:
    problems: list[WeakLabelError] = []
    first: dict[str, int] = {}
    for heading in headings:
        if heading.label is not None and heading.label in first:
            what = (
                f"label {heading.label!r} has a second section; the first is at line {first[heading.label]}"
            )
            hint = "make them one, or write <!-- general --> beneath the heading that defines nothing"
            problems.append(GoldError(what, where=f"{name}:{heading.at + 1}", hint=hint))
        elif heading.label is not None:
            first[heading.label] = heading.at + 1
    return problems


def _strange(headings: Sequence[Heading], schema: LabelSchema) -> list[tuple[Heading, str | None]]:
    """Return headings that look like labels and are none, each with the label that may be meant."""
    defined = {heading.label for heading in headings}
    missing = {_folded(label): label for label in schema.names if label not in defined}
    found = []
    for heading in headings:
        settled = (
            heading.label is not None or heading.inside is not None or heading.whole or not heading.level
        )
        if settled or {"label", "general"} & heading.said.keys():
            continue
        near = difflib.get_close_matches(_folded(heading.title), missing, n=1, cutoff=_NEAR)
        spans = code_names(heading.raw)
        as_code = len(spans) == 1 and plain(heading.raw) == spans[0]
        if near or as_code or _among_labels(heading, headings):
            found.append((heading, missing[near[0]] if near else None))
    return found


def _among_labels(heading: Heading, headings: Sequence[Heading]) -> bool:
    """Say whether labels stand right before and right after a heading, among those of its level and parent."""
    beside = [h for h in headings if h.parent is heading.parent and h.level == heading.level]
    at = beside.index(heading)
    return 0 < at < len(beside) - 1 and None not in (beside[at - 1].label, beside[at + 1].label)


def _missing(
    headings: Sequence[Heading], schema: LabelSchema, name: str, meant: set[str | None]
) -> list[WeakLabelError]:
    defined = {heading.label for heading in headings}
    problems: list[WeakLabelError] = []
    for label in schema.names:
        if label in defined or label in meant:
            continue
        hint = f"write a heading {label!r} and what belongs to it"
        named = [h for h in headings if h.level and label in (_label(h, schema, a) for a in (False, True))]
        if named:
            place = f"the heading at line {named[0].at + 1}"
            inside = (
                f" lies in the section of {named[0].inside!r}" if named[0].inside else " is not taken for it"
            )
            hint = f"{place}{inside}: move it, or write <!-- label: {label} --> beneath it"
        problems.append(GoldError(f"label {label!r} has no section", where=name, hint=hint))
    return problems
