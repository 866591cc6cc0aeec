"""MLflow: what is logged, what never is, and the label model that comes back."""

import logging
import os
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from weaklabel import label_model, tracking
from weaklabel.errors import ModelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.schema import LabelSchema

SCHEMA = LabelSchema(["ham", "spam"])
VOTES = LabelMatrix.from_numpy(
    [[0, 0, -1], [1, -1, 1], [0, 1, -1], [-1, -1, -1], [1, 1, 1]],
    ids=list("abcde"),
    labelers=["short", "link", "shouts"],
)


@pytest.fixture(scope="module")
def mlflow():
    """The library as tracking.py imports it, with its own warnings kept out of our tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.update(tracking._QUIET)
        import mlflow

    return mlflow


@pytest.fixture(scope="module")
def logged(tmp_path_factory, mlflow):
    folder = tmp_path_factory.mktemp("a project")
    (folder / ".weaklabel").mkdir()
    model = label_model.create("default", n_classes=2).fit(VOTES)
    saved = tracking.save_model(model, folder / "model", labelers=VOTES.labelers, schema=SCHEMA)
    (folder / "plot.png").write_bytes(b"\x89PNG")
    store = tracking.local_store(folder, "desk")
    parent = tracking.start_sweep(store, "sweep", tags={"weaklabel.sweep": "s"})
    record = tracking.Record(
        name="first",
        parameters={"label_model.name": "dawid_skene", "task.threshold": None, "long": "x" * 9000},
        tags={"weaklabel.run_id": "r1"},
        metrics={"accuracy": 0.5, "slice.a?b.accuracy": 0.25, "nothing": None},
        datasets=[tracking.Dataset("corpus", "0123456789abcdef" * 2, "labeled", "data.csv")],
        tables={
            "lf_summary.json": pl.DataFrame({"labeler": ["short"], "Coverage": [0.4], "Polarity": [[0, 1]]})
        },
        artifacts=[(folder / "plot.png", "plots")],
        model=saved,
    )
    run = tracking.log_run(store, record, parent=parent)
    tracking.finish_sweep(store, parent, metrics={"best": 0.5}, table=pl.DataFrame({"settings": ["a=1"]}))
    return folder, store, model, run, parent


@pytest.fixture
def client(logged, mlflow):
    return mlflow.MlflowClient(logged[1].uri)


def test_everything_of_a_run_is_there(logged, client):
    folder, _, _, run_id, parent = logged
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"accuracy": 0.5, "slice.a_b.accuracy": 0.25}
    assert run.data.params["label_model.name"] == "dawid_skene"
    assert run.data.params["task.threshold"] == "None"
    assert len(run.data.params["long"]) == tracking.PARAMETER_LENGTH
    assert run.data.tags["weaklabel.run_id"] == "r1"
    assert run.data.tags["mlflow.parentRunId"] == parent
    inputs = run.inputs.dataset_inputs
    assert [(i.dataset.name, i.dataset.digest) for i in inputs] == [("corpus", "0123456789abcdef" * 2)]
    assert {a.path for a in client.list_artifacts(run_id)} == {"lf_summary.json", "plots"}
    assert [a.path for a in client.list_artifacts(run_id, "plots")] == ["plots/plot.png"]
    assert client.get_experiment(run.info.experiment_id).artifact_location.startswith(
        (folder / ".weaklabel" / "mlartifacts").as_uri()
    )


def test_a_sweep_is_closed(logged, client):
    parent = client.get_run(logged[4])
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {"best": 0.5}
    assert [a.path for a in client.list_artifacts(logged[4])] == ["comparison.json"]


def test_the_model_comes_back_and_predicts_from_votes(logged, client, mlflow):
    _, store, model, run_id, _ = logged
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store.uri)
    try:
        loaded = mlflow.pyfunc.load_model(f"runs:/{run_id}/{tracking.MODEL_ARTIFACT}")
    finally:
        mlflow.set_tracking_uri(before)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    expected = model.predict_proba(VOTES)
    names = [None if code < 0 else SCHEMA.names[code] for code in model.predict(VOTES)]
    for votes in (VOTES.frame, VOTES.frame.select(reversed(VOTES.frame.columns)), VOTES.frame.to_pandas()):
        found = loaded.predict(votes)
        assert found["id"].to_list() == list("abcde")
        assert found["label"].to_list() == names
        np.testing.assert_array_equal(found[["p_ham", "p_spam"]].to_numpy(), expected)
    assert loaded.predict(VOTES.to_numpy())["label"].to_list() == names


def test_the_models_files_are_plain_and_its_requirements_stated(logged):
    folder = logged[0]
    model = next((folder / ".weaklabel" / "mlartifacts").rglob("MLmodel")).parent
    assert "loader_module: weaklabel.tracking" in (model / "MLmodel").read_text()
    assert (model / "requirements.txt").read_text().split()[1].startswith("weaklabel==")
    assert not [p for p in model.rglob("*") if p.suffix in {".pkl", ".pickle"}]


def test_votes_without_a_rule_are_refused_by_name(logged):
    loaded = tracking._load_pyfunc(str(logged[0] / "model"))
    with pytest.raises(ModelError, match="the votes lack the column 'lf:link'") as caught:
        loaded.predict(VOTES.frame.drop("lf:link"))
    assert "lf:short" in caught.value.available


@pytest.mark.parametrize("by", ["environment", "call"])
def test_settings_of_the_caller_are_put_back(logged, mlflow, monkeypatch, by):
    elsewhere = "sqlite:////nowhere/else.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    monkeypatch.setattr(
        "mlflow.tracking._tracking_service.utils._tracking_uri", elsewhere if by == "call" else None
    )
    level = logging.getLogger("mlflow").level
    tracking.log_run(replace(logged[1], experiment="x"), tracking.Record(name="a"))
    assert os.environ["MLFLOW_TRACKING_URI"] == elsewhere
    assert mlflow.get_tracking_uri() == elsewhere
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert (mlflow.get_tracking_uri() == elsewhere) == (by == "call")
    assert logging.getLogger("mlflow").level == level
    assert mlflow.active_run() is None


def test_a_broken_store_is_one_clear_error(tmp_path):
    (tmp_path / ".weaklabel").mkdir()
    (tmp_path / ".weaklabel" / "mlflow.db").write_bytes(b"this is no database" * 100)
    store = tracking.local_store(tmp_path, "x")
    with pytest.raises(tracking.TrackingError, match="MLflow can't log this") as caught:
        tracking.log_run(store, tracking.Record(name="a"))
    assert caught.value.where == store.uri


def test_telemetry_is_off_before_mlflow_is_imported():
    assert tracking._QUIET["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert tracking._QUIET["DO_NOT_TRACK"] == "true"


def test_a_deleted_experiment_is_taken_back(logged, client):
    store = replace(logged[1], experiment="deleted")
    first = tracking.log_run(store, tracking.Record(name="a"))
    client.delete_experiment(client.get_run(first).info.experiment_id)
    second = tracking.log_run(store, tracking.Record(name="b"))
    experiment = client.get_run(second).info.experiment_id
    assert experiment == client.get_run(first).info.experiment_id
    assert client.get_experiment(experiment).lifecycle_stage == "active"


def test_the_database_is_a_database(logged):
    with closing(sqlite3.connect(logged[0] / ".weaklabel" / "mlflow.db")) as database:
        assert database.execute("select count(*) from runs").fetchone()[0] >= 2


MAKE = """
import sys
from weaklabel.tracking import Record, local_store, log_run
print(log_run(local_store(sys.argv[1], "tiny"), Record(name=sys.argv[2])))
"""


def test_two_first_runs_at_once_make_one_store(tmp_path):
    (tmp_path / ".weaklabel").mkdir()
    commands = [[sys.executable, "-c", MAKE, str(tmp_path), name] for name in ("a", "b")]
    started = [
        subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c in commands
    ]
    for process in started:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    with closing(sqlite3.connect(tmp_path / ".weaklabel" / "mlflow.db")) as database:
        assert sorted(database.execute("select name from runs")) == [("a",), ("b",)]
        assert database.execute("select count(*) from experiments where name = 'tiny'").fetchone() == (1,)


def test_a_server_that_is_not_there_is_given_up_soon_unless_the_user_says_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    store = tracking.local_store(tmp_path, "tiny")
    (tmp_path / ".weaklabel").mkdir()
    tracking.log_run(store, tracking.Record(name="a"))
    assert int(os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) < 7
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "9")
    tracking.log_run(store, tracking.Record(name="b"))
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "9"
