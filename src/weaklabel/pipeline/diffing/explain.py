"""`explain`: why a row has its label, what would change it, and what it was before."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, WeakLabelError, did_you_mean
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import Explanation
from weaklabel.pipeline.diffing.gold import texts_of_ids
from weaklabel.pipeline.diffing.outcomes import NO_LABEL, outcomes
from weaklabel.pipeline.diffing.runs import run_votes
from weaklabel.pipeline.diffing.side import Int8, Side
from weaklabel.pipeline.diffing.sides import open_standing
from weaklabel.pipeline.diffing.versions import label_table
from weaklabel.pipeline.task import label_of, open_registry, open_task
from weaklabel.schema import ABSTAIN, MISSING, VOTE_PREFIX
from weaklabel.settings import Config


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Why a row has its label; made by `explain`.

    Parameters
    ----------
    id, side, text
        The row, the labels that were looked at, and its text where it is at hand.
    label, status, probabilities
        What it has; label -> probability, None for a row without votes.
    model
        The kind of label model.
    scale
        What `prior` and `adds` are: log odds that add up to the answer's, shares of it, or what leaving a rule out
        takes away (`left out`, which doesn't add up); see `weaklabel.label_model.Explanation`.
    prior
        Label -> what the model says before any vote.
    votes
        A line per rule that voted or stood out: `rule`, `vote`, `adds` (label -> number), `without` (the label that the
        row would have if the rule had not been asked).
    silent
        Rules that abstained and move the answer too little to be listed.
    steps
        How the probabilities came about: name -> probabilities, from the votes to the last correction.
    would_flip
        Single votes that would change the outcome: `rule`, `vote`, `instead`, `outcome`.
    history
        The row in each version of the label table, the newest first.
    notes
        What to know.

    Examples
    --------
    >>> Explained.__name__
    'Explained'
    """

    id: str
    side: str
    text: str | None
    label: str | None
    status: str
    probabilities: Mapping[str, float] | None
    model: str
    scale: str
    prior: Mapping[str, float]
    votes: tuple[Mapping[str, Any], ...]
    silent: int
    steps: Mapping[str, Mapping[str, float]]
    would_flip: tuple[Mapping[str, Any], ...]
    history: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def explain(config: Config, project: str | Path, id: str, *, at: str | None = None) -> Explained:
    """Say why a row has its label.

    Parameters
    ----------
    config, project
        The task, and where it is.
    id
        The row.
    at
        A run's id, `last`, a version of the label table (`v3`) or `latest`; None: the newest version, or the last run
        where there is no label table.

    Raises
    ------
    WeakLabelError
        There are no such labels, or they don't have the row, or their model is gone.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline import run
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> config = load(project, ["tracking=none", "plots=false"])
    >>> _ = run(config, project=project)
    >>> found = explain(config, project, "n02")
    >>> found.label, [line["rule"] for line in found.votes if line["vote"] != "abstained"]
    ('complaint', ['grumbles'])
    """
    project = Path(project).absolute()
    side = open_standing(config, project, at)
    row = _row(config, project, side, id)
    votes = _votes(side, id, row["pattern"])
    notes: list[str] = []
    said = side.model.explain(LabelMatrix.from_numpy(votes, labelers=side.model.labelers_, silence=ABSTAIN))
    lines, silent = _lines(side, said)
    _note_change(side, votes, row, notes)
    known = row["probabilities"]
    return Explained(
        id=id,
        side=side.told,
        text=_text(config, project, id, notes),
        label=row["label"],
        status=row["status"],
        probabilities=None if known is None else _named(side, known),
        model=side.model.name,
        scale=said.scale,
        prior=_named(side, said.prior),
        votes=lines,
        silent=silent,
        steps=_steps(side, votes),
        would_flip=_would_flip(config, project, side, votes),
        history=history(config, project, id, notes),
        notes=tuple(notes),
    )


def _row(config: Config, project: Path, side: Side, id: str) -> dict[str, Any]:
    if side.version is not None:
        found = label_table(config, project).rows_of([id], side.version)
    else:
        found = side.labels.filter(pl.col("id") == id).collect(engine="streaming")
    if not found.height:
        some = side.labels.select("id").head(2000).collect()["id"].to_list()
        raise GoldError(
            f"no row {id!r} among the labels of {side.told}",
            available=some[:5],
            hint=did_you_mean(id, some) or f"they have {_count(side):,} rows",
        )
    return found.row(0, named=True)


def _count(side: Side) -> int:
    return int(side.labels.select(pl.len()).collect(engine="streaming").item())


def _votes(side: Side, id: str, pattern: int) -> Int8:
    """Return the votes on a row, (1, rules)."""
    if side.folder is None:
        return side.votes([pattern])
    labelers = side.model.labelers_
    found = run_votes(side, labelers).filter(pl.col("id") == id).collect(engine="streaming")
    if not found.height:
        raise GoldError(f"the votes on row {id!r} are not there any more", where=str(side.folder))
    return np.ascontiguousarray(found.select(f"{VOTE_PREFIX}{rule}" for rule in labelers).to_numpy(), np.int8)


def _text(config: Config, project: Path, id: str, notes: list[str]) -> str | None:
    try:
        task = open_task(config, project)
    except WeakLabelError as error:
        notes.append(f"the text can't be shown: {error.what}")
        return None
    return texts_of_ids(task, pl.Series("id", [id]), notes).get(id)


