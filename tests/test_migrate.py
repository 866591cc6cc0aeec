"""A task is taken to a new schema: rules named, the ledger, the label table and files carried over, nothing dropped."""

import json

import polars as pl
import pytest

import relabel_project
from weaklabel.errors import GoldError, OutputError, SchemaError
from weaklabel.gold import Ledger
from weaklabel.gold.gold_set.standard import gold_set
from weaklabel.gold.ledger import records
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline.migrate import migrate
from weaklabel.pipeline.migrating.table import table_mark
from weaklabel.schema import Label, LabelSchema
from weaklabel.store.label_files import LABEL_TABLE_COLUMNS, write_label_file
from weaklabel.store.label_table import LabelTable
from weaklabel.taxonomy import schema_diff

OLD = LabelSchema(["ham", "spam", "fax", "ads"], version="1")
NEW = LabelSchema(
    [Label("letter", aliases=("ham",)), "spam", "scam", Label("ads"), Label("fax", status="retired")],
    version="2",
)
DIFF = schema_diff(OLD, NEW, {"split": {"spam": ["spam", "scam"]}})

PACK = """\
rules:
  - {name: sells, kind: keywords, label: spam, terms: [buy]}
  - {name: asks, kind: keywords, label: ham, terms: [please]}
  - {name: beeps, kind: keywords, label: fax, terms: [beep]}
  - {name: shown, kind: keywords, label: {any_of: [ads, spam]}, terms: [banner]}
  - {name: kind, kind: keywords, label: {none_of: [spam]}, terms: [thanks]}
"""
MODULE = """\
from weaklabel import keywords, none_of, rules_from_taxonomy

trick = keywords("trick", ["prince"], label="spam")
made = rules_from_taxonomy(["spam"])
"""


@pytest.fixture
def ledger(tmp_path):
    return Ledger.open(tmp_path / "ledger.db")


def gold_of(*rows):
    kinds = records.KINDS["gold"]
    columns = ["item", "labels", "role", "origin", "inclusion", "counter", "reason"]
    return pl.DataFrame(list(rows), schema={name: kinds[name] for name in columns}, orient="row")


GOLD = gold_of(
    ("a", ["ham"], "check", "random", 0.5, ["spam", "ads"], None),
    ("b", ["spam"], "calibrate", "expert", None, [], "read twice"),
    ("c", ["fax"], "audit", "random", 0.25, [], None),
    ("d", [], "check", "expert", None, [], None),
    ("e", ["ads"], "shown", "expert", None, ["ham"], None),
)


# ---- rules ----


def test_rules_that_must_be_edited_are_named_with_what_they_must_say(tmp_path):
    (tmp_path / "pack.yaml").write_text(PACK)
    (tmp_path / "rules.py").write_text(MODULE)
    done = migrate(DIFF, rules=tmp_path, dry_run=True)
    assert [(one.rule, one.now, one.then, one.why) for one in done.rules] == [
        ("sells", "spam", "label: {any_of: [scam, spam]}", "'spam' was split"),
        ("beeps", "fax", None, "'fax' is retired"),
        ("shown", "ads or spam", "label: {any_of: [ads, scam, spam]}", "'spam' was split"),
        ("kind", "not spam", "label: {none_of: [scam, spam]}", "'spam' was split"),
        ("trick", "spam", "label=any_of('scam', 'spam')", "'spam' was split"),
    ]
    assert done.rules[0].where == f"{tmp_path / 'pack.yaml'}:2"
    assert [one.rule for one in done.rules if one.person] == ["beeps"]


def test_a_rename_without_an_alias_is_an_edit():
    from weaklabel.lf import keywords
    from weaklabel.pipeline.migrating.rules import rule_fates

    old, new = LabelSchema(["ham", "spam"]), LabelSchema(["letter", "spam"])
    rules = [keywords("asks", ["please"], label="ham"), keywords("sells", ["buy"], label="spam")]
    [one] = rule_fates(rules, schema_diff(old, new, {"rename": {"ham": "letter"}}))
    assert (one.rule, one.then, one.why) == ("asks", "label='letter'", "'ham' is 'letter' now")


