"""The whole loop on the sample messages: train, label with hidden checks, catch a bad day, agree, settle, gold."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from weaklabel.errors import GoldError, Problems
from weaklabel.gold import Ledger
from weaklabel.gold.asking.batches import BatchSettings
from weaklabel.gold.judging.checks import Season
from weaklabel.gold.judging.training import TrainingRules
from weaklabel.gold.room import Room
from weaklabel.gold.rules import Rules
from weaklabel.gold.tools import from_tool, to_tool
from weaklabel.schema import LabelSchema

SAMPLE = Path(__file__).parents[2] / "labeling_functions" / "support" / "sample"
SKILL = {"ann": 0.95, "bob": 0.93, "cid": 0.94, "dot": 0.92, "eve": 0.9}
BAD = "dot"
"""Who has a bad day in the second batch: right in one of four."""


@pytest.fixture(scope="module")
def messages():
    texts = pl.read_ndjson(SAMPLE / "messages.jsonl").select("id", "text")
    return texts.join(pl.read_csv(SAMPLE / "gold.csv"), on="id").sort("id")


@pytest.fixture(scope="module")
def schema(messages):
    return LabelSchema(sorted(messages["label"].unique()))


def simulate(room, batch, messages, skill, seed):
    """Answers of people of known skill to all that a batch asks of them and that they have not answered."""
    rng = np.random.default_rng(seed)
    truth = dict(messages.select("id", "label").iter_rows())
    asked = room.ledger.records("assignment", task=room.task).filter(pl.col("batch") == batch)
    done = room.ledger.answers(task=room.task).select("batch", "item", "annotator")
    asked = asked.join(done, on=["batch", "item", "annotator"], how="anti").sort("annotator", "position")
    rows = []
    for person, item in asked.select("annotator", "item").iter_rows():
        others = [name for name in room.schema.names if name != truth[item]]
        said = truth[item] if rng.random() < skill[person] else str(rng.choice(others))
        rows.append((item, person, "label", [said], batch, "table"))
    names = ["item", "annotator", "kind", "labels", "batch", "tool"]
    return pl.DataFrame(rows, schema=names, orient="row")


@pytest.fixture(scope="module")
def room(tmp_path_factory, schema):
    rules = Rules(
        people=dict.fromkeys(SKILL, 1.0),
        batch=BatchSettings(per_item=3, checks=15, most_checks=0.4),
        training=TrainingRules(least=20, kappa=0.6),
        season=Season(people=5, batches=4, false_alarms=0.2),
        floor=0.7,
    )
    ledger = Ledger.open(tmp_path_factory.mktemp("loop") / "ledger.db")
    return Room(ledger, "support", schema, rules, seed=1)


def test_the_loop(room, messages, tmp_path):
    role_of = {"training": messages[:60], "check": messages[60:180]}
    for role, rows in role_of.items():
        items = rows.select(
            item="id", labels=pl.concat_list("label"), role=pl.lit(role), origin=pl.lit("expert")
        ).with_columns(experts=pl.lit(["gil", "hal"], dtype=pl.List(pl.String)))
        room.add_gold(items, texts=messages.select(item="id", text="text"))
    # near duplicates of a training item stay out of the checks by going where their group is
    assert room.gold().items["role"].value_counts().sum()["count"][0] == room.gold().items.height

    # a training round: everybody gets items they have not met, and passes
    room.create_round("r1", size=25)
    room.move("r1", "sent")
    room.add(simulate(room, "r1", messages, SKILL, 1))
    room.move("r1", "back")
    trained = room.judge_training("r1")
    assert {t.person: t.verdict for t in trained.people} == dict.fromkeys(SKILL, "passed")
    verdicts = room.ledger.records("training", task="support")
    assert sorted(verdicts["annotator"]) == sorted(SKILL)

    # a first batch: a normal day
    plan = room.create_batch("b1", messages.select("id"), size=60)
    assert plan.loads["checks"].to_list() == [15] * 5
    assert set(plan.draws["item"]).isdisjoint(room.gold().items["item"])
    assert plan.draws["inclusion"].null_count() == 0
    room.move("b1", "sent")
    through_a_tool(room, "b1", messages, SKILL, 2, tmp_path / "b1")
    room.move("b1", "back")
    judged, aside = room.judge("b1")
    assert not aside.failed and {v.person for v in judged} == set(SKILL)
    assert room.batches().filter(pl.col("batch") == "b1")["state"].to_list() == ["checked"]

    # a second one, on which one person has a bad day
    room.create_batch("b2", messages.select("id"), size=60)
    room.move("b2", "sent")
    tired = {**SKILL, BAD: 0.25}
    room.add(simulate(room, "b2", messages, tired, 3))
    room.move("b2", "back")
    before = room.answers().height
    _, shown = room.judge("b2", dry_run=True)
    assert shown.records["annotator"].to_list() == [BAD]
    assert room.answers().height == before and room.ledger.records("quarantine", task="support").height == 0
    judged, aside = room.judge("b2")
    assert [v.person for v in judged if v.failed] == [BAD]
    verdict = next(v for v in judged if v.failed)
    assert verdict.failed_items and "checks right" in verdict.reason
    lost = room.ledger.answers(task="support").filter(
        (pl.col("batch") == "b2") & (pl.col("annotator") == BAD)
    )
    assert aside.answers == lost.height == before - room.answers().height

    # their items are asked of others, who have not met them
    again = aside.assignments.filter(~pl.col("check"))
    asked_before = room.ledger.records("assignment", task="support")
    items = asked_before.filter((pl.col("batch") == "b2") & (pl.col("annotator") == BAD) & ~pl.col("check"))
    assert set(again["item"]) | set(aside.queue["item"]) == set(items["item"])
    assert BAD not in set(again["annotator"]) and set(again["requeued_from"]) == {BAD}
    assert room.batches().filter(pl.col("batch") == "b2")["state"].to_list() == ["sent"]
    room.add(simulate(room, "b2", messages, SKILL, 4))
    room.move("b2", "back")
    _, nobody = room.judge("b2")
    assert not nobody.failed

    # consensus, and what it can't settle
    found = room.consensus("b2")
    truth = dict(messages.select("id", "label").iter_rows())
    settled = found.settled
    right = sum(truth[item] == label for item, label in settled.iter_rows())
    assert settled.height >= 50 and right / settled.height > 0.95
    assert not set(found.frame["item"]) & set(room.gold().role("check")["item"])
    assert found.frame["left_out"].sum() == items.height  # the bad day's answers are shown and don't count
    waiting = room.queue().filter(pl.col("batch") == "b2")
    assert waiting.height > 0 and set(found.queue(batch="b2")["item"]) <= set(waiting["item"])
    assert room.consensus("b2").frame.equals(found.frame) and room.queue().height == waiting.height

    # an expert settles them: gold of its own origin, out of the queue, into no class balance and no audit
    decided = waiting.select("item").with_columns(
        pl.Series("labels", [[truth[item]] for item in waiting["item"]]),
        expert=pl.lit("gil"),
        reason=pl.lit("what the desk does first"),
        case=pl.Series([True] + [False] * (waiting.height - 1)),
    )
    done = room.settle(decided, batch="b2", role="calibrate")
    gold = room.gold().items.filter(pl.col("item").is_in(waiting["item"].to_list()))
    assert (
        gold["origin"].unique().to_list() == ["adjudicated"] and gold["inclusion"].null_count() == gold.height
    )
    assert gold["role"].unique().to_list() == ["calibrate"] and done.cases.height == 1
    assert room.queue().filter(pl.col("batch") == "b2").height == 0
    with pytest.raises((GoldError, Problems)):
        room.add_gold(gold.select("item", role=pl.lit("audit")))
    assert room.gold().versions["version"].to_list() == [1, 2, 3]

    # gold that is looked at again for another reason keeps its role and how it was chosen
    again = room.gold().role("check").head(1)
    queued = again.select(
        "item", batch=pl.lit(None, dtype=pl.String), why=pl.lit("a new text"), state=pl.lit("open")
    )
    room.ledger.record("queue", queued, task="support")
    other = next(name for name in room.schema.names if [name] != again["labels"].to_list()[0])
    said = again.select(
        "item",
        labels=pl.lit([other], dtype=pl.List(pl.String)),
        expert=pl.lit("hal"),
        reason=pl.lit("the new text"),
    )
    assert room.settle(said).closed.height == 1
    now = room.gold().items.filter(pl.col("item") == again["item"][0]).row(0, named=True)
    assert (now["labels"], now["role"], now["origin"]) == ([other], "check", "expert")
    assert room.queue().filter(pl.col("batch").is_null()).height == 0

    # a reviewer looks at a share of what people agreed on, and sends an item back
    look = room.review("b2")
    assert 0 < look.frame.height <= look.agreed
    room.send_back("b2", [look.frame["item"][0]], note="have another look")
    assert room.batches().filter(pl.col("batch") == "b2")["state"].to_list() == ["sent"]
    # the third batch draws from what is left
    third = room.create_batch("b3", messages.select("id"), size=40)
    drawn = room.ledger.records("draw", task="support")
    assert drawn.filter(pl.col("batch") != "b3").join(third.draws, on="item").height == 0


def through_a_tool(room, batch, messages, skill, seed, folder):
    """Write the batch for a tool, answer there, read it back, and read it back once more."""
    asked = room.ledger.records("assignment", task=room.task).filter(pl.col("batch") == batch)
    items = messages.filter(pl.col("id").is_in(asked["item"].to_list())).select("id", "text")
    assignment = asked.sort("annotator", "position").select("annotator", "item")
    out = to_tool("table", items, schema=room.schema, folder=folder, batch=batch, assignment=assignment)
    said = {
        (row["annotator"], row["item"]): row["labels"][0]
        for row in simulate(room, batch, messages, skill, seed).iter_rows(named=True)
    }
    for path in out.paths:
        if path.suffix != ".csv":
            continue
        table = pl.read_csv(path, infer_schema=False)
        person = table["_annotator"][0] if "_annotator" in table.columns else path.stem
        labels = [said[person, item] for item in table["weaklabel_id"]]
        table.with_columns(pl.Series("label", labels)).write_csv(path)
    read = from_tool("table", [p for p in out.paths if p.suffix == ".csv"], schema=room.schema)
    first, second = room.add(read.frame), room.add(read.frame)
    assert first.new == len(said) and (second.new, second.known) == (0, len(said))


def test_answers_to_what_nobody_was_asked_are_refused(room, schema):
    stray = pl.DataFrame(
        {"item": ["s0001"], "annotator": ["ann"], "kind": ["label"], "labels": [[schema.names[0]]]}
    )
    with pytest.raises(GoldError, match="which is not there"):
        room.add(stray.with_columns(batch=pl.lit("b9")))
    made = room.ledger.records("batch", task="support")["batch"]
    if "b1" in made:
        with pytest.raises(GoldError, match="not asked about: 'ann' to item 'nowhere'"):
            room.add(stray.with_columns(item=pl.lit("nowhere"), batch=pl.lit("b1")))
