"""Bulk relabeling: the labels of a run, computed shard by shard, and only what is not there yet."""

import json
import logging

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relabel_project import RULES, add_file, add_rule, data_files, go, make, rows_of, settings, table
from weaklabel import label_model, pipeline
from weaklabel.engines.local import LocalEngine
from weaklabel.errors import ConfigError, CorpusError, GoldError, ModelError, RuleFault, WeakLabelError
from weaklabel.pipeline.label_places import open_pattern_table
from weaklabel.pipeline.relabeling import parts as relabel_parts
from weaklabel.pipeline.relabeling.job import decide, open_bulk
from weaklabel.store.label_table import ConflictError
from weaklabel.store.vote_store import VoteStore


@pytest.fixture
def project(tmp_path):
    return make(tmp_path / "desk")


def bulk(project, *words):
    return open_bulk(settings(project, *words), project)


# ---- the labels ----


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("label_model=majority_vote",),
        ("task.threshold=0.8",),
        ("task.gold.calibrate=0.5",),
        ("task.gold.calibrate=0.5", "calibrator=temperature"),
    ],
    ids=["default", "majority", "threshold", "gold in the fit", "calibrator"],
)
def test_labels_are_those_of_a_run(project, words):
    once = pipeline.run(settings(project, *words), project=project)
    expected = pl.read_parquet(once.folder / "labels.parquet").drop("run_id").sort("id")
    result = go(project, *words)
    found = table(project).scan().collect().sort("id")
    assert_frame_equal(found.drop("model"), expected, check_exact=True)
    assert found["model"].unique().to_list() == [result.model]
    assert result.statuses == dict(sorted(expected["status"].value_counts().iter_rows()))


def test_rows_keep_their_order_within_a_shard(project):
    go(project)
    for number, path in enumerate(sorted(table(project).files())):
        ids = pl.read_parquet(f"{table(project).root}/{path}")["id"].to_list()
        assert ids == rows_of(number, 6)["id"].to_list()


def test_bytes_are_the_same_elsewhere_and_on_another_day(project, tmp_path):
    go(project)
    other = make(tmp_path / "other")
    go(other)
    assert data_files(project) == data_files(other)
    assert len(data_files(project)) == 4


def test_result_says_what_came_of_it(project):
    result = go(project)
    assert (result.outcome, result.version, result.rows, result.share) == ("relabeled", 0, 24, 1.0)
    assert result.shards == {"all": 4, "voted": 4, "linked": 0, "resumed": 0, "failed": 0}
    assert result.columns == {"reused": 0, "voted": 16}
    assert sum(result.statuses.values()) == 24 and sum(result.labels.values()) == result.statuses["labeled"]
    said = json.loads(result.manifest.read_text())
    assert said["version"] == 0 and said["counts"]["rows"] == 24 and said["fitted_on"] == 1.0
    assert sorted(said["files"]) == sorted(table(project).files())
    assert json.dumps(result.to_dict())


def test_commit_says_what_the_labels_were_made_from(project):
    result = go(project)
    said = table(project).metadata()
    assert said["kind"] == "relabel" and said["run_id"] == result.run_id and said["model"] == result.model
    assert json.loads(said["counts"])["rows"] == 24 and json.loads(said["labels"]) == ["ham", "spam"]
    assert set(json.loads(said["rule_fingerprints"])) == {"link", "shouts", "short", "thanks"}
    assert said["schema_version"] == "1"
    assert all(said[name] for name in ("corpus", "rules", "schema", "gold", "job", "audit"))


def test_side_table_holds_every_pattern(project):
    go(project)
    labels = table(project).scan().collect()
    votes = open_pattern_table(settings(project), project).votes_of(labels["pattern"].unique())
    assert set(votes["pattern"]) == set(labels["pattern"])
    counts = labels.join(votes, on="pattern").select(pl.col("lfs").list.len() == pl.col("n_votes"))
    assert counts.to_series().all()


def test_muted_rules_count_for_nothing(project):
    add_rule(project, "{name: loud, kind: regex, label: spam, pattern: NOW, muted: true}")
    once = pipeline.run(settings(project), project=project)
    go(project)
    expected = pl.read_parquet(once.folder / "labels.parquet").drop("run_id").sort("id")
    assert_frame_equal(table(project).scan().collect().sort("id").drop("model"), expected, check_exact=True)


# ---- only what is not there yet ----


