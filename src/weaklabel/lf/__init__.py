"""Labeling functions: one frozen class per kind of rule, the makers, and the registry that gathers them."""

from weaklabel.lf.base import LabelingFunction, Source
from weaklabel.lf.feature import Feature, feature
from weaklabel.lf.keywords import Keywords, keywords
from weaklabel.lf.lookup import Lookup, lookup
from weaklabel.lf.python import PythonFunction, labeling_function
from weaklabel.lf.regex import Regex, regex
from weaklabel.lf.registry import LFRegistry
from weaklabel.lf.score import Score, score, score_bins
from weaklabel.lf.snorkel import SnorkelFunction, from_snorkel
from weaklabel.lf.spacy_pattern import SpacyPattern, spacy_pattern
from weaklabel.lf.taxonomy import rules_from_taxonomy
from weaklabel.lf.where import Where, where
from weaklabel.lf.yaml_pack import load_pack

__all__ = [
    "Feature",
    "Keywords",
    "LFRegistry",
    "LabelingFunction",
    "Lookup",
    "PythonFunction",
    "Regex",
    "Score",
    "SnorkelFunction",
    "Source",
    "SpacyPattern",
    "Where",
    "feature",
    "from_snorkel",
    "keywords",
    "labeling_function",
    "load_pack",
    "lookup",
    "regex",
    "rules_from_taxonomy",
    "score",
    "score_bins",
    "spacy_pattern",
    "where",
]
