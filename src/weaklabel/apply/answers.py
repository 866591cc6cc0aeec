"""What a Python or Snorkel rule's answer stands for: a vote, or the reason why it is none."""

from __future__ import annotations

import inspect
import math
import numbers
import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import numpy as np

from weaklabel.apply.batch import one_line
from weaklabel.errors import RuleError, SchemaError, did_you_mean
from weaklabel.lf.base import run_user_code
from weaklabel.lf.outcomes import may_name, outcomes_of, vote_code
from weaklabel.lf.python import PythonFunction
from weaklabel.lf.snorkel import SnorkelFunction
from weaklabel.schema import ABSTAIN, Label, LabelSchema, Outcome

_CODE_HINT = "a code is a position in the schema, or -1 to abstain"


class NoVoteError(ValueError):
    """A rule's answer is no vote; the message completes "the rule …"."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.hint = hint


def python_vote(rule: PythonFunction, answer: Any, schema: LabelSchema) -> int:
    """Return the code that a Python rule's answer stands for.

    Raises
    ------
    NoVoteError
        The answer is no vote.
    """
    if rule.returns == "predicate":
        return vote_code(rule, rule.label or "", schema) if _is_true(answer) else ABSTAIN
    if answer is None or (_is_number(answer) and answer == ABSTAIN):
        return ABSTAIN
    if isinstance(answer, str):
        if may_name(rule, answer, schema):
            return vote_code(rule, answer, schema)
        if answer in schema:
            listed = ", ".join(rule.labels)
            what = f"returned {short(answer)}, which its `choices` do not list (they list {listed})"
            raise NoVoteError(what, f"list it: @labeling_function(choices=[…, {answer!r}])")
        hint = did_you_mean(answer[:100], schema.names)
        raise NoVoteError(f"returned the unknown label {short(answer)}", hint)
    if isinstance(answer, Outcome):
        return _outcome_vote(rule, answer, schema)
    _check_finished(answer)
    raise NoVoteError(f"returned {short(answer)}, which is no vote", _instead(answer, schema))


def _outcome_vote(rule: PythonFunction, answer: Outcome, schema: LabelSchema) -> int:
    try:
        return vote_code(rule, answer, schema)
    except SchemaError as error:
        raise NoVoteError(f"returned {answer.name!r}: {error.what}", error.hint) from error
    except RuleError as error:
        call = f"{'none_of' if answer.against else 'any_of'}({', '.join(map(repr, answer.labels))})"
        listed = ", ".join(outcome.name for outcome in outcomes_of(rule, schema)) or "nothing"
        what = f"returned {answer.name!r}, which its `outcomes` do not list (they list {listed})"
        raise NoVoteError(what, f"list it: @labeling_function(outcomes=[{call}])") from error


def snorkel_vote(rule: SnorkelFunction, answer: Any, schema: LabelSchema) -> int:
    """Return the code that a Snorkel rule's answer stands for; a negative one abstains.

    An answer is a place in the rule's `codes`, and where it has none a place in the schema.

    Raises
    ------
    NoVoteError
        The answer is no whole number, or there is no such place.
    """
    if not isinstance(answer, numbers.Real | np.bool_):
        raise NoVoteError(f"returned {short(answer)}, which is no code", _CODE_HINT)
    number = float(answer)
    if not number.is_integer():
        raise NoVoteError(f"returned {short(answer)}, which is no code", _CODE_HINT)
    if rule.codes:
        if number >= len(rule.codes):
            raise NoVoteError(f"returned code {int(number)}; its codes are 0 to {len(rule.codes) - 1}")
        return ABSTAIN if number < 0 else vote_code(rule, rule.codes[int(number)], schema)
    if number >= len(schema):
        raise NoVoteError(f"returned code {int(number)}; the schema's codes are 0 to {len(schema) - 1}")
    return max(int(number), ABSTAIN)


def _is_true(answer: Any) -> bool:
    if answer is None or isinstance(answer, bool):
        return bool(answer)
    if _is_number(answer) and (answer < 0 or math.isnan(answer)):
        hint = "return True or False; without label= a rule may return a label, or -1 to abstain"
        raise NoVoteError(f"returned {answer!r}, which is no yes or no", hint)
    _check_finished(answer)
    _check_says_something(answer)
    truth, error = run_user_code(lambda: bool(answer))
    if error is not None:
        raise NoVoteError(f"returned {short(answer)}, which is no yes or no: {one_line(error)}") from error
    return bool(truth)


def _check_says_something(answer: Any) -> None:
    """Refuse what Python calls true of every row, because something was left out."""
    instead = None
    if isinstance(answer, str | bytes | Outcome | Label):
        if not answer:
            return
        instead = "leave label= out to return labels, or return True or False"
    elif isinstance(answer, Iterator):
        instead = "an iterator is true even when it is empty: use any(…), or list(…)"
    elif isinstance(answer, MappingProxyType | re.Pattern):
        what = "the row is" if isinstance(answer, MappingProxyType) else "a pattern is"
        instead = f"{what} always true: return what is found in it"
    elif callable(answer):
        instead = "call it: add ()"
    if instead:
        raise NoVoteError(f"returned {short(answer)}, which is no yes or no", instead)


def _check_finished(answer: Any) -> None:
    """Refuse what has not run yet, and what Python would call true whatever comes of it."""
    if inspect.iscoroutine(answer):
        answer.close()
    if inspect.isawaitable(answer) or inspect.isgenerator(answer) or inspect.isasyncgen(answer):
        hint = "a rule is a plain function: let it return its answer, without async or yield"
        raise NoVoteError(f"returned a {type(answer).__name__}, which has not run yet", hint)
    if answer is NotImplemented:
        raise NoVoteError("returned NotImplemented, which is no yes or no", "return None to abstain")


def _is_number(answer: object) -> bool:
    return isinstance(answer, numbers.Real) and not isinstance(answer, bool)


def _instead(answer: Any, schema: LabelSchema) -> str:
    if isinstance(answer, bool | np.bool_):
        return "give the rule label=…, then it may return True or False"
    if isinstance(answer, numbers.Integral) and int(answer) in range(len(schema)):
        return f"return the label's name, {schema.label(int(answer))!r}, not its code"
    return "return the name of a label, or None to abstain"


def short(answer: object) -> str:
    """Return a value as a message shows it."""
    text, error = run_user_code(lambda: repr(answer))
    return one_line(text, 60) if error is None else f"a {type(answer).__name__}"
