"""Bulk relabeling elsewhere: on other engines, and with its table in an object store."""

import importlib.util
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from object_store import CREDENTIALS, server
from relabel_project import add_file, data_files, go, make, settings
from weaklabel.pipeline.diffing.diff import diff
from weaklabel.pipeline.diffing.explain import explain
from weaklabel.pipeline.diffing.recall import recall
from weaklabel.store.label_table import LabelTable

MISSING = {
    "dask": "the package distributed is not installed" * (importlib.util.find_spec("distributed") is None),
    "spark": "PySpark or Java is not installed"
    * (importlib.util.find_spec("pyspark") is None or shutil.which("java") is None),
}


@pytest.mark.parametrize("engine", ["dask", "spark"])
def test_the_same_bytes_on_every_engine(tmp_path, engine):
    if MISSING[engine]:
        pytest.skip(f"not tested on {engine}: {MISSING[engine]}")
    here, there = make(tmp_path / "here", files=2), make(tmp_path / "there", files=3, engine=engine)
    go(here)
    path = there / "data" / "part-2.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert go(there, "engine.workers=2").outcome == "partly"
    path.unlink()
    result = go(there, "engine.workers=2")
    assert result.outcome == "relabeled" and result.shards["resumed"] == 2
    assert data_files(there) == data_files(here)


def looked_at(here, there, words):
    """What a table in an object store says of its rows is what one in a folder says."""
    found = [
        (explain(config, place, "r2-1"), recall(config, place, "thanks", since="v0", out=place / "rows.csv"),
         diff(config, place, "v0", "v1"))
        for place, config in ((here, settings(here)), (there, settings(there, *words)))
    ]  # fmt: skip
    (why, told, change), (why_there, told_there, change_there) = found
    times = [{**line, "time": ""} for line in why.history]
    assert [{**line, "time": ""} for line in why_there.history] == times and len(times) == 2
    assert (why_there.label, why_there.votes, why_there.text) == (why.label, why.votes, why.text)
    assert why.text and told.rows == told_there.rows > 0
    assert_frame_equal(pl.read_csv(here / "rows.csv").sort("id"), pl.read_csv(there / "rows.csv").sort("id"))
    assert (change.rows, change.only_after) == (change_there.rows, change_there.only_after) == (12, 6)


def test_a_table_in_an_object_store(tmp_path, monkeypatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    here, there = make(tmp_path / "here", files=2), make(tmp_path / "there", files=2)
    go(here)
    add_file(here, 2)
    go(here)
    with server() as options:
        words = ["relabel.table=s3://desk/labels/tiny"]
        words += [f"storage.{name}='{value}'" for name, value in options.items()]
        assert go(there, *words).version == 0
        assert go(there, *words).outcome == "nothing"
        add_file(there, 2)
        result = go(there, *words)
        assert (result.version, result.shards["linked"], result.shards["voted"]) == (1, 2, 1)
        table = LabelTable("s3://desk/labels/tiny", storage=options)
        found = {name: table.place.read(name) for name in table.files()}
        assert found == data_files(here)
        assert table.scan().select(pl.len()).collect().item() == 18
        looked_at(here, there, words)
    written = [p for p in (there / ".weaklabel").rglob("*") if p.is_file()]
    secret = CREDENTIALS["AWS_SECRET_ACCESS_KEY"].encode()
    assert written and not [p for p in map(Path, written) if secret in p.read_bytes()]
