"""What a person sees: the summary of a run, tables, progress bars. Plain text where it is not a terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from weaklabel.stats import Estimate

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from weaklabel.pipeline import Observer, RunResult
    from weaklabel.pipeline.tagging.result import TagRunResult
    from weaklabel.profile import CorpusProfile, TextProfile
    from weaklabel.sweep import Sweep

WIDTH = 110
"""Columns of text that goes to a file or a pipe."""
_FILES = ("labels.parquet", "rules.parquet", "evaluation.json", "plots/")
PARAGRAPH = 20
"""A column of sentences is shown from this width on; sentences are broken, other cells are not."""
NAMES = 12
"""The column of names beside the last lines of a summary."""
CLASSES = 3
"""The largest classes, whose share is told in the summary."""
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
    sizes = f"{counted(result.rows, 'row')}, {counted(result.rules.height, 'rule')}"
    out.print(f"{result.task}: {sizes}, {result.model}, {result.seconds:.1f} s\n", style="bold")
    facts = grid()
    facts.add_row("labels", status_line(result))
    facts.add_row(
        "votes",
        f"{result.coverage:.1%} of the rows have one, {result.overlaps:.1%} have several, "
        f"on {result.conflicts:.1%} they conflict",
    )
    if result.beliefs is not None:
        facts.add_row(
            "by model",
            class_shares(result.schema.names, result.beliefs.class_balance, most=CLASSES),
        )
    out.print(facts)
    out.print()
    if any(score.n_gold for score in result.scores.values()):
        _print_scores(result, out)
    print_run_rules(result, out)
    print_ending(result, project, out, files=_FILES, following=suggestions(result))


def print_ending(
    result: RunResult | TagRunResult,
    project: Path,
    out: Console,
    *,
    files: Sequence[str],
    following: Sequence[tuple[str, ...]],
) -> None:
    """Print what to know of a run, where it is written, and what to do next."""
    for note in _all_notes(result):
        out.print(f"! {note}", style="yellow", soft_wrap=True)
    if _all_notes(result):
        out.print()
    there = [name for name in files if (result.folder / name).exists()]
    _line(out, "written to", f"{_short(result.folder, project)}/", f"({', '.join(there)} …)")
    if result.store is not None and result.mlflow_run:
        _line(
            out,
            "MLflow",
            f"`{command()} ui` opens it:",
            f"experiment {result.store.experiment!r}, run {result.run_id}",
        )
    for number, line in enumerate(following):
        _line(out, "" if number else "next", *line)


def command() -> str:
    """Return what to type for `weaklabel`: the word where it is on PATH, else the path of its script, quoted.

    Examples
    --------
    >>> command().endswith("weaklabel")
    True
    """
    script = Path(sys.executable).with_name("weaklabel")
    found = shutil.which("weaklabel")
    if not script.exists() or (found is not None and script.samefile(found)):
        return "weaklabel"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def _line(out: Console, name: str, *parts: str) -> None:
    """Print a named line; one that is too long is broken between its parts, which can then be copied as they are.

    A command that is too long by itself goes on behind a backslash, as a shell reads it.
    """
    room = out.width - NAMES
    whole = " ".join(parts)
    lines = [whole] if len(whole) <= room else [line for part in parts for line in _within(part, room)]
    for number, line in enumerate(lines):
        out.print(f"{'' if number else name:{NAMES}}{line}", soft_wrap=True)


def _within(part: str, room: int) -> list[str]:
    program = f"{command()} "
    if len(part) <= room or not part.startswith(program):
        return [part]
    return [f"{program}\\", f"  {part.removeprefix(program)}"]


def suggestions(result: RunResult) -> list[tuple[str, ...]]:
    """Return what to try next, at most three things, the most useful first; each may be broken between its parts."""
    found: list[tuple[str, ...]] = []
    uncovered = result.statuses.get("uncovered", 0)
    if not any(score.n_gold for score in result.scores.values()):
        found.append(
            (
                "label 100 random rows by hand and name the table as task.gold.path:",
                "then you know the accuracy",
            )
        )
    worst = [line for line in worst_rules(result) if line["Acc. High"] < 0.8 and not line["muted"]]
    if worst:
        found.append(
            (f"look at the rule {worst[0]['labeler']}", f"({worst[0]['where']}): it is often wrong"),
        )
    if uncovered > 0.05 * result.rows:
        found.append(
            (
                f"write rules for the {uncovered:,} rows without votes",
                "(status uncovered in labels.parquet)",
            )
        )
    if result.statuses.get("tie", 0) > 0.05 * result.rows:
        found.append(
            (f"break the {result.statuses['tie']:,} ties with a rule for the classes that meet in them",)
        )
    found.append(
        (
            f"{command()} run -m label_model=majority_vote,event_bayes,snorkel",
            "compares the label models",
        )
    )
    return found[:3]


def status_line(result: RunResult | TagRunResult) -> str:
    """Return how many rows have each status, in words."""
    names = {
        "labeled": "labeled",
        "tie": "ties",
        "uncovered": "without votes",
        "below_threshold": "below threshold",
    }
    return ", ".join(f"{result.statuses[s]:,} {names[s]}" for s in names if result.statuses.get(s))


def class_shares(names: Sequence[str], shares: Sequence[Estimate], *, most: int | None = None) -> str:
    """Return what part of the rows with votes the model takes to be of each class, the largest first."""
    lines = sorted(zip(names, shares, strict=True), key=lambda line: -(line[1].value or 0))
    more = f", and {len(lines) - most} more" if most is not None and len(lines) > most else ""
    return ", ".join(f"{name} {_percent(share)}" for name, share in lines[:most]) + more


def _percent(share: Estimate) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "unknown"
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"


def _print_scores(result: RunResult, out: Console) -> None:
    header = ["against gold", "accuracy", "where labeled", "macro F1", "log loss", "coverage", "gold rows"]
    rows = []
    shown = {n: s for n, s in result.scores.items() if n != "vote_classifier" or s.metrics["accuracy"].n}
    for name, score in shown.items():
        metrics = score.metrics
        below = result.statuses.get("below_threshold") and name != "vote_classifier"
        rows.append(
            [
                name.replace("vote_classifier", "vote classifier*"),
                interval(metrics["accuracy"]),
                interval(metrics["accuracy_labeled"]) if below else "",
                _number(metrics["macro_f1"]),
                _number(metrics["log_loss"]),
                f"{score.coverage:.1%}" if score.coverage is not None else "-",
                f"{score.n_gold:,}",
            ]
        )
    print_table(out, header, rows, drop=("gold rows", "macro F1", "log loss", "coverage"))
    if "vote_classifier" in shown:
        out.print(
            "* trained on gold, cross-validated: what gold alone makes of these votes",
            style="dim",
            soft_wrap=True,
        )
    slices = result.scores[result.model].slices
    if slices:
        told = [
            f"{name} {_number(score.metrics['accuracy'])} n={score.metrics['accuracy'].n:,}"
            for name, score in slices.items()
        ]
        out.print(
            f"accuracy by slice: {', '.join(told)} (intervals and coverage in evaluation.json)",
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


def print_run_rules(result: RunResult | TagRunResult, out: Console) -> None:
    """Print the surest and the worst rules of a run; without gold, those that vote and clash most."""
    best = _best(result)
    worst = [line for line in worst_rules(result) if line not in best]
    kinds = {"best": best, "worst": worst} if best else _busiest(result)
    place = f"where in {result.rules_folder}/"
    header = ["rules", "", "label", "accuracy", "coverage", "of them clash", place]
    rows = []
    for title, lines in kinds.items():
        for line in lines:
            accuracy = Estimate(line["Emp. Acc."], line["Acc. Low"], line["Acc. High"], 0) if best else None
            rows.append(
                [
                    title,
                    line["labeler"],
                    line["label"] or "(several)",
                    interval(accuracy) if accuracy else "",
                    f"{line['Coverage']:.1%}",
                    "" if best else f"{line['Conflicts'] / line['Coverage']:.1%}",
                    line["where"].removeprefix(f"{result.rules_folder}{os.sep}"),
                ]
            )
    if not rows:
        return
    print_table(out, header, rows, left=("", "label", place), drop=(place, "label", "coverage"))
    if result.held_out and result.scores:
        out.print("gold is held out: rules are not judged by it", style="dim", soft_wrap=True)
    out.print()


def _best(result: RunResult | TagRunResult) -> list[dict[str, Any]]:
    """Return the three rules that are surely good: by the lower end of their interval."""
    lines = sorted(_seen(result), key=lambda line: (-line["Acc. Low"], line["labeler"]))
    return lines[: min(3, (len(lines) + 1) // 2)]


def worst_rules(result: RunResult | TagRunResult) -> list[dict[str, Any]]:
    """Return the three rules that are surely bad: by the upper end of their interval."""
    return sorted(_seen(result), key=lambda line: (line["Acc. High"], line["labeler"]))[:3]


def _busiest(result: RunResult | TagRunResult) -> dict[str, list[dict[str, Any]]]:
    """Return the rules that vote most, and those whose votes clash most often: what can be said without gold."""
    lines = [line for line in result.rules.iter_rows(named=True) if line["Coverage"] > 0]
    most = sorted(lines, key=lambda line: (-line["Coverage"], line["labeler"]))
    clashing = [line for line in lines if line["Conflicts"] and line["Coverage"] * result.rows >= SEEN]
    clashing.sort(key=lambda line: (-line["Conflicts"] / line["Coverage"], line["labeler"]))
    return {"votes most": most[:3], "clashes most": clashing[:3]}


def _seen(result: RunResult | TagRunResult) -> list[dict[str, Any]]:
    if "Emp. Acc." not in result.rules.columns:
        return []
    return [
        line
        for line in result.rules.iter_rows(named=True)
        if line["Emp. Acc."] is not None and line["Correct"] + line["Incorrect"] >= SEEN
    ]


def _all_notes(result: RunResult | TagRunResult) -> list[str]:
    score = result.scores.get(result.model)
    return [*result.notes, *(score.notes if score else ())]


# ---- the other tables ----


def print_sweep(results: Sequence[Mapping[str, Any]], sweep: Sweep, out: Console) -> None:
    """Print a sweep's comparison, and the best run with its uncertainty."""
    from weaklabel.sweep import comparison

    lines = comparison(results)
    tagged = any(line["micro_f1"] is not None for line in lines)
    strict = not tagged and any(r.get("statuses", {}).get("below_threshold") for r in results)
    first = "micro F1" if tagged else "accuracy"
    header = ["settings", first, "labeled", "where labeled", "macro F1", "log loss", "coverage", "run"]
    rows = [_sweep_row(line, strict=strict) for line in lines]
    dropped = ("coverage", "macro F1", "log loss", "run", "where labeled")
    print_table(out, header, rows, left=("run",), drop=dropped)
    out.print()
    for line in _sweep_verdict(results, lines):
        out.print(line, soft_wrap=True)
    _line(out, "written to", f".weaklabel/sweeps/{sweep.sweep_id}/ and .weaklabel/runs/")
    logged = {r["mlflow"]["experiment"]: None for r in results if (r.get("mlflow") or {}).get("run_id")}
    if logged and sweep.parent():
        name = f"experiment {sweep.experiment()!r}, sweep {sweep.sweep_id}"
        several = f"its runs are in {', '.join(map(repr, logged))}"
        below = "with its runs below it" if len(logged) == 1 else several
        _line(out, "MLflow", f"`{command()} ui` opens it: {name}", below)


