"""The cache of tokenised documents: right or not used, whole or not there."""

import errno
import logging

import numpy as np
import polars as pl
import pytest

import weaklabel as wl
from weaklabel.apply import spacy_docs
from weaklabel.apply.spacy_docs import DocCache, DocReader, pipeline_key

spacy = pytest.importorskip("spacy", reason="spaCy is not installed")

SCHEMA = wl.LabelSchema(["ham", "spam"])
TEXTS = ["Money back, gonna pay $5!", "", "money\r\nback 👍", "nothing.", "Money back, gonna pay $5!", None]
MONEY = [[{"LOWER": "money"}, {"IS_SPACE": True, "OP": "?"}, {"LOWER": "back"}]]
ANY = [[{"IS_ALPHA": True}, {"SPACY": False}]]


def applier(folder, **rules):
    rules = [
        wl.spacy_pattern(name, own, label="spam")
        for name, own in (rules or {"money": MONEY, "any": ANY}).items()
    ]
    return wl.LFApplier(wl.LFRegistry(rules, schema=SCHEMA), cache=folder)


def votes(folder, texts=TEXTS, **rules):
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    return applier(folder, **rules).apply(frame).to_numpy().tolist()


EXPECTED = [[1, 1], [-1, -1], [1, 1], [-1, 1], [1, 1], [-1, -1]]


def entries(folder):
    return sorted(folder.rglob("*.docs"))


@pytest.fixture
def cuts(monkeypatch):
    """Texts that were cut into tokens."""
    cut = []
    pipe = DocReader._pipe

    def noted(self, texts):
        cut.extend(texts)
        return pipe(self, texts)

    monkeypatch.setattr(DocReader, "_pipe", noted)
    return cut


def test_texts_are_cut_once_and_read_from_the_cache_thereafter(tmp_path, cuts):
    assert votes(tmp_path) == EXPECTED
    assert cuts == [TEXTS[0], "", TEXTS[2], "nothing."]
    assert len(entries(tmp_path)) == 1
    assert not list(tmp_path.rglob("*.part"))
    cuts.clear()
    assert votes(tmp_path) == EXPECTED
    assert votes(tmp_path, other=[[{"TEXT": "pay"}]])[0] == [1]
    assert cuts == []


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert votes(None) == EXPECTED
    assert list(tmp_path.iterdir()) == []


def test_only_texts_that_may_match_are_cut_and_the_rest_when_a_rule_needs_them(tmp_path, cuts):
    expected = [row[:1] for row in EXPECTED]
    assert votes(tmp_path, money=MONEY) == expected
    assert cuts == [TEXTS[0], TEXTS[2]]
    assert votes(tmp_path) == EXPECTED
    assert cuts == [TEXTS[0], TEXTS[2], "", "nothing."]
    assert len(entries(tmp_path)) == 1
    assert votes(tmp_path) == EXPECTED
    assert len(cuts) == 4


def test_a_look_that_leaves_out_too_few_is_not_used(cuts):
    texts = [f"money {i}" for i in range(9)]
    votes(None, [*texts, "x"], money=[[{"LOWER": "money"}]])
    assert cuts == [*texts, "x"]
    cuts.clear()
    votes(None, [*texts, "x", "y", "z"], money=[[{"LOWER": "money"}]])
    assert cuts == texts


def test_chunks(tmp_path, cuts, monkeypatch):
    monkeypatch.setattr(spacy_docs, "CHUNK", 3)
    texts = [f"money back {i}" if i % 3 else f"x {i}" for i in range(10)]
    expected = [[1 if i % 3 else -1] for i in range(10)]
    for _ in range(2):
        assert votes(tmp_path, texts, money=MONEY) == expected
        assert votes(None, texts, money=MONEY) == expected
    assert len(entries(tmp_path)) == 3  # the last, "x 9" alone, holds no text that may match
    cuts.clear()
    assert votes(tmp_path, [*texts[:9], "money back"], money=MONEY) == [*expected[:9], [1]]
    assert cuts == ["money back"]


