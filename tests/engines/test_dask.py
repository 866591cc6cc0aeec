"""Dask: what is its own; what all engines do is in test_parity."""

import importlib.util
import multiprocessing

import pytest

from engines import tasks
from weaklabel import engines
from weaklabel.engines import dask
from weaklabel.errors import ConfigError, WeakLabelError

HERE = importlib.util.find_spec("distributed") is not None
needs_dask = pytest.mark.skipif(not HERE, reason="the package distributed is not installed")


def test_settings_that_can_not_be():
    with pytest.raises(ConfigError, match=r"engine\.workers is -1"):
        engines.create("dask", workers=-1)
    with pytest.raises(ConfigError, match=r"engine\.address is 'host:8786', which names no protocol"):
        engines.create("dask", address="host:8786")
    assert engines.create("dask", workers=0).slots >= 1


def test_where_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(dask, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="`distributed`, which is not installed") as caught:
        list(engines.create("dask").map(tasks.Broken(), [1]))
    assert caught.value.hint == "pip install 'weaklabel[dask]', or engine=local"


@needs_dask
def test_no_scheduler_at_an_address(monkeypatch):
    monkeypatch.setattr(dask, "_CONNECTING", 0.2)
    with pytest.raises(WeakLabelError, match="no Dask scheduler answers at tcp"):
        list(engines.create("dask", address="tcp://127.0.0.1:9").map(tasks.Broken(), [1]))


@needs_dask
def test_a_scheduler_that_runs_elsewhere_and_is_killed(tmp_path):
    """Its workers are used, and end a rule that takes too long; when it is killed, one error says so, and what is done
    is done.
    """
    cluster = multiprocessing.get_context("spawn").Process(target=tasks.dask_cluster, args=(str(tmp_path),))
    cluster.start()
    assert tasks.wait_for((tmp_path / "address").exists)
    engine = engines.create("dask", address=(tmp_path / "address").read_text())
    assert engine.slots == 1
    assert sorted(engine.map(tasks.Square(str(tmp_path)), [1, 2, 3])) == [(0, 1), (1, 4), (2, 9)]
    assert list(engine.map(tasks.Square(str(tmp_path)), [5])) == [(0, 25)]
    ended = list(engine.map(tasks.Endless(str(tmp_path)), [1]))
    assert ended == [(0, "took more than 0.2 s on one batch")]
    running = engine.map(tasks.Sleeper(str(tmp_path), 0.2), range(10, 200))
    done = next(running)
    cluster.kill()
    cluster.join()
    with pytest.raises(WeakLabelError, match="went away, or has no workers any more") as caught:
        list(running)
    assert "the same command goes on" in caught.value.hint
    assert tasks.noted(tmp_path, f"item-{10 + done[0]}")
    assert not tasks.noted(tmp_path, "item-199")
