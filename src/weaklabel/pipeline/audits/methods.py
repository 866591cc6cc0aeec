"""What each kind of audit fixes beforehand and draws: figures, a certificate in two draws, or a fixed order to watch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.audit.certifying import draw_pilot, draw_second
from weaklabel.audit.design import draw_plan, plan
from weaklabel.audit.regions import fewest_labels
from weaklabel.audit.sequential import Watch, follow, next_rows, plan_watch, same_watch
from weaklabel.audit.strata import LEAST_OLDER
from weaklabel.audit.tolerances import Part, Tolerance, split
from weaklabel.errors import GoldError
from weaklabel.pipeline.audits.files import METHODS, Kept
from weaklabel.pipeline.audits.rows import EVERY, SLICE, bare

STEP, PART, PHASE = "step", "part", "phase"
"""Columns of an audit's draws beside those of a draw: the number of the batch, the part that is certified, and what the
row is for."""
PILOT, TEST = "pilot", "test"


@dataclass(frozen=True)
class Wish:
    """What an audit is to be; see `draw_audit`.

    Parameters
    ----------
    method
        "figures", "certificate" or "watch".
    size
        Labels that may be asked for; None: see `width`, else as many as a certificate or a first look takes.
    width
        Half the width of the interval of accuracy, instead of a size.
    by
        Columns that are drawn from apart.
    aim, design
        See `weaklabel.audit.design.plan`.
    tolerance
        What is to be certified or watched; None: as the task's settings say.
    confidence
        None: as the task's settings say.
    run
        The run whose labels are judged.
    predictions
        A file of labels to be judged instead.
    version
        A version of the label table to be judged instead: its number, or `latest`.
    every
        Window that the times of that file are put into; None: a week.
    after
        An earlier audit of such a file, whose windows are shown with this one's.

    Examples
    --------
    >>> Wish(size=200).method
    'figures'
    """

    method: str = "figures"
    size: int | None = None
    width: float | None = None
    by: tuple[str, ...] = ()
    aim: str = "accuracy"
    design: str | None = None
    tolerance: Tolerance | None = None
    confidence: float | None = None
    run: str = "last"
    predictions: Path | None = None
    every: str | None = None
    after: str | None = None
    version: str | None = None


def check_wish(wish: Wish) -> None:
    """Raise unless what is wished for fits together.

    Examples
    --------
    >>> check_wish(Wish(width=0.03))
    >>> check_wish(Wish())
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: how many labels? give --size 200, or the half width wanted: --width 0.03
    """
    if wish.method not in METHODS:
        raise GoldError(f"an audit is not for {wish.method!r}", available=METHODS)
    if wish.predictions is not None and wish.run != "last":
        raise GoldError("labels of a run or of a file are judged, one of the two")
    if wish.version is not None and (wish.predictions is not None or wish.run != "last"):
        raise GoldError(
            "labels of a run, of a file or of a version of the label table are judged, one of the three"
        )
    if wish.predictions is None and (wish.every is not None or wish.after is not None):
        raise GoldError(
            "windows of time are of the labels of a file", hint="--predictions FILE, with a column time"
        )
    if wish.every is not None and wish.every not in EVERY:
        raise GoldError(f"no window {wish.every!r}", available=EVERY)
    if wish.method != "figures" and wish.after is not None:
        raise GoldError("windows are shown together of audits for figures", hint="leave --after out")
    if wish.method == "figures" and (wish.size is None) == (wish.width is None):
        raise GoldError("how many labels? give --size 200, or the half width wanted: --width 0.03")
    if wish.method != "figures" and wish.width is not None:
        raise GoldError(
            f"--width is for figures, not for a {wish.method}", hint="give --size or leave it out"
        )


def whole_draw(kept: Kept) -> pl.DataFrame:
    """Return the rows that an audit drew from all rows, before anybody answered."""
    rows = kept.of_step(1)
    if kept.plan.method == "certificate":
        rows = rows.filter((pl.col(PART) == "") & (pl.col(PHASE) == PILOT))
    return rows


def pilots_only(kept: Kept) -> bool:
    """Tell whether a part of a certificate still waits for its second draw."""
    tested = set(kept.drawn.filter(pl.col(PHASE) == TEST)[PART])
    return any(part.goal.part not in tested for part in parts_of(kept))


def parts_of(kept: Kept) -> list[Part]:
    """Return the parts that are certified, as they were fixed."""
    return _parts(kept.population, kept.plan.options, kept.plan.seed)


def watch_of(kept: Kept) -> Watch:
    """Return the order of a sequential audit, as it was fixed."""
    options = kept.plan.options
    watch = plan_watch(
        kept.population,
        error=options["error"],
        confidence=options["confidence"],
        seed=kept.plan.seed,
        older=kept.older,
        weighted=False,
    )
    same_watch(watch, options["watch"])
    return watch


# ---- what the three kinds of audits fix and draw first ----


@dataclass(frozen=True)
class Start:
    """What an audit is made from: its name and wish, the rows, gold known before, seed, confidence and tolerance."""

    name: str
    wish: Wish
    rows: pl.DataFrame
    older: pl.DataFrame
    seed: int
    confidence: float
    tolerance: Tolerance

    @property
    def learnt(self) -> pl.DataFrame | None:
        """The gold known before, if there is any."""
        return self.older if self.older.height else None


@dataclass(frozen=True)
class Made:
    """What an audit fixes: its first draw, the options that make it again, what it can show, and what it learned from."""

    drawn: pl.DataFrame
    options: Mapping[str, Any]
    sentences: tuple[str, ...]
    older: pl.DataFrame | None


def _figures(start: Start) -> Made:
    wish = start.wish
    learns = (
        start.older.height >= LEAST_OLDER and wish.aim == "accuracy" and not wish.by and wish.design is None
    )
    rules = start.rows.select("id", pl.selectors.starts_with("on:"))
    made = plan(
        bare(start.rows),
        budget=wish.size,
        width=wish.width,
        seed=start.seed,
        purpose=f"audit {start.name}",
        aim=wish.aim,
        design=wish.design,
        by=wish.by,
        older=start.older if learns else None,
        features=rules if learns and rules.width > 1 else None,
        confidence=start.confidence,
    )
    options = {"aim": made.aim, "design": made.design, "size": made.size, "plan": made.fingerprint}
    drawn = _first(draw_plan(made).frame, "", TEST)
    return Made(drawn, options, made.sentences, start.older if learns else None)


def _certificate(start: Start) -> Made:
    tolerance = start.tolerance
    if not tolerance.parts():
        raise GoldError(
            "what error is tolerated? nothing can be certified without a goal",
            hint="--error 0.05, or audit.error in conf/",
        )
    options: dict[str, Any] = {
        "error": tolerance.error,
        "classes": dict(tolerance.classes),
        "slices": dict(tolerance.slices),
        "confidence": start.confidence,
        "labels": None,
    }
    if start.wish.size is not None:
        options["labels"] = _shared(start.wish.size, _parts(start.rows, options, start.seed))
    parts = _parts(start.rows, options, start.seed)
    frames, sentences = [], [part.sentence for part in parts]
    for part in parts:
        pilot = draw_pilot(part.rows, part.goal).frame
        if pilot.height:
            frames.append(_first(pilot, part.goal.part, PILOT))
            share = part.goal.labels - pilot.height
            sentences.append(
                f"{part.goal.part or 'all rows'}: {pilot.height} labels first, which choose what is tested; then {share}"
            )
        else:
            second = draw_second(part.rows, part.goal, _no_answers(), older=older_of(start.learnt, part))
            frames.append(_first(second.draw.frame, part.goal.part, TEST))
            sentences.append(second.sentence)
    return Made(pl.concat(frames), options, tuple(sentences), start.learnt)


def _watch(start: Start) -> Made:
    error = start.tolerance.error
    if error is None:
        raise GoldError(
            "what error is tolerated? a verdict needs a goal", hint="--error 0.05, or audit.error in conf/"
        )
    watch = plan_watch(
        start.rows,
        error=error,
        confidence=start.confidence,
        seed=start.seed,
        older=start.learnt,
        weighted=False,
    )
    size = min(start.wish.size or 2 * fewest_labels(None, error, start.confidence), watch.rows.height)
    drawn = _in_order(watch, 0, size, start.name)
    sentences = (
        f"the order of {watch.rows.height} rows is fixed; {size} are asked for first",
        f"the verdict is whether at most {100 * error:.3g} % of the labels are wrong; it may be looked at after each "
        f"answer, and falls after {fewest_labels(None, error, start.confidence)} labels at the earliest, or about",
    )
    options = {"error": error, "watch": watch.record()}
    return Made(_first(drawn, "", TEST), options, sentences, start.learnt)


MAKERS = {"figures": _figures, "certificate": _certificate, "watch": _watch}


# ---- what they draw next ----


def second_draw(
    kept: Kept, said: pl.DataFrame, size: int | None
) -> tuple[pl.DataFrame, tuple[str, ...]] | None:
    """Return the second draw of a certificate and what to expect; None: it was made, or nothing is left to draw.

    Parameters
    ----------
    kept
        The audit.
    said
        What is decided of its first draw.
    size
        None: how many labels it takes was fixed with the first.
    """
    if not pilots_only(kept):
        return None
    if size is not None:
        raise GoldError(
            "how many labels the second draw takes was fixed with the first", hint="leave --size out"
        )
    frames, sentences = [], []
    for part in parts_of(kept):
        mine = kept.drawn.filter(pl.col(PART) == part.goal.part)
        if TEST in mine[PHASE].to_list():
            continue
        pilot = said.filter(pl.col("id").is_in(mine["id"].implode()))
        second = draw_second(part.rows, part.goal, pilot, older=older_of(kept.older, part))
        frames.append(_first(second.draw.frame, part.goal.part, TEST))
        sentences.append(f"{part.goal.part}: {second.sentence}" if part.goal.part else second.sentence)
    drawn = pl.concat(frames)
    return (drawn, tuple(sentences)) if drawn.height else None


def further_draw(
    kept: Kept, said: pl.DataFrame, size: int | None
) -> tuple[pl.DataFrame, tuple[str, ...]] | None:
    """Return the second draw of a certificate and what to expect; None: it was made, or nothing is left to draw.

    Parameters
    ----------
    kept
        The audit.
    said
        What is decided of its first draw.
    size
        None: how many labels it takes was fixed with the first.
    """
    watch = watch_of(kept)
    standing = follow(watch, said.select("id", "label"))
    done = kept.drawn.height
    if standing.status != "open" or done >= watch.rows.height:
        return None
    waits = done - standing.labels
    wanted = size or max((standing.more or 2 * fewest_labels(None, watch.error, watch.confidence)) - waits, 1)
    drawn = _in_order(watch, done, min(wanted, watch.rows.height - done), kept.plan.name)
    return _first(drawn, "", TEST), (
        f"{drawn.height} further rows are asked for, in the order that was fixed",
    )


def _in_order(watch: Watch, done: int, size: int, name: str) -> pl.DataFrame:
    """Return the next rows of a fixed random order; inclusion is the chance that each row left had to be among them."""
    so_far = watch.rows.head(done)
    found = next_rows(watch, so_far, size)
    chance = size / (watch.rows.height - done)
    return found.select(
        "id",
        pl.lit("simple").alias("design"),
        pl.lit("").alias("stratum"),
        pl.lit(chance).alias("inclusion"),
        pl.lit(f"audit {name} in order").alias("purpose"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("order"),
    )


def _parts(population: pl.DataFrame, options: Mapping[str, Any], seed: int) -> list[Part]:
    named = {name: name.removeprefix(SLICE) for name in population.columns if name.startswith(SLICE)}
    tolerance = Tolerance(options["error"], options["classes"], options["slices"])
    return split(
        population.rename({k: v for k, v in named.items() if v in tolerance.slices}),
        tolerance,
        confidence=options["confidence"],
        labels=options["labels"],
        seed=seed,
    )


def _shared(size: int, parts: Sequence[Part]) -> dict[str, int]:
    """Share a budget among parts in proportion to what each needs at least."""
    total = sum(part.least for part in parts)
    if len(parts) > 1 and size < total:
        raise GoldError(
            f"{size} labels can't certify {len(parts)} parts: together they take at least {total}",
            hint="; ".join(part.sentence for part in parts),
        )
    return {
        part.goal.part: min(math.floor(size * part.least / total), part.rows.height)
        if len(parts) > 1
        else size
        for part in parts
    }


def older_of(older: pl.DataFrame | None, part: Part) -> pl.DataFrame | None:
    """Return the gold known before of a part's rows; None: there is none."""
    if older is None:
        return None
    mine = older.filter(pl.col("id").is_in(part.rows["id"].implode()))
    return mine if mine.height else None


def _first(drawn: pl.DataFrame, part: str, phase: str) -> pl.DataFrame:
    return drawn.with_columns(
        pl.lit(1, dtype=pl.Int64).alias(STEP), pl.lit(part).alias(PART), pl.lit(phase).alias(PHASE)
    )


def _no_answers() -> pl.DataFrame:
    return pl.DataFrame(schema={"id": pl.String, "label": pl.String})
