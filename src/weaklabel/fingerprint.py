"""The only hashing: of plain data, of files, of functions, and of vote events.

A fingerprint says "the same thing gives the same answer". It is equal on every Python that the package supports
and on every machine, and changes when something that can change the answer changes.
"""

from __future__ import annotations

import ast
import builtins
import collections
import copy
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import importlib.util
import inspect
import json
import logging
import math
import re
import types
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from weaklabel.errors import RuleError, WeakLabelError
from weaklabel.syntax import (
    Strip,
    attribute_chains,
    bare_function,
    class_node,
    closure_values,
    dump,
    function_node,
    global_names,
    imported_names,
    is_project,
    is_project_module,
    is_project_path,
    qualified_name,
)

_DIGEST_BYTES = 16
_BY_REPR = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    range,
    uuid.UUID,
    complex,
    type(Ellipsis),
)


def fingerprint(data: object) -> str:
    """Return 32 hexadecimal digits that stand for plain data.

    Parameters
    ----------
    data
        None, bool, int, float, str, bytes, and lists, tuples, sets and mappings of them. A tuple equals a list; the
        order of a mapping's keys and of a set does not matter.

    Raises
    ------
    WeakLabelError
        The data holds something else.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": [True, None]}) == fingerprint({"b": (True, None), "a": 1})
    True
    >>> fingerprint(1) == fingerprint(1.0)
    False
    """
    return hashlib.blake2b(_canonical(data).encode("ascii"), digest_size=_DIGEST_BYTES).hexdigest()


def file_digest(path: str | Path) -> str:
    """Return 32 hexadecimal digits that stand for the bytes of a file.

    Raises
    ------
    WeakLabelError
        The file can't be read.
    """
    try:
        with Path(path).open("rb") as file:
            return stream_digest(file)
    except OSError as error:
        raise WeakLabelError(f"can't read a file: {error.strerror}", where=str(path)) from error


def stream_digest(stream: BinaryIO) -> str:
    """Return what `file_digest` returns for a file of the bytes that a stream still holds.

    Examples
    --------
    >>> import io
    >>> stream_digest(io.BytesIO(b"hello")) == stream_digest(io.BytesIO(b"hello there"))
    False
    """
    found = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=_DIGEST_BYTES))  # type: ignore[arg-type]
    return found.hexdigest()


