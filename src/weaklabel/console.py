"""What a person sees: the summary of a run, tables, progress bars. Plain text where it is not a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from weaklabel.stats import Estimate

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from weaklabel.pipeline import Observer, RunResult
    from weaklabel.profile import CorpusProfile, TextProfile
    from weaklabel.sweep import Sweep

WIDTH = 110
"""Columns of text that goes to a file or a pipe."""
WIDE = 100
"""From this width on the table of rules says where they stand."""
SEEN = 5
"""A rule with fewer votes on gold rows is called neither good nor bad."""


def console(stream: IO[str]) -> Console:
    """Return a console on a stream: coloured and as wide as the terminal, or plain and `WIDTH` wide."""
    from rich.console import Console

    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)


@contextmanager
def page(stream: IO[str]) -> Iterator[Console]:
    """Give a console and write what was printed on it at the end, without blanks at the ends of lines."""
    out = console(stream)
    with out.capture() as captured:
        yield out
    stream.writelines(line.rstrip() + "\n" for line in captured.get().splitlines())
    stream.flush()


@contextmanager
def progress(stream: IO[str]) -> Iterator[Observer]:
    """Show one bar per step on a terminal; show nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bars: dict[str, Any] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stream), transient=True, disable=not stream.isatty()) as shown:

        def tell(step: str, done: int, total: int) -> None:
            if step not in bars:
                bars[step] = shown.add_task(step, total=total)
            shown.update(bars[step], completed=done, total=total)

        yield tell


# ---- the summary of a run ----


def print_summary(result: RunResult, project: Path, out: Console) -> None:
    """Print what a person wants to know after a run, to be read in ten seconds."""
    out.print(
        f"{result.task}: {result.rows:,} rows, {result.rules.height} rules, {result.model}, "
        f"{result.seconds:.1f} s\n",
        style="bold",
    )
    facts = _grid()
    facts.add_row("labels", _status_line(result))
    facts.add_row(
        "votes",
        f"{result.coverage:.1%} of the rows have one, {result.overlaps:.1%} have several, "
        f"on {result.conflicts:.1%} they conflict",
    )
    out.print(facts)
    if result.scores:
        _print_scores(result, out)
        _print_rules(result, out)
    for note in _all_notes(result):
        out.print(f"! {note}", style="yellow", soft_wrap=True)
    if _all_notes(result):
        out.print()
    files = "(labels.parquet, rules.parquet, config.yaml, plots/ …)"
    _line(out, "written to", f"{_short(result.folder, project)}/ {files}")
    if result.store is not None and result.mlflow_run:
        _line(
            out,
            "MLflow",
            f"`weaklabel ui` opens it: experiment {result.store.experiment!r}, run {result.run_id}",
        )
    for number, line in enumerate(suggestions(result)):
        _line(out, "" if number else "next", line)


def _line(out: Console, name: str, text: str) -> None:
    """Print a named line; a long one is left whole, so that paths and commands can be copied."""
    out.print(f"{name:12}{text}", soft_wrap=True)


def suggestions(result: RunResult) -> list[str]:
    """Return what to try next, at most three things, the most useful first."""
    found = []
    uncovered = result.statuses.get("uncovered", 0)
    if not result.scores:
        found.append(
            "label 100 random rows by hand and name the table as task.gold.path: then you know the accuracy"
        )
    worst = [line for line in _worst(result) if line["Acc. High"] < 0.8]
    if worst:
        found.append(f"look at the rule {worst[0]['labeler']} ({worst[0]['where']}): it is often wrong")
    if uncovered > 0.05 * result.rows:
        found.append(
            f"write rules for the {uncovered:,} rows without votes (status uncovered in labels.parquet)"
        )
    if result.statuses.get("tie", 0) > 0.05 * result.rows:
        found.append(
            f"break the {result.statuses['tie']:,} ties with a rule for the classes that meet in them"
        )
    found.append("weaklabel run -m label_model=majority_vote,dawid_skene,snorkel compares the label models")
    return found[:3]


def _status_line(result: RunResult) -> str:
    names = {
        "labeled": "labeled",
        "tie": "ties",
        "uncovered": "without votes",
        "below_threshold": "below threshold",
    }
    return ", ".join(f"{result.statuses[s]:,} {names[s]}" for s in names if result.statuses.get(s))