def test_nothing_changed_does_nothing(project, monkeypatch):
    go(project)
    monkeypatch.setattr(LocalEngine, "map", lambda *_: pytest.fail("it worked"))
    result = go(project)
    assert (result.outcome, result.version) == ("nothing", 0)
    assert result.why == "version 0 holds the labels of these rules, rows, gold and settings"
    assert table(project).version() == 0


def test_a_refit_that_would_give_the_same_does_nothing(project):
    go(project)
    assert go(project, refit=True).outcome == "nothing"


def test_new_files_use_the_standing_model_and_keep_the_other_labels(project):
    first = go(project)
    add_file(project, 4)
    result = go(project)
    assert (result.outcome, result.version, result.rows) == ("relabeled", 1, 30)
    assert result.model == first.model and result.verdict.word == "kept"
    assert result.shards["linked"] == 4 and result.shards["voted"] == 1 and result.columns["voted"] == 4
    assert result.changed == {"corpus": True}
    model = label_model.load(project / ".weaklabel" / "models" / "tiny" / first.model / "model")
    assert model.labelers_ == ("link", "shouts", "short", "thanks")
    found = table(project).scan().collect()
    assert found["id"].n_unique() == 30 and found["model"].unique().to_list() == [first.model]


def test_labels_that_are_kept_are_the_bytes_that_would_be_computed(project):
    go(project)
    add_file(project, 4)
    result = go(project)
    kept = data_files(project)
    folder = project / ".weaklabel" / "relabel" / "tiny" / result.job / "labels"
    for path in folder.glob("*"):
        path.unlink()
    for path in (project / ".weaklabel" / "relabel" / "tiny").glob("*/made.json"):
        path.unlink()
    before = table(project)
    before.restore(0)
    again = go(project)
    assert again.job == result.job and again.shards["linked"] == 0
    assert data_files(project) == kept


def test_a_file_that_goes_away_takes_its_rows_along(project):
    go(project)
    (project / "data" / "part-1.parquet").unlink()
    result = go(project, "task.gold.where=label is not null")
    assert result.outcome == "relabeled" and result.rows == 18
    assert not table(project).scan().collect()["id"].str.starts_with("r1-").any()


def test_one_changed_rule_costs_one_column(project):
    go(project)
    rules = project / "rules" / "rules.yaml"
    rules.write_text(RULES.replace("[thanks, hello]", "[thanks, hello, fine]"))
    result = go(project)
    assert result.outcome == "relabeled" and result.columns == {"reused": 12, "voted": 4}
    assert result.changed["rules"] == {"new": [], "gone": [], "changed": ["thanks"]}
    assert result.why == "changed since version 0: rules"
    votes = VoteStore(project / ".weaklabel" / "votes")
    assert {rule.shards for rule in votes.show().rules} == {4} and len(votes.show().rules) == 5


def test_a_renamed_rule_costs_nothing_but_a_fit(project):
    go(project)
    rules = project / "rules" / "rules.yaml"
    rules.write_text(RULES.replace("name: link", "name: Holds a link, id: link"))
    assert go(project).outcome == "nothing"


def test_a_corrupt_cache_is_computed_again_and_reported(project, caplog):
    go(project)
    for path in (project / ".weaklabel" / "votes").rglob("*.votes"):
        path.write_bytes(path.read_bytes()[:-3] + b"xyz")
    add_rule(project, "{name: loud, kind: regex, label: spam, pattern: NOW}")
    result = go(project)
    assert result.outcome == "relabeled" and result.columns["voted"] == 20
    assert len(result.notes) == 4
    assert "part" in caplog.text or "votes" in caplog.text


def test_other_gold_means_a_fit_and_keeps_labels_where_the_model_is_the_same(project):
    go(project)
    gold = project / "gold.csv"
    gold.write_text("\n".join(gold.read_text().splitlines()[:4]) + "\n")
    result = go(project)
    assert result.outcome == "relabeled" and result.changed == {"gold": True}
    assert result.verdict.word == "not worse" and result.shards["linked"] == 4


def test_another_threshold_is_one_pass_with_the_standing_model(project):
    first = go(project)
    result = go(project, "task.threshold=0.99")
    assert result.outcome == "relabeled" and result.model == first.model
    assert result.columns == {"reused": 16, "voted": 0}
    assert "below_threshold" in result.statuses


# ---- models ----