def event_hash(labeler_id: str, code: int) -> int:
    """Return the 64-bit number that stands for "this labeler gave this code" in pattern keys.

    Parameters
    ----------
    labeler_id
        A rule's or a person's id.
    code
        A vote code.

    Returns
    -------
    int
        0 to 2**64 - 1, equal on every machine.

    Examples
    --------
    >>> event_hash("has_link", 1) != event_hash("has_link", 0)
    True
    """
    digest = hashlib.blake2b(f"{labeler_id}\0{int(code)}".encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def function_fingerprint(function: Callable[..., object], *, version: str = "") -> str:
    """Return 32 hexadecimal digits that stand for what a function does.

    Covered: its syntax tree, default values, closure values, and what it refers to in the project, however deep:
    functions, classes, constants and word lists. Not covered: comments, docstrings, annotations, formatting, its
    own name and place, and the inside of installed libraries.

    Parameters
    ----------
    function
        A function, lambda, method, partial, or an object with ``__call__``.
    version
        Stands for what can't be read: code without source, opened models and the like. Its owner changes it
        whenever that changes.

    Raises
    ------
    RuleError
        No version is given, and the source is not available or a value it uses can't be fingerprinted.

    Examples
    --------
    >>> words = {"buy", "now"}
    >>> before = function_fingerprint(lambda row: row["text"] in words)
    >>> words.add("free")
    >>> before == function_fingerprint(lambda row: row["text"] in words)
    False
    """
    walk = _Walk(version=version)
    root = walk.root(function)
    return fingerprint(["function", version, root, walk.entries])


def value_fingerprint(value: object, *, version: str = "") -> str:
    """Return 32 hexadecimal digits that stand for any value a function may use, such as a rule's resources.

    Raises
    ------
    RuleError
        No version is given and the value can't be fingerprinted.

    Examples
    --------
    >>> import re
    >>> value_fingerprint(re.compile("a")) == value_fingerprint(re.compile("a", re.IGNORECASE))
    False
    """
    walk = _Walk(version=version)
    return fingerprint(["value", version, walk.value(value), walk.entries])


# ---- plain data ----


def _canonical(data: object) -> str:
    if data is None or isinstance(data, bool):
        return {None: "null", True: "true", False: "false"}[data]
    if isinstance(data, str):
        return json.dumps(str(data))
    if isinstance(data, int):
        return int.__repr__(data)
    if isinstance(data, float):
        return float.__repr__(data) if math.isfinite(data) else f"float({float.__repr__(data)})"
    if isinstance(data, bytes):
        return f"bytes({data.hex()})"
    if isinstance(data, list | tuple):
        return f"[{','.join(map(_canonical, data))}]"
    if isinstance(data, set | frozenset):
        return f"set({','.join(sorted(map(_canonical, data)))})"
    if isinstance(data, Mapping):
        pairs = sorted((_canonical(key), _canonical(value)) for key, value in data.items())
        return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"
    raise WeakLabelError(
        f"can't fingerprint a {type(data).__name__}",
        available=("None", "bool", "int", "float", "str", "bytes", "list", "tuple", "set", "dict"),
    )


# ---- what a function refers to ----


@dataclass
class _Walk:
    """One walk over a function and all that it refers to; every function and class is entered once."""

    version: str
    entries: list[Any] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)
    kept: list[object] = field(default_factory=list)
    files: dict[Path, int] = field(default_factory=dict)

    def root(self, function: Callable[..., object]) -> Any:
        """Return the description of the function itself."""
        unwrapped = inspect.unwrap(function)
        if isinstance(unwrapped, types.FunctionType):
            return self._function(unwrapped, root=True)
        if not callable(unwrapped):
            raise RuleError(f"{unwrapped!r} is not a function")
        return self.value(unwrapped)

    def value(self, value: object) -> Any:
        """Return plain data that stands for a value."""
        if value is None or isinstance(value, bool | bytes):
            return value
        if isinstance(value, enum.Enum):
            return ["enum", self._class(type(value)), value.name]
        if isinstance(value, int | float | str) and not is_project(type(value)):
            return value
        if isinstance(value, list | tuple | collections.deque):
            return self._once(value, lambda: ["list", [self.value(v) for v in value]])
        if isinstance(value, Mapping):
            return self._once(
                value, lambda: ["dict", [[self.value(k), self.value(v)] for k, v in value.items()]]
            )
        if isinstance(value, set | frozenset):
            return ["set", sorted(map(self.value, sorted(value, key=_set_order)), key=_canonical)]
        if isinstance(value, re.Pattern):
            return ["regex", value.pattern, value.flags]
        if isinstance(value, PurePath):
            return ["path", value.name, file_digest(Path(value)) if Path(value).is_file() else None]
        if isinstance(value, _BY_REPR):
            return ["repr", repr(value)]
        return self._code_or_object(value)

    def _code_or_object(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, functools.partial):
            return ["partial", self.value(value.func), self.value(value.args), self.value(value.keywords)]
        if isinstance(value, types.MethodType):
            return ["method", self.value(value.__func__), self.value(value.__self__)]
        if isinstance(getattr(value, "__wrapped__", None), types.FunctionType):
            return self.value(inspect.unwrap(value))
        if isinstance(value, types.FunctionType):
            return self._function(value) if is_project(value) else ["library", qualified_name(value)]
        if isinstance(value, types.BuiltinFunctionType | types.MethodWrapperType):
            own = value.__self__
            bound = None if own is None or isinstance(own, types.ModuleType | type) else self.value(own)
            return ["library", value.__qualname__, bound]
        if isinstance(value, types.MethodDescriptorType | types.WrapperDescriptorType):
            return ["library", qualified_name(value)]
        return self._object(value)

    def _object(self, value: Any) -> Any:
        if isinstance(value, logging.Logger):
            return ["logger"]
        described = _library_object(value)
        if described is not None:
            return [described[0], *[self.value(part) for part in described[1:]]]
        if is_project(type(value)):
            state = {**getattr(value, "__dict__", {}), **_slots(value)}
            return self._once(
                value,
                lambda: [
                    "object",
                    self._class(type(value)),
                    [[k, self.value(v)] for k, v in sorted(state.items())],
                ],
            )
        if self.version:
            return ["opaque", qualified_name(type(value))]
        raise RuleError(
            f"can't fingerprint a value of type {qualified_name(type(value))}, which a rule uses",
            hint='give the rule a version, such as version="1", and change it whenever that value changes',
        )

    def _once(self, value: object, describe: Callable[[], Any]) -> Any:
        key = id(value)
        if key in self.seen:
            return ["seen", self.seen[key]]
        self.seen[key] = len(self.seen)
        self.kept.append(value)
        described = describe()
        del self.seen[key]
        return described

    def _enter(self, thing: object) -> int | None:
        """Return the number of an entered thing, or None after giving it one."""
        key = id(thing)
        if key in self.seen:
            return self.seen[key]
        self.seen[key] = len(self.entries)
        self.kept.append(thing)
        self.entries.append(None)
        return None

    def _function(self, function: types.FunctionType, *, root: bool = False) -> Any:
        number = self._enter(function)
        if number is not None:
            return ["entry", number]
        number = self.seen[id(function)]
        node = function_node(function)
        if node is None:
            self.entries[number] = self._without_source(function)
            return ["entry", number]
        closure = closure_values(function)
        scope = {**function.__globals__, **closure}
        bare = bare_function(node, scope)
        self.entries[number] = [
            "function",
            dump(bare),
            self.value([function.__defaults__, function.__kwdefaults__]),
            self._references(bare, scope, set(closure), own=None if root else function.__name__),
        ]
        return ["entry", number]

    def _without_source(self, function: types.FunctionType) -> Any:
        if self.version:
            return ["without source"]
        raise RuleError(
            f"can't fingerprint {function.__name__!r}: its source is not available",
            where=f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}",
            hint='give the rule a version, such as version="1", and change it whenever the code changes',
        )

    def _class(self, cls: type) -> Any:
        if not is_project(cls):
            return ["library", qualified_name(cls)]
        number = self._enter(cls)
        if number is not None:
            return ["entry", number]
        number = self.seen[id(cls)]
        found = class_node(cls)
        if found is None:
            if not self.version:
                raise RuleError(
                    f"can't fingerprint class {cls.__qualname__!r}: its source is not available",
                    hint='give the rule a version, such as version="1", and change it whenever the class changes',
                )
            self.entries[number] = ["class without source", cls.__qualname__]
            return ["entry", number]
        node, scope = found
        bare = Strip().visit(copy.deepcopy(node))
        self.entries[number] = ["class", dump(bare), self._references(bare, scope, set(), own=cls.__name__)]
        return ["entry", number]

    def _module(self, module: types.ModuleType) -> Any:
        if not is_project_module(module):
            return ["library", module.__name__]
        path = getattr(module, "__file__", None)
        return self._file(Path(path), str(module.__package__ or "")) if path else ["module", None]

    def _file(self, path: Path, package: str) -> Any:
        """Enter a module as a whole, and the project's modules that it imports."""
        if path not in self.files:
            self.files[path] = len(self.entries)
            self.entries.append(None)
            tree = _module_tree(path)
            self.entries[self.files[path]] = ["module", fingerprint(dump(tree)), self._imports(tree, package)]
        return ["entry", self.files[path]]

    def _references(
        self, node: ast.AST, scope: Mapping[str, Any], free: set[str], own: str | None
    ) -> list[Any]:
        found: list[Any] = []
        chains = attribute_chains(node)
        for name in sorted(global_names(node) | free):
            if name.startswith("__") or name == own or (name not in scope and hasattr(builtins, name)):
                continue
            if name not in scope:
                found.append([name, ["undefined"]])
            elif isinstance(scope[name], types.ModuleType) and name in chains:
                found += [
                    [".".join((name, *path)), self._attribute(scope[name], path)] for path in chains[name]
                ]
            else:
                found.append([name, self.value(scope[name])])
        return found + self._imports(node, str(scope.get("__package__") or ""))

    def _imports(self, node: ast.AST, package: str) -> list[Any]:
        found: list[Any] = []
        for written, name, taken in imported_names(node, package):
            spec = _spec(name)
            found.append([written, self._imported(written, spec)])
            if spec is not None and spec.submodule_search_locations and is_project_path(*_place(spec)):
                below = [(inner, _spec(f"{name}.{inner}")) for inner in taken]
                found += [[f"{written}:{inner}", self._imported(inner, s)] for inner, s in below if s]
        return found

    def _attribute(self, module: types.ModuleType, path: Sequence[str]) -> Any:
        value: Any = module
        for attribute in path:
            if not isinstance(value, types.ModuleType):
                break
            if not is_project_module(value):
                return ["library", value.__name__]
            if not hasattr(value, attribute):
                return ["undefined"]
            value = getattr(value, attribute)
        return self.value(value)

    def _imported(self, written: str, spec: ModuleSpec | None) -> Any:
        if spec is None:
            return ["undefined"]
        path, name = _place(spec)
        if not path.endswith(".py") or not is_project_path(path, name):
            return ["library", written]
        return self._file(Path(path), name if spec.submodule_search_locations else name.rpartition(".")[0])


