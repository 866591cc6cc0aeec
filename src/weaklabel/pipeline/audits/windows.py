"""Accuracy over windows of time, of an audit and of those before it, and its plot."""

from __future__ import annotations

from pathlib import Path

from weaklabel.audit.sample import Sample, collect
from weaklabel.audit.windows import Windows, measure_windows, over_windows
from weaklabel.errors import WeakLabelError
from weaklabel.gold.sampling import DRAW
from weaklabel.pipeline.audits.audit import answers_of, decided, open_kept
from weaklabel.pipeline.audits.files import Kept
from weaklabel.pipeline.audits.methods import whole_draw
from weaklabel.pipeline.audits.rows import bare
from weaklabel.pipeline.desk.room import Desk
from weaklabel.report.audit_plots import plot_evidence, plot_windows

WINDOWS, EVIDENCE = "windows.png", "evidence.png"
"""Plots in an audit's folder."""
MOST_AUDITS = 200
"""Most audits before one whose windows are shown with it."""


def windows_of(desk: Desk, kept: Kept, sample: Sample) -> tuple[Windows | None, tuple[str, ...]]:
    """Return the accuracy of each window of an audit and of those that it was drawn after; None without times.

    Returns
    -------
    tuple
        The windows, and why some earlier audit's are not among them.
    """
    every = kept.plan.every
    if every is None:
        return None, ()
    sure = kept.plan.options["confidence"]
    found = [measure_windows(sample, every, audit=kept.plan.name, confidence=sure)]
    notes, seen, name = [], {kept.plan.name}, kept.plan.after
    while name is not None and name not in seen and len(seen) < MOST_AUDITS:
        seen.add(name)
        try:
            earlier = open_kept(desk, name)
            draw = whole_draw(earlier).select(DRAW.keys())
            rows = collect(bare(earlier.population), [draw], decided(answers_of(desk, earlier)))
        except WeakLabelError as error:
            notes.append(f"windows of audit {name!r} and of those before it are not shown: {error.what}")
            break
        found.append(measure_windows(rows, every, audit=name, confidence=sure))
        name = earlier.plan.after
    measured = [w for part in reversed(found) for w in part if w.batch is not None or part is found[0]]
    return over_windows(measured, every, seed=kept.plan.seed), tuple(notes)


def windows_plot(desk: Desk, kept: Kept, found: Windows) -> Path | None:
    """Write the plot of windows into an audit's folder; None where the settings want no plots."""
    if not desk.config.plots:
        return None
    title = f"Audit {kept.plan.name}: accuracy by {found.every}"
    return plot_windows(found.to_dict(), kept.folder / WINDOWS, title=title)


def evidence_plot(desk: Desk, kept: Kept, standing: dict[str, object]) -> Path | None:
    """Write the plot of running evidence into an audit's folder; None without an answer, or where none is wanted."""
    if not desk.config.plots or not standing["curve"]:
        return None
    title = (
        f"Audit {kept.plan.name}: are at most {100 * kept.plan.options['error']:.3g} % of the labels wrong?"
    )
    return plot_evidence(standing, kept.folder / EVIDENCE, title=title)