# ---- the gold ledger ----


def test_the_gold_set_is_carried_over_and_the_rest_is_queued(ledger):
    ledger.record("gold", GOLD, task="mail")
    done = migrate(DIFF, ledger=ledger, task="mail")
    [step] = done.steps
    assert step.counts == {"same": 2, "renamed": 1, "queued": 2, "removed": 2}
    assert step.queued.rows() == [
        ("b", ["spam"], "'spam' was split into spam, scam"),
        ("c", ["fax"], "'fax' is retired"),
    ]
    after = gold_set(
        ledger.records("gold", task="mail"), schema=NEW, versions=ledger.records("version", task="mail")
    )
    assert after.items.select("item", "labels", "role", "inclusion", "counter", "reason").rows() == [
        ("a", ["letter"], "check", 0.5, ["ads"], "schema 1 to 2"),
        ("d", [], "check", None, [], None),
        ("e", ["ads"], "shown", None, ["letter"], "schema 1 to 2"),
    ]
    assert after.versions["note"].to_list() == ["schema 1 to 2: same 2, renamed 1, queued 2, removed 2"]
    queue = ledger.records("queue", task="mail")
    assert queue.select("item", "batch", "why", "state").rows() == [
        ("b", None, "'spam' was split into spam, scam", "open"),
        ("c", None, "'fax' is retired", "open"),
    ]
    # nothing was overwritten: what they were stands in the log
    history = ledger.records("gold", task="mail")
    assert history.filter(item="b").select("labels", "role", "reason").rows() == [
        (["spam"], "calibrate", "read twice"),
        (["spam"], "removed", "read twice; schema 1 to 2"),
    ]


def test_a_second_migration_changes_nothing(ledger):
    ledger.record("gold", GOLD, task="mail")
    migrate(DIFF, ledger=ledger, task="mail")
    before = [ledger.records(kind, task="mail").height for kind in ("gold", "queue", "version")]
    [step] = migrate(DIFF, ledger=ledger, task="mail").steps
    assert step.counts == {"same": 3, "renamed": 0, "queued": 0, "removed": 0}
    assert [ledger.records(kind, task="mail").height for kind in ("gold", "queue", "version")] == before


def test_a_dry_run_writes_nothing_and_says_the_same(ledger):
    ledger.record("gold", GOLD, task="mail")
    [plan] = migrate(DIFF, ledger=ledger, task="mail", dry_run=True).steps
    assert ledger.records("gold", task="mail").height == 5
    assert ledger.records("queue", task="mail").height == 0
    [step] = migrate(DIFF, ledger=ledger, task="mail").steps
    assert (plan.counts, plan.queued.rows(), plan.notes) == (step.counts, step.queued.rows(), step.notes)
    assert (plan.written, step.written) == (None, ledger.place)


def test_a_retired_tag_falls_away_and_a_person_is_asked(ledger):
    old = LabelSchema(["ham", "fax"], exclusive=False)
    new = LabelSchema(["ham", "tip", Label("fax", status="retired")], exclusive=False, version="2")
    ledger.record("gold", gold_of(("a", ["ham", "fax"], "check", "expert", None, [], None)), task="mail")
    [step] = migrate(schema_diff(old, new), ledger=ledger, task="mail").steps
    assert step.counts == {"same": 0, "renamed": 1, "queued": 1, "removed": 0}
    assert step.notes == ("gold from before tip existed says nothing of it",)
    items = gold_set(ledger.records("gold", task="mail"), schema=new).items
    assert items.select("item", "labels").rows() == [("a", ["ham"])]
    assert ledger.records("queue", task="mail")["why"].to_list() == ["'fax' is retired"]


