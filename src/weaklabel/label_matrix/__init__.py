"""Votes of rules and of people: one matrix in two layouts, its distinct rows, and a summary of its labelers."""

from weaklabel.label_matrix.gold import gold_table, gold_weights
from weaklabel.label_matrix.matrix import LabelMatrix, as_patterns, as_rows
from weaklabel.label_matrix.outcomes import Alphabet, Sets, checked_outcomes
from weaklabel.label_matrix.patterns import Events, VotePatterns, vote_array
from weaklabel.label_matrix.summary import conflicted, lf_summary

__all__ = [
    "Alphabet",
    "Events",
    "LabelMatrix",
    "Sets",
    "VotePatterns",
    "as_patterns",
    "as_rows",
    "checked_outcomes",
    "conflicted",
    "gold_table",
    "gold_weights",
    "lf_summary",
    "vote_array",
]
