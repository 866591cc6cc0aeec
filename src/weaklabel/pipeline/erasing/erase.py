"""Erasing an item or an annotator from everything that a project keeps: one list of stores, walked in order."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from weaklabel.errors import ConfigError, GoldError
from weaklabel.export import writing
from weaklabel.gold.guideline.text import quoted, scan, split_lines
from weaklabel.gold.ledger.ledger import Ledger
from weaklabel.gold.ledger.records import ERASED, NAMES
from weaklabel.pipeline.desk.guideline import write_guideline
from weaklabel.pipeline.desk.room import FOLDER, ledger_place
from weaklabel.pipeline.erasing.audits import in_audits
from weaklabel.pipeline.erasing.files import WORDS, mentions, replace, words_of
from weaklabel.pipeline.erasing.labels import in_labels, in_relabelings
from weaklabel.pipeline.erasing.runs import in_mlflow, in_runs, in_sweeps
from weaklabel.pipeline.erasing.wanted import Found, Wanted
from weaklabel.pipeline.task import open_corpus
from weaklabel.redact import redact
from weaklabel.settings import Config

__all__ = ["STORES", "Found", "Wanted", "erase", "retain"]


def erase(wanted: Wanted, *, really: bool = False) -> tuple[Found, ...]:
    """Walk all stores and say what each holds; erase it, if that is really wanted.

    The ledger comes last: an erasure that was broken off is done whole by doing it again.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> found = erase(Wanted(load(project), project, "item", "n01", "asked for by the sender"))
    >>> [(one.store, one.count) for one in found]
    [('guideline', 0), ('placeholders', 0), ('runs', 0), ('sweeps', 0), ('labels', 0), ('relabel', 0), ('mlflow', 0), ('audits', 0), ('reports', 0), ('cache', 0), ('elsewhere', 0), ('sources', 0), ('ledger', 0)]
    """
    return tuple(store(wanted, really) for store in STORES.values())


def retain(config: Config, project: Path, *, now: datetime | None = None, really: bool = False) -> Found:
    """Say how many answers are older than `gold.retention_days` allows; delete them, if that is really wanted.

    Raises
    ------
    ConfigError
        `gold.retention_days` is not set.
    """
    days = config.gold.retention_days
    if days is None:
        raise ConfigError("gold.retention_days is not set: answers are kept", hint="gold.retention_days=730")
    now, ledger = now or datetime.now(UTC), _ledger(config, project)
    if ledger is None:
        return Found("ledger", 0, "there is no ledger")
    if really:
        count = ledger.retention(days, task=config.task.name, now=now).answers
        return Found("ledger", count, f"{count} answers older than {days} days deleted")
    answers = ledger.answers(task=config.task.name)
    count = answers.filter(pl.coalesce("at", "recorded_at") < now - timedelta(days=days)).height
    return Found("ledger", count, f"{count} answers are older than {days} days")


# ---- the stores ----


def _in_guideline(wanted: Wanted, really: bool) -> Found:
    """Take an item's examples out of the guideline, where gold of the role shown is printed."""
    name = wanted.config.task.guideline
    text = _text(wanted)
    if name is None or text is None or not (wanted.project / name).is_file():
        return Found("guideline", 0, "not in the guideline")
    path = wanted.project / name
    try:
        said = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"the guideline is not UTF-8 (byte {error.start})"
        raise GoldError(what, where=name, hint="save it as UTF-8; nothing was erased") from error
    needles = [quoted(shown) for shown in (text, _redacted(wanted, text)[0])]
    lines, _ = scan(said)
    at = [i for i, line in enumerate(lines) if any(needle in line.text for needle in needles)]
    ours = [
        i
        for i in at
        if lines[i].kind == "example"
        and lines[i].text.lstrip().startswith(tuple(f"- {needle}" for needle in needles))
    ]
    above = {i: sum(one < i for one in ours) if really else 0 for i in at}
    left = [f"{name}:{i + 1 - above[i]} quotes it: take it out by hand" for i in at if i not in ours]
    ledger = _ledger(wanted.config, wanted.project)
    versions = 0
    if ledger is not None:
        task = wanted.config.task.name
        texts = ledger.records("guideline", task=task)["text"]
        versions = sum(any(needle in one for needle in needles) for one in texts)
        if versions and really:
            ledger.edit_guidelines(lambda text: _unquoted(text, needles), task=task)
    if really and ours:
        write_guideline("".join(line for i, line in enumerate(split_lines(said)) if i not in ours), path)
    what = f"{len(ours)} examples in {name}" if ours else "no example in the guideline"
    what += f", and {versions} recorded versions that quote it" if versions else ""
    return Found("guideline", len(ours) + versions, what, tuple(left))


