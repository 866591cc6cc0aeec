"""The pipeline: one folder per run, whole or not at all, and the same answer however the work is spread."""

import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from weaklabel import config, engines, label_model, pipeline
from weaklabel.corpus import tables
from weaklabel.errors import (
    ConfigError,
    GoldError,
    ModelError,
    OutputError,
    RuleError,
    RuleFault,
    SchemaError,
)
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline import believed
from weaklabel.runs import new_run_id
from weaklabel.schema import LABEL_COLUMNS, LabelSchema

SCHEMA = "labels: [ham, {name: spam, aliases: [junk]}]\n"
RULES = """
rules:
  - {name: link, kind: regex, label: spam, pattern: 'https?://'}
  - {name: shouts, kind: regex, label: junk, pattern: '^[^a-z]+$'}
  - {name: short, kind: where, label: ham, sql: "length(text) < 9"}
  - {name: cheap, kind: where, label: ham, sql: "price < 3"}
"""
TEXTS = [
    "see http://x",
    "BUY NOW",
    "ok",
    "hello there all",
    "HTTP://Y",
    "fine, thanks a lot",
    "see https://z ok",
    "NO",
]
PRICES = [1.0, 9.0, None, float("nan"), 2.0, 8.0, 9.0, 1.0]
GOLD = ["spam", "spam", "ham", "ham", "spam", "ham", "spam", "ham"]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "conf" / "task").mkdir(parents=True)
    (tmp_path / "conf" / "config.yaml").write_text(
        "defaults:\n  - base\n  - task: tiny\n  - label_model: default\n  - engine: local\n  - tracking: none\n"
        "  - experiment: null\n  - _self_\nplots: false\nevaluation: {classifier: false}\n"
    )
    (tmp_path / "conf" / "task" / "tiny.yaml").write_text(
        "name: tiny\nrules: rules\ncorpus: {path: data, id: id}\ngold: {path: gold.csv}\n"
    )
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "schema.yaml").write_text(SCHEMA)
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    (tmp_path / "data").mkdir()
    frame = pl.DataFrame({"id": [f"r{i}" for i in range(8)], "text": TEXTS, "price": PRICES, "truth": GOLD})
    frame = frame.with_columns(
        code=pl.col("truth").replace_strict({"ham": 0, "spam": 1}, return_dtype=pl.Int8)
    )
    for number, part in enumerate((frame[:3], frame[3:4], frame[4:])):
        part.write_parquet(tmp_path / "data" / f"part-{number}.parquet")
    frame.select("id", label="truth").write_csv(tmp_path / "gold.csv")
    return tmp_path


def run(project, *words, **options):
    return pipeline.run(config.load(project, words), project=project, **options)


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def left_over(project):
    runs = project / ".weaklabel" / "runs"
    return sorted(p.name for p in runs.iterdir()) if runs.exists() else []


def test_a_run_leaves_one_whole_folder(project):
    result = run(
        project, "plots=true", "export.formats=[jsonl,csv]", extra={".hydra/overrides.yaml": "- a\n"}
    )
    assert left_over(project) == [result.run_id]
    found = files(result.folder)
    assert {
        ".hydra/overrides.yaml",
        "config.yaml",
        "evaluation.json",
        "labels.csv",
        "labels.jsonl",
        "labels.parquet",
        "manifest.json",
        "model/votes.json",
        "rules.parquet",
        "votes/part-00000.parquet",
        "votes/part-00001.parquet",
        "votes/part-00002.parquet",
    } <= set(found)
    assert [f for f in found if f.startswith("plots/") and f.endswith(".png")]
    assert [f for f in found if f.endswith((".pkl", ".tmp"))] == []


