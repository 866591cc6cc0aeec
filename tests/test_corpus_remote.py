"""Corpora in an object store (moto's server on this machine): the same rows, ids, shards and labels as from disk."""

import io
import json
import logging
import pickle
import socket

import fsspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import object_store
from relabel_project import go, make
from weaklabel import config
from weaklabel.corpus import Corpus, parquet, remembered, remote_path
from weaklabel.errors import ConfigError, CorpusError
from weaklabel.pipeline.task import open_corpus
from weaklabel.storage import StoreError, fsspec_options

SECRET = "hush-hush-key-of-the-store"
ROWS = pl.DataFrame(
    {
        "key": [f"r{i}" for i in range(30)],
        "body": ["süß 🙂, a\r\nline", None, "http://x"] * 10,
        "n": range(30),
        "kind": pl.Series(["a", "b", "c"] * 10, dtype=pl.Categorical),
    }
)


@pytest.fixture(scope="module")
def storage():
    with object_store.server() as found:
        yield found


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    for name, value in object_store.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "nowhere")


@pytest.fixture
def store(storage):
    return fsspec.filesystem("s3", **fsspec_options("s3://", storage, seconds=5))


@pytest.fixture
def bucket(store, request):
    """A folder of its own for each test, and what writes into it."""
    folder = f"desk/{abs(hash(request.node.nodeid)):x}"

    def put(files):
        for name, data in files.items():
            store.pipe_file(f"{folder}/{name}", data.encode() if isinstance(data, str) else data)
        return f"s3://{folder}"

    return put


def as_parquet(frame, **options):
    buffer = io.BytesIO()
    frame.write_parquet(buffer, **options)
    return buffer.getvalue()


def halves(kind):
    parts = {"a": ROWS[:20], "sub/b ü#?%20[1]": ROWS[20:]}
    if kind == "parquet":
        return {f"{name}.parquet": as_parquet(part, row_group_size=7) for name, part in parts.items()}
    if kind == "csv":
        return {f"{name}.csv": part.write_csv(separator=";") for name, part in parts.items()}
    return {f"{name}.jsonl": part.write_ndjson() for name, part in parts.items()}


def on_disk(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def message(call):
    with pytest.raises((CorpusError, StoreError)) as caught:
        call()
    assert SECRET not in str(caught.value) + repr(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "id"), [("parquet", "key"), ("parquet", None), ("csv", None), ("jsonl", "key")]
)
def test_a_folder_gives_what_the_same_folder_on_disk_gives(tmp_path, storage, bucket, kind, id):
    files = halves(kind)
    near = Corpus.open(on_disk(tmp_path, files), id=id, text="body")
    far = Corpus.open(bucket(files), id=id, text="body", storage=storage)
    assert (far.columns, far.schema, far.format) == (near.columns, near.schema, near.format)
    assert [part.file.name for part in far.table.parts] == [part.file.name for part in near.table.parts]
    assert_frame_equal(far.scan().collect(), near.scan().collect())
    assert far.shards() == near.shards()
    small = far.shards(target_rows=7)
    assert len(small) > 4
    assert small == near.shards(target_rows=7)
    for shard in small[::3]:
        assert_frame_equal(far.read(shard, columns=["id", "text"]), near.read(shard, columns=["id", "text"]))
        place = f"{tmp_path}/"
        assert far.locate(shard, 1).removeprefix(f"{far.root}/") == near.locate(shard, 1).removeprefix(place)


def test_wrench_comes_too(tmp_path, storage, bucket):
    files = {
        "train.json": json.dumps({"0": {"label": 1, "data": {"text": "hello"}}}),
        "label.json": json.dumps({"0": "NEG", "1": "POS"}),
    }
    near = Corpus.open(on_disk(tmp_path, files))
    far = Corpus.open(bucket(files), storage=storage)
    assert_frame_equal(far.scan().collect(), near.scan().collect())
    assert far.digest(far.shards()[0]) == Corpus.open(str(far.root), storage=storage).digest(far.shards()[0])


