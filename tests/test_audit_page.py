"""`audit report`: one page and the same as JSON, on a project whose labels are right in 95 % of rows."""

import argparse
import html
import json
import re
import shutil

import polars as pl
import pytest

from audit_project import LABELS, make_project, through_people, truth
from weaklabel.audit.estimates import Figure
from weaklabel.audit.reference import reference
from weaklabel.audit.tolerances import Tolerance
from weaklabel.cli import audit_report as verb
from weaklabel.cli import main
from weaklabel.errors import GoldError
from weaklabel.pipeline.audits.methods import whole_draw
from weaklabel.pipeline.audits.rows import find_run
from weaklabel.pipeline.audits.verdict import (
    held,
    verdict_of_certificate,
    verdict_of_figures,
    verdict_of_watch,
)
from weaklabel.report.audit_page import audit_page
from weaklabel.report.audit_parts import quality_part
from weaklabel.stats import Estimate, undefined

PARTS = [
    "How right the labels are",
    "Certificate",
    "Rules to mend",
    "People",
    "Drift",
    "What to do next",
]


def run(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A project with a run and an audit whose 120 rows are answered by people who tell the truth."""
    folder = tmp_path_factory.mktemp("report")
    project = make_project(folder / "desk")
    at = ("--project", str(project))
    assert run("run", "plots=false", *at) == 0
    assert run("audit", "draw", "may", "--size", "120", "--by", "channel", *at) == 0
    through_people(lambda *words: run(*words, *at), "may", truth(), folder / "out")
    return project


@pytest.fixture
def project(audited, tmp_path, monkeypatch):
    folder = tmp_path / "desk"
    shutil.copytree(audited, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def report(capsys):
    """Run the verb; give its exit code and what it prints."""

    def make(project, name, *words, json=False):
        capsys.readouterr()
        options = argparse.Namespace(project=project, words=list(words), json=json, name=name)
        return verb.report(options), capsys.readouterr().out

    return make


def page_of(project, name):
    return (project / ".weaklabel" / "reports" / f"audit-{name}.html").read_text(encoding="utf-8")


def plain(page):
    return html.unescape(re.sub(r"<[^>]*>", " ", page.split("<body>")[1]))


def balanced(page):
    """Tell whether every tag of a page is closed in its turn."""
    open_ = []
    for slash, name, itself in re.findall(r"<(/?)(\w+)[^>]*?(/?)>", page):
        if slash and (not open_ or open_.pop() != name):
            return False
        if not slash and not itself and name != "meta":
            open_.append(name)
    return not open_


def test_the_page_says_the_verdict_first_and_then_all_parts_in_their_order(project, report):
    code, out = report(project, "may", "audit.error=0.2", "audit.owner=the desk")
    assert code == 0
    assert "Good enough: at most" in out and "20 % are tolerated" in out
    page = page_of(project, "may")
    said = plain(page)
    assert said.index("Good enough") < min(said.index(part) for part in PARTS)
    assert sorted(PARTS, key=said.index) == PARTS
    assert "answered for by the desk" in said and "what they are used for is not said" in said
    assert "120 of 120 rows are decided" in said
    assert "no certificate of these labels" in said
    assert "No reference is kept" in said
    assert "weaklabel audit close may" in said


def test_the_page_needs_nothing_from_elsewhere_and_holds_no_text_and_no_name(project, report):
    assert report(project, "may")[0] == 0
    page = page_of(project, "may")
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"<script|<link|<img|<iframe|\bsrc=|\bhref=|url\(|@import|\bon\w+=|https?:", page)
    assert "@media print" in page
    assert balanced(page)
    said = plain(page)
    assert not re.search(r"Is shelf|The tap on floor|Thanks for keeping", said)
    assert not re.search(r"\b(ann|bob|cid)\b", said)
    assert len(set(re.findall(r"annotator \d+", said))) == 3


def test_the_json_holds_the_same_figures_and_the_estimate_is_near_the_truth(project, report):
    code, out = report(project, "may", json=True)
    found = json.loads(out)
    assert code == 0 and found["verdict"]["status"] == "none"
    assert "nobody has said how many wrong ones are tolerated" in found["verdict"]["headline"]
    assert any("audit.error" in step for step in found["next"])
    whole = found["figures"]["figures"][0]
    assert whole["figure"] == "accuracy" and whole["low"] <= 0.95 <= whole["high"]
    said = plain(page_of(project, "may"))
    for one in found["figures"]["figures"]:
        if one["value"] is not None and one["figure"] in ("precision", "recall", "F1"):
            assert f"{100 * one['value']:.1f} % [{100 * one['low']:.1f}, {100 * one['high']:.1f}]" in said
    assert {one["part"] for one in found["figures"]["figures"] if one["figure"] == "recall"} == {
        "question",
        "complaint",
        "thanks",
    }
    rows = found["people"]["rows"]
    answers = pl.read_parquet(project / ".weaklabel/audits/may/draw.parquet").height
    assert sum(row["answers"] for row in rows) >= answers and all(
        row["right"] == row["checks"] for row in rows
    )
    assert found["people"]["sentences"] == ["Nobody's answers were set aside."]
    assert all(rule["precision"]["n"] > 0 for rule in found["rules"]["rules"] if rule["fires"])


def test_a_bad_label_fails_though_the_whole_is_good(project, report):
    code, out = report(project, "may", "audit.error=0.3", "+audit.classes.thanks=0.001", json=True)
    found = json.loads(out)["verdict"]
    parts = {part["part"]: part["status"] for part in found["parts"]}
    assert code == 0 and parts["all rows"] == "holds" and parts["label 'thanks'"] != "holds"
    assert found["status"] == parts["label 'thanks'"]
    assert "label 'thanks'" in found["headline"] and "judged by itself" in found["note"]


def test_without_an_answer_there_is_nothing_to_report(project, report, capsys):
    assert run("audit", "draw", "june", "--size", "20") == 0
    code, out = report(project, "june")
    assert code == 3 and "no row of audit june is decided" in out and "june is drawn" in out
    assert not (project / ".weaklabel" / "reports" / "audit-june.html").exists()
    code, out = report(project, "june", json=True)
    assert code == 3 and json.loads(out)["page"] is None


def test_a_rule_that_is_mostly_wrong_is_named_with_rows_to_look_at(project, report):
    folder = find_run(project, "first")
    gold, turned = truth(), None
    for file in sorted((folder / "votes").glob("*.parquet")):
        votes = pl.read_parquet(file)
        turned = turned or next(
            name for name in votes.columns if name.startswith("lf:") and (votes[name] >= 0).sum() > 50
        )
        wrong = pl.when(pl.col(turned) >= 0).then((pl.col(turned) + 1) % 3).otherwise(pl.col(turned))
        votes.with_columns(wrong.cast(pl.Int8).alias(turned)).write_parquet(file)
    code, out = report(project, "may", json=True)
    found = json.loads(out)
    bad = {rule["rule"]: rule for rule in found["rules"]["rules"] if rule["verdict"] != "keep"}
    name = turned.removeprefix("lf:")
    assert code == 0 and set(bad) == {name} and set(bad[name]["wrong"]) <= set(gold)
    said = plain(page_of(project, "may"))
    assert bad[name]["wrong"][0] in said and f"{bad[name]['verdict']} {name}, then weaklabel run" in said


def test_drift_is_told_against_the_reference_and_not_against_the_same_run(project, report):
    folder = find_run(project, "first")
    place = project / ".weaklabel" / "audits" / "reference-first.json"
    frame = pl.concat(pl.read_parquet(file) for file in sorted((folder / "votes").glob("*.parquet")))
    frame = frame.join(pl.read_parquet(folder / "labels.parquet", columns=["id", "label"]), on="id")
    rules = [name for name in frame.columns if name.startswith("lf:")]
    place.write_text(json.dumps(reference(frame, LABELS, facts={"run": folder.name}).to_dict()))
    data = json.loads(report(project, "may", json=True)[1])
    assert data["drift"] is None and "of this same run" in data["drift_note"]
    silent = frame.with_columns(pl.lit(-1, dtype=pl.Int8).alias(name) for name in rules[:1])
    facts = {"run": "older", "made_at": "2026-04-01"}
    place.write_text(json.dumps(reference(silent, LABELS, facts=facts).to_dict()))
    data = json.loads(report(project, "may", json=True)[1])
    assert data["drift"]["alarm"] and "run older of 2026-04-01" in data["drift_note"]
    said = plain(page_of(project, "may"))
    assert rules[0].removeprefix("lf:") in said[said.index("Drift") :] and "look at what has changed" in said
    place.write_text("{}")
    data = json.loads(report(project, "may", json=True)[1])
    assert data["drift"] is None and "this is no reference for drift" in data["drift_note"]


def test_an_audit_that_is_watched_shows_its_evidence(project, report, tmp_path):
    assert run("audit", "draw", "june", "--for", "watch", "--error", "0.3", "--size", "60") == 0
    through_people(run, "june", truth(), tmp_path / "out")
    code, out = report(project, "june", json=True)
    found = json.loads(out)
    assert code == 0 and found["figures"] is None
    assert found["verdict"]["status"] == "holds" and found["verdict"]["headline"].startswith(
        "Good enough. Certified"
    )
    said = plain(page_of(project, "june"))
    assert "The evidence so far" in said and "valid at every look" in said
    assert found["rules"] is not None


def test_a_certificate_is_the_verdict_until_what_it_names_has_changed(project, report, tmp_path):
    assert run("audit", "draw", "safe", "--for", "certificate", "--error", "0.2", "--size", "120") == 0
    through_people(run, "safe", truth(), tmp_path / "out")
    data = json.loads(report(project, "safe", json=True)[1])
    assert data["verdict"]["headline"] == "Not shown yet: the certificate has not been made."
    assert data["next"][0] == "weaklabel audit next safe"
    assert run("audit", "next", "safe") == 0
    through_people(run, "safe.2", truth(), tmp_path / "out")
    assert run("audit", "certify", "safe") == 0
    data = json.loads(report(project, "safe", json=True)[1])
    made = data["certificates"][0]["certificate"]["certificates"][0]
    assert (
        data["verdict"]["status"] == "holds"
        and f"{made['accepted']} of {made['rows']} rows" in data["verdict"]["headline"]
    )
    said = plain(page_of(project, "safe"))
    assert made["claim"] in said and "it holds" in said
    # an audit for figures of the same run shows the certificate, too
    other = json.loads(report(project, "may", json=True)[1])
    assert [one["audit"] for one in other["certificates"]] == ["safe"]
    place = project / ".weaklabel/audits/safe/certificate.json"
    written = place.read_text()
    place.write_text("{}")
    other = json.loads(report(project, "may", json=True)[1])
    assert "it can't be verified: this is no certificate" in other["certificates"][0]["changed"][0]
    assert "it can't be verified" in plain(page_of(project, "may"))
    with pytest.raises(GoldError, match="this is no certificate"):
        report(project, "safe")
    place.write_text(written)
    sample = project / "labeling_functions" / "first" / "sample" / "notes.jsonl"
    sample.write_text(sample.read_text() + '{"id": "new", "text": "Is it open?", "channel": "desk"}\n')
    data = json.loads(report(project, "safe", json=True)[1])
    assert not data["certificates"][0]["holds"] and data["verdict"]["status"] == "open"
    assert "does not hold any more: the corpus has been changed" in data["verdict"]["headline"]
    assert any("draw another" in step for step in data["next"])


def test_figures_are_logged_once_whoever_looks_first(project, report, monkeypatch):
    from weaklabel.pipeline.audits import show as audit_show
    from weaklabel.tracking import TrackingError

    calls = []

    def log(desk, plan, figures, **options):
        calls.append(plan.name)
        return ("run7", None) if len(calls) == 1 else (None, TrackingError("no server"))

    monkeypatch.setattr(audit_show, "log_figures", log)
    code, out = report(project, "may", json=True)
    assert code == 0 and json.loads(out)["figures"]["mlflow_run"] == "run7"
    assert run("audit", "show", "may") == 0 and report(project, "may")[0] == 0
    assert calls == ["may"]
    (project / ".weaklabel/audits/may/looks.json").unlink()
    assert report(project, "may")[0] == 5 and calls == ["may", "may"]
    assert (project / ".weaklabel" / "reports" / "audit-may.html").exists()


def test_gold_of_closed_audits_judges_rules_and_that_of_other_open_ones_does_not(project, report, tmp_path):
    assert run("audit", "draw", "june", "--size", "60") == 0
    through_people(run, "june", truth(), tmp_path / "out")

    def batches():
        rules = json.loads(report(project, "june", json=True)[1])["rules"]["rules"]
        return {batch["batch"].split()[-1] for rule in rules for batch in rule["batches"]}

    assert batches() == {"june"}
    assert run("audit", "close", "may") == 0
    assert batches() == {"may", "june"}


def test_rows_that_were_chosen_by_answers_are_no_sample_of_all_rows(project, tmp_path):
    from weaklabel.config import load
    from weaklabel.pipeline.audits.audit import open_kept
    from weaklabel.pipeline.desk.room import open_desk

    assert run("audit", "draw", "safe", "--for", "certificate", "--error", "0.2", "--size", "120") == 0
    through_people(run, "safe", truth(), tmp_path / "out")
    assert run("audit", "next", "safe") == 0
    kept = open_kept(open_desk(load(project), project), "safe")
    assert set(kept.drawn["phase"]) == {"pilot", "test"}
    assert set(whole_draw(kept)["phase"]) == {"pilot"} and set(whole_draw(kept)["step"]) == {1}


def figure(low, value, high, *, name="accuracy", part="all rows", n=200):
    return Figure(name, part, Estimate(value, low, high, n))


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(0.90, 0.99, "holds"), (0.8999, 0.99, "open"), (0.80, 0.8999, "fails"), (0.80, 0.90, "open")],
)
def test_what_is_tolerated_is_shown_only_by_a_whole_interval(low, high, status):
    assert held("all rows", 0.1 + 1e-12, figure(low, (low + high) / 2, high)).status == status


def test_too_few_labels_are_said_with_the_number_that_it_takes():
    few = Figure("precision", "spam", undefined(n=3), needed=10)
    assert str(held("label 'spam'", 0.1, few)) == "label 'spam': too few labels to say (3; it takes about 10)"
    told = verdict_of_figures([figure(0.9, 0.95, 0.98), few], Tolerance(0.2, {"spam": 0.1}), confidence=0.95)
    assert (
        told.status == "open"
        and told.headline == "Not shown either way: too few labels of label 'spam' to say."
    )
    # (1.96 / 0.02) ** 2 * 0.92 * 0.08 = 706.9
    assert held("all rows", 0.1, figure(0.88, 0.92, 0.95)).needed == 707
    # of 1,000 rows: 707 / (1 + 706 / 1000) = 414.4
    assert held("all rows", 0.1, figure(0.88, 0.92, 0.95), 1000).needed == 415
    sizes = {"all rows": 1000, "label 'spam'": 50}
    both = verdict_of_figures(
        [figure(0.88, 0.92, 0.95), figure(0.88, 0.92, 0.95, name="precision", part="spam", n=40)],
        Tolerance(0.1, {"spam": 0.1}),
        confidence=0.95,
        sizes=sizes,
    )
    # of 50 rows: 707 / (1 + 706 / 50) = 46.8
    assert [part.needed for part in both.parts] == [415, 47]
    assert "too few labels (3; it takes 10)" in quality_part(
        {
            "figures": [
                _row(figure(0.9, 0.95, 0.98)),
                {**_row(few), "says": str(few)},
            ],
            "gold_error_says": None,
            "moved": [],
            "trend": [],
            "windows": None,
            "notes": [],
        }
    )


def _row(one):
    found = one.estimate
    ends = {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
    return {"figure": one.figure, "part": one.part, "needed": one.needed, "says": str(one), **ends}


def test_one_part_that_fails_decides_and_a_certificate_of_nothing_is_no_good():
    figures = [figure(0.9, 0.95, 0.98), figure(0.6, 0.7, 0.8, name="precision", part="spam")]
    told = verdict_of_figures(figures, Tolerance(0.2, {"spam": 0.1}), confidence=0.95)
    assert told.status == "fails" and "of label 'spam' at least 20.0 % are wrong" in told.headline
    assert verdict_of_watch("open", "Open.").status == "open"
    goal = {"error": 0.05, "confidence": 0.95, "part": ""}
    nothing = {"goal": goal, "accepted": 0, "rows": 9, "wrong_at_most": 0}
    assert verdict_of_certificate({"certificates": [nothing]}, ()).status == "fails"
    some = {"goal": {**goal, "part": "label 'spam'"}, "accepted": 4, "rows": 8, "wrong_at_most": 0}
    both = verdict_of_certificate({"certificates": [nothing, some]}, ())
    assert both.status == "open" and "4 of 8 rows with label 'spam' (50.0%)" in both.headline
    assert "Nothing can be used unseen of all rows." in both.headline


def test_words_from_outside_are_escaped():
    evil = "<script>alert(1)</script>"
    verdict = {"status": "open", "headline": evil, "parts": [], "note": ""}
    data = {
        "audit": evil, "task": evil, "for": "figures", "of": evil, "made_at": "2026-05-04", "plan": evil,
        "owner": evil, "purpose": evil, "drawn": 1, "decided": 1, "verdict": verdict, "figures": None,
        "watched": None, "certificates": [], "rules": None, "rule_notes": [evil], "drift": None, "drift_note": evil,
        "people": {"rows": [], "sentences": [evil]}, "next": [evil],
    }  # fmt: skip
    page = audit_page(data)
    assert balanced(page)
    assert "<script" not in page and page.count("&lt;script&gt;") >= 9
