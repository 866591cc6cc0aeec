"""`lf try`, `lf report`, `lf errors`, `lf suggest` from the command line: results, codes, and saves that are watched."""

import json
from pathlib import Path

import numpy as np
import pytest

from weaklabel import cli
from weaklabel.cli import lf_explore, lf_watch
from weaklabel.runs import HOME
from weaklabel.templates import write_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(cli, "VERBS", {**cli.VERBS, **lf_explore.VERBS})
    return folder


def call(capsys, *words):
    code = cli.main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def pack(project):
    return next(
        path for path in (project / "labeling_functions").rglob("*.yaml") if path.name != "schema.yaml"
    )


# ---- lf try ----


def test_a_rule_by_name(capsys, project):
    code, out, _ = call(capsys, "lf", "try", "asks")
    assert code == cli.DONE
    assert out.startswith("asks (") and "of 30 rows" in out and "gold row" in out
    assert "[[" in out and "\x1b" not in out


def test_the_rule_and_the_settings_in_any_order(capsys, project):
    for words in (["asks", "seed=3"], ["seed=3", "asks"]):
        code, out, _ = call(capsys, "lf", "try", *words, "--json")
        assert code == cli.DONE and json.loads(out)["rule"]["id"] == "asks"


@pytest.mark.parametrize(
    "words, kind",
    [
        (["--keywords", "thanks, thank you"], "keywords"),
        (["--regex", "than(k|x)", "--case", "ignore"], "regex"),
        (["--sql", "length(text) < 60"], "where"),
    ],
)
def test_a_rule_typed_here(capsys, project, words, kind):
    code, out, _ = call(capsys, "lf", "try", *words, "--label", "thanks", "--json")
    found = json.loads(out)
    assert code == cli.DONE and found["rule"]["kind"] == kind and found["hits"] > 0
    assert found["rule"]["where"] == "command line:1"


@pytest.mark.parametrize(
    "words, what",
    [
        ([], "one RULE, or one of --keywords, --regex and --sql"),
        (["asks", "--keywords", "x", "--label", "thanks"], "one RULE, or one of"),
        (["--keywords", "x"], "--keywords needs --label"),
        (["--keywords", "x", "--regex", "y", "--label", "thanks"], "not allowed with"),
        (["--keywords", "x", "--label", "thanks", "--watch"], "--watch follows a rule in a file"),
        (["asks", "--rows", "-1"], "-1 is less than 0"),
    ],
)
def test_usage(capsys, project, words, what):
    code, out, err = call(capsys, "lf", "try", *words)
    assert (code, out) == (cli.USAGE, "") and what in err


@pytest.mark.parametrize(
    "words, what",
    [
        (["aks"], "no rule 'aks'"),
        (["--keywords", "x", "--label", "thnks"], "unknown label 'thnks'"),
        (["--sql", "text ~~ 3", "--label", "thanks"], "broken SQL"),
        (
            ["--sql", "length(text) < 3", "--label", "thanks", "--case", "ignore"],
            "--case is not for a SQL condition",
        ),
        (["--regex", "(", "--label", "thanks"], "broken regex"),
        (["--keywords", "x", "--label", "thanks", "--field", "txt"], "column 'txt', which is not there"),
    ],
)
def test_input(capsys, project, words, what):
    code, out, err = call(capsys, "lf", "try", *words)
    assert (code, out) == (cli.INPUT, "") and what in err and "Traceback" not in err


def test_a_draft_can_be_tried_and_does_not_disturb_the_others(capsys, project):
    path = pack(project)
    draft = "\n  - {name: maybe, kind: keywords, label: thanks, terms: [thanks], state: draft}\n"
    path.write_text(path.read_text(encoding="utf-8").rstrip() + draft, encoding="utf-8")
    code, out, _ = call(capsys, "lf", "try", "maybe", "--json")
    assert code == cli.DONE and json.loads(out)["hits"] > 0
    assert call(capsys, "lf", "errors", "maybe")[0] == cli.DONE
    _, out, _ = call(capsys, "lf", "try", "asks", "--json")
    assert "maybe" not in {other["id"] for other in json.loads(out)["others"]}
    assert "maybe" not in {
        line["id"] for line in json.loads(call(capsys, "lf", "report", "--json")[1])["rules"]
    }


