"""`labels log`, `labels show`, `labels restore`, `labels vacuum`: the versions of a task's labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import DONE, NOTHING, USAGE, Verb, open_config, out_page, print_json, say

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from weaklabel.store.label_table import LabelTable, TableVersion

_WITHOUT = ["task.corpus.path", "task.gold.path", "task.rules"]
_SHOWN, _LIMIT, _HOURS = 12, 20, 168.0


def _log_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="N", type=int, help="only the newest N versions")


def _log(options: argparse.Namespace) -> int:
    table = _table(options)
    versions = _versions(table)
    readable = table.readable()
    if options.limit is not None:
        versions = versions[-options.limit :] if options.limit > 0 else []
    if options.json:
        print_json([{**version_data(one), "readable": one.version in readable} for one in versions])
        return DONE
    header = ["version", "time (UTC)", "kind", "rows", "labeled", "verdict", "model", "what changed", "run"]
    rows = [_log_row(one, one.version in readable) for one in reversed(versions)]
    with out_page() as out:
        _print_table(
            out, header, rows, left=("time (UTC)", "kind", "verdict", "model", "what changed", "run")
        )
    return DONE


def _log_row(version: TableVersion, readable: bool) -> list[str]:
    counts = _loaded(version.metadata.get("counts"))
    labeled = counts.get("statuses", {}).get("labeled", 0) if isinstance(counts, dict) else None
    share = f"{100 * labeled / version.rows:.1f} %" if version.rows and labeled is not None else ""
    changed = changed_words(version.metadata)
    return [
        str(version.version),
        f"{version.time:%Y-%m-%d %H:%M}",
        version.kind,
        "" if version.rows is None else f"{version.rows:,}",
        share,
        verdict_words(version.metadata),
        version.metadata.get("model", "")[:_SHOWN],
        changed if readable else f"{changed}; " * bool(changed) + "its files were deleted",
        version.run_id,
    ]


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    _version_argument(parser, "the version (default: the newest)")
    parser.add_argument("--id", metavar="ID", action="append", help="only this row; may be given again")
    parser.add_argument(
        "--limit", metavar="N", type=int, default=_LIMIT, help=f"rows to show (default: {_LIMIT})"
    )


def _show(options: argparse.Namespace) -> int:
    if options.limit < 0:
        say("usage error: --limit is 0 or more")
        return USAGE
    table = _table(options)
    version = _newest(table) if options.version is None else options.version
    metadata = table.metadata(version)
    labels = _loaded(metadata.get("labels")) or []
    if options.id:
        rows = table.rows_of(options.id, version)
    else:
        rows = table.scan(version).head(options.limit).collect(engine="streaming")
    missing = sorted(set(options.id or ()) - set(rows["id"]))
    if options.json:
        shown = [{**row, "probabilities": _named(row, labels)} for row in rows.iter_rows(named=True)]
        print_json({"version": version, "metadata": metadata, "rows": shown, "missing": missing})
    else:
        with out_page() as out:
            _print_rows(table, version, rows, labels, out)
    for name in missing:
        say(f"version {version} has no row {name!r}")
    return NOTHING if options.id and not rows.height else DONE


def _print_rows(
    table: LabelTable, version: int, rows: pl.DataFrame, labels: Sequence[str], out: Console
) -> None:
    one = next(one for one in table.log() if one.version == version)
    total = "" if one.rows is None else f", {one.rows:,} rows"
    out.print(f"version {version} of {table.root}", style="bold", soft_wrap=True)
    by = f" by run {one.run_id}" if one.run_id else ""
    out.print(f"{one.kind} on {one.time:%Y-%m-%d %H:%M} UTC{by}{total}", soft_wrap=True)
    counts = _loaded(one.metadata.get("counts"))
    for name in ("statuses", "labels") if isinstance(counts, dict) else ():
        said = [f"{key} {value:,}" for key, value in counts.get(name, {}).items()]
        if said:
            out.print(f"{name}: {', '.join(said)}", style="dim", soft_wrap=True)
    if not rows.height:
        return
    out.print()
    cells = [
        [r["id"], r["label"] or "", r["status"] or "", _best(r, labels), str(r["n_votes"]), str(r["pattern"])]
        for r in rows.iter_rows(named=True)
    ]
    header = ["id", "label", "status", "probability", "votes", "pattern"]
    _print_table(out, header, cells, left=("label", "status", "probability"))


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    _version_argument(parser, "the version that is to stand again", required=True)


def _restore(options: argparse.Namespace) -> int:
    table = _table(options)
    before = _newest(table)
    if options.version == before or table.files(options.version).keys() == table.files(before).keys():
        data: dict[str, Any] = {"version": before, "restored": None}
        _tell(
            options, data, f"nothing to do: the labels of version {options.version} stand (version {before})"
        )
        return NOTHING
    found = table.differences(before, options.version)
    labels, statuses = (int(found[name].sum()) for name in ("label", "status"))
    sides = dict(found["side"].value_counts().iter_rows())
    gone, back = sides.get("before", 0), sides.get("after", 0)
    version = table.restore(options.version)
    data = {
        "version": version,
        "restored": options.version,
        "labels_changed": labels,
        "statuses_changed": statuses,
        "rows_back": back,
        "rows_gone": gone,
    }
    text = f"version {version} holds the labels of version {options.version}: {labels:,} labels"
    text += f" and {statuses:,} statuses differ from version {before}"
    text += f"; {back:,} rows are back and {gone:,} are gone" if back or gone else ""
    _tell(options, data, text)
    return DONE


def _vacuum_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hours", metavar="N", type=float, default=_HOURS,
        help="versions that were replaced within so many hours stay readable (default: 168, a week)",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")


def _vacuum(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.label_places import jobs_that_go_on, open_label_table

    if not options.hours >= 0:
        say("usage error: --hours is 0 or more")
        return USAGE
    project, config = open_config(options, without=_WITHOUT)
    table = open_label_table(config, project)
    newest = _newest(table)
    readable = table.readable()
    held = table.place.files()
    standing = jobs_that_go_on(config, project, hours=max(options.hours, 1.0))
    gone = table.vacuum(hours=options.hours, dry_run=options.dry_run, standing=standing)
    lost = sorted(readable - table.readable(without=gone))
    size = sum(held[name].bytes for name in gone if name in held)
    data = {"deleted": gone, "bytes": size, "dry_run": options.dry_run, "versions_lost": lost}
    did = "would be deleted" if options.dry_run else "were deleted"
    text = f"{len(gone):,} data files ({size / 1e6:,.1f} MB) {did}"
    if lost:
        can = "could not be read any more" if options.dry_run else "can't be read any more"
        text += f"; version{'s' * (len(lost) > 1)} {_ranges(lost)} {can}"
    _tell(options, data, f"{text}; version {newest} stands")
    return DONE if gone else NOTHING


# ---- what they share ----


def version_data(version: TableVersion) -> dict[str, Any]:
    """Return a version as JSON says it.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from weaklabel.store.label_table import TableVersion
    >>> version_data(TableVersion(0, datetime(2026, 3, 1, tzinfo=UTC), "relabel", {"run_id": "r1"}, 10, 1))["time"]
    '2026-03-01T00:00:00+00:00'
    """
    return {
        "version": version.version,
        "time": version.time.isoformat(),
        "kind": version.kind,
        "rows": version.rows,
        "files": version.files,
        "metadata": dict(version.metadata),
    }


def verdict_words(metadata: Mapping[str, str]) -> str:
    """Return in words what a version's commit says of how good its labels are: a certificate's, or a new model's.

    Examples
    --------
    >>> verdict_words({"audit": '{"verdict": "holds", "certificate": {"audit": "may", "accepted": 290, "rows": 400}}'})
    'certified by audit may: 290 of 400 rows'
    >>> verdict_words({"audit": '{"verdict": "not worse"}'}), verdict_words({})
    ('not worse', '')
    """
    said = _loaded(metadata.get("audit"))
    if not isinstance(said, Mapping):
        return ""
    made = said.get("certificate")
    if not isinstance(made, Mapping):
        return str(said.get("verdict") or "")
    return f"certified by audit {made['audit']}: {made['accepted']:,} of {made['rows']:,} rows"


def changed_words(metadata: Mapping[str, str]) -> str:
    """Return in words what a version's commit says has changed.

    Examples
    --------
    >>> changed_words({"changed": '{"rules": ["has_link", "long"], "gold": true, "model": false, "restored": 0}'})
    'rules: has_link, long; gold; restored: 0'
    """
    changed = _loaded(metadata.get("changed"))
    return "; ".join(_words(changed))


def _words(changed: Any) -> list[str]:
    if isinstance(changed, Mapping):
        return [
            str(name) if value is True else f"{name}: {', '.join(_words(value)) or value}"
            for name, value in changed.items()
            if value is not None and value is not False and value not in ("", [], {})
        ]
    if isinstance(changed, list):
        shown = [str(one) for one in changed[:5]]
        return [*shown, f"{len(changed) - 5} more"] if len(changed) > 5 else shown
    return [] if changed in (None, "") else [str(changed)]


def _table(options: argparse.Namespace) -> LabelTable:
    from weaklabel.pipeline.label_places import open_label_table

    project, config = open_config(options, without=_WITHOUT)
    return open_label_table(config, project)


def _newest(table: LabelTable) -> int:
    return _versions(table)[-1].version


def _versions(table: LabelTable) -> list[TableVersion]:
    from weaklabel.store.label_table import TableError

    versions = table.log()
    if not versions:
        hint = "weaklabel relabel makes it"
        raise TableError("there is no label table yet", where=table.root, hint=hint)
    return versions


def _version_argument(parser: argparse.ArgumentParser, what: str, *, required: bool = False) -> None:
    parser.add_argument("--version", metavar="N", type=_number, required=required, help=what)


def _number(word: str) -> int:
    """Return the number of a version: 3 and v3 are the same."""
    return int(word.removeprefix("v"))


_number.__name__ = "version"  # argparse names it in its message


def _tell(options: argparse.Namespace, data: Mapping[str, Any], text: str) -> None:
    if options.json:
        print_json(data)
    else:
        print(text)


def _loaded(text: str | None) -> Any:
    """Return what a JSON text holds; what isn't JSON stays text."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _named(row: Mapping[str, Any], labels: Sequence[str]) -> dict[str, float] | list[float] | None:
    found = row["probabilities"]
    if found is None or len(found) != len(labels):
        return list(found) if found is not None else None
    return dict(zip(labels, found, strict=True))


