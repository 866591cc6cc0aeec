"""Plots of rules, labels and corpora as PNG files: one style, colours that everybody can tell apart."""

from weaklabel.report.corpus import plot_corpus
from weaklabel.report.labels import (
    plot_confusion,
    plot_probabilities,
    plot_reliability,
    plot_rules,
    plot_run,
)

__all__ = [
    "plot_confusion",
    "plot_corpus",
    "plot_probabilities",
    "plot_reliability",
    "plot_rules",
    "plot_run",
]