def test_gold_of_an_open_audit_is_not_taken_away(ledger):
    ledger.record("gold", GOLD, task="mail")
    ledger.record("audit", pl.DataFrame({"audit": ["may"], "state": ["open"]}), task="mail")
    with pytest.raises(
        GoldError, match="1 gold item of role audit would leave the gold set while audit 'may' is open"
    ):
        migrate(DIFF, ledger=ledger, task="mail")
    assert ledger.records("gold", task="mail").height == 5
    assert migrate(DIFF, ledger=ledger, task="mail", dry_run=True).steps[0].counts["removed"] == 2


def test_other_tasks_of_the_ledger_are_left_alone(ledger):
    ledger.record("gold", GOLD, task="other")
    [step] = migrate(DIFF, ledger=ledger, task="mail").steps
    assert step.counts["same"] == 0
    assert ledger.records("version", task="mail").height == 0
    assert ledger.records("gold", task="other").height == 5


def test_answers_and_batches_that_the_new_schema_does_not_meet_are_told(ledger):
    said = pl.DataFrame(
        {
            "item": ["x", "y", "z"],
            "annotator": ["ann"] * 3,
            "kind": ["label"] * 3,
            "labels": [["ham"], ["spam"], ["ads"]],
        }
    )
    ledger.add(said, task="mail")
    ledger.record("batch", pl.DataFrame({"batch": ["b1"], "state": ["sent"]}), task="mail")
    bare = LabelSchema(["letter", "spam", "scam", "ads", Label("fax", status="retired")], version="2")
    diff = schema_diff(OLD, bare, {"rename": {"ham": "letter"}, "split": {"spam": ["spam", "scam"]}})
    [step] = migrate(diff, ledger=ledger, task="mail", dry_run=True).steps
    assert step.notes == (
        "batch 'b1' is out with the old labels: take its answers back first",
        "1 answer names 'ham', which the new schema doesn't know: make it an alias",
        "1 answer names 'spam', which is no single label any more: it stays as it is",
    )


# ---- the label table ----


def table_of(root, *rows):
    table = LabelTable(root)
    files = []
    for number, (name, label, given) in enumerate(rows):
        row = (name, label, "labeled", given, 2, number, "m1")
        frame = pl.DataFrame([row], schema=LABEL_TABLE_COLUMNS, orient="row")
        files.append(write_label_file(table.root, f"data/{number}.parquet", frame))
    said = {"rule_fingerprints": "{}", "model": "m1", "schema": table_mark(OLD), "audit": "{}"}
    table.commit(files, schema=OLD, expected=None, metadata=said)
    return table


def test_the_label_table_gets_a_version_of_the_new_schema(tmp_path):
    table = table_of(
        tmp_path / "labels",
        ("a", "ham", [0.75, 0.0, 0.0, 0.25]),
        ("b", "spam", [0.25, 0.75, 0.0, 0.0]),
        ("c", "ads", [0.0, 0.0, 0.0, 1.0]),
    )
    [step] = migrate(DIFF, table=table).steps
    assert step.counts == {"same": 1, "renamed": 1, "queued": 1}
    assert step.written == f"version 1 of {table.root}"
    rows = table.scan().sort("id").select("id", "label", "status", "probabilities", "pattern").collect()
    assert rows.rows() == [
        ("a", "letter", "labeled", [0.75, 0.0, 0.0, 0.25], 0),
        ("b", None, "below_threshold", None, 1),
        ("c", "ads", "labeled", [0.0, 0.0, 0.0, 1.0], 2),
    ]
    said = table.metadata()
    assert json.loads(said["labels"]) == list(NEW.names)
    assert (said["kind"], said["schema_version"], said["schema"]) == ("migrate", "2", table_mark(NEW))
    assert "model" not in said
    assert json.loads(said["counts"])["statuses"] == {"below_threshold": 1, "labeled": 2}
    # the old version stands beside it
    assert table.scan(0).sort("id").collect()["label"].to_list() == ["ham", "spam", "ads"]
    [again] = migrate(DIFF, table=table).steps
    assert (again.notes, table.version()) == (("it is of the new schema already",), 1)


