"""Compiled scans on disk."""

import logging

import numpy as np
import polars as pl
import pytest

import weaklabel as wl
from batches import asked
from weaklabel.apply import scan as scans
from weaklabel.apply import scan_cache
from weaklabel.apply.characters import known
from weaklabel.apply.scan import compile_scan

SCHEMA = wl.LabelSchema(["x", "y"])
RULES = (
    wl.keywords("k", ["free", "Money back"], label="x", case="sensitive"),
    wl.lookup("l", {"free": "x", "call": "y"}),
    wl.regex("start", r"\bfre+\b", label="y", case="ignore"),
    wl.regex("whole", r"\w\w+ing\b", label="y"),
    wl.regex("asked", r"(call).*\1", label="y"),
    wl.regex("other", r"(\w)\1", label="y"),
)
TEXTS = pl.Series(["free Money  back", "FREEE calling", "ſ call", None, "", "call me, call", "é free"])


def votes_of(cache=None, rules=RULES, schema=SCHEMA):
    scan, rest = compile_scan(rules, schema, cache=cache)
    return {name: votes.tolist() for name, votes in scan.run(*asked(TEXTS)).items()}, rest


def test_a_kept_scan_votes_as_a_new_one_and_is_not_compiled_again(tmp_path, monkeypatch):
    fresh = votes_of()
    assert fresh[0]["whole"] == [-1, 1, -1, -1, -1, -1, -1]
    assert fresh[1] == RULES[-1:]
    assert votes_of(tmp_path / "new") == fresh
    monkeypatch.setattr(scans, "_compile", lambda *_: pytest.fail("compiled again"))
    assert votes_of(tmp_path / "new") == fresh


def test_other_rules_labels_or_limits_are_other_files(tmp_path, monkeypatch):
    votes_of(tmp_path)
    assert votes_of(tmp_path, RULES[:1])[0] == {"k": [0, -1, -1, -1, -1, -1, 0]}
    assert votes_of(tmp_path, RULES[:1], wl.LabelSchema(["y", "x"]))[0] == {"k": [1, -1, -1, -1, -1, -1, 1]}
    monkeypatch.setattr(scans, "MOST_BYTES", 20)
    votes_of(tmp_path)
    assert len(list(tmp_path.glob("scan-*"))) == 4


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_a_damaged_file_is_said_and_made_anew(tmp_path, caplog, damage):
    fresh = votes_of(tmp_path)
    [path] = tmp_path.glob("scan-*")
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + b"\xff" * 40 + whole[half + 40 :] if damage is None else damage)
    with caplog.at_level(logging.WARNING, "weaklabel.apply"):
        assert votes_of(tmp_path) == fresh
    assert f"rules are compiled anew: can't read {path}" in caplog.text
    caplog.clear()
    assert votes_of(tmp_path) == fresh
    assert caplog.text == ""


def test_a_file_that_lacks_an_array_is_made_anew(tmp_path, caplog):
    fresh = votes_of(tmp_path)
    [path] = tmp_path.glob("scan-*")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "codes"}
    np.savez(path, **arrays)
    assert votes_of(tmp_path) == fresh
    assert "can't read" in caplog.text


def test_a_folder_that_can_not_be_written_costs_time_not_the_answer(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    assert votes_of(tmp_path / "file") == votes_of()
    assert "compiled rules can't be kept" in caplog.text


def test_the_oldest_files_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(scan_cache, "_MOST_FILES", 2)
    for word in ("a", "b", "c", "d"):
        votes_of(tmp_path, [wl.keywords("k", [word], label="x")])
    assert len(list(tmp_path.glob("scan-*"))) == 2


def test_the_applier_keeps_scans_where_it_is_told_to(tmp_path):
    registry = wl.LFRegistry(RULES, schema=SCHEMA)
    frame = pl.DataFrame({"id": list("abcdefg"), "text": TEXTS})
    kept = wl.LFApplier(registry, cache=tmp_path / "c").apply(frame, id="id").to_numpy()
    assert (kept == wl.LFApplier(registry).apply(frame, id="id").to_numpy()).all()
    names = sorted(path.name.partition("-")[0] + path.suffix for path in (tmp_path / "c").iterdir())
    assert names == ["characters.npz", "scan.npz"]


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_what_is_known_of_characters_is_kept_and_made_anew_where_it_is_damaged(tmp_path, caplog, damage):
    scan_cache.kept_characters.cache_clear()
    fresh = votes_of()
    assert votes_of(tmp_path) == fresh
    [path] = tmp_path.glob("characters-*")
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + b"\xff" * 40 + whole[half + 40 :] if damage is None else damage)
    scan_cache.kept_characters.cache_clear()
    with caplog.at_level(logging.WARNING, "weaklabel.apply"):
        assert votes_of(tmp_path) == fresh
    assert f"can't read {path}" in caplog.text
    scan_cache.kept_characters.cache_clear()
    kept = scan_cache.kept_characters(tmp_path)
    assert all((own == other).all() for own, other in zip(kept, known(), strict=True))
    np.savez(path, marks=kept.marks)
    scan_cache.kept_characters.cache_clear()
    assert (scan_cache.kept_characters(tmp_path).folds == kept.folds).all()