def test_votes_are_kept_for_the_next_time(capsys, project):
    call(capsys, "lf", "try", "asks")
    kept = list((project / HOME / "cache" / "looks").glob("*.npy"))
    assert len(kept) == 3
    assert call(capsys, "lf", "try", "asks")[0] == cli.DONE


def test_gold_that_is_held_out_judges_nothing(capsys, project):
    for verb in (["lf", "try", "asks"], ["lf", "errors", "asks"], ["lf", "report"], ["lf", "suggest"]):
        _, out, _ = call(capsys, *verb, "--json", "task.gold.held_out=true")
        found = json.loads(out)
        assert any("gold is held out" in note for note in found["notes"])
        if verb[1] == "errors":
            assert found["by_gold"] == 0 and all(row["row"]["gold"] is None for row in found["rows"])
        if verb[1] == "try":
            assert found["precision"]["value"] is None and found["examples"]["wrong"] == []
        if verb[1] == "report":
            assert found["gold_rows"] == 0
        if verb[1] == "suggest":
            assert found["by"] == "model"


# ---- --watch ----


def watched(capsys, project, saves, *words):
    """Watch a rule through some saves; each is a function that changes files."""
    parser = cli._parser("lf try")
    options = parser.parse_intermixed_args([*words, "--watch", "--project", str(project)])
    steps = iter(saves)

    def wait(seconds):
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    options.words = []
    code = lf_watch.watch(options, "asks", wait=wait)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_save_is_seen_and_what_it_changed_is_told(capsys, project):
    module = Path(next(rule for rule in _rules(project) if rule.id == "asks").source.file)
    text = module.read_text(encoding="utf-8")

    def widen():
        module.write_text(text + "\n# nothing but a remark\n", encoding="utf-8")

    code, out, err = watched(capsys, project, [lambda: None, widen])
    assert code == cli.DONE
    assert out.count("asks (") == 2 and "since the last save: hits" in out and "(the same rows)" in out
    assert err.count("waiting for the next save") == 2 and "watched no longer" in err


def test_the_first_look_comes_before_the_others_have_voted(capsys, project):
    _, out, err = watched(capsys, project, [])
    assert out.count("asks (") == 1
    first, rest = out.split("near misses and conflicts follow when 2 other rules have voted on these rows")
    assert "of 30 rows" in first and "\nhits\n" in first and "vote too on" not in first
    assert "others vote too on" in rest
    assert err.index("the other rules vote on these rows") < err.index("waiting for the next save")
    _, out, err = watched(capsys, project, [])  # now their votes are kept
    assert "others  vote too on" in out and "follow when" not in out and "the other rules vote" not in err


def test_json_is_told_when_all_is_known(capsys, project):
    _, out, err = watched(capsys, project, [], "--json")
    assert json.loads(out)["others_known"] and "the other rules vote" not in err


def slow_rule(project, body):
    """Put a Python rule beside the others; its function reports each row to the list that is returned."""
    (pack(project).parent / "slow.py").write_text(
        f"import weaklabel as wl\n\n\n@wl.labeling_function(label='thanks')\ndef slow(row):\n{body}\n",
        encoding="utf-8",
    )


def one_by_one(monkeypatch):
    monkeypatch.setattr("weaklabel.explore.ballots.FIRST_ROWS", 1)
    monkeypatch.setattr("weaklabel.explore.ballots.SHORT", 0)  # parts do not grow
    monkeypatch.setattr("weaklabel.explore.ballots.LONG", 1e9)


def test_a_save_while_the_others_vote_ends_the_round(capsys, project, monkeypatch):
    one_by_one(monkeypatch)
    monkeypatch.setattr(lf_watch, "POLL_SECONDS", 0)
    path = pack(project)
    slow_rule(
        project,
        f"    with open({str(path)!r}, 'a', encoding='utf-8') as file:\n        file.write('# saved\\n')\n",
    )
    folder = path.parent

    def mend():
        (folder / "slow.py").unlink()

    code, out, err = watched(capsys, project, [mend])
    assert code == cli.DONE and out.count("asks (") == 2
    assert out.count("vote too on") == 1 and err.count("waiting for the next save") == 1
    assert "since the last save: hits" in out