def test_a_dry_run_leaves_the_label_table(tmp_path):
    table = table_of(tmp_path / "labels", ("a", "spam", [0.0, 1.0, 0.0, 0.0]))
    [step] = migrate(DIFF, table=table, dry_run=True).steps
    assert (step.counts["queued"], table.version()) == (1, 0)
    assert [path.name for path in (tmp_path / "labels/data").iterdir()] == ["0.parquet"]


def test_no_label_table_is_no_step(tmp_path):
    assert migrate(DIFF, table=LabelTable(tmp_path / "none")).steps == ()


# ---- files ----


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_gold_files_and_what_waits_beside_them(tmp_path, suffix):
    path = tmp_path / f"gold{suffix}"
    frame = pl.DataFrame({"id": ["007", "b", "c"], "label": ["ham", "spam", "ads"], "note": ["x", "y", "z"]})
    {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet}[suffix](path)
    [step] = migrate(DIFF, gold_files=[path], out=tmp_path / "out").steps
    place = tmp_path / "out" / path.name
    assert step.written == str(place)
    read = {
        ".csv": lambda p: pl.read_csv(p, infer_schema=False),
        ".jsonl": pl.read_ndjson,
        ".parquet": pl.read_parquet,
    }
    assert read[suffix](place).rows() == [("007", "letter", "x"), ("c", "ads", "z")]
    queued = pl.read_csv(tmp_path / "out/gold.queued.csv")
    assert queued.rows() == [("b", "spam", "'spam' was split into spam, scam")]
    assert path.exists()


def test_files_of_labels_and_votes(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/pack.yaml").write_text(PACK)
    labels = tmp_path / "labels.parquet"
    pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"], "status": ["labeled"] * 2}).write_parquet(
        labels
    )
    votes = tmp_path / "votes.parquet"
    # ham 0, spam 1, fax 2, ads 3, then each rule's own: 4
    LabelMatrix.from_numpy(
        [[1, 0, 2, 4], [-1, -2, -1, -1]], ids=["a", "b"], labelers=["sells", "asks", "beeps", "kind"]
    ).write(votes)
    done = migrate(
        DIFF, rules=tmp_path / "rules", label_files=[labels], vote_files=[votes], out=tmp_path / "out"
    )
    assert [step.counts for step in done.steps] == [
        {"same": 0, "renamed": 1, "queued": 1},
        {"same": 2, "renamed": 1, "queued": 1},
    ]
    assert pl.read_parquet(tmp_path / "out/labels.parquet").rows() == [
        ("a", "letter", "labeled"), ("b", None, "below_threshold"),
    ]  # fmt: skip
    # letter 0, spam 1, scam 2, ads 3, then each rule's own: 4
    carried = LabelMatrix.scan(tmp_path / "out/votes.parquet")
    assert carried.to_numpy().tolist() == [[4, 0, -2, 4], [-1, -2, -1, -1]]
    assert done.steps[1].notes == ("1 votes of rule 'beeps' mean nothing any more: missing",)


def test_where_files_go_is_settled_before_anything_is_written(tmp_path, ledger):
    ledger.record("gold", GOLD, task="mail")
    path = tmp_path / "gold.csv"
    path.write_text("id,label\na,ham\n")
    with pytest.raises(OutputError, match="where do the carried files go"):
        migrate(DIFF, ledger=ledger, task="mail", gold_files=[path])
    with pytest.raises(OutputError, match="would be overwritten"):
        migrate(DIFF, ledger=ledger, task="mail", gold_files=[path], out=tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/gold.csv").write_text("id,label\na,ham\n")
    with pytest.raises(OutputError, match="two files have the same name"):
        migrate(DIFF, gold_files=[path, tmp_path / "b/gold.csv"], out=tmp_path / "out")
    assert ledger.records("gold", task="mail").height == 5
    assert path.read_text() == "id,label\na,ham\n"


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("gold.txt", "", "gold.txt: a file of .parquet, .csv, .jsonl is wanted"),
        ("gold.parquet", "no parquet", "can't read it"),
        ("none.csv", None, "can't read it"),
        ("gold.csv", "item,klass\na,ham\n", "the gold has no column 'label'"),
    ],
)
def test_files_that_hold_no_gold(tmp_path, name, text, what):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(GoldError) as caught:
        migrate(DIFF, gold_files=[path], out=tmp_path / "out")
    assert caught.value.what.startswith(what)


