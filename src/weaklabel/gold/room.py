"""The gold room of a task: its ledger, and every step of the loop from guideline to gold, each in one transaction."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, did_you_mean
from weaklabel.gold.agreeing.adjudication import Adjudicated, adjudicate
from weaklabel.gold.agreeing.consensus import Consensus, consensus
from weaklabel.gold.agreeing.opinions import history
from weaklabel.gold.agreeing.redundancy import Asked, more_asked
from weaklabel.gold.agreeing.reissue import Reissue, contested_items, reissue
from weaklabel.gold.agreeing.review import Review, plan_review, send_back
from weaklabel.gold.asking import states
from weaklabel.gold.asking.batches import BatchSettings, Plan, plan_batch
from weaklabel.gold.asking.people import skill_weights
from weaklabel.gold.asking.rounds import draw_round
from weaklabel.gold.gold_set.proposing import Proposal, proposed
from weaklabel.gold.gold_set.seen import near_groups, near_pairs, seen
from weaklabel.gold.gold_set.standard import GoldSet, gold_set
from weaklabel.gold.judging.checks import Verdict, check_answers, judge_batches, least_share
from weaklabel.gold.judging.quarantine import Quarantine, quarantine, standing
from weaklabel.gold.judging.training import Round, judge_round
from weaklabel.gold.ledger import records
from weaklabel.gold.ledger.erasure import Erased
from weaklabel.gold.ledger.ledger import Added, Ledger
from weaklabel.gold.ledger.log import Log
from weaklabel.gold.power import LEAST_HISTORY, checks_needed
from weaklabel.gold.rules import Rules
from weaklabel.gold.sampling import draw
from weaklabel.schema import LabelSchema

_MANY = 200


class Room:
    """The gold room of one task.

    Every method that changes something reads, decides and writes in one transaction, so that two people who work at
    once can't undo each other's rules. Frames are those of `weaklabel.gold.ledger.records.KINDS`.

    Parameters
    ----------
    ledger
        Where answers and records are kept.
    task
        Name of the task.
    schema
        Its labels.
    rules
        How people work.
    seed
        Seed of every draw and order.
    texts
        Gives `item` and `text` of items, as far as they have one: then nobody is tested on an item of which they have
        met a near duplicate, wherever they met it. None: only near duplicates within the gold set are known.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> room = Room(Ledger.open(f"{folder.name}/ledger.db"), "mail", LabelSchema(["ham", "spam"]),
    ...             Rules(people={"ann": 1, "bob": 1, "cid": 1}))
    >>> gold = pl.DataFrame({"item": ["g1", "g2"], "labels": [["ham"], ["spam"]], "role": ["check", "check"],
    ...                      "origin": ["expert", "expert"]})
    >>> room.add_gold(gold).frame.height
    2
    >>> plan = room.create_batch("b1", pl.DataFrame({"id": ["a", "b", "c"]}), size=2)
    >>> plan.draws["inclusion"].to_list(), room.batches()["state"].to_list()
    ([0.6666666666666666, 0.6666666666666666], ['drawn'])
    >>> folder.cleanup()
    """

    def __init__(
        self,
        ledger: Ledger,
        task: str,
        schema: LabelSchema,
        rules: Rules | None = None,
        *,
        seed: int = 0,
        texts: Callable[[Sequence[str]], pl.DataFrame] | None = None,
    ) -> None:
        self.ledger, self.task, self.schema = ledger, task, schema
        self.rules, self.seed, self.texts = rules or Rules(), seed, texts

    # ---- what there is ----

    def gold(self) -> GoldSet:
        """Return the gold set as it is."""
        return gold_set(
            self.ledger.records("gold", task=self.task),
            schema=self.schema,
            versions=self.ledger.records("version", task=self.task),
            answers=self.ledger.answers(task=self.task),
        )

    def answers(self) -> pl.DataFrame:
        """Return the answers that count now: the latest of each person to each item, set-aside batches left out."""
        aside = self.ledger.records("quarantine", task=self.task)
        return standing(self.ledger.current(task=self.task), aside)

    def batches(self) -> pl.DataFrame:
        """Return every batch with its present state; see `batch_states`."""
        return states.batch_states(self.ledger.records("batch", task=self.task))

    def settings(self) -> BatchSettings:
        """Return how the next batch would be made: the season's level, what people's history is, and the floor."""
        with self.ledger.deciding() as log:
            return self._settings(log, self._set(log))

    # ---- gold ----

    def add_gold(
        self, new: pl.DataFrame, *, texts: pl.DataFrame | None = None, note: str | None = None
    ) -> Proposal:
        """Record gold items or changes of them, as far as roles allow, and a version of the set.

        Parameters
        ----------
        new
            See `proposed`.
        texts
            item and text of these and the present gold items: near duplicates share a role.
        note
            A word on why, kept with the version.

        Raises
        ------
        GoldError
            An item may not have that role; nothing is recorded.
        """
        with self._deciding() as log:
            current = self._set(log)
            groups = None
            if texts is not None:
                groups = near_groups(texts, known=current.items, seed=self.seed)
            proposal = proposed(
                new,
                current,
                groups=groups,
                audits=log.records("audit", task=self.task),
                drawn=log.records("draw", task=self.task),
                seen=self._seen(log, self._near(log, new["item"])),
            )
            if proposal.frame.height:
                log.record("gold", proposal.frame, task=self.task)
                log.record("version", self._set(log).next_version(note), task=self.task)
        return proposal

    # ---- answers ----

    def add(self, answers: pl.DataFrame) -> Added:
        """Record answers; those that are there already change nothing.

        Answers older than `Rules.retention_days` are left out, and those in the ledger that have become so are erased.

        Raises
        ------
        GoldError
            An answer names a batch that is not there, or an item that its person was not asked about in it.
        """
        asked = self.ledger.records("assignment", task=self.task)
        self._must_be_asked(answers, asked)
        self.retain()
        kept = self._recent(answers)
        added = self.ledger.add(kept, task=self.task)
        return replace(added, erased=added.erased + answers.height - kept.height)

    def retain(self, *, now: datetime.datetime | None = None) -> Erased | None:
        """Erase answers older than `Rules.retention_days`; every method that writes does so first.

        Parameters
        ----------
        now
            The time from which days are counted back; None: the clock's.

        Returns
        -------
        Erased or None
            How much went; None where all answers are kept.
        """
        days = self.rules.retention_days
        return None if days is None else self.ledger.retention(days, task=self.task, now=now)

    def _recent(self, answers: pl.DataFrame) -> pl.DataFrame:
        """Return the answers that are not older than what is kept; what they are otherwise is checked later."""
        days = self.rules.retention_days
        kind = answers.schema.get("at")
        if days is None or not isinstance(kind, pl.Datetime) or not kind.time_zone:
            return answers
        try:
            limit = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
        except OverflowError:
            return answers
        return answers.filter((pl.col("at") >= limit).fill_null(True))

    @contextmanager
    def _deciding(self) -> Iterator[Log]:
        """Give the ledger to read and write in one step, once what is too old to be kept has gone."""
        self.retain()
        with self.ledger.deciding() as log:
            yield log

    def _must_be_asked(self, answers: pl.DataFrame, asked: pl.DataFrame) -> None:
        if "batch" not in answers.columns:
            return
        named = answers.filter(pl.col("batch").is_not_null())
        known = self.batches()["batch"]
        strange = named.filter(~pl.col("batch").is_in(known.to_list()))
        if strange.height:
            batch = strange["batch"][0]
            raise GoldError(
                f"{strange.height} answers name the batch {batch!r}, which is not there",
                available=known,
                hint=did_you_mean(batch, known) or "was it made in another project or task?",
            )
        who = ["batch", "item", "annotator"]
        odd = named.join(asked.select(who), on=who, how="anti", maintain_order="left")
        if odd.height:
            row = odd.row(0, named=True)
            others = asked.filter((pl.col("batch") == row["batch"]) & (pl.col("item") == row["item"]))
            raise GoldError(
                f"{odd.height} of {named.height} answers are to items that their person was not asked about: "
                f"{row['annotator']!r} to item {row['item']!r} of batch {row['batch']!r}",
                available=others["annotator"].unique().sort() if others.height else None,
                hint="names in the tool can be mapped to annotators; items that a spreadsheet rewrote (007 to 7) can't",
            )

    # ---- batches ----

    def create_batch(
        self,
        batch: str,
        rows: pl.DataFrame,
        *,
        size: int,
        design: str = "simple",
        suggestions: pl.DataFrame | None = None,
        **options: Any,
    ) -> Plan:
        """Draw items from rows, hide checks among them, share them out, and record all of it.

        Parameters
        ----------
        batch
            Its id.
        rows
            What is drawn from: `id` and the columns that the design reads. Gold items and items of earlier
            production batches are left out.
        size, design, options
            See `weaklabel.gold.sampling.draw`.
        suggestions
            See `plan_batch`.
        """
        with self._deciding() as log:
            taken = log.records("draw", task=self.task)["item"].to_list()
            gold = self._set(log)
            hidden = gold.role("check")
            left = rows.filter(~pl.col("id").cast(pl.String).is_in([*taken, *gold.items["item"].to_list()]))
            if not left.height:
                raise GoldError(
                    f"nothing is left to draw from: all of {rows.height} rows are gold or in earlier batches"
                )
            drawn = draw(left, size, design=design, purpose="production", seed=self._seed(batch), **options)
            near = self._near(log, hidden["item"], drawn.frame["id"])
            plan = plan_batch(
                drawn.frame,
                self._weighted(log, gold),
                batch=batch,
                seed=self.seed,
                checks=hidden,
                seen=self._seen(log, near),
                suggestions=suggestions,
                settings=self._settings(log, gold),
                near=near,
            )
            self._record_plan(log, plan, "production")
        return plan

    def create_round(self, batch: str, *, size: int) -> tuple[pl.DataFrame, tuple[str, ...]]:
        """Draw a training round: gold of role training that each person has not met. Return assignments and notes."""
        with self._deciding() as log:
            pool = self._set(log).role("training")
            found, notes = draw_round(
                pool,
                self.rules.annotators,
                size=size,
                batch=batch,
                seed=self._seed(batch),
                seen=self._seen(log, self._near(log, pool["item"])),
            )
            if not found.height:
                raise GoldError(
                    "no training gold is left that anybody has not met", hint="add gold of role training"
                )
            made = json.dumps({"size": size, "seed": self.seed})
            log.record(
                "batch", self._move(log, batch, "drawn", purpose="training", settings=made), task=self.task
            )
            log.record("assignment", found, task=self.task)
        return found, notes

    def move(self, batch: str, state: str, *, note: str | None = None) -> None:
        """Record a batch's next state, or say why it may not follow."""
        with self._deciding() as log:
            log.record("batch", self._move(log, batch, state, note=note), task=self.task)

    # ---- what came back ----

    def judge(self, batch: str, *, dry_run: bool = False) -> tuple[tuple[Verdict, ...], Quarantine]:
        """Judge each person's batch by its hidden checks; set aside what fails and ask others instead.

        Parameters
        ----------
        batch
            A batch that is back.
        dry_run
            Record nothing.

        Returns
        -------
        tuple
            The verdicts on this batch, and what goes.
        """
        with self.ledger.deciding() if dry_run else self._deciding() as log:
            gold = self._set(log)
            checks = gold.role("check")
            near = self._near(log, checks["item"])
            answers = log.current(task=self.task)
            asked = log.records("assignment", task=self.task)
            order = self._production(log, batch)
            hidden = asked.filter(pl.col("check")).select("batch", "item", "annotator").unique()
            told = answers.join(hidden, on=["batch", "item", "annotator"], how="semi")
            found = judge_batches(
                check_answers(told, gold.gold("check").frame),
                order,
                season=self.rules.season,
                floor=self.rules.floor,
                kappa_floor=self.rules.kappa_floor,
            )
            mine = tuple(verdict for verdict in found if verdict.batch == batch)
            plan = quarantine(
                mine,
                answers,
                asked,
                self._weighted(log, gold),
                seed=self.seed,
                quarantines=log.records("quarantine", task=self.task),
                seen=self._seen(log, near),
                checks=checks,
                wanted=self._hidden(asked, batch),
                most=self.rules.batch.most_checks,
                near=near,
            )
            if not dry_run:
                self._record(log, quarantine=plan.records, assignment=plan.assignments, queue=plan.queue)
                log.record("batch", self._move(log, batch, "checked"), task=self.task)
                if plan.assignments.height:
                    log.record(
                        "batch",
                        self._move(log, batch, "sent", note="set-aside items are asked of others"),
                        task=self.task,
                    )
        return mine, plan

    def ask_more(self, batch: str) -> Asked:
        """Ask more people about items that prove hard, and send to experts what more people won't settle.

        People who are new to the batch get hidden checks too.
        """
        posterior = self.consensus(batch, record=False).frame.select("item", "posterior").drop_nulls()
        with self._deciding() as log:
            gold = self._set(log)
            checks = gold.role("check")
            near = self._near(log, checks["item"])
            so_far = log.records("assignment", task=self.task)
            asked = more_asked(
                log.current(task=self.task),
                so_far,
                self._weighted(log, gold),
                batch=batch,
                seed=self.seed,
                settings=self.rules.redundancy,
                posterior=posterior,
                seen=self._seen(log, near),
                quarantines=log.records("quarantine", task=self.task),
                checks=checks,
                wanted=self._hidden(so_far, batch),
                most_checks=self.rules.batch.most_checks,
                near=near,
            )
            self._record(log, assignment=asked.assignments, queue=self._new_in_queue(log, asked.queue))
        return asked

    def judge_training(self, batch: str) -> Round:
        """Judge a training round and record each person's verdict."""
        with self._deciding() as log:
            gold = self._set(log)
            answers = log.current(task=self.task).filter(pl.col("batch") == batch)
            found = judge_round(answers, gold.role("training"), schema=self.schema, rules=self.rules.training)
            rounds = self._rounds(log)
            if batch not in rounds:
                raise GoldError(f"no training round {batch!r}", available=rounds)
            self._record(log, training=found.records(rounds.index(batch) + 1))
        return found

    def review(self, batch: str) -> Review:
        """Return what a reviewer sees of a batch: a random share of the items on which people agree."""
        checks = self.gold().role("check")["item"]
        return plan_review(
            self.answers(), batch=batch, seed=self._seed(batch), share=self.rules.review, checks=checks
        )

    def send_back(self, batch: str, items: Sequence[str], *, note: str) -> pl.DataFrame:
        """Ask the people of some items once more. Return their assignments."""
        with self._deciding() as log:
            asked = log.records("assignment", task=self.task)
            again = send_back(items, asked, batch=batch, seed=self.seed)
            log.record("assignment", again, task=self.task)
            log.record("batch", self._move(log, batch, "sent", note=note), task=self.task)
        return again

    # ---- consensus ----

    def consensus(self, batch: str, *, record: bool = True) -> Consensus:
        """Return what the answers of a batch add up to, and put what is not settled in the experts' queue.

        Hidden checks are left out; how each person answered them, in every batch, counts as their history.

        Parameters
        ----------
        batch
            The batch.
        record
            Whether the queue is recorded.
        """
        with self._deciding() if record else self.ledger.deciding() as log:
            self._production(log, batch)
            gold = self._set(log)
            asked = log.records("assignment", task=self.task)
            aside = log.records("quarantine", task=self.task)
            current = log.current(task=self.task)
            checks = asked.filter(pl.col("check")).select("batch", "item", "annotator").unique()
            on_checks = standing(current, aside).join(checks, on=["batch", "item", "annotator"], how="semi")
            answers = current.filter(pl.col("batch") == batch).join(
                checks, on=["batch", "item", "annotator"], how="anti", maintain_order="left"
            )
            found = consensus(
                answers,
                schema=self.schema,
                method=self.rules.consensus,
                history=self._history(on_checks, gold),
                floor=self.rules.redundancy.sure,
                quarantines=aside,
            )
            if record:
                self._record(log, queue=self._new_in_queue(log, found.queue(batch=batch)))
        return found

    def _history(self, on_checks: pl.DataFrame, gold: GoldSet) -> pl.DataFrame | None:
        """Return how people did on checks, for the method that weighs them by it."""
        if self.rules.consensus == "majority_vote":
            return None
        return history(on_checks, gold.role("check"), schema=self.schema)

    def reissue(
        self,
        batch: str,
        one: str | None,
        other: str | None,
        *,
        people: int = 2,
        note: str | None = None,
    ) -> Reissue:
        """Ask other people about the settled items to which both labels were given, and send the batch out again.

        Items that are gold by now are left out; new people get hidden checks too.

        Parameters
        ----------
        batch
            A batch that is back.
        one, other
            The labels that are confused; None: none of the labels.
        people
            How many more are asked about each item.
        note
            A word on why, kept with the batch.

        Raises
        ------
        GoldError
            No item was given both labels, or the batch is not back.
        """
        kind = contested_items(self.consensus(batch, record=False), one, other)
        with self._deciding() as log:
            gold = self._set(log)
            checks = gold.role("check")
            near = self._near(log, checks["item"])
            asked = log.records("assignment", task=self.task)
            plan = reissue(
                sorted(set(kind) - set(gold.items["item"])),
                log.current(task=self.task),
                asked,
                self._weighted(log, gold),
                batch=batch,
                seed=self.seed,
                people=people,
                seen=self._seen(log, near),
                quarantines=log.records("quarantine", task=self.task),
                checks=checks,
                wanted=self._hidden(asked, batch),
                most_checks=self.rules.batch.most_checks,
                near=near,
            )
            if plan.assignments.height:
                said = note or f"{one or 'none'} or {other or 'none'} is asked of other people"
                moved = self._move(log, batch, "sent", note=said)
                self._record(log, assignment=plan.assignments, batch=moved)
        return plan

    def queue(self) -> pl.DataFrame:
        """Return what waits for an expert: item, batch and why."""
        now = records.current("queue", self.ledger.records("queue", task=self.task))
        return now.filter(pl.col("state") == "open").select("item", "batch", "why").sort("batch", "item")

    def settle(
        self,
        decisions: pl.DataFrame,
        *,
        batch: str | None = None,
        role: str = "calibrate",
        guideline: str | None = None,
    ) -> Adjudicated:
        """Record what experts decided: gold of origin adjudicated, and out of the queue. See `adjudicate`.

        Parameters
        ----------
        decisions
            See `adjudicate`.
        batch
            The batch that the items are of; None: they wait for another reason, such as a new guideline.
        role
            Role of new gold. An item that is gold already keeps its role, origin and inclusion; one that an audit has
            drawn is gold of role audit, drawn at random, whatever people said of it.
        guideline
            Version of the guideline in force.
        """
        settled = None if batch is None else self.consensus(batch, record=False)
        found = adjudicate(
            decisions, schema=self.schema, settled=settled, role=role, guideline=guideline, batch=batch
        )
        there = self.gold().items["item"].to_list()
        known = pl.col("item").is_in(there)
        kept = [pl.when(~known).then(pl.col(name)).alias(name) for name in ("role", "origin", "inclusion")]
        if found.gold.height:
            of = "" if batch is None else f", batch {batch}"
            found = replace(found, gold=self._for_audit(found.gold, batch))
            self.add_gold(found.gold.with_columns(kept), note=f"settled by experts{of}")
        waiting = self.queue().join(decisions.select("item").unique(), on="item", how="semi")
        mine = waiting.filter(pl.col("batch").is_null() if batch is None else pl.col("batch") == batch)
        closed = mine.with_columns(why=pl.lit("settled by an expert"), state=pl.lit("closed"))
        with self._deciding() as log:
            self._record(log, queue=closed.select(records.KINDS["queue"].keys()))
        return replace(found, closed=closed)

    def _for_audit(self, gold: pl.DataFrame, batch: str | None) -> pl.DataFrame:
        """Return new gold of an audit's batch as what it is: drawn by chance, not chosen because people disagreed."""
        audits = self.ledger.records("audit", task=self.task)["audit"]
        if batch is None or batch not in audits:
            return gold
        drawn = self.ledger.records("draw", task=self.task).filter(pl.col("batch") == batch)
        found = gold.drop("inclusion").join(drawn.select("item", "inclusion"), on="item", how="left")
        own = pl.col("inclusion").is_not_null()
        return found.with_columns(
            pl.when(own).then(pl.lit("audit")).otherwise("role").alias("role"),
            pl.when(own).then(pl.lit("random")).otherwise("origin").alias("origin"),
        ).select(gold.columns)

    # ---- within a transaction ----

    def _set(self, log: Log) -> GoldSet:
        """Return the gold set; a label that the schema has no more stays, so that its items can still be changed."""
        return gold_set(
            log.records("gold", task=self.task),
            schema=self.schema,
            versions=log.records("version", task=self.task),
            unknown="keep",
        )

    def _record(self, log: Log, **frames: pl.DataFrame) -> None:
        for kind, frame in frames.items():
            if frame.height:
                log.record(kind, frame, task=self.task, erased="skip")

    def _record_plan(self, log: Log, plan: Plan, purpose: str) -> None:
        first = self._move(log, plan.batch, "drawn", purpose=purpose, settings=plan.settings)
        self._record(log, batch=first, draw=plan.draws, assignment=plan.assignments)

    def _move(self, log: Log, batch: str, state: str, **options: Any) -> pl.DataFrame:
        return states.move(log.records("batch", task=self.task), batch, state, **options)

    def _near(self, log: Log, tests: pl.Series, more: pl.Series | None = None) -> pl.DataFrame | None:
        """Return the test items with near duplicates among what was asked or answered, or is to be."""
        if self.texts is None or not tests.len():
            return None
        met = [log.records("assignment", task=self.task)["item"], log.answers(task=self.task)["item"]]
        others = pl.concat([*met, *([] if more is None else [more])]).unique()
        return near_pairs(self.texts(tests.unique().to_list()), self.texts(others.to_list()))

    def _seen(self, log: Log, near: pl.DataFrame | None = None) -> pl.DataFrame:
        return seen(
            self.rules.people,
            assignments=log.records("assignment", task=self.task),
            answers=log.answers(task=self.task),
            gold=log.records("gold", task=self.task),
            near=near,
        )

    def _weighted(self, log: Log, gold: GoldSet) -> pl.DataFrame:
        """Return the people, those who do well on hidden checks with more of the work."""
        found = check_answers(
            standing(log.current(task=self.task), log.records("quarantine", task=self.task)),
            gold.gold("check").frame,
        )
        skill = skill_weights(found, sorted(self.rules.people))
        rows = [(name, weight * skill[name]) for name, weight in sorted(self.rules.people.items())]
        return pl.DataFrame(rows, schema={"annotator": pl.String, "weight": pl.Float64}, orient="row")

    def _settings(self, log: Log, gold: GoldSet) -> BatchSettings:
        """Return how the next batch is made: its checks reckon with the season's level, floors and histories."""
        rules, people = self.rules, max(len(self.rules.people), 1)
        asked = log.records("assignment", task=self.task).filter(pl.col("check"))
        judged = asked.select("batch", "annotator").n_unique()
        labels = gold.role("check")["labels"].list.first().drop_nulls()
        floor = least_share(rules.floor, rules.kappa_floor, dict(labels.value_counts().iter_rows()))
        level, history = rules.season.level(judged + people), asked.height // people
        made = replace(rules.batch, alpha=level, history=history, floor=floor)
        if made.checks is None and history >= LEAST_HISTORY:
            try:
                checks_needed(made.caught, **made.power)
            except GoldError:  # the history is too short for any number: as many as a list may hold
                made = replace(made, checks=_MANY)
        return made

    def _hidden(self, asked: pl.DataFrame, batch: str) -> int:
        """Return how many checks people have in a batch: the most that anybody has."""
        mine = asked.filter((pl.col("batch") == batch) & pl.col("check")).unique(["annotator", "item"])
        return max(mine.group_by("annotator").len()["len"].to_list(), default=0)

    def _production(self, log: Log, batch: str) -> list[str]:
        """Return the production batches in the order in which they were made."""
        made = log.records("batch", task=self.task).filter(pl.col("purpose") == "production")
        order = made.sort("number")["batch"].to_list()
        if batch not in order:
            raise GoldError(
                f"no production batch {batch!r}", available=order, hint=did_you_mean(batch, order)
            )
        return order

    def _rounds(self, log: Log) -> list[str]:
        made = log.records("batch", task=self.task).filter(pl.col("purpose") == "training")
        return list(made.sort("number")["batch"])

    def _new_in_queue(self, log: Log, queue: pl.DataFrame) -> pl.DataFrame:
        """Return what was never in the queue for this batch; what an expert has settled stays settled."""
        there = log.records("queue", task=self.task).unique(["item", "batch"])
        return queue.join(there.select("item", "batch"), on=["item", "batch"], how="anti", nulls_equal=True)

    def _seed(self, batch: str) -> int:
        """Return another seed for every batch, so that what was left is drawn anew."""
        from weaklabel.fingerprint import event_hash

        return event_hash(f"batch {batch}", self.seed) % 2**31
