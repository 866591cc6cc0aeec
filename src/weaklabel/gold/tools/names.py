"""Names under which our own data travels through a tool, and choices that are no labels."""

ID = "weaklabel_id"
BATCH = "weaklabel_batch"
GUIDELINE = "weaklabel_guideline"
ANNOTATOR = "weaklabel_annotator"
SUGGESTION = "weaklabel_suggestion"
OURS = (ID, BATCH, GUIDELINE, ANNOTATOR, SUGGESTION)
"""Names under which our own data travels in every tool, so that none of the tool's own names can overwrite it."""
NONE = "none of these"
UNSURE = "unsure"
EXTRAS = {"none": NONE, "unsure": UNSURE}
"""Choices that a tool offers beside the labels: kind of answer -> what the annotator reads."""
