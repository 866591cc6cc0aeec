"""The walk through docs/relabel.md: every command in it runs, on the support sample, with people who answer by gold."""

import copy
import functools
import json
import re
import shlex
import shutil
from pathlib import Path

import polars as pl
import pytest

from audit_project import answer
from weaklabel import config
from weaklabel.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "relabel.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FIRST, *CERTIFICATE, COMPLAINT, MENDED, CLOSED, BACK = BLOCKS
WORDS = "update, updates, updated, updating, "
PEOPLE = "\ntracking: {name: none}\ngold:\n  people: {ann: 1, bob: 1, cid: 1}\n"


def make_desk(folder):
    """Write a project with the support sample and three people; return who is right."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copytree(ROOT / "labeling_functions" / "support", folder / "labeling_functions" / "support")
    config = folder / "conf" / "config.yaml"
    config.write_text(config.read_text() + PEOPLE)
    gold = folder / "labeling_functions" / "support" / "sample" / "gold.csv"
    return dict(pl.read_csv(gold).iter_rows())


def commands(block):
    """Yield the words of each command of a block, and the exit code that its comment states."""
    for line in block.splitlines():
        stated = re.search(r"#.*exit code (\d)", line)
        words = shlex.split(line, comments=True)
        assert words[0] == "weaklabel", line
        yield words[1:], int(stated[1]) if stated else 0


def compose_once(monkeypatch):
    """Compose the settings of the same words once: nothing in the walk changes conf/, and composing takes a while."""
    compose = functools.cache(config.load)

    def load(project, overrides=(), *, without=()):
        return copy.deepcopy(compose(project, tuple(overrides), without=tuple(without)))

    monkeypatch.setattr(config, "load", load)


@pytest.mark.snorkel  # two rules of the sample are written for it
def test_every_command_runs_and_what_the_page_says_of_it_is_so(tmp_path, monkeypatch, capsys):
    gold = make_desk(tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    compose_once(monkeypatch)

    def go(*blocks):
        """Run blocks; return what each command printed."""
        said = []
        for words, code in (one for block in blocks for one in commands(block)):
            found = main(words)
            out, err = capsys.readouterr()
            assert found == code, (words, out, err)
            said.append(" ".join(out.split()))
            if words[:2] == ["batch", "export"]:
                answer(words[4], gold)
        return said

    def change(old, new):
        pack = Path("labeling_functions/support/technical.yaml")
        text = pack.read_text(encoding="utf-8")
        assert old in text
        pack.write_text(text.replace(old, new), encoding="utf-8")

    plan, made, again, log = go(FIRST)
    assert "0 of 60 columns are there" in plan and "version 0 of" in made
    assert again.startswith("nothing to do: version 0") and "relabel 660" in log
    assert "version 1 of the label table carries this certificate" in go(*CERTIFICATE)[-1]
    why, recalled = go(COMPLAINT)
    assert "no updates since friday" in why and "app_words: technical" in why
    assert "59 other rules abstained" in why
    rows = pl.read_csv("out/rows.csv")
    assert f"it voted on {rows.height} rows" in recalled and "s0094" in rows["id"]
    kept = rows.filter(~pl.col("changes"))
    assert kept.height and kept["label"].equals(
        kept["label_without"]
    )  # a certificate is no change by the rule
    change(WORDS, "")
    _, plan, made, diff, why, verified = go(MENDED)
    assert "59 of 60 columns are there, 1 are computed" in plan
    assert "version 2 of" in made and "1 columns computed, 59 reused" in made
    assert "app_words (vote)" in diff and "<html" in Path("out/diff.html").read_text(encoding="utf-8")
    assert "no label (uncovered), in version 2" in why and "v0" in why and "v1" in why
    assert "the rules have been changed since version 0" in verified
    (closed,) = go(CLOSED)
    assert closed == "audit safe is closed"
    second = [block.replace("safe", "safer").replace("--version 0", "--version 2") for block in CERTIFICATE]
    assert "version 3 of the label table carries this certificate" in go(*second)[-1]
    change("version, settings", f"{WORDS}version, settings")
    restored, nothing, verified, log, would, _ = go(BACK)
    assert restored.startswith("version 4 holds the labels of version 1") and nothing == ""
    assert "the certificate of audit safe holds" in verified and "restored: 1" in log
    assert "versions 0, 2 to 3 could not be read any more; version 4 stands" in would
    made = json.loads(Path(".weaklabel/audits/safe/certificate.json").read_text())["certificates"][0]
    labels = pl.scan_delta(".weaklabel/labels/support").filter(status="labeled").collect()
    wrong = sum(gold[id] != label for id, label in labels.select("id", "label").iter_rows())
    assert labels.height == made["accepted"] and wrong <= made["wrong_at_most"]