def _note_change(side: Side, votes: Int8, row: Mapping[str, Any], notes: list[str]) -> None:
    """Say so where a row's outcome is not what the label model gives, as after a certificate took its label away."""
    matrix = LabelMatrix.from_numpy(votes, labelers=side.model.labelers_, silence=ABSTAIN)
    answers = side.model.predict_proba(matrix), side.model.predict(matrix), (votes >= 0).sum(axis=1)
    said = _outcomes(side)[int(outcomes(*answers, side.threshold)[0])]
    if said != (row["label"] or f"({row['status']})"):
        notes.append(f"the label model gives {said}: the label or status was changed afterwards")


def _outcomes(side: Side) -> list[str]:
    return [*side.names, *(f"({status})" for status in NO_LABEL)]


def _named(side: Side, values: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(side.names, values, strict=True)}


def _lines(side: Side, said: Explanation) -> tuple[tuple[Mapping[str, Any], ...], int]:
    """Return a line per vote, and per silence that alone would change the label, what moves most first."""
    spread = np.ptp(said.contributions, axis=1) if len(said.votes) else np.zeros(0)
    chosen = [
        i
        for i in np.argsort(-spread, kind="stable").tolist()
        if said.votes[i] >= 0 or said.without[i] != said.label
    ]
    lines = tuple(
        {
            "rule": said.labelers[i],
            "vote": side.names[said.votes[i]] if said.votes[i] >= 0 else "abstained",
            "adds": _named(side, said.contributions[i]),
            "without": side.names[said.without[i]] if said.without[i] >= 0 else None,
        }
        for i in chosen
    )
    return lines, len(said.votes) - len(lines)


def _steps(side: Side, votes: Int8) -> dict[str, dict[str, float]]:
    """Return the probabilities after each step: votes and weights, what gold corrected, the calibrator."""
    model = side.model
    matrix = LabelMatrix.from_numpy(votes, labelers=model.labelers_, silence=ABSTAIN)
    plain = copy.copy(model)
    plain.correction_ = plain.calibrator_ = None
    steps = {"votes and weights": plain}
    if model.correction_ is not None:
        corrected = copy.copy(model)
        corrected.calibrator_ = None
        steps[f"corrected by {model.correction_.n_gold} gold rows"] = corrected
    if model.calibrator_ is not None:
        steps[f"calibrated ({model.calibrator_.name}, {model.calibrator_.n_gold_} gold rows)"] = model
    return {name: _named(side, one.predict_proba(matrix)[0]) for name, one in steps.items()}


def _would_flip(config: Config, project: Path, side: Side, votes: Int8) -> tuple[Mapping[str, Any], ...]:
    """Return each single vote that would give the row another outcome: taken back first, then cast."""
    possible = _possible(config, project, side)
    rows, told = [votes[0]], []
    for j, rule in enumerate(side.model.labelers_):
        own = int(votes[0, j])
        for code in [*([ABSTAIN] if own >= 0 else []), *possible.get(rule, range(len(side.names)))]:
            if code == own or (own == MISSING and code == ABSTAIN):
                continue
            row = votes[0].copy()
            row[j] = code
            rows.append(row)
            told.append((rule, own, code))
    matrix = LabelMatrix.from_numpy(np.array(rows, np.int8), labelers=side.model.labelers_, silence=ABSTAIN)
    heard = (matrix.to_numpy() >= 0).sum(axis=1)
    found = outcomes(side.model.predict_proba(matrix), side.model.predict(matrix), heard, side.threshold)
    names = _outcomes(side)
    flips = [
        {"rule": rule, "vote": _said(side, own), "instead": _said(side, code), "outcome": names[got]}
        for (rule, own, code), got in zip(told, found[1:].tolist(), strict=True)
        if got != found[0]
    ]
    return tuple(sorted(flips, key=lambda one: (one["instead"] != "abstained", one["vote"] == "abstained")))


def _said(side: Side, code: int) -> str:
    return side.names[code] if code >= 0 else "abstained" if code == ABSTAIN else "not asked"


def _possible(config: Config, project: Path, side: Side) -> dict[str, list[int]]:
    """Return for each rule of the project that stands for one label the code of that label."""
    try:
        registry = open_registry(config, project)
    except WeakLabelError:
        return {}
    found = {}
    for rule in registry.rules:
        label = label_of(registry, rule)
        if label in side.names:
            found[rule.id] = [side.names.index(label)]
    return found


def history(config: Config, project: Path, id: str, notes: list[str]) -> tuple[Mapping[str, Any], ...]:
    """Return a row's label in each version of the label table, the newest first, with what changed in that version.

    Parameters
    ----------
    config, project, id
        The task, where it is, and the row.
    notes
        Gets a sentence where there is nothing to tell.
    """
    table = label_table(config, project)
    if table.version() is None:
        notes.append("no history: the task has no label table yet (weaklabel relabel)")
        return ()
    found: list[Mapping[str, Any]] = []
    for one in reversed(table.log()):
        line: dict[str, Any] = {
            "version": one.version,
            "time": one.time.isoformat(timespec="seconds"),
            "kind": one.kind,
            "label": None,
            "status": "not there",
            "probability": None,
            "model": one.metadata.get("model", ""),
            "changed": json.loads(one.metadata.get("changed") or "{}"),
        }
        try:
            rows = table.rows_of([id], one.version)
        except WeakLabelError:
            found.append({**line, "status": "vacuumed"})
            continue
        if rows.height:
            row = rows.row(0, named=True)
            sure = None if row["probabilities"] is None else max(row["probabilities"])
            line |= {"label": row["label"], "status": row["status"], "probability": sure}
        found.append(line)
    return tuple(found)
