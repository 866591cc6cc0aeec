"""Labels against gold: metrics with coverage and intervals, and the plain classifier to beat."""

from weaklabel.evaluate.classifier import vote_classifier
from weaklabel.evaluate.evaluation import Evaluation, accuracy_difference, evaluate, flat_metrics
from weaklabel.evaluate.tags import TagEvaluation, evaluate_tags, tag_difference

__all__ = [
    "Evaluation",
    "TagEvaluation",
    "accuracy_difference",
    "evaluate",
    "evaluate_tags",
    "flat_metrics",
    "tag_difference",
    "vote_classifier",
]
