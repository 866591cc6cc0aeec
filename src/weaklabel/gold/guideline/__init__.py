"""Guidelines: documents that tell people how to label, their versions, and what a change of them puts in doubt."""

from weaklabel.gold.guideline.cases import add_case
from weaklabel.gold.guideline.changes import Change, Changes, diff
from weaklabel.gold.guideline.document import Entry, Guideline, Section, load_guideline, parse
from weaklabel.gold.guideline.examples import build
from weaklabel.gold.guideline.review import Affected, affected, due, linked

__all__ = [
    "Affected",
    "Change",
    "Changes",
    "Entry",
    "Guideline",
    "Section",
    "add_case",
    "affected",
    "build",
    "diff",
    "due",
    "linked",
    "load_guideline",
    "parse",
]
