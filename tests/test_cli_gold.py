"""The gold room from the command line, on a new project."""

import json

import polars as pl
import pytest

from weaklabel.cli import main
from weaklabel.templates import write_project

PEOPLE = ("ann", "bob", "cid")


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    config = folder / "conf" / "config.yaml"
    config.write_text(
        config.read_text() + "\ngold:\n  people: {ann: 1, bob: 1, cid: 1}\n  checks: 3\n  most_checks: 0.5\n"
        "  training_answers: 5\n  training_kappa: 0.5\n"
    )
    monkeypatch.chdir(folder)
    return folder


def call(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def truth(project):
    return dict(pl.read_csv(next(project.rglob("gold*.csv"))).select("id", "label").iter_rows())


def gold_file(project, ids, path):
    known = truth(project)
    pl.DataFrame({"id": ids, "label": [known[i] for i in ids]}).write_csv(path)
    return path


def answer(folder, known, *, but=()):
    """Fill in the tables that `batch export … table` wrote."""
    for path in folder.glob("*.csv"):
        table = pl.read_csv(path, infer_schema=False)
        labels = [but[i] if i in dict(but) else known[i] for i in table["weaklabel_id"]]
        table.with_columns(pl.Series("label", labels)).write_csv(path)


def test_the_loop_by_verbs(capsys, project, tmp_path):
    known = truth(project)
    ids = sorted(known)
    code, out, _ = call(capsys, "gold", "status")
    assert code == 0 and "none yet" in out and "weaklabel gold add FILE --role check" in out
    checks = gold_file(project, ids[:8], tmp_path / "checks.csv")
    code, out, _ = call(capsys, "gold", "add", str(checks), "--role", "check", "--expert", "eve")
    assert code == 0 and "8 gold records written" in out
    # a role that it may not have is refused, and nothing is written
    code, _, err = call(capsys, "gold", "add", str(checks), "--role", "audit")
    assert code == 1 and "can't go from check to audit" in err
    training = gold_file(project, ids[8:16], tmp_path / "training.csv")
    assert call(capsys, "gold", "add", str(training), "--role", "training")[0] == 0

    code, out, _ = call(capsys, "training", "create", "r1", "--size", "6")
    assert code == 0 and "18 assignments for 3 people" in out
    round_folder = tmp_path / "r1"
    assert call(capsys, "batch", "export", "r1", "table", str(round_folder))[0] == 0
    answer(round_folder, known)
    assert call(capsys, "gold", "import", "table", str(round_folder))[0] == 0
    code, out, _ = call(capsys, "training", "judge", "r1", "--json")
    assert code == 0 and {p["verdict"] for p in json.loads(out)["people"]} == {"passed"}

    code, out, _ = call(capsys, "batch", "create", "b1", "--size", "9")
    assert code == 0 and "hidden checks" in out and "with 3 checks a fall from 95 %" in out
    assert call(capsys, "batch", "move", "b1", "sent")[0] == 0
    out_folder = tmp_path / "b1"
    code, out, _ = call(capsys, "batch", "export", "b1", "table", str(out_folder))
    assert code == 0 and len(list(out_folder.glob("*.csv"))) == len(PEOPLE)
    answer(out_folder, known)
    code, out, _ = call(capsys, "gold", "import", "table", str(out_folder), "--json")
    assert code == 0 and json.loads(out)["new"] == 9 * 3 + 3 * 3
    code, out, _ = call(capsys, "gold", "import", "table", str(out_folder))
    assert code == 3 and "0 new answers" in out
    assert call(capsys, "batch", "move", "b1", "back")[0] == 0
    code, out, _ = call(capsys, "gold", "judge", "b1")
    assert code == 0 and "3 of 3" in out
    code, out, _ = call(capsys, "gold", "consensus", "b1")
    assert code == 0 and "9 items: 9 settled" in out
    code, out, _ = call(capsys, "batch", "review", "b1")
    assert code == 0 and "9 of 9 agreed items are shown" in out
    assert call(capsys, "gold", "queue")[0] == 3
    code, out, _ = call(capsys, "gold", "health", "--json")
    assert code == 0 and json.loads(out)["sentences"]
    code, out, _ = call(capsys, "gold", "status", "--json")
    found = json.loads(out)
    assert found["gold"] == {"check": 8, "training": 8}
    assert {b["batch"]: b["state"] for b in found["batches"]} == {"b1": "checked", "r1": "drawn"}


def test_a_batch_that_was_sent_back_is_exported_with_each_item_once(capsys, project, tmp_path):
    known = truth(project)
    assert call(capsys, "batch", "create", "b1", "--size", "4")[0] == 0
    assert call(capsys, "batch", "export", "b1", "table", str(tmp_path / "one"))[0] == 0
    answer(tmp_path / "one", known)
    assert call(capsys, "gold", "import", "table", str(tmp_path / "one"))[0] == 0
    for state in ("sent", "back", "checked"):
        assert call(capsys, "batch", "move", "b1", state)[0] == 0
    item = pl.read_csv(tmp_path / "one" / "ann.csv", infer_schema=False)["weaklabel_id"][0]
    assert call(capsys, "batch", "review", "b1", "--back", item, "--note", "look again")[0] == 0
    assert call(capsys, "batch", "export", "b1", "table", str(tmp_path / "two"))[0] == 0
    rows = pl.read_csv(tmp_path / "two" / "ann.csv", infer_schema=False)["weaklabel_id"].to_list()
    assert item in rows and len(rows) == len(set(rows))


def test_a_run_keeps_and_logs_nobodys_name(capsys, project):
    assert call(capsys, "run")[0] == 0
    written = list((project / ".weaklabel").rglob("*.yaml"))
    assert {p.name for p in written} >= {"config.yaml"}
    assert not [p for p in written if "ann: 1" in p.read_text()]


def test_what_people_disagree_on_goes_to_an_expert_and_becomes_gold(capsys, project, tmp_path):
    known = truth(project)
    labels = sorted(set(known.values()))
    assert call(capsys, "batch", "create", "b1", "--size", "5")[0] == 0
    folder = tmp_path / "b1"
    assert call(capsys, "batch", "export", "b1", "table", str(folder))[0] == 0
    hard = pl.read_csv(folder / "ann.csv", infer_schema=False)["weaklabel_id"][0]
    for label, person in zip(labels, PEOPLE, strict=True):
        path = folder / f"{person}.csv"
        table = pl.read_csv(path, infer_schema=False)
        said = [label if i == hard else known[i] for i in table["weaklabel_id"]]
        table.with_columns(pl.Series("label", said)).write_csv(path)
    assert call(capsys, "gold", "import", "table", str(folder))[0] == 0
    code, out, _ = call(capsys, "gold", "consensus", "b1")
    assert code == 0 and hard in out
    queue = tmp_path / "queue.csv"
    code, out, _ = call(capsys, "gold", "queue", "--write", str(queue))
    assert code == 0 and hard in out
    filled = pl.read_csv(queue, infer_schema=False)
    assert filled["item"].to_list() == [hard] and filled["text"][0]
    filled.with_columns(
        label=pl.lit(known[hard]),
        expert=pl.lit("eve"),
        reason=pl.lit("asks for something"),
        case=pl.lit("yes"),
    ).write_csv(queue)
    code, out, _ = call(capsys, "gold", "settle", str(queue), "--batch", "b1")
    assert code == 0 and "1 item became gold" in out and "guideline" in out
    assert call(capsys, "gold", "queue")[0] == 3
    code, out, _ = call(capsys, "gold", "status", "--json")
    assert json.loads(out)["gold"] == {"calibrate": 1}


def test_mistakes_are_told(capsys, project, tmp_path):
    code, _, err = call(capsys, "batch", "export", "b7", "table", str(tmp_path / "x"))
    assert code == 1 and "no batch 'b7'" in err
    code, _, err = call(capsys, "gold", "judge", "b7")
    assert code == 1 and "no production batch 'b7'" in err
    code, _, err = call(capsys, "batch", "create", "b1", "--size", "5", "gold.per_item=4")
    assert code == 1 and "even number" in err
    code, _, err = call(capsys, "batch", "create", "b1", "--size", "5", "--strata", "color")
    assert code == 1 and "no column 'color'" in err
    code, _, err = call(capsys, "gold", "add", str(tmp_path / "none.csv"), "--role", "check")
    assert code == 1 and "none.csv" in err
    strange = tmp_path / "strange.csv"
    strange.write_text("id,label\nnowhere,thanks\n")
    code, _, err = call(capsys, "gold", "add", str(strange), "--role", "check")
    assert code == 1 and "'nowhere'" in err
    assert call(capsys, "gold", "import", "table", str(tmp_path), "--person", "ann")[0] == 2
    (project / ".weaklabel" / "gold" / "ledger.db").write_bytes(b"no database" * 100)
    code, _, err = call(capsys, "gold", "status")
    assert code == 1 and "ledger.db" in err and "Traceback" not in err


def test_personal_data_stays(capsys, project, tmp_path):
    notes = next(project.rglob("*.jsonl"))
    rows = pl.read_ndjson(notes)
    changed = rows.with_columns(text=pl.col("text") + " Write to jo.doe@example.org, thanks!")
    changed.write_ndjson(notes)
    assert call(capsys, "batch", "create", "b1", "--size", "4")[0] == 0
    folder = tmp_path / "out"
    assert call(capsys, "batch", "export", "b1", "table", str(folder))[0] == 0
    sent = "".join(p.read_text() for p in folder.iterdir())
    assert "jo.doe" not in sent and "[EMAIL-" in sent
    kept = json.loads((project / ".weaklabel" / "gold" / "b1" / "placeholders.json").read_text())
    assert list(kept.values()) == ["jo.doe@example.org"]
    # a comment that quotes a placeholder comes back with what it stands for
    mark = next(iter(kept))
    path = folder / "ann.csv"
    table = pl.read_csv(path, infer_schema=False)
    label = next(iter(truth(project).values()))
    table.with_columns(label=pl.lit(label), comment=pl.lit(f"is {mark} right?")).write_csv(path)
    assert call(capsys, "gold", "import", "table", str(path))[0] == 0
    from weaklabel.gold import Ledger

    said = Ledger.open(project / ".weaklabel" / "gold" / "ledger.db").questions()["comment"]
    assert said.unique().to_list() == ["is jo.doe@example.org right?"]


def test_one_is_not_several(capsys, project, tmp_path):
    one = gold_file(project, sorted(truth(project))[:1], tmp_path / "one.csv")
    assert "1 gold record written" in call(capsys, "gold", "add", str(one), "--role", "training")[1]
    out = call(capsys, "training", "create", "r1", "--size", "1", "gold.people={ann: 1}")[1]
    assert "3 assignments for 3 people" in out  # those of conf and one of them again


def test_people_of_the_command_line(capsys, project, tmp_path):
    (project / "conf" / "config.yaml").write_text(
        (project / "conf" / "config.yaml")
        .read_text()
        .replace("people: {ann: 1, bob: 1, cid: 1}", "people: {}")
    )
    ids = sorted(truth(project))[:3]
    assert (
        call(capsys, "gold", "add", str(gold_file(project, ids, tmp_path / "g.csv")), "--role", "training")[0]
        == 0
    )
    out = call(capsys, "training", "create", "r1", "--size", "1", "gold.people={ann: 1}")[1]
    assert "1 assignment for 1 person;" in out
    out = call(capsys, "training", "create", "r2", "--size", "2", "gold.people.ann=1", "gold.people.bob=1")[1]
    assert "4 assignments for 2 people;" in out


def answered(capsys, project, tmp_path, name, size, said, *words):
    """Make a batch and let each person answer by a function of person and item; return its items."""
    code, _, err = call(capsys, "batch", "create", name, "--size", str(size), *words)
    assert code == 0, err
    folder = tmp_path / name
    assert call(capsys, "batch", "export", name, "table", str(folder), *words)[0] == 0
    assert call(capsys, "batch", "move", name, "sent")[0] == 0
    items = set()
    for person in PEOPLE:
        path = folder / f"{person}.csv"
        table = pl.read_csv(path, infer_schema=False)
        items |= set(table["weaklabel_id"])
        labels = [said(person, item) for item in table["weaklabel_id"]]
        table.with_columns(pl.Series("label", labels)).write_csv(path)
    code, _, err = call(capsys, "gold", "import", "table", str(folder), *words)
    assert code == 0, err
    assert call(capsys, "batch", "move", name, "back")[0] == 0
    return sorted(items)


def add_checks(capsys, project, tmp_path, count=12):
    known = truth(project)
    path = gold_file(project, sorted(known)[:count], tmp_path / "checks.csv")
    code, _, err = call(capsys, "gold", "add", str(path), "--role", "check", "--expert", "eve")
    assert code == 0, err
    return known


def test_people_appear_by_pseudonym_unless_names_are_asked_for(capsys, project, tmp_path):
    known = add_checks(capsys, project, tmp_path)
    labels = sorted(set(known.values()))
    other = {label: labels[(i + 1) % 3] for i, label in enumerate(labels)}
    floor = ["gold.floor=0.9", "gold.checks=6", "gold.season.false_alarms=6", "gold.season.batches=2"]

    def said(person, item):
        return other[known[item]] if person == "bob" else known[item]

    answered(capsys, project, tmp_path, "b1", 6, said, *floor)
    from weaklabel.gold.ledger.ledger import Ledger

    names = Ledger.open(project / ".weaklabel" / "gold" / "ledger.db").pseudonyms()
    verbs = [
        ("gold", "judge", "b1", "--dry-run"),
        ("gold", "consensus", "b1"),
        ("gold", "health"),
    ]
    for verb in verbs:
        for form in ([], ["--json"]):
            _, hidden, _ = call(capsys, *verb, *form, *floor)
            for person in (*PEOPLE, "eve"):
                assert person not in hidden.replace("none", "").replace("event", "").split(), (verb, form)
                assert f'"{person}"' not in hidden and f"'{person}'" not in hidden, (verb, form)
    code, out, _ = call(capsys, "gold", "judge", "b1", "--dry-run", *floor)
    assert code == 4 and f"{names['bob']} got these checks wrong" in out
    code, out, _ = call(capsys, "gold", "judge", "b1", "--dry-run", "--json", *floor)
    found = json.loads(out)
    assert {v["person"] for v in found["verdicts"]} == {names[p] for p in PEOPLE}
    assert {v["annotator"] for v in found["set_aside"]} == {names["bob"]}
    code, out, _ = call(capsys, "gold", "judge", "b1", "--dry-run", "--names", *floor)
    assert code == 4 and "bob got these checks wrong" in out and "annotator" not in out
    _, out, _ = call(capsys, "gold", "consensus", "b1", "--json", "--names")
    assert {a["annotator"] for item in json.loads(out)["items"] for a in item["answers"]} == set(PEOPLE)
    _, out, _ = call(capsys, "gold", "health")
    assert f"'{names['eve']}' alone judged 12 of 12 items" in out
    assert "'eve' alone judged" in call(capsys, "gold", "health", "--names")[1]


def test_training_is_judged_by_pseudonym_too(capsys, project, tmp_path):
    known = truth(project)
    path = gold_file(project, sorted(known)[:8], tmp_path / "training.csv")
    assert call(capsys, "gold", "add", str(path), "--role", "training")[0] == 0
    assert call(capsys, "training", "create", "r1", "--size", "6")[0] == 0
    folder = tmp_path / "r1"
    assert call(capsys, "batch", "export", "r1", "table", str(folder))[0] == 0
    assert {p.stem for p in folder.glob("*.csv")} == set(PEOPLE)  # the tool needs names
    answer(folder, known)
    assert call(capsys, "gold", "import", "table", str(folder))[0] == 0
    _, out, _ = call(capsys, "training", "judge", "r1")
    assert out.count("annotator ") >= 3 and not {"ann", "bob", "cid"} & set(out.split())
    _, out, _ = call(capsys, "training", "judge", "r1", "--json", "--names")
    assert {p["person"] for p in json.loads(out)["people"]} == set(PEOPLE)


def test_versions_and_what_changed_between_them(capsys, project, tmp_path):
    known = truth(project)
    ids = sorted(known)
    code, _, err = call(capsys, "gold", "versions")
    assert code == 3 and "no version yet" in err
    one = gold_file(project, ids[:3], tmp_path / "one.csv")
    call(capsys, "gold", "add", str(one), "--role", "training", "--note", "a beginning")
    other = next(label for label in known.values() if label != known[ids[0]])
    two = tmp_path / "two.csv"
    two.write_text(f"id,label\n{ids[0]},{other}\n{ids[3]},{known[ids[3]]}\n")
    call(capsys, "gold", "add", str(two), "--role", "training")
    three = tmp_path / "three.csv"
    three.write_text(f"id\n{ids[1]}\n")
    call(capsys, "gold", "add", str(three), "--role", "removed")
    code, out, _ = call(capsys, "gold", "versions", "--json")
    found = json.loads(out)
    assert code == 0
    assert [(v["version"], v["items"], v["note"]) for v in found] == [
        (1, 3, "a beginning"),
        (2, 4, None),
        (3, 3, None),
    ]
    assert "a beginning" in call(capsys, "gold", "versions")[1]
    code, out, _ = call(capsys, "gold", "diff", "1", "now")
    assert code == 0 and "1 item added, 1 item removed, 1 item relabeled" in out
    assert f"{known[ids[0]]} -> {other}" in out
    code, out, _ = call(capsys, "gold", "diff", "1", "2", "--json")
    changed = json.loads(out)
    assert [row["item"] for row in changed["added"]] == [ids[3]] and changed["removed"] == []
    code, out, _ = call(capsys, "gold", "diff", "3", "now")
    assert code == 3 and "no difference" in out
    code, _, err = call(capsys, "gold", "diff", "1", "7")
    assert code == 1 and "the gold set has no version 7" in err and "1, 2, 3" in err
    code, _, err = call(capsys, "gold", "diff", "one", "now")
    assert code == 1 and "'one' is no version of the gold set" in err and "now" in err
    assert call(capsys, "gold", "diff", "1")[0] == 2


def test_gold_that_is_due(capsys, project, tmp_path):
    known = truth(project)
    ids = sorted(known)
    path = gold_file(project, ids[:2], tmp_path / "one.csv")
    call(capsys, "gold", "add", str(path), "--role", "training")
    code, _, err = call(capsys, "gold", "due")
    assert code == 3 and "no gold item is due" in err
    code, out, _ = call(capsys, "gold", "due", "gold.review_after_days=0")
    assert code == 0 and "2 gold items are to be looked at again" in out and ids[0] in out
    assert call(capsys, "gold", "queue")[0] == 3
    code, out, _ = call(capsys, "gold", "due", "--queue", "gold.review_after_days=0", "--json")
    assert code == 0 and json.loads(out)["queued"] == 2
    code, out, _ = call(capsys, "gold", "due", "--queue", "gold.review_after_days=0")
    assert code == 0 and "0 items put in the experts' queue" in out
    code, out, _ = call(capsys, "gold", "queue", "--json")
    assert [row["item"] for row in json.loads(out)] == ids[:2]
    assert "gold is looked at again: due since" in json.loads(out)[0]["why"]


def test_the_power_table(capsys, project):
    code, out, _ = call(
        capsys, "batch", "power", "--checks", "20,6", "--falls", "0.7,0.9", "gold.floor=0.8", "--json"
    )
    assert code == 0
    found = json.loads(out)
    assert [row["checks"] for row in found["rows"]] == [6, 20]
    assert list(found["rows"][0]["caught"]) == ["0.9", "0.7"]
    from weaklabel.gold.power import power_table

    level = {"good": 0.95, "alpha": found["level"], "history": 0, "floor": 0.8}
    for bad in (0.9, 0.7):
        table = power_table([6, 20], bad=bad, **level)
        assert [row["caught"][f"{bad:g}"] for row in found["rows"]] == table["caught"].to_list()
        assert [row["false_alarms"] for row in found["rows"]] == table["false_alarms"].to_list()
    assert found["rows"][1]["caught"]["0.7"] > found["rows"][1]["caught"]["0.9"] > 0
    code, out, _ = call(capsys, "batch", "power", "gold.floor=0.8")
    assert code == 0 and "fall to 80 %" in out and "floor of 80% right answers" in out
    assert (
        len([line for line in out.splitlines() if line.split()[:1] in ([str(n)] for n in (4, 12, 40))]) == 3
    )
    code, out, _ = call(capsys, "batch", "power")
    assert code == 0 and "only a floor can fail a batch" in out
    code, _, err = call(capsys, "batch", "power", "--checks", "a")
    assert code == 2 and "no list of numbers" in err
    code, _, err = call(capsys, "batch", "power", "--falls", "0.99")
    assert code == 1 and "a fall goes from a larger share" in err


def test_suggestions_that_people_follow(capsys, project, tmp_path):
    known = truth(project)
    code, _, err = call(capsys, "batch", "create", "b1", "--size", "4", "--suggest", "last")
    assert code == 1 and "no run of task 'first'" in err
    assert call(capsys, "run", "tracking=none", "plots=false")[0] == 0
    code, _, err = call(capsys, "batch", "create", "b1", "--size", "4", "--suggest", "yesterday")
    assert code == 1 and "no run 'yesterday'" in err
    labels = pl.read_parquet(next((project / ".weaklabel" / "runs").glob("2*")) / "labels.parquet")
    suggested = dict(labels.drop_nulls("label").select("id", "label").iter_rows())
    code, _, err = call(capsys, "batch", "anchoring", "b1")
    assert code == 1 and "no batch 'b1'" in err
    other = {label: next(o for o in set(known.values()) if o != label) for label in set(known.values())}
    words = ["--suggest", "last", "gold.blind=0.5"]
    code, _, err = call(capsys, "batch", "create", "b1", "--size", "28", *words)
    assert code == 0, err
    from weaklabel.gold.ledger.ledger import Ledger

    asked = Ledger.open(project / ".weaklabel" / "gold" / "ledger.db").records("assignment", task="first")
    shown = {(row["annotator"], row["item"]) for row in asked.iter_rows(named=True) if not row["blind"]}
    folder = tmp_path / "b1"
    assert call(capsys, "batch", "export", "b1", "table", str(folder))[0] == 0
    for path in folder.glob("*.csv"):
        table = pl.read_csv(path, infer_schema=False)
        labels = [
            suggested.get(i, known[i]) if (path.stem, i) in shown else other[suggested.get(i, known[i])]
            for i in table["weaklabel_id"]
        ]
        table.with_columns(pl.Series("label", labels)).write_csv(path)
    assert call(capsys, "gold", "import", "table", str(folder))[0] == 0
    code, out, _ = call(capsys, "batch", "anchoring", "b1")
    assert code == 4 and "a difference that chance does not explain" in out
    code, out, _ = call(capsys, "batch", "anchoring", "b1", "--json")
    found = json.loads(out)
    assert (
        code == 4 and found["anchored"] and found["follows"]["shown"][0] == found["follows"]["shown"][1] > 0
    )
    assert found["follows"]["blind"][0] == 0


def test_anchoring_without_suggestions_has_nothing_to_compare(capsys, project, tmp_path):
    known = truth(project)
    answered(capsys, project, tmp_path, "b1", 4, lambda person, item: known[item])
    code, out, _ = call(capsys, "batch", "anchoring", "b1")
    assert code == 3 and "there is nothing to compare" in out


def test_a_contested_kind_is_asked_of_others(capsys, project, tmp_path):
    known = truth(project)
    labels = sorted(set(known.values()))
    config = project / "conf" / "config.yaml"
    config.write_text(config.read_text() + "  sure: 0.55\n")
    other = {label: labels[(i + 1) % 3] for i, label in enumerate(labels)}
    turned = {}

    def said(person, item):
        if known[item] == labels[0] and person == "cid":
            turned[item] = other[known[item]]
            return turned[item]
        return known[item]

    items = answered(capsys, project, tmp_path, "b1", 12, said)
    code, out, err = call(capsys, "batch", "reissue", "b1", "--json")
    assert code == 0, err
    pairs = json.loads(out)
    assert code == 0 and [(p["label"], p["other"], p["n"]) for p in pairs] != []
    assert {p["label"] for p in pairs} | {p["other"] for p in pairs} == {labels[0], labels[1]}
    assert pairs[0]["items"] == sorted(turned) and set(turned) < set(items)
    code, out, _ = call(capsys, "batch", "reissue", "b1")
    assert code == 0 and "next  weaklabel batch reissue b1 --pair" in out
    # nobody else is there to be asked
    code, out, _ = call(capsys, "batch", "reissue", "b1", "--pair", labels[0], labels[1])
    assert code == 3 and f"nobody else may be asked about {len(turned)}" in out
    assert json.loads(call(capsys, "gold", "status", "--json")[1])["batches"][0]["state"] == "back"
    more = ["gold.people.dot=1", "gold.people.eli=1"]
    code, _, err = call(capsys, "batch", "reissue", "b1", "--pair", labels[0], labels[2], *more)
    assert code == 1 and f"no item was called {labels[0]} by one person and {labels[2]} by another" in err
    code, _, err = call(capsys, "batch", "reissue", "b1", "--pair", labels[0], "spma", *more)
    assert code == 1 and "unknown label 'spma'" in err and "none" in err
    code, out, _ = call(capsys, "batch", "reissue", "b1", "--pair", labels[1], labels[0], *more, "--json")
    found = json.loads(out)
    assert code == 0 and found["items"] == sorted(turned) and found["asked"] == 2 * len(turned)
    state = json.loads(call(capsys, "gold", "status", "--json")[1])["batches"][0]
    assert (
        state["state"] == "sent" and state["note"] == f"{labels[1]} or {labels[0]} is asked of other people"
    )
    folder = tmp_path / "again"
    assert call(capsys, "batch", "export", "b1", "table", str(folder), *more)[0] == 0
    assert set(pl.read_csv(folder / "dot.csv", infer_schema=False)["weaklabel_id"]) == set(turned)
    code, _, err = call(capsys, "batch", "reissue", "b1", "--pair", labels[0], labels[1], *more)
    assert code in (1, 3)  # they were asked already


def test_the_queue_shows_answers_side_by_side_without_names(capsys, project, tmp_path):
    known = truth(project)
    labels = sorted(set(known.values()))

    def said(person, item):
        return labels[PEOPLE.index(person)]

    answered(capsys, project, tmp_path, "b1", 2, said)
    assert call(capsys, "gold", "consensus", "b1")[0] == 0
    path = tmp_path / "queue.csv"
    code, out, _ = call(capsys, "gold", "queue", "--write", str(path), "--json")
    line = ", ".join(f"1 {label}" for label in labels)
    assert code == 0 and {row["answers"] for row in json.loads(out)} == {line}
    assert pl.read_csv(path, infer_schema=False)["answers"].to_list() == [line, line]


def test_gold_with_its_chances_and_what_it_is_mistaken_for(capsys, project, tmp_path):
    ids, known = sorted(truth(project)), truth(project)
    path = tmp_path / "drawn.csv"
    other = next(label for label in known.values() if label != known[ids[0]])
    path.write_text(
        f"id,label,inclusion,counter\n{ids[0]},{known[ids[0]]},0.25,{other}\n{ids[1]},{known[ids[1]]},,\n"
    )
    code, _, err = call(capsys, "gold", "add", str(path), "--role", "calibrate", "--origin", "random")
    assert code == 0, err
    from weaklabel.gold.ledger.ledger import Ledger

    rows = Ledger.open(project / ".weaklabel" / "gold" / "ledger.db").records("gold", task="first")
    found = {row["item"]: (row["inclusion"], row["counter"]) for row in rows.iter_rows(named=True)}
    assert found == {ids[0]: (0.25, [other]), ids[1]: (None, [])}
    for value, message in (("2,", "is no probability of inclusion"), (f"0.5,{other}|spma", "spma")):
        path.write_text(f"id,label,inclusion,counter\n{ids[2]},{known[ids[2]]},{value}\n")
        code, _, err = call(capsys, "gold", "add", str(path), "--role", "calibrate", "--origin", "random")
        assert code == 1 and message in err and repr(ids[2]) in err
    # and a run learns from it
    code, out, _ = call(capsys, "run", "tracking=none", "plots=false", "task.gold.calibrate=ledger", "--json")
    assert code == 0 and json.loads(out)["fingerprints"]["gold_set"].startswith("1-")
