"""What changed between two versions of a guideline, and which answers, gold items and rules that puts in doubt."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from weaklabel.gold.guideline.document import Entry, Guideline, Section
from weaklabel.gold.guideline.text import Block, code_names

Kind = Literal["added", "removed", "changed", "renamed", "moved", "examples"]
Pair = tuple[Section | None, Section | None]

_ALIKE = 0.6
_ALL = "all"


@dataclass(frozen=True)
class Change:
    """What happened to one section.

    Parameters
    ----------
    section
        Its anchor; of a removed section, the one it had.
    kind
        "added", "removed", "changed" (text or label); "renamed" and "moved" with the same text; "examples": only the
        examples pulled from gold.
    was
        The anchor it had; None for an added section.
    labels
        Labels it concerns: the one whose section it is, and those that the changed text names in code marks. None: all.
    editorial
        The change log says that the meaning is the same.
    text
        Lines with "- " and "+ " in front: what went and what came, a paragraph or list item each.
    line
        Of the heading in the new version; of a removed section, in the old one.

    Examples
    --------
    >>> from weaklabel.gold.guideline import parse
    >>> from weaklabel.schema import LabelSchema
    >>> schema = LabelSchema(["ham", "spam"])
    >>> old = parse("# ham\\n# spam\\nIt sells.\\n", schema=schema)
    >>> new = parse("# ham\\n# spam\\nIt sells, but see `ham`.\\n", schema=schema)
    >>> change = diff(old, new).changes[0]
    >>> change.kind, change.labels, change.text, change.queue
    ('changed', ('ham', 'spam'), ('- It sells.', '+ It sells, but see `ham`.'), True)
    """

    section: str
    kind: Kind
    was: str | None
    labels: tuple[str, ...] | None
    editorial: bool
    text: tuple[str, ...]
    line: int

    @property
    def of_meaning(self) -> bool:
        """The text or label of the section changed, if not its meaning."""
        return self.kind in ("added", "removed", "changed") and (bool(self.text) or self.kind == "changed")

    @property
    def queue(self) -> bool:
        """What was done under the old text is to be done again."""
        return self.of_meaning and not self.editorial

    @property
    def sentence(self) -> str:
        """The change in words."""
        was = f", was {self.was!r}" if self.was not in (None, self.section) else ""
        whom = (
            ""
            if not self.of_meaning
            else f"; concerns {'all labels' if self.labels is None else _and(self.labels)}"
        )
        return f"{self.section} (line {self.line}): {self.kind}{was}{whom}{' (editorial)' if self.editorial else ''}"


@dataclass(frozen=True)
class Changes:
    """What `diff` found: changes in the order of the new version, removed sections last.

    Parameters
    ----------
    old, new
        The versions.
    changes
        One a section.
    notes
        What the change log or the version number should say and doesn't, in sentences.

    Examples
    --------
    >>> from weaklabel.gold.guideline import parse
    >>> from weaklabel.schema import LabelSchema
    >>> text = "Version 1.\\n# ham\\n# spam\\nIt sells.\\n"
    >>> old, new = (parse(t, schema=LabelSchema(["ham", "spam"])) for t in (text, text.replace("sells", "wants")))
    >>> for note in diff(old, new).notes:
    ...     print(note)
    the text changed and the version is still 1: raise it
    the change log does not say why 'spam' changed
    """

    old: Guideline = field(repr=False)
    new: Guideline = field(repr=False)
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = field(default=(), repr=False)


def diff(old: Guideline, new: Guideline) -> Changes:
    """Say what changed from one version of a guideline to another.

    A change is editorial when the change log has, among the entries that the old version lacks, one that names the section
    (or "all") and says "(editorial)", and none that names it without: ``- 2026-11-21, delivery: typos (editorial)``. An
    entry speaks for the sections it names, not for those in them. Sections are the same when they define the same label or
    have the same anchor; of the others those with the same, then those with much the same text.

    Examples
    --------
    >>> from weaklabel.gold.guideline import parse
    >>> from weaklabel.schema import LabelSchema
    >>> text = "# Aim\\nSort it.\\n# ham\\nAll else.\\n# spam\\nIt sels.\\n# Changes\\n"
    >>> mended = text.replace("# Aim", "# Purpose").replace("sels", "sells")
    >>> mended += "- 2026-11-21, spam: typo (editorial)\\n"
    >>> old, new = (parse(t, schema=LabelSchema(["ham", "spam"])) for t in (text, mended))
    >>> for change in diff(old, new).changes:
    ...     print(change.sentence)
    purpose (line 1): renamed, was 'aim'
    spam (line 5): changed; concerns 'spam' (editorial)
    """
    pairs = tuple(_pairs(_shown(old), _shown(new)))
    moved = _moved(pairs)
    fresh = [entry for entry in new.entries if _identity(entry) not in {_identity(e) for e in old.entries}]
    said: dict[str, bool] = {}
    unknown = []
    for entry in fresh:
        for name in entry.sections:
            section = new.find(name) or old.find(name)
            key = _ALL if name.casefold() == _ALL else section.anchor if section else None
            if key is None:
                unknown.append(f"the change log, line {entry.line}: there is no section {name!r}")
            else:
                said[key] = said.get(key, True) and entry.editorial
    changes = [c for pair in pairs if (c := _change(pair, old, new, moved, said)) is not None]
    changes.sort(key=lambda change: (change.kind == "removed", change.line))
    return Changes(old, new, tuple(changes), (*_notes(old, new, changes, said), *unknown), pairs)


def _identity(entry: Entry) -> tuple[object, ...]:
    return (entry.date, entry.sections, entry.text)


def _shown(guideline: Guideline) -> list[Section]:
    return [section for section in guideline.sections if section.kind != "log"]


def _pairs(old: list[Section], new: list[Section]) -> Iterator[Pair]:
    """Yield each section with what it was, in the order of the new version, then those that went."""
    was: dict[str, Section] = {}
    left = list(old)

    def take(section: Section, other: Section | None) -> None:
        if other is not None and section.anchor not in was:
            was[section.anchor] = other
            left.remove(other)

    for section in new:
        same = (s for s in left if section.defines and s.defines and s.label == section.label)
        take(section, next(same, None))
    for section in new:
        take(section, next((s for s in left if s.anchor == section.anchor), None))
    for section in new:
        same = (s for s in left if section.blocks and s.fingerprint == section.fingerprint)
        take(section, next(same, None) if section.anchor not in was else None)
    for _, section, other in sorted(
        _alike(left, [s for s in new if s.anchor not in was]), key=lambda found: -found[0]
    ):
        take(section, other if other in left else None)
    for section in new:
        yield was.get(section.anchor), section
    for section in left:
        yield section, None


def _alike(old: Sequence[Section], new: Sequence[Section]) -> Iterator[tuple[float, Section, Section]]:
    for section in new:
        for other in old:
            words = difflib.SequenceMatcher(None, other.text.split(), section.text.split(), autojunk=False)
            if words.real_quick_ratio() >= _ALIKE and words.quick_ratio() >= _ALIKE:
                ratio = words.ratio()
                if ratio >= _ALIKE and section.blocks and other.blocks:
                    yield ratio, section, other


def _moved(pairs: Sequence[Pair]) -> set[str]:
    """Return anchors of sections that stand elsewhere, those that went along with the section around them left out."""
    both = [(old, new) for old, new in pairs if old is not None and new is not None]
    now = {old.anchor: new.anchor for old, new in both}
    elsewhere = {
        new.anchor for old, new in both if now.get(old.parent or "") != new.parent or old.level != new.level
    }
    order = [old.line for old, _ in both]
    kept = _longest_rising(order)
    out_of_order = {new.anchor for at, (_, new) in enumerate(both) if at not in kept}
    along = {new.anchor for _, new in both if new.parent in out_of_order and new.anchor not in elsewhere}
    return elsewhere | (out_of_order - along)


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """Return the places of a longest rising run of numbers, not necessarily side by side."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int | None] = []
    for at, number in enumerate(numbers):
        place = bisect_left(tails, number)
        tails[place : place + 1] = [number]
        ends[place : place + 1] = [at]
        before.append(ends[place - 1] if place else None)
    kept: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept


