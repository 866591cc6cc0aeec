"""Syntax trees of functions and classes, bared of all that can't change an answer.

Two trees are equal when the code is, whatever its comments, docstrings, annotations, formatting and place, and on every
Python that the package supports.
"""

from __future__ import annotations

import ast
import copy
import dis
import functools
import inspect
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_LIBRARY_FOLDERS = {"site-packages", "dist-packages"}
_STDLIB = tuple(str(Path(sysconfig.get_paths()[key]).resolve()) for key in ("stdlib", "platstdlib"))
_OWN_DECORATORS = ("weaklabel", "snorkel")
_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}


def function_node(
    function: Callable[..., object],
) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """Return the syntax tree of a function, or None when its source is not available.

    Examples
    --------
    >>> from textwrap import dedent
    >>> type(function_node(dedent)).__name__
    'FunctionDef'
    """
    plain = inspect.unwrap(function)
    if not isinstance(plain, types.FunctionType):
        return None
    try:
        lines, _ = inspect.findsource(plain)
        tree = parse("".join(lines))
    except (OSError, TypeError, SyntaxError, IndexError):
        return None
    return _find_function(tree, plain.__code__)


@functools.lru_cache(maxsize=64)
def parse(source: str) -> ast.Module:
    """Return the tree of a source, which is not to be changed; the last ones are kept."""
    return ast.parse(source)


def _find_function(
    tree: ast.Module, code: types.CodeType
) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    if code.co_name != "<lambda>":
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name:
                first = min([node.lineno, *[d.lineno for d in node.decorator_list]])
                if first == code.co_firstlineno:
                    return node
        return None
    spans = [
        (line, column, end_line, end_column)
        for line, end_line, column, end_column in code.co_positions()
        if line and end_line and column is not None and end_column is not None and end_column > 0
    ]
    spots = [(line, column) for line, column, _, _ in spans]
    inside = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda)
        and node.lineno == code.co_firstlineno
        and (
            (node.body.lineno, node.body.col_offset) <= max(spots) <= _end(node.body)
            if spots
            else _returns_its_constant(node, code)
        )
    ]
    return min(inside, key=lambda node: _end(node)[1] - node.col_offset, default=None)


def _returns_its_constant(node: ast.Lambda, code: types.CodeType) -> bool:
    """Say whether a lambda's body is the constant that the code returns: Python 3.12 notes no place for it."""
    return isinstance(node.body, ast.Constant) and any(
        type(value) is type(node.body.value) and value == node.body.value for value in code.co_consts
    )


def _end(node: ast.expr) -> tuple[int, int]:
    return (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)


def bare_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Mapping[str, Any]
) -> ast.AST:
    """Return a bare copy: no name, defaults (their values are covered), docstring, annotations, own decorators."""
    bare = copy.deepcopy(node)
    bare.args.defaults = [ast.Constant(value=None) for _ in bare.args.defaults]
    bare.args.kw_defaults = [d and ast.Constant(value=None) for d in bare.args.kw_defaults]
    if not isinstance(bare, ast.Lambda):
        bare.name = "_"
        bare.decorator_list = [d for d in bare.decorator_list if not _is_own_decorator(d, scope)]
    stripped: ast.AST = Strip().visit(bare)
    return stripped


def _is_own_decorator(node: ast.expr, scope: Mapping[str, Any]) -> bool:
    callee = node.func if isinstance(node, ast.Call) else node
    path = path_of(callee)
    if path is None or path[0] not in scope:
        return False
    value: Any = scope[path[0]]
    for attribute in path[1:]:
        value = getattr(value, attribute, None)
    module = str(getattr(value, "__module__", "") or "")
    return module.partition(".")[0] in _OWN_DECORATORS


class Strip(ast.NodeTransformer):
    """Takes away what can't change an answer: docstrings, annotations, type parameters, type comments."""

    def visit(self, node: ast.AST) -> Any:
        """Strip one node and all below it."""
        if hasattr(node, "type_params"):
            node.type_params = []
        if hasattr(node, "type_comment"):
            node.type_comment = None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        in_class = isinstance(node, ast.ClassDef)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                kept = [_plain_assign(s, in_class) for s in block if not _is_idle(s)]
                setattr(node, name, [s for s in kept if s] or ([ast.Pass()] if name == "body" else []))
        self.generic_visit(node)
        if isinstance(node, ast.JoinedStr):
            node.values = _merge_strings(node.values)
        return node


def _is_idle(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _plain_assign(statement: ast.stmt, in_class: bool) -> ast.stmt | None:
    if not isinstance(statement, ast.AnnAssign):
        return statement
    if in_class:
        statement.annotation = ast.Constant(value=None)
        return statement
    return ast.Assign(targets=[statement.target], value=statement.value) if statement.value else None


def _merge_strings(values: list[ast.expr]) -> list[ast.expr]:
    merged: list[ast.expr] = []
    for value in values:
        if isinstance(value, ast.Constant) and merged and isinstance(merged[-1], ast.Constant):
            merged[-1] = ast.Constant(value=f"{merged[-1].value!s}{value.value!s}")
        elif not (isinstance(value, ast.Constant) and value.value == ""):
            merged.append(value)
    return merged


def dump(node: object) -> Any:
    """Return a tree as nested lists, without what differs between Python versions: empty and missing fields."""
    if isinstance(node, list):
        return [dump(n) for n in node]
    if isinstance(node, ast.Constant):
        return ["Constant", type(node.value).__name__, repr(node.value)]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        [name, dump(value)]
        for name, value in sorted(ast.iter_fields(node))
        if value is not None and value != [] and name not in ("ctx", "kind", "type_comment")
        if not (name == "format_spec" and isinstance(value, ast.JoinedStr) and not value.values)
    ]
    return [type(node).__name__, fields]


