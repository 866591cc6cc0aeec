"""Killed anywhere, or out of disk, a bulk relabeling loses nothing: the same command ends with the bytes of an
undisturbed run.
"""

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from relabel_project import attempt, data_files, go, make, settings, table
from small_disk import grow
from weaklabel.pipeline.label_places import open_pattern_table

EVENTS = 24
"""A kill comes after fewer new files than this; an undisturbed relabeling makes about 80."""
POLL = 0.002
PATIENCE = 600
"""Seconds that a driver may need to go on without the worker that was killed, however busy the machine is."""


def starter():
    """Return what starts processes that have the package loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "relabel_project",
            "relabel_warm",
            "weaklabel.pipeline.relabeling.relabel",
            "deltalake",
            "pyarrow.parquet",
        ]
    )
    return context


def paths(folder):
    """Return all files below a folder, those that are being written too."""
    found = set()
    for base, _, names in os.walk(folder):
        found |= {f"{base}/{name}" for name in names}
    return found


def children(pid):
    """Return the processes that a process has started."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def killed(project, words, events, whom, wait):
    """Start a relabeling, and kill it when so many new files have been seen; return how many kills hit a process."""
    process = starter().Process(target=attempt, args=(str(project), list(words)))
    seen = start = paths(project / ".weaklabel")
    process.start()
    while process.is_alive() and len(seen) - len(start) < events:
        seen = seen | paths(project / ".weaklabel")
        time.sleep(POLL)
    time.sleep(wait)
    below, hits = children(process.pid), 0
    if whom in ("worker", "both") and below:
        hits += _kill(below[-1])
    if whom in ("driver", "both") or not below:
        hits += _kill(process.pid)
    process.join(PATIENCE)
    if whom != "worker":
        for pid in below:
            _kill(pid)
    assert process.exitcode in (0, -signal.SIGKILL)
    return hits if whom == "worker" else int(process.exitcode == -signal.SIGKILL)


def _kill(pid):
    """Kill a process; return whether it was there to be killed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def check(project, expected):
    """Finish, and look at everything that a reader could see."""
    result = go(project)
    assert result.outcome in ("relabeled", "nothing")
    assert data_files(project) == expected
    labels = table(project).scan().collect()
    assert labels["id"].n_unique() == labels.height == 36
    votes = open_pattern_table(settings(project), project).votes_of(labels["pattern"])
    assert set(votes["pattern"]) == set(labels["pattern"])
    assert go(project).outcome == "nothing"
    left = [p for p in paths(project / ".weaklabel" / "relabel") if "/votes/" in p or "/unseen/" in p]
    assert left == []


def kill_often(tmp_path, kills, seed, whom=("driver",), words=()):
    """Kill relabelings of one project after the other at random points; check each when it has ended."""
    rng = random.Random(seed)
    calm = make(tmp_path / "calm", files=6)
    go(calm)
    first = data_files(calm)
    project, done, count = None, 0, 0
    while done < kills:
        if project is None:
            count += 1
            project = make(tmp_path / f"desk{count}", files=6)
        hits = killed(project, words, rng.randrange(EVENTS), rng.choice(whom), rng.random() * 0.02)
        done += hits > 0
        if table(project).version() is not None:
            assert table(project).version() == 0
            check(project, first)
            project = None
    if project is not None:
        check(project, first)


def fill_the_disk(tmp_path, step):
    """Relabel on a disk that is full, until there is room for all of it; return how often it was full."""
    calm, project = make(tmp_path / "calm", files=2, rows=600), make(tmp_path / "desk", files=2, rows=600)
    go(calm)
    (project / ".weaklabel").mkdir()
    process = starter().Process(target=grow, args=(str(project), step, str(tmp_path / "report.json")))
    process.start()
    process.join()
    assert process.exitcode == 0
    found = json.loads((tmp_path / "report.json").read_text())
    if "forbidden" in found:
        pytest.skip(f"not tested on a file system of its own: {found['forbidden']}")
    *full, last = found["attempts"]
    for one in full:
        assert (one["outcome"], one["version"], one["left"]) == ("full", None, []), one
        assert one["said"][0].startswith("can't "), one
    assert (last["outcome"], last["version"], found["again"]) == ("relabeled", 0, "nothing")
    assert {name: bytes.fromhex(data) for name, data in found["data"].items()} == data_files(calm)
    return len(full)


def test_a_full_disk_is_one_clear_error_and_with_more_room_it_goes_on(tmp_path):
    """Where no file system can be mounted, the limit on the size of files in test_cli_relabel stands for this."""
    assert fill_the_disk(tmp_path, step=48) > 2


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_of_its_pages(tmp_path):
    assert fill_the_disk(tmp_path, step=4) > 30


def test_kills_of_the_driver(tmp_path):
    kill_often(tmp_path, kills=8, seed=int(time.time()))


def test_kills_of_workers_and_of_both(tmp_path):
    kill_often(tmp_path, kills=2, seed=int(time.time()), whom=("worker", "both"), words=("engine.workers=2",))


@pytest.mark.slow
def test_many_kills_of_the_driver(tmp_path):
    kill_often(tmp_path, kills=150, seed=1)


@pytest.mark.slow
def test_many_kills_of_workers_and_of_both(tmp_path):
    kill_often(tmp_path, kills=50, seed=2, whom=("worker", "driver", "both"), words=("engine.workers=2",))
