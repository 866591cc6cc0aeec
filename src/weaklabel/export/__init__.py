"""Label tables out: files of one form each, and what a training run asks for beside them."""

from weaklabel.export.files import sync, write_parquet, write_text, writing
from weaklabel.export.labels import probability_columns, spread, write_labels
from weaklabel.export.tags import TAG_FORMATS, multi_hot, tag_columns, write_tags
from weaklabel.export.weights import with_weights

__all__ = [
    "TAG_FORMATS",
    "multi_hot",
    "probability_columns",
    "spread",
    "sync",
    "tag_columns",
    "with_weights",
    "write_labels",
    "write_parquet",
    "write_tags",
    "write_text",
    "writing",
]
