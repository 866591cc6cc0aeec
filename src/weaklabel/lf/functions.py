"""What rules and features made of Python functions have in common: what is read from the function, and what it may be."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from weaklabel.errors import RuleError
from weaklabel.fingerprint import function_fingerprint, function_node, value_fingerprint
from weaklabel.lf.base import Source


def named(what: str, function: Any, name: str | None, source: Source | None) -> str:
    """Return the name that was given, else the function's own.

    Raises
    ------
    RuleError
        It is no function, or it has no name and is given none.

    Examples
    --------
    >>> named("a feature", len, None, None), named("a feature", lambda row: 1, "one", None)
    ('len', 'one')
    """
    found = name or getattr(function, "__name__", "")
    if callable(function) and found and found != "<lambda>":
        return str(found)
    problem = f"{what} needs a name" if callable(function) else f"{function!r} is not a function"
    raise RuleError(problem, where=str(source or ""), hint='name="…"')


def columns_of(
    function: Callable[..., object], fields: Iterable[str] | None, source: Source | None, *, vectorized: bool
) -> tuple[str, ...]:
    """Return the fields that were given, else what the code reads.

    Examples
    --------
    >>> columns_of(lambda row: row["text"], None, None, vectorized=False)
    ('text',)
    """
    if isinstance(fields, str):
        what = f"`fields` is a list of columns, not {fields!r}"
        raise RuleError(what, where=str(source), hint=f"[{fields!r}]")
    return read_fields(function, vectorized=bool(vectorized)) if fields is None else tuple(fields)


def resources_of(resources: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    """Return objects that are passed by keyword, in one order.

    Examples
    --------
    >>> resources_of({"b": 1, "a": 2}), resources_of(None)
    ((('a', 2), ('b', 1)), ())
    """
    return tuple(sorted((resources or {}).items()))


def summary_of(function: Callable[..., object]) -> str:
    """Return the first line of a function's docstring.

    Examples
    --------
    >>> summary_of(summary_of)
    "Return the first line of a function's docstring."
    """
    if not inspect.isroutine(function):
        return ""
    return (inspect.getdoc(function) or "").strip().split("\n")[0]


class Calls:
    """What is called like the function that it is made of; a mixin of frozen dataclasses."""

    name: str
    function: Callable[..., object]
    resources: tuple[tuple[str, Any], ...]
    version: str
    vectorized: bool

    def __call__(self, *args: Any, **kwargs: Any) -> object:
        """Call the function; a row (or a frame) is enough, the resources are added."""
        return self.function(*args, **{**dict(self.resources), **kwargs})

    def _check_and_wrap(self, where: str) -> None:
        """Check the function, and look like it."""
        check_function(self.function, dict(self.resources), where=where, vectorized=self.vectorized)
        for attribute, value in (
            ("__wrapped__", self.function),
            ("__name__", getattr(self.function, "__name__", self.name)),
            ("__doc__", self.function.__doc__),
        ):
            object.__setattr__(self, attribute, value)

    def _code_fingerprint(self, where: str) -> str:
        """Return what stands for the code and the resources."""
        try:
            code = function_fingerprint(self.function, version=self.version)
            return code + value_fingerprint(dict(self.resources), version=self.version)
        except RuleError as error:
            error.where = where
            raise


def check_function(
    function: Callable[..., object], resources: Mapping[str, Any], *, where: str, vectorized: bool = False
) -> None:
    """Raise a RuleError unless it is a function of a row, or of a frame, and of what `resources` names."""
    shown = "frame" if vectorized else "row"
    if inspect.isclass(function) or not callable(function):
        raise RuleError(f"{function!r} is not a function", where=where)
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise RuleError("a labeling function yields or awaits; let it return its answer", where=where)
    try:
        inspect.signature(function).bind({}, **resources)
    except ValueError:
        return
    except TypeError as error:
        raise RuleError(
            f"it can't be called with ({', '.join([shown, *resources])}): {error}",
            where=where,
            hint=f"the function takes a {shown}, and what `resources` names",
        ) from error
    if not vectorized and _never_looks_inside(function):
        raise RuleError(
            "the function never looks into its row, so that it would give every row the same answer",
            where=where,
            hint='it gets a row, not a text: write row["text"]',
        )


def source_of(function: Callable[..., object]) -> Source | None:
    """Return where a function is written, if that is known."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else Source(code.co_filename, code.co_firstlineno)


def read_fields(function: Callable[..., object], *, vectorized: bool = False) -> tuple[str, ...]:
    """Read the columns from the code; an empty tuple where a use of the row (or the frame) is not understood."""
    node = function_node(function)
    parameters = [] if node is None else [*node.args.posonlyargs, *node.args.args]
    if node is None or not parameters or inspect.unwrap(function) is not function:
        return ()
    row = parameters[0].arg
    understood: dict[int, str] = {}
    for n in ast.walk(node):
        column = _column(n, row, "get_column" if vectorized else "get")
        if column is not None:
            understood[column[0]] = column[1]
    uses = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == row]
    if not uses or any(id(use) not in understood for use in uses):
        return ()
    return tuple(
        dict.fromkeys(understood[id(use)] for use in sorted(uses, key=lambda u: (u.lineno, u.col_offset)))
    )


def _never_looks_inside(function: Callable[..., object]) -> bool:
    """Say whether all that the code does with its row is `x in row`, `len(row)` or `row == x`, as if it were a text."""
    node = function_node(function)
    parameters = [] if node is None else [*node.args.posonlyargs, *node.args.args]
    if node is None or not parameters or inspect.unwrap(function) is not function:
        return False
    row = parameters[0].arg
    blind: set[int] = set()
    for n in ast.walk(node):
        if isinstance(n, ast.Compare):
            compared = zip(n.ops, n.comparators, strict=True)
            blind |= {
                id(right) for op, right in compared if isinstance(op, ast.In | ast.NotIn | ast.Eq | ast.NotEq)
            }
            blind |= {id(n.left)} if isinstance(n.ops[0], ast.Eq | ast.NotEq) else set()
        elif isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "len":
            blind |= {id(argument) for argument in n.args}
    uses = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == row]
    return bool(uses) and all(id(use) in blind for use in uses)


def _column(node: ast.AST, row: str, getter: str) -> tuple[int, str] | None:
    """Return the id of the row's name node and the column, for `row["x"]` and `row.get("x")`."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        base, key = node.value, node.slice
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == getter
        and node.args
    ):
        base, key = node.func.value, node.args[0]
    else:
        return None
    if (
        isinstance(base, ast.Name)
        and base.id == row
        and isinstance(key, ast.Constant)
        and isinstance(key.value, str)
    ):
        return id(base), key.value
    return None
