"""Plots of rules and labels, before and after gold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import WeakLabelError
from weaklabel.evaluate import Evaluation
from weaklabel.report.style import (
    GREY,
    INK,
    OKABE_ITO,
    bars,
    blues,
    figure_to,
    legend_of,
    nothing,
    percent,
    short,
)
from weaklabel.schema import STATUSES, LabelSchema

MOST_RULES = 80
"""More rules than this are not drawn one by one."""
STATUS_COLOURS = {"labeled": "#009E73", "tie": "#E69F00", "uncovered": GREY, "below_threshold": "#56B4E9"}


def plot_run(
    folder: str | Path,
    *,
    labels: pl.DataFrame,
    rules: pl.DataFrame,
    evaluation: Evaluation | None,
    schema: LabelSchema,
) -> list[Path]:
    """Draw everything that a run can show and return the files.

    Parameters
    ----------
    folder
        Made if it is not there.
    labels
        The label table.
    rules
        What `lf_summary` gives.
    evaluation
        Of the labels against gold; None: no gold, and so neither calibration nor confusion.
    schema
        The labels.

    Raises
    ------
    OutputError
        A file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> labels = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"], "status": "labeled",
    ...                        "probabilities": [[0.9, 0.1], [0.2, 0.8]]})
    >>> rules = pl.DataFrame({"labeler": ["link"], "Coverage": [0.2], "Conflicts": [0.1]})
    >>> made = plot_run(tempfile.mkdtemp(), labels=labels, rules=rules, evaluation=None,
    ...                 schema=LabelSchema(["ham", "spam"]))
    >>> [path.name for path in made]
    ['rules.png', 'probabilities.png']
    """
    folder = Path(folder)
    made = [
        plot_rules(rules, folder / "rules.png", schema=schema),
        plot_probabilities(labels, schema, folder / "probabilities.png"),
    ]
    if evaluation is not None:
        made.append(plot_reliability(evaluation, folder / "reliability.png"))
        made.append(plot_confusion(evaluation, folder / "confusion.png"))
    return made


def plot_rules(summary: pl.DataFrame, path: str | Path, *, schema: LabelSchema | None = None) -> Path:
    """Draw each rule's coverage and, where gold is known, its accuracy with the interval.

    Parameters
    ----------
    summary
        Table of `lf_summary`; a column `label` colours the rules. With more than 80 rules those that vote most
        are drawn, and the title says so.
    path
        PNG file to write.
    schema
        The labels: each has its colour of `plot_probabilities` then.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> rules = pl.DataFrame({"labeler": ["link", "shouts"], "Coverage": [0.2, 0.1], "Conflicts": [0.1, 0.0]})
    >>> plot_rules(rules, Path(tempfile.mkdtemp()) / "rules.png").name
    'rules.png'
    """
    needed = {"labeler", "Coverage", "Conflicts"}
    if not needed <= set(summary.columns):
        raise WeakLabelError(
            "this is no table of rules", available=summary.columns, hint="lf_summary makes one"
        )
    rules = summary.sort(["Coverage", "labeler"], descending=[True, False]).head(MOST_RULES)
    known = "Emp. Acc." in rules.columns and rules["Emp. Acc."].count() > 0
    colours, legend = _colours_of(rules, schema)
    with figure_to(path, 9.5 if known else 6.5, 1.7 + 0.235 * max(rules.height, 4)) as figure:
        left, *right = figure.subplots(1, 2 if known else 1, sharey=True, squeeze=False)[0]
        at = np.arange(rules.height)
        coverage, conflicts = rules["Coverage"].to_numpy(), rules["Conflicts"].to_numpy()
        left.barh(at, coverage, color=colours, alpha=0.85, height=0.72)
        left.barh(at, conflicts, color="none", edgecolor=INK, hatch="/////", height=0.72, linewidth=0)
        left.set_yticks(at, [short(name, 34) for name in rules["labeler"]], fontsize=8.5)
        left.set_ylim(max(rules.height, 4) - 0.4, -0.6)
        percent(left, "x", top=max(float(coverage.max(initial=0)) * 1.08, 0.01))
        left.set_xlabel("share of all rows it votes on (hatched: other rules disagree)")
        more = (
            ""
            if rules.height == summary.height
            else f" (the {rules.height} of {summary.height} that vote most)"
        )
        left.set_title(f"How much each rule votes{more}")
        if known:
            _accuracy_dots(right[0], rules, colours)
        if legend:
            legend_of(figure, legend)
    return Path(path)


def plot_reliability(evaluation: Evaluation, path: str | Path) -> Path:
    """Draw how often labels are right against how sure the model says it is.

    Parameters
    ----------
    evaluation
        What `evaluate` gives.
    path
        PNG file to write.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.evaluate import evaluate
    >>> labels = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"], "status": "labeled",
    ...                        "probabilities": [[0.9, 0.1], [0.2, 0.8]]})
    >>> gold = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "ham"]})
    >>> result = evaluate(labels, gold, schema=LabelSchema(["ham", "spam"]))
    >>> plot_reliability(result, Path(tempfile.mkdtemp()) / "reliability.png").name
    'reliability.png'
    """
    bins = evaluation.reliability.filter(pl.col("n") > 0)
    ece = evaluation.metrics["ece"]
    with figure_to(path, 6.2, 6.4) as figure:
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
        top.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="as sure as right")
        top.legend(loc="lower right", fontsize=8.5)
        top.set_title("How sure the labels are, and how often they are right")
        if bins.height:
            x, y = bins["confidence"].to_numpy(), bins["accuracy"].to_numpy()
            ends = np.stack([y - bins["accuracy_low"].to_numpy(), bins["accuracy_high"].to_numpy() - y])
            size = 18 + 130 * np.sqrt(bins["n"].to_numpy() / bins["n"].sum())
            top.errorbar(
                x, y, yerr=np.maximum(ends, 0), fmt="none", ecolor=OKABE_ITO[0], elinewidth=1.3, alpha=0.6
            )
            top.scatter(
                x, y, s=size, color=OKABE_ITO[0], zorder=3, edgecolor="white", linewidth=0.8, clip_on=False
            )
            start = bins["from"].to_numpy()
            below.bar(start, bins["n"].to_numpy(), width=bins["to"].to_numpy() - start, align="edge",
                      color=OKABE_ITO[4], edgecolor="white")  # fmt: skip
            top.set_xlabel(f"calibration error (ECE) {ece}", loc="left", fontsize=8.5)
        else:
            nothing(top, "no gold rows with votes")
        percent(top, "y", top=1.02)
        top.set_ylabel("share that is right")
        top.grid(True)
        percent(below, "x", top=1.0)
        below.set_xlim(0, 1.01)
        below.set_xlabel("probability that the model gives to its label")
        below.set_ylabel("gold rows")
    return Path(path)


def plot_confusion(evaluation: Evaluation, path: str | Path) -> Path:
    """Draw counts of gold rows by their gold label and the label they were given.

    Parameters
    ----------
    evaluation
        What `evaluate` gives. Shading is the share of the gold label's rows; with more than 20 labels the counts
        are not written out.
    path
        PNG file to write.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.evaluate import evaluate
    >>> labels = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"], "status": "labeled",
    ...                        "probabilities": [[0.9, 0.1], [0.2, 0.8]]})
    >>> gold = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "ham"]})
    >>> result = evaluate(labels, gold, schema=LabelSchema(["ham", "spam"]))
    >>> plot_confusion(result, Path(tempfile.mkdtemp()) / "confusion.png").name
    'confusion.png'
    """
    names = evaluation.confusion.columns[1:]
    counts = evaluation.confusion.select(names).to_numpy()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    k = len(counts)
    cell = 0.62 if k <= 12 else 0.34
    longest = min(max((len(name) for name in names), default=0), 22)
    side = cell * k + 1.6 + 0.085 * longest
    with figure_to(path, max(side + cell, 4.6), max(side, 3.6)) as figure:
        axes = figure.subplots()
        image = axes.imshow(share, cmap=blues(), vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(
            range(k + 1), [short(n, 22) for n in names], rotation=45, ha="right", rotation_mode="anchor"
        )
        axes.set_yticks(range(k), [short(n, 22) for n in names[:-1]])
        axes.axvline(k - 0.5, color="white", linewidth=4)
        axes.set_xlabel("label given")
        axes.set_ylabel("gold label")
        axes.set_title("Which labels are mistaken for which")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        if k <= 20:
            for i, j in np.ndindex(counts.shape):
                if counts[i, j]:
                    ink = "white" if share[i, j] > 0.55 else INK
                    axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=ink, fontsize=8.5)
        bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label("share of the gold label's rows")
        percent(bar.ax, "y", top=1.0)
    return Path(path)


def plot_probabilities(labels: pl.DataFrame, schema: LabelSchema, path: str | Path) -> Path:
    """Draw how sure the labels are and how many rows got one.

    Parameters
    ----------
    labels
        The label table: `status` and `probabilities`.
    schema
        The labels, in the order of the probabilities.
    path
        PNG file to write.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> labels = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"], "status": "labeled",
    ...                        "probabilities": [[0.9, 0.1], [0.2, 0.8]]})
    >>> plot_probabilities(labels, LabelSchema(["ham", "spam"]), Path(tempfile.mkdtemp()) / "p.png").name
    'p.png'
    """
    p = labels["probabilities"].drop_nulls()
    best, which = p.list.max().to_numpy(), p.list.arg_max().to_numpy()
    counts = dict(labels["status"].value_counts().iter_rows())
    edges = np.linspace(0, 1, 26)
    with figure_to(path, 9.5, 3.9) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[2.2, 1])
        left.set_title("How sure the model is of its best label")
        if not len(best):
            nothing(left, "no row has votes")
        elif len(schema) <= len(OKABE_ITO):
            tied = (labels["status"].filter(labels["probabilities"].is_not_null()) == "tie").to_numpy()
            ties = int(tied.any())
            parts = [best[(which == code) & ~tied] for code in range(len(schema))] + [best[tied]] * ties
            names = [short(name, 26) for name in schema.names] + ["tied"] * ties
            left.hist(parts, bins=edges, stacked=True, color=[*OKABE_ITO[: len(schema)], GREY][: len(parts)],
                      label=names, edgecolor="white", linewidth=0.4)  # fmt: skip
            left.legend(title="most probable label", loc="best", fontsize=8.5)
        else:
            left.hist(best, bins=edges, color=OKABE_ITO[0], edgecolor="white", linewidth=0.4)
        percent(left, "x", top=1.0)
        left.set_xlim(0, 1.0)
        left.set_xlabel("probability of the most probable label")
        left.set_ylabel("rows")
        shown = [status for status in STATUSES if counts.get(status)]
        right.set_title(f"What became of {labels.height:,} rows")
        bars(
            right,
            {status.replace("_", " "): counts[status] for status in shown},
            [STATUS_COLOURS[status] for status in shown],
            labels.height,
        )
    return Path(path)


def _accuracy_dots(axes: Any, rules: pl.DataFrame, colours: Sequence[str]) -> None:
    at = np.arange(rules.height)
    known = rules["Emp. Acc."].is_not_null().to_numpy()
    value = rules["Emp. Acc."].to_numpy()[known]
    if {"Acc. Low", "Acc. High"} <= set(rules.columns):
        axes.hlines(at[known], rules["Acc. Low"].to_numpy()[known], rules["Acc. High"].to_numpy()[known],
                    colors=[c for c, k in zip(colours, known, strict=True) if k], linewidth=1.6, alpha=0.75)  # fmt: skip
    axes.scatter(
        value, at[known], color=[c for c, k in zip(colours, known, strict=True) if k], s=26, zorder=3
    )
    for i in at[~known]:
        axes.text(0.01, i, "no vote on a gold row", va="center", fontsize=7.5, color="#6E6E6E")
    percent(axes, "x", top=1.02)
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of its votes on gold rows that are right, with interval")
    axes.set_title("How often it is right")


def _colours_of(rules: pl.DataFrame, schema: LabelSchema | None) -> tuple[list[str], dict[str, str]]:
    """Return a colour for each rule and what they mean; rules of several labels are grey."""
    if "label" not in rules.columns:
        return [OKABE_ITO[0]] * rules.height, {}
    names = rules["label"].to_list()
    kinds = list(schema.names) if schema else sorted({name for name in names if name is not None})
    if len(kinds) > len(OKABE_ITO):
        return [OKABE_ITO[0]] * rules.height, {}
    colour = dict(zip(kinds, OKABE_ITO, strict=False))
    meaning = {name: c for name, c in colour.items() if name in names}
    if None in names:
        meaning["several labels"] = GREY
    return [GREY if name is None else colour[name] for name in names], meaning
