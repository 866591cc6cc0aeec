"""The label table of a multi-label task: Parquet always, and on request the forms that trainers and tools read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars import selectors as cs

from weaklabel.errors import ConfigError, CorpusError, SchemaError, did_you_mean, some
from weaklabel.export.files import sync, writing
from weaklabel.export.tag_lists import marks
from weaklabel.schema import LabelSchema

TAG_FORMATS = ("jsonl", "csv", "multi_hot", "huggingface", "spacy", "label_studio", "doccano", "prodigy")
"""What `write_tags` writes beside labels.parquet."""
NEED_TEXT = ("spacy", "label_studio", "doccano", "prodigy")
"""Formats that can't be without the texts."""
TAKE_TEXT = ("huggingface", *NEED_TEXT)
"""Formats that hold the texts where they are given."""
_PREFIX = "tag_"


def tag_columns(schema: LabelSchema) -> tuple[str, ...]:
    """Return the names of the columns of `multi_hot`, in schema order.

    Examples
    --------
    >>> tag_columns(LabelSchema(["ai", "web"], exclusive=False))
    ('tag_ai', 'tag_web')
    """
    return tuple(f"{_PREFIX}{name}" for name in schema.names)


def multi_hot(labels: pl.DataFrame, schema: LabelSchema, *, unknown: int | None = 0) -> pl.DataFrame:
    """Return a label table with a column per tag, 1 given and 0 not, in place of its lists.

    Parameters
    ----------
    labels
        A table with the columns of `schema.TAG_COLUMNS`.
    schema
        The tags, in the order of the columns.
    unknown
        What stands at a tag that is no candidate of a row, on which nothing spoke for it: 0, or None for null. A row
        without votes has nulls throughout.

    Examples
    --------
    >>> labels = pl.DataFrame({
    ...     "id": ["a", "b"], "labels": [["web"], []], "status": ["labeled", "uncovered"],
    ...     "candidates": [["web"], []], "probabilities": [[0.9], []],
    ... })
    >>> multi_hot(labels, LabelSchema(["ai", "web"], exclusive=False)).rows()
    [('a', 'labeled', 0, 1), ('b', 'uncovered', None, None)]
    """
    given = marks(labels["labels"], schema)
    known = None if unknown == 0 else marks(labels["candidates"], schema) | given
    covered = (labels["status"] != "uncovered").to_numpy()

    def column(j: int, name: str) -> pl.Series:
        told = covered if known is None else covered & known[:, j]
        frame = pl.DataFrame({"given": given[:, j].astype(np.int8), "told": told})
        return frame.select(pl.when("told").then("given").alias(name)).to_series()

    columns = [column(j, name) for j, name in enumerate(tag_columns(schema))]
    return labels.select(~cs.list()).with_columns(columns)


def write_tags(
    labels: pl.DataFrame,
    folder: str | Path,
    *,
    schema: LabelSchema,
    formats: Iterable[str] = (),
    rows: pl.DataFrame | pl.LazyFrame | None = None,
    text: str = "text",
    pipeline: str = "blank:xx",
) -> list[Path]:
    """Write the label table of a multi-label task as labels.parquet, and in other formats, into a folder.

    Parameters
    ----------
    labels
        A table with the columns of `schema.TAG_COLUMNS`.
    folder
        An existing folder.
    schema
        The tags.
    formats
        Of `TAG_FORMATS`:
        "jsonl": the table as it is, lists as lists.
        "csv": a column per tag, as `multi_hot` gives it; "multi_hot": the same as Parquet.
        "huggingface": Parquet that the library `datasets` reads with its features, `labels` a `Sequence(ClassLabel)`.
        "spacy": a DocBin for `textcat_multilabel`; a candidate is 1.0 or 0.0, any other tag is left out of `cats`,
        which spaCy reads as unknown; rows without candidates are left out.
        "label_studio": tasks with predictions, and a configuration with the tags as a `<Taxonomy>`.
        "doccano": texts with labels, and the settings of the labels.
        "prodigy": examples of the choice interface, with the candidates as options; rows without are left out.
    rows
        `id` and the texts; needed for all but the first three, where "huggingface" then goes without texts.
    text
        Column of the texts.
    pipeline
        spaCy pipeline that cuts texts into tokens, for "spacy".

    Returns
    -------
    list of Path
        The files written, fsynced.

    Raises
    ------
    ConfigError
        A format is unknown, or needs texts and there are none.
    CorpusError
        An id has no text.
    SchemaError
        The schema is exclusive.
    OutputError
        A file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.schema import TAG_COLUMNS
    >>> row = ("a", ["web"], "labeled", ["ai", "web"], [0.25, 0.75], 2, 0, "run-1")
    >>> labels = pl.DataFrame([row], schema=TAG_COLUMNS, orient="row")
    >>> schema = LabelSchema(["ai", "web"], exclusive=False)
    >>> files = write_tags(labels, tempfile.mkdtemp(), schema=schema, formats=["csv", "doccano"],
    ...                    rows=pl.DataFrame({"id": ["a"], "text": ["A new site"]}))
    >>> [path.name for path in files]
    ['labels.parquet', 'labels.csv', 'labels.doccano.jsonl', 'labels.doccano.json']
    """
    if schema.exclusive:
        raise SchemaError(
            "`write_tags` is for a multi-label schema", hint="`write_labels` is for an exclusive one"
        )
    wanted = list(dict.fromkeys(formats))
    writers = _writers()
    for name in wanted:
        if name not in writers:
            raise ConfigError(
                f"no export format {name!r}", available=writers, hint=did_you_mean(name, writers)
            )
        if name in NEED_TEXT and rows is None:
            raise ConfigError(f"the export format {name!r} needs the texts", hint="give rows=: id and text")
    told = labels
    if rows is not None and set(TAKE_TEXT) & set(wanted):
        told = with_text(labels, rows, text)
    options = {"pipeline": pipeline}
    written = []
    for name in ("parquet", *(name for name in wanted if name != "parquet")):
        for ending, write in writers[name].items():
            path = Path(folder) / f"labels.{ending}"
            with writing(path):
                write(told if name in TAKE_TEXT else labels, path, schema, options)
                sync(path)
            written.append(path)
    return written


