"""Accuracy over windows of time: figures, the change that is found, and how rarely one is found without one."""

import json
import math

import numpy as np
import polars as pl
import pytest

from weaklabel.audit.estimates import Figure
from weaklabel.audit.sample import collect
from weaklabel.audit.trend import BatchPrecision, step_p
from weaklabel.audit.windows import Window, Windows, measure_windows, over_windows
from weaklabel.gold.sampling import draw
from weaklabel.report.audit_parts import quality_part
from weaklabel.report.audit_plots import plot_evidence, plot_windows
from weaklabel.stats import undefined, wilson


def batches(right, rows):
    return [BatchPrecision(f"w{i:02}", wilson(x, rows), x, rows, float(rows)) for i, x in enumerate(right)]


def windows(right, rows=40, audit="live"):
    return [
        Window(b.batch, Figure("accuracy", f"week {b.batch}", b.precision), b, audit)
        for b in batches(right, rows)
    ]


def test_a_step_is_found_where_it_is():
    for cut in (1, 3, 5):
        p, found = step_p(batches([38] * cut + [26] * (6 - cut), 40))
        assert p <= 0.001 and found == cut
    # windows without a checked label are passed over, and keep their places
    holes = batches([38, 38, 0, 26], 40)
    holes[2] = BatchPrecision("w02", undefined(), 0, 0, 0.0)
    assert step_p(holes)[1] == 3


def test_the_statistic_is_that_of_all_cuts():
    generator = np.random.default_rng(3)
    for _ in range(20):
        n = generator.integers(1, 30, 5)
        x = generator.binomial(n, generator.uniform(0.3, 0.9, 5))
        days = [BatchPrecision(str(i), wilson(a, b), int(a), int(b), float(b)) for i, (a, b) in enumerate(zip(x, n, strict=True))]  # fmt: skip
        sizes = []
        for cut in range(1, 5):
            before, after = x[:cut].sum() / n[:cut].sum(), x[cut:].sum() / n[cut:].sum()
            sizes.append((before - after) ** 2 / (1 / n[:cut].sum() + 1 / n[cut:].sum()))
        found = step_p(days)[1]
        assert found is None or sizes[found - 1] == pytest.approx(max(sizes))


def test_nothing_to_tell():
    assert step_p(batches([40], 40)) == (pytest.approx(math.nan, nan_ok=True), None)
    assert step_p(batches([40, 40, 40], 40))[1] is None
    assert "one week only" in over_windows(windows([38]), "week").sentences()[0]
    assert "no change shown" in " ".join(over_windows(windows([40, 40]), "week").sentences())
    assert Windows("month", ()).sentences() == [
        "there is no month with a checked label: no change can be seen"
    ]


def test_false_steps_are_held():
    """400 histories of six weeks with nothing to find: at most .05 steps, and .085 by chance (p < .002)."""
    generator = np.random.default_rng(0)
    p = [step_p(batches(generator.binomial(40, 0.85, 6).tolist(), 40), seed=i)[0] for i in range(400)]
    assert np.mean(np.array(p) <= 0.05) <= 0.085


def test_of_a_window_measured_twice_the_later_audit_counts():
    first, again = windows([38, 38], audit="may"), windows([20], audit="june")
    found = over_windows([*first, *again], "week")
    assert [(w.name, w.audit) for w in found.windows] == [("w00", "june"), ("w01", "may")]


def test_a_sample_is_measured_by_windows_and_drawn(tmp_path):
    generator = np.random.default_rng(1)
    weeks = ["2026-W10"] * 300 + ["2026-W11"] * 300 + ["2026-W12"] * 300 + ["none"] * 60
    wrong = generator.random(960) < np.where(np.array(weeks) == "2026-W12", 0.4, 0.05)
    rows = pl.DataFrame(
        {"id": [f"r{i:03}" for i in range(960)], "label": ["x"] * 960, "week": weeks, "wrong": wrong}
    )
    drawn = draw(rows.select("id"), 320, seed=1, purpose="audit").frame
    gold = rows.join(drawn.select("id"), on="id").select(
        "id", label=pl.when("wrong").then(pl.lit("y")).otherwise(pl.lit("x"))
    )
    sample = collect(rows.drop("wrong"), drawn, gold)
    found = over_windows(measure_windows(sample, "week", audit="live"), "week")
    assert [w.name for w in found.windows] == ["2026-W10", "2026-W11", "2026-W12"]
    truth = rows.filter(week="2026-W10")["wrong"].mean()
    first = found.windows[0].figure.estimate
    assert first.low <= 1 - truth <= first.high
    assert found.alarm and found.worse and found.moved and found.since == "2026-W12"
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["since"] == "2026-W12" and sum(one["labels"] for one in data["windows"]) < 320
    assert "it changed most with 2026-W12" in data["sentences"][1]
    plot = plot_windows(data, tmp_path / "windows.png")
    assert plot.read_bytes()[:4] == b"\x89PNG"
    page = quality_part(
        {"figures": [{"figure": "accuracy", "part": "all rows", "says": "x", "value": 0.8, "low": 0.7, "high": 0.9, "n": 9, "needed": None}],
         "gold_error_says": None, "moved": [], "notes": [], "windows": data}
    )  # fmt: skip
    assert "By week" in page and page.count("<title>accuracy, with its interval") == 3
    assert "Hollow: 2026-W12" in page and "✗ " in page


def test_windows_with_too_few_labels_are_named_and_not_drawn(tmp_path):
    few = [Window("w9", Figure("accuracy", "week w9", undefined(n=3), needed=10), None)]
    data = over_windows(few, "week").to_dict()
    page = quality_part(
        {"figures": [{"figure": "accuracy", "part": "all rows", "says": "x", "value": 0.8, "low": 0.7, "high": 0.9, "n": 9, "needed": None}],
         "gold_error_says": None, "moved": [], "notes": [], "windows": data}
    )  # fmt: skip
    assert "not drawn: w9." in page and "<circle" not in page.split("By week")[1]
    assert plot_windows(data, tmp_path / "few.png").exists()


def test_evidence_beyond_measure_is_drawn(tmp_path):
    curve = [
        {"labels": 1, "wrong": 0, "below": 1.1, "above": 0.0},
        {"labels": 2, "wrong": 0, "below": "certain", "above": 0.0},
    ]
    found = {"curve": curve, "needed": 20.0, "decided_at": 2, "sentence": "Certified after 2 labels"}
    assert plot_evidence(found, tmp_path / "evidence.png").read_bytes()[:4] == b"\x89PNG"
