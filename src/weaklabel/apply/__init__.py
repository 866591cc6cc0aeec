"""Applying rules: each kind has its lane, and a lane runs all its rules together over a batch."""

from weaklabel.apply.applier import LFApplier
from weaklabel.apply.examples import check_examples
from weaklabel.apply.limits import Limits

__all__ = ["LFApplier", "Limits", "check_examples"]
