"""`weaklabel guideline …`: a guideline checked, built from shown gold, compared with its last version, added to."""

import json

import polars as pl
import pytest

from weaklabel import cli
from weaklabel.config import load
from weaklabel.pipeline.desk.room import open_desk
from weaklabel.templates import write_project

GUIDE = """# Notes at the desk

Version 1.

## question

Wants to know something.

## complaint

Something is wrong.

## thanks

Says that something was good.

## Ambiguous cases

- "Hm." -> `complaint`. Reason: nobody says so when all is well.
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    monkeypatch.chdir(folder)
    (folder / "guide.md").write_bytes(GUIDE.encode())
    with (folder / "conf" / "task" / "first.yaml").open("a") as conf:
        conf.write("guideline: guide.md\n")
    with (folder / "conf" / "config.yaml").open("a") as conf:
        conf.write("gold:\n  people: {ann: 1, bob: 1, cid: 1}\n")
    return folder


def call(capsys, *words):
    code = cli.main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def desk(project):
    return open_desk(load(project), project)


def add_gold(project, items, labels, role="shown"):
    gold = pl.DataFrame({"item": items, "labels": [[label] for label in labels]})
    desk(project).add_gold(gold.with_columns(role=pl.lit(role), origin=pl.lit("expert")))


def answer(project, items, labels, version, annotator="ann"):
    frame = pl.DataFrame({"item": items, "labels": [[label] for label in labels]})
    frame = frame.with_columns(
        annotator=pl.lit(annotator), kind=pl.lit("label"), guideline=pl.lit(version, dtype=pl.String)
    )
    desk(project).room.add(frame)


def edit(project, old, new):
    text = (project / "guide.md").read_bytes().decode()
    assert old in text
    (project / "guide.md").write_bytes(text.replace(old, new).encode())


def version(project, capsys):
    return json.loads(call(capsys, "guideline", "check", "--json")[1])["version"]


def rows(project, kind):
    return desk(project).room.ledger.records(kind)


# ---- check ----


def test_check_tells_sections_version_and_the_rules_that_follow(project, capsys):
    code, out, _ = call(capsys, "guideline", "check", "--json")
    found = json.loads(out)
    assert code == cli.DONE
    assert found["version"].startswith("1-") and found["notes"] == []
    sections = {s["section"]: s for s in found["sections"]}
    assert sections["complaint"] == {
        "section": "complaint",
        "line": 9,
        "kind": "label",
        "label": "complaint",
        "examples": 0,
        "rules": ["grumbles"],
    }
    assert sections["ambiguous-cases"]["kind"] == "cases"
    code, out, _ = call(capsys, "guideline", "check")
    assert code == cli.DONE and "guide.md: version 1-" in out and "grumbles" in out


def test_check_names_faults_with_their_lines(project, capsys):
    edit(project, "## thanks", "## thansk")
    code, out, err = call(capsys, "guideline", "check")
    assert (code, out) == (cli.INPUT, "")
    assert "the heading 'thansk' names no label" in err and "guide.md:13" in err
    assert "did you mean 'thanks'" in err


def test_check_notes_what_is_missing(project, capsys):
    edit(project, "Version 1.\n\n", "")
    edit(project, "Something is wrong.\n", "")
    with (project / "guide.md").open("a") as guide:
        guide.write("\n## Change log\n\n- 2026-11-21, version 1, refunds: first words\n")
    _, out, _ = call(capsys, "guideline", "check", "--json")
    assert json.loads(out)["notes"] == [
        "it has no version: write a line `Version 1.` above the labels",
        "nothing is written on complaint",
        "line 20: the change log names a section 'refunds' that is not there (any more)",
    ]


def test_a_rule_that_names_no_section_is_an_error(project, capsys):
    pack = project / "labeling_functions" / "first" / "extra.yaml"
    pack.write_text(
        "rules:\n  - name: queue\n    kind: keywords\n    terms: [queue]\n    label: complaint\n"
        "    tags: ['guideline:complaints']\n"
    )
    code, _, err = call(capsys, "guideline", "check")
    assert code == cli.INPUT and "tag 'guideline:complaints' names no section of guide.md" in err


def test_a_task_without_a_guideline_says_how_to_name_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(write_project(tmp_path / "bare"))
    for verb in (["check"], ["build"], ["diff"]):
        code, _, err = call(capsys, "guideline", *verb)
        assert code == cli.INPUT and "task.guideline is not set" in err
        assert "guideline: labeling_functions/first/guideline.md" in err
    assert not (tmp_path / "bare" / ".weaklabel").exists()


# ---- build ----


def test_build_shows_first_and_writes_when_told(project, capsys):
    add_gold(project, ["n01", "n02"], ["question", "complaint"])
    code, out, err = call(capsys, "guideline", "build")
    assert code == cli.DONE and "nothing was written: say --write" in err
    assert '+- "Do you have large-print crime novels?"' in out.splitlines()
    assert (project / "guide.md").read_text() == GUIDE and not rows(project, "guideline").height
    code, out, _ = call(capsys, "guideline", "build", "--write")
    text = (project / "guide.md").read_text()
    assert code == cli.DONE and "is recorded" in out
    assert '<!-- examples: question -->\n- "Do you have large-print crime novels?"\n<!-- end -->' in text
    kept = rows(project, "guideline")
    assert kept["text"].to_list() == [text] and kept["version"].to_list() == [version(project, capsys)]
    code, out, _ = call(capsys, "guideline", "build", "--write")
    assert code == cli.NOTHING and "was recorded already" in out
    assert rows(project, "guideline").height == 1


def test_build_takes_gold_of_the_role_shown_alone(project, capsys):
    add_gold(project, ["n01"], ["question"])
    add_gold(project, ["n02"], ["complaint"], role="check")
    _, out, _ = call(capsys, "guideline", "build")
    assert "large-print" in out and "heating" not in out


def test_build_keeps_line_ends_and_prints_no_personal_data(project, capsys):
    (project / "guide.md").write_bytes(GUIDE.replace("\n", "\r\n").encode())
    notes = project / "labeling_functions" / "first" / "sample" / "notes.jsonl"
    with notes.open("a") as more:
        more.write('{"id": "n99", "text": "Write to ann.b@example.org, please?"}\n')
    add_gold(project, ["n99"], ["question"])
    assert call(capsys, "guideline", "build", "--write")[0] == cli.DONE
    written = (project / "guide.md").read_bytes()
    assert written.count(b"\n") == written.count(b"\r\n") > GUIDE.count("\n")
    assert b"Write to " in written and b"EMAIL-" in written and b"example.org" not in written
    assert "example.org" not in rows(project, "guideline")["text"][0]


def test_build_does_not_record_a_change_of_meaning_unseen(project, capsys):
    call(capsys, "guideline", "diff", "--record")
    add_gold(project, ["n01"], ["question"])
    edit(project, "Something is wrong.", "Something is wrong, or a `question` that is angry.")
    edit(project, "Version 1.", "Version 2.")
    code, out, _ = call(capsys, "guideline", "build", "--write")
    assert code == cli.DONE and "is not recorded: its text changed since 1-" in out
    assert rows(project, "guideline").height == 1


# ---- diff ----


def test_diff_without_a_recorded_version(project, capsys):
    code, out, _ = call(capsys, "guideline", "diff")
    assert code == cli.NOTHING and "no version is recorded yet" in out
    code, out, _ = call(capsys, "guideline", "diff", "--record")
    assert code == cli.DONE and "the first version" in out
    code, out, _ = call(capsys, "guideline", "diff")
    assert code == cli.NOTHING and "no section changed since 1-" in out


def changed(project, capsys, entry=""):
    """Record version 1, label under it, and change what a complaint is."""
    call(capsys, "guideline", "diff", "--record")
    first = version(project, capsys)
    add_gold(project, ["n05", "n03"], ["complaint", "thanks"], role="check")
    answer(project, ["n01", "n02", "n05"], ["question", "complaint", "complaint"], first)
    edit(project, "Something is wrong.", "Something is wrong and can be mended.")
    edit(project, "Version 1.", "Version 2.")
    with (project / "guide.md").open("a") as guide:
        guide.write(
            f"\n## Change log\n\n- 2026-11-21, version 2, complaint: {entry or 'what the desk can do'}\n"
        )
    return first


def test_diff_lists_what_was_made_under_the_old_text(project, capsys):
    first = changed(project, capsys)
    code, out, _ = call(capsys, "guideline", "diff", "--json")
    found = json.loads(out)
    assert code == cli.DONE and found["old"] == first and found["notes"] == []
    [change] = found["changes"]
    assert (change["section"], change["kind"], change["labels"]) == ("complaint", "changed", ["complaint"])
    assert change["text"] == ["- Something is wrong.", "+ Something is wrong and can be mended."]
    assert (found["answers"], found["gold"]) == (2, ["n05"])  # n02 and n05 were called complaints
    assert [rule["rule"] for rule in found["rules"]] == ["grumbles"]
    why = f"the guideline changed in complaint since {first}"
    assert found["queue"] == [
        {"item": "n05", "batch": None, "why": why},
        {"item": "n02", "batch": None, "why": why},
    ]
    assert not rows(project, "queue").height
    _, out, _ = call(capsys, "guideline", "diff")
    assert "made under the old text: 2 answers, 1 gold item, 1 rule" in out
    assert "2 items to be looked at again: say --record" in out
    assert "  rule grumbles (labeling_functions/first/rules.py:" in out


def test_diff_record_queues_once(project, capsys):
    changed(project, capsys)
    code, out, _ = call(capsys, "guideline", "diff", "--record")
    assert code == cli.DONE and "2 items put in the experts' queue" in out
    assert desk(project).room.queue()["item"].to_list() == ["n02", "n05"]
    assert rows(project, "guideline")["label"].to_list() == ["1", "2"]
    code, _, _ = call(capsys, "guideline", "diff", "--record")
    assert code == cli.NOTHING
    assert rows(project, "guideline").height == 2 and rows(project, "queue").height == 2


def test_what_waits_already_is_not_queued_twice(project, capsys):
    changed(project, capsys)
    waiting = pl.DataFrame({"item": ["n02"], "why": ["a tie"], "state": ["open"]})
    desk(project).room.ledger.record("queue", waiting, task="first")
    call(capsys, "guideline", "diff", "--record")
    assert rows(project, "queue").select("item", "why").rows()[0] == ("n02", "a tie")
    assert rows(project, "queue")["item"].to_list() == ["n02", "n05"]


def test_an_editorial_change_queues_nothing_and_is_recorded(project, capsys):
    changed(project, capsys, entry="said better (editorial)")
    code, out, _ = call(capsys, "guideline", "diff", "--record")
    assert code == cli.DONE and "(editorial)" in out and "0 items" in out
    assert rows(project, "guideline")["editorial"].to_list() == [[], ["complaint"]]
    assert not rows(project, "queue").height


def test_answers_made_under_the_new_text_are_left_alone(project, capsys):
    changed(project, capsys)
    answer(project, ["n07"], ["complaint"], version(project, capsys))
    _, out, _ = call(capsys, "guideline", "diff", "--json")
    assert json.loads(out)["answers"] == 2


def test_diff_against_a_file(project, capsys):
    (project / "other.md").write_text(GUIDE.replace("was good", "was fine"))
    code, out, _ = call(capsys, "guideline", "diff", "--against", "other.md")
    assert code == cli.DONE and "thanks (line 13): changed; concerns 'thanks'" in out
    assert "! the text changed and the version is still 1: raise it" in out
    code, _, err = call(capsys, "guideline", "diff", "--against", "none.md")
    assert code == cli.INPUT and "can't read the guideline" in err


# ---- add-case ----


def test_add_case_writes_the_text_of_the_corpus(project, capsys):
    answer(project, ["n05"], ["question"], None)
    code, out, _ = call(
        capsys, "guideline", "add-case", "--id", "n05", "--label", "complaint",
        "--reason", "dirt is no question", "--section", "ambiguous-cases", "--by", "eve",
    )  # fmt: skip
    assert code == cli.DONE and "version 2-" in out
    text = (project / "guide.md").read_text()
    assert (
        '- "Toilets on floor 2 are dirty. Second time this week." -> `complaint`, not `question`. '
        "Reason: dirt is no question (" in text
    )
    assert "Version 2." in text and ", eve)" in text and "## Change log" in text


def test_add_case_refuses_an_item_that_people_are_tested_with(project, capsys):
    add_gold(project, ["n05"], ["complaint"], role="check")
    words = ["--label", "complaint", "--reason", "x"]
    code, _, err = call(capsys, "guideline", "add-case", "--id", "n05", *words)
    assert code == cli.INPUT and "item 'n05' is gold of role check: people are tested with it" in err
    code, _, err = call(capsys, "guideline", "add-case", "--id", "n0", *words)
    assert code == cli.INPUT and "1 of 1 items are not in the corpus: 'n0'" in err
    code, _, err = call(capsys, "guideline", "add-case", "--id", "n06", "--label", "praise", "--reason", "x")
    assert code == cli.INPUT and "praise" in err
    assert (project / "guide.md").read_text() == GUIDE
