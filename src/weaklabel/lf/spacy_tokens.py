"""What may stand in a token of a spaCy pattern, checked without spaCy: names of attributes and types of their values.

Whether a pipeline knows an attribute (a blank one has no LEMMA) is seen when the rule is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from weaklabel.errors import RuleError, did_you_mean

_TEXTS = {
    "ORTH", "TEXT", "LOWER", "POS", "TAG", "MORPH", "DEP", "LEMMA", "SHAPE", "ENT_TYPE", "ENT_ID", "ENT_KB_ID", "NORM",
}  # fmt: skip
_FLAGS = {
    "SPACY", "IS_ALPHA", "IS_ASCII", "IS_DIGIT", "IS_LOWER", "IS_UPPER", "IS_TITLE", "IS_PUNCT", "IS_SPACE",
    "IS_BRACKET", "IS_QUOTE", "IS_LEFT_PUNCT", "IS_RIGHT_PUNCT", "IS_CURRENCY", "IS_STOP", "IS_SENT_START",
    "SENT_START", "LIKE_NUM", "LIKE_URL", "LIKE_EMAIL",
}  # fmt: skip
_OTHERS = {"LENGTH", "ENT_IOB", "OP", "_"}
_LISTS = {"IN", "NOT_IN", "IS_SUBSET", "IS_SUPERSET", "INTERSECTS"}
_TEXT_TESTS = {*_LISTS, "REGEX", "FUZZY", *(f"FUZZY{n}" for n in range(1, 10))}
_NUMBER_TESTS = {*_LISTS, "REGEX", "==", "!=", ">=", "<=", ">", "<"}
_OPERATOR = re.compile(r"[+*?!]|\{\d+\}|\{\d+,\d*\}|\{\d*,\d+\}")
_QUOTE = "quote it: YAML reads yes, no, on, off and numbers as other types"


def check_token(token: Mapping[Any, Any], *, where: str | None) -> None:
    """Raise a RuleError unless spaCy's Matcher takes the token.

    Examples
    --------
    >>> check_token({"LOWER": {"IN": ["money", "cash"]}, "OP": "+"}, where="rules.yaml:3")
    >>> check_token({"LOWER": False}, where="rules.yaml:3")
    Traceback (most recent call last):
    ...
    weaklabel.errors.RuleError: `patterns`: LOWER is text, not False
      where: rules.yaml:3
      hint: quote it: YAML reads yes, no, on, off and numbers as other types
    """
    for key, value in token.items():
        name = key.upper() if isinstance(key, str) and key.islower() else key
        if name in _TEXTS:
            _check_text(name, value, where)
        elif name in _FLAGS and not isinstance(value, bool):
            raise RuleError(f"`patterns`: {key} is true or false, not {value!r}", where=where)
        elif name == "LENGTH":
            _check_number(value, where)
        elif name == "OP" and not (isinstance(value, str) and _OPERATOR.fullmatch(value)):
            hint = "+ one or more, * any number, ? at most one, ! none, {n}, {n,m}; quote it in YAML"
            raise RuleError(f"`patterns`: unknown OP {value!r}", where=where, hint=hint)
        elif name == "ENT_IOB" and value not in ("", "I", "O", "B", 0, 1, 2, 3):
            raise RuleError(f"`patterns`: ENT_IOB is I, O or B, not {value!r}", where=where)
        elif name == "_" and not isinstance(value, Mapping):
            raise RuleError(f"`patterns`: _ maps extensions to values, not {value!r}", where=where)
        elif name not in _FLAGS | _OTHERS:
            raise _unknown("attribute", key, _TEXTS | _FLAGS | _OTHERS, "a token", where)


def _check_text(name: str, value: Any, where: str | None, *, exact: bool = True) -> None:
    if isinstance(value, Mapping):
        for test, given in value.items():
            if not isinstance(test, str) or test.upper() not in _TEXT_TESTS:
                raise _unknown("test", test, _TEXT_TESTS, name, where)
            if test.upper() in _LISTS:
                _check_list(f"{test} of {name}", given, str, "texts", where)
                for item in given:
                    _check_lower(name, item, where)
            else:
                _check_text(name, given, where, exact=False)
                _check_regex(test, given, where)
    elif not isinstance(value, str):
        raise RuleError(f"`patterns`: {name} is text, not {value!r}", where=where, hint=_QUOTE)
    elif exact:
        _check_lower(name, value, where)


def _check_lower(name: str, value: str, where: str | None) -> None:
    if name == "LOWER" and value != value.lower():
        raise RuleError(
            f"`patterns`: LOWER is the token in lower case, which {value!r} never equals",
            where=where,
            hint=f"LOWER: {value.lower()} for any case, or TEXT: {value} for exactly that",
        )


def _check_regex(test: str, given: Any, where: str | None) -> None:
    if test.upper() != "REGEX" or not isinstance(given, str):
        return
    try:
        re.compile(given)
    except (re.error, OverflowError, RecursionError) as error:
        raise RuleError(f"`patterns`: broken regex {given!r}: {error}", where=where) from error


def _check_number(value: Any, where: str | None) -> None:
    if isinstance(value, Mapping):
        for test, given in value.items():
            if not isinstance(test, str) or test.upper() not in _NUMBER_TESTS:
                raise _unknown("test", test, _NUMBER_TESTS, "LENGTH", where)
            if test.upper() in _LISTS:
                _check_list(f"{test} of LENGTH", given, int, "whole numbers", where)
            elif test.upper() != "REGEX":
                _check_number(given, where)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise RuleError(f"`patterns`: LENGTH is a number, not {value!r}", where=where)


def _check_list(name: str, given: Any, kind: type, kinds: str, where: str | None) -> None:
    if not isinstance(given, list | tuple):
        raise RuleError(f"`patterns`: {name} is a list, not {given!r}", where=where)
    for item in given:
        if not isinstance(item, kind) or isinstance(item, bool):
            hint = _QUOTE if kind is str else None
            raise RuleError(f"`patterns`: {name} lists {kinds}, not {item!r}", where=where, hint=hint)


def _unknown(what: str, key: object, known: Iterable[str], of: str, where: str | None) -> RuleError:
    names = sorted(known)
    hint = did_you_mean(key, names)
    return RuleError(f"`patterns`: unknown {what} {key!r} of {of}", where=where, available=names, hint=hint)