def test_labels_worked_by_hand(project):
    result = run(project, "label_model=majority_vote")
    labels = pl.read_parquet(result.folder / "labels.parquet")
    assert dict(labels.schema) == {k: v() if isinstance(v, type) else v for k, v in LABEL_COLUMNS.items()}
    by_id = {row["id"]: row for row in labels.iter_rows(named=True)}
    assert list(by_id) == [f"r{i}" for i in range(8)]
    # r0: link against cheap; r1: shouts against short; r2: short; r3: none; r4: shouts against short and cheap
    # r5: none; r6: link; r7: shouts against short and cheap
    status = {key: row["status"] for key, row in by_id.items()}
    assert status == dict(
        zip(
            by_id,
            ["tie", "tie", "labeled", "uncovered", "labeled", "uncovered", "labeled", "labeled"],
            strict=True,
        )
    )
    assert [row["label"] for row in by_id.values()] == [None, None, "ham", None, "ham", None, "spam", "ham"]
    assert [row["n_votes"] for row in by_id.values()] == [2, 2, 1, 0, 3, 0, 1, 3]
    assert by_id["r3"]["probabilities"] is None
    assert by_id["r0"]["probabilities"] == [0.5, 0.5]
    assert by_id["r4"]["probabilities"] == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    assert by_id["r4"]["pattern"] == by_id["r7"]["pattern"] != by_id["r1"]["pattern"]
    assert result.statuses == {"labeled": 4, "tie": 2, "uncovered": 2}
    assert result.coverage == 6 / 8
    assert (result.overlaps, result.conflicts) == (4 / 8, 4 / 8)
    # of six covered gold rows: two ties count a half each, r2, r6, r7 are right, r4 is wrong
    assert result.scores["majority_vote"].metrics["accuracy"].value == pytest.approx(4 / 6)
    assert result.difference is None


def test_rules_table_and_notes(project):
    result = run(project)
    rules = {row["labeler"]: row for row in result.rules.iter_rows(named=True)}
    assert rules["shouts"]["label"] == "spam"
    assert rules["shouts"]["where"] == "rules/rules.yaml:4"
    assert rules["cheap"]["Coverage"] == 3 / 8
    assert any("1 row holds NaN in the column 'price'" in note for note in result.notes)


def test_threshold(project):
    result = run(project, "label_model=majority_vote", "task.threshold=0.9")
    labels = pl.read_parquet(result.folder / "labels.parquet")
    below = labels.filter(pl.col("status") == "below_threshold")
    assert below["id"].to_list() == ["r4", "r7"]
    assert below["label"].to_list() == [None, None]
    assert below["probabilities"].is_not_null().all()


def test_a_probability_at_the_threshold_is_not_below_it():
    votes = LabelMatrix.from_numpy([[0, 0, 1, 2], [0, 1, 2, 0], [0, -1, -1, -1]])
    model = label_model.create("majority_vote", n_classes=3).fit(votes)
    table = pipeline.label_table(
        votes.ids, votes.patterns(), model, schema=LabelSchema(["a", "b", "c"]), threshold=0.5
    )
    assert table["status"].to_list() == ["labeled"] * 3
    assert table["label"].to_list() == ["a"] * 3


def test_two_runs_give_the_same_labels(project):
    one, two = run(project), run(project)
    assert one.run_id != two.run_id
    assert sorted(left_over(project)) == sorted([one.run_id, two.run_id])
    first, second = (pl.read_parquet(r.folder / "labels.parquet").drop("run_id") for r in (one, two))
    assert first.write_ipc(None).getvalue() == second.write_ipc(None).getvalue()
    assert one.manifest["fingerprints"] == two.manifest["fingerprints"]


def test_parallel_is_serial_bit_for_bit(project, monkeypatch):
    monkeypatch.setattr("weaklabel.report.plot_run", lambda *args, **options: [])
    serial, parallel = run(project), run(project, "engine.workers=2", "plots=true")
    for name in ("part-00000", "part-00001", "part-00002"):
        parts = [(r.folder / "votes" / f"{name}.parquet").read_bytes() for r in (serial, parallel)]
        assert parts[0] == parts[1]
    labels = [pl.read_parquet(r.folder / "labels.parquet").drop("run_id") for r in (serial, parallel)]
    assert labels[0].write_ipc(None).getvalue() == labels[1].write_ipc(None).getvalue()
    assert serial.manifest["fingerprints"] == parallel.manifest["fingerprints"]


