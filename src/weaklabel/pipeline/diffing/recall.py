"""`recall`: every row on which a rule voted, and what its label would be without that vote."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import ConfigError, GoldError, RuleError, WeakLabelError, did_you_mean
from weaklabel.export import sync, writing
from weaklabel.pipeline.diffing.outcomes import NO_LABEL, outcomes
from weaklabel.pipeline.diffing.runs import run_votes
from weaklabel.pipeline.diffing.side import Int8, Int64, Side, as_votes
from weaklabel.pipeline.diffing.sides import open_side, open_standing
from weaklabel.pipeline.diffing.versions import label_table, pattern_table
from weaklabel.pipeline.task import open_registry
from weaklabel.schema import ABSTAIN, VOTE_PREFIX
from weaklabel.settings import Config

KEYS = 200_000
"""Vote patterns that are looked at together."""
ENDINGS = (".parquet", ".csv", ".jsonl")
_COLUMNS = {
    "pattern": pl.Int64,
    "vote": pl.Int8,
    "label_with": pl.String,
    "status_with": pl.String,
    "label_without": pl.String,
    "status_without": pl.String,
}


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """Rows on which a rule voted; made by `recall`.

    Parameters
    ----------
    rule, side
        The rule's id, and the labels that stand.
    since
        The first version that was looked at; None: only the labels that stand.
    rows, standing
        Rows on which it voted at all, and those on which it votes in the labels that stand.
    changes
        Rows whose label or status would be another one without its vote.
    table
        `label`, `label_without`, `rows`: labels now, and without the vote; a status in brackets where there is no
        label.
    file
        Where the rows were written; None: nowhere.
    notes
        What to know.

    Examples
    --------
    >>> Recalled.__name__
    'Recalled'
    """

    rule: str
    side: str
    since: str | None
    rows: int
    standing: int
    changes: int
    table: pl.DataFrame
    file: Path | None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "rule": self.rule,
            "side": self.side,
            "since": self.since,
            "rows": self.rows,
            "standing": self.standing,
            "changes": self.changes,
            "labels": self.table.to_dicts(),
            "file": None if self.file is None else str(self.file),
            "notes": list(self.notes),
        }


def recall(
    config: Config, project: str | Path, rule: str, *, since: str | None = None, out: Path | None = None
) -> Recalled:
    """Find every row on which a rule voted, with its label now and the label without that vote.

    Parameters
    ----------
    config, project
        The task, and where it is.
    rule
        A rule's id or name.
    since
        A version of the label table, `v3`: rows on which it voted in any version from there on; None: in the newest
        version, or in the last run where there is no label table.
    out
        A file for the rows: .parquet, .csv or .jsonl. Columns: id, vote, version (the last one in which it voted, null
        for a run), label and status now (null: the row is not there any more), label_without and status_without, and
        changes.

    Raises
    ------
    WeakLabelError
        No such rule or version, or a file that can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline import run
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> config = load(project, ["tracking=none", "plots=false"])
    >>> _ = run(config, project=project)
    >>> found = recall(config, project, "says_thanks")
    >>> found.rows, found.changes, found.rows == int(found.table["rows"].sum())
    (7, 7, True)
    """
    project = Path(project).absolute()
    if out is not None and out.suffix not in ENDINGS:
        raise ConfigError(f"--out {out.name}: its ending says no format", available=ENDINGS)
    side = open_standing(config, project)
    notes = ["without the vote means: the rule abstains, and the label model stays as it is fitted"]
    older = _older(config, project, side, since)
    rule = _rule_id(config, project, rule, [side, *older])
    mapping = _without(config, project, side, rule)
    rows = _rows(
        side, mapping, [(one, _voted(config, project, one, rule)) for one in _readable(older, notes)]
    )
    told = _told(rows)
    overruled = int(told.filter("overruled")["rows"].sum())
    if overruled:
        notes.append(
            f"{overruled:,} of the rows have another label or status now than the model gives them, as after a certificate; "
            "they count as changed where the model would give another one without the vote"
        )
    if out is not None:
        _write(rows, out)
    kinds = [pl.col("now").alias("label"), pl.col("then").alias("label_without")]
    table = told.group_by(kinds).agg(pl.col("rows").sum())
    table = table.sort(["rows", "label", "label_without"], descending=[True, False, False])
    return Recalled(
        rule=rule,
        side=side.told,
        since=since,
        rows=int(told["rows"].sum()),
        standing=int(told.filter("votes_now")["rows"].sum()),
        changes=int(told.filter("changes")["rows"].sum()),
        table=table,
        file=out,
        notes=tuple(notes),
    )


# ---- which rule, which versions ----


def _older(config: Config, project: Path, side: Side, since: str | None) -> list[Side]:
    """Return the versions before the one that stands, from `since` on, the newest first."""
    if since is None:
        return []
    if side.version is None:
        raise GoldError(
            f"--since {since}: there is no label table of task {config.task.name!r}",
            hint="without --since the last run is looked at; weaklabel relabel makes a label table",
        )
    known = [f"v{one.version}" for one in label_table(config, project).log()]
    if since not in known:
        raise GoldError(
            f"--since {since}: there is no such version", available=known, hint=did_you_mean(since, known)
        )
    first = int(since[1:])
    return [open_side(config, project, name) for name in known[::-1] if first <= int(name[1:]) < side.version]


def _readable(sides: list[Side], notes: list[str]) -> list[Side]:
    """Return the versions whose rows are still there."""
    found = []
    for side in sides:
        try:
            side.labels.select("id").head(1).collect()
            found.append(side)
        except (WeakLabelError, OSError, pl.exceptions.PolarsError):
            notes.append(f"{side.told} was not looked at: its files are not there any more (vacuumed)")
    return found


def _rule_id(config: Config, project: Path, rule: str, sides: list[Side]) -> str:
    """Return a rule's id from its id or name: of the labels' rules, or of the project's."""
    known: dict[str, None] = {}
    for side in sides:
        known |= dict.fromkeys([*side.rules, *side.marks])
    if rule in known:
        return rule
    try:
        names = {one.name: one.id for one in open_registry(config, project).rules}
    except WeakLabelError:
        names = {}
    if names.get(rule) in known:
        return names[rule]
    hint = did_you_mean(rule, known)
    if rule in names or rule in names.values():
        hint = "it is a rule of the project, but had no part in these labels: it is muted, resting or new"
    raise RuleError(f"no rule {rule!r} in the labels of {sides[0].told}", available=list(known), hint=hint)