def test_ctrl_c_in_the_first_round_ends_the_watch_and_keeps_the_votes(capsys, project, monkeypatch):
    one_by_one(monkeypatch)
    slow_rule(project, "    if row['text']:\n        raise KeyboardInterrupt")
    code, out, err = watched(capsys, project, [])
    assert code == cli.DONE and "asks (" in out and "watched no longer" in err
    assert (
        len(list((project / HOME / "cache" / "looks").glob("*.npy"))) == 2
    )  # the third is a Python rule too


def test_the_others_go_on_while_nothing_is_saved(capsys, project, monkeypatch):
    monkeypatch.setattr("weaklabel.explore.first.FEW_ROWS", 0)
    folder = project / HOME / "cache" / "looks"

    def asked():
        return [int((np.load(path) != -128).sum()) for path in folder.glob("*.npy")]

    seen = []
    watched(capsys, project, [lambda: seen.extend(asked()), lambda: None])
    assert min(seen) < 30 and len(seen) == 3  # the rows that matter
    assert asked() == [30, 30, 30]


def test_what_rules_print_meanwhile_is_no_result(capsys, project, monkeypatch):
    monkeypatch.setattr("weaklabel.explore.first.FEW_ROWS", 0)
    slow_rule(project, "    print('noise')\n    return False")
    _, out, err = watched(capsys, project, [lambda: None, lambda: None], "--json")
    assert json.loads(out)["rule"]["id"] == "asks" and "noise" in err


def test_on_a_terminal_the_first_look_comes_first(capsys, project, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _, out, _ = call(capsys, "lf", "try", "asks")
    assert out.index("asks (") < out.index("follow when") < out.index("vote too on")


def test_a_broken_save_is_told_and_does_not_end_the_watch(capsys, project):
    path = pack(project)
    text = path.read_text(encoding="utf-8")
    saves = [
        lambda: path.write_text("rules: [{", encoding="utf-8"),
        lambda: path.write_text(text, encoding="utf-8"),
    ]
    code, out, err = watched(capsys, project, saves)
    assert code == cli.DONE and "not valid YAML" in err and "Traceback" not in err
    assert out.count("asks (") == 2


def test_every_round_is_a_json_document(capsys, project):
    path = pack(project)
    text = path.read_text(encoding="utf-8")
    _, out, _ = watched(capsys, project, [lambda: path.write_text(text + "\n", encoding="utf-8")], "--json")
    decoder, found = json.JSONDecoder(), []
    rest = out.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].strip()
    assert len(found) == 2 and "change" not in found[0] and found[1]["change"]["gained"] == 0


def test_stamps_see_files_and_not_what_editors_leave(tmp_path):
    (tmp_path / "a.yaml").write_text("x")
    before = lf_watch.stamps(tmp_path)
    (tmp_path / ".a.yaml.swp").write_text("y")
    (tmp_path / "a.yaml~").write_text("y")
    assert lf_watch.stamps(tmp_path) == before
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "b.txt").write_text("z")
    assert lf_watch.stamps(tmp_path) != before
    assert lf_watch.stamps(tmp_path / "gone") == {}


def _rules(project):
    from weaklabel.config import load
    from weaklabel.pipeline import open_registry

    return open_registry(load(project), project)


# ---- lf report, lf errors, lf suggest ----


def test_a_report(capsys, project):
    code, out, _ = call(capsys, "lf", "report")
    page = project / HOME / "reports" / "rules-first.html"
    assert code == cli.DONE and str(page) in out.replace("\n", "")
    assert "asks" in out and "right by gold" in out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_report_elsewhere_and_without_contributions(capsys, project, tmp_path):
    code, out, _ = call(
        capsys, "lf", "report", "--json", "--no-contribution", "--html", str(tmp_path / "r.html")
    )
    found = json.loads(out)
    assert code == cli.DONE and found["page"] == str(tmp_path / "r.html") and (tmp_path / "r.html").exists()
    assert [line["contribution"] for line in found["rules"]] == [None] * 3


def test_errors_of_a_rule(capsys, project):
    code, out, _ = call(capsys, "lf", "errors", "grumbles", "--json")
    found = json.loads(out)
    assert code == cli.DONE and found["rule"]["id"] == "grumbles"
    assert found["by_gold"] == len([row for row in found["rows"] if row["by"] == "gold"])
    assert call(capsys, "lf", "errors")[0] == cli.USAGE
    assert call(capsys, "lf", "errors", "a", "b")[0] == cli.USAGE
    assert call(capsys, "lf", "errors", "grumbles", "--threshold", "2")[0] == cli.USAGE
    assert call(capsys, "lf", "errors", "grumble")[0] == cli.INPUT