def test_files_globs_lists_and_roots_name_the_same(storage, bucket):
    files = halves("parquet") | {"sub/_x.parquet": b"", ".hidden.parquet": b"", "notes.txt": "hello"}
    place = bucket(files)
    names = ["a.parquet", "sub/b ü#?%20[1].parquet"]
    opened = [
        Corpus.open(place, storage=storage),
        Corpus.open(f"{place}/", storage=storage),
        Corpus.open([f"{place}/{name}" for name in names], storage=storage),
        Corpus.open([f"{place}/*.parquet", f"{place}/sub/b*"], storage=storage),
        Corpus.open(names, root=place, storage=storage),
    ]
    for corpus in opened:
        assert [part.file.name for part in corpus.table.parts] == names
        assert str(corpus.root) == place
    assert len({corpus.fingerprint for corpus in opened}) == 1
    one = Corpus.open(f"{place}/{names[1]}", storage=storage)
    assert [part.file.name for part in one.table.parts] == ["b ü#?%20[1].parquet"]
    both = Corpus.open(
        f"{place}/**/[ab]*.parquet", id="key", storage=storage, format="parquet", root=place + "/sub"
    )
    assert [part.file.name for part in both.table.parts] == ["a.parquet", "b ü#?%20[1].parquet"]


def test_what_is_the_same_keeps_its_digests_and_what_changes_does_not(storage, bucket):
    files = halves("parquet")
    place = bucket(files)
    first, again = (Corpus.open(place, id="key", storage=storage) for _ in range(2))
    digests = [first.digest(shard) for shard in first.shards()]
    assert [again.digest(shard) for shard in again.shards()] == digests
    assert again.fingerprint == first.fingerprint
    bucket({"a.parquet": as_parquet(ROWS[:20].with_columns(n=pl.col("n") + 1), row_group_size=7)})
    changed = Corpus.open(place, id="key", storage=storage)
    assert changed.fingerprint != first.fingerprint
    assert [changed.digest(s) == d for s, d in zip(changed.shards(), digests, strict=True)] == [False, True]
    text = message(lambda: first.read(first.shards()[0]))
    assert "the file has changed since the corpus was opened" in text and f"{place}/a.parquet" in text


def test_only_ranges_are_read_to_look_and_nothing_for_digests(storage, bucket, monkeypatch):
    place = bucket(
        {
            f"{i}.parquet": as_parquet(
                pl.DataFrame({"id": range(i * 90_000, (i + 1) * 90_000)}), compression="uncompressed"
            )
            for i in range(2)
        }
    )
    fetched = []
    real = remote_path._Ranges.readinto
    monkeypatch.setattr(
        remote_path._Ranges, "readinto", lambda self, buffer: fetched.append(n := real(self, buffer)) or n
    )
    corpus = Corpus.open(place, storage=storage)
    whole = sum(part.file.size for part in corpus.table.parts)
    assert whole > 1_000_000 > 140_000 > sum(fetched) > 0
    before = len(fetched)
    assert corpus.fingerprint and [corpus.digest(shard) for shard in corpus._shards(65_536, 1 << 26)]
    assert len(fetched) == before


def test_what_was_found_is_remembered_by_address_and_etag(storage, bucket, monkeypatch):
    monkeypatch.setattr(remembered, "LEAST", 1)
    place, digests, asked = bucket(halves("parquet")), {}, []
    real = parquet.inspect
    monkeypatch.setattr(parquet, "inspect", lambda files, how: asked.append(len(files)) or real(files, how))
    first = Corpus.open(place, storage=storage, digests=digests)
    again = Corpus.open(place, storage=storage, digests=json.loads(json.dumps(digests)))
    assert again.table == first.table and asked == [2]
    bucket({"a.parquet": as_parquet(ROWS[:19])})
    assert Corpus.open(place, storage=storage, digests=digests).count() == 29
    assert asked == [2, 2]


