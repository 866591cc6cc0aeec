"""Snorkel's LabelingFunction objects, used as they are.

Nothing of Snorkel is imported: an object is recognised by what it has.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from weaklabel.errors import RuleError
from weaklabel.fingerprint import function_fingerprint, value_fingerprint
from weaklabel.lf.base import LabelingFunction, Source, caller, check_options

_CACHE = "_cache"


@dataclass(frozen=True, kw_only=True, eq=False)
class SnorkelFunction(LabelingFunction):
    """Votes as a Snorkel LabelingFunction does; made by `from_snorkel`.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> snorkel_like = SimpleNamespace(name="short", _f=lambda x: len(x.text) < 9, _resources={}, _pre=[])
    >>> rule = from_snorkel(snorkel_like)
    >>> rule.kind, rule.column, rule.label, rule.function._f(SimpleNamespace(text="Thanks!"))
    ('snorkel', 'lf:short', None, True)
    """

    function: Any

    kind: ClassVar[str] = "snorkel"
    needs_label: ClassVar[bool] = False

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads: all of them."""
        return ()

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        return {"code": self._code}

    @functools.cached_property
    def _code(self) -> list[Any]:
        try:
            return [
                function_fingerprint(self.function._f, version=self.version),
                value_fingerprint(dict(self.function._resources), version=self.version),
                [_mapper(m, self.version) for m in self.function._pre],
            ]
        except RuleError as error:
            error.where = self.where
            error.hint = 'wrap it: from_snorkel(rule, version="1"), and change the version with the code'
            raise


def from_snorkel(function: Any, **meta: Any) -> SnorkelFunction:
    """Make a rule of a Snorkel LabelingFunction, with its resources and preprocessors.

    `LFRegistry` does so by itself; this is for giving it an owner, examples, or a version. Its codes are positions in
    the schema and -1 (any negative number, as in Snorkel) abstains. It sees each row as the pandas Series that
    Snorkel's PandasLFApplier gives it; as there, one Series is shown to all Snorkel rules in turn, so none should change it.

    Parameters
    ----------
    function
        What Snorkel's ``@labeling_function()`` or ``LabelingFunction(...)`` gave.
    **meta
        id, description, owner, version, tags, fires_on, abstains_on, on_error: see `LabelingFunction`.

    Raises
    ------
    RuleError
        The object is no Snorkel LabelingFunction.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> snorkel_like = SimpleNamespace(name="f", _f=lambda x: -1, _resources={}, _pre=[])
    >>> from_snorkel(snorkel_like, owner="ann").name
    'f'
    """
    source = meta.pop("source", None) or _source(function) or caller()
    check_options(from_snorkel, meta, source)
    if not is_snorkel(function):
        raise RuleError(f"{function!r} is not a Snorkel LabelingFunction", where=str(source or ""))
    meta.setdefault("description", (inspect.getdoc(function._f) or "").split("\n")[0])
    return SnorkelFunction(name=function.name, function=function, source=source, **meta)


def is_snorkel(thing: object) -> bool:
    """Say whether an object is a Snorkel LabelingFunction, by what it has.

    Examples
    --------
    >>> is_snorkel(print)
    False
    """
    return not isinstance(thing, type) and all(
        hasattr(thing, attribute) for attribute in ("_f", "_pre", "_resources", "name")
    )


def _source(function: Any) -> Source | None:
    code = getattr(inspect.unwrap(getattr(function, "_f", None)), "__code__", None)  # type: ignore[arg-type]
    return None if code is None else Source(code.co_filename, code.co_firstlineno)


def _mapper(mapper: Any, version: str) -> list[Any]:
    """Describe a preprocessor: its function or its class, its settings, and what runs before it."""
    state: Mapping[str, Any] = vars(mapper)
    settings = {
        k: v for k, v in state.items() if k not in (_CACHE, "_pre", "_f", "memoize", "_memoize_key", "name")
    }
    return [
        function_fingerprint(mapper._f, version=version) if "_f" in state else None,
        value_fingerprint([type(mapper), settings], version=version),
        [_mapper(m, version) for m in state.get("_pre", ())],
    ]
