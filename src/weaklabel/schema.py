"""Label schemas, vote codes and the column types of every table that is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from weaklabel.errors import Problems, SchemaError, did_you_mean

ABSTAIN = -1
"""The labeler looked at the row and has no opinion: evidence."""
MISSING = -2
"""The labeler was not asked, or failed: no evidence."""
MAX_CODE = 126
"""Largest vote code; codes 0 to k-1 are the classes in schema order, k to 126 a rule's further outcomes."""

STATUSES = ("labeled", "tie", "uncovered", "below_threshold")
VOTE_PREFIX = "lf:"

LABEL_COLUMNS: dict[str, Any] = {
    "id": pl.String,
    "label": pl.String,
    "status": pl.String,
    "probabilities": pl.List(pl.Float32),
    "n_votes": pl.Int32,
    "pattern": pl.Int64,
    "run_id": pl.String,
}
"""Columns of the label table; `probabilities` is in schema order and null for a row without votes."""

TAG_COLUMNS: dict[str, Any] = {
    "id": pl.String,
    "labels": pl.List(pl.String),
    "status": pl.String,
    "candidates": pl.List(pl.String),
    "probabilities": pl.List(pl.Float32),
    "n_votes": pl.Int32,
    "pattern": pl.Int64,
    "run_id": pl.String,
}
"""Columns of the label table of a task whose rows may have several labels; `probabilities` are those of `candidates`."""

GOLD_COLUMNS: dict[str, Any] = {"id": pl.String, "label": pl.String}

ACTIVE, RETIRED = "active", "retired"
_LABEL_KEYS = {"name", "description", "aliases", "parents", "status"}
_SCHEMA_KEYS = {"labels", "retired", "exclusive", "version", "name", "description"}


@dataclass(frozen=True)
class Label:
    """One class of a task.

    Parameters
    ----------
    name
        The name under which it is stored everywhere.
    description
        What belongs to it, in a sentence.
    aliases
        Other spellings that input may use.
    parents
        Names of broader labels of the same schema.
    status
        "active"; or "retired": it is known by name, in older labels and gold, but is no class, and nothing may vote for it.

    Raises
    ------
    SchemaError
        The status is neither.

    Examples
    --------
    >>> spam = Label("spam", "Advertises something.", aliases=("junk",))
    >>> schema = LabelSchema(["ham", spam, Label("fax", status="retired")])
    >>> schema.code("junk"), schema.labels[1].description, schema.names, schema.retired[0].name
    (1, 'Advertises something.', ('ham', 'spam'), 'fax')
    """

    name: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    status: str = ACTIVE

    def __post_init__(self) -> None:
        if self.status not in (ACTIVE, RETIRED):
            hint = did_you_mean(self.status, (ACTIVE, RETIRED))
            what = f"unknown status {self.status!r} of label {self.name!r}"
            raise SchemaError(what, available=(ACTIVE, RETIRED), hint=hint)


@dataclass(frozen=True)
class Outcome:
    """What a rule may vote for beside a class: a set of labels, or a negation; made by `any_of` and `none_of`.

    Parameters
    ----------
    labels
        Names of labels, kept in alphabetical order, each once.
    against
        False: one of them is right. True: none of them is.

    Raises
    ------
    SchemaError
        There are no labels, or one is not text.

    Examples
    --------
    >>> Outcome(("returns", "delivery")).name, Outcome(("spam",), against=True).name
    ('delivery or returns', 'not spam')
    """

    labels: tuple[str, ...]
    against: bool = False

    def __post_init__(self) -> None:
        maker = "none_of" if self.against else "any_of"
        given: Any = self.labels
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise SchemaError(f"an outcome's labels are a tuple, not {given!r}", hint=f'{maker}("a", "b")')
        labels = tuple(sorted({_text(label) for label in given}))
        if not labels:
            raise SchemaError(f"`{maker}` names no label", hint=f'{maker}("a", "b")')
        object.__setattr__(self, "labels", labels)

    @property
    def name(self) -> str:
        """The outcome in words."""
        if not self.against:
            return " or ".join(self.labels)
        return f"not {self.labels[0]}" if len(self.labels) == 1 else f"neither {' nor '.join(self.labels)}"

    @property
    def fingerprint(self) -> str:
        """A text that stands for it in the fingerprint of a function that refers to it."""
        return repr(self.to_dict())

    def to_dict(self) -> dict[str, list[str]]:
        """Return it as YAML spells it."""
        return {"none_of" if self.against else "any_of": list(self.labels)}


