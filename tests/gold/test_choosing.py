import polars as pl
import pytest

from weaklabel.errors import GoldError
from weaklabel.gold.choosing import open_chosen, taken
from weaklabel.gold.ledger.ledger import Ledger
from weaklabel.gold.room import Room
from weaklabel.gold.rules import Rules
from weaklabel.gold.sampling import DRAW
from weaklabel.schema import LabelSchema


@pytest.fixture
def room(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    return Room(ledger, "mail", LabelSchema(["ham", "spam"]), Rules(people={"ann": 1, "bob": 1, "cid": 1}))


def rows(ids, inclusion):
    lines = [(id, "picked", "", inclusion, "selection", i) for i, id in enumerate(ids)]
    return pl.DataFrame(lines, schema=DRAW, orient="row")


def test_chances_stand_in_the_ledger_and_people_are_asked(room):
    plan = open_chosen(room, "may", rows(["a", "b"], 0.25))
    drawn = room.ledger.records("draw", task="mail")
    assert drawn.select("batch", "item", "inclusion").sort("item").rows() == [
        ("may", "a", 0.25),
        ("may", "b", 0.25),
    ]
    assert plan.assignments.height == 6
    assert room.batches()["batch"].to_list() == ["may"]


def test_a_chance_that_nobody_knows_stays_unknown(room):
    open_chosen(room, "may", rows(["a"], None))
    assert room.ledger.records("draw", task="mail")["inclusion"].to_list() == [None]


def test_nobody_is_asked_twice(room):
    open_chosen(room, "may", rows(["a", "b"], 0.25))
    gold = pl.DataFrame({"item": ["g"], "labels": [["ham"]], "role": ["check"], "origin": ["expert"]})
    room.add_gold(gold)
    assert taken(room) == {"a", "b", "g"}
    with pytest.raises(GoldError, match="2 of 3 rows are gold or in earlier batches: 'b', 'g'"):
        open_chosen(room, "june", rows(["b", "c", "g"], 0.5))
    assert room.batches()["batch"].to_list() == ["may"]
    assert "c" not in taken(room)


def test_nothing_chosen(room):
    with pytest.raises(GoldError, match="nothing to ask people about"):
        open_chosen(room, "may", rows([], 0.5))


def test_suggestions_reach_people(room):
    shown = pl.DataFrame({"item": ["a"], "suggestion": ["spam"]})
    plan = open_chosen(room, "may", rows(["a"], None), suggestions=shown)
    assert plan.assignments["suggestion"].drop_nulls().len() >= 1
