"""Labels against gold: metrics with coverage and intervals, and the plain classifier to beat."""

from weaklabel.evaluate.classifier import vote_classifier
from weaklabel.evaluate.evaluation import Evaluation, accuracy_difference, evaluate, flat_metrics

__all__ = ["Evaluation", "accuracy_difference", "evaluate", "flat_metrics", "vote_classifier"]
