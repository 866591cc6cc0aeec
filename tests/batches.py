"""Batches made of one column, for tests of what runs within a batch."""

import polars as pl

from weaklabel.apply.asking import Asking
from weaklabel.apply.batch import Batch, Faults


def asked(column):
    """Return a column of texts, and what asks regexes about it."""
    ids = pl.Series(range(len(column)), dtype=pl.String)
    return column, Asking(Batch(pl.DataFrame({"text": column}), ids, Faults()))