# ---- votes ----


def _voted(config: Config, project: Path, side: Side, rule: str) -> pl.DataFrame:
    """Return the pattern keys of a side in which a rule voted, and its vote."""
    kinds = {"pattern": pl.Int64, "vote": pl.Int8}
    if side.is_run:
        votes = run_votes(side, [rule]).rename({f"{VOTE_PREFIX}{rule}": "vote"}).filter(pl.col("vote") >= 0)
        found = votes.join(side.labels.select("id", "pattern"), on="id", how="inner").select(*kinds).unique()
        return found.collect(engine="streaming").sort("pattern")
    table, parts = pattern_table(config, project), [pl.DataFrame(schema=kinds)]
    for keys in _keys(side):
        lists = table.votes_of(keys.tolist()).explode("lfs", "votes")
        said = lists.filter((pl.col("lfs") == rule) & (pl.col("votes") >= 0))
        parts.append(said.select("pattern", vote="votes"))
    return pl.concat(parts)


def _keys(side: Side) -> list[Int64]:
    """Return the distinct pattern keys of a version's rows with votes, in blocks."""
    rows = side.labels.filter(pl.col("n_votes") > 0).select("pattern").unique()
    keys = np.sort(rows.collect(engine="streaming")["pattern"].to_numpy())
    return [keys[start : start + KEYS] for start in range(0, len(keys), KEYS)]


