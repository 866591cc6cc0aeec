"""Fitted models of tags on disk: a JSON head and a file of arrays."""

from __future__ import annotations

import json
import os
import uuid
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weaklabel.errors import ModelError, OutputError, WeakLabelError
from weaklabel.schema import LabelSchema, Outcome
from weaklabel.tags.events import TagEvents

FORMAT = 1
_HEAD = "model.json"


def write_model(
    folder: Path, name: str, schema: LabelSchema, events: TagEvents, state: Mapping[str, Any]
) -> Path:
    """Write arrays, then the head that names their file; a reader sees the old model or the new one, never half."""
    file_name = f"arrays-{uuid.uuid4().hex}.npz"
    head = {
        "format": FORMAT,
        "model": name,
        "schema": schema.to_dict(),
        "events": [[rule, outcome.to_dict()] for rule, outcome in events.said],
        "arrays": file_name,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = list(folder.glob("arrays-*.npz"))
        with (folder / file_name).open("wb") as file:
            np.savez(file, **{key: np.asarray(value) for key, value in state.items()})  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        temporary = folder / f".{uuid.uuid4().hex}.tmp"
        with temporary.open("w", encoding="utf-8") as text:
            json.dump(head, text, indent=1)
            text.flush()
            os.fsync(text.fileno())
        temporary.replace(folder / _HEAD)
        for path in old:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"can't save the model: {error}", where=str(folder)) from error
    return folder


def read_model(
    folder: Path, names: Collection[str], schema: LabelSchema | None
) -> tuple[str, LabelSchema, TagEvents, dict[str, Any]]:
    """Return the name, the schema, the events and the arrays of a saved model of one of these names.

    Raises
    ------
    ModelError
        There is none, it is damaged, of another kind, or for other tags than `schema`.
    """
    try:
        head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        name = head["model"]
        if head["format"] != FORMAT or name not in names:
            what = f"a saved model {name!r} of format {head['format']}; {' or '.join(names)} of format {FORMAT} is wanted"
            raise ModelError(
                what, where=str(folder), hint="fit it again, or load it with weaklabel.tags.load"
            )
        with (folder / head["arrays"]).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            state = {key: arrays[key] for key in arrays.files}
        made = LabelSchema.from_dict(head["schema"])
        said = [(rule, outcome(data)) for rule, data in head["events"]]
    except OSError as error:
        hint = "give the folder that save() returned"
        raise ModelError(f"no saved model of tags: {error}", where=str(folder), hint=hint) from error
    except ModelError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, WeakLabelError, zipfile.BadZipFile) as error:
        raise ModelError(f"the saved model is damaged: {error}", where=str(folder)) from error
    if schema is not None and _mark(schema) != _mark(made):
        raise _other_tags(made, schema, folder)
    return name, made, TagEvents.of(said, made), state


def outcome(data: Mapping[str, list[str]]) -> Outcome:
    """Return the outcome that `Outcome.to_dict` wrote.

    Examples
    --------
    >>> outcome({"none_of": ["late"]}).name
    'not late'
    """
    against = "none_of" in data
    return Outcome(tuple(data["none_of" if against else "any_of"]), against)


def _mark(schema: LabelSchema) -> list[Any]:
    return [[label.name, sorted(label.parents)] for label in schema.labels] + [
        schema.version,
        schema.exclusive,
    ]


def _other_tags(before: LabelSchema, now: LabelSchema, folder: Path) -> ModelError:
    groups = {
        "new": [name for name in now.names if name not in before.names],
        "gone": [name for name in before.names if name not in now.names],
    }
    told = [f"{word}: {', '.join(names)}" for word, names in groups.items() if names]
    if now.version != before.version:
        told.append(f"version {now.version} instead of {before.version}")
    what = f"the model was fitted for other tags ({'; '.join(told) or 'another order, or other parents'})"
    return ModelError(what, where=str(folder), available=before.names, hint="fit it again")
