"""The tests behind hidden checks, and the table of what so many checks can catch."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from weaklabel.errors import GoldError
from weaklabel.gold.fall import fall_limits, fall_p, floor_p
from weaklabel.gold.power import (
    checks_needed,
    percent,
    power_sentence,
    power_table,
)

# ---- what so many checks catch ----


def test_twelve_checks_by_hand():
    # 9 of 12 or fewer: 1.96 % of days at 95 %; 10 of 12 would be 11.8 %; at 80 %: 44.2 %
    table = power_table([12], good=0.95, bad=0.80, alpha=0.05)
    (row,) = table.rows()
    assert row[:2] == (12, 9)
    assert row[2:] == pytest.approx(
        (float(naive.binomial_tail(9, 12, 0.95)), float(naive.binomial_tail(9, 12, 0.8))), abs=1e-12
    )
    assert float(naive.binomial_tail(10, 12, 0.95)) > 0.05
    assert (round(row[2], 4), round(row[3], 4)) == (0.0196, 0.4417)


@given(st.integers(1, 60), st.sampled_from([0.001, 0.01, 0.05, 0.2]))
def test_false_alarms_stay_below_the_level_and_one_more_would_not(n, alpha):
    ((_, fails_at, alarms, caught),) = power_table([n], alpha=alpha).rows()
    k = -1 if fails_at is None else fails_at
    assert alarms <= alpha < naive.binomial_tail(k + 1, n, 0.95)
    assert alarms == pytest.approx(float(naive.binomial_tail(k, n, 0.95)), abs=1e-12)
    assert caught == pytest.approx(float(naive.binomial_tail(k, n, 0.8)), abs=1e-12) and caught >= alarms


@pytest.mark.parametrize("history", [None, 40, 200])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_the_table_agrees_with_simulation(history, alpha):
    days, numbers = 200_000, (5, 12, 30)
    generator = np.random.default_rng(11)
    table = power_table(numbers, good=0.95, bad=0.80, alpha=alpha, history=history)
    for n, row in zip(numbers, table.iter_rows(named=True), strict=True):
        for share, stated in ((0.95, row["false_alarms"]), (0.80, row["caught"])):
            right = generator.binomial(n, share, days)
            if history is None:
                failed = right <= row["fails_at"]
            else:
                before = generator.binomial(history, 0.95, days)
                failed = right <= fall_limits(n, history, alpha)[before]
            noise = math.sqrt(stated * (1 - stated) / days)
            assert abs(failed.mean() - stated) <= 4 * noise + 1e-9
        assert row["false_alarms"] <= alpha < row["caught"]


def test_a_longer_history_is_worth_more():
    caught = [power_table([30], alpha=0.01, history=h)["caught"][0] for h in (20, 60, 200, 2000)]
    assert caught == sorted(caught) and caught[0] < 0.3 < 0.5 < caught[-1]
    assert power_table([30], alpha=0.01, history=0)["caught"][0] == 0


# ---- two tests of one batch ----


@pytest.mark.parametrize(("floor", "history"), [(0.8, 60), (0.9, 60), (0.8, 200), (0.85, None)])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_with_a_floor_the_table_agrees_with_simulated_verdicts(floor, history, alpha):
    """The rule as `judge_batches` has it: of two p-values the smaller is doubled."""
    days, n = 100_000, 15
    generator = np.random.default_rng(12)
    row = power_table([n], alpha=alpha, history=history, floor=floor).row(0, named=True)
    for share, stated in ((0.95, row["false_alarms"]), (0.80, row["caught"])):
        right = generator.binomial(n, share, days)
        if history is None:
            fall = np.array([float(naive.binomial_tail(x, n, 0.95)) for x in range(n + 1)])[right]
        else:
            fall = fall_p(right, n, generator.binomial(history, 0.95, days), history)
        found = (2 * np.minimum(fall, floor_p(right, n, floor)) <= alpha).mean()
        assert abs(found - stated) <= 4 * math.sqrt(stated * (1 - stated) / days) + 1e-9
    assert row["false_alarms"] <= alpha


def test_history_alone_would_promise_too_much():
    """What the table said before the level was split lies far outside the noise of the simulation above."""
    alone, split = (power_table([15], alpha=0.05, history=60, floor=f)["caught"][0] for f in (None, 0.7))
    assert alone - split > 0.05 and 4 * math.sqrt(0.25 / 100_000) < 0.01


def test_a_short_history_is_not_held_against_anybody():
    for history in (0, 19):
        assert power_table([30], history=history)["caught"][0] == 0
        (row,) = power_table([30], history=history, floor=0.9, alpha=0.02).rows(named=True)
        limit = row["fails_at"]
        assert naive.binomial_tail(limit, 30, 0.9) <= 0.02 < naive.binomial_tail(limit + 1, 30, 0.9)
        assert row["caught"] == pytest.approx(float(naive.binomial_tail(limit, 30, 0.8)), abs=1e-12)
        assert row["false_alarms"] == pytest.approx(float(naive.binomial_tail(limit, 30, 0.95)), abs=1e-12)
    assert power_table([30], history=20)["caught"][0] > 0
    assert power_table([30], history=5, least_history=5)["caught"][0] > 0


@given(
    st.integers(1, 40),
    st.sampled_from([None, 0, 30]),
    st.sampled_from([0.7, 0.9]),
    st.sampled_from([0.01, 0.1]),
)
def test_two_tests_keep_the_level_where_nobody_is_below_the_floor(n, history, floor, alpha):
    ((_, _, alarms, caught),) = power_table([n], history=history, floor=floor, alpha=alpha).rows()
    assert alarms <= alpha and caught >= alarms


def test_sentences_say_what_a_batch_is_held_against():
    assert power_sentence(15, history=60, floor=0.8).startswith(
        "with 15 checks after 60 earlier ones and a floor of 80 % a fall from 95 % to 80 % is caught in "
    )
    assert power_sentence(15, history=4, floor=0.8).startswith("with 15 checks, a floor of 80 % a fall")
    assert power_sentence(15, history=1).endswith(
        "no fall can be caught: 1 earlier one is too few to hold them against, and there is no floor"
    )
    assert power_sentence(1, history=0) == (
        "with 1 check no fall can be caught: there are no earlier ones to hold them against, and there is no floor"
    )
    assert "a floor is a share between 0 and 1, not 80" in complaint(power_table, floor=80)


def test_checks_needed_is_where_the_table_stays_above():
    n = checks_needed(0.8)
    caught = power_table(range(1, 301))["caught"]
    assert (caught[n - 1 :] >= 0.8).all() and caught[n - 2] < 0.8
    assert (
        caught[: n - 1] >= 0.8
    ).any()  # the saw: a smaller number reaches it too, and its neighbour does not
    assert checks_needed(0.8, alpha=0.01) > n and checks_needed(0.8, bad=0.5) < n
    assert checks_needed(0.3, alpha=0.2, bad=0.1) == 1
    assert checks_needed(0.5, history=40) > checks_needed(0.5)
    assert checks_needed(0.8, good=0.99, bad=0.9, alpha=0.05) == 42  # 29 do, 36 do not


def test_sentences():
    assert power_sentence(12) == (
        "with 12 checks a fall from 95 % to 80 % is caught in 44 % of batches, at 2 % false alarms"
    )
    assert power_sentence(1, good=0.9, bad=0.5, alpha=0.2, history=50).startswith(
        "with 1 check after 50 earlier ones a fall from 90 % to 50 % is caught in 50 % of batches, at"
    )
    assert "no fall can be caught" in power_sentence(2, alpha=1e-6)
    assert [percent(v) for v in (0.5, 0.05, 0.0196, 0.00051, 0, 1)] == [
        "50 %",
        "5 %",
        "2 %",
        "0.051 %",
        "0 %",
        "100 %",
    ]


def complaint(function, *args, **options):
    with pytest.raises(GoldError) as caught:
        function(*args, **options)
    return str(caught.value)


def test_mistakes_are_explained():
    assert "from a larger share of right answers to a smaller one, not 0.8 to 0.95" in complaint(
        power_table, good=0.8, bad=0.95
    )
    assert "a level lies between 0 and 1, not 5" in complaint(power_table, alpha=5)
    assert "at least 1 check, not 0" in complaint(power_table, [0])
    assert "0 checks or more, not -1" in complaint(power_table, history=-1)
    text = complaint(checks_needed, 0.9, most=10)
    assert (
        "up to 10 checks are too few to be sure to catch 90 % of falls from 95 % to 80 %: 10 catch 32 %"
        in text
        and "hint: allow more" in text
    )
    assert "lies between 0 and 1, not 1" in complaint(checks_needed, 1)


def test_the_table_is_a_frame():
    assert dict(power_table([2]).schema) == {
        "checks": pl.Int64,
        "fails_at": pl.Int64,
        "false_alarms": pl.Float64,
        "caught": pl.Float64,
    }
