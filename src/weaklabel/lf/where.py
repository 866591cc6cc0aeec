"""Rules that fire where a Polars or SQL expression is true."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from weaklabel.errors import RuleError
from weaklabel.lf.base import LabelingFunction, caller, check_options
from weaklabel.schema import Outcome

_ROW_LOCAL = {"ListExpr", "ArrayExpr", "StringExpr", "StructExpr", "TemporalExpr", "Column", "Literal"}
_ACROSS_ROWS = {
    "Agg", "Over", "Window", "Rolling", "RollingExpr", "RollingExprBy", "Sort", "SortBy", "Filter", "Gather",
    "Explode", "Slice", "Len", "Shift", "ShiftAndFill", "Rank", "CumSum", "CumProd", "CumMin", "CumMax", "CumCount",
    "Diff", "PctChange", "IsDuplicated", "IsUnique", "IsFirstDistinct", "IsLastDistinct", "FillNullWithStrategy",
    "Interpolate", "InterpolateBy", "EwmMean", "EwmMeanBy", "EwmStd", "EwmVar", "Unique", "Mode", "Hist",
    "ValueCounts", "Reverse", "Random", "RLE", "RLEID", "ArgUnique", "ArgSort", "TopK", "DropNulls", "DropNans",
    "Any", "All",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Where(LabelingFunction):
    """Fires where its expression is true; made by `where`.

    Examples
    --------
    >>> rule = where("loud", "stars < 2 AND length(text) < 20", label="complaint")
    >>> rule.sql, rule.fields
    ('stars < 2 AND length(text) < 20', ('stars', 'text'))
    """

    expression: pl.Expr
    sql: str | None = None

    kind: ClassVar[str] = "where"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.expression, pl.Expr):
            hint = 'pl.col("text").str.len_chars() < 20, or SQL text: "length(text) < 20"'
            given = repr(self.expression)
            raise RuleError(
                f"a Polars expression or SQL text is wanted, not {given}", where=self.where, hint=hint
            )
        if not self.fields:
            raise RuleError(
                f"the expression names no column: {self.expression}",
                where=self.where,
                hint=(
                    "name each column; pl.all() and patterns of names are not read"
                    if self.sql is None
                    else "compare a column with something: length(text) < 20"
                ),
            )
        across = sorted(set(_nodes(self._tree)) & _ACROSS_ROWS)
        if across:
            raise RuleError(
                f"the expression looks at other rows ({', '.join(across)}), so that a vote would depend on the shard",
                where=self.where,
                hint="compute that column before the rules are applied",
            )
        if self._has_python and not self.version:
            raise RuleError(
                "the expression calls a Python function, which its fingerprint can't cover",
                where=self.where,
                hint='use @labeling_function, or give version="1" and change it with the function',
            )
        if re.search(r'col\("[^"]*"\)\.is_(not_)?nan\(', str(self.expression)):
            raise RuleError(
                "is_nan() of a column is never true here: a NaN in a column is read as null",
                where=self.where,
                hint="use is_null()" if self.sql is None else "use IS NULL",
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads."""
        return tuple(dict.fromkeys(self.expression.meta.root_names()))

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        return {"sql": self.sql, "expression": str(self.expression)}

    def _identity(self) -> Any:
        if self.sql is not None:
            return {"sql": " ".join(self.sql.split())}
        return {"expression": str(self.expression) if self._has_python else self._tree}

    @functools.cached_property
    def _tree(self) -> Any:
        """The expression as Polars writes it in JSON; the text where Polars can't write it."""
        try:
            return json.loads(_serialised(self.expression))
        except (pl.exceptions.PolarsError, ValueError):
            return str(self.expression)

    @property
    def is_plain(self) -> bool:
        """Whether its type follows from those of columns that hold one value or a list: no structs, no Python."""
        return not self._has_python and not ({"StructExpr", "ArrayExpr", "Field"} & set(_names(self._tree)))

    @property
    def _has_python(self) -> bool:
        return "AnonymousFunction" in set(_nodes(self._tree)) or isinstance(self._tree, str)


def where(name: str, expression: pl.Expr | str, *, label: str | Outcome | None = None, **meta: Any) -> Where:
    """Make a rule that votes for a label where an expression is true.

    Parameters
    ----------
    name
        What people call it.
    expression
        A Polars expression, or the text of a SQL expression (``"length(text) < 20"``), which Polars parses. It gives
        true or false for each row from that row alone. Null: the rule abstains. A NaN in a column is read as
        null, since it is no number and Polars would call it greater than every other.
    label
        The label it votes for, or `any_of` or `none_of` several.
    **meta
        id, description, owner, version, tags, fires_on, abstains_on, on_error: see `LabelingFunction`.

    Raises
    ------
    RuleError
        The SQL can't be parsed, no column is named, other rows are looked at, or a Python function is called without a
        `version`.

    Notes
    -----
    The fingerprint is that of the SQL text, or of the expression as the installed Polars writes it down.

    Examples
    --------
    >>> import polars as pl
    >>> where("very_short", pl.col("text").str.len_chars() < 20, label="ham").fields
    ('text',)
    >>> where("very_short", "length(text) < 20", label="ham").fields
    ('text',)
    """
    source = meta.pop("source", None) or caller()
    check_options(where, meta, source, label=label)
    sql = expression if isinstance(expression, str) else None
    parsed = _parsed(name, sql, str(source or "")) if sql is not None else expression
    return Where(name=name, expression=parsed, sql=sql, label=label, source=source, **meta)  # type: ignore[arg-type]


def _parsed(name: str, sql: str, source: str) -> pl.Expr:
    place = f"rule {name!r}" + (f" at {source}" if source else "")
    try:
        return pl.sql_expr(sql)
    except pl.exceptions.PolarsError as error:
        hint = 'an expression that is true or false for each row, such as "length(text) < 20"'
        raise RuleError(f"broken SQL {sql!r}: {error}", where=place, hint=hint) from error


def _serialised(expression: pl.Expr) -> str:
    return expression.meta.serialize(format="json")


def _nodes(tree: Any) -> Iterator[str]:
    """Yield the names of what an expression does with columns, leaving out what stays inside one row."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)
    elif isinstance(tree, dict):
        for name, part in tree.items():
            yield name
            if name == "Eval":
                yield from _nodes(part.get("expr"))
            elif name not in _ROW_LOCAL:
                yield from _nodes(part)


def _names(tree: Any) -> Iterator[str]:
    """Yield every name of a tree."""
    if isinstance(tree, list):
        for part in tree:
            yield from _names(part)
    elif isinstance(tree, dict):
        for name, part in tree.items():
            yield name
            yield from _names(part)
