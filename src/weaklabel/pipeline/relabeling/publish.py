"""The end of a bulk relabeling: the side table, the manifest, the verdict, what the commit says, and tidying up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from weaklabel.export import write_text, writing
from weaklabel.label_matrix import VotePatterns
from weaklabel.pipeline.label_places import open_pattern_table
from weaklabel.pipeline.relabeling.fit import Verdict
from weaklabel.pipeline.relabeling.job import SEEN, Bulk, Decision
from weaklabel.pipeline.relabeling.merging import Merged
from weaklabel.pipeline.relabeling.parts import hash_file, unseen_file
from weaklabel.pipeline.relabeling.steps import Tally
from weaklabel.runs import HOME
from weaklabel.store.shard_votes import kept, read_shard_votes
from weaklabel.store.vote_store import VoteStore

VERDICTS = "verdicts.jsonl"
MANIFEST = "manifest.json"
_CHUNK = 250_000
"""Patterns that go into the side table at a time."""


@dataclass(frozen=True)
class Published:
    """What is written of an attempt whose labels are ready.

    Parameters
    ----------
    bulk, decision, run_id
        What was relabeled, how, and in which attempt.
    verdict
        What gold says of it.
    share
        The share of rows that its model was fitted on.
    """

    bulk: Bulk
    decision: Decision
    run_id: str
    verdict: Verdict
    share: float

    def metadata(self, counts: Mapping[str, Any]) -> dict[str, str]:
        """Return what the commit says: texts all."""
        bulk = self.bulk
        prints = {rule.id: rule.fingerprint for rule in bulk.counted}
        return {
            "kind": "relabel",
            "run_id": self.run_id,
            "job": self.decision.job,
            **bulk.inputs,
            "schema_version": bulk.task.schema.version,
            "rule_fingerprints": json.dumps(prints),
            "model": self.decision.model or "",
            "counts": json.dumps(counts, ensure_ascii=False),
            "audit": json.dumps(self.verdict.to_dict(), ensure_ascii=False),
            "changed": json.dumps(bulk.changed, ensure_ascii=False),
            "sample": repr(self.share),
        }

    def write_manifest(self, folder: Path, tally: Tally, counts: Mapping[str, Any], version: int) -> Path:
        """Write beside the job what it was made from and what it made."""
        bulk = self.bulk
        files = [one.file for one in tally.labeled.values()]
        said = {
            "format": 1,
            "run_id": self.run_id,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "task": bulk.config.task.name,
            "job": self.decision.job,
            "table": bulk.table.root,
            "version": version,
            "schema_version": bulk.task.schema.version,
            "fingerprints": {**bulk.inputs, "model": self.decision.model},
            "counts": counts,
            "fitted_on": self.share,
            "verdict": self.verdict.to_dict(),
            "shards": tally.shards(),
            "columns": tally.columns(),
            "faults": dict(sorted(tally.faults.items())),
            "flagged": tally.flagged,
            "files": {file.path: file.digest for file in sorted(files, key=lambda file: file.path)},
        }
        write_json(folder / MANIFEST, said)
        return folder / MANIFEST

    def record(self, version: int | None, *, error: str | None = None) -> None:
        """Append a line to the verdicts of this task; `version` is that of the labels, None: not published."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "run_id": self.run_id,
            "job": self.decision.job,
            "model": self.decision.model,
            "standing": self.bulk.said.get("model"),
            "version": version,
            **self.verdict.to_dict(),
            **({"error": error} if error else {}),
        }
        path = self.bulk.home / VERDICTS
        with writing(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def add_patterns(bulk: Bulk, folder: Path, merged: Merged) -> None:
    """Put the votes behind new pattern keys into the side table, once; those of the model that stands are there."""
    mark = folder / "patterns.done"
    if mark.exists():
        return
    before = bulk.models / bulk.said.get("model", "-") / SEEN
    counts = merged.patterns.counts
    if before.exists():
        seen = np.load(before, mmap_mode="r", allow_pickle=False)
        counts = np.where(np.isin(merged.patterns.keys, seen, assume_unique=True), 0, counts)
    _add(bulk, kept(merged.patterns, counts))
    write_text("", mark)


def add_unseen(bulk: Bulk, folder: Path, shards: int) -> None:
    """Put the votes that the fit has not seen into the side table, some shards at a time."""
    waiting: list[VotePatterns] = []
    for number in range(shards):
        found = read_shard_votes(unseen_file(folder, number), ids=False)
        if found is not None:
            waiting.append(found.patterns.without_rows())
        if sum(map(len, waiting)) > _CHUNK:
            _add(bulk, VotePatterns.merge(waiting))
            waiting = []
    if waiting:
        _add(bulk, VotePatterns.merge(waiting))


def _add(bulk: Bulk, patterns: VotePatterns) -> None:
    table = open_pattern_table(bulk.config, bulk.task.project)
    for start in range(0, len(patterns), _CHUNK):
        some = np.zeros(len(patterns), np.int64)
        some[start : start + _CHUNK] = 1
        table.add(kept(patterns, some))


def tidy(bulk: Bulk) -> None:
    """Remove what only unfinished jobs need, votes beyond `relabel.cache`, and hashes of rows that are gone.

    Whatever else was begun was begun from what no longer stands.
    """
    VoteStore(bulk.task.project / HOME / "votes").evict(int(bulk.config.relabel.cache * 1e9))
    for name in ("votes", "unseen"):
        for left in bulk.home.glob(f"*/{name}"):
            shutil.rmtree(left, ignore_errors=True)
    now = {hash_file(bulk.home / "ids", digest) for digest in bulk.digests}
    for path in (bulk.home / "ids").glob("*.npy"):
        if path not in now:
            path.unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file in one step.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.json"
    >>> write_json(path, {"model": "m1"})
    >>> json.loads(path.read_text())
    {'model': 'm1'}
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with writing(path):
            write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", temporary)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
