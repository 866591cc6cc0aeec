"""Error of gold from a blind second look, and how far figures move by it."""

import numpy as np
import polars as pl
import pytest

from weaklabel.audit.estimates import Figure
from weaklabel.audit.gold_error import moved, plan_second_look, second_look, too_near
from weaklabel.errors import GoldError
from weaklabel.stats import Estimate, clopper_pearson


def pair(n, differing):
    first = pl.DataFrame({"id": [f"r{i}" for i in range(n)], "label": ["x"] * n})
    return first, first.with_columns(label=pl.Series(["y"] * differing + ["x"] * (n - differing)))


def test_by_hand():
    look = second_look(*pair(100, 18))
    assert look.disagreement.value == 0.18
    assert look.error.value == pytest.approx(0.1)  # 2 * .1 * .9 = .18
    exact = clopper_pearson(18, 100)
    assert 2 * look.error.high * (1 - look.error.high) == pytest.approx(exact.high)
    assert str(look).startswith(
        "two blind adjudications differ on 18 of 100 rows: about 10.0 % of gold is wrong"
    )


def test_the_error_is_found_where_two_people_err_alike():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        labels = [np.where(rng.random(150) < 0.06, "y", "x") for _ in range(2)]
        frames = [pl.DataFrame({"id": [f"r{i}" for i in range(150)], "label": said}) for said in labels]
        error = second_look(*frames).error
        covered.append(error.low <= 0.06 <= error.high)
    assert np.mean(covered) >= 0.95 - 3 * 0.011


def test_too_few_pairs_say_nothing():
    look = second_look(*pair(10, 1))
    assert (
        str(look) == "how often gold is wrong is not known: 10 rows were adjudicated twice, and it takes 20"
    )
    figure = Figure("accuracy", "all rows", Estimate(0.9, 0.86, 0.93, 200))
    assert str(moved(figure, look)) == "accuracy of all rows: how far it moves by wrong gold is not known"
    assert too_near(look, 0.05) is None


def test_no_pattern_of_wrong_gold_moves_a_figure_farther():
    rng = np.random.default_rng(1)
    look = second_look(*pair(200, 10))
    e = look.error.high
    for _ in range(50):
        truth = rng.random(1000) < rng.uniform(0.5, 1)
        wrong = np.zeros(1000, dtype=bool)
        wrong[rng.permutation(1000)[: int(e * 1000)]] = True
        measured = np.where(wrong & (rng.random(1000) < rng.random()), ~truth, truth).mean()
        found = moved(Figure("accuracy", "all rows", Estimate(measured, measured, measured, 1000)), look)
        assert found.low <= truth.mean() <= found.high


def test_a_part_moves_farther_and_errors_that_fall_evenly_raise_the_figure():
    look = second_look(*pair(200, 10))
    figure = Figure("precision", "spam", Estimate(0.9, 0.86, 0.93, 200))
    whole, part = moved(figure, look), moved(figure, look, part=0.2)
    assert part.low < whole.low and part.high >= whole.high
    assert whole.evenly == pytest.approx(0.9 / (1 - look.error.value))
    with pytest.raises(GoldError, match="a part is a share of the corpus above 0, not 0"):
        moved(figure, look, part=0)


def test_an_error_near_that_of_gold_can_not_be_certified():
    look = second_look(*pair(100, 18))
    assert too_near(look, 0.5) is None
    assert "10.0% of gold is wrong, and that is half of the 5.0% to be certified, or more" in too_near(
        look, 0.05
    )


def test_what_is_refused():
    first, second = pair(30, 1)
    with pytest.raises(GoldError, match="5 rows were looked at again that have no gold: 'r25'"):
        second_look(first.head(25), second)
    with pytest.raises(GoldError, match="an id stands more than once in the second adjudication"):
        second_look(first, pl.concat([second, second]))
    with pytest.raises(GoldError, match="a second look at 5 rows shows nothing: it takes 20"):
        plan_second_look(first, 5, seed=1)
    assert len(plan_second_look(first, 20, seed=1)) == 20
