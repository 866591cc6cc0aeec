"""A page about the rules of a task: one HTML file that needs nothing from the network."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.export import write_text, writing
from weaklabel.report.style import GREY, INK, OKABE_ITO

if TYPE_CHECKING:
    from weaklabel.explore import Contribution, Overview, Region, RuleLine
    from weaklabel.stats import Estimate

MOST_IN_GRID = 60
"""Rules of the grid of pairs: those that vote most."""
MOST_PAIRS = 30
_BAR, _DOT = 130, 150
_CLASH = "#555555"

_STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.5 system-ui, sans-serif; color: INK; max-width: 1180px; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.5em; margin-bottom: 0; } h2 { font-size: 1.15em; margin: 2.2em 0 .5em; }
p { margin: .4em 0; max-width: 60em; } .soft { color: #666; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 3px 10px 3px 0; border-bottom: 1px solid #eee; vertical-align: middle; }
th { font-weight: 600; color: #555; font-size: .9em; position: sticky; top: 0; background: white; }
th[data-sort] { cursor: pointer; } th[data-sort]:hover { color: black; }
td.n, th.n { text-align: right; } td code { font-size: .95em; }
mark { background: #F0E442; padding: 0 2px; border-radius: 2px; font-weight: 600; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .35em 0 1em; }
.region { border-left: 4px solid #ccc; padding: .1em 0 .1em .9em; margin: 1em 0; }
.words { font-weight: 600; } .next { color: #00583E; } .scroll { overflow-x: auto; }
svg text { font: 11px system-ui, sans-serif; fill: INK; }
""".replace("INK", INK)

_SORT = """
document.querySelectorAll('table.sorts').forEach(function (table) {
  var body = table.tBodies[0];
  table.querySelectorAll('th[data-sort]').forEach(function (head) {
    head.addEventListener('click', function () {
      var at = head.cellIndex, down = head.dataset.down !== 'yes';
      head.dataset.down = down ? 'yes' : 'no';
      Array.from(body.rows).sort(function (a, b) {
        var x = a.cells[at].dataset.value, y = b.cells[at].dataset.value;
        var order = head.dataset.sort === 'number' ? parseFloat(y) - parseFloat(x) : x.localeCompare(y);
        return down ? order : -order;
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
});
"""


def write_rules_page(
    found: Overview,
    path: str | Path,
    *,
    title: str,
    notes: Sequence[str] = (),
    folder: str | Path | None = None,
) -> Path:
    """Write all that is known of a task's rules as one HTML file, and return its path.

    Nothing is loaded from elsewhere, and a policy in the page forbids it. Colours are Okabe and Ito's; what a colour
    says is said by a place, a pattern or a word too. The page holds examples of the corpus' texts.

    Parameters
    ----------
    found
        What `weaklabel.explore.overview` gives.
    path
        The file.
    title
        Heading of the page.
    notes
        What a reader should know, beside the notes of `found`.
    folder
        Places of rules are shown relative to it.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> import polars as pl
    >>> from weaklabel.explore import Ballots, View, overview
    >>> from weaklabel.label_model import create
    >>> from weaklabel.lf import LFRegistry, keywords
    >>> from weaklabel.schema import LabelSchema
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> view = View.of(pl.DataFrame({"id": ["a", "b"], "text": ["Please!", "No."]}))
    >>> def fit(patterns):
    ...     return create("majority_vote", n_classes=2).fit(patterns)
    >>> found = overview(Ballots(view).cast(registry), registry, view, fit)
    >>> write_rules_page(found, Path(tempfile.mkdtemp()) / "rules.html", title="Rules").name
    'rules.html'
    """
    path = Path(path)
    text = rules_page(found, title=title, notes=notes, folder=folder)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(text, path)
    return path


