"""weaklabel: rules, people and gold combined into labels, with how good they are.

The public names. What is heavy is imported on first use: this import loads Polars, NumPy and PyYAML, and nothing larger.

Examples
--------
>>> import polars as pl
>>> import weaklabel as wl
>>> schema = wl.LabelSchema(["ham", "spam"])
>>> rules = [wl.regex("has_link", r"https?://", label="spam"), wl.keywords("thanks", ["thanks"], label="ham")]
>>> registry = wl.LFRegistry(rules, schema=schema)
>>> frame = pl.DataFrame({"id": ["a", "b"], "text": ["see http://x.org", "Thanks!"]})
>>> wl.LFApplier(registry).apply(frame).to_numpy().tolist()
[[1, -1], [-1, 0]]
"""

from __future__ import annotations

from weaklabel import label_model
from weaklabel.apply import LFApplier, check_examples
from weaklabel.corpus import Corpus
from weaklabel.errors import (
    ConfigError,
    CorpusError,
    GoldError,
    ModelError,
    OutputError,
    Problems,
    RuleError,
    RuleFault,
    SchemaError,
    VotesError,
    WeakLabelError,
)
from weaklabel.evaluate import Evaluation, evaluate
from weaklabel.label_matrix import LabelMatrix, VotePatterns, lf_summary
from weaklabel.lf import (
    LabelingFunction,
    LFRegistry,
    feature,
    from_snorkel,
    keywords,
    labeling_function,
    load_pack,
    lookup,
    regex,
    rules_from_taxonomy,
    score,
    score_bins,
    spacy_pattern,
    where,
)
from weaklabel.schema import ABSTAIN, MISSING, Label, LabelSchema, Outcome, any_of, none_of

__version__ = "0.1.0"

__all__ = [
    "ABSTAIN",
    "MISSING",
    "ConfigError",
    "Corpus",
    "CorpusError",
    "Evaluation",
    "GoldError",
    "LFApplier",
    "LFRegistry",
    "Label",
    "LabelMatrix",
    "LabelSchema",
    "LabelingFunction",
    "ModelError",
    "Outcome",
    "OutputError",
    "Problems",
    "RuleError",
    "RuleFault",
    "SchemaError",
    "VotePatterns",
    "VotesError",
    "WeakLabelError",
    "any_of",
    "check_examples",
    "evaluate",
    "feature",
    "from_snorkel",
    "keywords",
    "label_model",
    "labeling_function",
    "lf_summary",
    "load_pack",
    "lookup",
    "none_of",
    "regex",
    "rules_from_taxonomy",
    "score",
    "score_bins",
    "spacy_pattern",
    "where",
]
