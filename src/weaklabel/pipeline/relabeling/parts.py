"""What goes to the workers of a bulk relabeling and what comes back; the names of its files, and notes on what is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from weaklabel.corpus import Corpus, Shard
from weaklabel.errors import WeakLabelError
from weaklabel.schema import LabelSchema
from weaklabel.settings import Config
from weaklabel.store.label_table import LabelFile, read_label_file
from weaklabel.store.shard_votes import write_whole

GOLD_ROW = ("id", "label", "status", "probabilities")
"""What is remembered of the labels of gold rows."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What all tasks of a relabeling share; it goes to every worker once.

    Parameters
    ----------
    config, project, corpus, schema
        The task, its rows and its labels.
    keys
        Vote keys of the counted rules, by id, in the order of the registry.
    votes
        Folder of the vote store.
    folder
        Working files of the job.
    hashes
        Folder of the sorted hashes of ids, a file for each shard; None: ids are derived, and can't be doubled.
    gold, gold_set
        Ids of gold rows, and what stands for all of them.
    job, root, storage
        Where data files go: `<root>/<job>/part-00012.parquet`.
    model
        Folder of the model; None in a first pass.
    version
        Its version.
    """

    config: Config
    project: Path
    corpus: Corpus
    schema: LabelSchema
    keys: Mapping[str, str]
    votes: Path
    folder: Path
    hashes: Path | None
    gold: frozenset[str]
    gold_set: str
    job: str
    root: str
    storage: Mapping[str, str]
    model: Path | None = None
    version: str = ""


@dataclass(frozen=True)
class Item:
    """One shard to work on.

    Parameters
    ----------
    number, shard, digest
        Which it is.
    old
        Names of data files that hold its labels under this model already; the first that is there is taken.

    Examples
    --------
    >>> str(Item(2, Shard("mail.csv", index=2, start=4096, stop=6144, first_row=40, rows=20), "d1"))
    'mail.csv, rows 40 to 59'
    """

    number: int
    shard: Shard
    digest: str
    old: tuple[str, ...] = ()

    def __str__(self) -> str:
        return str(self.shard)


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a task says of a shard it is done with.

    Parameters
    ----------
    rows, seconds
        Its size, and how long it took.
    reused, voted
        Columns of votes that were there, and that were computed.
    resumed, linked
        It was done before the work was broken off; its labels were there under another name.
    faults
        Faults per rule id.
    broken
        Sentences on files that were not trusted.
    file
        Its data file, after the labels are written.
    unseen
        Share of rows whose votes the fit has not seen.
    gold, gold_set
        Rows of the label table of gold ids (`GOLD_ROW`), and which gold that was.

    Examples
    --------
    >>> Done(rows=10, seconds=0.5).linked
    False
    """

    rows: int
    seconds: float
    reused: int = 0
    voted: int = 0
    resumed: bool = False
    linked: bool = False
    faults: Mapping[str, int] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    file: LabelFile | None = None
    unseen: float = 0.0
    gold: tuple[tuple[Any, ...], ...] = ()
    gold_set: str = ""


Result = Done | WeakLabelError


def votes_file(folder: Path, number: int) -> Path:
    """Return where the first pass leaves the votes of a shard."""
    return folder / "votes" / f"part-{number:05}.votes"


def unseen_file(folder: Path, number: int) -> Path:
    """Return where a pass leaves the patterns of a shard that the fit has not seen."""
    return folder / "unseen" / f"part-{number:05}.votes"


def note_file(folder: Path, number: int) -> Path:
    """Return where a pass says what it wrote of a shard."""
    return folder / "labels" / f"part-{number:05}.json"


def hash_file(folder: Path, digest: str) -> Path:
    """Return where the hashes of a shard's ids are."""
    return folder / f"{digest}.npy"


def data_name(job: str, number: int) -> str:
    """Return the name of a shard's data file in the table.

    Examples
    --------
    >>> data_name("0a1b", 12)
    '0a1b/part-00012.parquet'
    """
    return f"{job}/part-{number:05}.parquet"


def write_note(path: Path, item: Item, done: Done) -> None:
    """Say beside a job what was written of a shard: the same labels give the same bytes."""
    assert done.file is not None
    said = {
        "digest": item.digest,
        "rows": done.rows,
        "unseen": done.unseen,
        "faults": dict(sorted(done.faults.items())),
        "file": asdict(done.file),
        "gold": done.gold,
        "gold_set": done.gold_set,
    }
    write_whole(path, [json.dumps(said, ensure_ascii=False, default=list).encode()])


def read_note(path: Path, work: Work, *, moved: bool = False) -> Done | None:
    """Return what was said of a shard; None: nothing, or its data file is not what it was.

    Parameters
    ----------
    path
        The note.
    work
        Says where data files are.
    moved
        The data file is looked at by whoever links it.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    file = LabelFile(**said["file"])
    if not moved and not _is_there(file, work):
        return None
    return Done(
        rows=said["rows"],
        seconds=0.0,
        faults=said["faults"],
        file=file,
        unseen=said["unseen"],
        gold=tuple(tuple(row) for row in said["gold"]),
        gold_set=said["gold_set"],
    )


def _is_there(file: LabelFile, work: Work) -> bool:
    if "://" in work.root:
        return read_label_file(work.root, file.path, storage=work.storage) == file
    data = Path(work.root) / file.path
    return data.exists() and data.stat().st_size == file.bytes