def test_suggestions(capsys, project):
    code, out, _ = call(capsys, "lf", "suggest", "--json")
    found = json.loads(out)
    assert code == (cli.DONE if found["found"] else cli.NOTHING)
    assert found["known"] <= 30 and found["tried"] > 0
    assert call(capsys, "lf", "suggest", "--label", "nope")[0] == cli.INPUT
    assert call(capsys, "lf", "suggest")[0] in (cli.DONE, cli.NOTHING)


@pytest.mark.parametrize("verb", lf_explore.VERBS)
def test_help_has_an_example(capsys, project, verb):
    code, out, _ = call(capsys, *verb.split(), "--help")
    assert code == 0 and f"weaklabel {verb}" in out.split("example:")[1]


# ---- lf bins ----


@pytest.fixture
def numbered(project):
    """The first task's corpus with a number that tells complaints from the rest, and gold for all 120 rows."""
    rows = [json.dumps({"id": f"n{i}", "text": "x", "p": i / 120}) for i in range(120)]
    labels = [f"n{i},{'complaint' if i >= 60 else 'thanks'}" for i in range(120)]
    sample = next((project / "labeling_functions").rglob("sample"))
    (sample / "notes.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (sample / "gold.csv").write_text("id,label\n" + "\n".join(labels) + "\n", encoding="utf-8")
    return project


def test_bins(capsys, numbered, tmp_path):
    code, out, _ = call(capsys, "lf", "bins", "p", "--most", "2", "--precision", "0.8")
    assert code == cli.DONE
    assert "2 bins of p tried on 120 gold rows" in out
    assert (
        "below 0.5" in out
        and "0.5 and above" in out
        and "      - {label: complaint, from: 0.5}    # right on 60 of 60" in out
    )
    assert "! no part of the gold is kept for calibration" in out and "they can't judge the rule" in out


def test_bins_use_the_gold_that_is_kept_for_calibration(capsys, numbered):
    words = ["p", "task.gold.calibrate=0.5", "--json"]
    found = json.loads(call(capsys, "lf", "bins", *words)[1])
    assert 40 < found["known"] < 80
    assert not any("no part of the gold" in note for note in found["notes"])
    path = next((numbered / "labeling_functions").rglob("gold.csv"))
    lines = path.read_text(encoding="utf-8").splitlines()
    parts = [
        lines[0] + ",part",
        *(f"{line},{'fit' if i % 3 else 'judge'}" for i, line in enumerate(lines[1:])),
    ]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    words = ["p", "task.gold.calibrate=\"part = 'fit'\"", "--most", "2", "--precision", "0.7", "--json"]
    code, out, _ = call(capsys, "lf", "bins", *words)
    found = json.loads(out)
    assert (code, found["known"]) == (cli.DONE, 80)
    assert [one["precision"]["n"] for one in found["found"]] == [40, 40]


def test_bins_open_no_gold_that_is_held_out(capsys, numbered):
    code, out, _ = call(capsys, "lf", "bins", "p", "task.gold.held_out=true", "--json")
    found = json.loads(out)
    assert (code, found["known"], found["found"]) == (cli.NOTHING, 0, [])
    assert found["notes"] == ["gold is held out (task.gold.held_out): it judges no rule here"]


def test_what_bins_can_not_be_of(capsys, numbered):
    assert call(capsys, "lf", "bins")[0] == cli.USAGE
    assert call(capsys, "lf", "bins", "p", "--most", "0")[0] == cli.USAGE
    code, out, err = call(capsys, "lf", "bins", "q")
    assert (code, out) == (cli.INPUT, "") and "no column or feature 'q' of numbers" in err


def test_a_rule_that_fails_at_first_is_watched_too(capsys, project):
    path = pack(project)
    text = path.read_text(encoding="utf-8")
    broken = text.replace("name: asks\n", "name: asks\n    field: txt\n")
    assert broken != text
    path.write_text(broken, encoding="utf-8")
    mend = [lambda: path.write_text(text, encoding="utf-8")]
    code, out, err = watched(capsys, project, mend)
    assert code == cli.DONE and out.startswith("asks (")
    assert "column 'txt', which is not there" in err and err.count("waiting for the next save") == 2
