"""What changed from one schema to another, and what each old label has become.

A rename is known by an alias (the new label has the old name among its aliases), or is declared in a map; so is a merge.
A split is always declared. What is neither there any more, nor retired, nor declared is "gone": a person must say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weaklabel.errors import Problems, SchemaError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.schema import LabelSchema
from weaklabel.taxonomy.mapping import LabelMap, read_map

KINDS = (
    "renamed", "merged", "split", "retired", "gone", "returned", "added", "moved", "described", "aliases", "order", "exclusive",
)  # fmt: skip
"""Kinds of changes, in the order in which they are told."""


@dataclass(frozen=True)
class Change:
    """One difference of two schemas.

    Parameters
    ----------
    kind
        One of `KINDS`. "gone": the old label is not in the new schema, and nothing says what became of it. "moved": its
        parents changed. "order": labels have other codes.
    old, new
        Names of the labels before and after.
    why
        How it is known: "alias", "map", or empty.
    note
        What else there is to say.

    Examples
    --------
    >>> Change("renamed", ("nlp",), ("language",), "alias").sentence
    'nlp is renamed language (by alias)'
    """

    kind: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    why: str = ""
    note: str = ""

    @property
    def sentence(self) -> str:
        """The change in words."""
        old, new = _and(self.old), _and(self.new)
        said = {
            "renamed": f"{old} is renamed {new}",
            "merged": f"{old} are merged into {new}",
            "split": f"{old} is split into {new}",
            "retired": f"{old} is retired",
            "gone": f"{old} is gone, and nothing says what became of it",
            "returned": f"{new} is active again",
            "added": f"{new} is new",
            "moved": f"{new} has other parents",
            "described": f"{new} is described in other words",
            "aliases": f"{new} has other aliases",
            "order": "labels stand in another order",
            "exclusive": "",
        }[self.kind]
        note = f"{': ' if said else ''}{self.note}" if self.note else ""
        return f"{said}{note}" + (f" (by {self.why})" if self.why else "")

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "kind": self.kind,
            "old": list(self.old),
            "new": list(self.new),
            "why": self.why,
            "note": self.note,
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class SchemaDiff:
    """What changed from one schema to another; made by `schema_diff`.

    Parameters
    ----------
    old, new
        The schemas.
    changes
        In the order of `KINDS`.
    becomes
        Of each old label the labels that it may be now: itself or one other where that is exact, several after a split,
        none where it is retired or gone.

    Examples
    --------
    >>> found = schema_diff(LabelSchema(["ham", "spam"]), LabelSchema(["ham", "spam", "scam"]), {"split": {"spam": ["spam", "scam"]}})
    >>> found.exact("ham"), found.exact("spam"), found.becomes["spam"]
    ('ham', None, ('spam', 'scam'))
    """

    old: LabelSchema
    new: LabelSchema
    changes: tuple[Change, ...]
    becomes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def versions(self) -> str:
        """Both versions in words, with the first digits of their fingerprints where the numbers are the same."""
        old, new = self.old.version, self.new.version
        if old != new:
            return f"schema {old} to {new}"
        return f"schema {old} ({schema_fingerprint(self.old)[:8]} to {schema_fingerprint(self.new)[:8]})"

    @property
    def gone(self) -> tuple[str, ...]:
        """Old labels of which nothing says what became of them."""
        return tuple(name for change in self.changes if change.kind == "gone" for name in change.old)

    @property
    def unaliased(self) -> tuple[tuple[str, str], ...]:
        """Old and new names of labels that are carried over, where the new schema doesn't know the old name as an alias."""
        pairs = ((old, self.exact(old)) for old in self.old.names)
        return tuple((old, new) for old, new in pairs if new is not None and old not in self.new)

    def exact(self, name: str) -> str | None:
        """Return what an old label, by name or alias, is called now; None where only a person can tell."""
        old = self.old.was(name)
        if old is None:
            old = self.old.label(self.old.code(name))
            found = self.becomes[old]
            return found[0] if len(found) == 1 else None
        return None

    def counts(self) -> dict[str, int]:
        """Return how many changes of each kind there are."""
        kinds = [change.kind for change in self.changes]
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "old": {"version": self.old.version, "fingerprint": schema_fingerprint(self.old)},
            "new": {"version": self.new.version, "fingerprint": schema_fingerprint(self.new)},
            "counts": self.counts(),
            "changes": [change.to_dict() for change in self.changes],
            "becomes": {old: list(new) for old, new in self.becomes.items()},
        }


def schema_fingerprint(schema: LabelSchema) -> str:
    """Return the hash by which a run knows its schema.

    Examples
    --------
    >>> schema_fingerprint(LabelSchema(["ham", "spam"])) == schema_fingerprint(LabelSchema(["spam", "ham"]))
    False
    """
    return fingerprint(schema.to_dict())


