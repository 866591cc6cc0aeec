"""Results for the tools that people label in: Label Studio's taxonomy, doccano, Prodigy.

These files hold what the model found. To ask people, `gold.tools` writes tasks that show it or keep it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl

from weaklabel.fingerprint import event_hash
from weaklabel.gold.tools import doccano as doccano_tool
from weaklabel.gold.tools import label_studio
from weaklabel.gold.tools.names import ID
from weaklabel.gold.tools.writing import json_line
from weaklabel.schema import LabelSchema


def taxonomy_config(schema: LabelSchema) -> str:
    """Return Label Studio's configuration with the tags as a taxonomy: a tag stands under each of its parents.

    Raises
    ------
    Problems
        A tag's name has a character that XML can't hold.

    Examples
    --------
    >>> from weaklabel.schema import Label
    >>> config = taxonomy_config(LabelSchema(["ai", Label("vision", parents=("ai",))], exclusive=False))
    >>> print(config.split("<Taxonomy")[1].split("</Taxonomy")[0])
     name="label" toName="text">
        <Choice value="ai">
          <Choice value="vision" />
        </Choice>
    <BLANKLINE>
    """
    label_studio.labeling_config(schema, extras=())  # refuses names that XML can't hold
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Text", name="text", value="$text", valueType="text")
    tree = ElementTree.SubElement(view, "Taxonomy", name=label_studio.CONTROL, toName="text")

    def add(above: ElementTree.Element, name: str) -> None:
        element = ElementTree.SubElement(above, "Choice", value=name)
        for child in schema.children(name):
            add(element, child)

    for label in schema.labels:
        if not label.parents:
            add(tree, label.name)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def taxonomy_path(schema: LabelSchema, name: str) -> list[str]:
    """Return a tag's place in the taxonomy: the first parent's first parent and so on, down to the tag.

    Examples
    --------
    >>> from weaklabel.schema import Label
    >>> taxonomy_path(LabelSchema(["ai", Label("vision", parents=("ai",))], exclusive=False), "vision")
    ['ai', 'vision']
    """
    path = [name]
    while parents := schema.labels[schema.code(path[0])].parents:
        path.insert(0, parents[0])
    return path


def label_studio_tasks(
    labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]
) -> None:
    """Write Label Studio's tasks; a row with votes has a prediction, whose score is the least of its tags' probabilities."""
    paths = {name: taxonomy_path(schema, name) for name in schema.names}

    def tasks() -> Iterator[str]:
        comma = ""
        for row in _rows(labels):
            task: dict[str, Any] = {"data": {"text": row["text"], ID: row["id"]}}
            if row["status"] != "uncovered":
                task["predictions"] = [_prediction(row, paths)]
            yield f"{comma}\n{json_line(task)}"
            comma = ","

    _write(path, ("[", *tasks(), "\n]\n"))


def label_studio_config(
    labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]
) -> None:
    """Write the configuration that the tasks belong to."""
    _write(path, [taxonomy_config(schema)])


def doccano(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    """Write texts with their labels, as doccano imports them and gives them back."""
    rows = _rows(labels)
    _write(
        path,
        (json_line({"text": r["text"], "label": r["labels"] or [], ID: r["id"]}) + "\n" for r in rows),
    )


def doccano_config(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    """Write the settings of doccano's labels."""
    _write(path, [doccano_tool.label_config(schema, extras=())])


def prodigy(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    """Write accepted examples of the choice interface; what is no candidate is no option, and so unknown."""
    _write(path, (json_line(line) + "\n" for line in map(_example, _rows(labels)) if line["options"]))


def _prediction(row: Mapping[str, Any], paths: Mapping[str, list[str]]) -> dict[str, Any]:
    given = row["labels"] or []
    p = dict(zip(row["candidates"] or (), row["probabilities"] or (), strict=True))
    value = {"taxonomy": [paths[name] for name in given]}
    region = {"from_name": label_studio.CONTROL, "to_name": "text", "type": "taxonomy", "value": value}
    prediction: dict[str, Any] = {"model_version": "weaklabel", "result": [region] if given else []}
    sure = [p[name] for name in given if name in p]
    return {**prediction, "score": round(min(sure), 6)} if sure else prediction


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    given = row["labels"] or []
    options = [*(row["candidates"] or ()), *(name for name in given if name not in (row["candidates"] or ()))]
    number = event_hash(row["id"], 0)
    return {
        "text": row["text"],
        "options": [{"id": name, "text": name} for name in options],
        "accept": given,
        "answer": "accept",
        "_view_id": "choice",
        "meta": {ID: row["id"]},
        "_input_hash": number % 2**31,
        "_task_hash": (number >> 32) % 2**31,
    }


def _rows(labels: pl.DataFrame) -> Iterator[dict[str, Any]]:
    wanted = ("id", "text", "labels", "status", "candidates", "probabilities")
    return labels.select(wanted).iter_rows(named=True)


def _write(path: Path, parts: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(parts)
