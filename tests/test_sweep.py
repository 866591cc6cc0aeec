"""A sweep's folder: what is kept of its jobs, how they are compared, and how the parent run ends."""

import json

import pytest

from weaklabel import tracking
from weaklabel.sweep import Sweep, Winner, comparison, winner


def scored(value, low, high, *, gold="g", words=("seed=1",)):
    accuracy = {"value": value, "low": low, "high": high, "n": 50}
    return {
        "words": list(words),
        "model": "m",
        "run_id": "r",
        "coverage": 0.5,
        "scores": {"m": {"metrics": {"accuracy": accuracy}}, "other": {"metrics": {}}},
        "fingerprints": {"gold": gold},
    }


FAILED = {"words": ["seed=2"], "error": "no rules\n  where: x"}


# ---- which run is best ----


def test_the_highest_accuracy_wins_and_intervals_that_touch_are_rivals():
    runs = [scored(0.7, 0.6, 0.8), FAILED, scored(0.85, 0.8, 0.9), scored(0.7, 0.6, 0.79)]
    assert winner(runs) == Winner(number=2, metric="accuracy", score=0.85, rivals=(0,))


def test_of_equals_the_first_wins():
    assert winner([scored(0.5, 0.4, 0.6), scored(0.7, 0.6, 0.8), scored(0.7, 0.6, 0.8)]).number == 1


def test_runs_on_other_gold_are_not_compared():
    assert winner([scored(0.7, 0.6, 0.8), scored(0.9, 0.8, 1.0, gold="h")]) is None


def test_nothing_was_scored():
    assert winner([]) is None
    assert winner([FAILED]) is None
    assert winner([scored(None, None, None), {**scored(1, 1, 1), "scores": {}}]) is None


# ---- the comparison ----


def test_settings_are_those_that_differ():
    runs = [scored(0.7, 0.6, 0.8, words=["a=1", "b=2"]), {**FAILED, "words": ["a=1", "b=3"]}]
    one, two = comparison(runs)
    assert [one["settings"], two["settings"]] == ["b=2", "b=3"]
    assert (one["accuracy"], one["accuracy_low"], one["accuracy_high"], one["gold_rows"]) == (
        0.7,
        0.6,
        0.8,
        50,
    )
    assert (one["error"], one["coverage"], one["run_id"]) == (None, 0.5, "r")
    assert (two["error"], two["accuracy"], two["run_id"]) == ("no rules", None, None)
    assert comparison(runs[:1])[0]["settings"] == "a=1 b=2"


# ---- the folder ----


@pytest.fixture
def closed(monkeypatch):
    """Stand in for MLflow, and collect how sweeps were closed."""
    calls = []
    monkeypatch.setattr(tracking, "start_sweep", lambda store, name, *, tags: "parent")
    monkeypatch.setattr(tracking, "finish_sweep", lambda store, run_id, **how: calls.append((run_id, how)))
    return calls


def opened(project):
    sweep = Sweep(project, "s1")
    sweep.open(tracking.local_store(project, "desk"), ["seed=1,2"], experiments=["desk"])
    return sweep


def test_jobs_meet_in_the_folder_in_their_order(tmp_path, closed):
    sweep = opened(tmp_path)
    for number in (10, 2):
        sweep.put(number, {**FAILED, "number": number})
    again = Sweep(tmp_path, "s1")
    assert again.parent() == "parent"
    assert [result["number"] for result in again.results()] == [2, 10]


@pytest.mark.parametrize(
    ("jobs", "options", "failed"),
    [([scored(0.7, 0.6, 0.8)], {}, False), ([FAILED, scored(0.7, 0.6, 0.8)], {}, True), ([], {"failed": True}, True)],
)  # fmt: skip
def test_the_parent_run_ends_as_its_jobs_did(tmp_path, closed, jobs, options, failed):
    sweep = opened(tmp_path)
    for number, result in enumerate(jobs):
        sweep.put(number, result)
    sweep.close(**options)
    sweep.close()
    [(run_id, how)] = closed
    assert (run_id, how["failed"], how["metrics"]["jobs"]) == ("parent", failed, len(jobs))
    assert how["metrics"]["best.gold.accuracy"] == (0.7 if jobs else None)
    assert json.loads((sweep.folder / "comparison.json").read_text()) == comparison(jobs)


def test_a_store_that_fails_is_told_in_the_folder_and_stops_no_job(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise tracking.TrackingError("MLflow can't log this: locked")

    monkeypatch.setattr(tracking, "start_sweep", refuse)
    sweep = opened(tmp_path)
    assert sweep.parent() is None
    assert "locked" in (sweep.folder / "tracking_error.txt").read_text()
    sweep.put(0, FAILED)
    sweep.close()
    assert (sweep.folder / "comparison.json").exists()


def test_the_parent_goes_into_the_experiment_of_its_jobs(tmp_path, monkeypatch):
    started = []

    def start(store, name, *, tags):
        started.append((store.experiment, tags.get("weaklabel.experiments")))
        return "parent"

    monkeypatch.setattr(tracking, "start_sweep", start)
    for number, experiments in enumerate([["mail"], ["desk", "mail"]]):
        sweep = Sweep(tmp_path, f"s{number}")
        sweep.open(tracking.local_store(tmp_path, "desk"), ["task=…"], experiments=experiments)
        assert sweep.experiment() == started[-1][0]
    assert started == [("mail", None), ("sweeps", "desk, mail")]


def test_without_tracking_there_is_no_parent(tmp_path, closed):
    sweep = Sweep(tmp_path, "s1")
    sweep.open(None, ["seed=1,2"], experiments=["desk"])
    sweep.put(0, scored(0.7, 0.6, 0.8))
    sweep.close()
    assert sweep.parent() is None
    assert closed == []
