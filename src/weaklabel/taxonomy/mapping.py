"""What a person says of a change that two schemas alone don't tell: a rename, a merge, a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from weaklabel.errors import SchemaError, did_you_mean

KEYS = ("rename", "merge", "split", "retire")
_FORMS = {
    "rename": "rename: {old: new}",
    "merge": "merge: {new: [old, older]}",
    "split": "split: {old: [new, newer]}",
    "retire": "retire: [old]",
}


@dataclass(frozen=True)
class LabelMap:
    """What becomes of labels, as a person declares it.

    Parameters
    ----------
    rename
        Old name → new name.
    merge
        New name → old names; the new one may be one of them.
    split
        Old name → new names; the old one may be one of them.
    retire
        Old names.
    source
        Where it is written.

    Examples
    --------
    >>> LabelMap(rename={"nlp": "language"}, split={"vision": ("image", "video")}).said("vision")
    ('split', ('image', 'video'))
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    merge: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    retire: tuple[str, ...] = ()
    source: str | None = None

    def said(self, old: str) -> tuple[str, tuple[str, ...]] | None:
        """Return what is declared of an old label: the kind, and the labels it becomes; None: nothing."""
        if old in self.rename:
            return "rename", (self.rename[old],)
        if old in self.split:
            return "split", self.split[old]
        if old in self.retire:
            return "retire", ()
        into = [new for new, olds in self.merge.items() if old in olds]
        return ("merge", (into[0],)) if into else None


def read_map(given: LabelMap | Mapping[str, Any] | str | Path | None) -> LabelMap:
    """Return what a map says, or the YAML file that holds one.

    Raises
    ------
    SchemaError
        The file can't be read, a key is unknown, or a value has another form; an old label is named twice.

    Examples
    --------
    >>> read_map({"rename": {"nlp": "language"}, "retire": ["fax"]}).retire
    ('fax',)
    """
    if given is None:
        return LabelMap()
    if isinstance(given, LabelMap):
        return given
    if isinstance(given, Mapping):
        return _checked(given, None)
    path = Path(given)
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SchemaError(f"can't read the map of labels: {error.strerror}", where=str(path)) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        what = getattr(error, "problem", None) or "it is not UTF-8"
        raise SchemaError(f"the map of labels is not valid YAML: {what}", where=place) from error
    if loaded is None:
        return LabelMap(source=str(path))
    if not isinstance(loaded, Mapping):
        hint = "; ".join(_FORMS.values())
        raise SchemaError("a map of labels is a mapping", where=str(path), available=KEYS, hint=hint)
    return _checked(loaded, str(path))


def _checked(data: Mapping[Any, Any], source: str | None) -> LabelMap:
    for key in data:
        if key not in KEYS:
            hint = did_you_mean(key, KEYS)
            raise SchemaError(
                f"unknown key {key!r} in a map of labels", where=source, available=KEYS, hint=hint
            )
    rename = _mapping(data, "rename", source)
    found = LabelMap(
        {old: _name(new, "rename", source) for old, new in rename.items()},
        {new: _names(olds, "merge", source) for new, olds in _mapping(data, "merge", source).items()},
        {old: _names(news, "split", source) for old, news in _mapping(data, "split", source).items()},
        _names(data.get("retire") or [], "retire", source, least=0),
        source,
    )
    merged = [old for olds in found.merge.values() for old in olds]
    named = [*found.rename, *merged, *found.split, *found.retire]
    for old in named:
        if named.count(old) > 1:
            raise SchemaError(f"the map says two things of label {old!r}", where=source)
    return found


def _mapping(data: Mapping[Any, Any], key: str, source: str | None) -> dict[str, Any]:
    value = data.get(key) or {}
    if not isinstance(value, Mapping):
        raise SchemaError(f"`{key}` is a mapping, not {value!r}", where=source, hint=_FORMS[key])
    return {_name(name, key, source): one for name, one in value.items()}


def _names(value: Any, key: str, source: str | None, *, least: int = 2) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise SchemaError(f"`{key}`: a list of labels, not {value!r}", where=source, hint=_FORMS[key])
    names = tuple(dict.fromkeys(_name(one, key, source) for one in value))
    if len(names) < least:
        raise SchemaError(f"`{key}`: {least} labels or more, not {value!r}", where=source, hint=_FORMS[key])
    return names


def _name(value: Any, key: str, source: str | None) -> str:
    if not isinstance(value, str) or not value.strip():
        hint = "quote it: YAML reads yes, no, on, off and numbers as other types"
        raise SchemaError(f"`{key}`: a label's name is text, not {value!r}", where=source, hint=hint)
    return value
