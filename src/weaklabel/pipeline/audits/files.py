"""An audit's folder under .weaklabel/audits: its plan, rows, draws and looks; texts never stand in it."""

from __future__ import annotations

import datetime
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, did_you_mean
from weaklabel.export import sync, write_parquet, write_text, writing
from weaklabel.fingerprint import file_digest, fingerprint
from weaklabel.runs import HOME, home

FOLDER = "audits"
METHODS = ("figures", "certificate", "watch")
"""What an audit is for: figures with intervals; a certificate, in two steps; or to be looked at at any time."""
PLAN, POPULATION, DRAWN, OLDER, LOOKS = (
    "plan.json",
    "population.parquet",
    "draw.parquet",
    "older.parquet",
    "looks.json",
)
ERASED = "erased.json"
"""Says since when an audit has ended, because something of it was erased."""
CERTIFICATE, ACCEPTED, PAGE = "certificate.json", "accepted.parquet", "certificate.html"
_BUILDING = ".building-"


@dataclass(frozen=True)
class AuditPlan:
    """What an audit is, fixed before anybody answers.

    Parameters
    ----------
    name, task
        Its name, and the task that it is of.
    method
        One of `METHODS`.
    source
        What gave the labels: `run`, `predictions` and the digest of that file, or `table` and `version`.
    names
        Fingerprints of what the labels were made from: corpus, rules, schema, model.
    options
        What it was drawn with; depends on the method.
    population
        Digest of the file of rows that are judged; empty before it is written.
    seed
        Of its draws.
    owner, purpose
        Who answers for the labels, and what they are for.
    made_at
        When.
    sentences, notes
        What it can show, and what to know.

    Examples
    --------
    >>> plan = AuditPlan("may", "mail", "figures", {"run": "r1"}, {}, {"size": 20}, "p", 1)
    >>> AuditPlan.from_dict(plan.to_dict()) == plan
    True
    """

    name: str
    task: str
    method: str
    source: Mapping[str, str]
    names: Mapping[str, str]
    options: Mapping[str, Any]
    population: str
    seed: int
    owner: str = ""
    purpose: str = ""
    made_at: str = ""
    sentences: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def fingerprint(self) -> str:
        """What stands for all that is fixed."""
        said = {k: v for k, v in asdict(self).items() if k not in ("made_at", "sentences", "notes")}
        return fingerprint(json.loads(json.dumps(said)))

    @property
    def every(self) -> str | None:
        """The window that times are put into; None where no times are known."""
        return self.options.get("every")

    @property
    def after(self) -> str | None:
        """The earlier audit whose windows are shown with this one's; None: none."""
        return self.options.get("after")

    @property
    def told(self) -> str:
        """What gave the labels, in words."""
        if "version" in self.source:
            return f"version {self.source['version']} of the label table"
        return f"run {self.source['run']}" if "run" in self.source else f"file {self.source['predictions']}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"format": 1, **asdict(self), "sentences": list(self.sentences), "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AuditPlan:
        """Return the plan that `to_dict` wrote."""
        rest = {k: v for k, v in data.items() if k != "format"}
        return cls(**{**rest, "sentences": tuple(rest["sentences"]), "notes": tuple(rest["notes"])})


@dataclass(frozen=True)
class Kept:
    """An audit as it lies in its folder; made by `read_audit`.

    Parameters
    ----------
    folder
        The folder.
    plan
        What was fixed.
    population
        `id`, `label`, `confidence` and further columns of the rows that are judged.
    drawn
        Draws of all steps so far: columns of a draw, `step` and `part`.
    older
        `id` and `label` of gold known before; None: there was none, or it was not used.
    looks
        What was shown of it so far, and when.

    Examples
    --------
    >>> Kept.__name__
    'Kept'
    """

    folder: Path
    plan: AuditPlan
    population: pl.DataFrame
    drawn: pl.DataFrame
    older: pl.DataFrame | None
    looks: tuple[Mapping[str, Any], ...] = ()

    @property
    def steps(self) -> list[str]:
        """Names of its batches, the first one first."""
        return step_names(self.plan.name, int(self.drawn["step"].max() or 1))  # type: ignore[arg-type]

    def of_step(self, step: int) -> pl.DataFrame:
        """Return the draws of a step."""
        return self.drawn.filter(pl.col("step") == step)


def step_names(name: str, count: int) -> list[str]:
    """Return the names of the batches of an audit.

    Examples
    --------
    >>> step_names("may", 3)
    ['may', 'may.2', 'may.3']
    """
    return [name, *(f"{name}.{step}" for step in range(2, count + 1))]


def audits_folder(project: Path) -> Path:
    """Return the folder that holds a project's audits; it may not be there yet."""
    return project / HOME / FOLDER


def audit_names(project: Path) -> list[str]:
    """Return the names of a project's audits."""
    return sorted(path.parent.name for path in audits_folder(project).glob(f"[!.]*/{PLAN}"))


def check_name(name: str) -> None:
    """Raise unless a name can be that of a folder and of a batch.

    Examples
    --------
    >>> check_name("2026-05")
    >>> check_name("may/june")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: an audit's name is made of letters, digits, - and _, not 'may/june'
    """
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise GoldError(f"an audit's name is made of letters, digits, - and _, not {name!r}")


