"""Tasks whose rows may have several labels: votes for and against tags, their models, and what these answer."""

from weaklabel.tags.events import TagEvents
from weaklabel.tags.gold import GoldTags, read_gold
from weaklabel.tags.loading import MODELS, load
from weaklabel.tags.majority import TagMajority
from weaklabel.tags.model import TagModel
from weaklabel.tags.saved import outcome
from weaklabel.tags.scores import TagScores
from weaklabel.tags.summary import rule_summary
from weaklabel.tags.votes import TagVotes

__all__ = [
    "MODELS",
    "GoldTags",
    "TagEvents",
    "TagMajority",
    "TagModel",
    "TagScores",
    "TagVotes",
    "load",
    "outcome",
    "read_gold",
    "rule_summary",
]