def with_text(labels: pl.DataFrame, rows: pl.DataFrame | pl.LazyFrame, text: str) -> pl.DataFrame:
    """Return a label table with the texts of its rows in a column `text`.

    Raises
    ------
    ConfigError
        There is no such column.
    CorpusError
        An id is not in `rows`, or stands there twice.

    Examples
    --------
    >>> labels = pl.DataFrame({"id": ["a"], "labels": [["web"]]})
    >>> with_text(labels, pl.DataFrame({"id": ["b", "a"], "body": ["B", "A"]}), "body").rows()
    [('a', ['web'], 'A')]
    """
    lazy = rows.lazy()
    columns = lazy.collect_schema().names()
    for name in ("id", text):
        if name not in columns:
            hint = did_you_mean(name, columns)
            raise ConfigError(f"no column {name!r} in the rows to export", available=columns, hint=hint)
    ids = pl.LazyFrame({"id": labels["id"]}, schema={"id": pl.String})
    found = (
        lazy.select(pl.col("id").cast(pl.String), pl.col(text).cast(pl.String).fill_null("").alias("text"))
        .join(ids, on="id", how="semi")
        .collect()
    )
    doubled = found.filter(found["id"].is_duplicated())["id"].unique().sort()
    if doubled.len():
        raise CorpusError(f"ids that stand twice in the rows to export: {some(doubled)}")
    missing = ids.collect().join(found, on="id", how="anti")["id"]
    if missing.len():
        raise CorpusError(f"ids of the label table that have no text: {some(missing)}")
    return labels.drop("text", strict=False).join(found, on="id", how="left", maintain_order="left")


Write = Callable[[pl.DataFrame, Path, LabelSchema, Mapping[str, Any]], None]


def _writers() -> dict[str, dict[str, Write]]:
    """Return for each format the endings of its files, and what writes them."""
    from weaklabel.export import hugging_face, spacy_docs, tools

    return {
        "parquet": {"parquet": _parquet},
        "jsonl": {"jsonl": _jsonl},
        "csv": {"csv": _csv},
        "multi_hot": {"multi_hot.parquet": _multi_hot},
        "huggingface": {"huggingface.parquet": hugging_face.write},
        "spacy": {"spacy": spacy_docs.write},
        "label_studio": {
            "label_studio.json": tools.label_studio_tasks,
            "label_studio.xml": tools.label_studio_config,
        },
        "doccano": {"doccano.jsonl": tools.doccano, "doccano.json": tools.doccano_config},
        "prodigy": {"prodigy.jsonl": tools.prodigy},
    }


def _parquet(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    labels.write_parquet(path)


def _jsonl(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    labels.write_ndjson(path)


def _csv(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    multi_hot(labels, schema).write_csv(path)


def _multi_hot(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    multi_hot(labels, schema).write_parquet(path)
