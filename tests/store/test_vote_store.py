"""The vote store: what was put comes back, nothing damaged is trusted, and many processes may use it at once."""

import datetime
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import OutputError, VotesError
from weaklabel.kernels.sparse import from_gaps
from weaklabel.lf import LFRegistry, feature, keywords, labeling_function, lookup, regex, spacy_pattern, where
from weaklabel.schema import Label, LabelSchema
from weaklabel.store import vote_store
from weaklabel.store.vote_file import pack, read_head, unpack
from weaklabel.store.vote_keys import vote_key, vote_keys
from weaklabel.store.vote_store import Evicted, VoteStore

SHARD = "ab" + "0" * 30
OTHER = "cd" + "0" * 30
SCHEMA = LabelSchema(["ham", "spam"])
DAY = datetime.date


def codes(*votes):
    return np.array(votes, np.int8)


def lists(held):
    return {key: votes.tolist() for key, votes in held.votes.items()}


def files(store):
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


def aged(path, hours):
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))


@pytest.fixture
def store(tmp_path):
    return VoteStore(tmp_path / "votes")


# ---- what was put comes back ----

votes_of_a_rule = st.one_of(
    st.integers(-2, 126),  # one code on all rows
    st.lists(st.integers(-2, 126), min_size=2, max_size=4),  # that go round: dense
    st.dictionaries(st.integers(0, 599), st.integers(-2, 126), max_size=8),  # sparse
)


def column(form, rows):
    if isinstance(form, int):
        return np.full(rows, form, np.int8)
    if isinstance(form, list):
        return np.resize(codes(*form), rows)
    votes = np.full(rows, -1, np.int8)
    for row, code in form.items():
        votes[row : row + 1] = code
    return votes


@settings(deadline=None, max_examples=40)
@given(st.lists(votes_of_a_rule, min_size=1, max_size=3), st.sampled_from([0, 1, 7, 8, 9, 255, 600]))
def test_a_file_gives_back_every_column(forms, rows):
    votes = {f"k{i}": column(form, rows) for i, form in enumerate(forms)}
    file = pack(SHARD, votes, {"k0": 2})
    found = unpack(file, list(votes))
    assert {key: own.votes().tolist() for key, own in found.items()} == {
        key: own.tolist() for key, own in votes.items()
    }
    assert pack(SHARD, found, {"k0": 2}) == file
    for key, own in found.items():
        assert from_gaps(*own.spoken(), -1, rows).tolist() == votes[key].tolist()
        for count in (0, 5, rows, rows + 1):
            head = own.head(count)
            assert (head.rows, head.votes().tolist()) == (min(count, rows), votes[key][:count].tolist())
    head = read_head(file)
    assert (head.shard, head.rows, head.keys) == (SHARD, rows, tuple(votes))
    assert [column.faults for column in head.columns] == [2] + [0] * (len(votes) - 1)
    assert len(file) == head.start + sum(column.size for column in head.columns)


@pytest.mark.parametrize(
    ("votes", "way", "size"),
    [
        (codes(*[-1] * 100, 1, *[-1] * 99), "gaps", 2),
        (np.resize(codes(-1, 1), 800), "bits", 101),
        (np.resize(codes(-1, 1, 0), 800), "plain", 800),
        (np.full(800, 1, np.int8), "gaps", 0),
    ],
)
def test_a_column_is_written_in_the_shortest_way(votes, way, size):
    head = read_head(pack(SHARD, {"k": votes}, {}))
    assert (head.columns[0].way, head.columns[0].size) == (way, size)


def test_the_order_of_columns_does_not_change_the_file():
    a, b = codes(0, -1), codes(-1, 1)
    assert pack(SHARD, {"k1": a, "k2": b}, {}) == pack(SHARD, {"k2": b, "k1": a}, {})


