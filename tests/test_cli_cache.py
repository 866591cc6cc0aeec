"""`weaklabel cache show | prune`: what is kept, by the names of rules, and what is freed."""

import json
import os
import time

import numpy as np
import pytest

from weaklabel import cli
from weaklabel.config import load
from weaklabel.pipeline import open_registry
from weaklabel.pipeline.relabeling.cached_votes import known_rules, open_votes
from weaklabel.store.vote_keys import vote_keys
from weaklabel.templates import write_project

SHARD, OTHER = "ab" + "0" * 30, "cd" + "0" * 30
GONE = "f" * 32


def call(capsys, *words):
    code = cli.main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def keys(project):
    return vote_keys(open_registry(load(project), project))


@pytest.fixture
def store(project, keys):
    votes = open_votes(project)
    half = np.where(np.arange(4000) % 40 == 0, 1, -1).astype(np.int8)
    votes.put(SHARD, {keys["asks"]: half, keys["grumbles"]: half})
    votes.put(OTHER, {keys["asks"]: half[:1000], GONE: half[:1000]})
    return votes


def unused(store, days):
    for path in store.folder.rglob("*.votes"):
        os.utime(path, (time.time() - 86_400 * days,) * 2)


# ---- show ----


def test_show_names_the_rules_of_the_project(capsys, store):
    code, out, err = call(capsys, "cache", "show")
    lines = out.splitlines()
    assert (code, err) == (cli.DONE, "")
    assert "votes on 2 shards in 2 files in" in out and str(store.folder) in out
    header, *rows = (line.split() for line in lines[2:])
    assert header == ["task", "rule", "shards", "rows", "size", "last", "used", "(UTC)"]
    assert [row[:6] for row in rows[:2]] == [
        ["first", "grumbles", "1", "4,000", "101", "B"],
        ["first", "asks", "2", "5,000", "127", "B"],
    ]
    assert lines[-1].split()[:7] == ["(1", "rule", "changed", "or", "gone)", "1", "1,000"]


def test_show_as_json(capsys, store, keys):
    code, out, _ = call(capsys, "cache", "show", "--json")
    shown = json.loads(out)
    assert code == cli.DONE
    assert (shown["shards"], shown["files"], shown["bytes"], shown["notes"]) == (2, 2, store.size(), [])
    assert [(rule["task"], rule["rule"], rule["key"]) for rule in shown["rules"]] == [
        ("first", "grumbles", keys["grumbles"]),
        ("first", "asks", keys["asks"]),
        (None, None, GONE),
    ]
    assert shown["rules"][1]["last_used"].endswith("+00:00")


def test_an_empty_store(capsys, project):
    code, out, _ = call(capsys, "cache", "show")
    assert (code, out) == (cli.DONE, f"no votes are kept in {project / '.weaklabel' / 'votes'}\n")
    code, out, _ = call(capsys, "cache", "prune", "--all")
    assert (code, out) == (cli.NOTHING, "nothing to remove; 0 B of votes are kept\n")


def test_a_task_whose_rules_are_broken_is_told_and_the_others_are_named(capsys, project, store):
    (project / "conf/task/second.yaml").write_text("name: second\nrules: nowhere\n")
    code, out, err = call(capsys, "cache", "show")
    assert code == cli.DONE
    assert "grumbles" in out
    assert err == (
        "note: the rules of task second can't be read, so their votes are not named: "
        "task.rules: there is no folder 'nowhere'\n"
    )
    _, out, err = call(capsys, "cache", "show", "task=first")
    assert "grumbles" in out and err == ""


def test_a_misspelt_setting_is_told(capsys, store):
    code, _, err = call(capsys, "cache", "show", "task.treshold=1", "task=first")
    assert code == cli.INPUT
    assert "treshold" in err and "did you mean 'threshold'" in err


def test_the_rules_of_all_tasks_are_known(project):
    (project / "conf/task/second.yaml").write_text((project / "conf/task/first.yaml").read_text())
    rules, notes = known_rules(project)
    assert len(rules) == 6 and notes == []
    assert len(known_rules(project, ["task=second"])[0]) == 3


# ---- prune ----


def test_prune_to_a_size_removes_what_was_least_recently_used(capsys, store):
    path = next((store.folder / SHARD[:2]).rglob("*.votes"))
    size = path.stat().st_size
    os.utime(path, (time.time() - 7200,) * 2)
    code, out, _ = call(capsys, "cache", "prune", "--to", "450B")
    assert code == cli.DONE
    assert out == f"{size} B freed: 2 columns of votes in 1 file; {store.size()} B left\n"
    assert (len(store.held(SHARD)), len(store.held(OTHER))) == (0, 2)
    assert call(capsys, "cache", "prune", "--to", "1.5 GiB")[0] == cli.NOTHING


def test_prune_without_a_word_keeps_what_the_settings_allow(capsys, store):
    assert call(capsys, "cache", "prune")[0] == cli.NOTHING
    code, out, _ = call(capsys, "cache", "prune", "relabel.cache=0.0000001", "--json")
    assert code == cli.DONE
    freed = json.loads(out)
    assert (freed["freed"]["files"], freed["freed"]["columns"], freed["left"]) == (2, 4, 0)


def test_prune_what_was_not_used(capsys, store):
    unused(store, 10)
    store.get(SHARD, list(store.held(SHARD)))
    assert call(capsys, "cache", "prune", "--unused-for", "30d")[0] == cli.NOTHING
    code, out, _ = call(capsys, "cache", "prune", "--unused-for", "1w")
    assert code == cli.DONE and "2 columns of votes in 1 file" in out
    assert (len(store.held(SHARD)), len(store.held(OTHER))) == (2, 0)


def test_prune_one_rule(capsys, store, keys):
    code, out, _ = call(capsys, "cache", "prune", "--rule", "asks")
    assert code == cli.DONE and "2 columns of votes in 2 files" in out
    assert (store.held(SHARD), store.held(OTHER)) == ({keys["grumbles"]}, {GONE})
    assert call(capsys, "cache", "prune", "--rule", "asks")[0] == cli.NOTHING


def test_prune_a_rule_that_is_not_there(capsys, store):
    code, _, err = call(capsys, "cache", "prune", "--rule", "askes")
    assert code == cli.INPUT
    assert "no rule 'askes'" in err and "did you mean 'asks'?" in err
    assert store.show().files == 2


def test_prune_all(capsys, store):
    code, out, _ = call(capsys, "cache", "prune", "--all")
    assert code == cli.DONE and out.endswith("4 columns of votes in 2 files; 0 B left\n")
    assert store.show().files == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "much"], "'much' is no size; write 500MB or 5GB"),
        (["--to", "5 parsecs"], "'5 parsecs' is no size"),
        (["--unused-for", "30"], "'30' is no length of time; write 12h, 30d or 4w"),
        (["--all", "--to", "5GB"], "not allowed with argument --all"),
    ],
)
def test_usage(capsys, store, words, message):
    code, _, err = call(capsys, "cache", "prune", *words)
    assert code == cli.USAGE and message in err
    assert store.show().files == 2