def _sweep_row(line: Mapping[str, Any], *, strict: bool) -> list[str]:
    if line["error"]:
        return [line["settings"], "failed", "", "", "", "", "", ""]
    name = "accuracy" if line["micro_f1"] is None else "micro_f1"
    score = Estimate(line[name], line[f"{name}_low"], line[f"{name}_high"], line["gold_rows"] or 0)
    numbers = [f"{line[k]:.3f}" if line[k] is not None else "-" for k in _SWEEP_NUMBERS]
    if line["micro_f1"] is not None:
        numbers[2] = ""
    kept = [f"{line['labeled']:.1%}", numbers[0]] if strict else ["", ""]
    return [
        line["settings"],
        interval(score),
        *kept,
        *numbers[1:],
        f"{line['coverage']:.1%}",
        line["run_id"],
    ]


_SWEEP_NUMBERS = ("accuracy_labeled", "macro_f1", "log_loss")
_SAME = ("accuracy", "accuracy_labeled", "log_loss", "micro_f1", "macro_f1")


def _sweep_verdict(results: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a sweep shows, in sentences."""
    from weaklabel.sweep import winner

    said = [f"failed: {line['settings']}: {line['error']}" for line in lines if line["error"]]
    scored = [line for line in lines if line["accuracy"] is not None or line["micro_f1"] is not None]
    best = winner(results)
    if len(said) == len(lines):
        return said
    if not scored:
        return [*said, "no winner: no run was scored against gold"]
    if best is None:
        return [*said, "no winner: these runs were not scored on the same gold"]
    if len(scored) == 1:
        return said
    name = lines[best.number]["settings"]
    if len({tuple(line[name] for name in _SAME) for line in scored}) == 1:
        said.append("these runs score the same")
    elif best.rivals:
        names = "; ".join(lines[i]["settings"] for i in best.rivals)
        said.append(
            f"highest: {name}, but its interval overlaps with {names}: this gold can't tell them apart"
        )
    else:
        said.append(f"best: {name}; no other run's interval reaches its own")
    if any(r.get("held_out") for r in results):
        said.append("gold is held out: a choice that is made by it is no longer measured by it")
    return said


def print_rules(rows: Sequence[Mapping[str, Any]], folder: str, out: Console) -> None:
    """Print a task's rules; `folder`, relative to the project, holds their files."""
    header = ["rule", "label", "kind", "state", "owner", "reads", "where", "description"]
    lines = [
        [
            row["id"],
            row["label"] or "(several)",
            row["kind"],
            _state(row),
            row["owner"],
            ", ".join(row["fields"]) or "all",
            row["where"].removeprefix(f"{folder}{os.sep}"),
            row["description"],
        ]
        for row in rows
    ]
    dropped = ("owner", "reads", "description", "kind", "where")
    print_table(out, header, lines, left=header, drop=dropped, wraps=("description",))
    out.print(f"\n{counted(len(rows), 'rule')} in {folder}/")


def _state(row: Mapping[str, Any]) -> str:
    """Return what is to be known of a rule's life; nothing for one that simply votes."""
    days = [
        f"{word} {row[key]}" for word, key in (("from", "valid_from"), ("until", "valid_until")) if row[key]
    ]
    return " ".join([*([] if row["state"] == "active" else [row["state"]]), *days])


def print_profile(found: CorpusProfile, picture: Path, out: Console) -> None:
    """Print what a corpus looks like."""
    sizes = f"{counted(found.rows, 'row')} in {counted(found.files, 'file')}"
    out.print(f"{sizes} ({found.format})\n", style="bold")
    rows = []
    for line in found.columns.iter_rows(named=True):
        counts = [f"{line[name]:,}" for name in ("nulls", "nans", "distinct")]
        numbers = ["" if line[name] is None else f"{line[name]:,.6g}" for name in ("min", "mean", "max")]
        rows.append([line["column"], line["dtype"], *counts, *numbers])
    header = ["column", "type", "nulls", "NaN", "distinct", "min", "mean", "max"]
    print_table(out, header, rows, left=("type",), drop=("mean", "min", "max", "NaN"), wraps=("type",))
    out.print()
    if found.text is not None:
        _print_texts(found.text, out)
    out.print(f"plot: {picture}", soft_wrap=True)


def _print_texts(text: TextProfile, out: Console) -> None:
    rows = []
    for line in text.lengths.iter_rows(named=True):
        values = [line[name] for name in ("min", "p05", "median", "p95", "max")]
        rows.append([line["measure"], *("-" if v is None else f"{v:,.0f}" for v in values)])
    print_table(out, ["length in", "min", "5 %", "median", "95 %", "max"], rows)
    out.print()
    facts = grid()
    facts.add_row("no text", f"{text.null:,} null, {text.empty:,} empty or blank")
    same = f"{text.duplicate_rows:,} rows share their text with another ({counted(text.duplicate_groups, 'text')})"
    facts.add_row("duplicates", same if text.duplicate_rows else "none")
    near = f"{f'{text.near_rows:,}' if text.near_rows else 'none'} of {text.near_sample:,} different texts looked at have one"
    facts.add_row(
        "near duplicates", f"{near} (5-character shingles, Jaccard {text.near_threshold:g} or more)"
    )
    spoken = [f"{line['language']} {line['rows']:,}" for line in text.languages.head(8).iter_rows(named=True)]
    facts.add_row("languages", f"{', '.join(spoken) or 'none'} (of {text.language_sample:,} texts looked at)")
    out.print(facts)
    out.print()


def counted(count: int, thing: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {thing}" + "s" * (count != 1)


def print_table(
    out: Console,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[str] = (),
    drop: Sequence[str] = (),
    wraps: Sequence[str] = (),
) -> None:
    """Print a table whose first column, and those in `left`, are text; the others are numbers.

    Empty columns are left out. While the table is wider than the screen, those in `drop` go too, one by one; the
    cells of those in `wraps` may be broken.
    """
    from rich.table import Table

    widths = {
        name: max(len(name), *(len(row[i]) for row in rows))
        for i, name in enumerate(header)
        if i == 0 or any(row[i] for row in rows)
    }
    for name in drop:
        least = [min(width, PARAGRAPH) if name in wraps else width for name, width in widths.items()]
        if sum(least) + 2 * (len(least) - 1) > out.width:
            widths.pop(name, None)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    kept = [i for i, name in enumerate(header) if name in widths]
    for i in kept:
        text = i == 0 or header[i] in left
        justify: Any = "left" if text else "right"
        table.add_column(header[i], justify=justify, no_wrap=not text, overflow="fold")
    for row in rows:
        table.add_row(*(row[i] for i in kept))
    out.print(table)


def grid() -> Table:
    """Return a table without lines: a dim name, and what belongs to it."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def interval(estimate: Estimate) -> str:
    """Return an estimate as text: its value and the ends of its interval."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _number(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"


def _short(path: Path, project: Path) -> str:
    return str(path.relative_to(project)) if project == Path.cwd() else str(path)