def _spec(name: str) -> ModuleSpec | None:
    """Return where a module is found; below an installed library, where that is: nothing of it is imported here."""
    try:
        top = importlib.util.find_spec(name.partition(".")[0])
        if top is None or not is_project_path(*_place(top)):
            return top
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _place(spec: ModuleSpec) -> tuple[str, str]:
    """Return a module's file, or its first folder, and its name."""
    return str(spec.origin or next(iter(spec.submodule_search_locations or ()), "built-in")), spec.name


def _set_order(member: Any) -> tuple[str, ...]:
    """Put functions and classes of a set, which Python orders by their place in memory, into one order."""
    code = getattr(member, "__code__", None)
    line = "" if code is None else f"{code.co_firstlineno:9}"
    return (qualified_name(type(member)), qualified_name(member) if callable(member) else "", line)


def _slots(value: object) -> dict[str, Any]:
    names = [n for cls in type(value).__mro__ for n in _as_tuple(getattr(cls, "__slots__", ()))]
    return {n: getattr(value, n) for n in names if n not in ("__dict__", "__weakref__") and hasattr(value, n)}


def _as_tuple(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _library_object(value: Any) -> list[Any] | None:
    """Describe values of the libraries that rules use most; None for what is not known."""
    library = type(value).__module__.partition(".")[0]
    if library == "numpy" and hasattr(value, "tobytes") and not getattr(value.dtype, "hasobject", True):
        return ["array", value.dtype.str, list(value.shape), value.tobytes()]
    if library == "polars" and hasattr(value, "to_dict") and hasattr(value, "schema"):
        return ["frame", str(value.schema), value.to_dict(as_series=False)]
    if library == "polars" and hasattr(value, "to_list"):
        return ["series", str(value.dtype), value.to_list()]
    if library == "polars" and hasattr(value, "meta"):
        return ["expression", value.meta.serialize(format="json")]
    if library == "spacy" and hasattr(value, "pipe_names"):
        return [
            "spacy",
            *[value.meta.get(key) for key in ("lang", "name", "version")],
            list(value.pipe_names),
        ]
    if library == "weaklabel" and isinstance(getattr(value, "fingerprint", None), str):
        return ["own", value.fingerprint]
    return None


@functools.lru_cache(maxsize=64)
def _bare_tree(source: str) -> ast.Module:
    tree: ast.Module = Strip().visit(ast.parse(source))
    return tree


def _module_tree(path: Path) -> ast.Module:
    try:
        return _bare_tree(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise RuleError("can't read a module that a rule refers to", where=str(path)) from error
