"""Why a row has its label: weights by hand, single votes that would change it, corrections, and its history."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from audit_project import TEXTS
from label_versions import WORDS, commit_run, two_runs
from weaklabel import label_model
from weaklabel.config import load
from weaklabel.errors import GoldError, ModelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline.diffing.explain import _would_flip, explain
from weaklabel.pipeline.diffing.side import Side
from weaklabel.runs import HOME
from weaklabel.store.label_table import LabelTable


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A project with two runs, which are two versions of its label table as well."""
    project, names = two_runs(tmp_path_factory.mktemp("explain") / "desk")
    for name in names:
        commit_run(project, name)
    return project, load(project, WORDS), names


def test_a_row_by_hand(desk):
    project, config, _ = desk
    found = explain(config, project, "m001")
    assert (found.side, found.label, found.status, found.model) == ("version 1", None, "tie", "weighted_vote")
    assert found.text == TEXTS[1].format(i=1)
    assert found.scale == "share" and found.prior == {"question": 0.0, "complaint": 0.0, "thanks": 0.0}
    assert {line["rule"]: (line["vote"], line["without"]) for line in found.votes} == {
        "grumbles": ("complaint", "thanks"),
        "says_thanks": ("thanks", "complaint"),
    }
    assert {line["rule"]: line["adds"] for line in found.votes}["grumbles"] == pytest.approx(
        {"question": 0, "complaint": 0.5, "thanks": 0}
    )
    assert found.silent == 2
    assert found.steps == {
        "votes and weights": pytest.approx({"question": 0, "complaint": 0.5, "thanks": 0.5})
    }
    assert found.probabilities == pytest.approx({"question": 0, "complaint": 0.5, "thanks": 0.5})
    # taking back either vote breaks the tie; asks weighs 1.54, more than the other two together (0.04 each)
    assert [(f["rule"], f["vote"], f["instead"], f["outcome"]) for f in found.would_flip] == [
        ("grumbles", "complaint", "abstained", "thanks"),
        ("says_thanks", "thanks", "abstained", "complaint"),
        ("asks", "abstained", "question", "question"),
    ]
    assert json.loads(json.dumps(found.to_dict(), default=str))["id"] == "m001"


def test_a_run_and_a_version_say_the_same(desk):
    project, config, (one, two) = desk
    for at, run in (("v0", one), ("latest", two)):
        first, second = (explain(config, project, "m002", at=side).to_dict() for side in (at, run))
        assert first.pop("side") != second.pop("side")
        assert first == second


def test_history_over_versions(desk, tmp_path):
    project, config, _ = desk
    project = shutil.copytree(project, tmp_path / "desk")
    now, then = explain(config, project, "m001").history
    assert (now["version"], now["label"], now["status"]) == (1, None, "tie")
    assert now["changed"] == {"rules": {"new": ["keeps"]}}
    assert (then["version"], then["label"], then["status"], then["probability"]) == (
        0,
        "complaint",
        "labeled",
        1.0,
    )
    table = LabelTable(project / HOME / "labels" / "first")
    table.without_ids(["m001"], metadata={"run_id": "erased"})
    found = explain(config, project, "m002").history
    assert [line["version"] for line in found] == [2, 1, 0]
    assert found[0]["label"] is None and found[0]["kind"] == "erase"
    assert {line["status"] for line in found[1:]} == {"vacuumed"}
    with pytest.raises(GoldError, match="no row 'm001' among the labels of version 2"):
        explain(config, project, "m001")
    shutil.rmtree(project / HOME / "labels")
    found = explain(config, project, "m002")
    assert found.side.startswith("run ") and found.history == ()
    assert "no history: the task has no label table yet (weaklabel relabel)" in found.notes


def test_a_status_that_was_changed_afterwards_is_said(desk, tmp_path):
    project, config, _ = desk
    project = shutil.copytree(project, tmp_path / "desk")
    table = LabelTable(project / HOME / "labels" / "first")
    change = pl.DataFrame(
        {"id": ["m000"], "status": ["below_threshold"], "label": pl.Series([None], dtype=pl.String)}
    )
    table.change_status(change, expected=1, metadata={"run_id": "certificate"})
    found = explain(config, project, "m000")
    assert (found.label, found.status, found.history[0]["kind"]) == (None, "below_threshold", "status")
    assert "the label model gives question: the label or status was changed afterwards" in found.notes
    assert not any("afterwards" in note for note in explain(config, project, "m000", at="v1").notes)


def test_a_row_that_is_not_there_and_a_model_that_is_gone(desk, tmp_path):
    project, config, (one, _) = desk
    with pytest.raises(GoldError, match=f"no row 'm0001' among the labels of run {one}") as caught:
        explain(config, project, "m0001", at=one)
    assert caught.value.hint.startswith("did you mean 'm00")
    project = shutil.copytree(project, tmp_path / "desk")
    shutil.rmtree(project / HOME / "models")
    with pytest.raises(ModelError, match="the label model of version 1 is not there"):
        explain(config, project, "m001")
    (project / "labeling_functions" / "first" / "sample" / "notes.jsonl").unlink()
    found = explain(config, project, "m001", at=one)
    assert found.text is None and any("the text can't be shown" in note for note in found.notes)


def side_of(model, threshold=None):
    class Told(Side):
        pass

    side = Told("r1", "t", pl.LazyFrame(), ("ham", "spam"), None, threshold=threshold)
    side.__dict__["model"] = model
    return side


def test_single_votes_that_would_flip_it_are_those_that_do(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    votes = LabelMatrix.from_numpy(
        rng.integers(-1, 2, (80, 4)).astype(np.int8), labelers=list("abcd"), silence=-1
    )
    model = label_model.create("dawid_skene", n_classes=2).fit(votes)
    monkeypatch.setattr("weaklabel.pipeline.diffing.explain._possible", lambda *_: {"a": [0]})
    for row in votes.to_numpy()[:20]:
        found = _would_flip(None, tmp_path, side_of(model), row[None])
        codes = {"abstained": -1, "ham": 0, "spam": 1}
        own = model.predict(row[None])[0]
        told = {(f["rule"], codes[f["instead"]]) for f in found}
        expected = set()
        for j, rule in enumerate("abcd"):
            for code in [-1, 0] if rule == "a" else [-1, 0, 1]:
                other = row.copy()
                other[j] = code
                if model.predict(other[None])[0] != own or (other < 0).all() != (row < 0).all():
                    expected.add((rule, code))
        assert told == expected


def test_steps_show_what_gold_and_calibrators_did(desk, tmp_path):
    from weaklabel.pipeline import run

    project = shutil.copytree(desk[0], tmp_path / "desk")
    words = [*WORDS, "label_model=event_bayes", "task.gold.calibrate=0.5"]
    config = load(project, words)
    run(config, project=project)
    found = explain(config, project, "m001", at="last")
    first, second = found.steps
    assert (
        first == "votes and weights" and second.startswith("corrected by ") and second.endswith("gold rows")
    )
    assert found.steps[second] == pytest.approx(found.probabilities, abs=1e-6)
    assert found.steps[first] != pytest.approx(found.steps[second], abs=1e-3)
    assert found.scale == "left out"
    config = load(project, [*words, "calibrator=temperature", "label_model=dawid_skene"])
    run(config, project=project)
    found = explain(config, project, "m001", at="last")
    assert list(found.steps)[1].startswith("calibrated (temperature, ")