def test_a_lost_shard_ends_the_run(project, monkeypatch):
    lost = engines.Lost(1, "data/part-1.parquet", tries=3, how="killed by SIGKILL")
    engine = SimpleNamespace(map=lambda make, items: iter([(0, {"nan": {}}), (1, lost)]))
    monkeypatch.setattr(engines, "create", lambda name, **options: engine)
    with pytest.raises(engines.Lost, match="item 1 is lost"):
        run(project)
    assert left_over(project) == []


def test_a_fault_in_a_worker_arrives_whole(project):
    fault = "import weaklabel as wl\n\n\n@wl.labeling_function(label='ham')\ndef odd(row):\n    return 1 / (row['text'] != 'ok')\n"
    (project / "rules" / "odd.py").write_text(fault)
    with pytest.raises(RuleFault, match="odd") as caught:
        run(project, "engine.workers=2")
    assert "odd.py" in str(caught.value)
    assert "r2" in str(caught.value)
    assert left_over(project) == []
    result = run(project, "task.on_error=abstain")
    assert {k: v for k, v in result.faults.items() if v} == {"odd": 1}
    assert any("1 fault in 1 rule count" in note for note in result.notes)


def test_gold_from_a_column_of_the_corpus(project):
    table = run(project)
    names = run(project, "task.gold.path=null", "task.gold.column=truth")
    codes = run(project, "task.gold.path=null", "task.gold.column=code", "task.gold.codes=true")
    listed = run(project, "task.gold.path=null", "task.gold.column=code", "task.gold.codes=[ham,junk]")
    assert len({r.manifest["fingerprints"]["gold"] for r in (table, names, codes, listed)}) == 1
    where = run(project, "task.gold.path=null", "task.gold.column=truth", "task.gold.where='price > 5'")
    assert where.manifest["counts"]["gold"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["task.gold.column=trth"], "the corpus has no column 'trth'"),
        (["task.gold.column=code"], "holds numbers"),
        (["task.gold.column=code", "task.gold.codes=[ham]"], "holds the code 1, which has no label"),
        (["task.gold.column=truth", "task.gold.where='prize > 5'"], "no column 'prize'"),
    ],
)
def test_gold_columns_that_can_not_be_read(project, words, message):
    with pytest.raises(GoldError, match=message):
        run(project, "task.gold.path=null", *words)
    assert left_over(project) == []


def test_gold_of_several_annotators_and_times_in_part(project):
    (project / "gold.csv").write_text(
        "id,label,who,when,split\n"
        "r0,spam,ann,1,test\nr0,ham,ann,2,test\nr0,spam,bob,1,test\nr0,spam,cid,1,test\n"
        "r1,ham,ann,1,test\nr2,ham,ann,1,train\n"
    )
    words = ["label_model=majority_vote", "task.gold.annotator=who", "task.gold.time=when"]
    result = run(project, *words, "task.gold.where='split = $$test$$'".replace("$$", "\\'"))
    assert result.manifest["counts"]["gold"] == 2
    counts = result.scores["majority_vote"].confusion.rows()
    assert [sum(row[1:]) for row in counts] == [1, 1]


def test_the_threshold_holds_for_majority_vote_beside_the_model_too(project):
    free, strict = (run(project, *words).scores["majority_vote"] for words in ([], ["task.threshold=0.9"]))
    assert free.metrics["accuracy_labeled"].n == 4
    assert strict.metrics["accuracy_labeled"].n == 2
    assert free.metrics["accuracy"].n == strict.metrics["accuracy"].n == 6


def test_codes_of_unknown_labels(project):
    with pytest.raises(SchemaError, match="unknown label 'hma'"):
        run(project, "task.gold.path=null", "task.gold.column=code", "task.gold.codes=[hma,spam]")


