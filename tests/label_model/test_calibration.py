import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.errors import GoldError, ModelError
from weaklabel.label_model.calibration import (
    CALIBRATORS,
    Chain,
    IsotonicScaling,
    TemperatureScaling,
    calibrator,
    calibrator_from,
    cross_fitted,
    f1_threshold,
)

ALL = [TemperatureScaling, IsotonicScaling, lambda: Chain(TemperatureScaling(), IsotonicScaling())]


def sample(n=400, k=3, seed=0, sharp=3.0):
    """Probabilities that are too sure: drawn true, then raised to `sharp`."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(k), n)
    gold = np.array([rng.choice(k, p=row) for row in p])
    sure = p**sharp
    return sure / sure.sum(axis=1, keepdims=True), gold


def log_loss(p, gold):
    return -np.log(np.maximum(p[np.arange(len(p)), gold], 1e-6)).mean()


@pytest.mark.parametrize("make", ALL)
def test_probabilities_stay_probabilities_and_come_truer(make):
    p, gold = sample()
    fresh, truth = sample(seed=1)
    fitted = make().fit(p, gold)
    found = fitted.apply(fresh)
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-12
    assert (found > 0).all()
    assert log_loss(found, truth) < log_loss(fresh, truth) - 0.1
    assert fitted.n_gold_ == 400


def test_temperature_finds_the_power():
    p, gold = sample(n=20_000, k=2)
    assert TemperatureScaling().fit(p, gold).temperature_ == pytest.approx(3, abs=0.15)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(2, 4))
def test_temperature_is_the_least_of_the_plain_loss(seed, n, k):
    p, gold = sample(n=n, k=k, seed=seed)
    found = TemperatureScaling().fit(p, gold).temperature_
    here = naive.temperature_loss(p, gold, found)
    for other in (0.9, 0.99, 1.01, 1.1):
        assert naive.temperature_loss(p, gold, found * other) >= here


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_isotonic_agrees_with_the_plain_pooling(seed, n):
    rng = np.random.default_rng(seed)
    p = rng.integers(0, 6, n) / 5  # ties
    p = np.stack([p, 1 - p], axis=1)
    gold = rng.integers(0, 2, n)
    fitted = IsotonicScaling().fit(p, gold)
    for y in (0, 1):
        x, value = naive.pooled(p[:, y], gold == y, 2.0 / n)
        assert fitted.steps_[y][0] == pytest.approx(x)
        assert fitted.steps_[y][1] == pytest.approx(value, abs=1e-12)
        assert (np.diff(fitted.steps_[y][1]) >= -1e-12).all()


def test_isotonic_worked_by_hand():
    # Class 1 has p = .1, .4 and gold 1, 0: out of order, so both are pooled. Each row also counts 2 / 2 = 1 for its
    # own p: targets (1 + .1) / 2 = .55 and (0 + .4) / 2 = .2, weights 2 and 2, pooled .375.
    fitted = IsotonicScaling().fit([[0.9, 0.1], [0.6, 0.4]], [1, 0])
    assert fitted.steps_[1][1].tolist() == pytest.approx([0.375, 0.375])


@pytest.mark.parametrize("make", ALL)
def test_saved_as_json_and_read_again(make):
    p, gold = sample(n=50)
    fitted = make().fit(p, gold)
    again = calibrator_from(json.loads(json.dumps(fitted.to_dict())))
    assert (again.apply(p) == fitted.apply(p)).all()
    assert again.n_gold_ == 50


def test_no_row_is_calibrated_by_itself():
    p, gold = sample(n=60)
    honest = cross_fitted(IsotonicScaling(), p, gold, folds=60)
    for row in (0, 7, 59):
        others = gold.copy()
        others[row] = -1
        assert (honest[row] == IsotonicScaling().fit(p, others).apply(p[[row]])[0]).all()
    seen = IsotonicScaling().fit(p, gold).apply(p)
    assert log_loss(seen, gold) < log_loss(honest, gold)  # what scoring on the rows of the fit would hide


def test_folds_are_by_id_and_not_by_place():
    p, gold = sample(n=40)
    ids = [f"row {i}" for i in range(40)]
    order = np.random.default_rng(3).permutation(40)
    one = cross_fitted(TemperatureScaling(), p, gold, ids=ids)
    other = cross_fitted(TemperatureScaling(), p[order], gold[order], ids=[ids[i] for i in order])
    assert other == pytest.approx(one[order], abs=1e-12)


def test_unknown_rows_are_calibrated_by_all_gold():
    p, gold = sample(n=40)
    gold[10:] = -1
    found = cross_fitted(TemperatureScaling(), p, gold)
    assert (found[10:] == TemperatureScaling().fit(p, gold).apply(p)[10:]).all()


def test_weights_count_as_repeated_rows():
    p, gold = sample(n=30)
    twice = TemperatureScaling().fit(np.vstack([p, p]), np.concatenate([gold, gold]))
    assert TemperatureScaling().fit(p, gold, weights=np.full(30, 2.0)).temperature_ == pytest.approx(
        twice.temperature_
    )


def test_hostile_probabilities_and_gold():
    fitted = TemperatureScaling().fit([[1.0, 0.0]], [1])  # surely wrong
    assert np.isfinite(fitted.apply([[1.0, 0.0]])).all()
    assert fitted.apply([[1.0, 0.0]])[0, 1] > 0
    assert np.isfinite(IsotonicScaling().fit([[1.0, 0.0]], [1]).apply([[0.3, 0.7]])).all()
    for make in ALL:
        if make is not ALL[2]:
            assert np.isfinite(make().fit([[0.2, 0.8]] * 3, [1, 1, 1]).apply([[0.9, 0.1]])).all()


@pytest.mark.parametrize(
    ("probabilities", "gold", "message"),
    [
        ([[0.5, 0.5]], [-1], "no gold row to calibrate by"),
        ([[0.5, 0.5]], [2], "row 0: gold code 2; there are 2 classes"),
        ([[0.5, 0.5]], [0, 1], "gold is (1,) integers"),
        ([[0.5, 0.5]], [0.5], "gold is (1,) integers"),
    ],
)
def test_bad_gold(probabilities, gold, message):
    with pytest.raises(GoldError) as error:
        TemperatureScaling().fit(probabilities, gold)
    assert message in str(error.value)


def test_bad_probabilities_and_names():
    with pytest.raises(ModelError, match="row 1 holds no probabilities"):
        TemperatureScaling().fit([[0.5, 0.5], [np.nan, 1.0]], [0, 1])
    with pytest.raises(ModelError, match="probabilities are \\(rows, classes\\)"):
        TemperatureScaling().fit([0.5, 0.5], [0, 1])
    with pytest.raises(ModelError, match="is not fitted"):
        IsotonicScaling().apply([[0.5, 0.5]])
    with pytest.raises(ModelError, match="no calibrator 'isotone'") as error:
        calibrator("isotone")
    assert "did you mean 'isotonic'" in str(error.value)
    with pytest.raises(ModelError, match="the saved calibrator is damaged"):
        calibrator_from({"name": "temperature"})
    with pytest.raises(ModelError, match="a chain of no calibrators"):
        Chain()
    with pytest.raises(GoldError, match="1 gold rows can't be parted"):
        cross_fitted(TemperatureScaling(), [[0.5, 0.5]], [0])
    with pytest.raises(ModelError, match="3 classes; the calibrator was fitted on 2"):
        IsotonicScaling().fit([[0.5, 0.5]], [0]).apply([[0.5, 0.3, 0.2]])
    with pytest.raises(GoldError, match="weights are \\(1,\\) numbers"):
        TemperatureScaling().fit([[0.5, 0.5]], [0], weights=[np.nan])
    assert set(CALIBRATORS) == {"temperature", "isotonic"}


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(1, 5)), min_size=1, max_size=8))
def test_the_threshold_is_the_best_of_all(rows):
    p = np.array([a / 10 for a, _ in rows])
    counts = np.array([b for _, b in rows])
    found = f1_threshold(p, counts)
    if p.sum() == 0:
        assert found == np.inf
        return
    best = max(naive.expected_f1(p, counts, t) for t in p)
    assert naive.expected_f1(p, counts, found) == pytest.approx(best)


def test_a_rare_class_is_named_below_one_half():
    assert f1_threshold([0.45, 0.4, 0.05, 0.05, 0.05]) == 0.4
    with pytest.raises(ModelError, match="not one column of rows"):
        f1_threshold([[0.5, 0.5]])
