"""The local engine: one process or several, the same answers."""

import os
import time
from dataclasses import dataclass
from functools import partial

import pytest

from weaklabel import engines
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
    assert engines.names() == ("local",)
    with pytest.raises(ConfigError, match="engine: no choice 'locl'") as caught:
        engines.create("locl")
    assert caught.value.hint == "did you mean 'local'?"


def test_in_process_makes_once_and_keeps_order():
    made = []
    assert list(LocalEngine().map(Counting(made), [3, 4, 5])) == [(0, "3"), (1, "4"), (2, "5")]
    assert made == [1]


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


def test_a_dead_worker_is_reported():
    with pytest.raises(WeakLabelError, match="a worker process died"):
        list(LocalEngine(workers=2).map(partial(partial, os._exit), [1, 1]))


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
