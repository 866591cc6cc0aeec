"""Labels against gold: metrics with coverage and intervals, and the plain classifier to beat."""

from weaklabel.evaluate.classifier import vote_classifier
from weaklabel.evaluate.evaluation import Evaluation, accuracy_difference, evaluate

__all__ = ["Evaluation", "accuracy_difference", "evaluate", "vote_classifier"]
