"""The label table of an exclusive task: Parquet always, JSONL and CSV on request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl

from weaklabel.errors import ConfigError, did_you_mean
from weaklabel.export.files import sync, writing
from weaklabel.schema import LabelSchema


def probability_columns(schema: LabelSchema) -> tuple[str, ...]:
    """Return the names of the columns that hold one probability each, in schema order.

    Examples
    --------
    >>> probability_columns(LabelSchema(["ham", "spam"]))
    ('p_ham', 'p_spam')
    """
    return tuple(f"p_{name}" for name in schema.names)


def spread(labels: pl.DataFrame, schema: LabelSchema) -> pl.DataFrame:
    """Return a label table with one column per class in place of the list of probabilities.

    Examples
    --------
    >>> labels = pl.DataFrame({"id": ["a", "b"], "probabilities": [[0.25, 0.75], None]})
    >>> spread(labels, LabelSchema(["ham", "spam"])).rows()
    [('a', 0.25, 0.75), ('b', None, None)]
    """
    columns = [
        pl.col("probabilities").list.get(i, null_on_oob=True).alias(name)
        for i, name in enumerate(probability_columns(schema))
    ]
    return labels.with_columns(columns).drop("probabilities")


def write_labels(
    labels: pl.DataFrame, folder: str | Path, *, schema: LabelSchema, formats: Iterable[str] = ()
) -> list[Path]:
    """Write a label table as labels.parquet, and in other formats, into a folder.

    Parameters
    ----------
    labels
        A table with the columns of `schema.LABEL_COLUMNS`.
    folder
        An existing folder.
    schema
        Gives the probabilities their names.
    formats
        Of "jsonl" (probabilities as one object per row) and "csv" (one column per class).

    Returns
    -------
    list of Path
        The files written, fsynced.

    Raises
    ------
    ConfigError
        A format is unknown.
    OutputError
        A file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.schema import LABEL_COLUMNS
    >>> row = ("a", "spam", "labeled", [0.25, 0.75], 2, 0, "run-1")
    >>> labels = pl.DataFrame([row], schema=LABEL_COLUMNS, orient="row")
    >>> files = write_labels(labels, tempfile.mkdtemp(), schema=LabelSchema(["ham", "spam"]), formats=["csv"])
    >>> [path.name for path in files]
    ['labels.parquet', 'labels.csv']
    """
    folder = Path(folder)
    written = []
    for name in ("parquet", *dict.fromkeys(formats)):
        if name not in _WRITERS:
            raise ConfigError(
                f"no export format {name!r}", available=_WRITERS, hint=did_you_mean(name, _WRITERS)
            )
        path = folder / f"labels.{name}"
        with writing(path):
            _WRITERS[name](labels, path, schema)
            sync(path)
        written.append(path)
    return written


def _parquet(labels: pl.DataFrame, path: Path, schema: LabelSchema) -> None:
    labels.write_parquet(path)


def _csv(labels: pl.DataFrame, path: Path, schema: LabelSchema) -> None:
    spread(labels, schema).write_csv(path)


def _jsonl(labels: pl.DataFrame, path: Path, schema: LabelSchema) -> None:
    names = schema.names
    struct = pl.col("probabilities").list.to_struct(fields=list(names))
    known = pl.when(pl.col("probabilities").is_not_null()).then(struct)
    labels.with_columns(probabilities=known).write_ndjson(path)


_WRITERS: dict[str, Callable[[pl.DataFrame, Path, LabelSchema], None]] = {
    "parquet": _parquet,
    "jsonl": _jsonl,
    "csv": _csv,
}
