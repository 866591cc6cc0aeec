"""Audits from the command line, on a new project whose labels are right in 95 % of rows."""

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from audit_project import make_project, through_people, truth
from weaklabel.cli import main

RULES = Path("labeling_functions/first/rules.yaml")


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    """A project with a run."""
    project = make_project(tmp_path_factory.mktemp("audits") / "desk")
    assert main(["run", "plots=false", "--project", str(project)]) == 0
    return project


@pytest.fixture
def project(labeled, tmp_path, monkeypatch):
    folder = tmp_path / "desk"
    shutil.copytree(labeled, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(capsys):
    """Run a verb; give its exit code, what it prints, and what it says."""

    def run(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def asked(call, tmp_path):
    """Send a batch to people who answer by the truth."""

    def send(batch, **options):
        through_people(lambda *words: call(*words)[0], batch, truth(), tmp_path / "out", **options)

    return send


def figures(out):
    return {(f["figure"], f["part"]): f for f in json.loads(out)["figures"]}


def test_figures_from_draw_to_close(project, call, asked):
    assert call("audit", "status")[0] == 3
    code, out, _ = call("audit", "draw", "may", "--size", "120", "--by", "channel", "--plan")
    assert code == 0 and "accuracy to about +-" in out and "nothing was recorded" in out
    assert not (project / ".weaklabel" / "audits").exists()
    code, out, _ = call("audit", "draw", "may", "--size", "120", "--by", "channel")
    assert code == 0 and "weaklabel batch export may TOOL DIR" in out and "120" in out
    code, out, err = call("audit", "draw", "may", "--size", "120")
    assert code == 1 and "there is an audit 'may' already" in err
    code, out, _ = call("audit", "show", "may")
    assert code == 3 and "0 of 120 rows are decided" in out and "may is drawn" in out
    asked("may")
    code, out, _ = call("audit", "show", "may", "--json", "audit.error=0.2")
    assert code == 0
    found, known = figures(out), truth()
    drawn = pl.read_parquet(project / ".weaklabel/audits/may/draw.parquet")
    assert drawn.height == 120 and drawn["inclusion"].null_count() == 0
    whole = found["accuracy", "all rows"]
    assert whole["low"] <= 0.95 <= whole["high"] and whole["n"] == 120 and whole["high"] - whole["low"] < 0.12
    assert "against adjudicated gold" in whole["says"]
    assert {part for figure, part in found if figure == "recall"} == {"question", "complaint", "thanks"}
    assert found["accuracy", "channel mail"]["n"] + found["accuracy", "channel desk"]["n"] == 120
    assert ("accuracy", "short") in found
    assert "20 % of wrong labels are tolerated (audit.error): shown to hold" in json.loads(out)["verdict"]
    gold = {i: known[i] for i in drawn["id"]}
    code, out, _ = call("gold", "status", "--json")
    assert json.loads(out)["gold"] == {"audit": 120}
    code, out, _ = call("audit", "status")
    assert code == 0 and re.search(r"may\s+figures\s+run \S+\s+open\s+120\s+120\s+1", out)
    # the gold of an open audit can't be used for anything else
    table = project / "some.csv"
    pl.DataFrame({"id": list(gold)[:1], "label": list(gold.values())[:1]}).write_csv(table)
    code, _, err = call("gold", "add", table, "--role", "calibrate")
    assert code == 1 and "the audit 'may' is open" in err
    code, out, _ = call("audit", "close", "may", "--hand-on", "calibrate")
    assert code == 0 and "120 items handed on to calibrate" in out
    code, out, _ = call("gold", "status", "--json")
    assert json.loads(out)["gold"] == {"calibrate": 120}
    # handed on, it measures nothing any more
    code, _, err = call("audit", "show", "may")
    assert code == 1 and "role 'calibrate'" in err
    code, out, _ = call("audit", "draw", "june", "--size", "40")
    assert code == 0 and "120 rows that are or were gold of another role are not part of the audit" in out


def test_a_fixed_design_takes_no_rows_and_says_what_was_looked_at(project, call, asked):
    assert call("audit", "draw", "may", "--size", "60")[0] == 0
    code, _, err = call("audit", "next", "may")
    assert code == 1 and "has a fixed design: it takes no rows beyond the 60" in err and "--for watch" in err
    code, _, err = call("audit", "certify", "may", "--error", "0.05")
    assert code == 1 and "was drawn for figures, and nothing can be certified from it" in err
    code, _, err = call("audit", "watch", "may")
    assert code == 1 and "has a fixed design, which is looked at once" in err
    drawn = pl.read_parquet(project / ".weaklabel/audits/may/draw.parquet")["id"].to_list()
    disputed, known = drawn[0], truth()
    others = [label for label in ("question", "complaint", "thanks") if label != known[disputed]]
    asked("may", but={"ann": {disputed: others[0]}, "bob": {disputed: others[1]}})
    code, out, _ = call("audit", "show", "may")
    assert (
        code == 0
        and "59 of 60 rows are decided" in out
        and "weaklabel gold settle queue.csv --batch may" in out
    )
    assert "1 drawn rows have no answer" in out
    # an expert settles it: drawn by chance, it stays part of the audit
    assert call("gold", "consensus", "may")[0] == 0
    queue = project / "queue.csv"
    assert call("gold", "queue", "--write", queue)[0] == 0
    filled = pl.read_csv(queue, infer_schema=False)
    assert filled["item"].to_list() == [disputed]
    filled.with_columns(
        label=pl.lit(known[disputed]), expert=pl.lit("eve"), reason=pl.lit("read it")
    ).write_csv(queue)
    code, out, _ = call("gold", "settle", queue, "--batch", "may")
    assert code == 0 and "1 item became gold of role audit" in out
    code, out, _ = call("audit", "show", "may")
    assert code == 0 and "60 of 60 rows are decided" in out
    assert "with 59 of 60 answers; rows without one counted as both right and wrong" in out
    # a second change, after all figures were seen, is told
    filled.with_columns(label=pl.lit(others[0]), expert=pl.lit("eve"), reason=pl.lit("again")).write_csv(
        queue
    )
    assert call("gold", "settle", queue, "--batch", "may")[0] == 0
    code, out, _ = call("audit", "show", "may")
    assert code == 0 and "answers were changed after all figures had been seen" in out


def test_a_second_look_says_how_wrong_gold_is(project, call, asked):
    assert call("audit", "draw", "may", "--size", "60")[0] == 0
    code, _, err = call("audit", "again", "may", "--write", "again.csv", "--size", "30")
    assert code == 1 and "60 of 60 rows of audit 'may' are not decided yet" in err
    asked("may")
    assert call("audit", "again", "may", "--write", "again.csv", "--size", "30")[0] == 0
    table = pl.read_csv("again.csv", infer_schema=False)
    assert (
        table.columns == ["item", "text", "label"]
        and table.height == 30
        and table["label"].null_count() == 30
    )
    code, _, err = call("audit", "again", "may", "--read", "again.csv")
    assert code == 1 and "30 rows have no label" in err
    known = truth()
    said = [known[i] for i in table["item"]]
    said[0] = "none"
    table.with_columns(label=pl.Series(said)).write_csv("again.csv")
    code, out, _ = call("audit", "again", "may", "--read", "again.csv")
    assert code == 0 and "two blind adjudications differ on 1 of 30 rows" in out
    code, out, _ = call("audit", "show", "may", "--json")
    assert json.loads(out)["gold_error"]["differing"] == 1 and json.loads(out)["moved"]
    table.head(25).with_columns(label=pl.lit("thanks")).write_csv("again.csv")
    assert call("audit", "again", "may", "--read", "again.csv")[0] == 0
    table.sort("item").with_columns(
        item=pl.col("item").shift(1, fill_value="m001"), label=pl.lit("thanks")
    ).write_csv("again.csv")
    code, _, err = call("audit", "again", "may", "--read", "again.csv")
    assert code == 1 and "are not those that were drawn for the second look" in err


def test_certify_verify_mend_a_rule_and_verify_again(project, call, asked):
    code, _, err = call("audit", "draw", "c", "--for", "certificate", "--error", "0.1", "--size", "20")
    assert code == 1 and "20 labels can't certify" in err and "it takes at least" in err
    code, _, err = call("audit", "draw", "c", "--for", "certificate")
    assert code == 1 and "what error is tolerated?" in err
    words = ("audit", "draw", "c", "--for", "certificate", "--error", "0.15", "--size", "120")
    assert call(*words)[0] == 0
    code, _, err = call("audit", "certify", "c")
    assert code == 1 and "rows of audit 'c' are not decided yet" in err and "c is drawn" in err
    asked("c")
    code, _, err = call("audit", "certify", "c")
    assert code == 1 and "weaklabel audit next c" in err
    code, out, _ = call("audit", "next", "c")
    assert code == 0 and "weaklabel batch export c.2 TOOL DIR" in out
    asked("c.2")
    assert call("audit", "next", "c")[0] == 3
    for option, value in (("--error", "0.05"), ("--confidence", "0.9"), ("--run", "20200101-000000-abcdef")):
        code, _, err = call("audit", "certify", "c", option, value)
        assert code == 1 and ("was drawn for" in err or "says nothing about run" in err)
    code, out, _ = call("audit", "certify", "c", "--error", "0.15", "--confidence", "0.95")
    assert code == 0 and "accepted: at most" in out and "errs in at most 5 % of its uses" in out
    folder = project / ".weaklabel" / "audits" / "c"
    made = json.loads((folder / "certificate.json").read_text())
    accepted = pl.read_parquet(folder / "accepted.parquet").filter("accepted")
    known = truth()
    labels = dict(pl.read_parquet(folder / "population.parquet").select("id", "label").iter_rows())
    wrong = sum(labels[i] != known[i] for i in accepted["id"])
    one = made["certificates"][0]
    assert accepted.height == one["accepted"] > 300 and wrong <= one["wrong_at_most"]
    assert set(made["made_from"]) == {"corpus", "rules", "schema", "model"}
    page = (folder / "certificate.html").read_text()
    assert one["claim"] in page and "http:" not in page and "https:" not in page
    code, out, _ = call("audit", "verify", folder / "certificate.json")
    assert code == 0 and "holds" in out
    assert call("audit", "certify", "c")[0] == 0
    # a word of a rule is mended: first it is not run, then it is
    RULES.write_text(RULES.read_text().replace("thanks, lovely", "cheers, lovely"))
    code, out, _ = call("audit", "verify", "c")
    assert code == 4 and "the rules have been changed since run" in out
    assert call("run", "plots=false")[0] == 0
    code, out, _ = call("audit", "verify", "c", "--json")
    found = json.loads(out)
    assert code == 4 and not found["holds"]
    told = " | ".join(found["changed"])
    assert "rules was" in told and "rows have no label any more" in told and "corpus was" not in told
    # the run that it was made for is as it was
    code, out, _ = call("audit", "verify", "c", "--run", made["labels_of"]["run"])
    assert code == 4 and "the rules have been changed since run" in out and "rules was" not in out
    code, out, _ = call("audit", "certify", "c")
    assert code == 0 and "is newer, and weaklabel audit verify compares" in out


def test_no_certificate_is_exit_4_and_answers_changed_after_it_are_refused(project, call, asked):
    assert call("audit", "draw", "c", "--for", "certificate", "--error", "0.03", "--size", "110")[0] == 0
    asked("c")
    assert call("audit", "next", "c")[0] == 0
    asked("c.2")
    code, out, _ = call("audit", "certify", "c")
    assert code == 4 and "can be accepted: no part of them was shown" in out
    drawn = pl.read_parquet(project / ".weaklabel/audits/c/draw.parquet")["id"][0]
    table = project / "change.csv"
    other = next(label for label in ("question", "thanks") if label != truth()[drawn])
    pl.DataFrame(
        {"item": [drawn], "label": [other], "expert": ["eve"], "reason": ["I looked again"]}
    ).write_csv(table)
    assert call("gold", "settle", table, "--batch", "c")[0] == 0
    code, _, err = call("audit", "certify", "c")
    assert code == 1 and "answers were added or changed after the certificate" in err


def test_a_watched_audit_may_be_looked_at_at_any_time(project, call, asked):
    code, out, _ = call("audit", "draw", "w", "--for", "watch", "--error", "0.2", "--size", "15")
    assert code == 0 and "the order of 400 rows is fixed; 15 are asked for first" in out
    code, out, _ = call("audit", "watch", "w")
    assert code == 0 and "Open after 0 labels" in out
    asked("w")
    code, out, _ = call("audit", "watch", "w", "--json")
    found = json.loads(out)
    assert code == 0 and found["status"] == "open" and found["labels"] == 15 and len(found["curve"]) == 15
    assert found["plot"].endswith("audits/w/evidence.png") and Path(found["plot"]).is_file()
    code, _, err = call("audit", "show", "w")
    assert code == 1 and "weaklabel audit watch w" in err
    assert call("audit", "next", "w", "--size", "60")[0] == 0
    asked("w.2")
    code, out, _ = call("audit", "watch", "w")
    assert code == 0 and "Certified after" in out and "weaklabel audit close w" in out
    assert call("audit", "next", "w")[0] == 3
    draws = pl.read_parquet(project / ".weaklabel/audits/w/draw.parquet")
    assert draws.filter(step=1)["inclusion"].unique().to_list() == [15 / 400]
    assert draws.filter(step=2)["inclusion"].unique().to_list() == [60 / 385]
    assert call("audit", "close", "w")[0] == 0
    code, _, err = call("audit", "next", "w")
    assert code == 1 and "is closed" in err


def test_a_watched_audit_is_rejected_with_exit_4(project, call, asked):
    assert call("audit", "draw", "w", "--for", "watch", "--error", "0.004", "--size", "120")[0] == 0
    asked("w")
    code, out, _ = call("audit", "watch", "w")
    assert code == 4 and "Rejected after" in out


def test_labels_of_another_system_by_week(project, call, asked):
    known = truth()
    ids = list(known)
    labels = [known[i] if n % 10 or n < 300 else "thanks" for n, i in enumerate(ids)]
    rows = {
        "id": ids,
        "label": labels,
        "score": [0.9] * 400,
        "time": ["2026-05-04"] * 200 + ["2026-05-11"] * 200,
    }
    pl.DataFrame(rows).write_csv("said.csv")
    assert call("audit", "draw", "live", "--predictions", "said.csv", "--size", "100")[0] == 0
    asked("live")
    code, out, _ = call("audit", "show", "live", "--json")
    found = json.loads(out)
    weeks = [f["part"] for f in found["figures"] if f["part"].startswith("week ")]
    assert (
        code == 0 and weeks == ["week 2026-W19", "week 2026-W20"] and "no change shown" in found["trend"][0]
    )
    assert found["of"] == "file said.csv"
    assert [w["window"] for w in found["windows"]["windows"]] == ["2026-W19", "2026-W20"]
    assert Path(found["plot"]).name == "windows.png" and Path(found["plot"]).read_bytes()[:4] == b"\x89PNG"
    # the next week's file, drawn after it: its windows are shown together, and it is worse
    half = [known[i] if n % 2 else "question" for n, i in enumerate(ids)]
    pl.DataFrame({"id": ids, "label": half, "time": ["2026-05-18"] * 400}).write_csv("next.csv")
    code, _, err = call(
        "audit",
        "draw",
        "later",
        "--predictions",
        "next.csv",
        "--size",
        "50",
        "--every",
        "month",
        "--after",
        "live",
    )
    assert code == 1 and "audit 'live' is not by month" in err
    code, _, err = call("audit", "draw", "later", "--size", "50", "--after", "live")
    assert code == 1 and "windows of time are of the labels of a file" in err
    assert (
        call("audit", "draw", "later", "--predictions", "next.csv", "--size", "50", "--after", "live")[0] == 0
    )
    asked("later")
    code, out, _ = call("audit", "show", "later")
    assert (
        code == 4
        and "audit live: accuracy of week 2026-W19" in out
        and "it changed most with 2026-W21" in out
    )
    code, out, _ = call("audit", "report", "later", "--json")
    over = json.loads(out)["figures"]["windows"]
    assert [(w["window"], w["audit"]) for w in over["windows"]] == [
        ("2026-W19", "live"),
        ("2026-W20", "live"),
        ("2026-W21", "later"),
    ]
    page = (project / ".weaklabel/reports/audit-later.html").read_text()
    assert "By week" in page and "Hollow: 2026-W21" in page
    pl.DataFrame({"id": ["m001"], "label": ["spam"]}).write_csv("odd.csv")
    code, _, err = call("audit", "draw", "odd", "--predictions", "odd.csv", "--size", "20")
    assert code == 1 and "are not labels of the task: 'spam'" in err
    pl.DataFrame({"id": ["zz"], "label": ["thanks"]}).write_csv("odd.csv")
    code, _, err = call("audit", "draw", "odd", "--predictions", "odd.csv", "--size", "20")
    assert code == 1 and "1 of 1 rows to audit are not in the corpus: 'zz'" in err


def test_two_audits_together_say_more(project, call, asked):
    for name in ("may", "june"):
        assert call("audit", "draw", name, "--size", "60")[0] == 0
        asked(name)
    code, out, _ = call("audit", "show", "june", "--json")
    alone = figures(out)["accuracy", "all rows"]
    code, out, _ = call("audit", "show", "june", "--with", "may", "--json")
    both = figures(out)["accuracy", "all rows"]
    assert code == 0 and both["high"] - both["low"] < alone["high"] - alone["low"]
    assert any("2 draws count for" in note for note in json.loads(out)["notes"])


def test_what_was_fixed_can_not_be_changed(project, call):
    assert call("audit", "draw", "may", "--size", "40")[0] == 0
    folder = project / ".weaklabel" / "audits" / "may"
    plan = json.loads((folder / "plan.json").read_text())
    (folder / "plan.json").write_text(json.dumps({**plan, "seed": plan["seed"] + 1}))
    code, _, err = call("audit", "show", "may")
    assert (
        code == 1 and "the plan of audit 'may' is not the one that was fixed before anybody answered" in err
    )
    (folder / "plan.json").write_text(json.dumps(plan))
    rows = pl.read_parquet(folder / "population.parquet")
    rows.with_columns(label=pl.lit("thanks")).write_parquet(folder / "population.parquet")
    code, _, err = call("audit", "show", "may")
    assert code == 1 and "the rows of audit 'may' are not those that were fixed" in err
    rows.write_parquet(folder / "population.parquet")
    drawn = pl.read_parquet(folder / "draw.parquet")
    drawn.head(39).write_parquet(folder / "draw.parquet")
    code, _, err = call("audit", "show", "may")
    assert code == 1 and "the rows of 'may' are not those that were drawn" in err
    drawn.write_parquet(folder / "draw.parquet")
    assert call("audit", "show", "may")[0] == 3
    assert "text" not in rows.columns and "text" not in drawn.columns


def test_mistakes_are_told(project, call):
    for words, what in (
        (("audit", "show", "nobody"), "no audit 'nobody'"),
        (("audit", "draw", "a/b", "--size", "40"), "made of letters, digits"),
        (("audit", "draw", "may"), "how many labels?"),
        (("audit", "draw", "may", "--size", "40", "--width", "0.1"), "how many labels?"),
        (("audit", "draw", "may", "--size", "5"), "shows nothing: it takes 20"),
        (("audit", "draw", "may", "--size", "40", "--by", "color"), "no column 'color'"),
        (("audit", "draw", "may", "--size", "40", "--run", "x"), "no run 'x' of task 'first'"),
        (
            ("audit", "draw", "may", "--for", "watch", "--width", "0.1", "--error", "0.1"),
            "--width is for figures",
        ),
        (("audit", "draw", "c", "--for", "certificate", "--class", "thanks"), "--class is LABEL=ERROR"),
        (("audit", "draw", "c", "--for", "certificate", "--class", "spam=0.1"), "spam"),
        (
            ("audit", "draw", "c", "--for", "certificate", "audit.error=2"),
            "audit.error is 2; it lies between 0 and 1",
        ),
        (("audit", "draw", "c", "--size", "40", "+audit.slices.long=0.1"), "there is no slice 'long'"),
        (("audit", "verify", "nothing.json"), "there is no certificate 'nothing.json'"),
    ):
        code, _, err = call(*words)
        assert code == 1 and what in err, (words, err)
    assert call("audit", "next", "may", "--size", "0")[0] == 2
