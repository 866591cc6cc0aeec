"""Seeing what rules do: try one, look at all, find their mistakes, and words that none of them knows."""

from weaklabel.explore.ambiguous import SpellingLine, Spellings, ambiguous_aliases
from weaklabel.explore.ballots import Ballots, StoppedError
from weaklabel.explore.contribution import Contribution, contributions
from weaklabel.explore.dependence import Dependence, Effect, dependence_report
from weaklabel.explore.first import FirstLook, first_look, try_rule
from weaklabel.explore.mistaken import Mistake, Mistakes, mistakes
from weaklabel.explore.near import near_misses
from weaklabel.explore.overviews import Overview, RuleLine, overview
from weaklabel.explore.places import excerpt, spans
from weaklabel.explore.regions import Region
from weaklabel.explore.suggested import Suggestion, Suggestions
from weaklabel.explore.suggestions import suggest
from weaklabel.explore.trial import Change, Trial, changes
from weaklabel.explore.view import View

__all__ = [
    "Ballots",
    "Change",
    "Contribution",
    "Dependence",
    "Effect",
    "FirstLook",
    "Mistake",
    "Mistakes",
    "Overview",
    "Region",
    "RuleLine",
    "SpellingLine",
    "Spellings",
    "StoppedError",
    "Suggestion",
    "Suggestions",
    "Trial",
    "View",
    "ambiguous_aliases",
    "changes",
    "contributions",
    "dependence_report",
    "excerpt",
    "first_look",
    "mistakes",
    "near_misses",
    "overview",
    "spans",
    "suggest",
    "try_rule",
]
