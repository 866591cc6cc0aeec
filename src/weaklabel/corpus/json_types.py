"""The type of JSON values, worked out over all of them, and values made to fit it.

A type is a name ("null", "bool", "int", "big", "float", "str"), ("list", type) or ("struct", {field: type}).
"big" is a whole number beyond 64 bits; a column that holds one becomes text, so that no digit is lost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

JsonType = str | tuple[str, Any]

_SCALARS: dict[type, str] = {type(None): "null", bool: "bool", str: "str", float: "float"}
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_DTYPES: dict[str, pl.DataType] = {
    "null": pl.Null(),
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "big": pl.String(),
    "float": pl.Float64(),
    "str": pl.String(),
}


class Conflict(Exception):
    """Two values of one column have types that nothing holds both of."""

    def __init__(self, path: str, known: JsonType, new: JsonType) -> None:
        super().__init__(path, known, new)
        self.path, self.known, self.new = path, known, new


def type_of(value: Any, path: str = "") -> JsonType:
    """Return the type of a value as `json.loads` gives it.

    Examples
    --------
    >>> type_of({"a": [1, 2.5, None]})
    ('struct', {'a': ('list', 'float')})
    """
    kind = _SCALARS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, int):
        return "int" if _SMALLEST <= value <= _LARGEST else "big"
    if isinstance(value, list):
        inner: JsonType = "null"
        for item in value:
            inner = merge(inner, type_of(item, path), path)
        return ("list", inner)
    return ("struct", {key: type_of(item, f"{path}.{key}") for key, item in value.items()})


def merge(a: JsonType, b: JsonType, path: str = "") -> JsonType:
    """Return the narrowest type that holds both, or raise `Conflict`.

    Examples
    --------
    >>> merge("int", "float"), merge("null", "str"), merge(("list", "null"), ("list", "int"))
    ('float', 'str', ('list', 'int'))
    """
    if a == b or b == "null":
        return a
    if a == "null":
        return b
    if isinstance(a, str) and isinstance(b, str):
        numbers = {a, b}
        if numbers <= {"int", "big", "float"}:
            return "float" if "float" in numbers else "big"
    elif not isinstance(a, str) and not isinstance(b, str) and a[0] == b[0]:
        if a[0] == "list":
            return ("list", merge(a[1], b[1], path))
        fields = dict(a[1])
        for key, new in b[1].items():
            fields[key] = merge(fields[key], new, f"{path}.{key}") if key in fields else new
        return ("struct", fields)
    raise Conflict(path, a, b)


def dtype_of(type: JsonType) -> pl.DataType:
    """Return the Polars type; a column without values is text."""
    if type == "null":
        return pl.String()
    return _dtype(type)


def _dtype(type: JsonType) -> pl.DataType:
    if isinstance(type, str):
        return _DTYPES[type]
    kind, inner = type
    if kind == "list":
        return pl.List(_dtype(inner))
    return pl.Struct({key: _dtype(value) for key, value in inner.items()})


def title(type: JsonType) -> str:
    """Return the name of a type for messages.

    Examples
    --------
    >>> title("int"), title(("list", "str"))
    ('a whole number', 'a list')
    """
    names = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}
    names |= {"big": "a whole number", "list": "a list", "struct": "an object", "null": "null"}
    return names[type if isinstance(type, str) else type[0]]


def conform(value: Any, dtype: pl.DataType) -> Any:
    """Return a value as a column of this type holds it.

    Examples
    --------
    >>> conform(7, pl.String()), conform(1, pl.Float64()), conform({"a": 1}, pl.Struct({"a": pl.Int64, "b": pl.String}))
    ('7', 1.0, {'a': 1, 'b': None})
    """
    if value is None:
        return None
    if isinstance(dtype, pl.List):
        return [conform(item, _made(dtype.inner)) for item in value]
    if isinstance(dtype, pl.Struct):
        return {field.name: conform(value.get(field.name), _made(field.dtype)) for field in dtype.fields}
    if dtype == pl.String:
        return value if isinstance(value, str) else json.dumps(value)
    return float(value) if dtype == pl.Float64 else value


def _made(dtype: Any) -> pl.DataType:
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def frame_of(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return rows as a frame of known types; a key that a row leaves out is null.

    Examples
    --------
    >>> frame_of([{"a": 1}, {"b": "x"}], {"a": pl.Int64(), "b": pl.String()}).rows()
    [(1, None), (None, 'x')]
    """
    columns = [
        pl.Series(name, [conform(row.get(name), dtype) for row in rows], dtype=dtype)
        for name, dtype in schema.items()
    ]
    return pl.DataFrame(columns)


def is_special(value: Any) -> bool:
    """Say whether a value holds a number that is not finite, which the fast reader refuses.

    Examples
    --------
    >>> is_special({"a": [1.0, float("nan")]}), is_special([1.0])
    (True, False)
    """
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, list):
        return any(map(is_special, value))
    return isinstance(value, dict) and any(map(is_special, value.values()))