def _unquoted(text: str, needles: Sequence[str]) -> str:
    """Return a text of a guideline without examples that begin with one of the needles, and without the needles."""
    lines, _ = scan(text)
    starts = tuple(f"- {needle}" for needle in needles)
    kept = []
    for line, whole in zip(lines, split_lines(text), strict=True):
        if line.kind == "example" and line.text.lstrip().startswith(starts):
            continue
        for needle in needles:
            whole = whole.replace(needle, quoted(ERASED))
        kept.append(whole)
    return "".join(kept)


def _in_placeholders(wanted: Wanted, really: bool) -> Found:
    """Forget what the placeholders of an item's text stand for, unless another item of the batch has them too."""
    files = sorted((wanted.home / FOLDER).glob("*/placeholders.json"))
    ledger = _ledger(wanted.config, wanted.project)
    if wanted.kind != "item" or not files or ledger is None:
        return Found("placeholders", 0, "no placeholder stands for a part of it")
    asked = ledger.records("assignment", task=wanted.config.task.name).select("batch", "item").unique()
    of = {batch: set(rows["item"]) for (batch,), rows in asked.group_by("batch")}
    fields = _fields(wanted, set().union(*of.values(), {wanted.id}))
    mine = _stand_ins(wanted, fields.get(wanted.id, ()))
    count = 0
    for path in files:
        items = of.get(path.parent.name, set())
        if wanted.id not in items and not mine:
            continue
        kept = json.loads(path.read_text(encoding="utf-8"))
        others = set().union(
            *(_stand_ins(wanted, fields.get(item, ())) for item in sorted(items - {wanted.id}))
        )
        gone = (mine if wanted.id in fields else set(kept)) - others
        rest = {name: value for name, value in kept.items() if name not in gone}
        count += len(kept) - len(rest)
        if really and len(rest) < len(kept):
            replace(path, json.dumps(rest, ensure_ascii=False, indent=0) + "\n")
    what = f"{count} placeholders that stand for parts of its text" if count else "no placeholder is its own"
    return Found("placeholders", count, what)


