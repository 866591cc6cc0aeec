"""Columns gathered from JSON objects: their types over all files, and where each type was first seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from weaklabel.corpus.json_types import Conflict, JsonType, dtype_of, merge, title, type_of
from weaklabel.errors import CorpusError

_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class Columns:
    """Types of the columns met so far, in the order they were met.

    Parameters
    ----------
    text_columns
        Columns that hold text; whole numbers in them become text, anything else is refused.

    Examples
    --------
    >>> columns = Columns(frozenset())
    >>> columns.add({"n": 1}, "a.jsonl:1")
    >>> columns.add({"n": "one"}, "b.jsonl:4")
    Traceback (most recent call last):
    ...
    weaklabel.errors.CorpusError: column 'n' is text here and a whole number at a.jsonl:1
      where: b.jsonl:4
      hint: one column has one type over all files
    """

    def __init__(self, text_columns: frozenset[str]) -> None:
        self.types: dict[str, JsonType] = {}
        self._seen_at: dict[str, str] = {}
        self._text_columns = text_columns

    def add(self, row: Mapping[str, Any], where: str) -> None:
        """Widen the types by one row."""
        for name, value in row.items():
            known = self.types.get(name)
            try:
                new = type_of(value, name)
                if name in self._text_columns:
                    new = _as_text(name, new, where)
                if known == new:
                    continue
                merged = new if known is None else merge(known, new, name)
            except Conflict as conflict:
                raise self._error(name, conflict, where) from conflict
            if merged != known:
                self.types[name] = merged
                if new != "null":
                    self._seen_at[name] = where

    def _error(self, name: str, conflict: Conflict, where: str) -> CorpusError:
        new, known = title(conflict.new), title(conflict.known)
        there = f" at {self._seen_at[name]}" if name in self._seen_at else " too"
        return CorpusError(
            f"column {conflict.path!r} is {new} here and {known}{there}",
            where=where,
            hint="one column has one type over all files",
        )

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Polars types of all columns."""
        return {name: dtype_of(kind) for name, kind in self.types.items()}


def _as_text(name: str, kind: JsonType, where: str) -> JsonType:
    if kind in ("str", "null"):
        return kind
    if kind in ("int", "big"):
        return "str"
    hint = "ids are text or whole numbers, texts are text; choose another column with id= or text="
    raise CorpusError(f"column {name!r} holds {title(kind)} where text is needed", where=where, hint=hint)


class Decoder:
    """Reads JSON strictly: no doubled keys, no half of a surrogate pair; NaN and Infinity are numbers.

    Examples
    --------
    >>> Decoder().decode('{"a": 1, "a": 2}', "a.jsonl:1")
    Traceback (most recent call last):
    ...
    weaklabel.errors.CorpusError: the key 'a' stands twice in one object
      where: a.jsonl:1
    """

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(object_pairs_hook=_pairs)

    def decode(self, text: str, where: str) -> Any:
        """Return the value of one JSON text; `where` names it in errors."""
        try:
            value = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            raise CorpusError(
                f"not valid JSON: {error.msg} (column {error.colno})", where=_at(where, error.lineno)
            ) from error
        except _DoubledKey as error:
            raise CorpusError(f"the key {error.key!r} stands twice in one object", where=where) from error
        except (RecursionError, ValueError) as error:
            raise CorpusError(f"not readable JSON: {error}", where=where) from error
        if _HALF_PAIR.search(text):
            _check_pairs(value, where)
        return value


class _DoubledKey(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _DoubledKey(next(key for key in keys if keys.count(key) > 1))
    return made


def _at(where: str, line: int) -> str:
    return where if line == 1 else f"{where}:{line}"


def _check_pairs(value: Any, where: str) -> None:
    for text in _strings(value):
        if any("\ud800" <= character <= "\udfff" for character in text):
            hint = "the writer cut an emoji in two"
            raise CorpusError("half of a surrogate pair (\\ud800 to \\udfff alone)", where=where, hint=hint)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _strings(item)
