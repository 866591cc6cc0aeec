import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from strategies import vote_matrices
from weaklabel.errors import OutputError, VotesError
from weaklabel.label_matrix import LabelMatrix

VOTES = np.array([[0, -1], [1, -2], [-1, -1], [0, 1]], np.int8)


def write_parts(folder, layout, votes=VOTES, parts=2):
    names = ["x", "y"]
    for i, rows in enumerate(np.array_split(np.arange(len(votes)), parts)):
        matrix = LabelMatrix.from_numpy(votes[rows], ids=[f"r{r}" for r in rows], labelers=names, silence=-1)
        matrix = matrix if layout == "columns" else matrix.as_events()
        matrix.write(folder / f"part-{i}.parquet")
    return LabelMatrix.from_numpy(votes, ids=[f"r{r}" for r in range(len(votes))], labelers=names, silence=-1)


@pytest.mark.parametrize("layout", ["columns", "events"])
def test_a_folder_of_parts_is_the_whole(tmp_path, layout):
    whole = write_parts(tmp_path, layout)
    scanned = LabelMatrix.scan(tmp_path)
    assert scanned.layout == layout
    assert scanned.shape == (4, 2)
    assert scanned.labelers == ("x", "y")
    assert scanned.frame.equals(whole.frame)
    assert scanned.ids.to_list() == whole.ids.to_list()
    assert scanned.events().codes.tolist() == whole.events().codes.tolist()
    for name in ("keys", "counts", "inverse", "codes", "silence"):
        assert getattr(scanned.patterns(), name).tolist() == getattr(whole.patterns(), name).tolist()
    assert LabelMatrix.scan(scanned.write(tmp_path / "again" / "all.parquet")).frame.equals(whole.frame)


def test_scanning_reads_no_rows(tmp_path):
    write_parts(tmp_path, "columns")
    scanned = LabelMatrix.scan(tmp_path)
    (tmp_path / "part-1.parquet").unlink()
    with pytest.raises((VotesError, FileNotFoundError)):
        scanned.patterns()


def test_columns_on_disk_are_plain(tmp_path):
    write_parts(tmp_path, "columns", parts=1)
    assert pl.read_parquet_schema(tmp_path / "part-0.parquet") == {
        "id": pl.String,
        "lf:x": pl.Int8,
        "lf:y": pl.Int8,
    }
    write_parts(tmp_path, "events", parts=1)
    frame = pl.read_parquet(tmp_path / "part-0.parquet")
    assert frame.schema == {"id": pl.String, "labelers": pl.List(pl.Int32), "codes": pl.List(pl.Int8)}
    assert frame["codes"].to_list() == [[0], [1, -2], [], [0, 1]]
    assert not list(tmp_path.glob(".*"))


def test_any_frame_with_vote_columns_can_be_scanned(tmp_path):
    pl.DataFrame({"id": ["a"], "lf:x": [1], "text": ["t"]}).write_parquet(tmp_path / "v.parquet")
    scanned = LabelMatrix.scan(tmp_path / "v.parquet")
    assert scanned.frame.rows() == [("a", 1)]


def test_faults_of_parts_are_added(tmp_path):
    frame = pl.DataFrame({"id": ["a"], "lf:x": [-2], "lf:y": [0]})
    LabelMatrix.from_frame(frame, faults={"x": 1}).write(tmp_path / "1.parquet")
    LabelMatrix.from_frame(frame, faults={"x": 2, "y": 1}).write(tmp_path / "2.parquet")
    assert LabelMatrix.scan(tmp_path).faults == {"x": 3, "y": 1}


@pytest.mark.parametrize("layout", ["columns", "events"])
def test_parts_with_labelers_in_another_order(tmp_path, layout):
    a = LabelMatrix.from_numpy([[0, 1]], ids=["a"], labelers=["x", "y"])
    b = LabelMatrix.from_numpy([[2, -1]], ids=["b"], labelers=["y", "x"])
    for name, part in (("1", a), ("2", b)):
        (part if layout == "columns" else part.as_events()).write(tmp_path / f"{name}.parquet")
    scanned = LabelMatrix.scan(tmp_path)
    assert scanned.to_numpy().tolist() == [[0, 1], [-1, 2]]
    assert scanned.patterns().n_rows == 2