def test_majority_vote_and_classifier_stand_beside_the_model(project):
    gold = (project / "gold.csv").read_text()
    (project / "gold.csv").write_text(gold.replace("r1,spam", "r1,ham"))  # the model decides r0 and r1
    result = run(project, "+task.slices.cheap='price < 3'", "evaluation.classifier=true")
    assert list(result.scores) == ["event_bayes", "majority_vote", "vote_classifier"]
    assert [list(score.slices) for score in result.scores.values()] == [["cheap"]] * 3
    ours, simple = (result.scores[name].metrics["accuracy"] for name in ("event_bayes", "majority_vote"))
    assert ours.value != simple.value
    assert result.difference.value == pytest.approx(ours.value - simple.value)
    assert "gold.accuracy" in result.metrics()
    assert "gold.majority_vote.accuracy" in result.metrics()
    json.dumps(result.to_dict(), default=str)


def test_rules_and_the_gain_are_given_per_slice_too(project):
    result = run(project, "+task.slices.cheap='price < 3'")
    sliced = pl.read_parquet(result.folder / "rules_per_slice.parquet")
    rows = {row["labeler"]: row for row in sliced.iter_rows(named=True)}
    assert set(sliced["slice"]) == {"cheap"}
    # price < 3: r0 spam, r4 spam, r7 ham; all three hit by cheap
    assert (rows["cheap"]["Coverage"], rows["cheap"]["Correct"], rows["cheap"]["Incorrect"]) == (1.0, 1, 2)
    assert (rows["link"]["Coverage"], rows["link"]["Correct"]) == (pytest.approx(1 / 3), 1)
    assert result.sliced_rules.equals(sliced)
    assert result.sliced_difference["cheap"].n == 3
    assert (
        result.metrics()["gold.slice.cheap.accuracy_minus_majority_vote"]
        == result.sliced_difference["cheap"].value
    )
    written = json.loads((result.folder / "evaluation.json").read_text())
    assert written["accuracy_minus_majority_vote_per_slice"]["cheap"]["n"] == 3
    assert result.to_dict()["accuracy_minus_majority_vote_per_slice"]["cheap"]["n"] == 3
    held_out = run(project, "+task.slices.cheap='price < 3'", "task.gold.held_out=true")
    assert "Correct" not in held_out.sliced_rules.columns
    assert run(project).sliced_rules is None


def test_a_rule_that_stands_for_several_labels_counts(project):
    with (project / "rules" / "rules.yaml").open("a") as pack:
        pack.write("  - {name: kind, kind: keywords, label: {none_of: [spam]}, terms: [thanks]}\n")
    result = run(project)
    rules = {row["labeler"]: row for row in result.rules.iter_rows(named=True)}
    assert rules["kind"]["label"] == "not spam"
    assert rules["kind"]["Correct"] + rules["kind"]["Incorrect"] > 0
    assert result.sliced_rules is None
    alone = pl.read_parquet(result.folder / "labels.parquet").filter(pl.col("n_votes") == 1)
    assert alone.height
    rewritten(project, "{name: kind,", "{name: kind, muted: true,")
    muted = run(project)
    assert "muted, so that no label counts their votes: kind" in muted.notes
    rewritten(project, "{name: kind, muted: true,", "{name: kind,")
    registry = pipeline.open_registry(config.load(project), project)
    assert [pipeline.label_of(registry, rule) for rule in registry][-2:] == ["ham", "not spam"]


def rewritten(project, old, new):
    path = project / "rules" / "rules.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_drafts_and_retired_rules_do_not_vote(project):
    rewritten(project, "{name: cheap,", "{name: cheap, state: draft,")
    rewritten(project, "{name: shouts,", "{name: shouts, state: retired,")
    result = run(project)
    assert result.rules["labeler"].to_list() == ["link", "short"]
    assert "2 rules did not vote: 1 draft and 1 retired (shouts, cheap)" in result.notes
    for name in ("link", "short"):
        rewritten(project, f"{{name: {name},", f"{{name: {name}, state: draft,")
    with pytest.raises(RuleError, match="none of the 4 rules is active: they are draft or retired"):
        run(project)