def test_a_given_folder_and_the_champion(project):
    once = pipeline.run(settings(project, "label_model=majority_vote"), project=project)
    result = go(project, f"relabel.model=.weaklabel/runs/{once.run_id}")
    assert result.outcome == "relabeled" and result.verdict.word == "given"
    assert (project / ".weaklabel" / "models" / "tiny" / result.model / "votes.json").exists()
    assert go(project, "relabel.model=champion").outcome == "nothing"
    expected = pl.read_parquet(once.folder / "labels.parquet").drop("run_id").sort("id")
    assert_frame_equal(table(project).scan().collect().sort("id").drop("model"), expected, check_exact=True)


def test_champion_is_the_model_of_the_labels_that_stand(project):
    with pytest.raises(ModelError, match="there are none yet"):
        go(project, "relabel.model=champion")
    first = go(project)
    assert go(project, "relabel.model=champion").outcome == "nothing"
    add_file(project, 4)
    result = go(project, "relabel.model=champion")
    assert result.outcome == "relabeled" and result.model == first.model


def test_a_model_of_other_rules_is_refused(project):
    go(project)
    add_rule(project, "{name: loud, kind: regex, label: spam, pattern: NOW}")
    with pytest.raises(ModelError, match=r"other rules \(new: loud\)"):
        go(project, "relabel.model=champion")


def test_refit_and_a_given_model_contradict_each_other(project):
    with pytest.raises(ConfigError, match="--refit fits a model"):
        go(project, "relabel.model=champion", refit=True)


def big(project):
    """Write gold that can tell a good model from a bad one."""
    for number in range(4):
        add_file(project, number, rows=40)
    pl.concat([rows_of(n, 40) for n in range(4)]).select("id", label="truth").write_csv(project / "gold.csv")


def test_a_worse_model_is_not_published(project, monkeypatch):
    big(project)
    first = go(project)
    rules = RULES.replace("label: spam", "label: ham").replace("label: junk", "label: ham")
    (project / "rules" / "rules.yaml").write_text(
        rules.replace("kind: where, label: ham", "kind: where, label: spam")
    )
    result = go(project)
    assert result.outcome == "worse" and result.version == 0 and result.verdict.difference.high < 0
    assert table(project).version() == 0
    assert f"relabel.model=.weaklabel/models/tiny/{result.model}" in result.why
    lines = (project / ".weaklabel" / "relabel" / "tiny" / "verdicts.jsonl").read_text().splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["first", "worse"]
    monkeypatch.setattr(LocalEngine, "map", lambda *_: pytest.fail("it worked again"))
    again = go(project)
    assert again.outcome == "worse" and again.why == result.why and again.model == result.model
    monkeypatch.undo()
    forced = go(project, f"relabel.model=.weaklabel/models/tiny/{result.model}")
    assert forced.outcome == "relabeled" and forced.verdict.word == "given" and forced.model != first.model


def test_a_model_that_is_not_worse_replaces_the_old_one(project):
    big(project)
    go(project)
    add_rule(project, "{name: loud, kind: regex, label: spam, pattern: NOW}")
    result = go(project)
    assert result.outcome == "relabeled" and result.verdict.word == "not worse"
    assert json.loads(table(project).metadata()["audit"])["verdict"] == "not worse"
    assert go(project, "relabel.model=champion").outcome == "nothing"


# ---- fitting within a memory budget ----


def test_above_the_budget_a_sample_is_fitted_and_said(tmp_path, monkeypatch):
    project = make(tmp_path / "desk", files=3, rows=60, gold=False)
    from weaklabel.pipeline.relabeling import merging

    real = merging._over
    monkeypatch.setattr(
        merging,
        "_over",
        lambda stack, budget, need: sum(p.n_rows for p in stack) > 60 or real(stack, budget, need),
    )
    result = go(project)
    assert result.outcome == "relabeled" and result.share in (0.25, 0.5)
    assert json.loads(result.manifest.read_text())["fitted_on"] == result.share
    assert table(project).metadata()["sample"] == repr(result.share)
    facts = json.loads((project / ".weaklabel" / "models" / "tiny" / result.model / "fit.json").read_text())
    assert facts["rows"] == 180 and facts["sampled"] <= 60
    monkeypatch.undo()
    again = make(tmp_path / "again", files=3, rows=60, gold=False)
    monkeypatch.setattr(
        merging,
        "_over",
        lambda stack, budget, need: sum(p.n_rows for p in stack) > 60 or real(stack, budget, need),
    )
    assert go(again).model == result.model


def test_merging_gives_the_patterns_of_all_rows(project):
    go(project)
    from weaklabel.label_matrix import LabelMatrix

    once = pipeline.run(settings(project), project=project)
    whole = LabelMatrix.scan(once.folder / "votes").patterns()
    seen = np.load(next((project / ".weaklabel" / "models" / "tiny").glob("*/seen.npy")))
    assert seen.tolist() == whole.keys.tolist()


