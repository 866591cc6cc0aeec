"""Large text files are looked through once, until one of them changes; the answer is the same either way."""

import json
import os

import pytest
from polars.testing import assert_frame_equal

from weaklabel.corpus import Corpus, delimited, jsonl, remembered
from weaklabel.errors import CorpusError

ROWS = [
    {"id": f"r{i}", "text": "süß 🙂\nline", "n": i, "share": i / 7, "yes": i % 2 == 0, "tags": ["a", str(i)]}
    for i in range(30)
]


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(remembered, "LEAST", 1)


def write(folder, kind):
    folder.mkdir(exist_ok=True)
    for name, rows in {"a": ROWS[:20], "b": ROWS[20:]}.items():
        path = folder / f"{name}.{kind}"
        if kind == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            lines = [
                f'{row["id"]},"{row["text"]}",{row["n"]},{row["share"]},{row["yes"]}\n\n' for row in rows
            ]
            path.write_text("id,text,n,share,yes\n" + "".join(lines))
    return folder


def looks_through(monkeypatch):
    seen = []
    for reader in (delimited, jsonl):
        real = reader.inspect
        monkeypatch.setattr(
            reader, "inspect", lambda files, how, real=real: seen.append(len(files)) or real(files, how)
        )
    return seen


def kept_on_disk(digests):
    return json.loads(json.dumps(digests))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("tolerant", [False, True])
def test_what_was_found_is_remembered_and_is_the_same(tmp_path, monkeypatch, kind, tolerant):
    folder, digests = write(tmp_path / "c", kind), {}

    def opened():
        if tolerant:
            return Corpus.open_tolerant(folder, digests=digests)[0]
        return Corpus.open(folder, digests=digests)

    seen = looks_through(monkeypatch)
    first = opened()
    assert seen == [2]
    digests = kept_on_disk(digests)
    again = opened()
    assert seen == [2]
    plain = Corpus.open(folder)
    assert again.table == first.table == plain.table
    assert again.schema == plain.schema
    assert [again.digest(shard) for shard in again.shards()] == [plain.digest(s) for s in plain.shards()]
    assert_frame_equal(again.scan().collect(), plain.scan().collect())


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "b.csv").write_text("id,text,n,share,yes\nr99,t,x,0,true\n"),
        lambda folder: os.utime(folder / "b.csv", ns=(1, 1)),
        lambda folder: (folder / "c.csv").write_text("id,text,n,share,yes\nr99,t,1,0,true\n"),
        lambda folder: (folder / "b.csv").unlink(),
        lambda folder: (folder / "b.csv").rename(folder / "d.csv"),
    ],
)
def test_a_change_is_looked_at(tmp_path, monkeypatch, change):
    folder, digests = write(tmp_path / "c", "csv"), {}
    Corpus.open(folder, digests=digests)
    change(folder)
    seen = looks_through(monkeypatch)
    corpus = Corpus.open(folder, digests=digests)
    assert len(seen) == 1
    assert corpus.table == Corpus.open(folder).table


def test_another_way_to_read_is_another_look(tmp_path, monkeypatch):
    folder, digests = write(tmp_path / "c", "csv"), {}
    Corpus.open(folder, digests=digests)
    seen = looks_through(monkeypatch)
    Corpus.open(folder, separator=",", digests=digests)
    assert seen == []
    Corpus.open(folder, text="text", digests=digests)
    assert seen == [2]
    with pytest.raises(CorpusError):
        Corpus.open(folder, quote=None, digests=digests)
    assert seen == [2, 2]
    monkeypatch.setattr(remembered, "_version", lambda: "99")
    Corpus.open(folder, digests=digests)
    assert seen == [2, 2, 2]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-5],
        lambda text: "[1]",
        lambda text: json.dumps({**json.loads(text), "parts": [[7, 1, 0, True, []]]}),
        lambda text: json.dumps({**json.loads(text), "schema": "AAAA"}),
        lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "headers"}),
    ],
)
def test_a_damaged_memory_is_another_look(tmp_path, monkeypatch, damage):
    folder, digests = write(tmp_path / "c", "csv"), {}
    table = Corpus.open(folder, digests=digests).table
    (key,) = digests
    digests[key] = damage(digests[key])
    seen = looks_through(monkeypatch)
    assert Corpus.open(folder, digests=digests).table == table
    assert Corpus.open(folder, digests=digests).table == table
    assert seen == [2]


def test_what_is_broken_is_not_remembered(tmp_path):
    folder, digests = write(tmp_path / "c", "csv"), {}
    (folder / "c.csv").write_text('id,text,n,share,yes\nr99,"open')
    for _ in range(2):
        with pytest.raises(CorpusError, match="never closed"):
            Corpus.open(folder, digests=digests)
    for _ in range(2):
        corpus, failures = Corpus.open_tolerant(folder, digests=digests)
        assert (corpus.count(), len(failures)) == (30, 1)


def test_small_files_and_parquet_are_not_worth_it(tmp_path, monkeypatch):
    folder, digests = write(tmp_path / "c", "csv"), {}
    Corpus.open(folder).scan().collect().write_parquet(tmp_path / "a.parquet")
    Corpus.open(tmp_path / "a.parquet", digests=digests)
    monkeypatch.setattr(remembered, "LEAST", 1 << 20)
    Corpus.open(folder, digests=digests)
    assert digests == {}
