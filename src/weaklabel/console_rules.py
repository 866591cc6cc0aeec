"""What a person sees of rules: one rule tried, all rules side by side, mistakes, suggestions.

On a terminal what a rule matched is shown bold on a coloured ground; elsewhere it stands between [[ and ]].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.console import class_shares, counted, grid, interval, print_table
from weaklabel.explore.places import Piece, excerpt
from weaklabel.pipeline import relative

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from weaklabel.explore import (
        Change,
        Dependence,
        Mistakes,
        Overview,
        Region,
        RuleLine,
        Suggestion,
        Suggestions,
        Trial,
    )
    from weaklabel.explore.bins import FoundBin, FoundBins
    from weaklabel.explore.shown import Example, Matched

MARK = "bold black on bright_yellow"
FEW = 6
"""Lines of a side table."""
_EXAMPLES = {"hits": "hits", "wrong": "wrong by gold", "conflicts": "conflicts", "near": "near misses"}


# ---- lf try ----


def print_trial(trial: Trial, project: Path, out: Console, *, notes: Sequence[str] = ()) -> None:
    """Print what one rule does: numbers first, then what it matched, whom it meets, and rows."""
    print_first_look(trial, project, out)
    _print_others(trial, out)
    _print_near(trial, out)
    for kind in _EXAMPLES:
        _print_examples(kind, trial, out)
    _print_notes([*notes, *trial.notes], out)


def print_first_look(trial: Trial, project: Path, out: Console, *, waits: int | None = None) -> None:
    """Print what one rule does by itself; and its rows, where so many others have to vote before the rest can be told."""
    _title(trial.rule, project, out)
    facts = grid()
    share = trial.coverage
    drawn = (
        f" [{share.low:.2%}, {share.high:.2%}]" if share.low is not None and share.high is not None else ""
    )
    facts.add_row(
        "hits", f"{trial.hits:,} of {trial.rows:,} rows ({share.value or 0:.2%}{drawn}){_several(trial)}"
    )
    if trial.precision.n:
        facts.add_row("right", f"{interval(trial.precision)} on {counted(trial.precision.n, 'gold row')}")
    for label, estimate in trial.precision_by_label.items():
        if estimate.n:
            facts.add_row("", f"{label}: {interval(estimate)} on {estimate.n:,}")
    if waits is None and trial.hits:
        facts.add_row("others", _meeting(trial))
    out.print(facts)
    _print_matches(trial, out)
    if waits is not None:
        for kind in _EXAMPLES:
            _print_examples(kind, trial, out)
        out.print(
            f"\nnear misses and conflicts follow when {counted(waits, 'other rule')} {'has' if waits == 1 else 'have'} voted on these rows",
            style="dim",
        )


def print_rest(trial: Trial, out: Console, *, notes: Sequence[str] = ()) -> None:
    """Print what was left out of a first look: whom the rule meets, near misses, and their rows."""
    out.print()
    if trial.hits:
        out.print(f"others {_meeting(trial)}", soft_wrap=True)
    _print_others(trial, out)
    _print_near(trial, out)
    for kind in ("conflicts", "near"):
        _print_examples(kind, trial, out)
    _print_notes([*notes, *trial.notes], out)


def _meeting(trial: Trial) -> str:
    return (
        f"vote too on {_part(trial.overlaps, trial.hits)} of the hits, and differ on "
        f"{_part(trial.conflicts, trial.hits)}; {_part(trial.alone, trial.hits)} are this rule's alone"
    )


def print_change(change: Change, before: Trial, after: Trial, out: Console) -> None:
    """Print what a save changed."""
    told = [
        f"{count:+,} {name}"
        for count, name in ((change.gained, "gained"), (-change.lost, "lost"), (change.turned, "turned"))
        if count
    ]
    hits = f"hits {before.hits:,} → {after.hits:,}"
    out.print(f"since the last save: {hits} ({', '.join(told) if told else 'the same rows'})", style="bold")
    old, new = before.precision, after.precision
    if old.value is not None and new.value is not None and (old.value, old.n) != (new.value, new.n):
        out.print(f"  right {old.value:.3f} (n={old.n}) → {new.value:.3f} (n={new.n})")
    if change.ids:
        out.print(f"  rows: {', '.join(change.ids)}", soft_wrap=True)
    out.print()


def _several(trial: Trial) -> str:
    if len(trial.labels) < 2:
        return ""
    return ": " + ", ".join(f"{label} {count:,}" for label, count in trial.labels.items())


def _print_matches(trial: Trial, out: Console) -> None:
    if not trial.matches:
        return
    out.print()
    looked = "" if trial.matched_rows >= trial.hits else f" (of {trial.matched_rows:,} hits looked at)"
    print_table(out, [f"it matched{looked}", "rows", "right", "wrong"], _match_rows(trial.matches))


def _match_rows(matches: Sequence[Matched]) -> list[list[str]]:
    known = any(m.right + m.wrong for m in matches)
    return [
        [clean(m.text), f"{m.rows:,}", f"{m.right:,}" if known else "", f"{m.wrong:,}" if known else ""]
        for m in matches
    ]


def _print_others(trial: Trial, out: Console) -> None:
    if not trial.others:
        return
    out.print()
    known = any(other.right + other.other_right for other in trial.others)
    rows = [
        [
            other.id,
            f"{other.both:,}",
            f"{other.conflicts:,}",
            f"{other.right:,}" if known else "",
            f"{other.other_right:,}" if known else "",
        ]
        for other in trial.others[:FEW]
    ]
    more = f" ({FEW} of {len(trial.others)})" if len(trial.others) > FEW else ""
    print_table(out, [f"it meets{more}", "both vote", "they differ", "it is right", "the other is"], rows)


def _print_near(trial: Trial, out: Console) -> None:
    if not trial.near:
        return
    out.print()
    rows = [
        [clean(n.found), clean(n.term), n.how, f"{n.rows:,}", f"{n.agree:,}", f"{n.differ:,}"]
        for n in trial.near
    ]
    header = ["it just misses", "for", "how", "rows", "others agree", "others differ"]
    print_table(out, header, rows, left=("for", "how"))


def _print_examples(kind: str, trial: Trial, out: Console) -> None:
    examples = trial.examples.get(kind, ())
    if not examples:
        return
    out.print(f"\n{_EXAMPLES[kind]}", style="bold")
    for example in examples:
        _print_example(example, out)


def _print_example(example: Example, out: Console, *, verdict: str = "") -> None:
    from rich.padding import Padding
    from rich.text import Text

    head = Text(f"  {example.id}", style="cyan")
    said = [] if example.label is None else [f"votes {example.label}"]
    if example.feature:
        said.append(f"shown: the feature {example.field}")
    if example.why:
        said.append(clean(example.why, 80))
    if verdict:
        said.append(verdict)
    elif example.gold is not None:
        said.append(f"gold {example.gold}")
    said += [f"{label}: {_some(ids)}" for label, ids in example.others.items()]
    out.print(head + Text("  " + " | ".join(said), style="dim"), soft_wrap=True)
    line = marked(example.pieces, out)
    if example.values:
        shown = ", ".join(f"{name}={value!r}" for name, value in example.values.items())
        line.append(f"  {clean(shown)}", style="dim")
    out.print(Padding(line, (0, 0, 0, 4)))


def marked(pieces: Sequence[Piece], out: Console) -> Text:
    """Return pieces of a text as a line in which what a rule matched stands out."""
    from rich.text import Text

    line = Text()
    for piece in pieces:
        if not piece.marked:
            line.append(piece.text)
        elif out.is_terminal:
            line.append(piece.text, style=MARK)
        else:
            line.append(f"[[{piece.text}]]")
    return line


def clean(text: str, limit: int = 60) -> str:
    """Return text for a table: one line of bounded length, without characters that could move what stands beside.

    Examples
    --------
    >>> clean("two\\nlines\\x1b[31m")
    'two lines·[31m'
    """
    return "".join(piece.text for piece in excerpt(text, [], width=limit))


# ---- lf report ----


def print_overview(found: Overview, page: Path, out: Console, *, notes: Sequence[str] = ()) -> None:
    """Print all rules in one table, then what goes together and what is left out."""
    sizes = f"{counted(found.rows, 'row')}, {counted(len(found.rules), 'rule')}, {found.model}"
    out.print(sizes, style="bold")
    out.print(
        f"votes on {found.covered:.1%} of the rows, several on {found.overlapped:.1%}, conflicting on "
        f"{found.contested:.1%}\n"
    )
    header = [
        "rule",
        "label",
        "votes",
        "coverage",
        "alone",
        "clash",
        "right by gold",
        "by model",
        "changes",
        "right +/-",
    ]
    dropped = ("coverage", "alone", "label", "changes", "clash")
    print_table(out, header, [_rule_row(line) for line in found.rules], left=("label",), drop=dropped)
    out.print(
        "\nclash: share of its votes on rows where votes conflict. by model: mean probability of its votes, and how far chance"
        "\nin these rows moves it; ? = the votes alone can't tell, since it votes with too few others."
        "\nchanges: labels that are others without it. right +/-: gold rows that are right only with it / only without it.",
        style="dim",
        soft_wrap=True,
    )
    _print_beliefs(found, out)
    for one in found.redundant[:FEW]:
        told = "says nearly the same as" if one.kind == "same" else "says nothing that is not said by"
        out.print(
            f"redundant: {one.rule} {told} {one.by} ({one.share:.0%} of {_base(one.kind)})", soft_wrap=True
        )
    _print_pairs(found, out)
    _print_dependence(found.dependence, out)
    for kind, title in (("uncovered", "rows without votes"), ("contested", "rows whose votes conflict")):
        _print_regions(title, [region for region in found.regions if region.kind == kind], out)
    _print_notes([*notes, *found.notes], out)
    out.print(f"\npage        {page}", soft_wrap=True)


def _rule_row(line: RuleLine) -> list[str]:
    added = line.contribution
    clash = f"{line.conflicts / line.coverage:.0%}" if line.coverage else ""
    effect = f"+{added.helps} -{added.harms}" if added is not None and added.right.n else ""
    return [
        line.id,
        line.label or "(several)",
        f"{line.votes:,}",
        f"{line.coverage:.1%}",
        f"{line.alone:,}",
        clash,
        interval(line.accuracy) if line.accuracy.n else "",
        _by_model(line),
        "" if added is None else f"{added.changed:,}",
        effect,
    ]


def _by_model(line: RuleLine) -> str:
    if not line.model_accuracy.n:
        return ""
    return interval(line.model_accuracy) + (" ?" if line.identified is False else "")


def _print_beliefs(found: Overview, out: Console) -> None:
    """Print what the label model makes of the classes and of rules that say the same."""
    if found.beliefs is None:
        return
    shares = class_shares(found.labels, found.beliefs.class_balance)
    out.print(f"\nclasses by the model, of the rows with votes: {shares}", soft_wrap=True)
    for group in found.beliefs.copies:
        out.print(f"heard once, since they say the same: {', '.join(group)}", soft_wrap=True)
    if found.beliefs.converged is False:
        out.print("the model's fit stopped before its weights came to rest", soft_wrap=True)


def _base(kind: str) -> str:
    return "the rows on which either votes" if kind == "same" else "its votes"


def _print_pairs(found: Overview, out: Console) -> None:
    pairs = found.pairs.filter(found.pairs["both"] >= 5).head(FEW)
    if not pairs.height:
        return
    out.print()
    rows = [
        [
            line["rule"],
            line["other"],
            f"{line['both']:,}",
            f"{line['lift']:.1f}",
            f"{line['agreement']:.0%}",
            "" if line["kappa"] is None else f"{line['kappa']:.2f}",
        ]
        for line in pairs.iter_rows(named=True)
    ]
    header = ["go together", "with", "both vote", "times chance", "agree", "kappa"]
    print_table(out, header, rows, left=("with",))
    out.print(
        "\ntimes chance: how many times as many rows get both votes as if the two had nothing to do with each other."
        "\nagree: on how many of these both votes say the same. kappa: how much of the agreement is more than luck. Two rules"
        "\nthat each say the same label nine times in ten agree on most rows without looking; kappa leaves such luck out:"
        "\n1 = always the same, 0 = no more often than by luck, below 0 = less often. It is 0 or empty, and tells nothing, where"
        "\none of the two only ever says one label.",
        style="dim",
        soft_wrap=True,
    )


def _print_dependence(found: Dependence | None, out: Console) -> None:
    if found is None or not found.dependent.height:
        return
    out.print()
    rows = []
    for line in found.dependent.head(FEW).iter_rows(named=True):
        tried = found.effects.get((line["rule"], line["other"]), ())
        told = [f"{one.changed:,}" + (f" ({one.right.value:+.1%})" if one.right.n else "") for one in tried]
        rows.append(
            [
                line["rule"],
                line["other"],
                f"{line['both']:,}",
                f"{line['expected_both']:,.0f}",
                f"{line['z']:.0f}",
                f"{line['q']:.2g}",
                *(told or ["", "", ""]),
            ]
        )
    header = ["depend", "on", "both vote", "expected", "z", "q", "first dropped", "second dropped", "merged"]
    print_table(out, header, rows, left=("on",), drop=("q", "z"))
    out.print(
        f"\n{found.dependent.height:,} of {found.table.height:,} pairs vote together more often than the classes explain; "
        "such rules count for more than they know."
        "\nexpected: rows with both votes if the two knew nothing but the class. z: the excess in standard errors. q: false"
        "\ndiscovery rate. dropped, merged: labels that would be others (and right answers on gold, more or less).",
        style="dim",
        soft_wrap=True,
    )


def _print_regions(title: str, regions: Sequence[Region], out: Console) -> None:
    if not regions:
        return
    out.print(f"\n{title}, by their words", style="bold")
    for region in regions:
        out.print(f"  {counted(region.rows, 'row')}: {', '.join(map(clean, region.words))}", soft_wrap=True)
        for left, right, count in region.rules[:2]:
            out.print(f"    {left} and {right} differ on {count:,}", style="dim", soft_wrap=True)
        for id, pieces in region.examples:
            out.print(f"    {id}  ", marked(pieces, out), sep="", soft_wrap=True)
        if region.advice:
            out.print(f"    next: {region.advice}", style="green", soft_wrap=True)


# ---- lf errors ----


def print_mistakes(found: Mistakes, project: Path, out: Console, *, notes: Sequence[str] = ()) -> None:
    """Print where one rule is wrong."""
    _title(found.rule, project, out)
    facts = grid()
    facts.add_row("votes", f"{found.votes:,}")
    if found.precision.n:
        facts.add_row(
            "by gold", f"{found.by_gold:,} wrong; right {interval(found.precision)} of {found.precision.n:,}"
        )
    sure = f"the label model gives {found.threshold:g} or more to another label"
    facts.add_row("by model", f"{found.by_model:,} rows without gold on which {sure}")
    if found.instead:
        facts.add_row("instead", ", ".join(f"{label} {count:,}" for label, count in found.instead.items()))
    out.print(facts)
    terms = [t for t in found.terms if t.wrong][: 2 * FEW]
    if terms:
        out.print()
        print_table(out, [f"it matched (by {found.terms_by})", "rows", "right", "wrong"], _match_rows(terms))
    if found.rows:
        out.print()
    for one in found.rows:
        sure = "" if one.probability is None else f" ({one.probability:.2f} by the model)"
        _print_example(one.row, out, verdict=f"{one.by} {one.instead}{sure}")
    more = found.by_gold + found.by_model - len(found.rows)
    if more > 0:
        out.print(f"\n{more:,} more; --examples shows them")
    _print_notes([*notes, *found.notes], out)


# ---- lf suggest ----


def print_suggestions(found: Suggestions, yaml: str, out: Console, *, notes: Sequence[str] = ()) -> None:
    """Print candidate terms by class, and the YAML to paste."""
    by = "gold" if found.by == "gold" else "the label model"
    out.print(
        f"{found.tried:,} pairs of term and class tried by {by} on {counted(found.known, 'row')}\n",
        style="bold",
    )
    rows = [_suggestion_row(one, by=found.by) for one in found.found]
    if rows:
        header = ["term", "label", "known rows", "right, with interval", "lift", "other classes", "hits"]
        header += ["new votes", "right there", "new rows"]
        wide = ("hits", "new rows", "other classes", "right there")
        print_table(out, header, rows, left=("label", "other classes"), drop=wide)
        out.print(
            f"\nThe intervals hold for all {found.tried:,} tried together. lift: times the label's share of the known rows "
            "that are\nabout as long, and its least value by the interval. other classes: of the known rows. new votes: hits on "
            "which no rule\nvotes for the label yet; right there: of those that are known. new rows: hits on which no rule votes "
            "at all.",
            style="dim",
            soft_wrap=True,
        )
    else:
        out.print("no term is surely better than chance and unknown to the rules")
    _print_hints(found, out)
    if found.left_out:
        out.print(f"{counted(found.left_out, 'good term')} left out: existing rules know them", style="dim")
    if yaml:
        out.print("\nto paste into a rule pack, after a look at each (weaklabel lf try --keywords …):\n")
        out.print(yaml, soft_wrap=True, end="")
    _print_notes([*notes, *found.notes], out)


def _suggestion_row(one: Suggestion, *, by: str) -> list[str]:
    others = [f"{label} {share:.0%}" for label, share in one.spread.items() if label != one.label]
    lift = (
        "" if one.lift is None or one.least_lift is None else f"{one.lift:.1f}, at least {one.least_lift:.1f}"
    )
    return [
        clean(one.term),
        one.label,
        f"{one.support:,}",
        interval(one.precision),
        lift,
        ", ".join(others[:2]) or "none",
        f"{one.hits:,}",
        f"{one.fresh:,}",
        f"{one.fresh_right:.0f} of {one.fresh_known:,}" if one.fresh_known and by == "gold" else "",
        f"{one.new:,}",
    ]


def _print_hints(found: Suggestions, out: Console) -> None:
    """Print what may be chance, and what was left out because it tells nothing new, a line for each label."""
    hints = {one.label: [o for o in found.hints if o.label == one.label] for one in found.hints}
    if hints:
        out.print("\nperhaps, but so few rows could be chance (right of known rows):")
    for label, own in hints.items():
        told = (f"{clean(o.term)} {(o.precision.value or 0) * o.support:.0f}/{o.support:,}" for o in own)
        out.print(f"  {label}: {', '.join(told)}", soft_wrap=True)
    echoes = {one.label: [o for o in found.echoes if o.label == one.label] for one in found.echoes}
    if echoes:
        out.print(
            "\nleft out: they go with what rules know, and tell nothing where no rule votes for the label yet",
            style="dim",
        )
    for label, own in echoes.items():
        more = f" and {len(own) - FEW} more" if len(own) > FEW else ""
        out.print(
            f"  {label}: {', '.join(clean(o.term) for o in own[:FEW])}{more}", style="dim", soft_wrap=True
        )


# ---- lf bins ----


def print_bins(found: FoundBins, out: Console, *, notes: Sequence[str] = ()) -> None:
    """Print the bins of a score rule with what they promise, and the YAML to paste."""
    from weaklabel.explore.bins import bins_yaml

    out.print(
        f"{counted(found.tried, 'bin')} of {clean(found.column)} tried on {counted(found.known, 'gold row')}\n",
        style="bold",
    )
    rows = [
        [_range(one), one.label, f"{one.precision.n:,}", interval(one.precision), f"{one.hits:,}"]
        for one in found.found or found.nearest
    ]
    if not found.found:
        out.print("no bins for a rule\n")
    if rows:
        low = max(one.precision.low or 0 for one in found.found or found.nearest)
        nearest = f"; none is surely {found.wanted:g} or more" if low < found.wanted else ""
        print_table(
            out, ["numbers", "label", "gold rows", "right, with interval", "rows"], rows, left=("label",)
        )
        out.print(f"\nThe intervals hold for all bins tried together{nearest}.", style="dim", soft_wrap=True)
    if found.found:
        out.print(f"abstains on {counted(found.between, 'row')} with other numbers")
        out.print("\nto paste into a rule pack:\n")
        out.print(bins_yaml(found), soft_wrap=True, end="")
    _print_notes([*notes, *found.notes], out)


def _range(one: FoundBin) -> str:
    """Return a bin's numbers in words.

    Examples
    --------
    >>> from weaklabel.explore.bins import FoundBin
    >>> from weaklabel.stats import wilson
    >>> _range(FoundBin("ham", float("-inf"), 0.25, wilson(1, 1), 1))
    'below 0.25'
    """
    ends = one.plain()
    if "from" not in ends and "to" not in ends:
        return "all"
    if "to" not in ends:
        return f"{ends['from']:g} and above"
    return f"below {ends['to']:g}" if "from" not in ends else f"{ends['from']:g} to {ends['to']:g}"


# ---- shared ----


def _title(rule: Mapping[str, Any], project: Path, out: Console) -> None:
    label = rule["label"] or "several labels"
    place = relative(rule["where"], project)
    out.print(f"{rule['id']} ({rule['kind']}, {label})", style="bold", end="")
    out.print(f"  {place}\n" if place else "\n", style="dim", soft_wrap=True)


def _part(count: int, total: int) -> str:
    return f"{count:,} ({count / max(total, 1):.0%})"


def _some(ids: Sequence[str], most: int = 3) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more


def _print_notes(notes: Sequence[str], out: Console) -> None:
    if notes:
        out.print()
    for note in dict.fromkeys(notes):
        out.print(f"! {note}", style="yellow", soft_wrap=True)