def test_a_muted_rule_votes_but_counts_for_nothing(project):
    rewritten(project, "{name: cheap,", "{name: cheap, muted: true,")
    result = run(project, "label_model=majority_vote")
    assert "muted, so that no label counts their votes: cheap" in result.notes
    rules = {row["labeler"]: row for row in result.rules.iter_rows(named=True)}
    assert (rules["cheap"]["Coverage"], rules["cheap"]["Correct"]) == (3 / 8, 1)
    muted = pl.read_parquet(result.folder / "labels.parquet")
    assert LabelMatrix.scan(result.folder / "votes").labelers == ("link", "shouts", "short", "cheap")
    rewritten(project, "{name: cheap, muted: true,", "{name: cheap, state: retired,")
    retired = pl.read_parquet(run(project, "label_model=majority_vote").folder / "labels.parquet")
    assert_frame_equal(muted.drop("run_id"), retired.drop("run_id"))
    (project / "rules" / "rules.yaml").write_text(
        "rules:\n- {name: link, kind: regex, label: spam, pattern: x, muted: true}\n"
    )
    with pytest.raises(RuleError, match="every rule is muted: no vote counts"):
        run(project)


def test_rules_with_days_are_judged_by_the_day_that_the_configuration_keeps(project):
    rewritten(project, "{name: cheap,", "{name: cheap, valid_until: 2026-01-31,")
    late = run(project, "task.today=2026-02-01")
    assert "1 rule valid on some days only, judged as of 2026-02-01: cheap" in late.notes
    assert "today: '2026-02-01'" in (late.folder / "config.yaml").read_text()
    votes = LabelMatrix.scan(late.folder / "votes")
    assert votes.keep(["cheap"]).to_numpy().ravel().tolist() == [-2] * 8
    early = run(project, "task.today=2026-01-31")
    assert LabelMatrix.scan(early.folder / "votes").keep(["cheap"]).to_numpy().max() == 0
    import datetime

    kept = (run(project).folder / "config.yaml").read_text()
    assert f"today: '{datetime.date.today()}'" in kept


def test_a_rule_that_runs_away_is_named_and_ended(project):
    (project / "rules" / "slow.py").write_text(
        "import weaklabel as wl\n\n"
        "@wl.labeling_function(label='spam')\n"
        "def waits(row):\n"
        "    while 'BUY' in row['text']:\n"
        "        pass\n"
    )
    with pytest.raises(RuleFault) as caught:
        run(project, "task.limits.seconds=0.2")
    message = str(caught.value)
    assert "rule 'waits' took more than 0.2 s on one batch" in message
    assert "slow.py:3" in message and "row 'r1'" in message and "task.limits" in message
    result = run(project, "task.limits.seconds=0.2", "task.on_error=abstain")
    assert (
        result.faults["waits"] == 2
    )  # rows 1 and 2 of the first part: r1, and r2 which was not asked any more


def test_gold_that_is_held_out_judges_labels_but_no_rule(project):
    free, held = run(project, "plots=true"), run(project, "plots=true", "task.gold.held_out=true")
    assert "Emp. Acc." in free.rules.columns
    assert [name for name in held.rules.columns if "Acc" in name or "orrect" in name] == []
    assert (free.held_out, held.held_out, held.to_dict()["held_out"]) == (False, True, True)
    assert held.scores["event_bayes"].metrics == free.scores["event_bayes"].metrics


def test_gold_rows_that_fit_the_model_never_score_it(project):
    column = ["label_model=dawid_skene", "task.gold.path=null", "task.gold.column=truth"]
    whole = run(project, *column)
    parts = run(project, *column, "task.gold.calibrate='price > 5'")  # r1, r5, r6; null and NaN are no yes
    assert parts.manifest["counts"]["calibration"] == 3
    assert parts.manifest["counts"]["gold"] == 5
    assert parts.scores["dawid_skene"].n_gold == 5
    assert "3 gold rows went into the label model; the other 5 score it" in " ".join(parts.notes)
    assert parts.manifest["fingerprints"]["calibration"] != parts.manifest["fingerprints"]["gold"]
    assert "calibration" not in whole.manifest["fingerprints"]
    before, after = (pl.read_parquet(r.folder / "labels.parquet")["probabilities"] for r in (whole, parts))
    assert before.to_list() != after.to_list()
    both = run(project, *column, "task.gold.where='price > 1'", "task.gold.calibrate='price > 8.5'")
    assert (both.manifest["counts"]["calibration"], both.manifest["counts"]["gold"]) == (2, 2)


