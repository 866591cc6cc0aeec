"""The local engine: one process or several, the same answers."""

import os
import time
from dataclasses import dataclass
from functools import partial

import pytest

from weaklabel import engines
from weaklabel.engines import machine
from weaklabel.engines.local import ONE_THREAD, LocalEngine
from weaklabel.errors import ConfigError, WeakLabelError

# Workers import what they run by name, and test modules have none: the tests use functions of the library and of
# the standard library only.


@dataclass(frozen=True)
class Counting:
    made: list

    def __call__(self):
        self.made.append(1)
        return str


def test_names_and_unknown_names():
    assert engines.names()[:2] == ("local", "dask")
    with pytest.raises(ConfigError, match="engine: no choice 'locl'") as caught:
        engines.create("locl")
    assert caught.value.hint == "did you mean 'local'?"


def test_in_process_makes_once_and_keeps_order():
    made = []
    assert list(LocalEngine().map(Counting(made), [3, 4, 5])) == [(0, "3"), (1, "4"), (2, "5")]
    assert made == [1]
    assert list(LocalEngine(workers=2).map(Counting(made), [7])) == [(0, "7")]
    assert made == [1, 1]


def test_workers_give_the_same_answers():
    make = partial(partial, pow, 2)
    items = list(range(7))
    serial = sorted(LocalEngine(workers=1).map(make, items))
    assert sorted(LocalEngine(workers=2).map(make, items)) == serial == [(i, 2**i) for i in items]


def test_workers_have_one_thread_each():
    make = partial(partial, os.getenv)
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    found = [value for _, value in LocalEngine(workers=2).map(make, list(ONE_THREAD))]
    assert found == ["1"] * len(ONE_THREAD)
    assert {name: os.environ.get(name) for name in ONE_THREAD} == before


def test_an_error_of_a_worker_arrives_whole():
    with pytest.raises(ConfigError) as here:
        engines.engine_class("locl")
    with pytest.raises(ConfigError) as caught:
        list(LocalEngine(workers=2).map(partial(partial, engines.engine_class), ["locl", "locl"]))
    assert str(caught.value) == str(here.value)


def test_large_items_and_large_results_pass_each_other():
    """Items are sent while results come back; neither side waits for the other, though no pipe holds so much."""
    items = [bytes([97 + number]) * 3_000_000 for number in range(8)]
    found = dict(LocalEngine(workers=2).map(partial(partial, bytes.upper), items))
    assert all(found[number] == items[number].upper() for number in range(8))


def test_processes_that_can_not_start(monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    with pytest.raises(
        WeakLabelError, match=r"can't be started: 3 in a row ended at once \(it ended with"
    ) as caught:
        list(LocalEngine(workers=2).map(partial(partial, pow, 2), [1, 2]))
    assert "`if __name__ == '__main__':`" in caught.value.hint
    assert "Python" in capfd.readouterr().err


def test_no_worker_is_left_after_an_error():
    import multiprocessing

    with pytest.raises(ZeroDivisionError):
        list(LocalEngine(workers=2).map(partial(partial, divmod, 1), [0, 0]))
    for _ in range(100):
        if not multiprocessing.active_children():
            break
        time.sleep(0.05)
    assert multiprocessing.active_children() == []


def test_number_of_workers():
    assert LocalEngine(workers=0).workers >= 1
    with pytest.raises(ConfigError, match=r"engine\.workers is -1"):
        LocalEngine(workers=-1)


def test_memory_limits_workers_too(monkeypatch, tmp_path):
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "some").write_text(f"{4 << 30}\n")
    monkeypatch.setattr(machine, "_LIMITS", (str(tmp_path / "max"), str(tmp_path / "none")))
    everything = machine.memory_bytes()
    assert everything == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(machine, "_LIMITS", (str(tmp_path / "max"), str(tmp_path / "some")))
    assert machine.memory_bytes() == min(4 << 30, everything)
    monkeypatch.setattr(machine, "count_processors", lambda: 64)
    assert LocalEngine(workers=0).workers == machine.memory_bytes() // (3 << 29)
