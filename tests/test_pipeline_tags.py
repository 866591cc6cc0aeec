"""`run` for a task whose rows may have several labels."""

import json

import polars as pl
import pytest

import tag_project
from weaklabel import config, pipeline
from weaklabel.cli import main
from weaklabel.errors import ConfigError, GoldError, ModelError, SchemaError
from weaklabel.schema import TAG_COLUMNS


@pytest.fixture
def project(tmp_path):
    return tag_project.make(tmp_path / "desk")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with one run: its folder, and the result."""
    project = tag_project.make(tmp_path_factory.mktemp("tags") / "desk")
    return project, run(project)


def run(project, *words):
    return pipeline.run(config.load(project, list(words)), project=project)


def labels_of(result):
    return pl.read_parquet(result.folder / "labels.parquet")


def test_labels_are_lists_with_what_stands_above(made):
    _, result = made
    labels = labels_of(result)
    assert dict(labels.schema) == dict(pl.Schema(TAG_COLUMNS))
    by_id = {row["id"]: row for row in labels.iter_rows(named=True)}
    assert by_id["0-0"]["labels"] == ["delivery", "late"]
    assert by_id["0-3"]["labels"] == ["praise"]
    assert by_id["0-7"]["labels"] == ["money", "refund", "praise"]
    assert by_id["0-5"]["status"] == "uncovered"
    assert by_id["0-5"]["labels"] == by_id["0-5"]["candidates"] == []
    assert by_id["0-4"]["labels"] == ["delivery", "late"]  # thanks says praise, angry denies it
    assert set(labels["run_id"]) == {result.run_id}


def test_a_parent_is_at_least_as_probable_as_its_children(made):
    _, result = made
    for row in labels_of(result).iter_rows(named=True):
        p = dict(zip(row["candidates"], row["probabilities"], strict=True))
        for child, parent in (("late", "delivery"), ("lost", "delivery"), ("refund", "money")):
            if child in p:
                assert p[parent] >= p[child]


def test_every_row_is_there_once_in_the_order_of_the_corpus(made):
    project, result = made
    assert labels_of(result)["id"].to_list() == pl.read_parquet(project / "rows.parquet")["id"].to_list()
    assert result.rows == 24
    assert sum(result.statuses.values()) == 24


def test_figures_are_those_of_the_tables(made):
    _, result = made
    evaluation = json.loads((result.folder / "evaluation.json").read_text(encoding="utf-8"))
    assert set(evaluation["scores"]) == {"tags", "majority_vote"}
    assert evaluation["scores"]["tags"]["n_gold"] == 24
    assert result.metrics()["gold.micro_f1"] == evaluation["scores"]["tags"]["metrics"]["micro_f1"]["value"]
    tags = pl.read_parquet(result.folder / "tags.parquet")
    given = labels_of(result)["labels"].explode().drop_nulls().value_counts()
    assert dict(given.iter_rows()) == {t: n for t, n in tags.select("tag", "given").iter_rows() if n}
    assert result.cardinality == pytest.approx(given["count"].sum() / 24)
    named = dict(tags.select("tag", "named").iter_rows())
    assert (named["praise"], named["refund"]) == (8, 6)
    assert dict(tags.select("tag", "denied").iter_rows())["praise"] == 6


def test_rules_are_judged_by_what_they_say(made):
    _, result = made
    rules = {row["labeler"]: row for row in result.rules.iter_rows(named=True)}
    assert (rules["slow"]["Correct"], rules["slow"]["Incorrect"]) == (6, 0)
    assert (rules["parcel"]["Correct"], rules["parcel"]["Incorrect"]) == (4, 2)
    assert rules["parcel"]["label"] == "late or lost"
    assert (rules["angry"]["Correct"], rules["angry"]["Incorrect"]) == (6, 0)
    assert rules["angry"]["Conflicts"] == pytest.approx(2 / 24)
    assert result.conflicts == pytest.approx(2 / 24)


def test_gold_for_the_model_scores_nothing(project):
    result = run(project, "task.gold.calibrate=0.5")
    learned = result.manifest["counts"]["calibration"]
    assert learned
    assert result.scores["tags"].n_gold == 24 - learned
    assert any("gold rows went into the model" in note for note in result.notes)


def test_majority_vote_is_a_model_too(project):
    result = run(project, "label_model=majority_vote")
    assert result.model == "majority_vote"
    assert set(result.scores) == {"majority_vote"}
    assert not result.difference


def test_without_gold(tmp_path):
    result = run(tag_project.make(tmp_path / "desk", gold=False))
    assert not result.scores
    assert any("there is no gold" in note for note in result.notes)


def test_gold_as_a_column_of_the_corpus(project):
    rows = pl.read_parquet(project / "rows.parquet").join(pl.read_ndjson(project / "gold.jsonl"), on="id")
    rows.write_parquet(project / "rows.parquet")
    result = run(project, "task.gold.path=null", "task.gold.column=labels")
    assert result.scores["tags"].n_gold == 24


def test_slices_have_figures_of_their_own(project):
    result = run(project, "+task.slices.short='length(text) < 15'")
    assert set(result.scores["tags"].slices) == {"short"}
    assert set(result.sliced_difference) == {"short"}


def test_a_muted_rule_is_shown_and_counts_nothing(project):
    rules = project / "rules" / "rules.yaml"
    rules.write_text(rules.read_text().replace("name: angry,", "name: angry, muted: true,"))
    result = run(project)
    assert result.conflicts == 0
    assert "praise" in labels_of(result).filter(id="0-4")["labels"][0]
    assert "angry" in result.rules["labeler"].to_list()


def test_unknown_gold_tags_are_an_error_or_left_out(project):
    gold = pl.read_ndjson(project / "gold.jsonl").with_columns(pl.col("labels").list.concat(pl.lit(["new"])))
    gold.write_ndjson(project / "gold.jsonl")
    with pytest.raises(GoldError, match="24 gold tags are unknown: 'new'"):
        run(project)
    result = run(project, "task.gold.unknown=leave_out")
    assert any("new (24)" in note for note in result.notes)


def test_settings_for_one_label_a_row_are_refused(project):
    with pytest.raises(ModelError, match="'snorkel' gives every row one label"):
        run(project, "label_model=snorkel")
    with pytest.raises(ModelError, match="calibrator=isotonic is for tasks with one label"):
        run(project, "calibrator=isotonic", "task.gold.calibrate=0.5")
    with pytest.raises(ConfigError, match="ledger is for tasks with one label"):
        run(project, "task.gold.calibrate=ledger")


def test_what_is_for_one_label_a_row_says_so(project):
    with pytest.raises(SchemaError, match="one label"):
        pipeline.open_task(config.load(project), project)


def test_a_gold_id_that_is_no_row_is_named(project):
    (project / "gold.jsonl").write_text('{"id": "z", "labels": []}\n', encoding="utf-8")
    with pytest.raises(GoldError, match="1 of 1 gold ids are not in the corpus: 'z'") as error:
        run(project)
    assert error.value.where == "gold.jsonl"


def test_the_command_prints_what_matters(project, capsys):
    assert main(["run", "--project", str(project)]) == 0
    shown = capsys.readouterr().out
    for part in ("desk: 24 rows, 7 rules, 6 tags", "micro F1", "most given", "praise"):
        assert part in shown
    assert main(["run", "--project", str(project), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["task"] == "desk"
    assert told["scores"]["tags"]["metrics"]["micro_f1"]["n"] == 24


def test_a_sweep_compares_models_by_micro_f1(project, capsys):
    words = ["run", "-m", "--project", str(project), "label_model=majority_vote,default"]
    assert main(words) == 0
    assert "micro F1" in capsys.readouterr().out


def test_the_model_that_is_logged_reads_a_frame_of_votes(made):
    from weaklabel.tracking import _load_pyfunc

    _, result = made
    votes = pl.read_parquet(sorted((result.folder / "votes").glob("*.parquet")))
    told = _load_pyfunc(str(result.folder / "model")).predict(votes.to_pandas())
    labels = labels_of(result)
    assert told["id"].tolist() == labels["id"].to_list()
    assert [list(each) for each in told["labels"]] == labels["labels"].to_list()
    assert told["status"].tolist() == labels["status"].to_list()


def test_exports_and_weights(project):
    result = run(project, "export.formats=[jsonl,multi_hot,label_studio]", "export.weights=true")
    names = {path.name for path in result.folder.iterdir()}
    assert {"labels.parquet", "labels.jsonl"} <= names
    assert {"class_weight", "resampling"} <= set(labels_of(result).columns)
    assert set(result.manifest["files"]) == {name for name in names if name.startswith("labels.")}
    assert result.manifest["schema_version"] == "1"
