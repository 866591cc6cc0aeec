"""The whole report on a season of people of known skill: what it says is what they did."""

import json
from dataclasses import replace

import polars as pl
import pytest

from weaklabel.gold.trends.costs import Rates
from weaklabel.gold.trends.found import Sources, no_records
from weaklabel.gold.trends.looking_back import look_back
from weaklabel.schema import LabelSchema

SKILL = {"ann": 0.97, "bob": 0.92, "cid": 0.88, "dot": 0.95, "eve": 0.8}
PACE = {"ann": 10.0, "bob": 20.0, "cid": 30.0, "dot": 15.0, "eve": 12.0}
BATCHES = ("b1", "b2", "b3")


def sources_of(room, names=True):
    ledger = room.ledger
    kinds = ("gold", "assignment", "batch", "quarantine", "guideline")
    settled = [
        room.consensus(batch, record=False).settled.select("item", pl.lit(batch).alias("batch"), "label")
        for batch in BATCHES
    ]
    return Sources(
        ledger.answers(task="mail"),
        *(ledger.records(kind, task="mail") for kind in kinds),
        settled=pl.concat(settled),
        names=ledger.pseudonyms() if names else None,
    )


@pytest.fixture(scope="module")
def sources(season):
    return sources_of(season)


@pytest.fixture(scope="module")
def found(season, sources):
    return look_back(sources, task="mail", schema=season.schema, rates=Rates(hourly=30, currency="EUR"))


def test_the_figures_are_those_of_the_people(season, found):
    names = season.ledger.pseudonyms()
    (look,) = found.looks
    people = {row["group"]: row for row in look.gold["annotator"].to_dicts() if row["source"] == "check"}
    for person, skill in SKILL.items():
        row = people[names[person]]
        expected = (2 * skill + 0.2) / 3 if person == "dot" else skill  # a third of the checks on a bad day
        assert row["answers"] == 90 and abs(row["raw"] - expected) < 0.11
        assert row["raw_low"] < row["raw"] < row["raw_high"] and row["kappa_low"] < row["kappa"]
    # right by week: all that counts, without the bad day
    for row in look.gold["week"].to_dicts():
        assert (
            0.8 < row["raw"] < 0.97
            and not row["few"]
            and row["people"] == (4 if row["group"] == "2026-03-09" else 5)
        )
    medians = dict(found.times["annotator"].select("group", "median").iter_rows())
    for person, pace in PACE.items():
        assert medians[names[person]] == pytest.approx(pace, rel=0.2)


def test_weeks_and_versions_are_in_order_and_hold_every_check(season, found):
    (look,) = found.looks
    assert look.gold["week"]["group"].to_list() == ["2026-03-02", "2026-03-09", "2026-03-16"]
    assert look.gold["guideline"].select("group", "answers").rows() == [("v1", 150), ("v2", 270)]
    assert look.people["guideline"]["group"].to_list() == ["v1", "v2"]
    # v2 became the second version in the second week: a version that is recorded first comes first
    recorded = pl.DataFrame({"number": [1, 2], "version": ["v2", "v1"]})
    other = look_back(replace(sources_of(season), guidelines=recorded), task="mail", schema=season.schema)
    assert other.times["guideline"]["group"].to_list() == ["v2", "v1"]


def test_what_was_confused_and_set_aside_is_told(season, found):
    (look,) = found.looks
    first = look.pairs.row(0, named=True)
    assert (first["one"], first["other"]) == ("news", "spam")
    assert first["low"] < first["share"] == first["items"] / first["either"] < first["high"]
    dot = season.ledger.pseudonyms()["dot"]
    aside = found.quarantines.row(0, named=True)
    assert (aside["annotator"], aside["batch"], aside["lifted"]) == (dot, "b2", False)
    assert aside["answers"] == dict(found.people.select("annotator", "aside").iter_rows())[dot] > 0
    assert aside["failed"] > 15 and "checks right" in aside["reason"]
    assert any("are set aside" in note for note in found.notes)
    right = look.confusions.filter((pl.col("annotator") == dot) & (pl.col("gold") == pl.col("said")))[
        "n"
    ].sum()
    assert right == next(r["right"] for r in look.gold["annotator"].to_dicts() if r["group"] == dot)


def test_minutes_and_shares_add_up(found):
    table = found.costs.table
    spent = sum(row["minutes"] + row["overhead"] for row in table.to_dicts())
    whole = found.times["all"]
    assert whole["answers"][0] == found.answers == whole["timed"][0]
    assert spent == pytest.approx(table["money"].sum() * 2)  # 30 an hour
    last = found.shares.row(-1, named=True)
    assert last["hand"] + last["suggestion"] == last["total"] and last["rule"] == 0
    assert last["suggestion"] == dict(table.select("way", "labels").iter_rows())["suggestion"] > 30


def test_no_true_name_is_anywhere(season, found):
    told = json.dumps(found.to_dict(), default=str) + "".join(map(str, found.tables().values()))
    for person in (*SKILL, "gil"):
        assert f'"{person}"' not in told and f" {person} " not in told
    assert season.ledger.pseudonyms()["ann"] in told
    for name, table in found.tables().items():
        assert not {"item", "reason"} & set(table.columns), name


def test_a_name_in_a_reason_is_replaced():
    answers, gold, asked, batches, aside, guidelines = no_records()
    row = {
        "number": 1,
        "task": "mail",
        "batch": "b1",
        "annotator": "ann",
        "reason": "Ann: ann said so, not anna; 3 of 7",
    }
    aside = pl.DataFrame([row | {"failed": [], "lifted": False}], schema=aside.schema)
    names = {"ann": "annotator 4", "3": "annotator 9"}
    given = Sources(answers, gold, asked, batches, aside, guidelines, names=names)
    found = look_back(given, task="mail", schema=LabelSchema(["ham", "spam"]))
    assert found.quarantines["reason"].to_list() == ["Ann: annotator 4 said so, not anna; 3 of 7"]


def test_order_changes_nothing(season, sources, found):
    def mixed(value, seed):
        return (
            value.sample(fraction=1.0, shuffle=True, seed=seed) if isinstance(value, pl.DataFrame) else value
        )

    fields = {name: mixed(getattr(sources, name), 7) for name in sources.__dataclass_fields__}
    again = look_back(
        Sources(**fields), task="mail", schema=season.schema, rates=Rates(hourly=30, currency="EUR")
    )
    assert again.to_dict() == found.to_dict()


def test_nothing_to_show():
    found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    assert found.empty and not found.looks[0].measured
    assert found.notes == ("Nobody has answered yet: there is no agreement, time or cost to show.",)
    assert json.dumps(found.to_dict())
    assert all(table.height == 0 for table in found.tables().values())


def test_few_answers_say_so(season, sources):
    few = replace(sources, answers=sources.answers.head(20))
    found = look_back(few, task="mail", schema=season.schema)
    assert found.notes[0].startswith("There are only 20 answers")
    assert found.looks[0].gold["week"]["few"].all()


def test_labels_that_dont_exclude_each_other_are_looked_at_one_by_one(sources):
    found = look_back(sources, task="mail", schema=LabelSchema(["ham", "news", "spam"], exclusive=False))
    assert [look.label for look in found.looks] == ["ham", "news", "spam"]
    assert set(found.tables()["agreement_with_gold"]["asked_about"]) == {"ham", "news", "spam"}
    assert found.looks[1].classes == ("news", "not news")
