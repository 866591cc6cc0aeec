"""Snorkel's LabelingFunction objects, used as they are.

Nothing of Snorkel is imported: an object is recognised by what it has.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from weaklabel.errors import RuleError
from weaklabel.fingerprint import function_fingerprint, value_fingerprint
from weaklabel.lf.base import LabelingFunction, Source, caller, check_options
from weaklabel.schema import Outcome

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
    codes: tuple[str | Outcome, ...] = ()

    kind: ClassVar[str] = "snorkel"
    needs_label: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Any = self.codes
        if isinstance(given, str | Outcome) or not isinstance(given, Iterable):
            given = None
        if given is None or not all(isinstance(code, str | Outcome) for code in given):
            what = f"`codes` says what the codes 0, 1, … stand for: a list of labels, not {self.codes!r}"
            raise RuleError(what, where=self.where, hint='codes=(none_of("late"), "late")')
        self._set("codes", tuple(given))

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that its codes stand for, where that is said."""
        return tuple(dict.fromkeys(code for code in self.codes if isinstance(code, str)))

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Sets of labels and negations that its codes stand for."""
        return tuple(dict.fromkeys(code for code in self.codes if isinstance(code, Outcome)))

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads: all of them."""
        return ()

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        stated = [code if isinstance(code, str) else code.to_dict() for code in self.codes]
        return {"code": self._code, **({"codes": stated} if stated else {})}

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


def from_snorkel(function: Any, *, codes: Iterable[str | Outcome] = (), **meta: Any) -> SnorkelFunction:
    """Make a rule of a Snorkel LabelingFunction, with its resources and preprocessors.

    A SlicingFunction becomes one of the state "slice".

    `LFRegistry` does so by itself; this is for giving it an owner, examples, or a version. Its codes are positions in
    the schema and -1 (any negative number, as in Snorkel) abstains. It sees each row as the pandas Series that
    Snorkel's PandasLFApplier gives it; as there, one Series is shown to all Snorkel rules in turn, so none should change it.

    Parameters
    ----------
    function
        What Snorkel's ``@labeling_function()`` or ``LabelingFunction(...)`` gave.
    codes
        What its codes 0, 1, … stand for: labels, `any_of` or `none_of` several. Default: the schema's labels in their
        order. Needed where rows may have several labels: a function that says yes (1) or no (0) to one of them has
        ``codes=(none_of("late"), "late")``.
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
    >>> from weaklabel.schema import none_of
    >>> from_snorkel(snorkel_like, codes=(none_of("late"), "late")).labels
    ('late',)
    """
    source = meta.pop("source", None) or _source(function) or caller()
    check_options(from_snorkel, meta, source)
    if not is_snorkel(function):
        raise RuleError(f"{function!r} is not a Snorkel LabelingFunction", where=str(source or ""))
    if any(kind.__name__ == "SlicingFunction" for kind in type(function).__mro__):
        meta.setdefault("state", "slice")
    meta.setdefault("description", (inspect.getdoc(function._f) or "").split("\n")[0])
    return SnorkelFunction(name=function.name, function=function, codes=codes, source=source, **meta)  # type: ignore[arg-type]


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
