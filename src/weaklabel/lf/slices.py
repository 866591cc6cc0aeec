"""Rules that only say which rows are in a slice: of the state "slice", and Snorkel's slicing functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from weaklabel.lf.base import LabelingFunction
from weaklabel.lf.feature import Feature
from weaklabel.lf.registry import LFRegistry
from weaklabel.schema import LabelSchema

INSIDE = 1
"""The vote that puts a row into the slice."""

_SCHEMA = LabelSchema(["outside", "inside"])


def slice_registry(rules: Iterable[LabelingFunction], features: Iterable[Feature] = ()) -> LFRegistry:
    """Return rules of the state "slice" as rules that vote `INSIDE` on the rows of their slice.

    A keyword, regex, where or spaCy rule takes in the rows on which it would vote; a Python or Snorkel function those on
    which it returns True or 1.

    Examples
    --------
    >>> from weaklabel.lf import where
    >>> (rule,) = slice_registry([where("short", "length(text) < 40", state="slice")]).rules
    >>> rule.label, rule.state
    ('inside', 'active')
    """
    return LFRegistry([_voting(rule) for rule in rules], schema=_SCHEMA, features=features)


def _voting(rule: LabelingFunction) -> LabelingFunction:
    changed: dict[str, Any] = {"state": "active", "muted": False}
    if rule.needs_label:
        changed["label"] = _SCHEMA.label(INSIDE)
    return replace(rule, **changed)
