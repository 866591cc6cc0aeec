"""The life of a taxonomy: what changed between two schemas, and what that does to votes, gold and labels."""

from weaklabel.taxonomy.carrying import Carried, carry_gold
from weaklabel.taxonomy.differences import Change, SchemaDiff, schema_diff
from weaklabel.taxonomy.mapping import LabelMap, read_map
from weaklabel.taxonomy.recoding import carry_votes
from weaklabel.taxonomy.tables import carry_labels

__all__ = [
    "Carried",
    "Change",
    "LabelMap",
    "SchemaDiff",
    "carry_gold",
    "carry_labels",
    "carry_votes",
    "read_map",
    "schema_diff",
]
