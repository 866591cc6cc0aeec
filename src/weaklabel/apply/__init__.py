"""Applying rules: each kind has its lane, and a lane runs all its rules together over a batch."""

from weaklabel.apply.applier import LFApplier
from weaklabel.apply.examples import check_examples

__all__ = ["LFApplier", "check_examples"]
