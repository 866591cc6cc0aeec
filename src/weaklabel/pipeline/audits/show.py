"""What an audit found: figures with their intervals, against adjudicated gold, and where a watched one stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import tracking
from weaklabel.audit.classes import class_figures
from weaklabel.audit.estimates import (
    Figure,
    accuracy,
    accuracy_by,
    accuracy_by_slice,
    calibration,
    figures_table,
)
from weaklabel.audit.gold_error import SecondLook, moved
from weaklabel.audit.sample import Sample, collect
from weaklabel.audit.sequential import Standing, follow
from weaklabel.audit.windows import Windows
from weaklabel.errors import GoldError
from weaklabel.fingerprint import fingerprint
from weaklabel.gold.sampling import DRAW
from weaklabel.pipeline.audits.again import look_again_of
from weaklabel.pipeline.audits.audit import (
    after,
    answers_of,
    decided,
    open_kept,
    settings_of,
)
from weaklabel.pipeline.audits.files import AuditPlan, Kept, add_look
from weaklabel.pipeline.audits.methods import watch_of, whole_draw
from weaklabel.pipeline.audits.rows import SLICE, bare
from weaklabel.pipeline.audits.windows import evidence_plot, windows_of, windows_plot
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.whole import tracking_store


@dataclass(frozen=True)
class Shown:
    """What an audit found so far; made by `show_audit`.

    Parameters
    ----------
    plan
        What was fixed.
    drawn, decided
        Rows that were drawn, and those that are decided.
    figures
        Every figure, or why there is none.
    verdict
        What the figures say of the error that is tolerated; empty where none is.
    second
        How wrong gold is, as far as it was looked at twice.
    moved
        How far the figures move by that, in sentences.
    windows
        Accuracy over windows of time; None without times.
    plot
        Their plot; None: there is none.
    notes
        What to know: looks, rows without answers, what is left out.
    next
        What to do next; empty: nothing.
    mlflow_run, tracking_error
        Where it was logged, or why not.

    Examples
    --------
    >>> Shown(AuditPlan("may", "mail", "figures", {"run": "r"}, {}, {}, "p", 1), 20, 5).to_dict()["decided"]
    5
    """

    plan: AuditPlan
    drawn: int
    decided: int
    figures: tuple[Figure, ...] = ()
    verdict: str = ""
    second: SecondLook | None = None
    moved: tuple[str, ...] = ()
    windows: Windows | None = None
    plot: Path | None = None
    notes: tuple[str, ...] = ()
    next: str = ""
    mlflow_run: str | None = None
    tracking_error: tracking.TrackingError | None = None

    @property
    def trend(self) -> tuple[str, ...]:
        """What is said of changes over time."""
        return () if self.windows is None else tuple(self.windows.sentences())

    @property
    def alarm(self) -> bool:
        """Whether accuracy has changed over time."""
        return self.windows is not None and self.windows.alarm

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "audit": self.plan.name,
            "for": self.plan.method,
            "of": self.plan.told,
            "drawn": self.drawn,
            "decided": self.decided,
            "figures": figures_table(self.figures).to_dicts(),
            "verdict": self.verdict,
            "gold_error": None if self.second is None else self.second.to_dict(),
            "gold_error_says": None if self.second is None else str(self.second),
            "moved": list(self.moved),
            "trend": list(self.trend),
            "alarm": self.alarm,
            "windows": None if self.windows is None else self.windows.to_dict(),
            "plot": None if self.plot is None else str(self.plot),
            "notes": list(self.notes),
            "next": self.next,
            "mlflow_run": self.mlflow_run,
            "tracking_error": None if self.tracking_error is None else str(self.tracking_error),
        }


@dataclass(frozen=True)
class Watched:
    """Where a sequential audit stands; made by `watch_audit`.

    Parameters
    ----------
    plan
        What was fixed.
    drawn
        Rows that were asked for so far.
    standing
        Where it stands.
    next
        What to do next.
    plot
        The plot of its evidence; None: there is none.

    Examples
    --------
    >>> Watched.__name__
    'Watched'
    """

    plan: AuditPlan
    drawn: int
    standing: Standing
    next: str
    plot: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "audit": self.plan.name,
            "of": self.plan.told,
            "drawn": self.drawn,
            **self.standing.to_dict(),
            "next": self.next,
            "plot": None if self.plot is None else str(self.plot),
        }


def show_audit(desk: Desk, name: str, *, others: Sequence[str] = (), log: bool = True) -> Shown:
    """Return what an audit found: accuracy, by label, slice and column, calibration, all with intervals.

    A look is kept: what was seen, and when. A later one says so.

    Parameters
    ----------
    desk
        The task's gold room.
    name
        The audit.
    others
        Earlier audits of the same rows, whose answers count too.
    log
        Whether the figures go to MLflow, where the settings say so, every row is decided, and they are new.

    Raises
    ------
    GoldError
        There is no such audit; it is one to be watched; another audit is of other rows.
    """
    kept = open_kept(desk, name)
    if kept.plan.method == "watch":
        raise GoldError(
            f"audit {name!r} is watched: it says whether the error is at most what is tolerated",
            hint=f"weaklabel audit watch {name}",
        )
    answers = answers_of(desk, kept)
    pilot = kept.plan.method == "certificate"
    said, draws, notes = decided(answers), [whole_draw(kept).select(DRAW.keys())], list(kept.plan.notes)
    if not draws[0].height:
        raise GoldError(
            f"the labels of audit {name!r} were drawn for its certificate alone",
            hint=f"weaklabel audit certify {name}",
        )
    drawn, known = kept.drawn["id"].n_unique(), said["id"].n_unique()
    if pilot:
        notes.append("these figures rest on the certificate's first draw alone, which is of all rows")
    for other in others:
        older = open_kept(desk, other)
        _same_rows(kept, older)
        draws.append(whole_draw(older).select(DRAW.keys()))
        said = pl.concat([said, decided(answers_of(desk, older))]).unique("id", keep="last")
    mine = said.filter(pl.col("id").is_in(pl.concat([d.select("id") for d in draws])["id"].implode()))
    if not mine.height:
        return Shown(kept.plan, drawn, known, notes=tuple(notes), next=after(kept, answers))
    sample = collect(bare(kept.population), draws, mine)
    figures = _figures(sample, kept)
    second = look_again_of(kept, said)
    windows, unseen = windows_of(desk, kept, sample)
    notes += [*_looks(kept, said), *sample.notes, *unseen]
    looked = add_look(
        kept, what="figures", decided=known, drawn=drawn, answers=_mark(said, kept), also=list(others)
    )
    found = Shown(
        plan=kept.plan,
        drawn=drawn,
        decided=known,
        figures=figures,
        verdict=_verdict(figures[0], settings_of(desk.config).error),
        second=second,
        moved=() if second is None else tuple(str(moved(f, second)) for f in figures[:1]),
        windows=windows,
        plot=None if windows is None else windows_plot(desk, kept, windows),
        notes=tuple(dict.fromkeys(notes)),
        next=after(kept, answers) if known < drawn else "",
    )
    new = len(looked.looks) > len(kept.looks)
    return _logged(found, desk) if log and new and known == drawn else found


def watch_audit(desk: Desk, name: str) -> Watched:
    """Return where a sequential audit stands; valid at every look.

    Raises
    ------
    GoldError
        There is no such audit, or its design is fixed.
    """
    kept = open_kept(desk, name)
    if kept.plan.method != "watch":
        raise GoldError(
            f"audit {name!r} has a fixed design, which is looked at once, at its end",
            hint=f"weaklabel audit {'certify' if kept.plan.method == 'certificate' else 'show'} {name}; one that may "
            "be looked at at any time: weaklabel audit draw NAME --for watch",
        )
    answers = answers_of(desk, kept)
    standing = follow(watch_of(kept), decided(answers).select("id", "label"))
    missing = sum(found.missing for found in answers.values())
    drawn = kept.drawn["id"].n_unique()
    ahead = f"weaklabel audit next {name}" if not missing else after(kept, answers)
    ahead = ahead if standing.status == "open" else f"weaklabel audit close {name}"
    return Watched(kept.plan, drawn, standing, ahead, evidence_plot(desk, kept, standing.to_dict()))


def _same_rows(kept: Kept, other: Kept) -> None:
    if other.plan.method != "figures":
        raise GoldError(f"audit {other.plan.name!r} was not drawn for figures", hint="leave it out")
    mine, theirs = set(kept.population["id"]), set(other.population["id"])
    if mine != theirs:
        raise GoldError(
            f"audit {other.plan.name!r} is of other rows: {len(theirs - mine)} that are not in {kept.plan.name!r}, and "
            f"{len(mine - theirs)} more there",
            hint="its answers can't be counted together with these",
        )


def _figures(sample: Sample, kept: Kept) -> tuple[Figure, ...]:
    sure = kept.plan.options["confidence"]
    slices = {
        name.removeprefix(SLICE): pl.col(name) for name in kept.population.columns if name.startswith(SLICE)
    }
    by = [*kept.plan.options["by"]]
    by += [kept.plan.every] if kept.plan.every is not None and kept.plan.every not in by else []
    return (
        accuracy(sample, confidence=sure),
        *class_figures(sample, confidence=sure),
        *(accuracy_by_slice(sample, slices, confidence=sure) if slices else ()),
        *(figure for column in by for figure in accuracy_by(sample, column, confidence=sure)),
        *calibration(sample, confidence=sure),
    )


def _verdict(figure: Figure, error: float | None) -> str:
    found = figure.estimate
    if error is None or found.low is None or found.high is None:
        return ""
    most, least = 1 - found.low, 1 - found.high
    told = f"{100 * error:.3g} % of wrong labels are tolerated (audit.error)"
    if most <= error:
        return f"{told}: shown to hold, at most {100 * most:.1f} % are wrong"
    if least > error:
        return f"{told}: shown not to hold, at least {100 * least:.1f} % are wrong"
    return f"{told}: not shown either way, between {100 * least:.1f} and {100 * most:.1f} % are wrong"


def _looks(kept: Kept, said: pl.DataFrame) -> list[str]:
    """Say what earlier looks mean for this one."""
    mine = [look for look in kept.looks if look["what"] == "figures"]
    if not mine:
        return []
    first, last = mine[0], mine[-1]
    told = []
    if first["decided"] < first["drawn"]:
        told.append(
            f"figures were looked at on {first['at'][:10]} with {first['decided']} of {first['drawn']} answers; rows "
            "without one counted as both right and wrong"
        )
    complete = [look for look in mine if look["decided"] == look["drawn"]]
    if complete and last["answers"] != _mark(said, kept):
        told.append(
            f"answers were changed after all figures had been seen on {complete[0]['at'][:10]}: whoever changed them "
            "could know what they do to the figures"
        )
    return told


def _mark(said: pl.DataFrame, kept: Kept) -> str:
    mine = said.filter(pl.col("id").is_in(kept.drawn["id"].implode()))
    return fingerprint(mine.select("id", "label").sort("id").rows())


def _logged(found: Shown, desk: Desk) -> Shown:
    run, error = log_figures(
        desk, found.plan, found.figures, files=() if found.plot is None else (found.plot,)
    )
    return replace(found, mlflow_run=run, tracking_error=error)


def log_figures(
    desk: Desk, plan: AuditPlan, figures: Sequence[Figure], *, files: Sequence[Path] = ()
) -> tuple[str | None, tracking.TrackingError | None]:
    """Log an audit's figures and files to MLflow, where the settings say so: no texts.

    Returns
    -------
    tuple
        MLflow's id of the run, and why there is none; None and None where nothing is to be logged.
    """
    store = tracking_store(desk.config, desk.project)
    if store is None:
        return None, None
    metrics = {
        f"audit/{f.figure.replace(' ', '_')}/{f.part}/{end}": getattr(f.estimate, end)
        for f in figures
        for end in ("value", "low", "high")
    }
    record = tracking.Record(
        name=f"audit {plan.name}",
        tags={
            "weaklabel.task": plan.task,
            "weaklabel.kind": f"audit {plan.method}",
            "weaklabel.plan": plan.fingerprint,
            **{f"weaklabel.{name}": value for name, value in plan.names.items()},
        },
        parameters={"audit": plan.name, "method": plan.method, "of": plan.told, "seed": plan.seed},
        metrics=metrics,
        tables={"audit/figures.json": figures_table(figures)} if figures else {},
        artifacts=[(path, "audit") for path in files],
    )
    try:
        return tracking.log_run(store, record), None
    except tracking.TrackingError as error:
        return None, error
