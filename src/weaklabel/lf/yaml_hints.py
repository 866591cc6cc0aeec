"""What to do about text that is no YAML: a hint by kind of mistake, and none where the kind is not known."""

from __future__ import annotations

import re

import yaml

_STARTS = {
    "'\\t'": "indent with spaces: YAML takes no tabs",
    "'%'": "put a text that starts with % in quotes",
    "'@'": "put a text that starts with @ in quotes",
    "'`'": "put a text that starts with a backquote in quotes",
}
_CLOSED_BY = {"[": "]", "{": "}"}


def syntax_hint(text: str, error: yaml.YAMLError) -> str | None:
    """Return what to do about a syntax error of YAML, or None.

    Examples
    --------
    >>> def hint(text):
    ...     try:
    ...         yaml.safe_load(text)
    ...     except yaml.YAMLError as error:
    ...         return syntax_hint(text, error)
    >>> hint("pattern: *free*")
    'put a text that starts with * in quotes'
    >>> hint("pattern: only: today")
    "put a text that holds `: ` in quotes: pattern: 'only: today'"
    """
    problem = str(getattr(error, "problem", None) or "")
    context = str(getattr(error, "context", None) or "")
    if isinstance(error, yaml.reader.ReaderError):
        return r"leave the control character out, or write it as \x01 in double quotes"
    if "cannot start any token" in problem:
        return next((hint for start, hint in _STARTS.items() if start in problem), None)
    if "an alias" in context or "undefined alias" in problem:
        return "put a text that starts with * in quotes"
    if "an anchor" in context:
        return "put a text that starts with & in quotes"
    if "block scalar" in context:
        return "put a text that starts with | or > in quotes"
    if "for the tag" in problem:
        return "put a text that starts with ! in quotes"
    if "quoted scalar" in context:
        return _quoted(problem, _line(error, "context_mark"))
    if "flow" in context:
        return _brackets(context, problem, _line(error, "context_mark"))
    return _indented(text.splitlines(), problem, _line(error, "problem_mark"))


def error_line(text: str, error: yaml.YAMLError) -> str:
    """Return ":line:column" of a syntax error; empty where it is not known."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f":{mark.line + 1}:{mark.column + 1}"
    if isinstance(error, yaml.reader.ReaderError) and isinstance(error.position, int):
        before = text[: error.position].split("\n")
        return f":{len(before)}:{len(before[-1]) + 1}"
    return ""


def _quoted(problem: str, line: int) -> str | None:
    if "unknown escape" in problem:
        return r"use single quotes: in double quotes a \ must be written \\"
    if "end of" in problem:
        return f"close the quote that opens in line {line}"
    return None


def _brackets(context: str, problem: str, line: int) -> str | None:
    bracket = "{" if "mapping" in context else "["
    if "flow node" in context:
        return "put a text that holds , # [ ] { or } in quotes; a comma stands between two values"
    if "<scalar>" in problem:
        return "put a comma between two values, and a text that holds a quote in quotes of the other kind"
    return f"close the {bracket} of line {line} with {_CLOSED_BY[bracket]}, or put the text in quotes"


def _indented(lines: list[str], problem: str, line: int) -> str | None:
    """Hints about lines of `key: value`, by what stands in the line of the error and those before."""
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    before = next((text for text in reversed(lines[: line - 1]) if text.strip()), "")
    value = re.match(r"\s*(?:- )*([\w-]+):\s+(.*)", here)
    if "could not find expected ':'" in problem:
        return _no_space(before) or _no_space(here) or "each line is `key: value`"
    if "mapping values" in problem:
        if value and re.search(r":(\s|$)", value[2]) and value[2][:1] not in "'\"":
            shown = value[2].replace("'", "''")
            return f"put a text that holds `: ` in quotes: {value[1]}: '{shown}'"
        if _no_space(before):
            return _no_space(before)
        return "keys of one rule start in the same column"
    if "block end" in problem:
        if "start>" in problem:
            return "what belongs together starts in the same column"
        return _started(value[2]) if value else None
    return None


def _started(value: str) -> str | None:
    if value[:1] in "[{" and value:
        return f"put a text that starts with {value[0]} in quotes"
    if value[:1] in "'\"" and value:
        other = "double quotes" if value[0] == "'" else "single quotes"
        return f"the quote closes before the text ends: put a text that holds {value[0]} in {other}"
    return None


def _no_space(line: str) -> str | None:
    if re.match(r"\s*-\w[\w ]*:", line):
        return f"write a space after the -: {line.strip()[:1]} {line.strip()[1:]}"
    pair = re.match(r"\s*(?:- )*(\w+):([^\s/].*)", line)
    return f"write a space after the colon: {pair[1]}: {pair[2]}" if pair else None


def _line(error: yaml.YAMLError, mark: str) -> int:
    place = getattr(error, mark, None)
    return 0 if place is None else int(place.line) + 1