def any_of(*labels: str) -> Outcome | str:
    """Return the outcome "one of these labels", for a rule's `label`; of one label, that label.

    Examples
    --------
    >>> any_of("delivery", "returns").name, any_of("returns")
    ('delivery or returns', 'returns')
    """
    outcome = Outcome(labels)
    return outcome if len(outcome.labels) > 1 else outcome.labels[0]


def none_of(*labels: str) -> Outcome:
    """Return the outcome "none of these labels", for a rule's `label`.

    Examples
    --------
    >>> none_of("spam").name, none_of("delivery", "returns").name
    ('not spam', 'neither delivery nor returns')
    """
    return Outcome(labels, against=True)


@dataclass(frozen=True, init=False)
class LabelSchema:
    """The classes of a task, in order; the position of a class is its vote code.

    Parameters
    ----------
    labels
        Names, or `Label` objects, two or more (one or more when not exclusive). Retired ones don't count: they are kept
        apart, in `retired`. A parent may be given by an alias.
    exclusive
        True: exactly one label a row. False: any number (multi-label).
    version
        Changed by its owner whenever a label changes its meaning.
    name
        Name of the task, for messages.

    Raises
    ------
    Problems
        With every problem found: empty or doubled names, an alias that is taken, an unknown or circular parent.

    Examples
    --------
    >>> schema = LabelSchema(["ham", Label("spam", aliases=("junk",))])
    >>> schema.code("junk"), schema.names
    (1, ('ham', 'spam'))
    >>> schema.code("spma")
    Traceback (most recent call last):
    ...
    weaklabel.errors.SchemaError: unknown label 'spma'
      available: ham, spam
      hint: did you mean 'spam'?
    """

    labels: tuple[Label, ...]
    exclusive: bool = True
    version: str = "1"
    name: str = ""
    retired: tuple[Label, ...] = ()
    _codes: Mapping[str, int] = field(repr=False, compare=False, default_factory=dict)

    def __init__(
        self,
        labels: Sequence[str | Label],
        *,
        exclusive: bool = True,
        version: str = "1",
        name: str = "",
        _places: Sequence[str] = (),
    ) -> None:
        every = _by_name([_normal(lab) if isinstance(lab, Label) else Label(_text(lab)) for lab in labels])
        problems = _problems(every, exclusive, _places)
        if problems:
            raise Problems(f"label schema {name!r}" if name else "the label schema", problems)
        rows, retired = (tuple(lab for lab in every if lab.status == status) for status in (ACTIVE, RETIRED))
        codes = {spelling: i for i, lab in enumerate(rows) for spelling in (lab.name, *lab.aliases)}
        for attribute, value in (
            ("labels", rows),
            ("retired", retired),
            ("exclusive", bool(exclusive)),
            ("version", str(version)),
            ("name", name),
            ("_codes", codes),
        ):
            object.__setattr__(self, attribute, value)

    @classmethod
    def from_yaml(cls, path: str | Path) -> LabelSchema:
        """Read a schema from a YAML file.

        Parameters
        ----------
        path
            A file with `labels:` (names, or mappings with name, description, aliases, parents, status) and, if wanted,
            `retired` (labels that are no classes any more), `exclusive`, `version`, `name`.

        Raises
        ------
        SchemaError
            The file is missing, is not UTF-8 or not YAML, or has an unknown key.
        Problems
            The labels contradict each other.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            loaded = yaml.safe_load(text)
        except OSError as error:
            raise SchemaError(
                f"can't read the label schema: {error.strerror}",
                where=str(path),
                hint="a task's folder holds a schema.yaml with `labels: [a, b]`",
            ) from error
        except UnicodeDecodeError as error:
            raise SchemaError(
                f"the label schema is not UTF-8 (byte {error.start})",
                where=str(path),
                hint="save it as UTF-8",
            ) from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise SchemaError(
                f"the label schema is not valid YAML: {getattr(error, 'problem', error)}",
                where=f"{path}{line}",
            ) from error
        try:
            return cls._from(loaded, _places_of_labels(text, path))
        except SchemaError as error:
            error.where = error.where or str(path)
            raise
        except Problems as error:
            for problem in error.problems:
                problem.where = problem.where or str(path)
            raise Problems(str(path), error.problems) from None

    @classmethod
    def from_dict(cls, data: Any) -> LabelSchema:
        """Make a schema from what its YAML holds (see `from_yaml`)."""
        return cls._from(data, ())

    @classmethod
    def _from(cls, data: Any, places: Sequence[str]) -> LabelSchema:
        if not isinstance(data, Mapping) or "labels" not in data:
            raise SchemaError("a label schema is a mapping with `labels:`", hint="labels: [ham, spam]")
        _known_keys(data, _SCHEMA_KEYS, "label schema")
        for key in ("labels", "retired"):
            if not isinstance(data.get(key) or [], list):
                raise SchemaError(f"`{key}` is a list of names or mappings", hint=f"{key}: [ham, spam]")
        if not isinstance(data["labels"], list):
            raise SchemaError("`labels` is a list of names or mappings", hint="labels: [ham, spam]")
        active, gone = data["labels"], data.get("retired") or []
        exclusive = data.get("exclusive", True)
        if not isinstance(exclusive, bool):
            raise SchemaError(f"`exclusive` is true or false, not {exclusive!r}")
        labels = [_label(entry, place) for entry, place in zip_longest([*active, *gone], places)]
        return cls(
            [*labels[: len(active)], *(replace(lab, status=RETIRED) for lab in labels[len(active) :])],
            exclusive=exclusive,
            version=str(data.get("version", "1")),
            name=str(data.get("name", "")),
            _places=places,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names in code order."""
        return tuple(lab.name for lab in self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and unicodedata.normalize("NFC", name) in self._codes

    def code(self, name: str, *, where: str | None = None) -> int:
        """Return the vote code of a name or alias.

        Raises
        ------
        SchemaError
            The name is unknown; the nearest known names are given.
        """
        found = self._codes.get(unicodedata.normalize("NFC", name)) if isinstance(name, str) else None
        if found is None and self.was(name) is not None:
            what = f"label {name!r} is retired: it is no class any more"
            raise SchemaError(what, where=where, available=self.names)
        if found is None:
            hint = did_you_mean(name, self._codes)
            raise SchemaError(f"unknown label {name!r}", where=where, available=self.names, hint=hint)
        return found

    def was(self, name: object) -> str | None:
        """Return the name of the retired label that a name or alias stands for; None where there is none.

        Examples
        --------
        >>> LabelSchema(["ham", "spam", Label("fax", aliases=("telefax",), status="retired")]).was("telefax")
        'fax'
        """
        wanted = unicodedata.normalize("NFC", name) if isinstance(name, str) else None
        return next((lab.name for lab in self.retired if wanted in (lab.name, *lab.aliases)), None)

    def outcome(self, outcome: Outcome, *, where: str | None = None) -> Outcome:
        """Return an outcome with names in place of aliases.

        Raises
        ------
        SchemaError
            It names an unknown label; the nearest known names are given.
        """
        names = (self.label(self.code(label, where=where)) for label in outcome.labels)
        return Outcome(tuple(names), outcome.against)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Return the labels above a label: its parents, theirs, and so on, each once, in the order of the schema.

        Raises
        ------
        SchemaError
            The name is unknown.

        Examples
        --------
        >>> cat = Label("cat", parents=("mammal",))
        >>> schema = LabelSchema(["animal", Label("mammal", parents=("animal",)), cat], exclusive=False)
        >>> schema.ancestors("cat"), schema.descendants("animal"), schema.children("animal")
        (('animal', 'mammal'), ('mammal', 'cat'), ('mammal',))
        """
        found: set[str] = set()
        frontier = list(self.labels[self.code(name)].parents)
        while frontier:
            above = frontier.pop()
            if above not in found:
                found.add(above)
                frontier.extend(self.labels[self.code(above)].parents)
        return tuple(label for label in self.names if label in found)

    def children(self, name: str) -> tuple[str, ...]:
        """Return the labels whose parent a label is, in the order of the schema."""
        parent = self.label(self.code(name))
        return tuple(label.name for label in self.labels if parent in label.parents)

    def descendants(self, name: str) -> tuple[str, ...]:
        """Return the labels below a label: its children, theirs, and so on, in the order of the schema."""
        found: set[str] = set()
        frontier = list(self.children(name))
        while frontier:
            below = frontier.pop()
            if below not in found:
                found.add(below)
                frontier.extend(self.children(below))
        return tuple(label for label in self.names if label in found)

    def label(self, code: int) -> str:
        """Return the name of a class code, 0 to k-1."""
        if not 0 <= code < len(self):
            raise SchemaError(
                f"code {code} is no class; classes are 0 to {len(self) - 1}", available=self.names
            )
        return self.labels[code].name

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` reads back."""
        return {
            "name": self.name,
            "version": self.version,
            "exclusive": self.exclusive,
            "labels": [_plain(lab) for lab in self.labels],
            **({"retired": [_plain(lab) for lab in self.retired]} if self.retired else {}),
        }


def _text(name: object) -> str:
    if not isinstance(name, str):
        hint = "quote it: YAML reads yes, no, on, off and numbers as other types"
        raise SchemaError(f"a label's name is text, not {name!r}", hint=hint)
    return unicodedata.normalize("NFC", name)


def _normal(label: Label) -> Label:
    aliases, parents = (tuple(map(_text, names)) for names in (label.aliases, label.parents))
    return Label(_text(label.name), label.description, aliases, parents, label.status)


def _by_name(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Return labels with the names of their parents in place of aliases."""
    names = {lab.name for lab in labels}
    owner = {alias: lab.name for lab in labels for alias in lab.aliases if alias not in names}
    return tuple(
        replace(lab, parents=tuple(owner.get(parent, parent) for parent in lab.parents)) for lab in labels
    )


def _plain(label: Label) -> dict[str, Any]:
    return {
        "name": label.name,
        "description": label.description,
        "aliases": list(label.aliases),
        "parents": list(label.parents),
    }


def _places_of_labels(text: str, path: Path) -> list[str]:
    """Return file and line of each entry of `labels`, then of `retired`."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    top = node.value if isinstance(node, yaml.MappingNode) else []
    places = []
    for name in ("labels", "retired"):
        lists = [value for key, value in top if key.value == name and isinstance(value, yaml.SequenceNode)]
        places += [f"{path}:{entry.start_mark.line + 1}" for entry in lists[-1].value] if lists else []
    return places


def _label(entry: Any, place: str | None) -> Label:
    try:
        return _parsed_label(entry)
    except SchemaError as error:
        error.where = place
        raise


def _parsed_label(entry: Any) -> Label:
    if not isinstance(entry, Mapping):
        return Label(_text(entry))
    _known_keys(entry, _LABEL_KEYS, "label")
    if "name" not in entry:
        raise SchemaError(f"a label without a name: {dict(entry)!r}")
    return Label(
        _text(entry["name"]),
        str(entry.get("description") or ""),
        _names(entry, "aliases"),
        _names(entry, "parents"),
        entry.get("status", ACTIVE),
    )


def _names(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = entry.get(key) or []
    if not isinstance(value, list):
        raise SchemaError(f"`{key}` of label {entry['name']!r} is a list, not {value!r}")
    return tuple(_text(v) for v in value)


def _known_keys(data: Mapping[str, Any], known: Iterable[str], kind: str) -> None:
    for key in data:
        if key not in known:
            hint = did_you_mean(key, known)
            raise SchemaError(f"unknown key {key!r} in a {kind}", available=sorted(known), hint=hint)


def _problems(labels: Sequence[Label], exclusive: bool, places: Sequence[str] = ()) -> list[SchemaError]:
    problems = []
    at = dict(zip(range(len(labels)), places, strict=False))
    fewest = 2 if exclusive else 1
    active = [lab for lab in labels if lab.status == ACTIVE]
    if len(active) < fewest:
        count = f"{len(active)} label{'s' * (len(active) != 1)}"
        problems.append(
            SchemaError(f"{count}; at least {fewest} {'are' if fewest > 1 else 'is'} needed", where=at.get(0))
        )
    if len(active) > MAX_CODE and exclusive:
        problems.append(SchemaError(f"{len(active)} labels; at most {MAX_CODE} fit into one vote column"))
    owner: dict[str, str] = {}
    for i, lab in enumerate(labels):
        for spelling in (lab.name, *lab.aliases):
            if not spelling.strip():
                problems.append(SchemaError(f"an empty name or alias at label {lab.name!r}", where=at.get(i)))
            elif spelling in owner:
                what = f"{spelling!r} names both label {owner[spelling]!r} and label {lab.name!r}"
                if owner[spelling] == lab.name:
                    what = f"{spelling!r} stands twice"
                problems.append(SchemaError(what, where=at.get(i)))
            owner.setdefault(spelling, lab.name)
    names = {lab.name: lab for lab in labels}
    for i, lab in enumerate(labels):
        for parent in lab.parents:
            if parent not in names:
                hint = did_you_mean(parent, names)
                what = f"unknown parent {parent!r} of label {lab.name!r}"
                problems.append(SchemaError(what, where=at.get(i), available=names, hint=hint))
            elif names[parent].status == RETIRED and lab.status == ACTIVE:
                what = f"parent {parent!r} of label {lab.name!r} is retired"
                problems.append(SchemaError(what, where=at.get(i), hint="leave it out, or name its parent"))
    return problems + _cycles(names, {lab.name: at.get(i) for i, lab in enumerate(labels)})


def _cycles(names: Mapping[str, Label], places: Mapping[str, str | None]) -> list[SchemaError]:
    problems = []
    for start in names:
        seen: set[str] = set()
        frontier = list(names[start].parents)
        while frontier:
            name = frontier.pop()
            if name == start:
                problems.append(SchemaError(f"label {start!r} is its own ancestor", where=places[start]))
                break
            if name in names and name not in seen:
                seen.add(name)
                frontier.extend(names[name].parents)
    return problems