def test_a_chunk_ends_after_many_texts_or_many_characters(monkeypatch):
    monkeypatch.setattr(spacy_docs, "CHUNK", 3)
    monkeypatch.setattr(spacy_docs, "CHARACTERS", 10)
    assert list(spacy_docs._chunks(["a"] * 7)) == [(0, 3), (3, 6), (6, 7)]
    assert list(spacy_docs._chunks(["a", "b" * 10, "c", "d" * 99, "e" * 99])) == [(0, 2), (2, 4), (4, 5)]
    assert list(spacy_docs._chunks([])) == []


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "moved", "text"])
def test_a_damaged_file_is_said_and_made_anew(damage, tmp_path, caplog):
    votes(tmp_path)
    [path] = entries(tmp_path)
    whole = path.read_bytes()
    if damage == "moved":
        votes(tmp_path, ["other"])
        path.write_bytes(next(other for other in entries(tmp_path) if other != path).read_bytes())
    else:
        spoilt = {"cut": whole[:-7], "bit": whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], "empty": b""}
        path.write_bytes(spoilt.get(damage, b"not a cache file"))
    with caplog.at_level(logging.WARNING, "weaklabel"):
        assert votes(tmp_path) == EXPECTED
    assert [record.getMessage() for record in caplog.records] == [
        f"{path} is damaged: its texts are tokenised anew"
    ]
    assert path.read_bytes() == whole
    caplog.clear()
    assert votes(tmp_path) == EXPECTED
    assert caplog.records == []


def test_a_full_disk_is_said_once_and_the_run_goes_on(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(spacy_docs, "CHUNK", 1)

    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spacy_docs, "_write_whole", full)
    with caplog.at_level(logging.WARNING, "weaklabel"):
        assert votes(tmp_path) == EXPECTED
    [record] = caplog.records
    assert record.getMessage().startswith("can't keep tokenised texts in ")
    assert record.getMessage().endswith("(No space left on device): going on without")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def broken(self, target):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(spacy_docs.Path, "replace", broken)
    with pytest.raises(OSError, match="Input/output"):
        spacy_docs._write_whole(tmp_path / "a.docs", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_said(tmp_path, caplog):
    (tmp_path / "cache").write_text("here first")
    with caplog.at_level(logging.WARNING, "weaklabel"):
        assert votes(tmp_path / "cache") == EXPECTED
    [record] = caplog.records
    assert record.getMessage().endswith("(Not a directory): going on without")


def test_a_file_that_is_read_is_touched_so_that_the_oldest_can_be_pruned(tmp_path):
    import os

    votes(tmp_path)
    [path] = entries(tmp_path)
    os.utime(path, (0, 0))
    votes(tmp_path)
    assert path.stat().st_mtime > 0


def test_the_key_of_a_pipeline(tmp_path):
    nlp = spacy.blank("en")
    key = pipeline_key(nlp, (), ("ORTH",))
    assert key == pipeline_key(spacy.blank("en"), (), ("ORTH",))
    nlp.add_pipe("sentencizer")
    assert pipeline_key(nlp, (), ("ORTH",)) != key
    assert pipeline_key(nlp, ("sentencizer",), ("ORTH",)) != pipeline_key(nlp, (), ("ORTH",))
    assert pipeline_key(nlp, (), ("ORTH", "TAG")) != pipeline_key(nlp, (), ("ORTH",))
    nlp.to_disk(tmp_path / "en")
    saved = pipeline_key(spacy.load(tmp_path / "en"), (), ("ORTH",))
    assert saved == pipeline_key(spacy.load(tmp_path / "en"), (), ("ORTH",))
    (tmp_path / "en" / "vocab" / "notes").write_text("retrained")
    assert saved != pipeline_key(spacy.load(tmp_path / "en"), (), ("ORTH",))


def test_a_retrained_pipeline_of_the_same_name_is_read_anew(tmp_path):
    def save(word):
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns([{"label": "BRAND", "pattern": word}])
        nlp.to_disk(tmp_path / "en_brands")

    def brands():
        rule = wl.spacy_pattern(
            "brand", [{"ENT_TYPE": "BRAND"}], label="spam", pipeline=str(tmp_path / "en_brands")
        )
        registry = wl.LFRegistry([rule], schema=SCHEMA)
        frame = pl.DataFrame({"id": ["a", "b"], "text": ["Acme pays", "Bolt pays"]})
        return wl.LFApplier(registry, cache=tmp_path / "cache").apply(frame).to_numpy()[:, 0].tolist()

    save("Acme")
    assert brands() == brands() == [1, -1]
    save("Bolt")
    assert brands() == [-1, 1]


def test_places_and_words_come_back(tmp_path):
    nlp = spacy.blank("en")
    reader = DocReader(nlp, cache=DocCache(tmp_path))
    list(reader.read(["a b", "", "c"], [2]))
    [tokens] = list(reader.read(["a b", "", "c"]))
    assert tokens.places.tolist() == [0, 1, 2]
    assert [[nlp.vocab.strings[word] for word in own.tolist()] for own in tokens.words] == [
        ["a", "b"],
        [],
        ["c"],
    ]
    assert [doc.text for doc in tokens.docs([0, 2])] == ["a b", "c"]
    np.testing.assert_array_equal(next(tokens.docs([0])).to_array("SPACY"), [1, 0])
    assert list(reader.read([])) == []
