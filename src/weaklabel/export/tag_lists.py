"""Lists of tags as numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from weaklabel.schema import LabelSchema


def marks(lists: pl.Series, schema: LabelSchema) -> np.ndarray:
    """Return where a list holds a tag, bool (n, k).

    Examples
    --------
    >>> marks(pl.Series([["web"], None]), LabelSchema(["ai", "web"], exclusive=False)).tolist()
    [[False, True], [False, False]]
    """
    found = np.zeros((len(lists), len(schema)), dtype=bool)
    pairs = (
        pl.DataFrame({"row": np.arange(len(lists)), "tag": lists.cast(pl.List(pl.String))})
        .explode("tag")
        .drop_nulls()
    )
    codes = {name: schema.code(name) for name in pairs["tag"].unique()}
    found[pairs["row"].to_numpy(), np.array([codes[name] for name in pairs["tag"]], dtype=np.int64)] = True
    return found


def positions(lists: pl.Series, schema: LabelSchema) -> pl.Series:
    """Return lists of the tags' places in the schema in place of their names.

    Examples
    --------
    >>> positions(pl.Series([["web", "ai"], []]), LabelSchema(["ai", "web"], exclusive=False)).to_list()
    [[1, 0], []]
    """
    codes = {name: schema.code(name) for name in lists.explode().unique().drop_nulls()}
    place = pl.element().replace_strict(codes, return_dtype=pl.Int64)
    return lists.cast(pl.List(pl.String)).to_frame().select(pl.all().list.eval(place)).to_series()
