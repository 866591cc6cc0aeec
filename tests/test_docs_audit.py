"""The walk through docs/audit.md: every command in it runs, on the support sample, with people who answer by gold."""

import json
import re
import shlex
import shutil
from pathlib import Path

import polars as pl
import pytest

from audit_project import answer
from weaklabel.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PEOPLE = "\ngold:\n  people: {ann: 1, bob: 1, cid: 1}\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk") / "desk"
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copytree(ROOT / "labeling_functions" / "support", folder / "labeling_functions" / "support")
    config = folder / "conf" / "config.yaml"
    config.write_text(config.read_text() + PEOPLE)
    return folder


def test_every_command_runs_and_a_mended_rule_ends_the_certificate(desk, monkeypatch, capsys):
    monkeypatch.chdir(desk)
    gold = dict(pl.read_csv("labeling_functions/support/sample/gold.csv").iter_rows())
    said = {}
    for block in BLOCKS:
        for line in block.splitlines():
            words = shlex.split(line)
            assert words[0] == "weaklabel", line
            if "--read" in words:
                table = pl.read_csv("again.csv", infer_schema=False)
                labels = [gold[item] for item in table["item"]]
                table.with_columns(label=pl.Series(labels)).write_csv("again.csv")
            code = main(words[1:])
            out, err = capsys.readouterr()
            assert code == 0, (line, err)
            said[" ".join(words[1:4])] = out
            if words[1:3] == ["batch", "export"]:
                answer(words[5], gold)
    assert "against adjudicated gold" in said["audit show may"]
    assert "of 30 rows" in said["audit again may"]
    made = json.loads(Path(".weaklabel/audits/safe/certificate.json").read_text())["certificates"][0]
    rows = pl.read_parquet(".weaklabel/audits/safe/accepted.parquet").filter("accepted")
    labels = dict(
        pl.read_parquet(".weaklabel/audits/safe/population.parquet").select("id", "label").iter_rows()
    )
    assert rows.height == made["accepted"] > 0
    assert sum(labels[id] != gold[id] for id in rows["id"]) <= made["wrong_at_most"]
    assert "closed" in said["audit status task=support"]
    # a rule is retired and the others are run: the certificate says what has changed
    pack = Path("labeling_functions/support/account.yaml")
    text = pack.read_text(encoding="utf-8")
    mended = text.replace("  - name: log_in\n", "  - name: log_in\n    state: retired\n")
    assert mended != text
    pack.write_text(mended, encoding="utf-8")
    main(["run", "task=support", "plots=false"])
    capsys.readouterr()
    code = main(["audit", "verify", "safe", "task=support"])
    out, _ = capsys.readouterr()
    assert code == 4 and "rules was" in out and "have another label" in out
