"""Label Studio: tasks and labeling XML out, its JSON export back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl

from weaklabel.errors import GoldError, Problems
from weaklabel.gold.tools.files import READERS, File, Record, tool_files
from weaklabel.gold.tools.incoming import Asked, Faults, Given, ToolAnswers, settle
from weaklabel.gold.tools.names import ID
from weaklabel.gold.tools.outgoing import Row, choices, outgoing
from weaklabel.gold.tools.values import carried, duration, moment, ours
from weaklabel.gold.tools.writing import ToolFiles, free_names, json_lines, write_folder
from weaklabel.schema import LabelSchema

NAME = "label_studio"
CONTROL = "label"
"""Name of the control that holds the labels."""
CONFIG = "labeling.xml"
_ABOUT = "weaklabel_about"
_COMMENT = "comment"
_SPANS = ("labels", "hypertextlabels", "paragraphlabels")


def write(
    items: pl.DataFrame,
    *,
    schema: LabelSchema,
    folder: str | Path,
    id: str = "id",
    text: str = "text",
    fields: Sequence[str] = (),
    batch: str | None = None,
    guideline: str | None = None,
    suggestions: pl.DataFrame | None = None,
    assignment: pl.DataFrame | None = None,
    extras: Sequence[str] = ("none", "unsure"),
) -> ToolFiles:
    """Write tasks for Label Studio and the labeling configuration of their project.

    Parameters
    ----------
    items, schema, id, text, fields, batch, guideline, suggestions, assignment, extras
        As `outgoing` takes them. A suggestion becomes a prediction of the task.
    folder
        A new folder.

    Raises
    ------
    Problems
        Something is wrong with the items, or a label can't stand in XML.
    OutputError
        The folder is not empty or can't be written.

    Examples
    --------
    >>> import tempfile
    >>> items = pl.DataFrame({"id": ["a"], "text": ["hello"]})
    >>> out = write(items, schema=LabelSchema(["ham", "spam"]), folder=tempfile.mkdtemp())
    >>> out.files
    ('items.json', 'labeling.xml', 'README.md')
    """
    out = outgoing(
        items,
        schema=schema,
        id=id,
        text=text,
        fields=fields,
        batch=batch,
        guideline=guideline,
        suggestions=suggestions,
        assignment=assignment,
        extras=extras,
    )
    config = labeling_config(schema, extras=extras, about=bool(fields))
    texts = {f"{stem}.json": _tasks(rows) for stem, (_, rows) in out.files.items()}
    texts |= {CONFIG: config, "README.md": _readme(list(texts), suggestions is not None)}
    return write_folder(folder, texts, out.notes)


def labeling_config(
    schema: LabelSchema, *, extras: Sequence[str] = ("none", "unsure"), about: bool = False
) -> str:
    """Return the labeling configuration: the text, one choice (several for a multi-label schema), a comment.

    Parameters
    ----------
    schema
        The labels; descriptions are shown as hints.
    extras
        Choices beside the labels.
    about
        Whether further fields are shown under the text.

    Raises
    ------
    Problems
        A label's name has a character that XML can't hold.

    Examples
    --------
    >>> config = labeling_config(LabelSchema(["ham", "spam"]), extras=[])
    >>> '<Choice value="spam" />' in config, 'choice="single"' in config
    (True, True)
    """
    names = choices(schema, extras)
    odd = [name for name, _ in names if _xml_text(name) != name]
    if odd:
        what = "the label {!r} has a character that XML, and so Label Studio, can't hold"
        raise Problems("the labeling configuration", [GoldError(what.format(name)) for name in odd])
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Text", name="text", value="$text", valueType="text")
    if about:
        ElementTree.SubElement(view, "Text", name="about", value=f"${_ABOUT}", valueType="text")
    control = {
        "name": CONTROL,
        "toName": "text",
        "choice": "single" if schema.exclusive else "multiple",
        "required": "true" if "none" in extras else "false",
    }
    element = ElementTree.SubElement(view, "Choices", control)
    for name, hint in names:
        told = {"hint": " ".join(_xml_text(hint).split())} if hint else {}
        ElementTree.SubElement(element, "Choice", {"value": name, **told})
    comment = {"name": _COMMENT, "toName": "text", "placeholder": "A question or a comment", "rows": "2"}
    ElementTree.SubElement(view, "TextArea", comment)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def read(
    path: str | Path | Sequence[str | Path],
    *,
    schema: LabelSchema,
    batch: str | None = None,
    guideline: str | None = None,
    annotator: str | None = None,
    people: Mapping[str, str] | None = None,
    by_text: pl.DataFrame | None = None,
    control: str | None = None,
) -> ToolAnswers:
    """Read Label Studio's JSON export.

    Parameters
    ----------
    path
        A file, a folder of them, or several: the JSON export (not JSON-MIN or CSV, which lose people and skips), or
        what a target storage holds, one annotation a file.
    schema, batch, guideline, annotator, people, by_text
        As in `Asked`; a person is known by e-mail or number.
    control
        Name of the control that holds the labels; None: "label", or the only one there is.

    Returns
    -------
    ToolAnswers
        `was_cancelled` is a skip; an empty result is `none`; an annotation that began with a prediction, or a task
        that we sent with one, has `suggested`.

    Raises
    ------
    GoldError
        A file can't be read.
    Problems
        Labels, items or people that can't be found.

    Examples
    --------
    >>> import json, tempfile
    >>> task = {"id": 1, "data": {"weaklabel_id": "a", "text": "hello"}, "annotations": [
    ...     {"id": 5, "completed_by": {"id": 2, "email": "ann@x.org"}, "was_cancelled": True, "result": []}]}
    >>> file = Path(tempfile.mkdtemp()) / "export.json"
    >>> _ = file.write_text(json.dumps([task]))
    >>> read(file, schema=LabelSchema(["ham", "spam"])).frame.select("key", "item", "annotator", "kind").rows()
    [('label_studio:5', 'a', 'ann@x.org', 'skip')]
    """
    asked = Asked(schema, batch, guideline, annotator, people or {}, by_text)
    faults, left_out = Faults(), Counter[str]()
    tasks = [
        (record, _task(record, faults))
        for file in tool_files(path, (".json", ".jsonl", ".zip"))
        for record in _records(file)
    ]
    faults.stop("the answers from label_studio")
    wanted = _control([task for _, task in tasks], control)
    given = [one for record, task in tasks for one in _answers(record, task, wanted, left_out, faults)]
    return settle(NAME, given, asked, left_out, faults)


def _tasks(rows: Iterable[Row]) -> str:
    """Return tasks as a JSON list, one a line."""
    return "[\n" + json_lines(map(_written, rows)).rstrip("\n").replace("\n", ",\n") + "\n]\n"


def _written(row: Row) -> dict[str, Any]:
    data: dict[str, Any] = {"text": row.text, **free_names(row.fields, ("text", "id", _ABOUT)), **row.ours}
    if row.fields:
        data[_ABOUT] = "\n".join(f"{name}: {'' if v is None else v}" for name, v in row.fields.items())
    task: dict[str, Any] = {"data": data}
    if row.suggestion is not None:
        value = {"choices": list(row.suggestion)}
        region = {"from_name": CONTROL, "to_name": "text", "type": "choices", "value": value}
        task["predictions"] = [{"model_version": "weaklabel", "result": [region]}]
    return task


def _readme(files: Sequence[str], suggested: bool) -> str:
    shown = "In the project's annotation settings, let predictions prelabel the tasks. " if suggested else ""
    several = "One project for each file keeps people apart. " if len(files) > 1 else ""
    return (
        "# For Label Studio\n\n"
        f"1. Make a project. Settings, Labeling Interface, Code: paste `{CONFIG}`.\n"
        f"2. Import {', '.join(f'`{name}`' for name in files)}. {several}{shown}"
        "Names that begin with `weaklabel_` must stay as they are.\n"
        "3. Export as **JSON** (JSON-MIN and CSV lose who answered and what was skipped).\n"
    )


def _records(file: File) -> list[Record]:
    return READERS[file.suffix](file)


def _task(record: Record, faults: Faults) -> dict[str, Any]:
    """Return a task with its list of annotations, whatever form it has."""
    data = record.data
    if isinstance(data.get("task"), dict) and isinstance(data.get("result"), list):  # one annotation a file
        return {**data["task"], "annotations": [data]}
    found = data.get("annotations", data.get("completions"))
    if found is None and ("annotation_id" in data or "annotator" in data):
        hint = "export again as JSON"
        faults.add("this is JSON-MIN, which loses who answered and what was skipped", record.place, hint=hint)
    elif found is not None and not (isinstance(found, list) and all(isinstance(a, dict) for a in found)):
        hint = 'export with the whole annotations: "JSON"'
        faults.add("annotations are no list of objects", _place(record, data), hint=hint)
        return {}
    return {**data, "annotations": found or []}


def _place(record: Record, task: Mapping[str, Any]) -> str:
    number = task.get("id")
    return record.place if number is None else f"{record.place.partition(': ')[0]}: task {number}"


def _control(tasks: Iterable[Mapping[str, Any]], asked: str | None) -> str:
    """Return the name of the control that holds the labels."""
    found = {
        str(region.get("from_name"))
        for task in tasks
        for annotation in task["annotations"]
        for region in _regions(annotation)
        if region.get("type") in ("choices", "taxonomy")
    }
    if asked is not None:
        if found and asked not in found:
            raise GoldError(f"no control {asked!r} in the answers", available=sorted(found))
        return asked
    if CONTROL in found or not found:
        return CONTROL
    if len(found) > 1:
        hint = "say which one holds the labels: control="
        raise GoldError("there are several controls with choices", available=sorted(found), hint=hint)
    return next(iter(found))


def _regions(annotation: Mapping[str, Any]) -> list[dict[str, Any]]:
    result = annotation.get("result")
    return [region for region in result if isinstance(region, dict)] if isinstance(result, list) else []


def _answers(
    record: Record, task: Mapping[str, Any], control: str, left_out: Counter[str], faults: Faults
) -> Iterator[Given]:
    place = _place(record, task)
    data = task.get("data") if isinstance(task.get("data"), dict) else task
    drafts = task.get("drafts")
    left_out["drafts that were not submitted, left out"] += len(drafts) if isinstance(drafts, list) else 0
    if not task["annotations"]:
        left_out["tasks without an answer, left out"] += 1
    sent = carried(data)
    for annotation in task["annotations"]:
        labels, comment, spans = _chosen(annotation, control, left_out)
        cancelled = annotation.get("was_cancelled") is True
        if not cancelled and not isinstance(annotation.get("result"), list):
            faults.add("an annotation without a result", place)
            continue
        if spans and not labels and not cancelled:
            left_out["annotations with spans and no label, left out"] += 1
            continue
        try:
            at = moment(annotation.get("updated_at") or annotation.get("created_at"))
        except ValueError:
            faults.add(f"not a time: {annotation.get('updated_at') or annotation.get('created_at')!r}", place)
            continue
        number = annotation.get("unique_id") or annotation.get("id")  # numbers begin anew on every server
        yield Given(
            place,
            ours(data, ID),
            data.get("text") if isinstance(data, Mapping) and isinstance(data.get("text"), str) else None,
            _people(annotation.get("completed_by")),
            "skip" if cancelled else "label" if labels else "none",
            () if cancelled else labels,
            own=None if number is None else str(number),
            at=at,
            seconds=duration(annotation.get("lead_time")),
            guideline=sent["guideline"],
            batch=sent["batch"],
            **_suggested(annotation, task, sent, control),
            comment=comment,
        )


def _chosen(
    annotation: Mapping[str, Any], control: str, left_out: Counter[str]
) -> tuple[tuple[str, ...], str | None, bool]:
    """Return an annotation's labels, its comment, and whether it marks spans; what else it holds is counted."""
    labels: list[str] = []
    comments: list[str] = []
    spans = 0
    for region in _regions(annotation):
        kind, value = region.get("type"), region.get("value")
        value = value if isinstance(value, dict) else {}
        if kind == "choices" and region.get("from_name") == control:
            labels += _texts(value.get("choices"))
        elif kind == "taxonomy" and region.get("from_name") == control:
            paths = value.get("taxonomy")
            labels += [str(path[-1]) if isinstance(path, list) else str(path) for path in paths or [] if path]
        elif kind == "textarea":
            comments += _texts(value.get("text"))
        elif kind in _SPANS:
            spans += 1
        elif kind != "relation":
            left_out["answers to other questions of the project, left out"] += 1
    left_out["spans, left out (only labels of whole texts are read)"] += spans
    return tuple(labels), "\n".join(comments) or None, spans > 0


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value if each is not None]
    return [] if value is None else [str(value)]