def test_one_changed_rule_adds_one_small_file_and_the_rest_is_served_by_the_old_one(store):
    rng = np.random.default_rng(0)
    old = {f"k{i}": np.where(rng.random(2000) < 0.05, i % 2, -1).astype(np.int8) for i in range(100)}
    store.put(SHARD, old)
    first = files(store)
    new = codes(*[-1] * 1999, 1)
    store.put(SHARD, {"changed": new}, faults={"changed": 1})
    added = set(files(store)) - set(first)
    assert len(added) == 1
    assert added.pop().stat().st_size < 300
    wanted = [*(f"k{i}" for i in range(99)), "changed"]
    held = store.get(SHARD, wanted)
    assert list(held.votes) == wanted
    assert (held.votes["k98"] == old["k98"]).all()
    assert held.votes["changed"].tolist() == new.tolist()
    assert (held.faults, held.broken) == ({"changed": 1}, ())
    assert store.held(SHARD) == {*old, "changed"}


def test_columns_can_be_written_to(store):
    store.put(SHARD, {"a": codes(-1, 0), "b": np.resize(codes(-1, 1, 0), 2), "c": codes(1, 1)})
    for votes in store.get(SHARD, ["a", "b", "c"]).votes.values():
        votes[0] = 0


def test_what_is_not_there_is_left_out(store):
    assert store.get(SHARD, ["k"]) == vote_store.Held({})
    assert (store.held(SHARD), store.size(), store.show().rules) == (frozenset(), 0, ())
    store.put(SHARD, {"k": codes(0)})
    assert lists(store.get(SHARD, ["k", "l"])) == {"k": [0]}
    assert lists(store.get(OTHER, ["k"])) == {}
    store.put(SHARD, {})
    assert len(files(store)) == 1


def test_columns_of_several_lengths_are_refused(store):
    with pytest.raises(VotesError, match=r"columns of several lengths for one shard: {'a': 1, 'b': 2}"):
        store.put(SHARD, {"a": codes(0), "b": codes(0, 1)})


# ---- nothing damaged is trusted ----


def damaged(store, change):
    store.put(SHARD, {"a": codes(-1, 0, 1), "b": codes(1, 1, -1)})
    store.put(SHARD, {"c": codes(0, 0, 0)})
    path = next(path for path in files(store) if b'"a"' in path.read_bytes())
    path.write_bytes(change(path.read_bytes()))
    return path


def flipped(file):
    return file[:-1] + bytes([file[-1] ^ 1])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (flipped, "its content does not match its digest"),
        (lambda file: file[:-1], "its content does not match its digest"),
        (lambda file: file + b"\0", "its content does not match its digest"),
        (lambda file: file[:70], "its head is damaged"),
        (lambda file: file[:20], "its head is damaged"),
        (lambda file: b"", "it is no file of this store"),
        (lambda file: b"PAR1" + file, "it is no file of this store"),
        (lambda file: file.replace(b"votes 1", b"votes 2"), "another version wrote it"),
        (lambda file: file.replace(b'"plain"', b'"plein"'), "its head is damaged"),
        (lambda file: pack(OTHER, {"a": codes(0, 0, 0)}, {}), "it is of another shard"),
    ],
)
def test_a_damaged_file_is_removed_and_reported_and_the_others_are_read(store, change, why):
    path = damaged(store, change)
    held = store.get(SHARD, ["a", "b", "c"])
    assert lists(held) == {"c": [0, 0, 0]}
    assert held.broken == (
        f"kept votes could not be trusted and were removed: {path}: {why}; they are computed again",
    )
    assert not path.exists()
    assert store.get(SHARD, ["a"]).broken == ()
    store.put(SHARD, {"a": codes(-1, 0, 1)})
    assert lists(store.get(SHARD, ["a"])) == {"a": [-1, 0, 1]}


@pytest.mark.parametrize("at", range(0, 200, 7))
def test_whatever_byte_is_changed_no_wrong_vote_is_given(store, at):
    path = damaged(store, lambda file: file)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 4
    path.write_bytes(content)
    held = store.get(SHARD, ["a", "b"])
    assert (lists(held), len(held.broken)) in [({}, 1), ({}, 0)]