def _print_scores(result: RunResult, out: Console) -> None:
    table = _table("against gold", "accuracy", "macro F1", "log loss", "coverage", "gold rows")
    for name, score in result.scores.items():
        metrics = score.metrics
        shown = name.replace("vote_classifier", "vote classifier*")
        table.add_row(
            shown,
            _interval(metrics["accuracy"]),
            _number(metrics["macro_f1"]),
            _number(metrics["log_loss"]),
            f"{score.coverage:.1%}" if score.coverage is not None else "-",
            f"{score.n_gold:,}",
        )
    out.print()
    out.print(table)
    if "vote_classifier" in result.scores:
        out.print(
            "* trained on gold, cross-validated: what gold alone makes of these votes",
            style="dim",
            soft_wrap=True,
        )
    if result.difference is not None:
        out.print(_verdict(result.model, result.difference), soft_wrap=True)
    out.print()


def _verdict(model: str, difference: Estimate) -> str:
    if difference.value is None or difference.low is None or difference.high is None:
        return f"{model} and majority_vote can't be compared on this gold"
    interval = f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}] in accuracy"
    if difference.low <= 0 <= difference.high:
        return f"these gold rows can't tell {model} from majority_vote: {interval}"
    return f"{model} is {'better' if difference.low > 0 else 'worse'} than majority_vote: {interval}"


def _print_rules(result: RunResult, out: Console) -> None:
    best = _best(result)
    worst = [line for line in _worst(result) if line not in best]
    if not best:
        return
    places = out.width >= WIDE
    columns = ["rules", "", "label", "accuracy", "coverage"]
    table = _table(*columns, *[f"where in {result.rules_folder}/"] * places, left=(1, 2, 5))
    for title, lines in (("best", best), ("worst", worst)):
        for line in lines:
            accuracy = Estimate(line["Emp. Acc."], line["Acc. Low"], line["Acc. High"], 0)
            facts = [title, line["labeler"], line["label"] or "(several)", _interval(accuracy)]
            where = line["where"].removeprefix(f"{result.rules_folder}{os.sep}")
            table.add_row(*facts, f"{line['Coverage']:.1%}", *[where] * places)
    out.print(table)
    out.print()