# ---- unlike the fit ----


def test_a_shard_unlike_the_fit_is_named(project, caplog):
    go(project)
    strange = pl.DataFrame(
        {
            "id": [f"x{i}" for i in range(6)],
            "text": ["HTTP://X HELLO", "hello http://y"] * 3,
            "truth": ["spam"] * 6,
        }
    )
    strange.write_parquet(project / "data" / "part-9.parquet")
    with caplog.at_level(logging.WARNING, "weaklabel.relabel"):
        result = go(project)
    assert [shard for shard, _ in result.flagged] == ["data/part-9.parquet, rows 0 to 5"]
    assert (
        "part-9.parquet, rows 0 to 5: 100 % of the rows have votes that the fit has not seen" in caplog.text
    )
    labels = table(project).scan().filter(pl.col("id").str.starts_with("x")).collect()
    votes = open_pattern_table(settings(project), project).votes_of(labels["pattern"])
    assert set(votes["pattern"]) == set(labels["pattern"])


# ---- what is wrong ----


def test_doubled_ids_across_shards(project):
    frame = rows_of(3, 6).with_columns(id=pl.Series(["r0-2", "b", "c", "d", "e", "f"]))
    frame.write_parquet(project / "data" / "part-3.parquet")
    with pytest.raises(CorpusError) as error:
        go(project)
    assert error.value.what.startswith("1 doubled id in column 'id': 'r0-2' (")
    assert "part-0.parquet, row 2" in error.value.what and "part-3.parquet, row 0" in error.value.what
    assert table(project).version() is None


def test_doubled_ids_in_a_new_file(project):
    go(project)
    rows_of(2, 6).with_columns(text=pl.lit("ok")).write_parquet(project / "data" / "part-4.parquet")
    with pytest.raises(CorpusError, match="6 doubled ids in column 'id'"):
        go(project)
    assert table(project).version() == 0


@pytest.mark.parametrize("id", [None, ""])
def test_a_row_without_an_id_fails_its_shard(project, id):
    frame = rows_of(3, 6).with_columns(id=pl.Series(["a", id, "c", "d", "e", "f"]))
    frame.write_parquet(project / "data" / "part-3.parquet")
    result = go(project)
    assert result.outcome == "partly" and result.shards["voted"] == 3
    assert "a row without an id" in result.failures[0].what
    assert result.failures[0].where.endswith("part-3.parquet, row 1")


def test_a_truncated_file_leaves_the_others_done_and_the_same_command_goes_on(project):
    path = project / "data" / "part-2.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    result = go(project)
    assert (result.outcome, result.version) == ("partly", None)
    assert [error.what for error in result.failures] == ["a truncated Parquet file: its footer is missing"]
    assert result.columns["voted"] == 12
    path.write_bytes(whole)
    result = go(project)
    assert result.outcome == "relabeled" and result.columns == {"reused": 12, "voted": 4}


def test_a_file_that_breaks_in_the_middle_is_named(project):
    path = project / "data" / "part-2.parquet"
    whole = bytearray(path.read_bytes())
    whole[4:40] = b"\xff" * 36
    path.write_bytes(whole)
    result = go(project)
    assert result.outcome == "partly" and "part-2.parquet" in result.failures[0].where
    assert table(project).version() is None


def test_another_schema_in_one_file(project):
    rows_of(2, 6).with_columns(text=pl.Series(range(6))).write_parquet(project / "data" / "part-2.parquet")
    result = go(project)
    assert result.outcome == "partly" and "mixed schemas" in result.failures[0].what
    assert result.columns["voted"] == 12


def test_a_file_of_zero_rows_is_fine(project):
    rows_of(2, 6).clear().write_parquet(project / "data" / "part-2.parquet")
    assert go(project).rows == 18


def test_a_new_broken_file_beside_labels_that_stand(project):
    go(project)
    (project / "data" / "part-7.parquet").write_bytes(b"PAR1")
    result = go(project)
    assert result.outcome == "partly" and result.version == 0 and result.columns == {"reused": 0, "voted": 0}


def test_gold_of_other_rows_is_refused(project):
    with (project / "gold.csv").open("a") as file:
        file.write("nobody,ham\n")
    with pytest.raises(GoldError, match="1 of 7 gold ids are not among the 24 rows of the corpus: 'nobody'"):
        go(project)


