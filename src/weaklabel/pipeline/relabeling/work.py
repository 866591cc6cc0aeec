"""What a bulk relabeling gives to its workers, and what earlier ones left that it can use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from weaklabel.pipeline.relabeling.job import Bulk, Decision
from weaklabel.pipeline.relabeling.parts import Item, Work
from weaklabel.runs import HOME

MADE = "made.json"
"""In a job's folder: what decides the labels of given rows."""


def shared_work(bulk: Bulk, decision: Decision) -> Work:
    """Return what all tasks of a relabeling share."""
    corpus = replace(bulk.task.corpus, digests={})
    gold = [] if bulk.gold is None else bulk.gold.frame["id"].to_list()
    gold += [] if bulk.calibration is None else bulk.calibration.gold.frame["id"].to_list()
    return Work(
        config=bulk.config,
        project=bulk.task.project,
        corpus=corpus,
        schema=bulk.task.schema,
        keys=bulk.keys,
        votes=bulk.task.project / HOME / "votes",
        folder=bulk.home / decision.job,
        hashes=None if corpus.id_column is None else bulk.home / "ids",
        gold=frozenset(gold),
        gold_set=bulk.inputs["gold"],
        job=decision.job,
        root=bulk.table.root,
        storage=bulk.config.storage,
        model=decision.source,
        version=decision.model or "",
    )


def shard_items(bulk: Bulk, known: Mapping[str, Sequence[str]] | None = None) -> list[Item]:
    """Return one item for each shard, in order, with what `known_labels` knows of it."""
    return [
        Item(number, shard, digest, tuple((known or {}).get(digest, ())))
        for number, (shard, digest) in enumerate(zip(bulk.shards, bulk.digests, strict=True))
    ]


def known_labels(bulk: Bulk, decision: Decision) -> dict[str, list[str]]:
    """Return, by the digest of a shard, the notes on labels that the same rules and model gave it in other jobs."""
    known: dict[str, list[str]] = {}
    for made in sorted(bulk.home.glob(f"*/{MADE}")):
        if made.parent.name == decision.job or made.read_text(encoding="utf-8") != made_by(bulk, decision):
            continue
        for note in sorted((made.parent / "labels").glob("part-*.json")):
            try:
                digest = json.loads(note.read_text(encoding="utf-8"))["digest"]
            except (OSError, ValueError, KeyError):
                continue
            known.setdefault(digest, []).append(str(note))
    return known


def made_by(bulk: Bulk, decision: Decision) -> str:
    """Return what decides the labels of given rows, as text."""
    inputs = bulk.inputs
    return json.dumps([decision.model, inputs["rules"], inputs["schema"], inputs["threshold"]])
