"""One worker process: what it says, and how it ends."""

import os
import signal
from functools import partial

import pytest

from engines import tasks
from weaklabel.engines.worker import DiedError, Worker, packed
from weaklabel.errors import CorpusError


@pytest.fixture
def worker(request):
    worker = Worker(packed(request.param))
    yield worker
    worker.kill()


@pytest.mark.parametrize("worker", [partial(partial, os._exit)], indirect=True)
def test_what_is_done_comes_before_the_end(worker):
    """A worker takes items ahead; the first of `sent` is the one that it ran when it ended."""
    worker.send(0, b"no pickle")
    worker.send(1, packed(7))
    worker.send(2, packed(8))
    assert worker.receive() is None
    assert worker.started
    with pytest.raises(Exception, match=r"pickle|load key"):
        worker.receive()
    with pytest.raises(DiedError, match="it ended with exit code 7"):
        worker.receive()
    assert list(worker.sent) == [1, 2]


@pytest.mark.parametrize("worker", [partial(partial, open)], indirect=True)
def test_a_result_that_can_not_travel_is_an_error_of_the_item(worker):
    worker.send(0, packed("/dev/null"))
    assert worker.receive() is None
    with pytest.raises(TypeError, match="cannot pickle"):
        worker.receive()
    assert not worker.sent
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(DiedError, match="killed by SIGKILL"):
        worker.receive()


@pytest.mark.parametrize("worker", [tasks.Broken()], indirect=True)
def test_an_error_of_the_maker_is_an_error_of_each_item(worker):
    for position in range(2):
        worker.send(position, packed(1))
    assert worker.receive() is None
    for _ in range(2):
        with pytest.raises(CorpusError, match="no such folder"):
            worker.receive()
