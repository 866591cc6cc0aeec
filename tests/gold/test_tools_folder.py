"""The watched folder: what is read, what is left, what is broken."""

import os
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weaklabel.errors import OutputError
from weaklabel.fingerprint import file_digest
from weaklabel.gold.tools.folder import inbox, open_folder, outbox

NOW = 2_000_000_000.0


def put(home, name, text, age=100.0):
    path = open_folder(home) / "in" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, (NOW - age, NOW - age))
    return path


def look(home, **options):
    return inbox(home, now=NOW, **options)


def names(found):
    return [one.path.name for one in found.ready]


def test_files_are_read_oldest_first(tmp_path):
    for name, age in (("b.json", 50), ("a.json", 40), ("c.jsonl", 60), ("d.csv", 10), ("E.JSON", 70)):
        put(tmp_path, name, "[]" if name.lower().endswith("n") else "", age)
    (tmp_path / "in" / "d.csv").write_text("id,label\n1,x\n")
    os.utime(tmp_path / "in" / "d.csv", (NOW - 10, NOW - 10))
    assert names(look(tmp_path)) == ["E.JSON", "c.jsonl", "b.json", "a.json", "d.csv"]


def test_what_is_no_file_of_answers_is_passed_over(tmp_path):
    for name in (".a.json", "~a.json", "a.json.part", "a.json.crdownload", "a.tmp", "a.txt", "a"):
        put(tmp_path, name, "[]")
    (tmp_path / "in" / "folder.json").mkdir()
    assert look(tmp_path) == look(tmp_path, known=["x"])
    assert names(look(tmp_path)) == [] and look(tmp_path).left == {}


def test_a_young_file_is_left_until_it_is_old_or_has_stayed_the_same(tmp_path):
    put(tmp_path, "a.json", "[]", age=1)
    found = look(tmp_path)
    assert found.left == {"a.json": "it is still written to"} and names(found) == []
    assert names(look(tmp_path, waiting=found.waiting)) == ["a.json"]
    assert names(look(tmp_path, settle=0.5)) == ["a.json"]
    put(tmp_path, "a.json", "[ ]", age=1)
    assert look(tmp_path, waiting=found.waiting).left == {"a.json": "it is still written to"}
    put(tmp_path, "a.json", "[]", age=-3600)  # another machine's clock
    found = look(tmp_path)
    assert names(found) == [] and names(look(tmp_path, waiting=found.waiting)) == ["a.json"]


def test_what_was_read_is_known_by_its_bytes(tmp_path):
    digest = file_digest(put(tmp_path, "a.json", "[]"))
    put(tmp_path, "b.json", "[ ]")
    found = look(tmp_path, known={digest})
    assert (found.known, names(found)) == (("a.json",), ["b.json"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '[{"id": 1}, {"id"'),
        ("a.jsonl", '{"id": 1}\n{"id": '),
        ("a.csv", 'id,label\n1,"spa'),
        ("a.zip", b"PK\x03\x04 cut"),
    ],
)
def test_a_file_that_is_not_whole_is_left_once_and_then_a_fault(tmp_path, name, text):
    put(tmp_path, name, text)
    first = look(tmp_path)
    assert first.left == {name: "it is not whole yet"} and first.faults == () and names(first) == []
    again = look(tmp_path, waiting=first.waiting)
    assert again.left == {} and len(again.faults) == 1 and name in str(again.faults[0])
    assert len(look(tmp_path, waiting=again.waiting).faults) == 1
    put(tmp_path, name, text + (b"" if isinstance(text, bytes) else " "), age=90)
    assert look(tmp_path, waiting=first.waiting).left == {name: "it is not whole yet"}


def test_a_zip_is_read_whole(tmp_path):
    open_folder(tmp_path)
    path = tmp_path / "in" / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ann.jsonl", '{"id": 1}\n')
    os.utime(path, (NOW - 9, NOW - 9))
    assert names(look(tmp_path)) == ["a.zip"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 40))
def test_json_cut_anywhere_is_never_read(tmp_path, cut):
    whole = '[{"id": 1, "text": "é😀", "a": [1, 2, 3]}]'.encode()
    put(tmp_path, "a.json", whole[: min(cut, len(whole) - 1)])
    assert names(look(tmp_path)) == []


def test_folders_of_parts_differ(tmp_path):
    assert outbox(tmp_path, "b1", 4) != outbox(tmp_path, "b1", 5)
    assert outbox(tmp_path, "../b1", 4).parent == tmp_path / "out"


def test_a_folder_that_can_not_be_made_or_read_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't make the watched folder"):
        open_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="can't read"):
        look(tmp_path / "nowhere")