def _without(config: Config, project: Path, side: Side, rule: str) -> pl.DataFrame:
    """Return, for each pattern of a side in which a rule voted, what the model says, and when it abstains instead."""
    voted = _voted(config, project, side, rule)
    if not voted.height:
        return pl.DataFrame(schema=_COLUMNS)
    keys = voted["pattern"].to_numpy()
    given: list[Int64] = []
    without: list[Int64] = []
    for start in range(0, len(keys), KEYS):
        votes = side.votes(keys[start : start + KEYS])
        given.append(_answers(side, votes))
        votes[:, list(side.model.labelers_).index(rule)] = ABSTAIN
        without.append(_answers(side, votes))
    named = {"with": np.concatenate(given), "without": np.concatenate(without)}
    return voted.with_columns(one for kind, code in named.items() for one in _named(side, kind, code))


def _answers(side: Side, votes: Int8) -> Int64:
    """Return what a side's model gives to rows of votes, as codes of `outcomes`."""
    rows, model = as_votes(side, votes), side.model
    return outcomes(model.predict_proba(rows), model.predict(rows), rows.n_votes, side.threshold)


def _named(side: Side, kind: str, code: Int64) -> list[pl.Series]:
    names = np.array([*side.names, *[None] * len(NO_LABEL)], object)
    statuses = np.array([*["labeled"] * len(side.names), *NO_LABEL], object)
    return [
        pl.Series(f"label_{kind}", names[code].tolist(), dtype=pl.String),
        pl.Series(f"status_{kind}", statuses[code].tolist(), dtype=pl.String),
    ]


# ---- rows ----


def _rows(side: Side, mapping: pl.DataFrame, older: list[tuple[Side, pl.DataFrame]]) -> pl.LazyFrame:
    """Return every row on which the rule voted: in the labels that stand, else in the newest older version."""

    def called(one: Side) -> pl.Expr:
        names = dict(enumerate(one.names))
        return pl.col("vote").replace_strict(names, default=None, return_dtype=pl.String).alias("vote")

    version = pl.lit(side.version, pl.Int64)
    now = side.labels.select("id", "label", "status", "pattern")
    moved = _differ("label_with", "label_without") | _differ("status_with", "status_without")
    rows = [now.join(mapping.lazy(), on="pattern", how="inner").select(
        "id", called(side), "label", "status", version=version, votes_now=pl.lit(True), changes=moved,
        label_without=pl.when(moved).then("label_without").otherwise("label"),
        status_without=pl.when(moved).then("status_without").otherwise("status"),
        overruled=_differ("label", "label_with") | _differ("status", "status_with"),
    )]  # fmt: skip
    seen = rows[0].select("id")
    for one, voted in older:
        held = one.labels.select("id", "pattern").join(voted.lazy(), on="pattern", how="inner")
        new = held.join(seen, on="id", how="anti")
        stands = new.join(now.drop("pattern"), on="id", how="left")
        rows.append(stands.select(
            "id", called(one), "label", "status", label_without="label", status_without="status",
            version=pl.lit(one.version, pl.Int64), votes_now=pl.lit(False), changes=pl.lit(False), overruled=pl.lit(False),
        ))  # fmt: skip
        seen = pl.concat([seen, new.select("id")])
    return pl.concat(rows, how="diagonal")


def _differ(one: str, other: str) -> pl.Expr:
    return pl.col(one).ne_missing(pl.col(other))


def _told(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return counts of rows by label now and then."""
    counted = rows.group_by(
        "votes_now",
        "changes",
        "overruled",
        now=_shown("label", "status"),
        then=_shown("label_without", "status_without"),
    ).agg(rows=pl.len().cast(pl.Int64))
    return counted.collect(engine="streaming")


def _shown(label: str, status: str) -> pl.Expr:
    return pl.coalesce(pl.col(label), pl.format("({})", pl.col(status)), pl.lit("(not there)"))


def _write(rows: pl.LazyFrame, out: Path) -> None:
    """Write the rows, whole or not at all."""
    columns = ["id", "vote", "version", "label", "status", "label_without", "status_without", "changes"]
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    sinks: Mapping[str, Any] = {
        ".parquet": pl.LazyFrame.sink_parquet,
        ".csv": pl.LazyFrame.sink_csv,
        ".jsonl": pl.LazyFrame.sink_ndjson,
    }
    try:
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            sinks[out.suffix](rows.select(columns), temporary)
            sync(temporary)
            temporary.replace(out)
            sync(out.parent)
    finally:
        if temporary.is_file():
            temporary.unlink()