@settings(deadline=None, max_examples=25)
@given(vote_matrices())
def test_round_trip(tmp_path_factory, votes):
    folder = tmp_path_factory.mktemp("votes")
    ids = [f"é\r\n👍{i}" for i in range(len(votes))]
    for matrix in (
        LabelMatrix.from_numpy(votes, ids=ids),
        LabelMatrix.from_numpy(votes, ids=ids).as_events(),
    ):
        back = LabelMatrix.scan(matrix.write(folder / "v.parquet"))
        assert back.layout == matrix.layout
        assert back.silence.tolist() == matrix.silence.tolist()
        assert back.frame.equals(matrix.frame)


def test_repeated_answers_survive_the_round_trip(tmp_path):
    answers = pl.DataFrame({"item": ["a", "a", "b"], "labeler": ["x", "x", "y"], "code": [1, 1, 0]})
    votes = LabelMatrix.from_answers(answers)
    back = LabelMatrix.scan(votes.write(tmp_path / "v.parquet"))
    assert back.patterns().keys.tolist() == votes.patterns().keys.tolist()
    assert back.silence.tolist() == [-2, -2]


def test_what_can_not_be_scanned(tmp_path):
    with pytest.raises(VotesError, match="no votes here"):
        LabelMatrix.scan(tmp_path)
    with pytest.raises(VotesError, match="no votes here"):
        LabelMatrix.scan(tmp_path / "nothing.parquet")
    pl.DataFrame({"id": ["a"], "text": ["t"]}).write_parquet(tmp_path / "text.parquet")
    with pytest.raises(VotesError) as error:
        LabelMatrix.scan(tmp_path / "text.parquet")
    assert "this file holds no votes" in str(error.value)
    assert "available: id, text" in str(error.value)


def test_a_truncated_file_is_named(tmp_path):
    path = LabelMatrix.from_numpy(VOTES).write(tmp_path / "v.parquet")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(VotesError) as error:
        LabelMatrix.scan(path)
    assert f"where: {path}" in str(error.value)


def test_parts_with_other_labelers_name_both_files(tmp_path):
    LabelMatrix.from_numpy([[0, 1]], labelers=["x", "y"]).write(tmp_path / "1.parquet")
    LabelMatrix.from_numpy([[0, 1]], labelers=["x", "z"]).write(tmp_path / "2.parquet")
    with pytest.raises(VotesError) as error:
        LabelMatrix.scan(tmp_path)
    assert "1 missing (y), 1 new (z)" in str(error.value)
    assert "1.parquet and " in str(error.value)
    assert "2.parquet" in str(error.value)


def test_a_folder_that_can_not_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError) as error:
        LabelMatrix.from_numpy(VOTES).write(tmp_path / "file" / "v.parquet")
    assert "can't write the votes" in str(error.value)
    assert "file/v.parquet" in str(error.value)


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    path = LabelMatrix.from_numpy(VOTES).write(tmp_path / "v.parquet")
    before = path.read_bytes()

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        LabelMatrix.from_numpy(VOTES[:1]).write(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["v.parquet"]


def test_events_of_scanned_columns_are_read_part_by_part(tmp_path, monkeypatch):
    votes = np.array([[0, -1], [-1, 1], [-2, 0], [-1, -1]], np.int8)
    whole = LabelMatrix.from_numpy(votes, ids=list("abcd"), labelers=["x", "y"], silence=-1)
    for number, part in enumerate((slice(0, 1), slice(1, 4))):
        LabelMatrix.from_numpy(votes[part], ids=list("abcd")[part], labelers=["x", "y"], silence=-1).write(
            tmp_path / f"part-{number}.parquet"
        )
    scanned = LabelMatrix.scan(tmp_path)
    widest = []
    dense = LabelMatrix.to_numpy
    monkeypatch.setattr(LabelMatrix, "to_numpy", lambda self: widest.append(len(self.ids)) or dense(self))
    ours = scanned.events()
    assert max(widest) < 4
    for name in ("indptr", "labelers", "codes"):
        assert np.array_equal(getattr(ours, name), getattr(whole.events(), name))
