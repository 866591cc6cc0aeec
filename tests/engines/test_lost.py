"""How often items are tried: a simulation of workers that die."""

from hypothesis import given
from hypothesis import strategies as st

from weaklabel.engines.lost import TRIES, Lost, Tries


def play(deadly, slots, order):
    """Run items to their end; `deadly[item]` of its tries kill the worker, `order` says who is done next.

    Returns each item's end, how often each was begun, and those that ran beside others when they were given up.
    """
    tries, running, ends, begun = Tries(list(range(len(deadly)))), [], {}, [0] * len(deadly)
    beside = {}
    while True:
        while len(running) < slots and (position := tries.next(running=len(running))) is not None:
            running.append(position)
            begun[position] += 1
            for other in running:
                beside[other] = len(running) > 1
        if not running:
            return ends, begun, beside
        position = running.pop(order.draw(st.integers(0, len(running) - 1)))
        if begun[position] <= deadly[position]:
            lost = tries.died(position, "killed")
            if lost:
                ends[position] = lost
        else:
            ends[position] = "done"


@given(deadly=st.lists(st.integers(0, 5), max_size=8), slots=st.integers(1, 4), order=st.data())
def test_every_item_ends_once_and_only_deadly_ones_are_lost(deadly, slots, order):
    ends, begun, beside = play(deadly, slots, order)
    assert sorted(ends) == list(range(len(deadly)))
    for position, times in enumerate(deadly):
        assert isinstance(ends[position], Lost) == (times >= TRIES)
        assert begun[position] == min(times + 1, TRIES)
        if times >= TRIES:
            assert ends[position].tries == TRIES
            assert not beside[position]


def test_an_item_that_was_not_begun_is_not_blamed():
    tries = Tries(["a", "b", "c"])
    assert [tries.next(running=n) for n in range(2)] == [0, 1]
    tries.back(1)
    assert tries.waiting == 2
    assert tries.died(0) is None
    assert tries.died(tries.next(running=0)) is None
    assert [tries.next(running=n) for n in (0, 1)] == [1, 2]
    assert tries.next(running=2) is None
    assert tries.next(running=0) == 0
    tries.back(0)
    assert tries.waiting == 0
    assert tries.next(running=1) is None
    assert tries.next(running=0) == 0
    assert str(tries.died(0)).splitlines()[0] == "item 0 is lost: each of the 3 workers that tried it died"


def test_a_death_that_counts_for_several():
    """A scheduler of its own mind tries again by itself, and tells of it later."""
    tries = Tries(["a", "b"])
    assert [tries.next(running=n) for n in range(2)] == [0, 1]
    assert tries.died(0, times=4) is None
    assert tries.next(running=1) is None
    assert tries.next(running=0) == 0
    assert tries.died(0, times=4).tries == 8
