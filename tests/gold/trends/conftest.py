"""A season of three batches in three weeks by people of known skill: one has a bad day, one guideline follows another."""

import datetime

import numpy as np
import polars as pl
import pytest

from weaklabel.gold import Ledger
from weaklabel.gold.asking.batches import BatchSettings
from weaklabel.gold.judging.checks import Season
from weaklabel.gold.room import Room
from weaklabel.gold.rules import Rules
from weaklabel.schema import LabelSchema

SKILL = {"ann": 0.97, "bob": 0.92, "cid": 0.88, "dot": 0.95, "eve": 0.8}
PACE = {"ann": 10.0, "bob": 20.0, "cid": 30.0, "dot": 15.0, "eve": 12.0}
"""Median seconds an answer."""
BAD = ("dot", "b2")
NAMES = ("ham", "news", "spam")
START = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)


def truth_of(item):
    return NAMES[int(item[1:]) % 3]


def simulated(room, batch, week, guideline, skill, rng):
    """Answers to all that a batch asks; a wrong one says spam for news and news for spam, mostly."""
    asked = room.ledger.records("assignment", task=room.task).filter(pl.col("batch") == batch)
    done = room.ledger.answers(task=room.task).select("batch", "item", "annotator")
    asked = asked.join(done, on=["batch", "item", "annotator"], how="anti").sort("annotator", "position")
    rows = []
    for n, (item, person, shown, blind) in enumerate(
        asked.select("item", "annotator", "suggestion", "blind").iter_rows()
    ):
        truth = truth_of(item)
        wrong = {"ham": "news", "news": "spam", "spam": "news"}[truth]
        right = rng.random() < skill[person]
        rows.append(
            {
                "item": item,
                "annotator": person,
                "kind": "label",
                "labels": [truth if right else wrong],
                "at": START + datetime.timedelta(weeks=week, seconds=30 * n),
                "seconds": float(rng.lognormal(np.log(PACE[person]), 0.4)),
                "guideline": guideline,
                "batch": batch,
                "tool": "table",
                "suggested": bool(shown) and not blind,
                "suggestion": shown if shown and not blind else None,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"suggestion": pl.List(pl.String)})


@pytest.fixture(scope="session")
def season(tmp_path_factory):
    """A gold room after three batches."""
    rng = np.random.default_rng(5)
    rules = Rules(
        people=dict.fromkeys(SKILL, 1.0),
        batch=BatchSettings(per_item=3, checks=30, most_checks=0.5),
        season=Season(people=5, batches=3, false_alarms=0.2),
        floor=0.7,
    )
    place = tmp_path_factory.mktemp("season") / "ledger.db"
    room = Room(Ledger.open(place), "mail", LabelSchema(NAMES), rules, seed=1)
    ids = [f"i{n:04d}" for n in range(900)]
    checks = pl.DataFrame({"item": ids[:120]}).with_columns(
        pl.Series("labels", [[truth_of(i)] for i in ids[:120]]),
        role=pl.lit("check"),
        origin=pl.lit("expert"),
        experts=pl.lit(["gil"], dtype=pl.List(pl.String)),
    )
    room.add_gold(checks)
    rows = pl.DataFrame({"id": ids})
    for week, batch in enumerate(("b1", "b2", "b3")):
        suggestions = None
        if batch == "b3":
            suggestions = pl.DataFrame({"item": ids, "suggestion": [truth_of(i) for i in ids]})
        room.create_batch(batch, rows, size=90, suggestions=suggestions)
        room.move(batch, "sent")
        skill = {**SKILL, "dot": 0.2} if batch == BAD[1] else SKILL
        room.add(simulated(room, batch, week, f"v{min(week, 1) + 1}", skill, rng))
        room.move(batch, "back")
        room.judge(batch)
    return room
