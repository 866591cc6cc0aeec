"""`relabel`: a corpus of any size labeled again, shard by shard, into one new version of the label table."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import engines
from weaklabel.config import plain
from weaklabel.errors import WeakLabelError
from weaklabel.export import write_text, writing
from weaklabel.pipeline.label_places import working_files
from weaklabel.pipeline.relabeling.beside import beside
from weaklabel.pipeline.relabeling.fit import (
    Verdict,
    check_gold,
    facts_of,
    fit,
    gold_labels,
    judge,
    keep_given,
    merged_votes,
    merging,
)
from weaklabel.pipeline.relabeling.job import Bulk, Decision, decide, open_bulk
from weaklabel.pipeline.relabeling.log import Live
from weaklabel.pipeline.relabeling.merging import Merged
from weaklabel.pipeline.relabeling.parts import (
    GOLD_ROW,
    Item,
    Work,
    hash_file,
    votes_file,
)
from weaklabel.pipeline.relabeling.publish import Published, add_patterns, add_unseen, tidy, write_json
from weaklabel.pipeline.relabeling.result import RelabelResult, Watch
from weaklabel.pipeline.relabeling.shards import FusedShards, LabelShards, VoteShards
from weaklabel.pipeline.relabeling.steps import Tally, run_step
from weaklabel.pipeline.relabeling.work import (
    MADE,
    known_labels,
    made_by,
    shard_items,
    shared_work,
)
from weaklabel.pipeline.task import remember_digests
from weaklabel.runs import home, new_run_id
from weaklabel.schema import LABEL_COLUMNS
from weaklabel.settings import Config
from weaklabel.store.id_hashes import check_doubled
from weaklabel.store.label_table import counts_of

_WORSE = "worse.json"


def relabel(
    config: Config, project: str | Path, *, refit: bool = False, watch: Watch | None = None
) -> RelabelResult:
    """Label a task's corpus again and commit one new version of its label table; do only what is not done yet.

    Parameters
    ----------
    config, project
        As for `run`.
    refit
        A model is fitted even where the one that stands would do.
    watch
        Told how far each step is.

    Returns
    -------
    RelabelResult
        With outcome `nothing` when nothing has changed, `partly` when shards failed, and `worse` when a new model is
        worse on gold than the one that stands; in these nothing is committed.

    Raises
    ------
    WeakLabelError
        The input is wrong, nothing can be written, or another writer was first. What was done is kept: the same
        command goes on.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> config = load(project, ["tracking=none"])
    >>> result = relabel(config, project)
    >>> result.outcome, result.version, result.rows
    ('relabeled', 0, 30)
    >>> relabel(config, project).outcome
    'nothing'
    """
    started = time.perf_counter()
    project = Path(project).absolute()
    home(project)
    with _alone(working_files(config, project)):
        bulk = open_bulk(config, project)
        decision = decide(bulk, refit=refit)
        remember_digests(bulk.task)
        attempt = _Attempt(bulk, decision, watch)
        result = attempt.nothing() if decision.how == "nothing" else attempt.logged()
    return replace(result, seconds=time.perf_counter() - started)


class _Attempt:
    """One go at a job."""

    def __init__(self, bulk: Bulk, decision: Decision, watch: Watch | None) -> None:
        self.bulk = bulk
        self.decision = decision
        self.watch = watch
        self.run_id = new_run_id(plain(bulk.config))
        self.folder = bulk.home / decision.job
        self.tally = Tally(failures=list(bulk.failures))
        options = dict(bulk.config.engine)
        self.engine = engines.create(options.pop("name"), **options)
        self.live = Live(bulk, self.run_id)

    # ---- outcomes ----

    def nothing(self) -> RelabelResult:
        """Return the result where the labels that stand are these labels; tidy up where a kill came after the commit."""
        if (self.folder / "votes").exists() and self.bulk.said.get("job") == self.decision.job:
            tidy(self.bulk)
        if self.bulk.failures:
            return self._result("partly", "some files can't be read, and nothing else has changed")
        return self._result("nothing", self.decision.why)

    def logged(self) -> RelabelResult:
        """Do the work, and tell MLflow of it."""
        start = time.perf_counter()
        self.live.begin(self.decision)
        try:
            with self.engine.staying():
                result = self.work()
        except BaseException:
            self.live.fail()
            raise
        return self.live.finish(replace(result, seconds=time.perf_counter() - start), self.decision)

    def work(self) -> RelabelResult:
        """Vote, fit, label and commit, as far as that is not done."""
        bulk, work = self.bulk, self._work()
        with writing(self.folder):
            for name in ("votes", "labels", "unseen", "../ids"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        if self.decision.how == "fit":
            return self._known_to_be_worse() or self._two_passes(work)
        assert self.decision.model is not None and self.decision.source is not None
        folder = keep_given(bulk, self.decision.source, self.decision.model)
        self.decision = replace(self.decision, source=folder)
        work = replace(work, model=folder)
        word = "given" if bulk.config.relabel.model not in (None, "champion") else "kept"
        done = self._step("rows are read, voted on and labeled", FusedShards(work), self._items(old=True))
        if self.tally.failures:
            return self._partly()
        self._check_ids()
        check_gold(bulk, (row[0] for one in done for row in one.gold), sum(one.rows for one in done))
        return self._publish(judge(bulk, _gold_frame([row for one in done for row in one.gold]), word=word))

    def _two_passes(self, work: Work) -> RelabelResult:
        bulk = self.bulk
        merged = self._voted(work)
        if merged is None:
            return self._partly()
        version, folder = self._fitted(merged)
        self.decision = replace(self.decision, model=version, source=folder)
        verdict = judge(bulk, gold_labels(bulk, merged, folder, version))
        if not verdict.publish:
            self._record(verdict, None)
            write_json(self.folder / _WORSE, self._worse(verdict, version))
            return self._refused(verdict)
        work = replace(work, model=folder, version=version)
        with beside(not self.engine.here) as do:
            do(add_patterns, bulk, self.folder, merged)
            del merged
            self._step("rows are labeled", LabelShards(work), self._items(old=True))
        if self.tally.failures:
            return self._partly()
        return self._publish(verdict)

    def _voted(self, work: Work) -> Merged | None:
        """Let the rules vote, and merge the votes meanwhile; None: a shard failed."""
        items = self._items()
        votes = merging(self.bulk, [votes_file(self.folder, item.number) for item in items])
        with beside(not self.engine.here) as do:
            self._step("rules vote", VoteShards(work), items, then=lambda item: do(votes.take, item.number))
        if self.tally.failures:
            return None
        self._check_ids()
        return merged_votes(self.bulk, votes)

    def _refused(self, verdict: Verdict) -> RelabelResult:
        assert self.decision.source is not None
        result = self._result("worse", _why_worse(verdict, self.bulk, self.decision.source))
        return replace(result, verdict=verdict)

    def _worse(self, verdict: Verdict, version: str) -> dict[str, Any]:
        return {"standing": self.bulk.standing, "model": version, **verdict.to_dict()}

    def _known_to_be_worse(self) -> RelabelResult | None:
        """Return the verdict of an earlier attempt at this job, against the same version; None: there is none."""
        try:
            said = json.loads((self.folder / _WORSE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        source = self.bulk.models / said["model"]
        if said["standing"] != self.bulk.standing or self.tally.failures or not source.is_dir():
            return None
        self.decision = replace(self.decision, model=said["model"], source=source)
        return self._refused(Verdict.from_dict(said))

    def _partly(self) -> RelabelResult:
        count = len(self.tally.failures)
        things = "shards or files" if count != 1 else "shard or file"
        why = f"{count} {things} failed; the work on the others is kept, and nothing was committed"
        return self._result("partly", why)

    # ---- steps ----

    def _work(self) -> Work:
        return shared_work(self.bulk, self.decision)

    def _items(self, *, old: bool = False) -> list[Item]:
        return shard_items(self.bulk, known_labels(self.bulk, self.decision) if old else {})

    def _step(
        self, name: str, make: Any, items: Sequence[Item], *, then: Callable[[Item], None] | None = None
    ) -> list[Any]:
        if self.decision.model is not None:
            write_text(made_by(self.bulk, self.decision), self.folder / MADE)
        limit = self._unseen_limit()
        return run_step(
            name,
            make,
            items,
            engine=self.engine,
            tally=self.tally,
            limit=limit,
            watch=self.watch,
            each=self.live.shard,
            then=then,
        )

    def _unseen_limit(self) -> float:
        """Return the share of unseen votes from which a shard is named: `relabel.unseen` of what the fit lets expect."""
        facts = None if self.decision.source is None else facts_of(self.decision.source)
        usual = facts.new if facts else 0.0
        return usual + (1 - usual) * self.bulk.config.relabel.unseen

    def _check_ids(self) -> None:
        """Raise when an id stands twice; not looked for again in the rows of the version that stands."""
        bulk, corpus = self.bulk, self.bulk.task.corpus
        if corpus.id_column is None or bulk.said.get("corpus") == bulk.inputs["corpus"]:
            return
        check_doubled(
            [hash_file(bulk.home / "ids", digest) for digest in bulk.digests],
            lambda number: corpus.read(bulk.shards[number], columns=["id"])["id"],
            lambda number, row: corpus.locate(bulk.shards[number], row),
            column=corpus.id_column,
            memory=bulk.config.relabel.memory << 20,
        )

    def _fitted(self, merged: Merged) -> tuple[str, Path]:
        """Fit the model, once."""
        note = self.folder / "fitted.json"
        if note.exists():
            version = json.loads(note.read_text(encoding="utf-8"))["model"]
            if (self.bulk.models / version).is_dir():
                return version, self.bulk.models / version
        version, folder = fit(self.bulk, merged)
        write_json(note, {"model": version})
        return version, folder

    # ---- the end ----

    def _publish(self, verdict: Verdict) -> RelabelResult:
        """Commit the labels as one version."""
        bulk = self.bulk
        add_unseen(bulk, self.folder, len(bulk.shards))
        files = [one.file for one in self.tally.labeled.values()]
        counts = counts_of(files)
        version = 0 if bulk.standing is None else bulk.standing + 1
        attempt = Published(bulk, self.decision, self.run_id, verdict, self._share())
        manifest = attempt.write_manifest(self.folder, self.tally, counts, version)
        self._record(verdict, version)
        try:
            version = bulk.table.commit(
                files,
                schema=bulk.task.schema,
                expected=bulk.standing,
                metadata=attempt.metadata(counts),
            )
        except WeakLabelError as error:
            manifest.unlink(missing_ok=True)
            self._record(verdict, None, error=error.what)
            raise
        tidy(self.bulk)
        why = self.decision.why
        result = self._result("relabeled", why)
        return replace(
            result,
            version=version,
            rows=counts["rows"],
            statuses=counts["statuses"],
            labels=counts["labels"],
            verdict=verdict,
            manifest=manifest,
        )

    def _record(self, verdict: Verdict, version: int | None, *, error: str | None = None) -> None:
        attempt = Published(self.bulk, self.decision, self.run_id, verdict, self._share())
        attempt.record(version, error=error)

    def _share(self) -> float:
        facts = None if self.decision.source is None else facts_of(self.decision.source)
        return facts.share if facts else 1.0

    def _result(self, outcome: str, why: str) -> RelabelResult:
        bulk, tally = self.bulk, self.tally
        return RelabelResult(
            outcome=outcome,
            why=why,
            task=bulk.config.task.name,
            run_id=self.run_id,
            job=self.decision.job,
            table=bulk.table.root,
            version=bulk.standing,
            changed=bulk.changed,
            model=self.decision.model or bulk.said.get("model"),
            rows=bulk.task.corpus.count(),
            shards=tally.shards(),
            columns=tally.columns(),
            share=self._share(),
            faults=dict(sorted(tally.faults.items())),
            flagged=tuple(tally.flagged),
            failures=tuple(tally.failures),
            notes=tuple(tally.notes()),
        )


def _gold_frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    schema = {name: LABEL_COLUMNS[name] for name in GOLD_ROW}
    return pl.DataFrame(sorted(rows, key=lambda row: str(row[0])), schema=schema, orient="row")


def _why_worse(verdict: Verdict, bulk: Bulk, folder: Path) -> str:
    difference = verdict.difference
    assert difference is not None and difference.value is not None
    where = folder.relative_to(bulk.task.project).as_posix()
    return (
        f"the new model is worse on gold than that of version {bulk.standing}: accuracy {difference.value:+.3f} "
        f"[{difference.low:+.3f}, {difference.high:+.3f}]; relabel.model={where} publishes it all the same"
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time relabel a task of this project; the lock goes with the process, however it ends."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WeakLabelError(
                "this task is being relabeled by another process",
                where=str(folder),
                hint="wait until it has ended, or end it; then the same command goes on",
            ) from error
        yield
