"""Spark: what is its own; what all engines do is in test_parity, where PySpark and Java are found."""

import pytest

from engines import tasks
from weaklabel import engines
from weaklabel.engines import spark
from weaklabel.errors import ConfigError


def test_settings():
    with pytest.raises(ConfigError, match=r"engine\.workers is -1"):
        engines.create("spark", workers=-1)
    assert engines.create("spark", workers=0).slots >= 1
    assert engines.create("spark", workers=5).slots == 5


def test_where_pyspark_is_not_installed(monkeypatch):
    monkeypatch.setattr(spark, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="`pyspark`, which is not installed") as caught:
        list(engines.create("spark").map(tasks.Broken(), [1]))
    assert caught.value.hint == "pip install 'weaklabel[spark]', or engine=local"


def test_where_java_is_not_found(monkeypatch, tmp_path):
    monkeypatch.setattr(spark, "find_spec", lambda name: name)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigError, match="engine=spark needs Java") as caught:
        engines.create("spark", master="spark://host:7077").slots
    assert "engine=local" in caught.value.hint


def test_nothing_to_do_needs_no_spark(monkeypatch):
    monkeypatch.setattr(spark, "find_spec", lambda name: None)
    assert list(engines.create("spark").map(tasks.Broken(), [])) == []
