"""How a rule's options are written where the rule is: YAML in a rule pack, Python elsewhere."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import yaml

_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxdict = _SHORT.maxtuple = 4
_SHORT.maxstring = _SHORT.maxother = 60


def in_yaml(place: object) -> bool:
    """Say whether a place (a `Source`, or a file with or without a line) lies in a YAML file.

    Examples
    --------
    >>> in_yaml("rules/spam.yaml:3:5"), in_yaml("rules.py:3"), in_yaml(None)
    (True, False, False)
    """
    return str(place or "").partition(":")[0].lower().endswith((".yaml", ".yml"))


def option(key: str, value: object, place: object) -> str:
    """Return an option as it is written at a place.

    Examples
    --------
    >>> option("fires_on", ["BUY", "a: b"], "pack.yaml:3"), option("fires_on", ["BUY"], "rules.py:3")
    ("fires_on: [BUY, 'a: b']", "fires_on=['BUY']")
    """
    return f"{key}: {_flow(value)}" if in_yaml(place) else f"{key}={_SHORT.repr(value)}"


def list_hint(key: str, value: object, place: object) -> str:
    """Return how a list is written, for one who gave something else.

    Examples
    --------
    >>> list_hint("tags", "a", "rules.py:1"), list_hint("tags", '["a", "b"]', "pack.yaml:1")
    ("tags=['a']", 'leave the quotes out: tags: ["a", "b"]')
    >>> list_hint("tags", None, "pack.yaml:1"), list_hint("tags", 3, "rules.py:1")
    ('tags: […], or leave it out', "tags=['3']")
    """
    if value is None:
        return f"{option(key, ['…'], place)}, or leave it out"
    if isinstance(value, str) and value.strip()[:1] == "[" and value.strip()[-1:] == "]":
        return f"leave the quotes out: {key}{': ' if in_yaml(place) else '='}{value.strip()}"
    return option(key, [value if isinstance(value, str | Mapping) else str(value)], place)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()