def test_without_gold_the_report_says_that_votes_cannot_decide_between_model_and_majority(project):
    (project / "gold.csv").unlink()
    result = run(project, "task.gold.path=null")
    labels = pl.read_parquet(result.folder / "labels.parquet")
    simple = pl.read_parquet(
        run(project, "task.gold.path=null", "label_model=majority_vote").folder / "labels.parquet"
    )
    others = int(labels["label"].ne_missing(simple["label"]).sum())
    assert others > 0
    told = " ".join(result.notes)
    assert f"event_bayes and majority vote differ on {others} of 6 rows with votes" in told
    assert "the votes alone can't say which of the two is right there" in told
    assert "differ on" not in " ".join(run(project, "task.gold.path=null", "label_model=dawid_skene").notes)


def test_the_saved_model_knows_its_rules_and_labels(project):
    result = run(project)
    saved = result.folder / "model" / "model"
    task = pipeline.open_task(config.load(project), project)
    label_model.load(saved, schema=task.schema, rules=task.registry)
    pack = project / "rules" / "rules.yaml"
    pack.write_text(pack.read_text().replace("https?://", "https://"))
    changed = pipeline.open_task(config.load(project), project)
    with pytest.raises(ModelError) as error:
        label_model.load(saved, rules=changed.registry)
    assert "link" in str(error.value)


def test_a_calibrator_takes_the_gold_rows_that_would_fit_the_model(project):
    column = ["label_model=majority_vote", "task.gold.path=null", "task.gold.column=truth"]
    plain = run(project, *column)
    parts = run(project, *column, "task.gold.calibrate='price > 0'", "calibrator=temperature")
    before, after = (pl.read_parquet(r.folder / "labels.parquet") for r in (plain, parts))
    assert before["label"].to_list() == after["label"].to_list()
    assert before["probabilities"].to_list() != after["probabilities"].to_list()
    assert "gold rows went into the calibrator (temperature)" in " ".join(parts.notes)
    assert plain.manifest["fingerprints"]["model"] != parts.manifest["fingerprints"]["model"]
    for words, message in (
        (["calibrator=temperature"], "needs gold rows of its own"),
        (["calibrator=isotone", "task.gold.calibrate=0.5"], "isotone"),
    ):
        with pytest.raises(ConfigError, match=message):
            run(project, *words)


def test_a_share_of_the_gold_rows_fits_the_model(project):
    parts = run(project, "task.gold.calibrate=0.5")
    counts = parts.manifest["counts"]
    assert counts["calibration"] + counts["gold"] == 8
    assert 0 < counts["calibration"] < 8
    again = run(project, "task.gold.calibrate=0.5")
    assert again.manifest["fingerprints"]["calibration"] == parts.manifest["fingerprints"]["calibration"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2", "task.gold.calibrate is 2"),
        ("[a]", "task.gold.calibrate is a SQL condition or a share of the gold rows"),
        ("'lable = 1'", "no column 'lable'"),
    ],
)
def test_calibration_that_makes_no_sense(project, value, message):
    with pytest.raises((ConfigError, GoldError)) as error:
        run(project, f"task.gold.calibrate={value}")
    assert message in str(error.value)


def test_an_aggregate_in_a_slice_is_over_the_whole_corpus(project):
    (project / "gold.csv").write_text("id,label\nr0,spam\nr3,ham\nr5,ham\n")
    result = run(project, "label_model=majority_vote", "+task.slices.long='length(text) > avg(length(text))'")
    # gold rows have 12, 15 and 18 characters: more than the corpus' mean of 10, one more than their own of 15
    assert result.scores["majority_vote"].slices["long"].n_gold == 3