def _in_reports(wanted: Wanted, really: bool) -> Found:
    """Delete the pages on rules that show an item's text or name it; they are made again by `lf report`."""
    if wanted.kind != "item":
        return Found("reports", 0, "reports hold no annotators")
    named = re.compile(rf"(?<![\w-]){re.escape(wanted.id)}(?![\w-])")
    text = _plain(_text(wanted) or "")[:40]
    pages = []
    for path in sorted((wanted.home / "reports").glob("*.html")):
        page = _plain(html.unescape(re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8"))))
        if named.search(page) or (text and text in page):
            pages.append(path)
    if really:
        for path in pages:
            with writing(path):
                path.unlink()
    what = f"pages that may show it: {', '.join(p.name for p in pages)}" if pages else "in no report"
    return Found("reports", len(pages), what)


def _in_cache(wanted: Wanted, really: bool) -> Found:
    """Delete the cache: it may hold parts of any text, and is made again."""
    cache = wanted.home / "cache"
    if wanted.kind != "item" or not cache.is_dir():
        return Found("cache", 0, "no cache")
    if really:
        with writing(cache):
            shutil.rmtree(cache)
    return Found("cache", 0, "the cache goes whole; it is made again")


def _elsewhere(wanted: Wanted, really: bool) -> Found:
    """Say which other files below the project's output folder name it, and where batches were sent."""
    known = (
        "runs",
        "sweeps",
        "audits",
        "reports",
        "cache",
        "mlartifacts",
        "labels",
        "relabel",
        "patterns",
        "votes",
    )
    left = []
    for path in sorted(wanted.home.rglob("*")):
        place = path.relative_to(wanted.home)
        ours = path.suffix in WORDS and place.parts[0] not in known and path.name != "secret"
        if ours and path.is_file() and mentions(words_of(path), wanted.id):
            left.append(f"{place.as_posix()} may name it: look at it")
    memory = wanted.home / FOLDER / "sync.json"
    if memory.is_file():
        places = json.loads(memory.read_text(encoding="utf-8"))
        left += [f"batches went to {place}: take it out there too" for place in sorted(places)]
    return Found("elsewhere", 0, "other files, and tools that batches went to", tuple(left))


def _in_sources(wanted: Wanted, really: bool) -> Found:
    """Say which of the project's own files name it: they are people's, and stay as they are."""
    left = []
    if wanted.kind == "annotator" and wanted.id in wanted.config.gold.people:
        left.append("conf names the annotator in gold.people: take the name out")
    if wanted.kind == "annotator" and wanted.id in wanted.config.gold.accounts.values():
        left.append("conf names the annotator in gold.accounts: take the account out")
    if wanted.kind == "item" and _fields(wanted, {wanted.id}):
        left.append("the corpus still holds the item: take it out, or the next run labels it again")
    gold = wanted.config.task.gold
    path = wanted.project / (gold.path or "")
    if path.is_file() and wanted.id in path.read_bytes().decode("utf-8", "replace"):
        left.append(f"{gold.path} may name it: look for it there")
    left.append("files that were exported for tools, queues written as CSV and backups are not walked")
    return Found("sources", 0, "files of yours stay as they are", tuple(left))


def _in_ledger(wanted: Wanted, really: bool) -> Found:
    """Delete answers and records, and leave a tombstone."""
    ledger = _ledger(wanted.config, wanted.project, make=really)
    if ledger is None:
        return Found("ledger", 0, "there is no ledger")
    if really:
        item, annotator = (wanted.id, None) if wanted.kind == "item" else (None, wanted.id)
        done = ledger.erase(
            item=item, annotator=annotator, task=wanted.task, reason=wanted.reason, now=wanted.now
        )
        answers, records = done.answers, done.records
    else:
        said = ledger.answers(task=wanted.task)
        answers = said.filter(pl.col(wanted.kind) == wanted.id).height
        records = sum(_named(ledger, kind, columns, wanted) for kind, columns in _columns(wanted.kind))
    return Found("ledger", answers + records, f"{answers} answers and {records} records")


STORES: dict[str, Callable[[Wanted, bool], Found]] = {
    "guideline": _in_guideline,
    "placeholders": _in_placeholders,
    "runs": in_runs,
    "sweeps": in_sweeps,
    "labels": in_labels,
    "relabel": in_relabelings,
    "mlflow": in_mlflow,
    "audits": in_audits,
    "reports": _in_reports,
    "cache": _in_cache,
    "elsewhere": _elsewhere,
    "sources": _in_sources,
    "ledger": _in_ledger,
}
"""Everything that may hold an item or an annotator, in the order in which it is walked."""


# ---- what they need ----


def _ledger(config: Config, project: Path, *, make: bool = False) -> Ledger | None:
    """Return a project's ledger; None: there is none, and none is made."""
    place = ledger_place(config, project)
    if isinstance(place, Path) and not place.exists():
        if not make:
            return None
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
    return Ledger.open(place)


def _columns(what: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((kind, names[what]) for kind, names in NAMES.items() if what in names)


def _named(ledger: Ledger, kind: str, columns: tuple[str, ...], wanted: Wanted) -> int:
    """Return how many records name it in one of their columns."""
    frame = ledger.records(kind, task=wanted.task)
    hit = pl.lit(False)
    for column in columns:
        of_list = isinstance(frame.schema[column], pl.List)
        each = pl.col(column)
        hit = hit | (each.list.contains(wanted.id) if of_list else each == wanted.id).fill_null(False)
    return frame.filter(hit).height


def _fields(wanted: Wanted, items: set[str]) -> dict[str, tuple[str, ...]]:
    """Return what of each item's row may leave, its text first; items that the corpus lacks are not there."""
    corpus = open_corpus(wanted.config, wanted.project)
    names = [n for n in ("text", *wanted.config.gold.fields) if n in corpus.columns]
    rows = corpus.scan().filter(pl.col("id").is_in(sorted(items))).select("id", *dict.fromkeys(names))
    texts = rows.collect()
    shown = [name for name in texts.columns[1:] if texts[name].dtype == pl.String]
    return {row["id"]: tuple(row[n] or "" for n in shown) for row in texts.iter_rows(named=True)}


def _text(wanted: Wanted) -> str | None:
    found = _fields(wanted, {wanted.id}).get(wanted.id) if wanted.kind == "item" else None
    return found[0] if found and found[0] else None


def _redacted(wanted: Wanted, text: str) -> tuple[str, set[str]]:
    """Return a text as people see it, and its placeholders; the text itself where nothing ever left."""
    path = wanted.home / FOLDER / "secret"
    if not path.exists():
        return text, set()
    gold = wanted.config.gold
    out = redact(text, secret=path.read_text("utf-8").strip(), kinds=gold.redact, custom=gold.patterns)
    return out.text or "", set(out.found)


def _stand_ins(wanted: Wanted, texts: tuple[str, ...]) -> set[str]:
    return set().union(*(_redacted(wanted, text)[1] for text in texts))


def _plain(text: str) -> str:
    return " ".join(text.split())
