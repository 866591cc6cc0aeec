"""What the vote store holds, by the names that rules have in the project."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from weaklabel.config import conf_folder, load
from weaklabel.errors import RuleError, WeakLabelError, did_you_mean
from weaklabel.pipeline.task import open_registry
from weaklabel.runs import HOME
from weaklabel.settings import Config
from weaklabel.store.vote_keys import vote_keys
from weaklabel.store.vote_store import VoteStore

VOTES = "votes"
_RULES_ONLY = ("task.corpus.path", "task.gold.path")


@dataclass(frozen=True)
class KnownRule:
    """A rule of the project as it stands, and the key of its votes."""

    task: str
    id: str
    name: str
    key: str


def open_votes(project: str | Path) -> VoteStore:
    """Return the vote store of a project.

    Examples
    --------
    >>> open_votes(Path("desk")).folder.as_posix()
    'desk/.weaklabel/votes'
    """
    return VoteStore(Path(project) / HOME / VOTES)


def known_rules(project: Path, words: Sequence[str] = ()) -> tuple[list[KnownRule], list[str]]:
    """Return the rules of all tasks of a project, or of the task that a word names; and a note for each task without.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.templates import write_project
    >>> rules, notes = known_rules(write_project(Path(tempfile.mkdtemp()) / "desk"))
    >>> [(rule.task, rule.id) for rule in rules], notes
    ([('first', 'grumbles'), ('first', 'asks'), ('first', 'says_thanks')], [])
    """
    names = _tasks(project, words)
    if not names:
        return _rules(load(project, words, without=_RULES_ONLY), project), []
    rules, notes = [], []
    for name in names:
        try:
            rules += _rules(load(project, [*words, f"task={name}"], without=_RULES_ONLY), project)
        except WeakLabelError as error:
            notes.append(
                f"the rules of task {name} can't be read, so their votes are not named: {error.what}"
            )
    return rules, notes


def keys_of(name: str, rules: Sequence[KnownRule]) -> list[str]:
    """Return the keys of the rules with an id or a name.

    Raises
    ------
    RuleError
        There is none.

    Examples
    --------
    >>> keys_of("asks", [KnownRule("first", "asks", "Asks", "k1")])
    ['k1']
    """
    for attribute in ("id", "name"):
        found = [rule.key for rule in rules if getattr(rule, attribute) == name]
        if found:
            return sorted(set(found))
    known = sorted({rule.id for rule in rules})
    raise RuleError(f"no rule {name!r}", available=known, hint=did_you_mean(name, known))


def show_votes(store: VoteStore, rules: Sequence[KnownRule]) -> dict[str, Any]:
    """Return what a store holds as plain data: in all, and by rule; votes of what no rule is any more have no name.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> store = VoteStore(tempfile.mkdtemp())
    >>> store.put("d1", {"k1": np.array([-1, 0], np.int8), "k0": np.array([0, 0], np.int8)})
    >>> shown = show_votes(store, [KnownRule("first", "asks", "Asks", "k1")])
    >>> [(rule["task"], rule["rule"], rule["shards"], rule["rows"]) for rule in shown["rules"]]
    [('first', 'asks', 1, 2), (None, None, 1, 2)]
    """
    shown = store.show()
    held = {rule.key: rule for rule in shown.rules}
    named = {rule.key for rule in rules}
    order = [(r.task, r.id, r.key) for r in rules if r.key in held]
    lines = [*order, *((None, None, key) for key in held if key not in named)]
    return {
        "folder": str(store.folder),
        "shards": shown.shards,
        "files": shown.files,
        "bytes": shown.bytes,
        "rules": [
            {
                "task": task,
                "rule": rule,
                "key": key,
                "shards": held[key].shards,
                "rows": held[key].rows,
                "bytes": held[key].bytes,
                "last_used": datetime.fromtimestamp(held[key].last_used, UTC).isoformat(timespec="seconds"),
            }
            for task, rule, key in lines
        ],
    }


def _tasks(project: Path, words: Sequence[str]) -> list[str]:
    """Return the names of the project's tasks; none where a word chooses one, or the project has but one."""
    if any(word.startswith("task=") for word in words):
        return []
    return sorted(path.stem for path in (conf_folder(project) / "task").glob("*.yaml"))


def _rules(config: Config, project: Path) -> list[KnownRule]:
    with redirect_stdout(sys.stderr):  # what rules print is no result
        registry = open_registry(config, project)
    task = config.task
    today = date.fromisoformat(task.today) if task.today else None
    on_error: Any = task.on_error
    keys = vote_keys(registry, on_error=on_error, date=task.date, today=today)
    return [KnownRule(task.name, rule.id, rule.name, keys[rule.id]) for rule in registry]