def _best(result: RunResult) -> list[dict[str, Any]]:
    """Return the three rules that are surely good: by the lower end of their interval."""
    lines = sorted(_seen(result), key=lambda line: (-line["Acc. Low"], line["labeler"]))
    return lines[: min(3, (len(lines) + 1) // 2)]


def _worst(result: RunResult) -> list[dict[str, Any]]:
    """Return the three rules that are surely bad: by the upper end of their interval."""
    return sorted(_seen(result), key=lambda line: (line["Acc. High"], line["labeler"]))[:3]


def _seen(result: RunResult) -> list[dict[str, Any]]:
    if "Emp. Acc." not in result.rules.columns:
        return []
    return [
        line
        for line in result.rules.iter_rows(named=True)
        if line["Emp. Acc."] is not None and line["Correct"] + line["Incorrect"] >= SEEN
    ]


def _all_notes(result: RunResult) -> list[str]:
    score = result.scores.get(result.model)
    return [*result.notes, *(score.notes if score else ())]


# ---- the other tables ----


def print_sweep(results: Sequence[Mapping[str, Any]], sweep: Sweep, out: Console) -> None:
    """Print a sweep's comparison, and the best run with its uncertainty."""
    from weaklabel.sweep import comparison, winner

    lines = comparison(results)
    table = _table("settings", "accuracy", "macro F1", "log loss", "coverage", "run", left=(5,))
    for line in lines:
        if line["error"]:
            table.add_row(line["settings"], "failed", "", "", "", line["error"])
            continue
        accuracy = Estimate(
            line["accuracy"], line["accuracy_low"], line["accuracy_high"], line["gold_rows"] or 0
        )
        numbers = [f"{line[k]:.3f}" if line[k] is not None else "-" for k in ("macro_f1", "log_loss")]
        table.add_row(
            line["settings"], _interval(accuracy), *numbers, f"{line['coverage']:.1%}", line["run_id"]
        )
    out.print(table)
    out.print()
    best = winner(results)
    if best is None:
        out.print("no winner: these runs were not scored on the same gold")
    elif best.rivals:
        names = "; ".join(lines[i]["settings"] for i in best.rivals)
        out.print(
            f"highest: {lines[best.number]['settings']}, but its interval overlaps with {names}: "
            "this gold can't tell them apart",
            soft_wrap=True,
        )
    elif len(lines) > 1:
        out.print(
            f"best: {lines[best.number]['settings']}; no other run's interval reaches its own", soft_wrap=True
        )
    out.print(f"written to .weaklabel/sweeps/{sweep.sweep_id}/ and .weaklabel/runs/", soft_wrap=True)


def print_rules(rows: Sequence[Mapping[str, Any]], folder: str, out: Console) -> None:
    """Print a task's rules; `folder`, relative to the project, holds their files."""
    table = _table("rule", "label", "kind", "owner", "reads", "where", "description", left=range(7))
    for row in rows:
        reads = ", ".join(row["fields"]) or "all"
        table.add_row(
            row["id"],
            row["label"] or "(several)",
            row["kind"],
            row["owner"],
            reads,
            row["where"].removeprefix(f"{folder}{os.sep}"),
            row["description"],
        )
    out.print(table)
    out.print(f"\n{len(rows)} rules in {folder}/")


def print_profile(found: CorpusProfile, picture: Path, out: Console) -> None:
    """Print what a corpus looks like."""
    files = "1 file" if found.files == 1 else f"{found.files:,} files"
    out.print(f"{found.rows:,} rows in {files} ({found.format})\n", style="bold")
    table = _table("column", "type", "nulls", "NaN", "distinct", "min", "mean", "max", left=(1,))
    for line in found.columns.iter_rows(named=True):
        counts = [f"{line[name]:,}" for name in ("nulls", "nans", "distinct")]
        numbers = ["" if line[name] is None else f"{line[name]:,.6g}" for name in ("min", "mean", "max")]
        table.add_row(line["column"], line["dtype"], *counts, *numbers)
    out.print(table)
    out.print()
    if found.text is not None:
        _print_texts(found.text, out)
    out.print(f"plot: {picture}", soft_wrap=True)


def _print_texts(text: TextProfile, out: Console) -> None:
    table = _table("length in", "min", "5 %", "median", "95 %", "max")
    for line in text.lengths.iter_rows(named=True):
        values = [line[name] for name in ("min", "p05", "median", "p95", "max")]
        table.add_row(line["measure"], *("-" if v is None else f"{v:,.0f}" for v in values))
    out.print(table)
    out.print()
    facts = _grid()
    facts.add_row("no text", f"{text.null:,} null, {text.empty:,} empty or blank")
    facts.add_row(
        "duplicates", f"{text.duplicate_rows:,} rows share their text with another ({_groups(text)})"
    )
    near = f"{text.near_rows:,} of {text.near_sample:,} different texts looked at have one"
    facts.add_row(
        "near duplicates", f"{near} (5-character shingles, Jaccard {text.near_threshold:g} or more)"
    )
    spoken = [f"{line['language']} {line['rows']:,}" for line in text.languages.head(8).iter_rows(named=True)]
    facts.add_row("languages", f"{', '.join(spoken) or 'none'} (of {text.language_sample:,} texts looked at)")
    out.print(facts)
    out.print()


def _groups(text: TextProfile) -> str:
    return "1 text" if text.duplicate_groups == 1 else f"{text.duplicate_groups:,} texts"


def _table(*columns: str, left: Sequence[int] = ()) -> Table:
    """Return a table whose first column, and those in `left`, are text; the others are numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for position, name in enumerate(columns):
        numeric = position and position not in left
        table.add_column(name, justify="right" if numeric else "left", no_wrap=bool(numeric), overflow="fold")
    return table


def _grid() -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _interval(estimate: Estimate) -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _number(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"


def _short(path: Path, project: Path) -> str:
    return str(path.relative_to(project)) if project == Path.cwd() else str(path)
