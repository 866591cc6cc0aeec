"""`gold sync`: what people are asked goes to their tool, what they answered comes back; doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from weaklabel.errors import GoldError, OutputError, did_you_mean
from weaklabel.export import writing
from weaklabel.gold.tools.label_studio_api import is_address
from weaklabel.pipeline.desk.room import FOLDER, Desk
from weaklabel.pipeline.desk.sync_folder import with_folder
from weaklabel.pipeline.desk.sync_server import with_server
from weaklabel.pipeline.desk.syncing import OPEN, Batch, Synced, SyncSettings, waiting_of
from weaklabel.runs import home

__all__ = ["SyncSettings", "Synced", "sync"]


def sync(desk: Desk, to: str, *, batch: str | None = None, settings: SyncSettings | None = None) -> Synced:
    """Fetch the answers that people gave, and send what they are asked and was not sent.

    A batch that is drawn becomes sent once all of it is there, and back once all of it is answered; one that was back
    becomes sent again where more is asked. Texts leave as `Desk.export` lets them: without personal data, with the
    columns that are allowed.

    Parameters
    ----------
    desk
        The task's gold room and corpus.
    to
        The address of a Label Studio server, whose key is in the environment variable LABEL_STUDIO_API_KEY; or a folder,
        relative to the project.
    batch
        This batch alone; None: all that are drawn, sent, back or checked, without those that were sent another way.
    settings
        See `SyncSettings`.

    Raises
    ------
    GoldError
        There is no such batch, the server can't be reached or refuses the key.
    OutputError
        The folder can't be read or written, or another sync is at work.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline.desk.room import open_desk
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> desk = open_desk(load(project, ["+gold.people.ann=1", "+gold.people.bob=1", "+gold.people.cid=1"]), project)
    >>> plan = desk.room.create_batch("b1", desk.rows(), size=4)
    >>> sync(desk, "shared").sentence
    '12 items sent, 0 new answers'
    >>> sync(desk, "shared").nothing
    True
    """
    settings = settings or SyncSettings()
    with _alone(desk.project):
        batches = _chosen(desk, batch)
        if is_address(to):
            return _moved(desk, with_server(desk, to, batches, settings), batches)
        return _moved(desk, with_folder(desk, desk.project / to, batches, settings), batches)


def _chosen(desk: Desk, batch: str | None) -> dict[str, Batch]:
    """Return the batches to look at."""
    found = desk.room.batches()
    if batch is not None and batch not in found["batch"]:
        raise GoldError(
            f"no batch {batch!r}", available=found["batch"], hint=did_you_mean(batch, found["batch"])
        )
    return {
        row["batch"]: Batch(
            row["batch"], row["state"], row["since"], batch is None and row["state"] != "drawn"
        )
        for row in found.iter_rows(named=True)
        if row["batch"] == batch or (batch is None and row["state"] in OPEN)
    }


def _moved(desk: Desk, done: Synced, batches: Mapping[str, Batch]) -> Synced:
    """Say that a batch is sent, or back, where all of it is."""
    for batch in batches.values():
        if batch.state != "sent":
            more = batch.state == "drawn" or done.sent.get(batch.name)
            if not more or batch.name not in done.whole:
                continue
            desk.room.move(batch.name, "sent", note="by gold sync")
            done = replace(done, moved={**done.moved, batch.name: "sent"})
        if not waiting_of(desk, replace(batch, state="sent")).height:
            desk.room.move(batch.name, "back", note="all of it is answered")
            done = replace(done, moved={**done.moved, batch.name: "back"})
    return done


@contextmanager
def _alone(project: Path) -> Iterator[None]:
    """Let one sync of a project work at a time: two at once would both send what is missing."""
    import fcntl

    place = home(project) / FOLDER / "sync.lock"
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = place.open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "wait until it has ended"
            raise OutputError(
                "another sync of this project is at work", where=str(place), hint=hint
            ) from None
        yield