def test_a_rule_that_fails_stops_with_its_row(project):
    (project / "rules" / "more.py").write_text(
        "from weaklabel import labeling_function\n\n\n"
        "@labeling_function(label='ham')\ndef bad(row):\n    return 1 / (row['text'] != 'NO') > 2\n"
    )
    with pytest.raises(RuleFault):
        go(project)
    result = go(project, "task.on_error=abstain")
    texts = pl.concat([rows_of(n, 6) for n in range(4)])["text"]
    assert result.outcome == "relabeled" and result.faults == {"bad": (texts == "NO").sum()}
    assert any("rules failed on rows" in note for note in result.notes)


def test_two_at_a_time_are_refused(project):
    from weaklabel.pipeline.relabeling.relabel import _alone

    go(project)
    with (
        _alone(project / ".weaklabel" / "relabel" / "tiny"),
        pytest.raises(WeakLabelError, match="another process"),
    ):
        go(project)


def test_decisions_say_why(project):
    assert decide(bulk(project)).how == "fit"
    go(project)
    assert decide(bulk(project)).how == "nothing"
    assert decide(bulk(project, "label_model=majority_vote")).why == "changed since version 0: settings"
    for path in (project / ".weaklabel" / "models" / "tiny").iterdir():
        path.rename(path.with_name("elsewhere"))
    assert decide(bulk(project, "task.threshold=0.9")).why == "the model of version 0 is not here"


def test_working_files_of_a_finished_job_are_few(project):
    result = go(project)
    folder = project / ".weaklabel" / "relabel" / "tiny"
    assert sorted(p.name for p in (folder / result.job).iterdir()) == [
        "fitted.json",
        "labels",
        "made.json",
        "manifest.json",
        "patterns.done",
    ]
    assert len(list((folder / "ids").iterdir())) == 4
    assert relabel_parts.data_name(result.job, 0) in table(project).files()


# ---- beside others ----


def test_another_writer_in_between_is_a_conflict_and_nothing_is_lost(project):
    go(project)
    add_file(project, 4)
    before = data_files(project)

    def meddle(now):
        if now.shards == now.all_shards and table(project).version() == 0:
            table(project).change_status(
                pl.DataFrame(
                    {"id": ["r0-0"], "status": ["tie"], "label": [None]},
                    schema_overrides={"label": pl.String},
                ),
                expected=0,
                metadata={"run_id": "somebody"},
            )

    with pytest.raises(ConflictError, match=r"since then came version 1 \(status of run somebody"):
        go(project, watch=meddle)
    assert table(project).version() == 1 and data_files(project) != before
    lines = (project / ".weaklabel" / "relabel" / "tiny" / "verdicts.jsonl").read_text().splitlines()
    assert "another writer was first" in json.loads(lines[-1])["error"]
    result = go(project)
    assert result.version == 2 and result.shards["resumed"] == 5
    assert table(project).scan().collect().height == 30


def test_a_change_of_status_is_not_undone(project):
    go(project)
    change = pl.DataFrame({"id": ["r0-0"], "status": ["tie"], "label": pl.Series([None], dtype=pl.String)})
    table(project).change_status(change, expected=0, metadata={})
    assert go(project).outcome == "nothing"
    assert table(project).rows_of(["r0-0"])["status"].to_list() == ["tie"]


def test_ids_that_are_derived_need_no_check(project):
    for number in range(4):
        rows_of(number, 6).drop("id").write_parquet(project / "data" / f"part-{number}.parquet")
    words = ["task.corpus.id=null", "task.gold.path=null"]
    result = go(project, *words)
    assert result.outcome == "relabeled" and result.rows == 24
    assert "data/part-1.parquet:3" in table(project).scan().collect()["id"].to_list()
    assert list((project / ".weaklabel" / "relabel" / "tiny" / "ids").iterdir()) == []


def test_votes_beyond_the_limit_go(project):
    go(project, "relabel.cache=0.0000001")
    assert VoteStore(project / ".weaklabel" / "votes").size() == 0


def test_working_files_of_a_job_that_was_given_up_go_with_the_next(project):
    path = project / "data" / "part-1.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    go(project)
    left = list((project / ".weaklabel" / "relabel" / "tiny").glob("*/votes"))
    assert len(left) == 1
    path.write_bytes(whole)
    go(project)
    assert not list((project / ".weaklabel" / "relabel" / "tiny").glob("*/votes"))


def test_gold_is_scored_from_labels_that_are_kept(project):
    first = go(project)
    add_file(project, 4)
    result = go(project)
    assert result.verdict.accuracy == first.verdict.accuracy and result.verdict.accuracy.n == 6
