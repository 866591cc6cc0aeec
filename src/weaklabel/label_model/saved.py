"""Fitted label models on disk: a JSON head and a file of arrays, and marks of the labels and rules they belong to."""

from __future__ import annotations

import json
import os
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weaklabel.errors import ModelError
from weaklabel.fingerprint import fingerprint
from weaklabel.schema import LabelSchema

FORMAT = 1
_HEAD = "model.json"


def write_state(folder: Path, head: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write arrays, then the head that names their file; a reader sees the old model or the new one, never half."""
    folder.mkdir(parents=True, exist_ok=True)
    old = list(folder.glob("arrays-*.npz"))
    with (folder / head["arrays"]).open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary = folder / f".{uuid.uuid4().hex}.tmp"
    with temporary.open("w", encoding="utf-8") as text:
        json.dump(head, text, indent=1)
        text.flush()
        os.fsync(text.fileno())
    temporary.replace(folder / _HEAD)
    for file_name in old:
        file_name.unlink(missing_ok=True)


def read_state(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `LabelModel.save` wrote: the head of `model.json`, and all learned attributes."""
    try:
        head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        if head["format"] != FORMAT:
            hint = "fit it again, or load it with the version that wrote it"
            raise ModelError(
                f"a saved model of format {head['format']}; this version reads {FORMAT}", hint=hint
            )
        with (folder / head["arrays"]).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            state = {
                "calibrator": head.get("calibrator"),
                **head["learned"],
                **{name: arrays[name] for name in arrays.files},
            }
    except OSError as error:
        hint = "give the folder that save() returned"
        raise ModelError(f"no saved label model: {error}", where=str(folder), hint=hint) from error
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(f"the saved model is damaged: {error}", where=str(folder)) from error
    return head, state


def schema_mark(schema: LabelSchema, n_classes: int) -> dict[str, Any]:
    """Return what a model needs to know of its labels: names in code order, version, and their fingerprint.

    Descriptions and aliases are left out: they don't change what a code stands for. Raise ModelError when the
    schema has another number of labels than the model has classes.

    Examples
    --------
    >>> schema_mark(LabelSchema(["ham", "spam"]), 2)["labels"]
    ['ham', 'spam']
    """
    if not isinstance(schema, LabelSchema):
        raise ModelError(f"schema is a LabelSchema, not {schema!r}", hint='LabelSchema(["ham", "spam"])')
    if len(schema) != n_classes:
        raise ModelError(
            f"the schema has {len(schema)} labels, and the model {n_classes} classes",
            available=schema.names,
            hint="give the schema of the votes that the model was fitted on",
        )
    mark = {"labels": list(schema.names), "exclusive": schema.exclusive, "version": schema.version}
    return {**mark, "fingerprint": fingerprint(mark)}


def rule_marks(rules: Any) -> dict[str, str]:
    """Return id -> fingerprint of rules: an `LFRegistry` or other rules (muted ones left out), or such a mapping.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> list(rule_marks([keywords("free", ["free"], label="spam")]))
    ['free']
    """
    if isinstance(rules, Mapping):
        return {str(name): str(mark) for name, mark in rules.items()}
    if not isinstance(rules, Iterable) or not all(hasattr(rule, "fingerprint") for rule in rules):
        raise ModelError(f"rules are an LFRegistry or a mapping id: fingerprint, not {rules!r}")
    return {rule.id: rule.fingerprint for rule in rules if not rule.muted}


def marks(
    schema: LabelSchema | None, rules: Any, *, n_classes: int, labelers: tuple[str, ...]
) -> dict[str, Any]:
    """Return the part of a head that says which labels and rules a model belongs to; nothing for what isn't given."""
    head: dict[str, Any] = {}
    if schema is not None:
        head["schema"] = schema_mark(schema, n_classes)
    if rules is not None:
        head["rules"] = rule_marks(rules)
        strangers = [name for name in head["rules"] if name not in labelers]
        if strangers:
            raise ModelError(
                f"the model was not fitted on these rules: {', '.join(strangers)}",
                available=labelers,
                hint="give the rules whose votes it was fitted on",
            )
    return head


def check_marks(head: Mapping[str, Any], schema: LabelSchema | None, rules: Any, where: str) -> None:
    """Raise ModelError when a saved model belongs to other labels or rules; the difference is named."""
    if schema is not None:
        told = _told(head, "schema", "labels", where)
        if told["fingerprint"] != schema_mark(schema, len(schema))["fingerprint"]:
            raise _other_labels(told, schema, where)
    if rules is not None:
        _check_rules(_told(head, "rules", "rules", where), rule_marks(rules), where)


def _told(head: Mapping[str, Any], key: str, word: str, where: str) -> Any:
    if key not in head:
        raise ModelError(
            f"the saved model doesn't say which {word} it was fitted for",
            where=where,
            hint=f"save it with {key}=, or load it without {key}=",
        )
    return head[key]


def _other_labels(told: Mapping[str, Any], schema: LabelSchema, where: str) -> ModelError:
    before, now = list(told["labels"]), list(schema.names)
    differences = _named(new=[n for n in now if n not in before], gone=[n for n in before if n not in now])
    if not differences and now != before:
        differences.append("another order")
    if schema.version != told["version"]:
        differences.append(f"version {schema.version} instead of {told['version']}")
    if schema.exclusive != told["exclusive"]:
        differences.append("one label a row" if schema.exclusive else "any number of labels a row")
    return ModelError(
        f"the model was fitted for other labels ({'; '.join(differences)})",
        where=where,
        available=before,
        hint="fit it again, or load it with the schema of its fit",
    )


def _check_rules(told: Mapping[str, str], rules: Mapping[str, str], where: str) -> None:
    differences = _named(
        new=[name for name in rules if name not in told],
        gone=[name for name in told if name not in rules],
        changed=[name for name, mark in rules.items() if told.get(name, mark) != mark],
    )
    if differences:
        raise ModelError(
            f"the model was fitted on other rules ({'; '.join(differences)})",
            where=where,
            available=list(told),
            hint="vote and fit again, or load it with the rules of its fit",
        )


def _named(**groups: list[str]) -> list[str]:
    return [f"{word}: {', '.join(names)}" for word, names in groups.items() if names]
