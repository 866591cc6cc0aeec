"""What is to be erased, and what a store of it held."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from weaklabel.errors import GoldError
from weaklabel.pipeline.task import open_corpus, open_registry
from weaklabel.runs import HOME
from weaklabel.settings import Config


@dataclass(frozen=True)
class Wanted:
    """What is to be erased, and from where.

    Parameters
    ----------
    config, project
        Of the task; an item is erased from this task, an annotator from all.
    kind, id
        An item's id or an annotator's name.
    reason
        Why; it is kept, so it names nobody.
    now
        The day that is noted.

    Raises
    ------
    GoldError
        The id or the reason is empty.

    Examples
    --------
    >>> Wanted(Config(), Path("/desk"), "item", "m17", "asked for by the sender").note[:20]
    'ended by erasure on '
    """

    config: Config
    project: Path
    kind: Literal["item", "annotator"]
    id: str
    reason: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        if not self.id:
            raise GoldError(f"the {self.kind} to erase is empty")
        if not self.reason.strip():
            raise GoldError("an erasure needs a reason", hint='--reason "asked for by the sender"')

    @property
    def note(self) -> str:
        """What older versions say."""
        return f"ended by erasure on {self.now:%Y-%m-%d}"

    @property
    def home(self) -> Path:
        """The folder that holds everything that was written."""
        return self.project / HOME

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """What an item may be called as by chance: labels, rules and columns. Words that name these stay."""
        if self.kind != "item":
            return frozenset()
        registry = open_registry(self.config, self.project)
        columns = open_corpus(self.config, self.project).columns
        return frozenset([*registry.schema.names, *(rule.id for rule in registry.rules), *columns])

    @property
    def task(self) -> str | None:
        """The task that it is erased from; None: all."""
        return self.config.task.name if self.kind == "item" else None


@dataclass(frozen=True)
class Found:
    """What one store held, and what was or would be done.

    Parameters
    ----------
    store
        Its name in `STORES`.
    count
        How often it names what is erased.
    what
        In words.
    left
        What a person has to do.

    Examples
    --------
    >>> Found("runs", 0, "in no run").left
    ()
    """

    store: str
    count: int
    what: str
    left: tuple[str, ...] = ()
