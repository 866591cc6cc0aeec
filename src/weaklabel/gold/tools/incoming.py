"""What comes back from a tool, made into answers: items, people and labels found, faults told, the rest counted."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, Problems, SchemaError, WeakLabelError, did_you_mean
from weaklabel.gold.ledger.answers import ANSWERS
from weaklabel.gold.tools.files import capped
from weaklabel.gold.tools.names import ID, NONE, UNSURE
from weaklabel.schema import LabelSchema

_FEW = 3


@dataclass(frozen=True)
class ToolAnswers:
    """Answers that were read from a tool's files.

    Parameters
    ----------
    frame
        Columns of `ANSWERS`, in the order of the files.
    notes
        What was left out and why, in sentences.
    counts
        The same as numbers: `answers`, and for each kind of row that is no answer how many there were.

    Examples
    --------
    >>> ToolAnswers(pl.DataFrame(schema=ANSWERS)).frame.height
    0
    """

    frame: pl.DataFrame
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """One answer as a tool gives it, before items, people and labels are looked up.

    Parameters
    ----------
    place
        File and line, or file and task.
    item
        Our id, if it came back.
    text
        What was shown; used where the id is missing.
    people
        Names of who answered, the best first; empty where the tool doesn't say.
    kind, labels
        As in `ANSWERS`; labels as the tool spells them.
    own
        The tool's own id of the answer.
    at, seconds, guideline, batch, suggested, suggestion, comment
        As in `ANSWERS`.

    Examples
    --------
    >>> Given("a.jsonl:1", "a", "hello", ("ann",), "skip").labels
    ()
    """

    place: str
    item: str | None
    text: str | None
    people: tuple[str, ...]
    kind: str
    labels: tuple[str, ...] = ()
    own: str | None = None
    at: datetime | None = None
    seconds: float | None = None
    guideline: str | None = None
    batch: str | None = None
    suggested: bool | None = None
    suggestion: tuple[str, ...] | None = None
    comment: str | None = None


@dataclass(frozen=True)
class Asked:
    """What the caller of a reader says.

    Parameters
    ----------
    schema
        The labels; names and aliases are taken.
    batch, guideline
        For answers that don't name theirs.
    annotator
        Who answered, where the tool doesn't say.
    people
        The tool's names or numbers of people -> ours. Names that are not in it are kept.
    by_text
        `id` and `text` of items: answers without our id are matched by their text. None: they are an error.

    Examples
    --------
    >>> Asked(LabelSchema(["ham", "spam"])).people
    {}
    """

    schema: LabelSchema
    batch: str | None = None
    guideline: str | None = None
    annotator: str | None = None
    people: Mapping[str, str] = field(default_factory=dict)
    by_text: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", {str(name): our for name, our in self.people.items()})


class Faults:
    """Everything that is wrong with what came back; the same fault at several places is told once.

    Examples
    --------
    >>> faults = Faults()
    >>> for line in 1, 2:
    ...     faults.add("no text", f"a.jsonl:{line}")
    >>> print(faults.problems[0])
    no text (2 times)
      where: a.jsonl:1, a.jsonl:2
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[list[str], Sequence[str] | None, str | None]] = {}

    def add(
        self, what: str, place: str, *, available: Sequence[str] | None = None, hint: str | None = None
    ) -> None:
        """Take note of a fault."""
        self._found.setdefault(what, ([], available, hint))[0].append(place)

    @property
    def problems(self) -> list[WeakLabelError]:
        """An error for each."""
        return [
            GoldError(
                what if len(places) == 1 else f"{what} ({len(places)} times)",
                where=_some(list(dict.fromkeys(places))),
                available=available,
                hint=hint,
            )
            for what, (places, available, hint) in self._found.items()
        ]

    def stop(self, place: str) -> None:
        """Raise them all, if there are any."""
        if self._found:
            raise Problems(place, capped(self.problems))


def settle(
    tool: str, given: Iterable[Given], asked: Asked, left_out: Mapping[str, int], faults: Faults
) -> ToolAnswers:
    """Return answers in one form, or everything that is wrong with them.

    Parameters
    ----------
    tool
        Its name.
    given
        Answers as the tool gives them.
    asked
        What the caller says.
    left_out
        What the reader left out: a reason -> how many.
    faults
        What the reader found wrong.

    Raises
    ------
    Problems
        Unknown labels, items or people that can't be found, and what the reader found wrong. Nothing is read half.

    Examples
    --------
    >>> one = Given("a.jsonl:1", "a", "hello", ("ann",), "label", ("junk",))
    >>> from weaklabel.schema import Label
    >>> asked = Asked(LabelSchema(["ham", Label("spam", aliases=("junk",))]))
    >>> settle("doccano", [one], asked, {}, Faults()).frame.select("item", "annotator", "labels").rows()
    [('a', 'ann', ['spam'])]
    """
    items = _Texts(asked.by_text)
    notes: Counter[str] = Counter()
    rows = []
    for one in given:
        item = items.find(one, faults)
        person = _person(one, asked, faults)
        kind, labels = _said(one, asked.schema, item, faults, notes)
        if item is not None and person is not None:
            rows.append(_row(tool, one, item, person, kind, labels, asked, notes))
    faults.stop(f"the answers from {tool}")
    columns = zip(*rows, strict=True) if rows else [()] * len(ANSWERS)
    frame = pl.DataFrame(dict(zip(ANSWERS, map(list, columns), strict=True)), schema=ANSWERS)
    once = frame.unique(maintain_order=True)
    counts = Counter({reason: n for reason, n in left_out.items() if n})
    if frame.height > once.height:
        counts["answers that stand twice, read once"] = frame.height - once.height
    if items.matched:
        notes["answers without our id, matched by their text"] = items.matched
    told = tuple(f"{reason}: {n}" for reason, n in (counts + notes).items())
    return ToolAnswers(once, told, {"answers": once.height, **counts, **notes})


