"""Label tables out."""

import json

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from weaklabel import export
from weaklabel.errors import ConfigError, OutputError
from weaklabel.schema import LABEL_COLUMNS, LabelSchema

SCHEMA = LabelSchema(["ham", "Sci/Tech"])
TABLE = pl.DataFrame(
    {
        "id": ["a 🐻", 'b,\r\n"c"', "c"],
        "label": ["ham", None, None],
        "status": ["labeled", "tie", "uncovered"],
        "probabilities": [[0.75, 0.25], [0.5, 0.5], None],
        "n_votes": [2, 2, 0],
        "pattern": [-(2**62), 7, 0],
        "run_id": ["r", "r", "r"],
    },
    schema_overrides=LABEL_COLUMNS,
)


def test_all_formats_hold_the_same(tmp_path):
    files = export.write_labels(TABLE, tmp_path, schema=SCHEMA, formats=["jsonl", "csv", "csv"])
    assert [f.name for f in files] == ["labels.parquet", "labels.jsonl", "labels.csv"]
    assert_frame_equal(pl.read_parquet(files[0]), TABLE)
    lines = [json.loads(line) for line in files[1].read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == TABLE["id"].to_list()
    assert [line["probabilities"] for line in lines] == [
        {"ham": 0.75, "Sci/Tech": 0.25},
        {"ham": 0.5, "Sci/Tech": 0.5},
        None,
    ]
    wide = pl.read_csv(files[2])
    assert wide["id"].to_list() == TABLE["id"].to_list()
    assert wide.columns == ["id", "label", "status", "n_votes", "pattern", "run_id", "p_ham", "p_Sci/Tech"]
    assert wide["p_Sci/Tech"].to_list() == [0.25, 0.5, None]


def test_unknown_format(tmp_path):
    with pytest.raises(ConfigError, match="no export format 'cvs'") as caught:
        export.write_labels(TABLE, tmp_path, schema=SCHEMA, formats=["cvs"])
    assert caught.value.hint == "did you mean 'csv'?"


def test_an_unwritable_place_is_an_output_error(tmp_path):
    (tmp_path / "labels.parquet").mkdir()
    with pytest.raises(OutputError, match="can't write") as caught:
        export.write_labels(TABLE, tmp_path, schema=SCHEMA)
    assert caught.value.where == str(tmp_path / "labels.parquet")
    with pytest.raises(OutputError, match="can't write"):
        export.write_text("x", tmp_path / "missing" / "a.txt")
