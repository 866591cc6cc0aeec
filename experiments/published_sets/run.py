"""Label four public sets with majority vote, the default model and Snorkel's, and print one table.

Usage: python experiments/published_sets/run.py [youtube sms trec agnews]
"""

import os
import sys
from pathlib import Path

from weaklabel import config, pipeline
from weaklabel.errors import WeakLabelError

PROJECT = Path(__file__).resolve().parents[2]
SETS = ("youtube", "sms", "trec", "agnews")
MODELS = ("majority_vote", "event_bayes", "dawid_skene", "snorkel")
METRICS = ("accuracy", "macro_f1", "log_loss", "brier", "ece")


def main(names):
    """Run every set with every model and print the table."""
    if not os.environ.get("WEAKLABEL_DATA"):
        sys.exit(
            "WEAKLABEL_DATA is not set: it names the folder with the public data sets; see experiments/README.md"
        )
    print("| set | rules | gold rows scored | coverage | model | " + " | ".join(METRICS) + " |")
    print("|---" * (5 + len(METRICS)) + "|")
    for name in names:
        for model in MODELS:
            result = run(name, model)
            print(row(name, model, result, result.scores[model]), flush=True)
        print(
            row(
                name,
                "plain classifier on votes and gold, cross-validated",
                result,
                result.scores["vote_classifier"],
            )
        )


def run(name, model):
    """Run one set with one model, without MLflow."""
    words = [f"experiment={name}", f"label_model={model}", "tracking=none", "plots=false"]
    try:
        return pipeline.run(config.load(PROJECT, words), project=PROJECT)
    except WeakLabelError as error:
        sys.exit(str(error))


def row(name, model, result, score):
    """Return one line of the table: estimates with their 95 % intervals."""
    cells = [name, str(result.rules.height), str(score.n_gold), f"{score.coverage:.3f}", model]
    for metric in METRICS:
        estimate = score.metrics.get(metric)
        known = estimate is not None and estimate.value is not None
        cells.append(f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})" if known else "–")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main(sys.argv[1:] or SETS)