def test_a_file_that_can_not_be_read_is_reported(store, monkeypatch):
    store.put(SHARD, {"a": codes(0)})
    path = files(store)[0]

    def refuse(self, *args, **options):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(type(path), "open", refuse)
        patched.setattr(type(path), "unlink", refuse)
        assert store.get(SHARD, ["a"]).broken == (
            f"kept votes can't be trusted, nor removed (Permission denied): {path}: "
            "it can't be read (Permission denied); they are computed again",
        )
        assert store.held(SHARD) == frozenset()


def test_what_is_written_is_there_whole_or_not_at_all(store, monkeypatch):
    def full(self, content):
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(store.folder), "write_bytes", full)
    with pytest.raises(OutputError) as caught:
        store.put(SHARD, {"a": codes(0)})
    assert caught.value.what == "can't keep votes: No space left on device"
    assert files(store) == []
    assert "weaklabel cache prune" in caught.value.hint


# ---- what goes first ----


def three(store):
    """Three shards, of which the second was used last."""
    for i, hours in enumerate([30, 2, 20]):
        store.put(f"{i:032x}", {"k": codes(*[0, 1] * 50), f"only{i}": codes(*[-1] * 100)})
        aged(next(store._place(f"{i:032x}").iterdir()), hours)
    return [path.stat().st_size for path in files(store)]


def test_the_least_recently_used_go_first_until_the_rest_fits(store):
    sizes = three(store)
    assert store.size() == sum(sizes)
    assert store.evict(sum(sizes)) == Evicted()
    assert store.evict(sum(sizes) - 1) == Evicted(1, sizes[0], 2)
    assert store.held(f"{0:032x}") == frozenset()
    assert store.evict(sizes[1]) == Evicted(1, sizes[2], 2)
    assert store.held(f"{1:032x}") == {"k", "only1"}
    assert store.evict(0).files == 1
    assert list(store.folder.iterdir()) == []


def test_reading_counts_as_use_but_touches_a_file_once_an_hour(store):
    three(store)
    path = files(store)[0]
    store.get(f"{0:032x}", ["k"])
    assert time.time() - path.stat().st_mtime < 60
    aged(path, 0.5)
    before = path.stat().st_mtime_ns
    store.get(f"{0:032x}", ["k"])
    assert path.stat().st_mtime_ns == before
    aged(path, 3)
    store.get(f"{0:032x}", ["not there"])
    store.held(f"{0:032x}")
    assert time.time() - path.stat().st_mtime > 3600
    store.get(f"{2:032x}", ["k"])
    store.evict(2 * path.stat().st_size + 10)
    assert not path.exists()


def test_votes_that_were_not_used_for_long_are_removed(store):
    sizes = three(store)
    assert store.prune(unused_for=25 * 3600) == Evicted(1, sizes[0], 2)
    assert store.prune(unused_for=25 * 3600) == Evicted()


def test_the_votes_of_one_rule_are_removed_and_the_others_in_its_files_stay(store):
    three(store)
    times = [round(path.stat().st_mtime) for path in files(store)]
    freed = store.prune(keys=["k"])
    assert (freed.files, freed.columns) == (3, 3)
    assert [round(path.stat().st_mtime) for path in files(store)] == times
    assert [store.held(f"{i:032x}") for i in range(3)] == [{f"only{i}"} for i in range(3)]
    assert lists(store.get(f"{0:032x}", ["only0"])) == {"only0": [-1] * 100}
    assert store.prune(keys=["only1"]).files == 1
    assert len(files(store)) == 2
    assert store.prune(everything=True).files == 2
    assert store.prune() == Evicted()


def test_faults_stay_when_another_column_is_removed(store):
    store.put(SHARD, {"a": codes(-2, 0), "b": codes(0, 0)}, faults={"a": 1, "b": 0})
    store.prune(keys=["b"])
    assert store.get(SHARD, ["a"]).faults == {"a": 1}


