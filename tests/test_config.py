"""Configuration: defaults, overrides, and errors that name what is available."""

import dataclasses
import inspect

import pytest
import yaml

from weaklabel import config, engines, label_model
from weaklabel.errors import ConfigError, Problems

BASE = "defaults:\n  - base\n  - task: tiny\n  - label_model: default\n  - engine: local\n  - tracking: none\n  - experiment: null\n  - _self_\n"
TASK = "name: tiny\nrules: rules\ncorpus: {path: data.csv}\nslices: {short: length(text) < 9}\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "conf" / "task").mkdir(parents=True)
    (tmp_path / "conf" / "experiment").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text(BASE)
    (tmp_path / "conf" / "task" / "tiny.yaml").write_text(TASK)
    (tmp_path / "conf" / "experiment" / "strict.yaml").write_text(
        "# @package _global_\ntask: {threshold: 0.9}\n"
    )
    return tmp_path


def problem(project, *words):
    with pytest.raises((ConfigError, Problems)) as caught:
        config.load(project, words)
    return str(caught.value)


def test_defaults_and_overrides(project):
    loaded = config.load(project)
    assert (loaded.task.name, loaded.task.threshold, loaded.seed) == ("tiny", None, 0)
    assert loaded.engine == {"name": "local", "workers": 1}
    assert loaded.task.slices == {"short": "length(text) < 9"}
    loaded = config.load(project, ["experiment=strict", "seed=7", "label_model=majority_vote"])
    assert (loaded.task.threshold, loaded.seed, loaded.label_model["name"]) == (0.9, 7, "majority_vote")


@pytest.mark.parametrize("name", [*label_model.names(), "default"])
def test_options_of_a_model_are_those_of_its_constructor(project, name):
    options = config.load(project, [f"label_model={name}"]).label_model
    made = label_model.create(options.pop("name"), n_classes=2, **options)
    taken = {
        p.name: p.default for p in inspect.signature(type(made)).parameters.values() if p.name != "n_classes"
    }
    assert options == {k: v for k, v in taken.items() if k in options}
    assert set(options) == set(taken) - {"start"}  # an array, for callers in Python
    assert made.name == (label_model.DEFAULT if name == "default" else name)


def test_options_of_an_engine_are_those_of_its_constructor(project):
    for name in engines.names():
        options = config.load(project, [f"engine={name}"]).engine
        assert engines.create(options.pop("name"), **options)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["lable_model=default"],
            ["unknown key 'lable_model'", "label_model, engine", "did you mean 'label_model'?"],
        ),
        (
            ["label_model=dawid_sken"],
            ["label_model: no choice 'dawid_sken'", "majority_vote", "'dawid_skene'?"],
        ),
        (
            ["experiment=strcit"],
            ["experiment: no choice 'strcit'", "available: strict", "did you mean 'strict'?"],
        ),
        (["task=other"], ["task: no choice 'other'", "available: tiny"]),
        (["task.corpsu.path=x"], ["unknown key 'task.corpsu'", "did you mean 'corpus'?"]),
        (["task.gold.pth=x"], ["unknown key 'task.gold.pth'", "did you mean 'path'?"]),
        (["treshold=0.9"], ["unknown key 'treshold'", "did you mean 'task.threshold'"]),
        (["where=x"], ["unknown key 'where'", "did you mean 'task.gold.where'?"]),
        (["+treshold=0.9"], ["unknown key 'treshold'", "did you mean 'task.threshold'"]),
        (["+task.treshold=0.9"], ["unknown key 'task.treshold'", "did you mean 'threshold'"]),
        (["+label_model.max_itr=3"], ["unknown key 'label_model.max_itr'", "did you mean 'max_iter'"]),
        (["export.formats=csv"], ["export.formats is a list", "export.formats=[one,two]"]),
        (["task.corpus.path="], ["task.corpus.path is empty"]),
        (["task.threshold=high"], ["task.threshold: value 'high'", "could not be converted to Float"]),
        (["engine.workers=two"], ["engine.workers: value 'two'", "Integer"]),
        (
            ["task.slices.long=x"],
            ["unknown key 'task.slices.long'", "available: short", "+task.slices.long=VALUE"],
        ),
        (["label_model=majority_vote,dawid_skene"], ["several values", "add -m"]),
        (
            ["task.on_error=rase"],
            ["task.on_error: no choice 'rase'", "raise, abstain", "did you mean 'raise'?"],
        ),
        (["export.formats=[xml]"], ["export.formats: no choice 'xml'", "jsonl, csv"]),
        (["task.threshold=1.5"], ["task.threshold is 1.5; it lies between 0 and 1"]),
        (["evaluation.folds=1"], ["evaluation.folds is 1; at least 2"]),
        (["task.corpus.path={a: 1}"], ["task.corpus.path is a path or a list of paths"]),
        (["task.gold.path=a", "task.gold.column=b"], ["task.gold names both"]),
        (["seed=["], ["can't read 'seed=['"]),
        (["task.name=???"], ["task.name is not set"]),
        (["tracking.name=mlfow"], ["no choice 'mlfow'", "did you mean 'mlflow'?"]),
    ],
)
def test_what_is_wrong_is_named_with_what_is_available(project, words, expected):
    message = problem(project, *words)
    assert [part for part in expected if part not in message] == []


def test_several_wrong_values_are_reported_together(project):
    message = problem(project, "task.on_error=x", "evaluation.confidence=2")
    assert message.startswith("2 problems in the configuration")


def test_a_misspelt_key_in_a_file_names_the_file(project):
    path = project / "conf" / "task" / "tiny.yaml"
    path.write_text(TASK.replace("rules:", "ruls:"))
    message = problem(project)
    assert "unknown key 'task.ruls'" in message
    assert f"where: {path}" in message
    assert "did you mean 'rules'" in message


def test_broken_yaml_names_file_and_line(project):
    path = project / "conf" / "task" / "tiny.yaml"
    path.write_text("name: tiny\nrules: [a\n")
    assert f"{path}:3" in problem(project)


def test_a_file_with_the_name_of_a_built_in_choice_is_refused(project):
    (project / "conf" / "label_model").mkdir()
    (project / "conf" / "label_model" / "dawid_skene.yaml").write_text("max_iter: 3\n")
    assert "label_model=dawid_skene is built in; a file can't take its name" in problem(project)


def test_a_file_may_start_from_a_built_in_choice(project):
    (project / "conf" / "engine").mkdir()
    (project / "conf" / "engine" / "four.yaml").write_text("defaults: [local, _self_]\nworkers: 4\n")
    assert config.load(project, ["engine=four"]).engine == {"name": "local", "workers": 4}
    assert "four" in problem(project, "engine=fuor")


def test_a_key_of_ones_own_may_be_added_to_slices_and_tags(project):
    loaded = config.load(project, ["+task.slices.long='length(text) > 9'", "+tracking.tags.team=desk"])
    assert loaded.task.slices["long"] == "length(text) > 9"
    assert loaded.tracking.tags == {"team": "desk"}


def test_a_project_without_experiments_says_how_to_make_one(project):
    (project / "conf" / "experiment" / "strict.yaml").unlink()
    (project / "conf" / "experiment").rmdir()
    message = problem(project, "experiment=strict")
    assert "this project has no experiments" in message
    assert "conf/experiment/NAME.yaml" in message


def test_an_unset_variable_says_what_it_is_for(project, monkeypatch):
    monkeypatch.delenv("WEAKLABEL_DATA", raising=False)
    words = ["task.corpus.path='${oc.env:WEAKLABEL_DATA}/a.parquet'"]
    message = problem(project, *words)
    assert "the environment variable WEAKLABEL_DATA is not set" in message
    assert "experiments/README.md names the public repositories" in message
    assert config.load(project, words, without=["task.corpus.path"]).task.name == "tiny"
    monkeypatch.setenv("WEAKLABEL_DATA", "/data")
    assert config.load(project, words).task.corpus.path == "/data/a.parquet"


def test_a_sweep_is_checked_choice_by_choice(project):
    swept = config.check_sweep(
        project, ["label_model=majority_vote,dawid_skene", "seed=1,2,3", "plots=false"]
    )
    assert swept == {"label_model": 2, "seed": 3}
    models = len(config.choices()["label_model"])
    assert config.check_sweep(project, ["label_model=glob(*)", "seed=range(0,4)"]) == {
        "label_model": models,
        "seed": 4,
    }
    with pytest.raises(ConfigError, match="no choice 'dawid_sken'"):
        config.check_sweep(project, ["label_model=majority_vote,dawid_sken", "seed=1,2"])


def test_the_project_is_the_nearest_folder_above(project):
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    assert config.find_project(inner) == project
    with pytest.raises(ConfigError, match="no project here"):
        config.find_project("/")
    with pytest.raises(ConfigError, match="this folder is no project"):
        config.load(inner)


def test_plain_data_round_trip(project):
    loaded = config.load(project)
    data = yaml.safe_load(config.to_yaml(loaded))
    assert data == config.plain(loaded)
    assert set(data) == {f.name for f in dataclasses.fields(config.Config)}
    flat = config.flatten(loaded)
    assert flat["task.corpus.path"] == "data.csv"
    assert flat["tracking.tags"] == {}


def test_the_projects_own_configuration_loads(monkeypatch):
    root = config.find_project(config.__file__)
    monkeypatch.setenv("WEAKLABEL_DATA", "/data")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    loaded = []
    for group in ("experiment", "task", "engine", "tracking", "label_model"):
        for path in (root / "conf" / group).glob("*.yaml"):
            assert config.load(root, [f"{group}={path.stem}"])
            loaded.append(group)
    assert {"task", "experiment"} <= set(loaded)


def test_options_that_are_arrays_are_not_offered(project):
    assert "start" not in config.load(project, ["label_model=dawid_skene"]).label_model
    assert "start" in problem(project, "label_model=dawid_skene", "+label_model.start=1")
