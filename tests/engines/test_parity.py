"""One suite for all engines: the same answers, whatever happens to workers."""

import importlib.util
import multiprocessing
import os
import shutil
import signal
import threading
from dataclasses import replace

import pytest

from engines import tasks
from weaklabel import config, engines
from weaklabel.errors import CorpusError
from weaklabel.pipeline import open_task
from weaklabel.pipeline.votes import VoteTask
from weaklabel.templates import write_project

MISSING = {
    "dask": "the package distributed is not installed" * (importlib.util.find_spec("distributed") is None),
    "spark": "PySpark or Java is not installed"
    * (importlib.util.find_spec("pyspark") is None or shutil.which("java") is None),
}
NOTES = "labeling_functions/first/sample/notes.jsonl"


@pytest.fixture(params=engines.names())
def engine(request):
    if MISSING.get(request.param):
        pytest.skip(f"not tested on {request.param}: {MISSING[request.param]}")
    return engines.create(request.param, workers=2)


@pytest.fixture
def project_of_parts(tmp_path):
    """A project whose corpus is three files; folders for votes lie beside it."""
    project = write_project(tmp_path / "desk")
    lines = (project / NOTES).read_text().splitlines(keepends=True)
    (project / "data").mkdir()
    for number in range(3):
        (project / "data" / f"part-{number}.jsonl").write_text("".join(lines[number * 10 : number * 10 + 10]))
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    return project


def test_the_same_answers_whatever_their_size(engine, tmp_path):
    """Also: the maker is called once in each worker, none of which is the driver, and they have one thread each;
    nobody listens beyond this machine.
    """
    sizes = [40_000_000, 0, 1, 70_000, 2, 3, 4, 5]
    results = engine.map(tasks.Large(str(tmp_path)), sizes)
    found = [next(results)]
    assert tasks.listening() <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    found.extend(results)
    assert sorted(position for position, _ in found) == list(range(len(sizes)))
    assert all(result == (bytes(sizes[position]), "1") for position, result in found)
    made = tasks.noted(tmp_path, "made")
    assert len(set(made)) == len(made) <= engine.slots == 2
    assert os.getpid() not in made
    assert all(tasks.wait_for(lambda p=process: not tasks.is_alive(p)) for process in made)


def test_votes_are_the_same_bytes(engine, project_of_parts, tmp_path):
    task = open_task(config.load(project_of_parts, ["task.corpus.path=data"]), project_of_parts)
    make = VoteTask(task.config, task.project, task.corpus, tmp_path / "there")
    shards = list(enumerate(task.corpus.shards()))
    found = sorted(engine.map(make, shards))
    alone = replace(make, folder=tmp_path / "here")()
    assert found == [(number, alone((number, shard))) for number, shard in shards]
    for number in range(3):
        part = f"part-{number:05}.parquet"
        assert (tmp_path / "there" / part).read_bytes() == (tmp_path / "here" / part).read_bytes()


def test_nothing_to_do_makes_nothing(engine, tmp_path):
    assert list(engine.map(tasks.Square(str(tmp_path)), [])) == []
    assert tasks.noted(tmp_path, "made") == []


def test_workers_that_die_cost_their_own_items_only(engine, tmp_path):
    """Item 3 kills its worker once, item 0 each; item 6 can't be read, and says so; all others are done, once."""
    task = tasks.Killer(str(tmp_path), once=(3,), always=(0,), broken=(6,))
    found = dict(engine.map(task, range(9)))
    lost, broken = found.pop(0), found.pop(6)
    assert found == {item: item * item for item in (1, 2, 3, 4, 5, 7, 8)}
    assert isinstance(broken, CorpusError)
    assert broken.where == "6.parquet"
    assert isinstance(lost, engines.Lost)
    assert (lost.position, lost.tries, lost.where) == (0, 3, "0")
    assert "item 0 is lost: each of the 3 workers that tried it died" in str(lost)
    assert "memory ran out" in lost.hint
    assert [len(tasks.noted(tmp_path, f"item-{item}")) for item in (0, 3)] == [3, 2]


def test_an_error_arrives_whole_and_ends_the_map(engine):
    with pytest.raises(CorpusError) as caught:
        list(engine.map(tasks.Broken(), [1, 2, 3]))
    assert str(caught.value) == "no such folder\n  where: rules"
    assert any("in __call__" in note for note in caught.value.__notes__)


def test_an_interrupt_leaves_no_process(engine, tmp_path):
    before = set(multiprocessing.active_children())
    made = lambda: tasks.noted(tmp_path, "made")  # noqa: E731
    stop = lambda: tasks.wait_for(lambda: len(made()) == 2) and os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        list(engine.map(tasks.Sleeper(str(tmp_path)), [1, 2]))
    thread.join()
    assert len(made()) == 2
    assert all(tasks.wait_for(lambda p=process: not tasks.is_alive(p)) for process in made())
    assert set(multiprocessing.active_children()) <= before


def test_a_driver_that_is_killed_leaves_no_worker(engine, tmp_path):
    context = multiprocessing.get_context("spawn")
    driver = context.Process(target=tasks.drive, args=(engine, tasks.Sleeper(str(tmp_path)), [1, 2]))
    driver.start()
    assert tasks.wait_for(lambda: len(tasks.noted(tmp_path, "made")) == 2)
    driver.kill()
    driver.join()
    for process in tasks.noted(tmp_path, "made"):
        assert tasks.wait_for(lambda p=process: not tasks.is_alive(p)), f"{process} runs on"