def _best(row: Mapping[str, Any], labels: Sequence[str]) -> str:
    found = row["probabilities"]
    if not found:
        return ""
    at = max(range(len(found)), key=found.__getitem__)
    name = labels[at] if len(labels) == len(found) else f"class {at}"
    return f"{name} {found[at]:.3f}"


def _ranges(versions: Sequence[int]) -> str:
    """Return numbers as text, runs of them by their ends."""
    runs: list[list[int]] = []
    for one in versions:
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _print_table(
    out: Console, header: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[str]
) -> None:
    from weaklabel.console import print_table

    print_table(out, header, rows, left=left, drop=("run", "pattern", "model"), wraps=("what changed", "run"))


VERBS = {
    "labels log": Verb(
        "the versions of a task's labels: when, from what, how many, and what changed",
        "weaklabel labels log task=support",
        _log,
        _log_arguments,
    ),
    "labels show": Verb(
        "rows of the labels that stand, or of an older version (exit 3 where no given id is in it)",
        "weaklabel labels show --version 3 --id m17",
        _show,
        _show_arguments,
    ),
    "labels restore": Verb(
        "let an older version stand again, as a new version (exit 3 when its labels stand already)",
        "weaklabel labels restore --version 3",
        _restore,
        _restore_arguments,
    ),
    "labels vacuum": Verb(
        "delete data files of versions that were replaced long ago, and of broken-off work (exit 3: there are none)",
        "weaklabel labels vacuum --hours 168 --dry-run",
        _vacuum,
        _vacuum_arguments,
    ),
}
