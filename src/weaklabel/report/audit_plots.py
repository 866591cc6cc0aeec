"""Plots of audits as PNG: accuracy over time, and the evidence of an audit that is watched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weaklabel.report.style import GREY, INK, OKABE_ITO, figure_to, nothing, percent, short

MOST_NAMES = 16
"""More windows than this are not all named along the axis."""


def plot_windows(found: Mapping[str, Any], path: str | Path, *, title: str = "") -> Path:
    """Draw the accuracy of each window with its interval, and where it changed, and return the file.

    Parameters
    ----------
    found
        What `weaklabel.audit.windows.Windows.to_dict` gives.
    path
        PNG file to write.
    title
        Stands above it.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> week = {"window": "2026-W19", "value": 0.9, "low": 0.8, "high": 0.95, "labels": 40}
    >>> found = {"every": "week", "windows": [week], "since": None, "alarm": False, "sentences": ["one week only"]}
    >>> plot_windows(found, Path(tempfile.mkdtemp()) / "windows.png").name
    'windows.png'
    """
    windows = found["windows"]
    with figure_to(path, min(4.5 + 0.35 * len(windows), 13), 4.2) as figure:
        axes = figure.subplots()
        axes.set_title(short(title or f"Accuracy by {found['every']}", 90))
        measured = [(i, one) for i, one in enumerate(windows) if one["value"] is not None]
        for i, one in measured:
            if one["low"] is not None and one["high"] is not None:
                axes.vlines(i, one["low"], one["high"], color=OKABE_ITO[0], linewidth=2, alpha=0.6)
            axes.text(i, one["value"], f"  {one['labels']}", fontsize=7.5, va="center")
        axes.plot([i for i, _ in measured], [one["value"] for _, one in measured], "o", color=OKABE_ITO[0])
        if not measured:
            nothing(axes, f"too few labels in every {found['every']}")
        names = [one["window"] for one in windows]
        if found["since"] in names:
            axes.axvline(names.index(found["since"]) - 0.5, color=OKABE_ITO[5], linestyle="--")
            axes.text(names.index(found["since"]) - 0.45, 0.02, "change", color=OKABE_ITO[5], fontsize=8.5)
        step = math.ceil(len(names) / MOST_NAMES) if names else 1
        axes.set_xticks(range(0, len(names), step), names[::step], rotation=35, ha="right", fontsize=8.5)
        axes.set_xlim(-0.6, len(names) - 0.2)
        percent(axes, "y", top=1.02)
        axes.grid(axis="y")
        axes.set_ylabel("right, against gold")
        says = short("; ".join(found["sentences"]), 120)
        axes.set_xlabel(f"numbers are checked labels\n{says}", fontsize=8.5)
    return Path(path)


def plot_evidence(found: Mapping[str, Any], path: str | Path, *, title: str = "") -> Path:
    """Draw the running evidence of an audit that is watched, and what a verdict takes, and return the file.

    Parameters
    ----------
    found
        What `weaklabel.audit.sequential.Standing.to_dict` gives.
    path
        PNG file to write.
    title
        Stands above it.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> row = {"labels": 1, "wrong": 0, "below": 1.04, "above": 0.9}
    >>> found = {"curve": [row], "needed": 20.0, "decided_at": None, "sentence": "Open after 1 labels."}
    >>> plot_evidence(found, Path(tempfile.mkdtemp()) / "evidence.png").name
    'evidence.png'
    """
    curve, needed = found["curve"], float(found["needed"])
    with figure_to(path, 7.5, 4.2) as figure:
        axes = figure.subplots()
        axes.set_title(short(title or "The evidence so far", 90))
        labels = [row["labels"] for row in curve]
        for side, name, colour, line in (
            ("below", "for “at most”", OKABE_ITO[0], "-"),
            ("above", "for “more”", OKABE_ITO[5], ":"),
        ):
            axes.plot(labels, _clipped(curve, side, needed), line, color=colour, label=name)
        axes.axhline(needed, color=INK, linestyle="--", linewidth=1, label=f"a verdict takes {needed:g}")
        if found["decided_at"] is not None:
            axes.axvline(found["decided_at"], color=GREY, linewidth=1)
        axes.set_yscale("log")
        axes.set_ylim(1 / (50 * needed), 50 * needed)
        axes.set_xlim(0, max([*labels, 1]) * 1.02)
        axes.set_ylabel("evidence (log)")
        axes.set_xlabel(f"labels\n{short(found['sentence'], 120)}", fontsize=8.5)
        axes.grid(axis="y")
        axes.legend(fontsize=8.5, loc="lower left")
    return Path(path)


def _clipped(curve: Sequence[Mapping[str, Any]], side: str, needed: float) -> list[float]:
    """Return evidence within the ends of the axis; what is beyond measure is drawn at its top."""
    top = 40 * needed
    values = [top if isinstance(row[side], str) else float(row[side]) for row in curve]
    return [min(max(value, 1 / top), top) for value in values]
