"""Several processes at once, and processes killed in the middle: no answer is lost, none is doubled."""

import random
import subprocess
import sys
import time

import polars as pl
import pytest

from weaklabel.gold import Ledger
from weaklabel.gold.ledger.answers import ANSWERS

# Opens the ledger and imports parts of answers, one `add` each, when it is told where.
WORKER = """
import sys
import polars as pl
from weaklabel.gold import Ledger
name, first, parts, size = sys.argv[1], *map(int, sys.argv[2:])

def part(i):
    rows = [(f"i{j}", name, "label", ["spam"]) for j in range(i * size, (i + 1) * size)]
    return pl.DataFrame(rows, schema=["item", "annotator", "kind", "labels"], orient="row")

frames = [part(i) for i in range(first, first + parts)]
print("ready", flush=True)
ledger = Ledger.open(sys.stdin.readline().strip())
added = [ledger.add(frame, task="mail") for frame in frames]
print(sum(a.new for a in added), sum(a.known for a in added), flush=True)
"""
SIZE = 20
PARTS = 12


class Worker:
    """A process that imports `parts` parts of SIZE answers of one annotator, from part `first` on."""

    def __init__(self, place, name="ann", first=0, parts=PARTS):
        self.place = place
        command = [sys.executable, "-c", WORKER, name, *map(str, (first, parts, SIZE))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_until_ready(self):
        assert self.process.stdout.readline() == "ready\n"

    def start(self):
        self.process.stdin.write(f"{self.place}\n")
        self.process.stdin.flush()

    def result(self):
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0
        return tuple(map(int, out.split()))

    def kill(self):
        self.process.kill()  # SIGKILL
        self.process.communicate(timeout=120)


def run(*workers):
    for worker in workers:
        worker.wait_until_ready()
    for worker in workers:
        worker.start()
    return [worker.result() for worker in workers]


def contents(ledger):
    return sorted(ledger.answers(task="mail").select("item", "annotator").rows())


def wanted(name, count):
    return [(f"i{j}", name) for j in range(count)]


def test_two_processes_import_the_same(place):
    results = run(Worker(place, parts=10), Worker(place, parts=10))
    ledger = Ledger.open(place)
    assert contents(ledger) == sorted(wanted("ann", 10 * SIZE))
    assert sum(new for new, _ in results) == sum(known for _, known in results) == 10 * SIZE
    assert ledger.answers()["number"].to_list() == list(range(1, 10 * SIZE + 1))
    assert len(ledger.pseudonyms()) == 1


def test_processes_import_different_and_overlapping_answers(place):
    results = run(
        Worker(place, parts=8), Worker(place, "bob", parts=8), Worker(place, "bob", first=4, parts=8)
    )
    ledger = Ledger.open(place)
    assert contents(ledger) == sorted(wanted("ann", 8 * SIZE) + wanted("bob", 12 * SIZE))
    assert sum(new for new, _ in results) == 20 * SIZE
    assert ledger.answers()["number"].to_list() == list(range(1, 20 * SIZE + 1))
    assert set(ledger.pseudonyms()) == {"ann", "bob"}


def kill_and_import_again(new_place, points, seed):
    """Kill imports at random moments of their whole length; return how many parts each had written."""
    place = new_place()
    whole, worker = Worker(place), Worker(None)
    whole.wait_until_ready()
    begun = time.monotonic()
    whole.start()
    assert whole.result() == (PARTS * SIZE, 0)
    length = time.monotonic() - begun
    generator = random.Random(seed)
    moments = [(i + generator.random()) / points for i in range(points)]
    generator.shuffle(moments)
    reached = []
    for i, moment in enumerate(moments):
        worker.wait_until_ready()
        place = worker.place = new_place(again=place)
        worker.start()
        time.sleep(moment * length)
        worker.kill()
        worker = (
            Worker(None) if i + 1 < points else None
        )  # it starts while we look at what the other one left
        ledger = Ledger.open(place, timeout=30)
        there = ledger.answers()
        assert there.height % SIZE == 0, "a part is there as a whole or not at all"
        again = ledger.add(frame(), task="mail")
        assert (again.new, again.known) == (PARTS * SIZE - there.height, there.height)
        assert contents(ledger) == sorted(wanted("ann", PARTS * SIZE))
        assert ledger.answers()["number"].to_list() == list(range(1, PARTS * SIZE + 1))
        assert len(ledger.pseudonyms()) == 1
        reached.append(there.height // SIZE)
    return reached


def frame():
    names = ("item", "annotator", "kind", "labels")
    rows = [(f"i{j}", "ann", "label", ["spam"]) for j in range(PARTS * SIZE)]
    return pl.DataFrame(rows, schema={name: ANSWERS[name] for name in names}, orient="row")


def test_a_process_killed_at_ten_moments(new_place):
    assert len(kill_and_import_again(new_place, 10, seed=1)) == 10


@pytest.mark.slow
def test_a_process_killed_at_a_hundred_moments(new_place):
    reached = kill_and_import_again(new_place, 100, seed=2)
    assert any(0 < parts < PARTS for parts in reached), "some were killed in the middle"