def schema_diff(
    old: LabelSchema, new: LabelSchema, mapping: LabelMap | Mapping[str, Any] | str | Path | None = None
) -> SchemaDiff:
    """Return what changed from one schema to another.

    Parameters
    ----------
    old, new
        The schemas.
    mapping
        What a person declares: ``{"rename": {old: new}, "merge": {new: [olds]}, "split": {old: [news]}, "retire": [old]}``,
        or the YAML file that says it.

    Raises
    ------
    SchemaError, Problems
        The map names labels that the schemas don't have, or contradicts them.

    Examples
    --------
    >>> from weaklabel.schema import Label
    >>> old = LabelSchema(["nlp", "speech", "fax"], exclusive=False)
    >>> new = LabelSchema([Label("language", aliases=("nlp",)), Label("speech", parents=("language",)), Label("fax", status="retired")], exclusive=False)
    >>> for change in schema_diff(old, new).changes:
    ...     print(change.sentence)
    nlp is renamed language (by alias)
    fax is retired
    speech has other parents: now language
    """
    declared = read_map(mapping)
    problems = list(_map_problems(declared, old, new))
    if problems:
        raise Problems(declared.source or "the map of labels", problems)
    becomes, known_by = {}, {}
    for name in old.names:
        becomes[name], known_by[name] = _became(name, new, declared)
    changes = [
        *_fates(old, new, becomes, known_by),
        *_arrivals(old, new, becomes),
        *_same(old, new, becomes),
        *_wholes(old, new, becomes),
    ]
    changes.sort(key=lambda change: KINDS.index(change.kind))
    return SchemaDiff(old, new, tuple(changes), becomes)


def _became(name: str, new: LabelSchema, declared: LabelMap) -> tuple[tuple[str, ...], str]:
    """Return what an old label may be now, and how that is known."""
    said = declared.said(name)
    if said is not None:
        return tuple(new.label(new.code(one)) for one in said[1]), "map"
    if name in new:
        found = new.label(new.code(name))
        return (found,), "alias" if found != name else ""
    return (), "retired" if new.was(name) is not None else "gone"


def _fates(
    old: LabelSchema, new: LabelSchema, becomes: Mapping[str, tuple[str, ...]], known_by: Mapping[str, str]
) -> Iterator[Change]:
    """Tell what became of old labels: renamed, merged, split, retired, gone."""
    into: dict[str, list[str]] = {}
    for name, found in becomes.items():
        if len(found) == 1:
            into.setdefault(found[0], []).append(name)
        elif found:
            yield Change("split", (name,), found, "map")
        else:
            gone = known_by[name] == "gone"
            yield Change("gone" if gone else "retired", (name,), (), "map" if known_by[name] == "map" else "")
    for target, names in into.items():
        why = "map" if any(known_by[name] == "map" for name in names) else known_by[names[-1]]
        if len(names) > 1:
            by_alias = [known_by[name] for name in names if name != target]
            yield Change("merged", tuple(names), (target,), "map" if "map" in by_alias else "alias")
        elif names[0] != target:
            yield Change("renamed", (names[0],), (target,), why)


def _arrivals(old: LabelSchema, new: LabelSchema, becomes: Mapping[str, tuple[str, ...]]) -> Iterator[Change]:
    came = {one for found in becomes.values() for one in found}
    for label in new.labels:
        if label.name in came:
            continue
        back = any(old.was(name) is not None for name in (label.name, *label.aliases))
        yield Change("returned" if back else "added", (), (label.name,))


def _same(old: LabelSchema, new: LabelSchema, becomes: Mapping[str, tuple[str, ...]]) -> Iterator[Change]:
    """Tell what else changed of labels that are exactly one label still."""
    heirs: dict[str, list[str]] = {}
    for name, found in becomes.items():
        for one in found if len(found) == 1 else ():
            heirs.setdefault(one, []).append(name)
    for label in new.labels:
        before = heirs.get(label.name, [])
        if len(before) != 1:
            continue
        was = old.labels[old.code(before[0])]
        parents = {one for parent in was.parents for one in becomes[parent]}
        if parents != set(label.parents):
            yield Change("moved", (was.name,), (label.name,), note=f"now {_and(label.parents) or 'none'}")
        if was.description != label.description:
            yield Change("described", (was.name,), (label.name,))
        gained = set(label.aliases) - set(was.aliases) - {was.name}
        lost = set(was.aliases) - set(label.aliases) - {label.name}
        if gained or lost:
            said = [
                f"{word} {_and(sorted(names))}"
                for word, names in (("with", gained), ("without", lost))
                if names
            ]
            yield Change("aliases", (was.name,), (label.name,), note=", ".join(said))


def _wholes(old: LabelSchema, new: LabelSchema, becomes: Mapping[str, tuple[str, ...]]) -> Iterator[Change]:
    kept = [found[0] for found in becomes.values() if len(found) == 1]
    codes = [new.code(name) for name in dict.fromkeys(kept)]
    if codes != sorted(codes):
        yield Change("order", (), (), note="codes change; labels are stored by name")
    if old.exclusive != new.exclusive:
        words = {True: "exactly one label a row", False: "any number of labels a row"}
        yield Change("exclusive", (), (), note=f"{words[new.exclusive]}, was {words[old.exclusive]}")


def _map_problems(declared: LabelMap, old: LabelSchema, new: LabelSchema) -> Iterator[SchemaError]:
    """Yield what a map says of labels that are not there, or against what the new schema says."""
    olds = [*declared.rename, *declared.split, *declared.retire]
    olds += [name for names in declared.merge.values() for name in names]
    for name in olds:
        if name not in old.names:
            yield _unknown(name, "old", old, declared.source)
    news = [
        *declared.rename.values(),
        *declared.merge,
        *(one for many in declared.split.values() for one in many),
    ]
    for name in dict.fromkeys(news):
        if name not in new:
            yield _unknown(name, "new", new, declared.source)
    for name in declared.retire:
        if name in new.names:
            what = f"the map retires label {name!r}, which the new schema has"
            yield SchemaError(what, where=declared.source, hint="give it `status: retired` there")


def _unknown(name: str, which: str, schema: LabelSchema, source: str | None) -> SchemaError:
    hint = did_you_mean(name, schema.names)
    what = f"the map names label {name!r}, which the {which} schema has not"
    return SchemaError(what, where=source, available=schema.names, hint=hint)


def _and(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
