"""`diff`, `explain` and `recall` from the command line, and the page of a diff."""

import json
import re
import shutil

import polars as pl
import pytest

from audit_project import make_project
from label_versions import WORDS, commit_run, edit_rules, two_runs
from weaklabel.cli import main
from weaklabel.report.diff_page import diff_page
from weaklabel.runs import HOME


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with two runs, which are two versions of its label table as well; then one text was changed."""
    project, names = two_runs(tmp_path_factory.mktemp("cli") / "desk")
    sample = project / "labeling_functions" / "first" / "sample" / "notes.jsonl"
    sample.write_text(sample.read_text().replace("floor 1 is broken", "floor 1 is <b>broken"))
    for name in names:
        commit_run(project, name)
    return project, names


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made[0], tmp_path / "desk")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(capsys):
    """Run a verb; give its exit code, what it prints, and what it says."""

    def run(*words):
        code = main([str(word) for word in [*words, *WORDS]])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_diff_says_how_much_why_and_whether_it_is_better(project, call, made):
    one, two = made[1]
    code, out, err = call("diff", one, two)
    assert (code, err) == (0, "")
    assert out.startswith(f"first: run {one} and run {two}\n")
    for line in (
        r"flips +266 rows \(66.50 %\) have another label or status",
        r"new rules +keeps",
        r"edited rules +asks, says_thanks",
        r"accuracy +-30.00 points \(-32.59 to -27.11\), on 400 gold rows",
        r"slice short +-22.\d\d points",
        r"complaint +\(no label\) +133 +33.25 %",
        r"labeled +tie +266",
        r"rules +266 +100.00 %",
        r"says_thanks +266 +0 +133 +edited",
        r"m002 +thanks +\(tie\) +says_thanks \(weight\), keeps \(vote\)",
        rf"! texts and slices are those of the corpus as it is now; it has been changed since run {one}",
    ):
        assert re.search(line, out), line


def test_versions_runs_and_nothing(project, call, made):
    assert "version 0 and version 1" in call("diff", "v0", "latest")[1]
    code, out, _ = call("diff", "v1", made[1][1])
    assert code == 0 and "nothing differs: the same labels on the same rows" in out
    code, _, err = call("diff", "v0", "v5")
    assert code == 1 and "version 5" in err and "Traceback" not in err
    code, _, err = call("diff", "v0", "20200101")
    assert code == 1 and "no run '20200101' of task 'first'" in err
    assert main(["diff", "v0"]) == 2


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("flips > 2% or accuracy_drop_upper > 1pt", 4),
        ("flips > 70%", 0),
        ("flips.question > 0", 0),
        ("flips.thanks >= 133 and accuracy_drop > 29pt", 4),
        ("flips > 2% and", 1),
    ],
)
def test_fail_if(project, call, condition, code):
    found, out, err = call("diff", "v0", "v1", "--fail-if", condition)
    assert found == code
    assert ("failed: " + condition in err) == (code == 4)
    if code == 1:
        assert out == "" and "where: flips > 2% and\n" in err


def test_diff_as_json(project, call):
    code, out, _ = call("diff", "v0", "v1", "--json", "--fail-if", "flips > 2%")
    data = json.loads(out)
    assert code == 4 and data["failed"] and data["fail_if"] == "flips > 2%"
    assert data["pairs"][0] == {"before": "complaint", "after": None, "rows": 133}
    assert data["figures"]["flips"] == {"share": 0.665, "rows": 266}
    assert data["gold"]["difference"]["n"] == 400


def test_the_page_needs_no_network_and_holds_what_was_found(project, call):
    code, out, _ = call("diff", "v0", "v1", "--html", "out/diff.html", "--fail-if", "flips > 70%")
    assert code == 0 and "page  out/diff.html" in out
    page = (project / "out" / "diff.html").read_text()
    for what in ("<script", "http", "src=", "url("):
        assert what not in page.replace("Content-Security-Policy", "").replace("http-equiv", "")
    assert "default-src 'none'" in page
    assert "The tap on floor 1 is &lt;b&gt;broken." in page and "<b>broken" not in page
    assert "266 of 400 rows (66.50 %) have another label or status." in page
    assert "✓ Fail if <code>flips &gt; 70%</code>. It does not hold." in page
    assert "new: keeps" in page and "-30.00 [-32.59, -27.11]" in page
    assert "says_thanks (weight), keeps (vote)" in page
    held = diff_page(json.loads(call("diff", "v0", "v1", "--json")[1]), condition="flips > 1%", held=True)
    assert "✗ Fail if <code>flips &gt; 1%</code>. It holds: the check fails." in held
    (project / "file").write_text("")
    code, _, err = call("diff", "v0", "v1", "--html", "file/diff.html")
    assert code == 1 and "can't write" in err


def test_explain(project, call, made):
    code, out, err = call("explain", "--id", "m001")
    assert (code, err) == (0, "")
    assert out.startswith("m001: no label (tie), in version 1\n\nThe tap on floor 1 is <b>broken.\n")
    for line in (
        r"share of +question +complaint +thanks +without it",
        r"grumbles: complaint +0.000 +0.500 +0.000 +thanks",
        r"2 other rules abstained",
        r"thanks if grumbles abstained \(it says complaint\)",
        r"question if asks said question \(it abstains\)",
        r"v1 +\S+ +relabel +tie +0.500 +rules: new keeps",
        r"v0 +\S+ +relabel +complaint +labeled +1.000 +first",
    ):
        assert re.search(line, out), line
    code, out, _ = call("explain", "--id", "m001", "--at", "v0", "--json")
    assert code == 0 and json.loads(out)["label"] == "complaint"
    code, _, err = call("explain", "--id", "nobody")
    assert code == 1 and "no row 'nobody'" in err
    assert call("explain")[0] == 2


def test_recall(project, call):
    code, out, err = call("recall", "--rule", "says_thanks", "--out", "rows.csv")
    assert (code, err) == (0, "")
    assert "it voted on 266 rows\n266 of them would have another label or status without it" in out
    assert re.search(r"\(tie\) +question +133", out) and "rows  rows.csv" in out
    assert pl.read_csv(project / "rows.csv").height == 266
    code, out, _ = call("recall", "--rule", "says_thanks", "--since", "v0", "--json")
    assert code == 0 and json.loads(out)["standing"] == 266
    code, _, err = call("recall", "--rule", "says_thank")
    assert code == 1 and "did you mean 'says_thanks'?" in err


def test_labels_that_relabel_made(tmp_path, monkeypatch, call):
    project = make_project(tmp_path / "desk")
    monkeypatch.chdir(project)
    blind = "task.gold.path=null"  # with gold, labels that are worse would not be published
    assert call("relabel", blind)[0] == 0
    edit_rules(project)
    assert call("relabel", blind)[0] == call("run", blind)[0] == 0
    code, out, _ = call("diff", "last", "latest", "--json")
    data = json.loads(out)
    assert code == 0 and data["flips"] == 0 and data["rows"] == 400
    assert data["changed"] == [] and not any(data["changed_rules"].values())
    data = json.loads(call("diff", "v0", "v1", "--json")[1])
    assert data["causes"] == {"rules": 266} and data["changed_rules"]["new"] == ["keeps"]
    assert data["sets"][0] == {"rules": ["grumbles", "says_thanks"], "rows": 133, "by_vote": 133}
    out = call("explain", "--id", "m002")[1]
    assert (
        "m002: no label (tie), in version 1" in out
        and "rules: new keeps; changed asks, says_thanks" in " ".join(out.split())
    )
    code, out, _ = call("recall", "--rule", "keeps", "--json")
    assert code == 0 and json.loads(out)["rows"] == 133


def test_a_rule_that_never_voted_is_nothing_to_do(project, call, made):
    votes = project / HOME / "runs" / made[1][1] / "votes"
    for file in votes.glob("*.parquet"):
        meta = {k: v for k, v in pl.read_parquet_metadata(file).items() if k.startswith("weaklabel")}
        silent = pl.read_parquet(file).with_columns(pl.lit(-1, pl.Int8).alias("lf:asks"))
        silent.write_parquet(file, metadata=meta)
    shutil.rmtree(project / HOME / "labels")
    code, out, _ = call("recall", "--rule", "asks")
    assert code == 3 and "it voted on 0 rows" in out
