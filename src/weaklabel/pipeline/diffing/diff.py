"""`diff`: what differs between two sets of labels of one task, which rules did it, and whether it is for the better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import WeakLabelError
from weaklabel.pipeline.diffing.checks import Measured, check_condition, holds
from weaklabel.pipeline.diffing.counts import differs, joined, pairs_of, side_told
from weaklabel.pipeline.diffing.gold import Compared, compare_with_gold, texts_of_ids
from weaklabel.pipeline.diffing.outcomes import Cause
from weaklabel.pipeline.diffing.rules import by_rule, cause_told, changed_rules, explained
from weaklabel.pipeline.diffing.side import Side
from weaklabel.pipeline.diffing.sides import open_side
from weaklabel.pipeline.task import Task, open_task
from weaklabel.settings import Config

EXAMPLES = 3
"""Rows of each pair of labels that are shown."""
SHOWN_PAIRS = 12
"""Pairs of labels of which rows are shown."""


@dataclass(frozen=True, kw_only=True)
class LabelDiff:
    """What differs between two sets of labels; made by `diff`.

    Parameters
    ----------
    task
        The task.
    before, after
        The sides: `name`, `rows`, `coverage`, `statuses`, `fingerprints`.
    rows, only_before, only_after
        Rows that both sides have, or one.
    label_flips, status_flips, flips
        Rows of both sides whose label differs, whose status differs, and whose label or status does.
    pairs, statuses
        `before`, `after`, `rows` of flipped labels (None: no label) and of all statuses that differ.
    rules
        A line per rule that makes rows flip: `rule`, `rows`, `alone` (rows that it flips by itself), `by_vote` (rows
        in which its vote changed, not only its weight) and `change` (new, gone, edited, or none).
    sets
        The sets of rules: `rules`, `rows`, `by_vote`.
    causes
        Kind of cause -> rows.
    parts
        Setting -> rows that flip by it: threshold, calibration, prior.
    changed
        Fingerprints that differ: corpus, rules, schema, model, gold.
    changed_rules
        `new`, `gone` and `edited` rules.
    gold
        Accuracy against gold, compared; None: there is none, and `notes` say why.
    examples
        Rows that flip: `id`, `text`, `before`, `after`, `cause`.
    notes
        What to know.

    Examples
    --------
    >>> LabelDiff.__name__
    'LabelDiff'
    """

    task: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    rows: int
    only_before: int
    only_after: int
    label_flips: int
    status_flips: int
    flips: int
    pairs: pl.DataFrame
    statuses: pl.DataFrame
    rules: pl.DataFrame
    sets: pl.DataFrame
    causes: Mapping[str, int]
    parts: Mapping[str, int]
    changed: tuple[str, ...]
    changed_rules: Mapping[str, Sequence[str]]
    gold: Compared | None
    examples: tuple[Mapping[str, Any], ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def same(self) -> bool:
        """Whether both sides have the same rows with the same labels and statuses."""
        return not (self.flips or self.only_before or self.only_after)

    def figures(self) -> dict[str, Measured]:
        """Return the figures that a condition may name."""
        found = {
            "flips": self._count(self.flips),
            "label_flips": self._count(self.label_flips),
            "status_flips": self._count(self.status_flips),
            "only_before": self._count(self.only_before, self.before["rows"]),
            "only_after": self._count(self.only_after, self.after["rows"]),
            "coverage_drop": Measured(self.before["coverage"] - self.after["coverage"]),
            **self._accuracy(),
        }
        for name in self.classes:
            touched = self.pairs.filter((pl.col("before") == name) | (pl.col("after") == name))
            found[f"flips.{name}"] = self._count(int(touched["rows"].sum()))
        return found

    def holds(self, condition: str) -> bool:
        """Say whether a condition, such as `flips > 2%`, is true of this; see `label_diff_checks.holds`."""
        return holds(condition, self.figures())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        figures = {name: {"share": f.share, "rows": f.rows} for name, f in self.figures().items()}
        return {
            "task": self.task,
            "before": dict(self.before),
            "after": dict(self.after),
            "rows": self.rows,
            "only_before": self.only_before,
            "only_after": self.only_after,
            "flips": self.flips,
            "label_flips": self.label_flips,
            "status_flips": self.status_flips,
            "pairs": self.pairs.to_dicts(),
            "statuses": self.statuses.to_dicts(),
            "causes": dict(self.causes),
            "settings": dict(self.parts),
            "rules": self.rules.to_dicts(),
            "sets": self.sets.to_dicts(),
            "changed": list(self.changed),
            "changed_rules": {kind: list(names) for kind, names in self.changed_rules.items()},
            "gold": None if self.gold is None else self.gold.to_dict(),
            "examples": [dict(one) for one in self.examples],
            "figures": figures,
            "notes": list(self.notes),
        }

    def _count(self, rows: int, of: int | None = None) -> Measured:
        return Measured(rows / max(self.rows if of is None else of, 1), rows)

    def _accuracy(self) -> dict[str, Measured]:
        names = ("accuracy_drop", "accuracy_drop_upper")
        if self.gold is None or self.gold.difference.value is None:
            why = next((n for n in self.notes if "accuracy" in n), "no gold row has votes on both sides")
            return {name: Measured(None, why=why) for name in names}
        value, low = self.gold.difference.value, self.gold.difference.low
        return {names[0]: Measured(-value), names[1]: Measured(-value if low is None else -low)}


def diff(
    config: Config, project: str | Path, before: str, after: str, *, fail_if: str | None = None
) -> LabelDiff:
    """Compare two sets of labels of a task.

    Parameters
    ----------
    config, project
        The task, and where it is.
    before, after
        A run's id or `last`, or a version of the label table: `v3` or `latest`.
    fail_if
        A condition that is going to be asked: it is read before any work is done.

    Raises
    ------
    WeakLabelError
        There are no such labels, or the condition can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline import run
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> config = load(project, ["tracking=none", "plots=false"])
    >>> one = run(config, project=project)
    >>> diff(config, project, one.run_id, "last").same
    True
    """
    project = Path(project).absolute()
    sides = open_side(config, project, before), open_side(config, project, after)
    names = tuple(dict.fromkeys([*sides[0].names, *sides[1].names]))
    if fail_if is not None:
        check_condition(fail_if, [*_FIGURES, *(f"flips.{name}" for name in names)])
    counts, groups = joined(*sides)
    notes: list[str] = []
    found = explained(groups, *sides, notes)
    task = _opened(config, project, sides, notes)
    both = counts.drop_nulls(["status_before", "status_after"])
    flipped = both.filter(differs("label"))
    moved = both.filter(differs("status"))
    made: dict[str, Any] = {
        "before": side_told(sides[0], counts, "before"),
        "after": side_told(sides[1], counts, "after"),
        "rows": int(both["rows"].sum()),
        "only_before": int(counts.filter(pl.col("status_after").is_null())["rows"].sum()),
        "only_after": int(counts.filter(pl.col("status_before").is_null())["rows"].sum()),
        "label_flips": int(flipped["rows"].sum()),
        "status_flips": int(moved["rows"].sum()),
        "flips": int(groups["rows"].sum()),
        "pairs": pairs_of(flipped, "label"),
        "statuses": pairs_of(moved, "status"),
    }
    return LabelDiff(
        task=config.task.name,
        **made,
        **by_rule(groups, found, *sides),
        changed=_changed(*sides),
        changed_rules=changed_rules(*sides),
        gold=compare_with_gold(task, *sides, notes),
        examples=_examples(groups, found, task, notes),
        classes=names,
        notes=tuple(notes),
    )


_FIGURES = (
    "flips",
    "label_flips",
    "status_flips",
    "only_before",
    "only_after",
    "coverage_drop",
    "accuracy_drop",
    "accuracy_drop_upper",
)
_PRINTS = ("corpus", "rules", "schema", "model", "calibration", "gold")


def _changed(before: Side, after: Side) -> tuple[str, ...]:
    """Return which fingerprints differ; a run and a version have only that of the corpus in common."""
    names = _PRINTS if before.is_run == after.is_run else ("corpus",)
    return tuple(name for name in names if before.prints.get(name) != after.prints.get(name))


# ---- examples ----


def _opened(config: Config, project: Path, sides: Sequence[Side], notes: list[str]) -> Task | None:
    """Return the task as it is now, for gold, slices and texts; None: it can't be opened, and notes say why."""
    try:
        task = open_task(config, project)
    except WeakLabelError as error:
        notes.append(f"neither accuracy nor texts: the task can't be opened as it is now ({error.what})")
        return None
    for side in sides:
        if side.prints.get("corpus", task.corpus.fingerprint) != task.corpus.fingerprint:
            notes.append(
                f"texts and slices are those of the corpus as it is now; it has been changed since {side.told}"
            )
            break
    return task


def _examples(
    groups: pl.DataFrame, found: Sequence[Cause | None], task: Task | None, notes: list[str]
) -> tuple[Mapping[str, Any], ...]:
    kinds = ["label_before", "status_before", "label_after", "status_after"]
    numbered = groups.with_row_index("group")
    top = (
        numbered.group_by(kinds, maintain_order=True)
        .agg(pl.col("rows").sum(), pl.col("group").head(EXAMPLES), pl.col("id").head(EXAMPLES))
        .sort("rows", descending=True, maintain_order=True)
        .head(SHOWN_PAIRS)
    )
    chosen = top.drop("rows").explode("group", "id")
    texts = texts_of_ids(task, chosen["id"], notes)
    return tuple(
        {
            "id": row["id"],
            "text": texts.get(row["id"]),
            "before": row["label_before"] or f"({row['status_before']})",
            "after": row["label_after"] or f"({row['status_after']})",
            "cause": cause_told(found[row["group"]]),
        }
        for row in chosen.iter_rows(named=True)
    )
