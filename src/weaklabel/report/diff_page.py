"""The page of a diff of labels: one HTML file that needs nothing from the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weaklabel.export import write_text, writing
from weaklabel.report.audit_parts import soft
from weaklabel.report.drawing import Point, points, shade, text
from weaklabel.report.gold_cells import nothing_to_show, table_of
from weaklabel.report.style import INK

MOST_RULES = 30
"""Rules and sets that are shown; the JSON holds all."""
_NONE = "(no label)"
_STYLE = """
:root { color-scheme: light; }
@page { margin: 16mm; }
body { font: 14px/1.5 system-ui, sans-serif; color: INK; max-width: 980px; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.4em; margin: 0; } h2 { font-size: 1.15em; margin: 2em 0 .4em; break-after: avoid; }
p { margin: .4em 0; max-width: 60em; } .soft { color: #666; } .keys span { margin-right: 1.2em; white-space: nowrap; }
.verdict { border: 2px solid #444; border-left-width: 10px; padding: .6em 1em; margin: 1em 0; font-size: 1.1em; }
.verdict.holds { border-color: #D55E00; border-left-style: double; } .verdict.passes { border-color: #0072B2; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .4em 0; }
th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid #eee; vertical-align: top; }
th { font-weight: 600; color: #555; font-size: .9em; } td.n, th.n { text-align: right; } tr { break-inside: avoid; }
td.c { text-align: right; padding: 3px 8px; } td.t { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 34em; }
.scroll { overflow-x: auto; } svg text { font: 11px system-ui, sans-serif; fill: INK; }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 11px; } .scroll { overflow: visible; } }
""".replace("INK", INK)

Row = Mapping[str, Any]


def write_diff_page(data: Row, path: str | Path, *, condition: str | None = None, held: bool = False) -> Path:
    """Write a diff as one HTML file, and return its path.

    Nothing is loaded from elsewhere, and a policy in the page forbids it. The page holds ids and texts of some rows.

    Parameters
    ----------
    data
        What `weaklabel.pipeline.diffing.diff.LabelDiff.to_dict` gives.
    path
        The file.
    condition, held
        What was asked with --fail-if, and whether it was true.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    path = Path(path)
    page = diff_page(data, condition=condition, held=held)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, path)
    return path


def diff_page(data: Row, *, condition: str | None = None, held: bool = False) -> str:
    """Return the page as text; see `write_diff_page`.

    Examples
    --------
    >>> side = {"name": "v1", "told": "version 1", "rows": 9, "coverage": 1.0, "statuses": {"labeled": 9}}
    >>> none = {"pairs": [], "statuses": [], "rules": [], "sets": [], "examples": [], "notes": [], "changed": []}
    >>> page = diff_page({"task": "mail", "before": side, "after": side, "rows": 9, "only_before": 0, "only_after": 0,
    ...     "flips": 0, "label_flips": 0, "status_flips": 0, "causes": {}, "settings": {}, "gold": None,
    ...     "changed_rules": {"new": [], "gone": [], "edited": []}, **none})
    >>> "Nothing differs" in page, "<script" in page, "https:" in page
    (True, False, False)
    """
    title = f"Labels of {data['task']}: {data['before']['told']} and {data['after']['told']}"
    parts = [
        f"<h1>{text(title)}</h1>",
        _verdict(condition, held),
        _sides(data),
        _pairs(data["pairs"]),
        _statuses(data["statuses"]),
        _rules(data),
        _gold(data["gold"]),
        _examples(data["examples"]),
        *(soft(note[:1].upper() + note[1:] + ".") for note in data["notes"]),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def _verdict(condition: str | None, held: bool) -> str:
    if condition is None:
        return ""
    sign, said, kind = (
        ("✗", "It holds: the check fails.", "holds") if held else ("✓", "It does not hold.", "passes")
    )
    return f'<p class="verdict {kind}">{sign} Fail if <code>{text(condition)}</code>. {said}</p>'


def _sides(data: Row) -> str:
    rows = data["rows"]
    if not (data["flips"] or data["only_before"] or data["only_after"]):
        head = "Nothing differs: both have the same rows with the same labels."
    else:
        head = f"{data['flips']:,} of {rows:,} rows ({_share(data['flips'], rows)}) have another label or status."
    changed = [f"{kind}: {', '.join(names)}" for kind, names in data["changed_rules"].items() if names]
    what = "; ".join(
        [*([f"what differs: {', '.join(data['changed'])}"] if data["changed"] else []), *changed]
    )
    lines = [
        [side["told"], f"{side['rows']:,}", f"{100 * side['coverage']:.1f} %", f"{data[only]:,}",
         ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in side["statuses"].items())]
        for side, only in ((data["before"], "only_before"), (data["after"], "only_after"))
    ]  # fmt: skip
    names = ["labels of", "rows", "with votes", "only there", "statuses"]
    return f"<p><strong>{text(head)}</strong></p>{soft(what)}{table_of(names, lines)}"


def _pairs(pairs: Sequence[Row]) -> str:
    if not pairs:
        return ""
    counts = {(p["before"] or _NONE, p["after"] or _NONE): p["rows"] for p in pairs}
    names = sorted({name for pair in counts for name in pair}, key=lambda name: (name == _NONE, name))
    top = max(counts.values())
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    body = "".join(
        f"<tr><th>{text(one)}</th>"
        + "".join(
            _count(counts.get((one, two), 0), top) if one != two else '<td class="c">·</td>' for two in names
        )
        + "</tr>"
        for one in names
    )
    table = f'<div class="scroll"><table><thead><tr><th>before, down; after, across</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    return f"<h2>Labels that flip</h2>{table}"


def _count(count: int, top: int) -> str:
    return f'<td class="c" style="{shade(count / top)}">{count:,}</td>' if count else '<td class="c"></td>'


def _statuses(statuses: Sequence[Row]) -> str:
    if not statuses:
        return ""
    rows = [[s["before"].replace("_", " "), s["after"].replace("_", " "), f"{s['rows']:,}"] for s in statuses]
    return "<h2>Statuses that change</h2>" + table_of(["before", "after", "rows"], rows)


def _rules(data: Row) -> str:
    if not data["flips"]:
        return ""
    total = data["flips"]
    told = [f"{kind}: {count:,} rows ({_share(count, total)})" for kind, count in data["causes"].items()]
    told += [f"{part}: {count:,} rows" for part, count in data["settings"].items()]
    head = "<h2>What makes them flip</h2>" + soft("; ".join(told) + ".")
    if not data["rules"]:
        return head + nothing_to_show("no rule makes a row flip, or the rules were not searched.")
    lines = [
        [r["rule"], f"{r['rows']:,}", f"{r['alone']:,}", f"{r['by_vote']:,}", r["change"]]
        for r in data["rules"][:MOST_RULES]
    ]
    sets = [[", ".join(s["rules"]), f"{s['rows']:,}"] for s in data["sets"][:MOST_RULES]]
    return (
        head
        + soft(
            "For each row the smallest set of rules whose votes and weights, taken from the second side alone, give the "
            "second side's answer; every set was checked by asking the models."
        )
        + table_of(["rule", "rows", "by itself", "its vote changed", "the rule is"], lines)
        + "<h2>Sets of rules</h2>"
        + table_of(["together", "rows"], sets)
    )


def _gold(gold: Row | None) -> str:
    head = "<h2>Accuracy against gold</h2>"
    if gold is None or gold["difference"]["value"] is None:
        return head + nothing_to_show("there is no gold row that both sides have votes on.")
    found = {"all": gold["difference"], **{f"slice {name}": one for name, one in gold["slices"].items()}}
    measured = {name: one for name, one in found.items() if one["value"] is not None}
    ends = [
        abs(v) for one in measured.values() for v in (one["value"], one["low"], one["high"]) if v is not None
    ]
    reach = _reach(100 * max(ends))
    drawn = points(
        list(measured),
        {"accuracy after minus before, in points": [_point(one) for one in measured.values()]},
        top=reach,
        bottom=-reach,
        percent=False,
    )
    rows = [[name, _points(one), f"{one['n']:,}"] for name, one in found.items()]
    note = "An interval that holds 0 means: these gold rows can't tell the two sides apart."
    return head + drawn + table_of(["part", "after minus before, in points", "gold rows"], rows) + soft(note)


def _reach(most: float) -> float:
    """Return the end of an axis that holds a number of points: 2, 4 or 10 times a power of ten, so that 0 has a line.

    Examples
    --------
    >>> _reach(32.6), _reach(0.3), _reach(7.0)
    (40.0, 0.4, 10.0)
    """
    return next(
        end
        for power in range(-1, 4)
        for end in (2 * 10.0**power, 4 * 10.0**power, 10 * 10.0**power)
        if end >= most
    )


def _point(one: Row) -> Point:
    low, high = (None if one[end] is None else 100 * one[end] for end in ("low", "high"))
    return Point(100 * one["value"], low, high, _points(one))


def _points(one: Row) -> str:
    if one["value"] is None:
        return "not measured"
    ends = "" if one["low"] is None else f" [{100 * one['low']:+.2f}, {100 * one['high']:+.2f}]"
    return f"{100 * one['value']:+.2f}{ends}"


def _examples(examples: Sequence[Row]) -> str:
    if not examples:
        return ""
    head = "".join(f"<th>{name}</th>" for name in ("id", "before", "after", "because of", "text"))
    body = "".join(
        f"<tr><td>{text(e['id'])}</td><td>{text(e['before'])}</td><td>{text(e['after'])}</td>"
        f'<td>{text(e["cause"])}</td><td class="t">{text(_cut(e["text"]))}</td></tr>'
        for e in examples
    )
    return f'<h2>Examples</h2><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cut(words: str | None, limit: int = 400) -> str:
    return (
        "(no text at hand)" if words is None else words if len(words) <= limit else words[: limit - 1] + "…"
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.2f} %"