def test_the_time_of_a_run_includes_its_logging(project, monkeypatch):
    import time

    def slow(*args, **kwargs):
        time.sleep(0.3)
        return "abc"

    monkeypatch.setattr("weaklabel.tracking.log_run", slow)
    result = run(project, "tracking=mlflow")
    assert result.mlflow_run == "abc"
    assert result.seconds > 0.3


def test_manifest(project):
    result = run(project)
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert manifest == result.manifest
    assert manifest["counts"] == {"rows": 8, "patterns": len(set(_patterns(result))), "rules": 4, "gold": 8}
    assert set(manifest["fingerprints"]) == {"corpus", "rules", "schema", "model", "gold", "config"}
    assert set(manifest["files"]) == {"labels.parquet"}
    before = manifest["fingerprints"]
    (project / "rules" / "rules.yaml").write_text(RULES.replace("< 9", "< 8"))
    after = run(project, "label_model=majority_vote").manifest["fingerprints"]
    assert {name for name in before if before[name] != after[name]} == {"rules", "model", "config"}


def _patterns(result):
    return pl.read_parquet(result.folder / "labels.parquet")["pattern"].to_list()


@pytest.mark.parametrize("call", range(1, 6))
def test_a_full_disk_leaves_nothing(project, monkeypatch, call):
    calls = []
    write = pl.DataFrame.write_parquet

    def full(frame, *args, **kwargs):
        calls.append(1)
        if len(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(frame, *args, **kwargs)

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(OutputError, match="No space left on device"):
        run(project)
    assert left_over(project) == []


def test_everything_is_on_the_disk_before_the_folder_gets_its_name(project, monkeypatch):
    synced, unsynced = set(), []
    fsync, rename = os.fsync, Path.rename

    def watched(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def named(source, target):
        things = [source, *source.rglob("*")]
        unsynced.extend(str(p.relative_to(source)) for p in things if p.stat().st_ino not in synced)
        assert len(things) > 10
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(Path, "rename", named)
    result = run(project, "export.formats=[jsonl,csv]", extra={".hydra/overrides.yaml": "- a\n"})
    assert unsynced == []
    assert result.folder.parent.stat().st_ino in synced


def test_files_that_did_not_change_are_not_read_again_to_digest_them(project, monkeypatch):
    first = run(project)
    digest = tables._digest
    seen = []
    monkeypatch.setattr(
        tables, "_digest", lambda file, *span: (seen.append(file.name), digest(file, *span))[1]
    )
    assert run(project).manifest["fingerprints"] == first.manifest["fingerprints"]
    assert seen == []
    part = project / "data" / "part-1.parquet"
    frame, size = pl.read_parquet(part), part.stat().st_size
    frame.with_columns(text=pl.lit("HELLO there all")).write_parquet(part)
    os.utime(part, ns=(1, 1))
    assert part.stat().st_size == size
    changed = run(project).manifest["fingerprints"]
    assert seen == ["data/part-1.parquet"]
    assert changed["corpus"] != first.manifest["fingerprints"]["corpus"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_goes_wrong_nothing_is_left(project, monkeypatch, error):
    def broken(*args, **kwargs):
        raise error("stop")

    monkeypatch.setattr("weaklabel.pipeline.whole.write_manifest", broken)
    with pytest.raises(error):
        run(project)
    assert left_over(project) == []


def test_what_a_killed_run_left_is_not_read_and_goes_after_a_day(project):
    import time

    run(project)
    runs = project / ".weaklabel" / "runs"
    for name, age in ((".building-old", 2), (".building-new", 0)):
        (runs / name).mkdir()
        (runs / name / "labels.parquet").write_bytes(b"half")
        moment = time.time() - age * 24 * 60 * 60
        os.utime(runs / name, (moment, moment))
    run(project)
    assert (runs / ".building-new").exists()
    assert not (runs / ".building-old").exists()


def test_a_file_in_the_place_of_the_output_folder(project):
    (project / ".weaklabel").write_text("in the way")
    with pytest.raises(OutputError, match="a file is in the way of the output folder"):
        run(project)
    assert (project / ".weaklabel").read_text() == "in the way"


def test_a_missing_rules_folder_names_those_beside_it(project):
    with pytest.raises(ConfigError, match="there is no folder 'ruls'") as caught:
        run(project, "task.rules=ruls")
    assert "rules" in caught.value.available


def test_verbs_for_one_label_a_row_refuse_a_multi_label_schema(project):
    (project / "rules" / "schema.yaml").write_text("exclusive: false\n" + SCHEMA)
    with pytest.raises(SchemaError, match="this is for tasks that give every row one label"):
        pipeline.open_task(config.load(project), project)


def test_label_table_needs_rows():
    votes = LabelMatrix.from_numpy([[0], [1]], labelers=["a"])
    model = label_model.create("majority_vote", n_classes=2).fit(votes)
    table = pipeline.label_table(
        votes.ids, votes.patterns(), model, schema=LabelSchema(["a", "b"]), run_id="x"
    )
    assert table["label"].to_list() == ["a", "b"]
    assert table["run_id"].to_list() == ["x", "x"]


def test_all_rows_uncovered(project):
    (project / "rules" / "rules.yaml").write_text(
        "rules:\n  - {name: never, kind: regex, label: spam, pattern: 'zzz'}\n  - {name: nor, kind: regex, label: ham, pattern: 'yyy'}\n"
    )
    result = run(project)
    assert result.statuses == {"uncovered": 8}
    labels = pl.read_parquet(result.folder / "labels.parquet")
    assert labels["label"].null_count() == labels["probabilities"].null_count() == 8


def test_run_ids_sort_by_time():
    ids = [new_run_id({"a": 1}) for _ in range(20)]
    assert len(set(ids)) == 20
    assert [i[:15] for i in ids] == sorted(i[:15] for i in ids)


def test_the_observer_is_told(project):
    seen = []
    run(project, observer=lambda step, done, total: seen.append((step, done, total)))
    assert [call for call in seen if call[0] == "rules vote"] == [("rules vote", i, 3) for i in (1, 2, 3)]
    assert list(dict.fromkeys(step for step, _, _ in seen)) == [
        "rules vote",
        "model fits",
        "labels are scored",
        "the model is fitted again",
    ]
    assert {step for step, done, total in seen if done == total} == {step for step, _, _ in seen}


def test_a_run_tells_what_the_model_believes(project):
    result = run(project)
    found = json.loads((result.folder / "beliefs.json").read_text())
    assert found["class_balance"] == [share.to_dict() for share in result.beliefs.class_balance]
    assert sum(share["value"] for share in found["class_balance"]) == pytest.approx(1)
    table = {line["labeler"]: line for line in pl.read_parquet(result.folder / "rules.parquet").to_dicts()}
    for line in found["labelers"]:
        rule = table[line["labeler"]]
        assert (rule["By Model"], rule["Identified"]) == (line["precision"], line["identified"])
        assert 0 <= rule["By Model Low"] <= rule["By Model"] <= rule["By Model High"] <= 1
    assert run(project).beliefs.votes.equals(result.beliefs.votes)  # the draws have the run's seed


def test_a_model_whose_fits_take_long_is_not_fitted_again(project, monkeypatch):
    monkeypatch.setattr(believed, "MOST", 1)
    result = run(project)
    assert result.beliefs is None and not (result.folder / "beliefs.json").exists()
    assert "By Model" not in result.rules.columns


def test_votes_in_the_folder_are_the_votes(project):
    result = run(project)
    votes = LabelMatrix.scan(result.folder / "votes")
    assert votes.labelers == ("link", "shouts", "short", "cheap")
    expected = pl.concat(
        [pl.read_parquet(p) for p in sorted(Path(result.folder / "votes").glob("*.parquet"))]
    )
    assert_frame_equal(votes.frame.select("id"), expected.select("id"))