def _people(completed_by: Any) -> tuple[str, ...]:
    """Return the names of a person: e-mail and number, whichever there are."""
    if isinstance(completed_by, dict):
        names = (completed_by.get(key) for key in ("email", "username", "id"))
        return tuple(str(name) for name in names if name not in (None, ""))
    return () if completed_by in (None, "") else (str(completed_by),)


def _suggested(
    annotation: Mapping[str, Any], task: Mapping[str, Any], sent: Mapping[str, Any], control: str
) -> dict[str, Any]:
    """Return whether an annotator saw a suggestion, and which.

    It is sure where the annotation began with a prediction or another person's annotation, or where we sent one.
    Predictions that may have been hidden leave it open.
    """
    if sent["suggestion"] is not None:
        return {"suggested": True, "suggestion": sent["suggestion"]}
    predictions = [p for p in task.get("predictions") or () if isinstance(p, dict)]
    for parent, among in (
        ("parent_prediction", predictions),
        ("parent_annotation", task["annotations"]),
    ):
        if annotation.get(parent) is not None:
            origin = [one for one in among if one.get("id") == annotation[parent]]
            shown = origin[0] if origin else annotation.get("prediction")
            return {"suggested": True, "suggestion": _labels_of(shown, control)}
    shown = annotation.get("prediction")
    if isinstance(shown, dict) and shown.get("result"):
        return {"suggested": True, "suggestion": _labels_of(shown, control)}
    if task.get("predictions") or task.get("total_predictions"):
        return {"suggested": None, "suggestion": None}
    known = sent["suggested"] is False or "predictions" in task or "parent_prediction" in annotation
    return {"suggested": False if known else None, "suggestion": None}


def _labels_of(shown: Any, control: str) -> tuple[str, ...] | None:
    if not isinstance(shown, dict) or not isinstance(shown.get("result"), list):
        return None
    return _chosen(shown, control, Counter())[0]


def _xml_text(text: str) -> str:
    """Return text without what XML 1.0 can't hold."""
    return "".join(
        c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )
