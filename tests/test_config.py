"""Configuration: defaults, overrides, and errors that name what is available."""

import dataclasses
import inspect

import pytest
import yaml

from weaklabel import config, engines, label_model
from weaklabel.config_errors import as_settings
from weaklabel.corpus import Corpus
from weaklabel.errors import ConfigError, CorpusError, GoldError, Problems
from weaklabel.gold import load_gold

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
    assert set(options) == set(taken) - {"start", "history", "outcomes"}  # arrays, for callers in Python
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
            ["unknown key 'lable_model'", "label_model, calibrator, engine", "did you mean 'label_model'?"],
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
        (
            ["label_model=dawid_skene", "+label_model.max_itr=3"],
            ["unknown key 'label_model.max_itr'", "did you mean 'max_iter'"],
        ),
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
        (["gold.hourly=-1"], ["gold.hourly is -1; 0 or more is wanted"]),
        (["gold.rates.eve=nan"], ["gold.rates.eve is nan; 0 or more is wanted"]),
        (["gold.rule_minutes=inf"], ["gold.rule_minutes is inf; 0 or more is wanted"]),
        (["gold.retention_days=-3"], ["gold.retention_days is -3; 0 or more is wanted"]),
        (["gold.people.ann=much"], ["gold.people.ann", "'much'", "could not be converted to Float"]),
        (["gold.peple.ann=1"], ["unknown key 'gold.peple'", "did you mean 'people'?"]),
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
    plan = config.check_sweep(project, ["label_model=majority_vote,dawid_skene", "seed=1,2,3", "plots=false"])
    assert plan.varied == {"label_model": 2, "seed": 3}
    assert plan.experiments == (config.load(project).task.name,)
    other = config.check_sweep(project, ["task.name=a,b", "seed=1,2"])
    assert (other.varied, other.experiments) == ({"task.name": 2, "seed": 2}, ("a", "b"))
    one = config.check_sweep(project, ["task.name=a,b", "tracking.experiment=both"])
    assert one.experiments == ("both",)
    models = len(config.choices()["label_model"])
    assert config.check_sweep(project, ["label_model=glob(*)", "seed=range(0,4)"]).varied == {
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


# ---- files and words that can't be read ----


@pytest.mark.parametrize(
    ("name", "encoding", "what"),
    [
        ("config.yaml", "utf-16", "not UTF-8: the file is UTF-16"),
        ("task/tiny.yaml", "latin-1", "not UTF-8: byte 0xe9"),
    ],
)
def test_a_file_that_is_not_utf8_is_named(project, name, encoding, what):
    path = project / "conf" / name
    path.write_bytes((path.read_text() + "# café\n").encode(encoding))
    text = problem(project)
    assert text.startswith(f"{what}\n  where: {path}:") and "as UTF-8" in text


def test_a_byte_order_mark_is_no_part_of_a_key(project):
    for name in ("config.yaml", "task/tiny.yaml"):
        path = project / "conf" / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert config.load(project, ["experiment=strict"]).task.name == "tiny"
    path = project / "conf" / "experiment" / "strict.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    text = problem(project, "experiment=strict")
    assert text.startswith(f"a byte order mark hides the `# @package` line\n  where: {path}:1")
    assert "without a byte order mark" in text


def test_a_word_that_hydra_cannot_read_says_how_to_quote_it(project):
    text = problem(project, "task.corpus.separator=;")
    assert text.splitlines()[0] == "can't read 'task.corpus.separator=;'"
    assert "signs are quoted twice: \"key='a, b'\"" in text
    assert config.load(project, ["task.corpus.separator=';'"]).task.corpus.separator == ";"


# ---- separators and quotes ----


def test_separators_and_quotes(project):
    corpus = config.load(project).task.corpus
    assert (corpus.separator, corpus.quote) == (None, '"')
    words = ["task.corpus.separator=tab", "task.corpus.quote=null", "task.gold.separator=semicolon"]
    loaded = config.load(project, words).task
    assert (loaded.corpus.separator, loaded.corpus.quote, loaded.gold.separator) == (
        "tab",
        None,
        "semicolon",
    )
    text = problem(
        project, "task.corpus.separator=semikolon", "task.corpus.quote=abc", "task.gold.separator=''"
    )
    assert text.startswith("3 problems in the configuration")
    assert "task.corpus.separator: a separator is one ASCII character, not 'semikolon'" in text
    assert "available: comma, semicolon, tab, bar" in text
    assert "task.corpus.quote: a quote is one ASCII character, not 'abc'" in text
    assert "task.gold.separator: a separator is one ASCII character, not ''" in text


# ---- the library's options, called by their keys ----


@pytest.mark.parametrize(
    ("hint", "typed"),
    [
        ("choose another column with id= or text=", "choose another column with x.id= or x.text="),
        ("give quote=None", "give x.quote=null"),
        ("for lines give format='jsonl'; or not", "for lines give x.format=jsonl; or not"),
        ('on_error="abstain" counts', "x.on_error=abstain counts"),
        ("write id='a b'", "write x.id='a b'"),
        ("name root= or grid= or 'id=7' or task.id=", "name root= or grid= or 'id=7' or task.id="),
    ],
)
def test_hints_name_settings(hint, typed):
    options = ["id", "text", "quote", "format", "on_error"]
    with pytest.raises(CorpusError) as caught, as_settings("x", options):
        raise CorpusError("id= of the user's", where="id=", hint=hint)
    assert str(caught.value) == f"id= of the user's\n  where: id=\n  hint: {typed}"


def test_hints_of_several_problems_name_settings():
    problems = [GoldError("one", hint="name it with id="), GoldError("two")]
    with pytest.raises(Problems) as caught, as_settings("task.gold", ["id"]):
        raise Problems("gold.csv", problems)
    assert "hint: name it with task.gold.id=" in str(caught.value)


def test_every_option_that_a_hint_can_name_is_a_setting():
    """What `as_settings` puts for an option of Corpus.open and load_gold is a key that can be typed."""
    keys = config.flatten(config.Config())
    for maker, group in ((Corpus.open, "task.corpus"), (load_gold, "task.gold")):
        options = [p.name for p in inspect.signature(maker).parameters.values() if p.kind == p.KEYWORD_ONLY]
        own = {"root", "digests", "schema", "unchecked", "storage"}  # what the pipeline gives
        assert [name for name in options if name not in own and f"{group}.{name}" not in keys] == []


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("task.limits.seconds=0", "task.limits.seconds is 0.0; more than 0 is wanted"),
        ("task.limits.megabytes=-1", "task.limits.megabytes is -1; more than 0 is wanted"),
        ("task.today=tomorrow", "task.today is 'tomorrow', which is no day"),
    ],
)
def test_days_and_limits_are_checked(project, word, message):
    with pytest.raises(ConfigError, match=message):
        config.load(project, [word])
    free = config.load(
        project, ["task.limits.seconds=null", "task.limits.megabytes=null", "task.today=2026-03-31"]
    )
    assert (free.task.limits.seconds, free.task.limits.megabytes) == (None, None)


def test_names_are_added_without_a_sign(project):
    (project / "conf" / "config.yaml").write_text(BASE + "gold:\n  people: {ann: 1}\n")
    words = ["gold.people.bob=0.5", "gold.rates={eve: 60}", "gold.patterns.order='#[0-9]+'"]
    gold = config.load(project, words).gold
    assert gold.people == {"ann": 1.0, "bob": 0.5}
    assert (gold.rates, gold.patterns) == ({"eve": 60.0}, {"order": "#[0-9]+"})
    assert config.load(project, ["gold.people.ann=2"]).gold.people == {"ann": 2.0}
    assert config.load(project, ["gold.people={bob: 1}", "gold.people.cid=1"]).gold.people == {
        "ann": 1.0,
        "bob": 1.0,
        "cid": 1.0,
    }
    assert config.load(project, ["+gold.people.dot=1"]).gold.people == {"ann": 1.0, "dot": 1.0}
    assert config.load(project, ["~gold.people.ann"]).gold.people == {}


@pytest.mark.parametrize("value", ["ledger", "[ledger]", "[ledger,0.5]", "[ledger,\"split = 'train'\"]"])
def test_what_calibrates_may_come_from_the_ledger(project, value):
    loaded = config.load(project, [f"task.gold.calibrate={value}", "calibrator=temperature"])
    assert "ledger" in loaded.task.gold.calibrate
