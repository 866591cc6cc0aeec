"""`cache show` and `cache prune`: votes that are kept for the next relabeling."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import DONE, NOTHING, Verb, open_config, out_page, print_json, project_of, say

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.store.vote_store import Evicted

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_WITHOUT = ("task.corpus.path", "task.gold.path")


def _size(text: str) -> int:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if found is None or found[2].upper() not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 500MB or 5GB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _time(text: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([mhdw])\s*", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; write 12h, 30d or 4w")
    return float(found[1]) * _SECONDS[found[2]]


def _show(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.relabeling.cached_votes import known_rules, open_votes, show_votes

    project = project_of(options)
    rules, notes = known_rules(project, options.words)
    shown = show_votes(open_votes(project), rules)
    if options.json:
        print_json({**shown, "notes": notes})
        return DONE
    with out_page() as out:
        _print(shown, out)
    for note in notes:
        say(f"note: {note}")
    return DONE


def _print(shown: Mapping[str, Any], out: Console) -> None:
    from weaklabel.console import counted, print_table

    if not shown["files"]:
        out.print(f"no votes are kept in {shown['folder']}", soft_wrap=True)
        return
    what = f"votes on {counted(shown['shards'], 'shard')} in {counted(shown['files'], 'file')}"
    out.print(f"{_bytes(shown['bytes'])}: {what} in {shown['folder']}\n", style="bold", soft_wrap=True)
    rows = [_line(rule["task"], rule["rule"], [rule]) for rule in shown["rules"] if rule["rule"]]
    others = [rule for rule in shown["rules"] if not rule["rule"]]
    if others:
        rows.append(_line("", f"({counted(len(others), 'rule')} changed or gone)", others))
    header = ["task", "rule", "shards", "rows", "size", "last used (UTC)"]
    print_table(out, header, rows, left=("rule", "last used (UTC)"), drop=("rows", "shards"))


def _line(task: str, rule: str, held: list[Mapping[str, Any]]) -> list[str]:
    shards, rows = (max(one[name] for one in held) for name in ("shards", "rows"))
    last = max(one["last_used"] for one in held)[:16].replace("T", " ")
    return [task, rule, f"{shards:,}", f"{rows:,}", _bytes(sum(one["bytes"] for one in held)), last]


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def _prune_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--to",
        metavar="SIZE",
        type=_size,
        help="keep this much, the last used; 500MB, 5GB (default: relabel.cache)",
    )
    which.add_argument(
        "--unused-for", metavar="TIME", type=_time, help="remove what was not used for so long: 12h, 30d, 4w"
    )
    which.add_argument("--rule", metavar="NAME", help="remove the votes of this rule, by its id or name")
    which.add_argument("--all", action="store_true", help="remove all")


def _prune(options: argparse.Namespace) -> int:
    from weaklabel.console import counted
    from weaklabel.pipeline.relabeling.cached_votes import open_votes

    project = project_of(options)
    store = open_votes(project)
    freed = _pruned(options)
    left = store.size()
    if options.json:
        print_json({"freed": freed.to_dict(), "left": left})
    elif freed.files:
        files, columns = counted(freed.files, "file"), counted(freed.columns, "column")
        print(f"{_bytes(freed.bytes)} freed: {columns} of votes in {files}; {_bytes(left)} left")
    else:
        print(f"nothing to remove; {_bytes(left)} of votes are kept")
    return DONE if freed.files else NOTHING


def _pruned(options: argparse.Namespace) -> Evicted:
    from weaklabel.pipeline.relabeling.cached_votes import keys_of, known_rules, open_votes

    project = project_of(options)
    store = open_votes(project)
    if options.all:
        return store.prune(everything=True)
    if options.unused_for is not None:
        return store.prune(unused_for=options.unused_for)
    if options.rule is not None:
        rules, notes = known_rules(project, options.words)
        for note in notes:
            say(f"note: {note}")
        return store.prune(keys=keys_of(options.rule, rules))
    to = options.to
    if to is None:
        to = int(open_config(options, without=_WITHOUT)[1].relabel.cache * 10**9)
    return store.prune(to=to)


VERBS = {
    "cache show": Verb(
        "show the votes that are kept for the next relabeling, by rule",
        "weaklabel cache show\n  weaklabel cache show task=support --json",
        _show,
    ),
    "cache prune": Verb(
        "remove kept votes, the least recently used first; rules vote again where they are wanted",
        "weaklabel cache prune --to 5GB\n"
        "  weaklabel cache prune --unused-for 30d\n"
        "  weaklabel cache prune --rule asks_refund task=support",
        _prune,
        _prune_arguments,
    ),
}
