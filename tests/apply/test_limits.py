"""Rules that run away or eat memory are ended, and nothing of the watch is left behind."""

import random
import re
import resource
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import polars as pl
import pytest

from weaklabel import LabelSchema, LFApplier, LFRegistry, RuleFault, labeling_function, regex
from weaklabel.apply.limits import Limits, TooMuchError
from weaklabel.errors import ConfigError

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is watched on Linux only")


def forever():
    while True:
        pass


def swallows():
    while True:
        try:
            while True:
                pass
        except Exception:  # noqa: BLE001 - what a careless rule does
            continue


def grows():
    held = []
    while True:
        held.append(bytes(1 << 20))


@pytest.mark.parametrize(
    "work",
    [
        forever,
        swallows,
        lambda: re.search(r"(a+)+$", "a" * 40 + "b"),
        lambda: re.search(r"(?=(a+)+$)x", "a" * 40 + "b"),
        lambda: time.sleep(60),
        lambda: sorted(range(10**7), key=lambda x: -x),
    ],
    ids=["loop", "except Exception", "regex", "look-ahead", "sleep", "sort"],
)
def test_what_runs_away_is_ended(work):
    with pytest.raises(TooMuchError, match=r"took more than 0.2 s on one batch$"), Limits(seconds=0.2).over():
        work()


def test_one_that_swallows_everything_is_raised_again():
    times = []

    def stubborn():
        while len(times) < 2:
            try:
                forever()
            except BaseException:  # noqa: BLE001 - what a very careless rule does
                times.append(time.monotonic())
        forever()

    with pytest.raises(TooMuchError), Limits(seconds=0.1).over():
        stubborn()
    assert len(times) == 2


@linux
@pytest.mark.parametrize("work", [grows, lambda: bytearray(1 << 40), lambda: list(range(10**10))])
def test_what_eats_memory_fails_before_the_machine_does(work):
    with pytest.raises(MemoryError), Limits(megabytes=256).over():
        work()


def test_nothing_is_left_behind():
    before = signal.getsignal(signal.SIGALRM), resource.getrlimit(resource.RLIMIT_AS)
    with Limits(seconds=5).over():
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    with pytest.raises(ZeroDivisionError), Limits(seconds=5).over():
        1 / 0
    with pytest.raises(TooMuchError), Limits(seconds=0.1).over():
        forever()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert (signal.getsignal(signal.SIGALRM), resource.getrlimit(resource.RLIMIT_AS)) == before
    time.sleep(0.1)


def test_no_limits_watch_nothing():
    with Limits(seconds=None, megabytes=None).over():
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def in_a_thread(work):
    """Run something in another thread, as workers of Dask do; return what it raised there."""
    with ThreadPoolExecutor(1) as threads:
        error = threads.submit(work).exception()
        assert (
            threads.submit(lambda: sum(range(10_000))).result() == 49_995_000
        )  # nothing is left for the next
    return error


@pytest.mark.parametrize(
    "work", [forever, swallows, lambda: time.sleep(0.3)], ids=["loop", "except", "sleep"]
)
def test_in_other_threads_what_runs_away_is_ended_between_two_steps_of_python(work):
    def limited():
        with Limits(seconds=0.1).over():
            work()

    error = in_a_thread(limited)
    assert isinstance(error, TooMuchError) and str(error) == "took more than 0.1 s on one batch"


def test_in_other_threads_nothing_is_left_behind():
    def quick():
        for _ in range(300):
            with Limits(seconds=0.002).over(), suppress(TooMuchError):
                for _ in range(rng.randrange(40_000)):
                    pass

    rng = random.Random(1)
    error = in_a_thread(quick)
    assert error is None or isinstance(error, TooMuchError)
    assert in_a_thread(lambda: Limits(seconds=None).over().__enter__()) is None
    assert in_a_thread(lambda: 1 / 0).args == ("division by zero",)
    watching = [one for one in threading.enumerate() if one.name == "weaklabel-limit"]
    for one in watching:
        one.join(60)
    assert not any(one.is_alive() for one in watching)


@pytest.mark.parametrize(
    "bad", [{"seconds": 0}, {"seconds": -1}, {"megabytes": 0}, {"seconds": float("nan")}]
)
def test_limits_are_more_than_nothing(bad):
    with pytest.raises(ConfigError, match="more than 0 is wanted"):
        Limits(**bad)


# ---- rules that are ended ----


def applied(rules, on_error="raise"):
    frame = pl.DataFrame({"id": ["a", "b", "c"], "text": ["fine", "endless", "fine"]})
    applier = LFApplier(
        LFRegistry(rules, schema=LabelSchema(["ham", "spam"])), on_error=on_error, limits=Limits(seconds=0.3)
    )
    return applier.apply(frame)


def waits(row):
    while row["text"] == "endless":
        pass
    return 1


def test_the_row_at_which_a_rule_was_ended_is_named():
    rule = labeling_function(waits, name="waits", label="spam")
    with pytest.raises(RuleFault) as caught:
        applied([rule])
    assert "rule 'waits' took more than 0.3 s on one batch" in str(caught.value)
    assert "row 'b'" in str(caught.value) and "endless" in str(caught.value)
    votes = applied([rule], "abstain")
    assert votes.to_numpy().ravel().tolist() == [1, -2, -2] and votes.faults == {"waits": 2}


@pytest.mark.snorkel
def test_a_snorkel_rule_that_is_ended_leaves_the_others_going():
    from snorkel.labeling import LabelingFunction

    rules = [
        LabelingFunction("first", f=lambda row: 0),
        LabelingFunction("waits", f=waits),
        LabelingFunction("last", f=lambda row: 1 if row.text == "fine" else -1),
    ]
    with pytest.raises(RuleFault, match=r"rule 'waits' took more than 0.9 s on one batch"):
        applied(rules)
    votes = applied(rules, "abstain")
    assert votes.to_numpy().T.tolist() == [[0, 0, 0], [1, -2, -2], [1, -1, 1]]
    assert votes.faults == {"waits": 2}


@pytest.mark.parametrize(
    "pattern", [r"(a+)+$", r"(?=(a+)+$)x?b", r"(a)(\1+)+$"], ids=["plain", "look-ahead", "reference"]
)
@pytest.mark.parametrize("hard", ["", "ſ"], ids=["ASCII", "beyond"])
def test_a_regex_that_runs_away_is_ended(pattern, hard):
    texts = ["aaa", f"{hard}{'a' * 60}c", "aa"]
    frame = pl.DataFrame({"id": ["a", "b", "c"], "text": texts})
    rule = regex("greedy", pattern, label="spam", case="ignore")
    schema = LabelSchema(["ham", "spam"])

    def votes(on_error):
        registry = LFRegistry([rule], schema=schema)
        return LFApplier(registry, on_error=on_error, limits=Limits(seconds=0.3)).apply(frame)

    try:
        found = votes("raise")
    except RuleFault as error:
        message = str(error)
        assert "rule 'greedy' took more than 0.3 s on one batch" in message and "test_limits.py" in message
        assert "row 'b'" in message and "(a+)+" in error.hint
        counted = votes("abstain")
        assert counted.to_numpy()[1, 0] == -2 and counted.faults["greedy"] in (1, 2)
    else:  # the scan reads it in time that grows with the text
        assert pattern == r"(a+)+$" and not hard
        assert found.to_numpy()[1, 0] == -1