def test_a_corpus_goes_to_other_processes(storage, bucket):
    corpus = pickle.loads(pickle.dumps(Corpus.open(bucket(halves("parquet")), id="key", storage=storage)))
    assert corpus.read(corpus.shards()[1])["id"].to_list() == [f"r{i}" for i in range(20, 30)]
    assert storage["aws_endpoint_url"] not in repr(corpus)


def test_broken_files_are_named_and_the_others_opened(storage, bucket):
    files = halves("parquet")
    place = bucket(
        files | {"cut.parquet": files["a.parquet"][:-9], "other.parquet": as_parquet(ROWS.drop("n"))}
    )
    corpus, failures = Corpus.open_tolerant(place, id="key", storage=storage)
    assert corpus.count() == 30
    assert failures[0].what == "a truncated Parquet file: its footer is missing"
    assert failures[0].where == f"{place}/cut.parquet"
    assert "mixed schemas" in failures[1].what and f"{place}/other.parquet" in failures[1].where


def test_a_file_that_is_gone(storage, bucket, store):
    place = bucket(halves("csv"))
    corpus = Corpus.open(place, id="key", storage=storage)
    store.rm(f"{place}/a.csv")
    text = message(lambda: corpus.read(corpus.shards()[0]))
    assert "no such file" in text and f"{place}/a.csv" in text


def test_what_is_not_there_is_said_with_what_is(storage, bucket):
    place = bucket({"mail/part-0.csv": "id\n1\n", "notes.txt": "hello"})

    def said(name):
        return message(lambda: Corpus.open(name, storage=storage))

    text = said("s3://dsek/mail/*.csv")
    assert "no such bucket: dsek" in text and "available: desk" in text and "did you mean 'desk'?" in text
    text = said(f"{place}/mail/part-1.csv")
    assert "no such file or folder" in text and "part-0.csv" in text and "did you mean 'part-0.csv'?" in text
    text = said(f"{place}/mali/part-0.csv")
    assert (
        "no such folder" in text and "available: mail/, notes.txt" in text and "did you mean 'mail'?" in text
    )
    text = said(f"{place}/mial/*.csv")
    assert "no such f" in text and "did you mean 'mail'?" in text
    text = said(f"{place}/mail/*.parquet")
    assert "no file matches '*.parquet'" in text and "available: part-0.csv" in text
    text = said(f"{place}/notes.txt")
    assert "can't tell the format of 'notes.txt'" in text and f"where: {place}/notes.txt" in text
    text = message(lambda: Corpus.open(place, format="wrench", storage=storage))
    assert "train.json" in text and "mail/part-0.csv" in text


def test_places_are_not_mixed(storage, bucket, tmp_path):
    place = bucket({"a.csv": "id\n1\n"})
    for other in (str(tmp_path), "gs://desk/a.csv"):
        text = message(lambda: Corpus.open([f"{place}/a.csv", other], storage=storage))
        assert "the files of one corpus lie in one place" in text and other in text