# ---- the whole ----


def test_a_label_that_is_gone_must_be_declared(ledger):
    diff = schema_diff(OLD, LabelSchema(["ham", "spam"], version="2"))
    with pytest.raises(SchemaError, match="nothing says what became of 'fax', 'ads'") as caught:
        migrate(diff, ledger=ledger, task="mail", dry_run=True)
    assert caught.value.available == ("ham", "spam")


def test_notes_on_versions_and_aliases():
    old, new = LabelSchema(["a", "b"]), LabelSchema(["x", "b"])
    done = migrate(schema_diff(old, new, {"rename": {"a": "x"}}), dry_run=True)
    assert done.notes == (
        "the new schema doesn't know 'a': add it to the aliases of 'x', so that older answers, runs and rules are understood",
        "both schemas say version 1: raise it",
    )
    assert done.changes
    assert json.loads(json.dumps(done.to_dict()))["dry_run"] is True


def test_the_same_schema_is_nothing_to_do(ledger):
    ledger.record("gold", GOLD, task="mail")
    done = migrate(schema_diff(OLD, OLD), ledger=ledger, task="mail")
    assert not done.changes
    assert ledger.records("version", task="mail").height == 0


def test_a_file_that_cannot_be_read_leaves_everything_as_it_was(tmp_path, ledger):
    ledger.record("gold", GOLD, task="mail")
    with pytest.raises(GoldError, match="can't read it"):
        migrate(DIFF, ledger=ledger, task="mail", gold_files=[tmp_path / "none.csv"], out=tmp_path / "out")
    assert ledger.records("gold", task="mail").height == 5
    assert not (tmp_path / "out").exists()


def test_a_migrated_label_table_is_labeled_again_and_compared(tmp_path):
    """Bulk labels under one schema, migrated, then labeled again under the next: each step is a version."""
    folder = relabel_project.make(tmp_path / "desk", files=2)
    relabel_project.go(folder)
    old = LabelSchema.from_yaml(folder / "rules/schema.yaml")
    text = "version: 2\nlabels: [{name: advert, aliases: [spam, junk]}, ham]\n"
    (folder / "rules/schema.yaml").write_text(text)
    diff = schema_diff(old, LabelSchema.from_yaml(folder / "rules/schema.yaml"))
    before = relabel_project.table(folder).scan().sort("id").collect()
    [step] = migrate(diff, table=relabel_project.table(folder)).steps
    assert step.counts["queued"] == 0
    assert step.counts["renamed"] == before.filter(label="spam").height > 0
    again = relabel_project.go(folder)
    table = relabel_project.table(folder)
    assert again.version == table.version() == 2
    assert [one.kind for one in table.log()] == ["relabel", "migrate", "relabel"]
    # the model reads the same votes: what was carried over is what it says again
    migrated, labeled = (table.scan(number).sort("id").collect() for number in (1, 2))
    assert migrated.select("id", "label", "status").equals(labeled.select("id", "label", "status"))
    assert migrated["label"].to_list() == [{"spam": "advert"}.get(name, name) for name in before["label"]]


def test_gold_of_tags_in_a_column_of_its_own(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text("item,tags,label\na,ham|ads,x\nb,spam,y\n")
    old = LabelSchema(["ham", "spam", "ads"], exclusive=False)
    new = LabelSchema(["letter", "spam", "scam", "ads"], exclusive=False)
    diff = schema_diff(old, new, {"rename": {"ham": "letter"}, "split": {"spam": ["spam", "scam"]}})
    migrate(diff, gold_files=[path], gold_column="tags", out=tmp_path / "out")
    assert (tmp_path / "out/gold.csv").read_text() == "item,tags,label\na,letter|ads,x\n"
