"""What a label costs."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.errors import GoldError
from weaklabel.gold.trends.costs import COSTS, Rates, costs
from weaklabel.gold.trends.occasions import OCCASIONS
from weaklabel.gold.trends.shares import MADE


def rows_of(*rows):
    base = {"annotator": "1", "use": "production", "aside": False, "batch": "b1"}
    return pl.DataFrame([base | row for row in rows], schema=OCCASIONS)


def made_of(**how):
    return pl.DataFrame([(i, h, None, False) for i, h in how.items()], schema=MADE, orient="row")


def lines(found):
    return {row["way"]: row for row in found.table.rows(named=True)}


def test_every_label_carries_its_part_of_the_overhead():
    rows = rows_of(
        {"item": "a", "seconds": 60.0},
        {"item": "b", "seconds": 180.0},
        {"item": "c", "seconds": 60.0},  # not settled
        {"item": "g", "seconds": 30.0, "use": "check"},
        {"item": "t", "seconds": 30.0, "use": "training"},
        {"item": "a", "seconds": 120.0, "annotator": "2", "aside": True},
        {"item": "x", "seconds": 600.0, "use": "audit"},
    )
    found = costs(rows, made_of(a="hand", b="suggestion", g="hand"), Rates(hourly=60))
    by = lines(found)
    # 4 minutes on labeled items, 4 on all else: every label costs twice its own minutes
    assert (by["hand"]["labels"], by["hand"]["minutes"], by["hand"]["each"]) == (1, 1.0, 2.0)
    assert (by["suggestion"]["minutes"], by["suggestion"]["overhead"], by["suggestion"]["each"]) == (
        3.0,
        3.0,
        6.0,
    )
    assert (by["audit"]["each"], by["audit"]["money_each"], by["audit"]["overhead"]) == (10.0, 10.0, 0.0)
    assert by["hand"]["money"] + by["suggestion"]["money"] == pytest.approx(8.0)
    assert list(by) == ["hand", "suggestion", "audit"]
    assert "take 100% on top" in found.notes[0]
    assert "The rules of this task have not been run" in " ".join(found.notes)


def test_unknown_and_endless_times_count_with_the_persons_median():
    rows = rows_of(
        {"item": "a", "seconds": 60.0},
        {"item": "b", "seconds": None},
        {"item": "c", "seconds": 9e4},
        {"item": "d", "seconds": None, "annotator": "2"},
    )
    found = costs(rows, made_of(a="hand", b="hand", c="hand", d="hand"))
    (row,) = found.table.rows(named=True)
    assert (row["minutes"], row["timed"], row["money"]) == (4.0, 0.25, None)
    assert found.notes[0] == (
        "Of 4 answers 2 answers have no time and 1 took more than 30 minutes and were left open: they count with their "
        "person's median, 3 of 4 minutes."
    )
    assert any("there are minutes only, no money" in note for note in found.notes)


def test_no_time_at_all():
    found = costs(rows_of({"item": "a"}, {"item": "b"}), made_of(a="hand", b="hand"), Rates(hourly=10))
    (row,) = found.table.rows(named=True)
    assert (row["labels"], row["minutes"], row["each"], row["money"]) == (2, None, None, None)
    assert found.notes[0] == "No answer has a time: what people's work costs is not known."


def test_one_rate_that_is_not_known_leaves_money_unknown():
    rows = rows_of(
        {"item": "a", "seconds": 60.0}, {"item": "g", "seconds": 60.0, "annotator": "2", "use": "check"}
    )
    found = costs(rows, made_of(a="hand"), Rates(people={"1": 60.0}))
    (row,) = found.table.rows(named=True)
    assert (row["each"], row["money"], row["money_each"]) == (2.0, None, None)
    assert "No rate is set for 2: there is no money where they have worked." in found.notes
    known = costs(rows, made_of(a="hand"), Rates(people={"1": 60.0, "2": 120.0}))
    assert known.table["money"].to_list() == [3.0]


def test_rules_cost_what_was_spent_on_them():
    rows, made = rows_of({"item": "a", "seconds": 60.0}), made_of(a="hand")
    unknown = costs(rows, made, Rates(hourly=30), rule_labels=1000)
    assert lines(unknown)["rule"]["each"] is None and lines(unknown)["rule"]["labels"] == 1000
    assert any("Minutes spent on rules are not set" in note for note in unknown.notes)
    known = lines(costs(rows, made, Rates(hourly=30, rule_minutes=120), rule_labels=1000))["rule"]
    assert (known["each"], known["money"], known["money_each"]) == (0.12, 60.0, 0.06)


def test_the_interval_is_of_the_mean_over_items():
    rows = rows_of(*({"item": f"i{n:03}", "seconds": 30.0 + 60.0 * (n % 2)} for n in range(100)))
    (row,) = costs(rows, made_of(**{f"i{n:03}": "hand" for n in range(100)})).table.rows(named=True)
    # a mean of 100 with deviation 0.5: 1 plus and minus 0.098
    assert row["each"] == 1.0 and row["each_low"] == pytest.approx(0.902, abs=0.02)
    assert row["each_high"] == pytest.approx(1.098, abs=0.02) and not row["few"]


def test_rates_out_of_range_are_named():
    for options in ({"hourly": -1}, {"people": {"ann": float("nan")}}, {"rule_minutes": float("inf")}):
        with pytest.raises(GoldError, match="a rate of"):
            Rates(**options)
    with pytest.raises(GoldError, match="longest is 0"):
        Rates(longest=0)
    assert not Rates().known and Rates(people={"ann": 1}).renamed({}).people == {}


ANSWER = st.fixed_dictionaries(
    {
        "item": st.sampled_from("abcde"),
        "annotator": st.sampled_from("123"),
        "use": st.sampled_from(["production", "check", "training", "audit"]),
        "aside": st.booleans(),
        "seconds": st.none() | st.sampled_from([1.0, 7.0, 60.0, 1800.0, 1801.0, 1e6]),
    }
)


@settings(deadline=None)
@given(
    st.lists(ANSWER, max_size=20),
    st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["hand", "suggestion", "unknown"])),
    st.integers(0, 2**31),
)
def test_as_the_twin_says_in_any_order(answers, how, seed):
    rates = {"1": 10.0, "2": 30.0, "3": 45.5}
    rows = rows_of(*answers)
    found = costs(rows, made_of(**how), Rates(people=rates))
    assert found.table.schema == pl.Schema(COSTS)
    twin = naive.costs(answers, how, rates, 30)
    if twin is not None:
        assert set(lines(found)) == set(twin)
        for way, row in lines(found).items():
            labels, direct, whole, money = twin[way]
            assert row["labels"] == labels and row["minutes"] == pytest.approx(direct)
            assert row["each"] == pytest.approx(whole / labels) and row["money"] == pytest.approx(money)
            assert row["money_each"] == pytest.approx(money / labels)
    mixed = rows.sample(fraction=1.0, shuffle=True, seed=seed)
    assert costs(mixed, made_of(**how), Rates(people=rates)).table.equals(found.table)
