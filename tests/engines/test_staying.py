"""Worker processes that stay from one map to the next."""

import multiprocessing
import os
import signal
from functools import partial

import pytest

from weaklabel import engines
from weaklabel.engines.local import LocalEngine

POWER = partial(partial, pow, 2)


def children():
    return {child.pid for child in multiprocessing.active_children()}


def test_the_same_processes_serve_each_map_and_end_with_the_block():
    before = children()
    with LocalEngine(workers=2).staying() as engine:
        assert sorted(engine.map(POWER, [3, 4, 5])) == [(0, 8), (1, 16), (2, 32)]
        workers = children() - before
        assert len(workers) == 2
        assert sorted(engine.map(partial(partial, pow, 3), [1, 2])) == [(0, 3), (1, 9)]
        assert children() - before == workers
        assert sorted(engine.map(POWER, [6] * 5)) == [(i, 64) for i in range(5)]
        assert children() - before == workers
    assert children() <= before
    assert sorted(engine.map(POWER, [3, 4])) == [(0, 8), (1, 16)]
    assert children() <= before


def test_a_process_that_died_between_maps_is_replaced():
    before = children()
    with LocalEngine(workers=2).staying() as engine:
        list(engine.map(POWER, [1, 2]))
        first = sorted(children() - before)
        os.kill(first[0], signal.SIGKILL)
        for child in multiprocessing.active_children():
            if child.pid == first[0]:
                child.join(10)
        assert sorted(engine.map(POWER, [3, 4])) == [(0, 8), (1, 16)]
        assert first[1] in children() and first[0] not in children()
    assert children() <= before


def test_an_error_ends_the_processes_and_the_next_map_has_others():
    before = children()
    with LocalEngine(workers=2).staying() as engine:
        with pytest.raises(ZeroDivisionError):
            list(engine.map(partial(partial, divmod, 1), [0, 0]))
        assert children() <= before
        assert sorted(engine.map(POWER, [3, 4])) == [(0, 8), (1, 16)]
    assert children() <= before


def test_every_engine_can_stay_and_says_where_items_run():
    for name in engines.names():
        engine = engines.create(name, workers=2)
        with engine.staying() as same:
            assert same is engine and not engine.here
    assert LocalEngine().here