def rules_page(
    found: Overview, *, title: str, notes: Sequence[str] = (), folder: str | Path | None = None
) -> str:
    """Return the page as text; see `write_rules_page`."""
    colours = _colours(found)
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="soft">{_sizes(found)}</p>',
        *(f"<p>⚠ {_text(note)}</p>" for note in dict.fromkeys([*notes, *found.notes])),
        _legend(found, colours),
        _rules_table(found, colours, str(folder or "")),
        _beliefs(found),
        _redundant(found),
        _pairs(found),
        _dependence(found),
        _grid(found),
        _regions(found, "uncovered", "Rows without votes, by their words"),
        _regions(found, "contested", "Rows whose votes conflict, by their words"),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + f"\n<script>{_SORT}</script></body></html>\n"
    )


# ---- the table ----


def _beliefs(found: Overview) -> str:
    """Tell what the model makes of the classes, and which rules it hears once."""
    if found.beliefs is None:
        return ""
    shares = zip(found.labels, found.beliefs.class_balance, strict=True)
    cells = "".join(
        f'<tr><td>{_text(name)}</td><td class="n">{_percent(share.value)}</td>'
        f'<td class="n">{_percent(share.low)} to {_percent(share.high)}</td></tr>'
        for name, share in shares
    )
    told = [f"Heard once, since they say the same: {', '.join(group)}." for group in found.beliefs.copies]
    if found.beliefs.converged is False:
        told.append("The fit stopped before its weights came to rest.")
    return (
        "<h2>Classes by the model</h2><table><thead><tr><th>label</th>"
        '<th class="n">share of the rows with votes</th><th class="n">chance moves it within</th></tr></thead>'
        f'<tbody>{cells}</tbody></table><p class="soft">{_text(" ".join(told))}</p>'
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _believed(line: RuleLine) -> str:
    """Return what the model thinks of a rule's votes, with its interval."""
    seen = line.model_accuracy
    if seen.value is None:
        return ""
    ends = "" if seen.low is None or seen.high is None else f" [{seen.low:.2f}, {seen.high:.2f}]"
    return f"{seen.value:.3f}{ends}{' ?' if line.identified is False else ''}"


def _sizes(found: Overview) -> str:
    sampled = "" if found.rows == found.total else f" of {found.total:,}"
    return _text(
        f"{found.rows:,}{sampled} rows, {len(found.rules)} rules, {found.gold_rows:,} rows with gold, model "
        f"{found.model}. Votes on {found.covered:.1%} of the rows, several on {found.overlapped:.1%}, conflicting on "
        f"{found.contested:.1%}."
    )


def _legend(found: Overview, colours: Mapping[str, str]) -> str:
    used = dict.fromkeys(line.label or "several labels" for line in found.rules)
    keys = "".join(
        f'<span class="key" style="background:{_colour(colours, name)}"></span>{_text(name)}' for name in used
    )
    clash = f'<span class="key" style="background:repeating-linear-gradient(45deg,{_CLASH} 0 2px,#ddd 2px 4px)"></span>'
    return f"<p>{keys} {clash}of these, rows whose votes conflict</p>"


def _rules_table(found: Overview, colours: Mapping[str, str], folder: str) -> str:
    heads = [
        ("rule", "text"),
        ("label", "text"),
        ("votes", "number"),
        ("coverage", "number"),
        ("alone", "number"),
        ("right by gold, with interval", "number"),
        ("by model", "number"),
        ("by the others", "number"),
        ("labels it changes", "number"),
        ("gold rows right with it, less those without", "number"),
    ]
    top = max((line.coverage for line in found.rules), default=0) or 1
    head = "".join(
        f'<th data-sort="{kind}"{_n(kind)} title="sort">{_text(name)}</th>' for name, kind in heads
    )
    body = "".join(_rule_row(line, top, colours, folder) for line in found.rules)
    said = (
        "Alone: rows that only this rule covers. By model: mean probability of its votes under the model fitted on all rules, "
        "with the interval in which chance in these rows moves it; ?: the votes alone can't tell, since it votes with too few "
        "others. By the others: under the model that has never seen it. Labels it changes: rows whose label is another without it."
    )
    return (
        f'<h2>Rules</h2><div class="scroll"><table class="sorts"><thead><tr>{head}</tr></thead>'
        f'<tbody>{body}</tbody></table></div><p class="soft">{_text(said)}</p>'
    )


def _rule_row(line: RuleLine, top: float, colours: Mapping[str, str], folder: str) -> str:
    added = line.contribution
    place = line.where.removeprefix(folder).lstrip("/\\") if folder else line.where
    name = f'<code title="{_text(f"{line.kind}, {place}")}">{_text(line.id)}</code>'
    colour = _colour(colours, line.label or "several labels")
    effect = added.right if added is not None and added.right.n else None
    cells = [
        (line.id, name, ""),
        (line.label, _text(line.label or "(several)"), ""),
        (line.votes, f"{line.votes:,}", "n"),
        (line.coverage, _bar(line, top, colour), ""),
        (line.alone, f"{line.alone:,}", "n"),
        (_low(line.accuracy), _dot(line.accuracy, colour), ""),
        (_number(line.model_accuracy.value), _believed(line), "n"),
        (_number(added.others_say if added else None), _three(added.others_say if added else None), "n"),
        (added.changed if added else -1, f"{added.changed:,}" if added else "", "n"),
        (_number(effect.value if effect else None), _effect(added), "n"),
    ]
    return (
        "<tr>"
        + "".join(
            f'<td data-value="{_text(value)}"{_n("number" if kind else "")}>{shown}</td>'
            for value, shown, kind in cells
        )
        + "</tr>"
    )


def _effect(added: Contribution | None) -> str:
    right = None if added is None else added.right
    if added is None or right is None or right.value is None or right.low is None or right.high is None:
        return ""
    told = f"{added.helps} rows right only with it, {added.harms} only without it"
    return f'<span title="{_text(told)}">{right.value:+.2%} [{right.low:+.2%}, {right.high:+.2%}]</span>'


def _bar(line: RuleLine, top: float, colour: str) -> str:
    """Draw a rule's coverage; what is hatched is in conflict."""
    width, clash = _BAR * line.coverage / top, _BAR * line.conflicts / top
    return (
        f'<svg width="{_BAR + 52}" height="16" role="img" aria-label="{line.coverage:.1%}, {line.conflicts:.1%} conflict">'
        f"<title>votes on {line.coverage:.2%} of the rows; on {line.conflicts:.2%} votes conflict</title>"
        f'<rect x="0" y="2" width="{width:.1f}" height="12" fill="{colour}"/>{_hatch(clash)}'
        f'<text x="{width + 4:.1f}" y="12">{line.coverage:.1%}</text></svg>'
    )


def _hatch(width: float) -> str:
    return "".join(
        f'<line x1="{x:.1f}" y1="14" x2="{min(x + 6, width):.1f}" y2="{14 - 2 * (min(x + 6, width) - x):.1f}" stroke="{_CLASH}"/>'
        for x in range(0, math.ceil(width), 4)
        if x < width
    )


def _dot(estimate: Estimate, colour: str) -> str:
    """Draw an accuracy with its interval on a line from 0 to 1."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return '<span class="soft">not measured</span>'
    a, b, c = (_DOT * end for end in (estimate.low, estimate.value, estimate.high))
    said = f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}] on {estimate.n:,} rows"
    return (
        f'<svg width="{_DOT + 100}" height="16" role="img" aria-label="{said}"><title>{said}</title>'
        f'<line x1="0" y1="8" x2="{_DOT}" y2="8" stroke="#ddd"/><line x1="{_DOT / 2}" y1="5" x2="{_DOT / 2}" y2="11" stroke="#bbb"/>'
        f'<line x1="{a:.1f}" y1="8" x2="{c:.1f}" y2="8" stroke="{colour}" stroke-width="3" opacity="0.55"/>'
        f'<circle cx="{b:.1f}" cy="8" r="4" fill="{colour}" stroke="white"/>'
        f'<text x="{_DOT + 8}" y="12">{estimate.value:.2f} (n={estimate.n:,})</text></svg>'
    )


# ---- how rules go together ----


def _redundant(found: Overview) -> str:
    if not found.redundant:
        return ""
    items = []
    for one in found.redundant:
        told = (
            f"gets the same vote as {one.by} on {one.share:.0%} of the rows on which either votes"
            if one.kind == "same"
            else f"says nothing new on {one.share:.0%} of its votes: {one.by} says the same"
        )
        items.append(f"<li><code>{_text(one.rule)}</code> {_text(told)} ({one.rows:,} rows)</li>")
    return f"<h2>Rules that could go</h2><ul>{''.join(items)}</ul>"


def _pairs(found: Overview) -> str:
    pairs = found.pairs.filter(found.pairs["both"] >= 3).head(MOST_PAIRS)
    if not pairs.height:
        return ""
    heads = ("rule", "with", "both vote", "times chance", "they agree", "kappa", "same vote of either's rows")
    rows = []
    for line in pairs.iter_rows(named=True):
        kappa = "" if line["kappa"] is None else f"{line['kappa']:.2f}"
        cells = [
            f"<td><code>{_text(line['rule'])}</code></td><td><code>{_text(line['other'])}</code></td>",
            f'<td class="n">{line["both"]:,}</td><td class="n">{line["lift"]:.1f}</td>',
            f'<td class="n">{line["agreement"]:.0%}</td><td class="n">{kappa}</td><td class="n">{line["overlap"]:.0%}</td>',
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(
        f"<th{_n('number' if i > 1 else 'text')}>{_text(name)}</th>" for i, name in enumerate(heads)
    )
    said = (
        "Times chance: how many times as many rows get both votes as would if the two rules had nothing to do with each "
        "other; below 1 they avoid each other. They agree: on how many of these rows both votes say the same. Kappa: how much "
        "of the agreement is more than luck. Two rules that each say the same label nine times in ten agree on most rows "
        "without looking; kappa leaves such luck out: 1 means always the same, 0 no more often than by luck, below 0 less "
        "often; it is 0 or empty, and tells nothing, where one of the two only ever says one label. Same vote of either's "
        "rows: of the rows on which at least one of the two votes, those on which both do and say the same."
    )
    return (
        f"<h2>Rules that go together (or avoid each other), most surprising first</h2><table><thead><tr>{head}</tr></thead>"
        f'<tbody>{"".join(rows)}</tbody></table><p class="soft">{_text(said)}</p>'
    )


def _dependence(found: Overview) -> str:
    if found.dependence is None or not found.dependence.dependent.height:
        return ""
    heads = (
        "rule",
        "with",
        "both vote",
        "expected",
        "standard errors",
        "q",
        "first dropped",
        "second dropped",
        "merged",
    )
    rows = []
    for line in found.dependence.dependent.head(MOST_PAIRS).iter_rows(named=True):
        cells = [
            f"<td><code>{_text(line['rule'])}</code></td><td><code>{_text(line['other'])}</code></td>",
            f'<td class="n">{line["both"]:,}</td><td class="n">{line["expected_both"]:,.1f}</td>',
            f'<td class="n">{line["z"]:.1f}</td><td class="n">{line["q"]:.2g}</td>',
        ]
        tried = found.dependence.effects.get((line["rule"], line["other"]), ())
        told = [f"{one.changed:,}" + (f" ({one.right.value:+.1%})" if one.right.n else "") for one in tried]
        cells += [f'<td class="n">{_text(one)}</td>' for one in told or ["", "", ""]]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(
        f"<th{_n('number' if i > 1 else 'text')}>{_text(name)}</th>" for i, name in enumerate(heads)
    )
    groups = "".join(
        f"<li>{', '.join(f'<code>{_text(name)}</code>' for name in group)}</li>"
        for group in found.dependence.groups
        if len(group) > 2
    )
    said = (
        "Expected: rows with both votes if the two rules knew nothing but the class. q: false discovery rate over all "
        f"{found.dependence.table.height:,} pairs. Dropped, merged: labels that would be others then, and by how much the "
        "share of right answers on gold would change. Rules that depend on each other count for more than they know."
    )
    return (
        "<h2>Rules that vote together more often than the classes explain</h2>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f'<p class="soft">{_text(said)}</p>' + (f"<p>Groups:</p><ul>{groups}</ul>" if groups else "")
    )


def _grid(found: Overview) -> str:
    """Draw all pairs of the rules that vote most: size says how often, colour whether they agree."""
    lines = sorted((line for line in found.rules if line.votes), key=lambda line: -line.votes)[:MOST_IN_GRID]
    names = [line.id for line in lines]
    if len(names) < 2:
        return ""
    at = {name: i for i, name in enumerate(names)}
    votes = {line.id: line.votes for line in lines}
    cell, left = 15, 190
    size = left + cell * len(names) + 10
    drawn = []
    for line in found.pairs.iter_rows(named=True):
        if line["rule"] in at and line["other"] in at:
            i, j = sorted((at[line["rule"]], at[line["other"]]))
            drawn.append(_pair_mark(line, votes, left + cell * i, cell * j + 20, cell))
    labels = "".join(
        f'<text x="{left - 6}" y="{cell * i + 32}" text-anchor="end">{_text(name[:28])}</text>'
        f'<text transform="translate({left + cell * i + 11} {cell * i + 16}) rotate(-45)" font-size="9">{_text(name[:24]) if i < len(names) - 1 else ""}</text>'
        for i, name in enumerate(names)
    )
    said = f"A mark for each two rules that vote together; larger: on more of the rarer one's rows. ● agree, ✕ differ on half of these rows or more. The {len(names)} rules that vote most."
    return (
        f'<h2>Who votes with whom</h2><p class="soft">{_text(said)}</p><div class="scroll">'
        f'<svg width="{size + 120}" height="{cell * len(names) + 40}">{labels}{"".join(drawn)}</svg></div>'
    )


def _pair_mark(line: Mapping[str, Any], votes: Mapping[str, int], x: float, y: float, cell: int) -> str:
    both, conflicts = line["both"], line["conflicts"]
    share = both / min(votes[line["rule"]], votes[line["other"]])
    r = 1 + (cell / 2 - 1.5) * math.sqrt(share)
    cx, cy = x + cell / 2, y + cell / 2
    title = f"<title>{_text(line['rule'])} and {_text(line['other'])}: {both:,} rows, {conflicts:,} conflicts</title>"
    if conflicts < both / 2:
        return f'<circle cx="{cx}" cy="{cy}" r="{r:.1f}" fill="{OKABE_ITO[0]}">{title}</circle>'
    d = r * 0.8
    return (
        f'<path d="M{cx - d:.1f} {cy - d:.1f}L{cx + d:.1f} {cy + d:.1f}M{cx - d:.1f} {cy + d:.1f}L{cx + d:.1f} {cy - d:.1f}" '
        f'stroke="{OKABE_ITO[5]}" stroke-width="2">{title}</path>'
    )


# ---- regions ----


def _regions(found: Overview, kind: str, title: str) -> str:
    chosen = [region for region in found.regions if region.kind == kind]
    if not chosen:
        return ""
    return f"<h2>{_text(title)}</h2>" + "".join(map(_region, chosen))


def _region(region: Region) -> str:
    examples = "".join(
        f'<p><span class="soft">{_text(id)}</span> '
        + "".join(f"<mark>{_text(p.text)}</mark>" if p.marked else _text(p.text) for p in pieces)
        + "</p>"
        for id, pieces in region.examples
    )
    meets = "".join(
        f'<p class="soft"><code>{_text(a)}</code> and <code>{_text(b)}</code> differ on {count:,} of them</p>'
        for a, b, count in region.rules
    )
    told = region.advice
    advice = f'<p class="next">Next: {_text(told)}</p>' if told else ""
    words = _text(", ".join(region.words))
    return (
        f'<div class="region"><p><span class="words">{words}</span> · {region.rows:,} rows ({region.share:.0%} of their kind)</p>'
        f"{meets}{examples}{advice}</div>"
    )


# ---- small things ----


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)


def _n(kind: str) -> str:
    return ' class="n"' if kind == "number" else ""


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _number(value: float | None) -> float:
    return -9.0 if value is None else value


def _low(estimate: Estimate) -> float:
    return -9.0 if estimate.low is None else estimate.low


def _colours(found: Overview) -> dict[str, str]:
    return dict(zip(found.labels, OKABE_ITO, strict=False))


def _colour(colours: Mapping[str, str], label: str) -> str:
    return colours.get(label, GREY)
