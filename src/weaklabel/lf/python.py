"""Rules written as plain Python functions."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, overload

from weaklabel.errors import RuleError
from weaklabel.fingerprint import function_fingerprint, function_node, value_fingerprint
from weaklabel.lf.base import META, LabelingFunction, Source, caller, check_choice, check_options
from weaklabel.schema import Outcome

Returns = Literal["predicate", "label"]

_OPTIONS = ("name", "label", "outcomes", "fields", "resources", "vectorized", *META)


@dataclass(frozen=True, kw_only=True, eq=False)
class PythonFunction(LabelingFunction):
    """Votes as a Python function says; made by `labeling_function`, and callable like the function itself.

    Examples
    --------
    >>> @labeling_function(label="spam", resources={"most": 2})
    ... def shouts(row, most):
    ...     return row["text"].count("!") > most
    >>> shouts.returns, shouts.fields, shouts({"text": "Win!!!"})
    ('predicate', ('text',), True)
    """

    function: Callable[..., object]
    columns: tuple[str, ...] = ()
    returns: Returns = "predicate"
    resources: tuple[tuple[str, Any], ...] = field(default=())
    may_return: tuple[Outcome, ...] = ()
    vectorized: bool = False

    kind: ClassVar[str] = "python"
    needs_label: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("returns", self.returns, ("predicate", "label"), where=self.where)
        self._check_outcomes()
        check_choice("vectorized", self.vectorized, (True, False), where=self.where)
        check_function(self.function, dict(self.resources), where=self.where, vectorized=self.vectorized)
        self._set("__wrapped__", self.function)
        self._set("__name__", getattr(self.function, "__name__", self.name))
        self._set("__doc__", self.function.__doc__)

    def _check_outcomes(self) -> None:
        if self.may_return and self.returns == "predicate":
            raise RuleError(
                "`outcomes` are for a function that returns labels; this one votes for its label",
                where=self.where,
                hint="leave `label` or `outcomes` out",
            )
        for outcome in self.may_return:
            if not isinstance(outcome, Outcome):
                raise RuleError(
                    f"`outcomes` lists what any_of and none_of make, not {outcome!r}",
                    where=self.where,
                    hint="a label needs no listing"
                    if isinstance(outcome, str)
                    else 'outcomes=[any_of("a", "b")]',
                )

    def __call__(self, *args: Any, **kwargs: Any) -> object:
        """Call the function; a row is enough, the resources are added."""
        return self.function(*args, **{**dict(self.resources), **kwargs})

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads; an empty tuple means all."""
        return self.columns

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What it may vote for beside labels."""
        return self.may_return or super().outcomes

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        own: dict[str, Any] = {"fields": list(self.columns), "returns": self.returns, "code": self._code}
        own |= {"vectorized": True} if self.vectorized else {}
        return {**own, "outcomes": [o.to_dict() for o in self.may_return]} if self.may_return else own

    @functools.cached_property
    def _code(self) -> str:
        try:
            code = function_fingerprint(self.function, version=self.version)
            return code + value_fingerprint(dict(self.resources), version=self.version)
        except RuleError as error:
            error.where = self.where
            raise


@overload
def labeling_function(function: Callable[..., object], /, **options: Any) -> PythonFunction: ...
@overload
def labeling_function(**options: Any) -> Callable[[Callable[..., object]], PythonFunction]: ...
def labeling_function(
    function: Callable[..., object] | None = None,
    /,
    *,
    name: str | None = None,
    label: str | Outcome | None = None,
    outcomes: Iterable[Outcome] = (),
    fields: Iterable[str] | None = None,
    resources: Mapping[str, Any] | None = None,
    vectorized: bool = False,
    **meta: Any,
) -> PythonFunction | Callable[[Callable[..., object]], PythonFunction]:
    """Make a rule of a Python function; a decorator, with or without arguments.

    The function gets a row, a read-only mapping from column to value (``row["text"]``). With `label` it is a
    predicate: what Python calls true votes for the label, what it calls false, or None, abstains. Without, it returns
    the name (or an alias) of a label, or None or -1 to abstain. Anything else that it returns is a fault: an unknown
    label, a number; and from a predicate what Python would call true although it says nothing: a text, a negative
    number, NaN, a method that was not called, an iterator, the row itself.

    With `vectorized` the function gets a Polars DataFrame of many rows at once and returns one answer for each, in
    their order: a Series, an expression, an array or a list. With `label` these are true or false, null abstains;
    without, they are names of labels (or of its `outcomes`, such as "delivery or returns"), null abstains. This is
    faster, since no Python runs for each row. It must look at each row by itself: how many and which rows it gets at a
    time is not its affair, so that a mean, a rank or a count over the frame has no meaning. `weaklabel lf check` shows
    it its examples one by one and all together, and reports when the answers differ.

    Parameters
    ----------
    function
        The function, when used without arguments or as a plain call.
    name
        What people call it. Default: the function's name.
    label
        The label it votes for when the function is a predicate, or `any_of` or `none_of` several.
    outcomes
        What a function that returns labels may return beside them: sets of labels and negations.
    fields
        Columns and features that it reads; they are all that its row holds. Default: read from the code where every use
        of the row is ``row["column"]`` or ``row.get("column")`` (of a frame ``frame["column"]`` or
        ``frame.get_column("column")``), else all columns of the corpus, without features.
    resources
        Objects that are passed to the function by keyword.
    vectorized
        The function gets many rows at once, as a Polars DataFrame.
    **meta
        id, description (default: first line of the docstring), owner, version, tags, fires_on, abstains_on, on_error:
        see `LabelingFunction`.

    Returns
    -------
    PythonFunction
        The rule, which can still be called.

    Raises
    ------
    RuleError
        It is no function of a row, or has no name of its own and is given none; an option is unknown.

    Examples
    --------
    >>> @labeling_function(label="spam", fires_on=["BUY NOW!!!"])
    ... def shouts(row):
    ...     return row["text"].isupper()
    >>> shouts.name, shouts.label, shouts.fields, shouts({"text": "HELLO"})
    ('shouts', 'spam', ('text',), True)
    """
    if function is None:
        check_options(labeling_function, meta, caller())
        options = {
            "name": name,
            "label": label,
            "outcomes": outcomes,
            "fields": fields,
            "resources": resources,
        }
        return functools.partial(labeling_function, **options, **meta)
    source = meta.pop("source", None) or source_of(function) or caller()
    check_options(labeling_function, meta, source)
    if isinstance(function, str):
        hint = f'options have names: @labeling_function(name={function!r}, label="…")'
        raise RuleError(f"{function!r} is not a function", where=str(source), available=_OPTIONS, hint=hint)
    named = name or getattr(function, "__name__", "")
    if not callable(function) or not named or named == "<lambda>":
        what = "a labeling function needs a name" if callable(function) else f"{function!r} is not a function"
        raise RuleError(what, where=str(source or ""), hint='name="…"')
    if isinstance(fields, str):
        raise RuleError(
            f"`fields` is a list of columns, not {fields!r}", where=str(source), hint=f"[{fields!r}]"
        )
    documented = (inspect.getdoc(function) or "").strip().split("\n")[0]
    meta.setdefault("description", documented if inspect.isroutine(function) else "")
    return PythonFunction(
        name=named,
        label=label,
        function=function,
        may_return=tuple(outcomes) if isinstance(outcomes, Iterable) else (outcomes,),
        columns=read_fields(function, vectorized=bool(vectorized)) if fields is None else tuple(fields),
        returns="label" if label is None else "predicate",
        resources=tuple(sorted((resources or {}).items())),
        vectorized=vectorized,
        source=source,
        **meta,
    )


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