def global_names(node: ast.AST) -> set[str]:
    """Return the names that a bare tree takes from outside itself, as the compiler sees it."""
    nodes: Any = node
    outer = {name for n in ast.walk(node) if isinstance(n, ast.Nonlocal) for name in n.names}
    if outer:
        nodes = _DropNonlocal().visit(copy.deepcopy(node))
    if isinstance(nodes, ast.Lambda):
        tree: Any = ast.Expression(body=nodes)
        code = compile(ast.fix_missing_locations(tree), "<rule>", "eval", dont_inherit=True, optimize=0)
    else:
        tree = ast.Module(body=[nodes], type_ignores=[])
        code = compile(ast.fix_missing_locations(tree), "<rule>", "exec", dont_inherit=True, optimize=0)
    return outer | set(_loaded(code))


class _DropNonlocal(ast.NodeTransformer):
    """Makes a nested function compile on its own."""

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        """Put `pass` in the statement's place."""
        return ast.Pass()


def _loaded(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in _LOADS:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _loaded(constant)


def path_of(node: ast.AST) -> tuple[str, ...] | None:
    """Return a name and the attributes taken from it, such as ("re", "compile"); None for any other node."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        base = path_of(node.value)
        return None if base is None else (*base, node.attr)
    return None


def attribute_chains(node: ast.AST) -> dict[str, list[tuple[str, ...]]]:
    """Return, per name, the attribute paths taken from it; a name that is also used whole is left out."""
    found: dict[str, set[tuple[str, ...]]] = {}
    inner = {id(n.value) for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    whole = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in inner}
    for n in ast.walk(node):
        path = path_of(n) if isinstance(n, ast.Attribute) and id(n) not in inner else None
        if path is not None and path[0] not in whole:
            found.setdefault(path[0], set()).add(path[1:])
    return {name: sorted(paths) for name, paths in found.items()}


def imported_names(node: ast.AST, package: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the modules that are imported inside a function, class or module.

    Of each: its name as it is written, its full name, and what is taken from it, which may be modules too.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for n in ast.walk(node):
        if isinstance(n, ast.Import):
            for alias in n.names:
                found.setdefault((alias.name, alias.name), set())
        elif isinstance(n, ast.ImportFrom):
            name = n.module or ""
            base = package.rsplit(".", n.level - 1)[0] if n.level > 1 else package
            full = ".".join(filter(None, (base, name))) if n.level else name
            found.setdefault(("." * n.level + name, full), set()).update(alias.name for alias in n.names)
    return [(written, full, tuple(sorted(taken))) for (written, full), taken in sorted(found.items()) if full]


# ---- what belongs to the project ----


def is_project_path(path: str, module: str = "") -> bool:
    """Say whether a source file belongs to the project, rather than to Python or an installed library."""
    if (
        module.partition(".")[0] == "weaklabel"
        or path.startswith("<frozen")
        or path in ("built-in", "frozen")
    ):
        return False
    if path.startswith("<"):
        return True
    resolved = Path(path).resolve()
    if _LIBRARY_FOLDERS.intersection(resolved.parts):
        return False
    return not str(resolved).startswith(_STDLIB)


def is_project_module(module: types.ModuleType) -> bool:
    """Say whether a module or a package without a file belongs to the project."""
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    place = next((str(p) for p in places if p), "built-in")
    return is_project_path(place, module.__name__)


def is_project(thing: Any) -> bool:
    """Whether a function's or class's code belongs to the project, rather than to an installed library."""
    module = str(getattr(thing, "__module__", None) or "")
    code = getattr(thing, "__code__", None)
    if code is not None:
        return is_project_path(code.co_filename, module)
    if module == "builtins" or module.partition(".")[0] == "weaklabel":
        return False
    path = _module_path(thing)
    return path is not None and is_project_path(path, module)


def _module_path(cls: Any) -> str | None:
    module = sys.modules.get(str(getattr(cls, "__module__", "")))
    path = getattr(module, "__file__", None)
    if path is not None:
        return str(path)
    for function in _functions(cls):
        return str(function.__code__.co_filename)
    return None


def _functions(cls: Any) -> Iterator[types.FunctionType]:
    for member in vars(cls).values() if isinstance(cls, type) else ():
        plain = inspect.unwrap(member) if callable(member) else getattr(member, "fget", None)
        if isinstance(plain, types.FunctionType) and plain.__module__ == cls.__module__:
            if plain.__code__.co_filename.startswith("<string"):
                continue
            yield plain


def qualified_name(thing: Any) -> str:
    """Return module and name of a function or class, for what is named and not looked into."""
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None) or type(thing).__name__
    return f"{module}.{name}" if module else str(name)


def class_node(cls: type) -> tuple[ast.ClassDef, Mapping[str, Any]] | None:
    """Return the tree of a class and the names of its module, or None when its source is not available."""
    module = sys.modules.get(cls.__module__)
    scope: Mapping[str, Any] = vars(module) if module is not None else {}
    for function in _functions(cls):
        scope = scope or function.__globals__
    path = _module_path(cls)
    try:
        lines, _ = inspect.findsource(next(_functions(cls), cls))
        tree = parse("".join(lines))
    except (OSError, TypeError, SyntaxError, IndexError):
        if path is None or not Path(path).is_file():
            return None
        tree = parse(Path(path).read_text(encoding="utf-8"))
    found = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == cls.__name__]
    line = getattr(cls, "__firstlineno__", None)
    exact = [n for n in found if min([n.lineno, *[d.lineno for d in n.decorator_list]]) == line]
    nodes = exact or found
    return (nodes[0], scope) if nodes else None


def closure_values(function: types.FunctionType) -> dict[str, Any]:
    """Return the values that a function has taken from the functions around it."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found
