"""What the votes tell, before any label: a table of the rules, and what a reader should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.gold import Gold
from weaklabel.gold.tag_gold import TagGold
from weaklabel.label_matrix import Alphabet, LabelMatrix, VotePatterns, conflicted, lf_summary
from weaklabel.lf import LabelingFunction
from weaklabel.pipeline.slicing import Sliced
from weaklabel.pipeline.task import Task, label_of, relative


@dataclass(frozen=True)
class Findings:
    """What the votes tell, before any label.

    Parameters
    ----------
    rules
        The table of the rules: `lf_summary` with label, kind, place and faults.
    sliced
        `lf_summary` of each of the task's slices; None without slices.
    overlaps, conflicts
        Share of the rows with several votes, and with votes that differ.
    notes
        What a reader should know, in sentences.
    """

    rules: pl.DataFrame
    overlaps: float
    conflicts: float
    sliced: pl.DataFrame | None = None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        task: Task,
        votes: LabelMatrix,
        patterns: VotePatterns,
        gold: Gold | None,
        nan: Mapping[str, int],
        parts: Sliced,
    ) -> Findings:
        """Look at the votes, whole and in parts; `nan` counts the NaN per column. Gold that is held out judges no rule."""
        codes = None if gold is None or task.config.task.gold.held_out else gold.code_frame
        about = pl.DataFrame(
            {
                "labeler": [rule.id for rule in task.registry.rules],
                "label": [label_of(task.registry, rule) for rule in task.registry.rules],
                "kind": [rule.kind for rule in task.registry.rules],
                "where": [relative(rule.source, task.project) for rule in task.registry.rules],
                "muted": [rule.muted for rule in task.registry.rules],
                "faults": [int(votes.faults.get(rule.id, 0)) for rule in task.registry.rules],
            },
            schema_overrides={"label": pl.String},
        )
        alphabets: dict[str, Any] = {
            "outcomes": task.registry.outcome_codes(),
            "n_classes": len(task.schema),
        }
        rules = lf_summary(votes, gold=codes, **alphabets).join(
            about, on="labeler", how="left", maintain_order="left"
        )
        alphabet = Alphabet.of(len(task.schema), task.registry.outcome_codes(), whole=True)
        said = np.unique(alphabet.events(patterns)[patterns.codes >= 0])
        voted = np.flatnonzero(alphabet.members[said].any(axis=0))
        total = max(int(patterns.counts.sum()), 1)
        overlaps = int(patterns.counts[patterns.n_votes > 1].sum()) / total
        conflicts = int(patterns.counts[conflicted(patterns, alphabet)].sum()) / total
        notes = _notes(task, votes, voted, gold, nan, rules)
        return cls(rules, overlaps, conflicts, _sliced(parts, votes, codes, alphabets), notes)


def _sliced(
    parts: Sliced, votes: LabelMatrix, gold: pl.DataFrame | None, alphabets: Mapping[str, Any]
) -> pl.DataFrame | None:
    if not parts:
        return None
    table = lf_summary(votes, gold=gold, frame=parts.frame, slices=parts.slices, **alphabets)
    return table.filter(pl.col("slice").is_not_null())


def _notes(
    task: Task,
    votes: LabelMatrix,
    voted: npt.NDArray[Any],
    gold: Gold | None,
    nan: Mapping[str, int],
    rules: pl.DataFrame,
) -> list[str]:
    never = [name for code, name in enumerate(task.schema.names) if code not in voted]
    unvoted = [f"no rule votes for {name!r} on any row: no row can get this label" for name in never]
    return rule_notes(task, votes, gold, nan, rules, unvoted=unvoted)


def rule_notes(
    task: Task,
    votes: LabelMatrix,
    gold: Gold | TagGold | None,
    nan: Mapping[str, int],
    rules: pl.DataFrame,
    *,
    unvoted: Sequence[str] = (),
) -> list[str]:
    """Return what a reader should know of a run's rules, in sentences.

    Parameters
    ----------
    task, votes, gold
        The task, the votes of its rules, and what scores its labels.
    nan
        The number of NaN per column that a rule reads.
    rules
        Their table, with `labeler` and `Coverage`.
    unvoted
        What is to be said of labels without votes.
    """
    notes = []
    if len(votes.labelers) == 1:
        notes.append(
            "there is one rule only: every label is that rule's vote, and nothing can check it but gold"
        )
    notes += [*_resting(task), *unvoted]
    silent = rules.filter(pl.col("Coverage") == 0)["labeler"].to_list()
    if silent:
        more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
        never = "1 rule never votes" if len(silent) == 1 else f"{len(silent)} rules never vote"
        notes.append(f"{never}: {', '.join(silent[:3])}{more}")
    for column, count in nan.items():
        rows = "1 row holds" if count == 1 else f"{count:,} rows hold"
        notes.append(f"{rows} NaN in the column {column!r}: rules on it abstain there, as on nulls")
    faults = {name: count for name, count in votes.faults.items() if count}
    if faults:
        worst, total = max(faults, key=lambda name: faults[name]), sum(faults.values())
        verb = "counts as a missing vote" if total == 1 else "count as missing votes"
        in_rules = f"{_counted(total, 'fault')} in {_counted(len(faults), 'rule')}"
        notes.append(f"{in_rules} {verb} (most: {worst}, {faults[worst]})")
    notes += gold.notes if gold else ("there is no gold: nothing says how good these labels are",)
    return notes


def _resting(task: Task) -> list[str]:
    """Tell of the rules that don't vote, don't count, or vote on some days only."""
    notes = []
    resting = [rule for rule in task.resting if rule.state != "slice"]
    states = Counter(rule.state for rule in resting)
    if states:
        kinds = " and ".join(f"{count} {state}" for state, count in sorted(states.items()))
        notes.append(f"{_counted(len(resting), 'rule')} did not vote: {kinds} ({_some(resting)})")
    muted = [rule for rule in task.registry if rule.muted]
    if muted:
        notes.append(f"muted, so that no label counts their votes: {_some(muted)}")
    dated = [rule for rule in task.registry if rule.dated]
    if dated:
        days = (
            f"by the column {task.config.task.date!r}"
            if task.config.task.date
            else f"as of {task.config.task.today}"
        )
        notes.append(f"{_counted(len(dated), 'rule')} valid on some days only, judged {days}: {_some(dated)}")
    return notes


def _some(rules: Sequence[LabelingFunction]) -> str:
    more = f" and {len(rules) - 3} more" if len(rules) > 3 else ""
    return ", ".join(rule.id for rule in rules[:3]) + more


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
