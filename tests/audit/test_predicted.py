"""Prediction-powered accuracy: a published package, coverage, and where it keeps silent."""

import numpy as np
import pytest

from weaklabel.audit.predicted import powered_mean, tuned_power
from weaklabel.errors import GoldError


def sample(n=200, others=2000, seed=0, right=0.75):
    rng = np.random.default_rng(seed)
    y = (rng.random(n + others) < right).astype(float)
    s = np.clip(0.6 * y + 0.2 + rng.normal(0, 0.15, n + others), 0, 1)
    return y[:n], s[:n], s[n:], y.mean()


def test_the_published_package_says_the_same():
    ppi = pytest.importorskip("ppi_py", reason="ppi-python is not installed")
    y, s, rest, _ = sample()
    found = powered_mean(y, s, rest, power=1.0)
    assert found.value == pytest.approx(float(np.ravel(ppi.ppi_mean_pointestimate(y, s, rest, lam=1.0))[0]))
    low, high = (float(np.ravel(v)[0]) for v in ppi.ppi_mean_ci(y, s, rest, alpha=0.05, lam=1.0))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)


def test_by_hand():
    found = powered_mean(np.array([1.0, 0.0]), np.array([0.8, 0.4]), np.array([0.7, 0.7]), power=1.0)
    assert found.value == pytest.approx(0.5 + 0.7 - 0.6)
    assert found.low is None and "too few right or wrong labels" in found.method


def test_it_covers_and_is_narrower_than_without_scores():
    covered, widths, plain = [], [], []
    for seed in range(500):
        y, s, rest, truth = sample(seed=seed)
        found = powered_mean(y, s, rest)
        covered.append(found.low <= truth <= found.high)
        widths.append(found.high - found.low)
        none = powered_mean(y, s, rest, power=0.0)
        plain.append(none.high - none.low)
    assert np.mean(covered) >= 0.95 - 3 * 0.0098
    assert np.mean(widths) < 0.75 * np.mean(plain)


def test_useless_scores_are_not_used():
    rng = np.random.default_rng(0)
    y = (rng.random(5000) < 0.7).astype(float)
    assert tuned_power(y, rng.random(5000), rng.random(5000)) < 0.05
    assert tuned_power(y, np.ones(5000), np.ones(10)) == 0.0


def test_what_does_not_go_together():
    with pytest.raises(GoldError, match="don't go together"):
        powered_mean(np.ones(3), np.ones(2), np.ones(5))