@contextmanager
def alone(project: Path) -> Iterator[None]:
    """Let one process at a time draw for a project's audits: a folder and the ledger have to say the same."""
    import fcntl

    folder = home(project) / FOLDER
    with writing(folder):
        folder.mkdir(exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_audit(
    project: Path, plan: AuditPlan, population: pl.DataFrame, drawn: pl.DataFrame, older: pl.DataFrame | None
) -> AuditPlan:
    """Write an audit's folder, whole or not at all; one that lies there under its name is replaced.

    Returns
    -------
    AuditPlan
        The plan with the digest of the rows that are judged.
    """
    folder = home(project) / FOLDER
    temporary, place = folder / f"{_BUILDING}{plan.name}-{os.getpid()}", folder / plan.name
    with writing(folder):
        folder.mkdir(exist_ok=True)
        temporary.mkdir()
    try:
        write_parquet(population, temporary / POPULATION)
        plan = replace(plan, population=file_digest(temporary / POPULATION))
        write_text(json.dumps(plan.to_dict(), ensure_ascii=False, indent=1) + "\n", temporary / PLAN)
        write_parquet(drawn, temporary / DRAWN)
        if older is not None:
            write_parquet(older, temporary / OLDER)
        with writing(place):
            sync(temporary)
            if place.exists():
                shutil.rmtree(place)
            temporary.rename(place)
            sync(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return plan


def read_audit(project: Path, name: str, *, mark: str | None) -> Kept:
    """Read an audit's folder, and say so where its plan or rows are not those that were fixed.

    Parameters
    ----------
    project
        The project.
    name
        The audit.
    mark
        Fingerprint of the plan, as the ledger has it.

    Raises
    ------
    GoldError
        There is no such audit, or what was fixed beforehand has been changed.
    """
    folder = audits_folder(project) / name
    if not (folder / PLAN).is_file():
        known = audit_names(project)
        hint = did_you_mean(name, known) or f"weaklabel audit draw {name} --size 200"
        raise GoldError(f"no audit {name!r}", where=str(audits_folder(project)), available=known, hint=hint)
    ended = ended_by_erasure(folder)
    if ended:
        raise GoldError(
            f"audit {name!r} was {ended}: it can't be made again",
            where=str(folder),
            hint="draw another audit",
        )
    try:
        plan = AuditPlan.from_dict(json.loads((folder / PLAN).read_text(encoding="utf-8")))
        population, drawn = pl.read_parquet(folder / POPULATION), pl.read_parquet(folder / DRAWN)
        older = pl.read_parquet(folder / OLDER) if (folder / OLDER).exists() else None
        looks = json.loads((folder / LOOKS).read_text(encoding="utf-8")) if (folder / LOOKS).exists() else []
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise GoldError(f"the files of audit {name!r} can't be read: {error}", where=str(folder)) from error
    if mark is None:
        raise GoldError(
            f"audit {name!r} was never opened in the gold room",
            where=str(folder),
            hint=f"draw it again: weaklabel audit draw {name} …",
        )
    if plan.fingerprint != mark or file_digest(folder / POPULATION) != plan.population:
        what = "plan" if plan.fingerprint != mark else "rows"
        raise GoldError(
            f"the {what} of audit {name!r} are not those that were fixed before anybody answered"
            if what == "rows"
            else f"the plan of audit {name!r} is not the one that was fixed before anybody answered",
            where=str(folder),
            hint="its method can't be changed afterwards: put the file back, or draw another audit",
        )
    return Kept(folder, plan, population, drawn, older, tuple(looks))


def ended_by_erasure(folder: Path) -> str | None:
    """Return "ended by erasure on …" for an audit of which something was erased, else None."""
    path = folder / ERASED
    return str(json.loads(path.read_text(encoding="utf-8"))[-1]) if path.is_file() else None


def add_draw(kept: Kept, drawn: pl.DataFrame) -> Kept:
    """Write the draw of a further step, and return the audit with it."""
    everything = pl.concat([kept.drawn, drawn.select(kept.drawn.columns)])
    _replaced(kept.folder / DRAWN, lambda path: write_parquet(everything, path))
    return replace(kept, drawn=everything)


def add_look(kept: Kept, **said: Any) -> Kept:
    """Keep that an audit was looked at, unless the same was seen last time."""
    last = {k: v for k, v in kept.looks[-1].items() if k != "at"} if kept.looks else None
    if last == said:
        return kept
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    looks = (*kept.looks, {"at": now, **said})
    write_json(kept.folder / LOOKS, list(looks))
    return replace(kept, looks=looks)


def write_json(path: Path, data: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write plain data as JSON, whole or not at all."""
    _replaced(path, lambda to: write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", to))


def write_table(path: Path, frame: pl.DataFrame) -> None:
    """Write a table as Parquet, whole or not at all."""
    _replaced(path, lambda to: write_parquet(frame, to))


def write_page(path: Path, page: str) -> None:
    """Write a page, whole or not at all."""
    _replaced(path, lambda to: write_text(page, to))


def _replaced(path: Path, write: Any) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    write(temporary)
    with writing(path):
        temporary.replace(path)
        sync(path.parent)
