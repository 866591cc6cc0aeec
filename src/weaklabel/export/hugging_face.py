"""Parquet that Hugging Face's `datasets` reads with its features: they stand in the metadata of the file's schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.export.tag_lists import positions
from weaklabel.schema import LabelSchema

KEY = b"huggingface"
"""Under it `datasets` looks for the features."""
_COLUMNS = ("id", "text", "labels", "candidates", "probabilities")


def features(schema: LabelSchema, columns: Iterable[str]) -> dict[str, Any]:
    """Return the features of some of the columns id, text, labels, candidates, probabilities, as `datasets` keeps them.

    Examples
    --------
    >>> features(LabelSchema(["ai", "web"], exclusive=False), ["labels"])
    {'labels': {'feature': {'names': ['ai', 'web'], '_type': 'ClassLabel'}, '_type': 'Sequence'}}
    """
    text = {"dtype": "large_string", "_type": "Value"}
    tags = {"feature": {"names": list(schema.names), "_type": "ClassLabel"}, "_type": "Sequence"}
    numbers = {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"}
    known = {"id": text, "text": text, "labels": tags, "candidates": tags, "probabilities": numbers}
    return {name: known[name] for name in columns}


def write(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    """Write id, text where there is one, tags and candidates as numbers, probabilities; null tags without votes."""
    import pyarrow
    import pyarrow.parquet

    silent = pl.col("status") == "uncovered"
    wanted = [name for name in _COLUMNS if name in labels.columns]
    table = labels.with_columns(
        positions(labels["labels"], schema), positions(labels["candidates"], schema)
    ).select(pl.when(~silent).then(name).alias(name) if name == "labels" else pl.col(name) for name in wanted)
    arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest())
    lists = {"labels": pyarrow.int64(), "candidates": pyarrow.int64(), "probabilities": pyarrow.float32()}
    arrow = arrow.cast(  # a column that isn't of its feature's own type is read without the feature
        pyarrow.schema(
            (name, pyarrow.list_(lists[name]) if name in lists else pyarrow.large_string()) for name in wanted
        )
    )
    told = {"info": {"features": features(schema, wanted)}}
    arrow = arrow.replace_schema_metadata({KEY: json.dumps(told, ensure_ascii=False).encode()})
    pyarrow.parquet.write_table(arrow, path)
