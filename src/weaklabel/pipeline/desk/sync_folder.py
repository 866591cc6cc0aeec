"""A sync with a watched folder, and the memory of what was exchanged with it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, WeakLabelError
from weaklabel.export import sync, write_text, writing
from weaklabel.gold.tools.folder import Arrived, inbox, open_folder, outbox
from weaklabel.pipeline.desk.room import FOLDER, Desk
from weaklabel.pipeline.desk.syncing import (
    ELSEWHERE,
    Batch,
    Synced,
    SyncSettings,
    counted,
    files_of,
    imported,
    waiting_of,
)
from weaklabel.runs import home

_MEMORY = "sync.json"


def with_folder(desk: Desk, folder: Path, batches: Mapping[str, Batch], settings: SyncSettings) -> Synced:
    """Read what lies in a folder's `in/` and write what is new into its `out/`; see `weaklabel.pipeline.desk.sync.sync`."""
    folder = open_folder(folder)
    memory = _Memory(desk, folder)
    done = Synced(str(folder))
    found = inbox(folder, known=memory.read, waiting=memory.waiting, now=time.time(), settle=settings.settle)
    memory.waiting = dict(found.waiting or {})
    notes = [f"in/{name}: {why}; left for the next time" for name, why in (found.left or {}).items()]
    done = replace(done, notes=tuple(notes), faults=found.faults)
    for one in found.ready:
        done = _taken(desk, one, memory, settings, done)
    memory.keep()
    for batch in batches.values():
        done = _put(desk, folder, batch, memory, settings, done)
    return done


def _put(
    desk: Desk, folder: Path, batch: Batch, memory: _Memory, settings: SyncSettings, done: Synced
) -> Synced:
    """Write what is asked in a batch and was not written before."""
    whole = replace(done, whole=done.whole | {batch.name})
    new = waiting_of(desk, batch).filter(pl.col("number") > memory.sent.get(batch.name, -1))
    if not new.height:
        return whole
    if batch.elsewhere and batch.name not in memory.sent:
        return replace(done, notes=(*done.notes, ELSEWHERE.format(batch.name)))
    number = int(new["number"].max())  # type: ignore[arg-type]
    place = outbox(folder, batch.name, number)
    if not place.exists():  # else it was written, and that was not remembered
        written = files_of(desk, batch.name, new, settings.tool, place)
        whole = counted(replace(whole, notes=(*done.notes, *written.notes)), batch.name, new.height)
    memory.sent[batch.name] = number
    memory.keep()
    return whole


def _taken(desk: Desk, one: Arrived, memory: _Memory, settings: SyncSettings, done: Synced) -> Synced:
    try:
        done = imported(desk, settings.tool, one.path, settings, done, [])
    except WeakLabelError as error:
        return replace(done, faults=(*done.faults, error))
    memory.read.add(one.digest)
    return done


class _Memory:
    """What was exchanged with a folder: kept in the project, without an id or a name of anybody."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.path = home(desk.project) / FOLDER / _MEMORY
        self.place = f"{desk.room.task} {folder}"
        mine = self._all().get(self.place, {})
        self.sent: dict[str, int] = dict(mine.get("sent", {}))
        self.read: set[str] = set(mine.get("read", ()))
        self.waiting = {name: (size, at) for name, (size, at) in mine.get("waiting", {}).items()}

    def _all(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        except ValueError as error:
            hint = "delete it: files that lie in in/ are then read again, which changes nothing, and out/ is written again"
            raise GoldError(
                "the memory of earlier syncs is damaged", where=str(self.path), hint=hint
            ) from error
        return found if isinstance(found, dict) else {}

    def keep(self) -> None:
        """Write it, whole or not at all."""
        mine = {"sent": self.sent, "read": sorted(self.read), "waiting": self.waiting}
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{_MEMORY}.new")
        write_text(json.dumps({**self._all(), self.place: mine}, indent=1) + "\n", beside)
        with writing(self.path):
            beside.replace(self.path)
            sync(self.path.parent)