def test_what_a_killed_writer_left_is_removed_once_it_is_old(store):
    store.put(SHARD, {"a": codes(0)})
    old, new = (files(store)[0].with_name(name) for name in (".old.tmp", ".new.tmp"))
    for path in (old, new):
        path.write_bytes(b"half")
    aged(old, 2)
    store.evict(10**6)
    assert (old.exists(), new.exists()) == (False, True)
    assert store.held(SHARD) == {"a"}


def test_show_counts_by_key(store):
    store.put(SHARD, {"a": codes(0, -1), "b": codes(1, -1)})
    store.put(OTHER, {"a": codes(0, -1, -1)})
    shown = store.show()
    assert (shown.shards, shown.files, shown.bytes) == (2, 2, store.size())
    assert [(rule.key, rule.shards, rule.rows) for rule in shown.rules] == [("a", 2, 5), ("b", 1, 2)]
    assert time.time() - shown.rules[0].last_used < 60


# ---- many at once ----


def busy(folder, number, rounds):
    """Put, read and evict; return the keys whose votes were wrong and the sentences about damage."""
    store, wrong = VoteStore(folder), []
    for i in range(rounds):
        shard = f"{i % 3:032x}"
        store.put(shard, {f"k{j}": np.full(50, j, np.int8) for j in range(i % 4, 6)})
        held = store.get(shard, [f"k{j}" for j in range(6)])
        wrong += [key for key, votes in held.votes.items() if (votes != int(key[1:])).any()]
        wrong += held.broken
        if i % 3 == number:
            store.evict(600)
        if i % 7 == 0:
            store.prune(keys=["k3"])
            store.show()
    return wrong


def test_many_put_read_and_evict_at_once_without_error(tmp_path):
    """Nothing is shared but the folder, as between processes: threads begin sooner, and meet at every system call."""
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(busy, [tmp_path / "votes"] * 3, range(3), [40] * 3))
    assert found == [[], [], []]


def test_a_folder_that_another_process_removed_is_made_again(store, monkeypatch):
    real, calls = type(store.folder).write_bytes, []

    def write(self, content):
        calls.append(self)
        if len(calls) == 1:
            self.parent.rmdir()  # as `evict` does with a folder that it finds empty
        return real(self, content)

    monkeypatch.setattr(type(store.folder), "write_bytes", write)
    store.put(SHARD, {"a": codes(0)})
    assert (len(calls), lists(store.get(SHARD, ["a"]))) == (2, {"a": [0]})


# ---- vote keys ----


def rule(**options):
    return keywords("thanks", ["thanks", "cheers"], label="ham", **options)


def test_what_does_not_change_votes_keeps_the_key():
    key = vote_key(rule(), SCHEMA)
    assert len(key) == 32
    for same in (
        rule(muted=True),
        rule(id="renamed"),
        rule(description="x", owner="ann", tags=["t"], state="draft"),
        rule(fires_on=["thanks"]),
    ):
        assert vote_key(same, SCHEMA) == key
    named = LabelSchema(["ham", Label("spam", description="bad")], name="mail")
    assert vote_key(rule(), named) == key


def test_what_changes_votes_changes_the_key():
    key = vote_key(rule(), SCHEMA)
    changed = [
        vote_key(keywords("thanks", ["thanks"], label="ham"), SCHEMA),
        vote_key(keywords("thanks", ["thanks", "cheers"], label="spam"), SCHEMA),
        vote_key(rule(version="2"), SCHEMA),
        vote_key(rule(on_error="abstain"), SCHEMA),
        vote_key(rule(), SCHEMA, on_error="abstain"),
        vote_key(rule(), LabelSchema(["spam", "ham"])),
        vote_key(rule(), LabelSchema(["ham", "spam"], version="2")),
        vote_key(rule(), LabelSchema(["ham", "spam", "other"])),
        vote_key(rule(), LabelSchema(["ham", Label("spam", aliases=("junk",))])),
        vote_key(rule(valid_from="2026-01-01"), SCHEMA, date="day"),
    ]
    assert len({key, *changed}) == len(changed) + 1


def test_a_rule_without_days_does_not_know_the_day():
    key = vote_key(rule(), SCHEMA)
    assert key == vote_key(rule(), SCHEMA, date="day") == vote_key(rule(), SCHEMA, today=DAY(2020, 1, 1))