def test_without_credentials(storage, monkeypatch):
    for name in object_store.CREDENTIALS:
        monkeypatch.delenv(name)
    fsspec.filesystem("s3").clear_instance_cache()
    text = message(lambda: Corpus.open("s3://desk/mail", storage=storage))
    assert "no credentials for the object store in the environment" in text
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in text
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.mark.parametrize("listens", [True, False])
def test_a_store_that_does_not_answer_is_given_up(monkeypatch, listens):
    monkeypatch.setattr(remote_path, "LOOK_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        storage = {"aws_endpoint_url": url, "aws_allow_http": "true", "aws_region": "us-east-1"}
        text = message(lambda: Corpus.open("s3://desk/mail/*.csv", storage=storage))
    assert "the object store doesn't answer" in text
    assert f"where: s3://desk/mail/*.csv at {url}" in text and "check storage.aws_endpoint_url" in text


def test_settings_and_addresses_that_are_refused(tmp_path):
    for storage, place in (
        ({"aws_secret_access_key": SECRET}, "s3://desk/x"),
        ({}, f"s3://key:{SECRET}@desk/x"),
        ({"aws_endpoint_url": f"http://key:{SECRET}@127.0.0.1:1"}, "s3://desk/x"),
    ):
        text = message(lambda: Corpus.open(place, storage=storage))
        assert "a credential" in text and "AWS_SECRET_ACCESS_KEY" in text
    text = message(lambda: Corpus.open("s3://desk/x", storage={"aws_endpoint_url": "http://127.0.0.1:1"}))
    assert 'storage.aws_allow_http="true"' in text
    text = message(lambda: Corpus.open("s4://desk/x"))
    assert "s4:// are not known" in text and "s3://" in text
    project = make(tmp_path / "desk", files=1)
    with pytest.raises(
        ConfigError, match=r"task\.corpus\.path is an address that holds a credential"
    ) as caught:
        config.load(project, [f"task.corpus.path='s3://key:{SECRET}@desk/x'"])
    assert SECRET not in str(caught.value)


def test_a_missing_package_is_named(monkeypatch):
    def missing(*_, **__):
        raise ImportError("Install s3fs")

    monkeypatch.setattr(fsspec, "filesystem", missing)
    assert "install weaklabel[s3]" in message(lambda: Corpus.open("s3://desk/x"))


def test_other_stores_come_as_fsspec_has_them(tmp_path):
    files, memory = halves("parquet"), fsspec.filesystem("memory")
    for name, data in files.items():
        memory.pipe_file(f"/others/{name}", data)
    near = Corpus.open(on_disk(tmp_path, files), id="key", text="body")
    for place in ("memory://others", f"file://{tmp_path}"):
        far = Corpus.open(place, id="key", text="body")
        assert_frame_equal(far.scan().collect(), near.scan().collect())
        assert far.fingerprint == near.fingerprint
        assert [far.digest(shard) for shard in far.shards()] == [
            near.digest(shard) for shard in near.shards()
        ]


def words(storage, place):
    return [f"task.corpus.path={place}", *(f"+storage.{name}='{value}'" for name, value in storage.items())]


def test_labels_are_those_from_disk_and_the_secret_is_nowhere(tmp_path, storage, bucket, caplog):
    caplog.set_level(logging.DEBUG, logger="weaklabel")
    projects = [make(tmp_path / name, files=3) for name in ("near", "far")]
    data = projects[1] / "data"
    place = bucket({path.name: path.read_bytes() for path in data.iterdir()})
    for path in data.iterdir():
        path.unlink()
    near = go(projects[0], "tracking=none")
    far = go(projects[1], *words(storage, f"{place}/*.parquet"))
    labels = [pl.scan_delta(str(p / ".weaklabel" / "labels" / "tiny")).collect().sort("id") for p in projects]
    assert labels[0].height == 18
    assert_frame_equal(labels[1].drop("model"), labels[0].drop("model"))
    assert far.outcome == near.outcome == "relabeled"
    assert go(projects[1], *words(storage, f"{place}/*.parquet")).outcome == "nothing"
    written = [path for path in projects[1].rglob("*") if path.is_file()]
    assert len(written) > 10
    for path in written:
        assert SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in caplog.text
    task = config.load(projects[1], words(storage, place))
    assert open_corpus(task, projects[1]).count() == 18


def test_a_store_that_refuses():
    def refused():
        with remote_path.asking(remote_path.RemotePath("s3://desk/x.csv")):
            raise PermissionError("Access Denied")

    text = message(refused)
    assert "the object store refuses: Access Denied" in text and "where: s3://desk/x.csv" in text
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in text
