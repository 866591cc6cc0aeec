"""What a person sees after a run of a task whose rows may have several labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from weaklabel.console import (
    command,
    counted,
    grid,
    interval,
    print_ending,
    print_run_rules,
    print_table,
    status_line,
    worst_rules,
)
from weaklabel.stats import Estimate

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.evaluate.tags import TagEvaluation
    from weaklabel.pipeline.tagging.result import TagRunResult

_FILES = ("labels.parquet", "tags.parquet", "rules.parquet", "evaluation.json")
MOST = 5
"""Tags that are shown of each sort."""
SEEN = 10
"""A tag with fewer gold rows is called neither good nor bad."""


def print_tag_summary(result: TagRunResult, project: Path, out: Console) -> None:
    """Print what a person wants to know after a run of tags, to be read in ten seconds."""
    sizes = ", ".join(
        [
            counted(result.rows, "row"),
            counted(result.rules.height, "rule"),
            counted(len(result.schema), "tag"),
        ]
    )
    out.print(f"{result.task}: {sizes}, {result.model}, {result.seconds:.1f} s\n", style="bold")
    used = result.tags.filter(pl.col("given") > 0).height
    facts = grid()
    facts.add_row("labels", status_line(result))
    facts.add_row(
        "tags", f"{result.cardinality:.1f} a row; {used:,} of {len(result.schema):,} are given to some row"
    )
    facts.add_row(
        "votes",
        f"{result.coverage:.1%} of the rows have one, {result.overlaps:.1%} have several, "
        f"on {result.conflicts:.1%} one denies what another names",
    )
    out.print(facts)
    out.print()
    if any(score.n_gold for score in result.scores.values()):
        _print_scores(result, out)
    _print_tags(result, out)
    print_run_rules(result, out)
    print_ending(result, project, out, files=_FILES, following=suggestions(result))


def suggestions(result: TagRunResult) -> list[tuple[str, ...]]:
    """Return what to try next, at most three things, the most useful first."""
    found: list[tuple[str, ...]] = []
    if not any(score.n_gold for score in result.scores.values()):
        found.append(
            (
                "tag 100 random rows by hand and name the table as task.gold.path:",
                "then you know how good these are",
            )
        )
    worst = [line for line in worst_rules(result) if line["Acc. High"] < 0.6 and not line["muted"]]
    if worst:
        found.append((f"look at the rule {worst[0]['labeler']}", f"({worst[0]['where']}): it is often wrong"))
    missed = _missed(result)
    if missed:
        found.append((f"write rules for {missed[0]['tag']}:", "most rows that gold gives it are missed"))
    uncovered = result.statuses.get("uncovered", 0)
    if uncovered > 0.05 * result.rows:
        found.append(
            (f"write rules for the {uncovered:,} rows without votes", "(status uncovered in labels.parquet)")
        )
    found.append((f"{command()} run -m label_model=majority_vote,default", "compares the models"))
    return found[:3]


def _missed(result: TagRunResult) -> list[dict[str, Any]]:
    """Return the tags of which most gold rows are missed, the largest first."""
    score = result.scores.get(result.model)
    if score is None:
        return []
    low = score.per_tag.filter((pl.col("n_gold") >= SEEN) & (pl.col("recall_high") < 0.5))
    return low.sort("n_gold", "tag", descending=[True, False]).to_dicts()


def _print_scores(result: TagRunResult, out: Console) -> None:
    header = [
        "against gold",
        "micro F1",
        "macro F1",
        "precision",
        "recall",
        "by row",
        "coverage",
        "gold rows",
    ]
    rows = [_score_row(name, score) for name, score in result.scores.items()]
    print_table(out, header, rows, drop=("gold rows", "by row", "coverage"))
    difference = result.difference.get("micro_f1")
    if difference is not None:
        out.print(_verdict(result.model, difference), soft_wrap=True)
    slices = result.scores[result.model].slices
    if slices:
        told = [
            f"{name} {_number(score.metrics['micro_f1'])} n={score.n_gold:,}"
            for name, score in slices.items()
        ]
        out.print(f"micro F1 by slice: {', '.join(told)} (intervals in evaluation.json)", soft_wrap=True)
    out.print()


def _score_row(name: str, score: TagEvaluation) -> list[str]:
    metrics = score.metrics
    return [
        name,
        interval(metrics["micro_f1"]),
        _number(metrics["macro_f1"]),
        _number(metrics["micro_precision"]),
        _number(metrics["micro_recall"]),
        _number(metrics["sample_f1"]),
        f"{score.coverage:.1%}" if score.coverage is not None else "-",
        f"{score.n_gold:,}",
    ]


def _verdict(model: str, difference: Estimate) -> str:
    if difference.value is None or difference.low is None or difference.high is None:
        return f"{model} and majority_vote can't be compared on this gold"
    told = f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}] in micro F1"
    if difference.low <= 0 <= difference.high:
        return f"these gold rows can't tell {model} from majority_vote: {told}"
    return f"{model} is {'better' if difference.low > 0 else 'worse'} than majority_vote: {told}"


def _print_tags(result: TagRunResult, out: Console) -> None:
    """Print the tags given most, and, where there is gold, those that are given best and worst."""
    score = result.scores.get(result.model)
    tags = result.tags
    kinds = {"most given": tags.sort("given", "tag", descending=[True, False]).head(MOST)}
    header = ["tags", "", "given", "named by rules", "denied", "rules", "F1"]
    if score is not None and score.n_gold:
        seen = score.per_tag.filter((pl.col("n_gold") >= SEEN) & pl.col("f1").is_not_null())
        tags = tags.join(score.per_tag.select("tag", "f1", "f1_low", "f1_high"), on="tag", how="left")
        kinds = {"most given": tags.sort("given", "tag", descending=[True, False]).head(MOST)}
        poor = seen.sort("f1", "tag").head(MOST)["tag"]
        kinds["lowest F1"] = poor.to_frame().join(tags, on="tag", how="left", maintain_order="left")
    rows = []
    for title, lines in kinds.items():
        for line in lines.iter_rows(named=True):
            f1 = Estimate(line["f1"], line["f1_low"], line["f1_high"], 0) if "f1" in line else None
            numbers = [f"{line[key]:,}" if line[key] else "" for key in ("given", "named", "denied", "rules")]
            rows.append([title, line["tag"], *numbers, interval(f1) if f1 else ""])
            title = ""
    if rows:
        print_table(out, header, rows, left=("",), drop=("denied", "rules"))
        out.print()


def _number(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"
