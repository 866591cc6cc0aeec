"""Vote keys: what of a rule decides its votes on given rows, as one name."""

from __future__ import annotations

import datetime
import functools
import unicodedata
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from weaklabel.fingerprint import file_digest, fingerprint
from weaklabel.lf.base import LabelingFunction, OnError
from weaklabel.lf.registry import LFRegistry
from weaklabel.lf.spacy_pattern import SpacyPattern
from weaklabel.schema import LabelSchema

_FORM = 1
"""Raised when the same key would stand for other votes."""


def vote_key(
    rule: LabelingFunction,
    schema: LabelSchema,
    *,
    on_error: OnError = "raise",
    date: str | None = None,
    today: datetime.date | None = None,
) -> str:
    """Return the name under which a rule's votes on the rows of a shard are kept.

    It covers the rule and the features it reads, the labels, what is done when it fails, for a rule with days of its
    own how the day of a row is known, for a spaCy rule the version of spaCy and of its pipeline, and the versions of
    this package and of the character tables. A rule that is
    renamed, moved, described anew or muted keeps its votes; one whose word list changes does not.

    Parameters
    ----------
    rule
        The rule, as its registry gives it, with its features.
    schema
        Its labels.
    on_error
        What is done when a rule fails that says nothing of it itself.
    date
        The column with each row's day. None: all rows are of `today`.
    today
        The day of the run. Default: this day. All days on which a rule is right share one key, and so do all others.

    Returns
    -------
    str
        32 hexadecimal digits.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> schema = LabelSchema(["ham", "spam"])
    >>> a = keywords("thanks", ["thanks", "thank you"], label="ham")
    >>> b = keywords("Says thanks", ["thanks", "thank you"], label="ham", muted=True)
    >>> vote_key(a, schema) == vote_key(b, schema)
    True
    >>> vote_key(a, schema) == vote_key(keywords("thanks", ["thanks"], label="ham"), schema)
    False
    """
    return fingerprint(
        {
            "form": _FORM,
            "package": _package(),
            "characters": unicodedata.unidata_version,
            "rule": rule.fingerprint,
            "labels": [[label.name, sorted(label.aliases)] for label in schema.labels],
            "schema": [schema.version, schema.exclusive],
            "on_error": on_error,
            "days": _days(rule, date, today),
            "pipeline": _pipeline(rule.pipeline) if isinstance(rule, SpacyPattern) else [],
        }
    )


def vote_keys(
    registry: LFRegistry,
    *,
    on_error: OnError = "raise",
    date: str | None = None,
    today: datetime.date | None = None,
) -> dict[str, str]:
    """Return the vote key of every rule of a registry, by the rule's id; options as in `vote_key`.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> [len(key) for key in vote_keys(registry).values()]
    [32]
    """
    how = {"on_error": on_error, "date": date, "today": today}
    return {rule.id: vote_key(rule, registry.schema, **how) for rule in registry}  # type: ignore[arg-type]


def _days(rule: LabelingFunction, date: str | None, today: datetime.date | None) -> list[object]:
    if not rule.dated:
        return []
    if date is not None:
        return ["column", date]
    day = today or datetime.date.today()
    return [(rule.valid_from or day) <= day <= (rule.valid_until or day)]


def _pipeline(name: str) -> list[object]:
    """Return what stands for a spaCy pipeline: a package by its version, a folder by its settings and sizes."""
    folder = Path(name)
    if name.startswith("blank:") or not folder.is_dir():
        return [_version("spacy"), "" if name.startswith("blank:") else _version(name)]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = [[path.relative_to(folder).as_posix(), path.stat().st_size] for path in files]
    told = [file_digest(path) for path in files if path.name in ("meta.json", "config.cfg")]
    return [_version("spacy"), sizes, told]


def _package() -> str:
    """Return the version of this package: another may vote otherwise, where it mends a fault."""
    return _version("weaklabel")


@functools.cache
def _version(package: str) -> str:
    try:
        return version(package)
    except (PackageNotFoundError, ValueError):
        return ""