def _change(
    pair: Pair, old: Guideline, new: Guideline, moved: set[str], said: dict[str, bool]
) -> Change | None:
    was, now = pair
    section = now or was
    if section is None:
        return None
    kind = _kind(was, now, moved)
    if kind is None:
        return None
    part = "examples" if kind == "examples" else "blocks"
    before: Sequence[Block] = getattr(was, part) if was else ()
    after: Sequence[Block] = getattr(now, part) if now else ()
    text = tuple(_text([b.text for b in before], [b.text for b in after]))
    names = [anchor for anchor in (section.anchor, was.anchor if was else None) if anchor in said]
    editorial = all(said[name] for name in names) if names else said.get(_ALL, False)
    return Change(
        section=section.anchor,
        kind=kind,
        was=was.anchor if was else None,
        labels=_labels(was, now, text, (new, old)),
        editorial=editorial,
        text=text,
        line=section.line,
    )


def _kind(was: Section | None, now: Section | None, moved: set[str]) -> Kind | None:
    if was is None or now is None:
        return "added" if was is None else "removed"
    if was.label != now.label or was.fingerprint != now.fingerprint:
        return "changed"
    if was.anchor != now.anchor or was.title != now.title:
        return "renamed"
    if now.anchor in moved:
        return "moved"
    same = [block.text for block in was.examples] == [block.text for block in now.examples]
    return None if same else "examples"


def _text(before: list[str], after: list[str]) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for what, i, j, k, n in matcher.get_opcodes():
        if what != "equal":
            yield from (f"- {block}" for block in before[i:j])
            yield from (f"+ {block}" for block in after[k:n])


def _labels(
    was: Section | None, now: Section | None, text: Iterable[str], guidelines: Sequence[Guideline]
) -> tuple[str, ...] | None:
    """Return the labels that a change concerns, in the order of the schema; None: all of them."""
    sections = [section for section in (was, now) if section is not None]
    found = {section.label for section in sections if section.label is not None}
    if any(section.label is None and section.kind == "general" for section in sections):
        return None
    if was is not None and now is not None and was.label != now.label:
        text = [f"  {block.text}" for section in sections for block in section.blocks]
    schemas = [guideline.schema for guideline in guidelines]
    for name in (name for line in text for name in code_names(line[2:])):
        found |= {schema.label(schema.code(name)) for schema in schemas if name in schema}
    order = list(dict.fromkeys(name for schema in schemas for name in schema.names))
    return tuple(sorted(found, key=order.index)) or None


def _notes(old: Guideline, new: Guideline, changes: Sequence[Change], said: dict[str, bool]) -> Iterator[str]:
    textual = [change for change in changes if change.of_meaning]
    if new.number < old.number:
        yield f"the version went back from {old.number} to {new.number}"
    elif textual and new.number == old.number:
        yield f"the text changed and the version is still {new.number}: raise it"
    silent = [c.section for c in textual if not {c.section, c.was, _ALL} & said.keys()]
    if silent:
        yield f"the change log does not say why {_and(silent)} changed"


def _and(names: Sequence[str]) -> str:
    *first, last = map(repr, names)
    return f"{', '.join(first)} and {last}" if first else last