class _Texts:
    """Finds items by id, or by their text where that is asked for."""

    def __init__(self, frame: pl.DataFrame | None) -> None:
        self.matched = 0
        self._ids: dict[str, set[str]] | None = None
        if frame is None:
            return
        missing = [name for name in ("id", "text") if name not in frame.columns]
        if missing:
            raise GoldError(f"by_text= has no column {missing[0]!r}", available=frame.columns)
        self._ids = {}
        for id, text in frame.select(pl.col("id").cast(pl.String), "text").drop_nulls().iter_rows():
            self._ids.setdefault(_bare(text), set()).add(id)

    def find(self, one: Given, faults: Faults) -> str | None:
        if one.item is not None:
            return one.item
        if self._ids is None:
            hint = "it was not written by us, or its columns were lost; by_text= matches items by their text"
            faults.add(f"no {ID!r} says which item it is", one.place, hint=hint)
            return None
        found = self._ids.get(_bare(one.text or ""), set()) if one.text else set()
        if len(found) != 1:
            what = "the text is that of no item" if not found else f"the text is that of {len(found)} items"
            hint = "only a text that one item alone has can be matched"
            faults.add(what, f"{one.place} ({_cut(one.text)})", hint=hint)
            return None
        self.matched += 1
        return next(iter(found))


def _bare(text: str) -> str:
    """Return a text without what tools change: line ends, outer blanks, composed characters."""
    return unicodedata.normalize("NFC", "\n".join(text.splitlines()).strip())


def _person(one: Given, asked: Asked, faults: Faults) -> str | None:
    named = [asked.people[name] for name in one.people if name in asked.people]
    found = named or [*one.people, *([asked.annotator] if asked.annotator is not None else [])]
    if found:
        return found[0]
    file = one.place.partition(":")[0]
    hint = "name the person: annotator=, or one file for each"
    faults.add("nothing says who answered", file, hint=hint)
    return None


def _said(
    one: Given, schema: LabelSchema, item: str | None, faults: Faults, notes: Counter[str]
) -> tuple[str, list[str]]:
    """Return the kind of an answer, and its labels by name in the order of the schema."""
    extra = {label for label in one.labels if label not in schema and label in (NONE, UNSURE)}
    codes = set()
    for label in one.labels:
        if label in extra:
            continue
        try:
            codes.add(schema.code(label))
        except SchemaError as error:
            about = "" if item is None else f" (item {item!r})"
            faults.add(error.what, one.place + about, available=schema.names, hint=error.hint)
    labels = [schema.label(code) for code in sorted(codes)]
    if one.kind != "label" or not extra:
        if one.kind == "label" and schema.exclusive and len(labels) > 1:
            notes["answers that name several labels, where the schema takes one (kept, but no votes)"] += 1
        return ("skip" if extra and not labels else one.kind), labels  # "not unsure" says nothing
    if labels or len(extra) > 1:
        notes["answers that name a label and its opposite (read as unsure)"] += 1
        return "unsure", []
    return ("none" if extra == {NONE} else "unsure"), []


def _row(
    tool: str,
    one: Given,
    item: str,
    person: str,
    kind: str,
    labels: list[str],
    asked: Asked,
    notes: Counter[str],
) -> tuple[Any, ...]:
    schema, comment = asked.schema, one.comment
    if comment is not None and "\0" in comment:
        notes["comments that held a NUL character (taken out)"] += 1
        comment = comment.replace("\0", "")
    suggestion = None
    if one.suggestion is not None:
        names = [schema.label(schema.code(name)) if name in schema else name for name in one.suggestion]
        suggestion = [name for name in dict.fromkeys(names) if name]
    return (
        None if one.own is None else f"{tool}:{one.own}",
        item,
        person,
        kind,
        labels,
        one.at,
        one.seconds,
        one.guideline if one.guideline is not None else asked.guideline,
        one.batch if one.batch is not None else asked.batch,
        tool,
        one.suggested,
        suggestion,
        comment or None,
    )


def _some(places: Sequence[str]) -> str:
    more = f" and {len(places) - _FEW} more" if len(places) > _FEW else ""
    return ", ".join(places[:_FEW]) + more


def _cut(text: str | None) -> str:
    shown = repr(text or "")
    return shown if len(shown) <= 40 else shown[:40] + "…'"


def unknown_option(what: str, value: str, available: Sequence[str]) -> GoldError:
    """Return the error for a value that is none of those available.

    Examples
    --------
    >>> print(unknown_option("tool", "docano", ["doccano"]))
    no tool 'docano'
      available: doccano
      hint: did you mean 'doccano'?
    """
    return GoldError(f"no {what} {value!r}", available=available, hint=did_you_mean(value, available))
