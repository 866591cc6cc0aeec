"""Rules written as plain Python functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, overload

from weaklabel.errors import RuleError
from weaklabel.lf.base import META, LabelingFunction, caller, check_choice, check_options
from weaklabel.lf.functions import Calls, columns_of, named, resources_of, source_of, summary_of
from weaklabel.schema import Outcome

Returns = Literal["predicate", "label"]

_OPTIONS = ("name", "label", "outcomes", "choices", "fields", "resources", "vectorized", *META)


@dataclass(frozen=True, kw_only=True, eq=False)
class PythonFunction(Calls, LabelingFunction):
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
    may_choose: tuple[str, ...] = ()
    vectorized: bool = False

    kind: ClassVar[str] = "python"
    needs_label: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("returns", self.returns, ("predicate", "label"), where=self.where)
        self._check_outcomes()
        check_choice("vectorized", self.vectorized, (True, False), where=self.where)
        self._check_and_wrap(self.where)

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
        if self.may_choose and self.returns == "predicate":
            what = "`choices` are for a function that returns labels; this one votes for its label"
            raise RuleError(what, where=self.where, hint="leave `label` or `choices` out")
        for label in self.may_choose:
            if not isinstance(label, str):
                what = f"`choices` lists names of labels, not {label!r}"
                raise RuleError(what, where=self.where, hint="sets and negations stand in `outcomes`")

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads; an empty tuple means all."""
        return self.columns

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What it may vote for beside labels."""
        return self.may_return or super().outcomes

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that it says it may vote for."""
        return self.may_choose or super().labels

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        own: dict[str, Any] = {"fields": list(self.columns), "returns": self.returns, "code": self._code}
        own |= {"vectorized": True} if self.vectorized else {}
        own |= {"choices": list(self.may_choose)} if self.may_choose else {}
        return {**own, "outcomes": [o.to_dict() for o in self.may_return]} if self.may_return else own

    @functools.cached_property
    def _code(self) -> str:
        return self._code_fingerprint(self.where)


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
    choices: Iterable[str] = (),
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
    choices
        Which labels a function that returns labels may return. Default: all; where rows may have several of very many
        labels, they must be listed.
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
            "choices": choices,
            "fields": fields,
            "resources": resources,
            "vectorized": vectorized,
        }
        return functools.partial(labeling_function, **options, **meta)
    source = meta.pop("source", None) or source_of(function) or caller()
    check_options(labeling_function, meta, source)
    if isinstance(function, str):
        hint = f'options have names: @labeling_function(name={function!r}, label="…")'
        raise RuleError(f"{function!r} is not a function", where=str(source), available=_OPTIONS, hint=hint)
    own_name = named("a labeling function", function, name, source)
    meta.setdefault("description", summary_of(function))
    return PythonFunction(
        name=own_name,
        label=label,
        function=function,
        may_return=tuple(outcomes) if isinstance(outcomes, Iterable) else (outcomes,),
        may_choose=(choices,) if isinstance(choices, str) else tuple(choices),
        columns=columns_of(function, fields, source, vectorized=vectorized),
        returns="label" if label is None else "predicate",
        resources=resources_of(resources),
        vectorized=vectorized,
        source=source,
        **meta,
    )