def test_all_days_on_which_a_rule_is_right_share_one_key():
    dated = rule(valid_from="2026-03-01", valid_until="2026-03-31")
    inside = {vote_key(dated, SCHEMA, today=DAY(2026, 3, day)) for day in (1, 15, 31)}
    outside = {vote_key(dated, SCHEMA, today=day) for day in (DAY(2026, 2, 28), DAY(2026, 4, 1))}
    assert len(inside) == len(outside) == 1
    assert inside != outside
    assert vote_key(dated, SCHEMA, date="day") == vote_key(dated, SCHEMA, date="day", today=DAY(2026, 3, 1))
    assert vote_key(dated, SCHEMA, date="day") != vote_key(dated, SCHEMA, date="sent")


def test_a_changed_word_list_changes_the_keys_of_its_rules_alone(tmp_path):
    words = tmp_path / "words.txt"

    def keys(text):
        words.write_text(text)
        rules = [lookup("named", words, label="ham"), lookup("also", words, label="spam"), rule()]
        return vote_keys(LFRegistry([*rules, regex("link", "http", label="spam")], schema=SCHEMA))

    before, after = keys("ann\nbob\n"), keys("ann\nbob\ncid\n")
    assert {id for id in before if before[id] != after[id]} == {"named", "also"}


def test_a_changed_feature_changes_the_keys_of_the_rules_that_read_it():
    def keys(least):
        long = feature(lambda row: len(row["text"]) > least, name="long")
        rules = [where("is_long", "long", label="ham"), where("is_n", "n > 1", label="ham"), rule()]
        return vote_keys(LFRegistry(rules, schema=SCHEMA, features=[long]))

    before, after = keys(3), keys(4)
    assert {id for id in before if before[id] != after[id]} == {"is_long"}


def test_a_changed_function_changes_its_key():
    def make(word):
        @labeling_function(label="ham", name="has")
        def has(row):
            return "ham" if word in row["text"] else None

        return vote_key(has, SCHEMA)

    assert make("a") == make("a") != make("b")


def test_another_version_of_the_package_or_of_the_characters_changes_all_keys(monkeypatch):
    from weaklabel.store import vote_keys as module

    key = vote_key(rule(), SCHEMA)
    monkeypatch.setattr(module, "_package", lambda: "99")
    newer = vote_key(rule(), SCHEMA)
    monkeypatch.setattr(module.unicodedata, "unidata_version", "99.0")
    assert len({key, newer, vote_key(rule(), SCHEMA)}) == 3


def test_the_pipeline_of_a_spacy_rule_is_part_of_its_key(tmp_path, monkeypatch):
    from weaklabel.store import vote_keys as module

    def key(pipeline="blank:en"):
        return vote_key(spacy_pattern("greets", [[{"LOWER": "hi"}]], label="ham", pipeline=pipeline), SCHEMA)

    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "meta.json").write_text('{"score": 0.8}')
    first = key(str(folder))
    assert first == key(str(folder))
    (folder / "meta.json").write_text('{"score": 0.9}')
    second = key(str(folder))
    (folder / "weights").write_bytes(b"0")
    assert len({first, second, key(str(folder)), key(), key("no_such_package")}) == 5
    blank, other = key(), vote_key(rule(), SCHEMA)
    real = module._version
    monkeypatch.setattr(module, "_version", lambda package: "99" if package == "spacy" else real(package))
    assert key() != blank
    assert vote_key(rule(), SCHEMA) == other


# ---- no texts, no ids ----


def test_a_file_names_neither_rules_nor_rows(store):
    store.put(
        SHARD, vote_keys(LFRegistry([rule()], schema=SCHEMA)) and {vote_key(rule(), SCHEMA): codes(0, -1)}
    )
    content = files(store)[0].read_bytes()
    head = json.loads(content[content.index(b"{") : content.rindex(b"}") + 1])
    assert set(head) == {"shard", "rows", "columns"}
    assert b"thanks" not in content
