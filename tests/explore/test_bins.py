"""Bins from gold: what each promises, worked by hand, and the rule to paste."""

import json

import polars as pl
import pytest

import weaklabel as wl
from explore_tasks import gold_of
from weaklabel.errors import CorpusError, RuleError
from weaklabel.explore import View
from weaklabel.explore.bins import FoundBin, bins_yaml, find_bins
from weaklabel.lf.score import bin_ends, bin_level
from weaklabel.stats import wilson

SCHEMA = wl.LabelSchema(["ham", "spam"])


def spread(n=400):
    """Numbers 0 to n-1; the upper quarter is spam but for every 50th row, the lower half ham, between them a mixture."""
    numbers = list(range(n))
    labels = []
    for i in numbers:
        spam = i >= 3 * n // 4 or (i >= n // 2 and i % 2 == 0)
        labels.append("spam" if spam and i % 50 != 7 else "ham")
    return pl.DataFrame({"id": [f"r{i}" for i in numbers], "p": numbers, "label": labels, "text": "x"})


def look(frame, column="p", features=(), known=None, **options):
    registry = wl.LFRegistry([], schema=SCHEMA, features=features)
    rows = frame if known is None else frame.filter(known)
    gold = gold_of(dict(rows.select("id", "label").iter_rows()), SCHEMA)
    return find_bins(column, registry, View.of(frame.drop("label"), gold=gold), **options)


def test_bins_by_hand():
    found = look(spread(), precision=0.8, most=4)
    assert (found.known, found.rows, found.tried, found.between) == (400, 400, 4, 100)
    ham, spam = found.found
    assert ham.plain() == {"label": "ham", "to": 200.0} and spam.plain() == {"label": "spam", "from": 300.0}
    assert (ham.hits, ham.precision.n, ham.precision.value) == (200, 200, 1.0)
    assert (spam.hits, spam.precision.n, spam.precision.value) == (100, 100, 0.98)  # rows 307 and 357 are ham
    wanted = wilson(98, 100, confidence=1 - 0.05 / 4)
    assert (spam.precision.low, spam.precision.high) == (wanted.low, wanted.high)


def test_rows_without_gold_are_hits_and_no_evidence():
    found = look(spread(), known=pl.col("p") % 2 == 1, precision=0.8, most=2)
    assert found.known == 200 and found.rows == 400
    assert (found.found[0].precision.n, found.found[0].hits) == (100, 201)  # cut at the gold row 201


def test_it_is_the_rule_that_score_bins_gives(tmp_path):
    frame = spread()
    found = look(frame, precision=0.8, most=4)
    pack = tmp_path / "bins.yaml"
    pack.write_text(bins_yaml(found), encoding="utf-8")
    [rule] = wl.load_pack(pack)
    assert rule.bins == wl.score_bins(frame["p"], frame["label"], precision=0.8, most=4)
    assert rule.field == "p" and rule.name == "p_says"
    votes = wl.LFApplier(wl.LFRegistry([rule], schema=SCHEMA)).apply(frame)
    assert (votes.to_numpy() >= 0).sum() == sum(one.hits for one in found.found)


def test_numbers_are_written_so_that_yaml_reads_numbers(tmp_path):
    bins = (
        FoundBin("ham", float("-inf"), 1e-07, wilson(9, 9), 9),
        FoundBin("no", 1e-05, 3e22, wilson(9, 9), 9),
    )
    found = look(spread(), precision=0.8, most=4)
    pack = tmp_path / "bins.yaml"
    pack.write_text(
        bins_yaml(type(found)(**{**vars(found), "found": bins, "column": "P (no)"})), encoding="utf-8"
    )
    [rule] = wl.load_pack(pack)
    assert [one.plain() for one in rule.bins] == [
        {"label": "ham", "to": 1e-07},
        {"label": "no", "from": 1e-05, "to": 3e22},
    ]
    assert (rule.field, rule.id) == ("P (no)", "p_no_says")


def test_a_feature_of_numbers():
    @wl.feature
    def half(row):
        return row["p"] / 2

    found = look(spread(), "half", [half], precision=0.8, most=4)
    assert [one.plain() for one in found.found] == [
        {"label": "ham", "to": 100.0},
        {"label": "spam", "from": 150.0},
    ]


def test_where_no_bin_is_good_enough_the_nearest_are_told():
    found = look(spread(), precision=0.99, most=4)
    assert found.found == () and bins_yaml(found) == ""
    assert [one.label for one in found.nearest] == ["ham", "ham", "spam"][: len(found.nearest)]
    lows = [one.precision.low for one in found.nearest]
    assert lows == sorted(lows, reverse=True) and lows[0] < 0.99


def test_a_number_that_tells_nothing():
    frame = spread().with_columns(label=pl.lit("ham"))
    found = look(frame, precision=0.8, most=4)
    assert found.found == () and found.notes[0] == "every bin would vote ham: the number tells nothing"
    assert [(one.label, one.precision.n) for one in found.nearest] == [("ham", 400)]


def test_without_gold_nothing_is_found():
    found = look(spread(), known=pl.col("p") < 0)
    assert (found.known, found.found, found.nearest, found.between) == (0, (), (), 400)


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        ("q", CorpusError, "no column or feature 'q' of numbers"),
        ("text", RuleError, "'text' holds String, not numbers"),
    ],
)
def test_what_is_no_column_of_numbers(column, error, message):
    with pytest.raises(error, match=message) as caught:
        look(spread(), column)
    assert caught.value.available == ("p",)


def test_it_is_plain_data():
    found = json.loads(json.dumps(look(spread(), precision=0.8, most=4).to_dict()))
    assert found["found"][0] == {
        "label": "ham",
        "to": 200.0,
        "precision": found["found"][0]["precision"],
        "hits": 200,
    }
    assert found["yaml"].startswith("rules:")


def test_ends_and_level_are_those_that_score_bins_uses():
    assert bin_ends([], most=4) == [float("-inf"), float("inf")]
    assert bin_ends([1.0] * 600, most=4) == [float("-inf"), float("inf")]
    assert bin_level(0.9, 1) == 0.9 and bin_level(0.9, 5) == pytest.approx(0.98)
