"""The page of an audit: one HTML file that needs nothing from the network, with the verdict first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weaklabel.export import write_text, writing
from weaklabel.report.audit_parts import (
    certificates_part,
    drift_part,
    people_part,
    quality_part,
    rules_part,
    soft,
    watched_part,
)
from weaklabel.report.drawing import text
from weaklabel.report.gold_cells import table_of
from weaklabel.report.style import INK

_SIGNS = {"holds": "✓", "fails": "✗", "open": "?", "none": "·"}
_STYLE = """
:root { color-scheme: light; }
@page { margin: 16mm; }
body { font: 14px/1.5 system-ui, sans-serif; color: INK; max-width: 980px; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.4em; margin: 0; } h2 { font-size: 1.15em; margin: 2em 0 .4em; break-after: avoid; }
h3 { font-size: 1em; margin: 1.2em 0 .2em; break-after: avoid; }
p { margin: .4em 0; max-width: 60em; } .soft { color: #666; } .keys span { margin-right: 1.2em; white-space: nowrap; }
.verdict { border: 2px solid #444; border-left-width: 10px; padding: .6em 1em; margin: 1em 0; font-size: 1.2em; break-inside: avoid; }
.verdict.holds { border-color: #0072B2; } .verdict.fails { border-color: #D55E00; border-left-style: double; }
.verdict.open { border-color: #8a6d00; border-left-style: dashed; } .sign { font-weight: 700; margin-right: .5em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .4em 0; }
th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid #eee; vertical-align: middle; }
th { font-weight: 600; color: #555; font-size: .9em; } td.n, th.n { text-align: right; } tr { break-inside: avoid; }
td svg { display: block; } td .few { white-space: nowrap; } .scroll { overflow-x: auto; } .few { color: #8a4b00; } code { font-size: .92em; overflow-wrap: anywhere; }
li { margin: .3em 0; } svg text { font: 11px system-ui, sans-serif; fill: INK; }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 11px; } th, td { padding-right: 6px; } .scroll { overflow: visible; } }
""".replace("INK", INK)


def write_audit_page(data: Mapping[str, Any], path: str | Path) -> Path:
    """Write the report of an audit as one HTML file, and return its path.

    Nothing is loaded from elsewhere, and a policy in the page forbids it. What a colour says is said by a word or a
    shape too. The page holds ids of rows, but none of their texts; people appear by pseudonym.

    Parameters
    ----------
    data
        What `weaklabel.pipeline.audits.report.AuditReport.to_dict` gives.
    path
        The file.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    path = Path(path)
    page = audit_page(data)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, path)
    return path


def audit_page(data: Mapping[str, Any]) -> str:
    """Return the page as text; see `write_audit_page`.

    Examples
    --------
    >>> verdict = {"status": "holds", "headline": "Good enough.", "parts": [], "note": ""}
    >>> none = {"figures": None, "watched": None, "certificates": [], "rules": None, "rule_notes": [], "drift": None}
    >>> people = {"rows": [], "sentences": ["Nobody has answered yet."]}
    >>> page = audit_page({"audit": "may", "task": "mail", "for": "figures", "of": "run r1", "made_at": "2026-05-04",
    ...     "plan": "p", "owner": "", "purpose": "", "drawn": 9, "decided": 9, "verdict": verdict, "people": people,
    ...     "drift_note": "No reference.", "next": [], **none})
    >>> "Good enough." in page, "<script" in page, "https:" in page
    (True, False, False)
    """
    title = f"Audit {data['audit']}: the labels of {data['task']}"
    parts = [
        f"<h1>{text(title)}</h1>",
        _about(data),
        _verdict(data["verdict"]),
        quality_part(data["figures"]) if data["watched"] is None else watched_part(data["watched"]),
        certificates_part(data["certificates"]),
        rules_part(data["rules"], data["rule_notes"]),
        people_part(data["people"]),
        drift_part(data["drift"], data["drift_note"]),
        _next(data["next"]),
        soft(
            "All figures are against adjudicated gold: what people agree on, or an expert settles. The method was fixed "
            f"before anybody answered (plan {data['plan']})."
        ),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _about(data: Mapping[str, Any]) -> str:
    facts = [
        f"Labels of {data['of']}",
        f"answered for by {data['owner']}" if data["owner"] else "nobody is named who answers for them",
        f"used for: {data['purpose']}" if data["purpose"] else "what they are used for is not said",
        f"drawn {data['made_at'][:10]}",
        f"{data['decided']:,} of {data['drawn']:,} rows are decided",
    ]
    return soft("; ".join(facts) + ".")


def _verdict(verdict: Mapping[str, Any]) -> str:
    sign = _SIGNS[verdict["status"]]
    box = f'<p class="verdict {verdict["status"]}"><span class="sign">{sign}</span>{text(verdict["headline"])}</p>'
    if len(verdict["parts"]) < 2:
        return box + "".join(soft(part["says"] + ".") for part in verdict["parts"])
    rows = [
        [
            part["part"],
            f"{100 * part['tolerated']:.3g} %",
            "not measured"
            if part["most"] is None
            else f"{100 * part['least']:.1f} to {100 * part['most']:.1f} %",
            f"{part['labels']:,}",
            {"holds": "✓ good enough", "fails": "✗ not good enough"}.get(part["status"], "? not shown"),
            "" if part["needed"] is None else f"{part['needed']:,}",
        ]
        for part in verdict["parts"]
    ]
    names = ["part", "wrong, tolerated", "wrong, found", "labels", "verdict", "labels that would tell"]
    return box + table_of(names, rows) + soft(verdict["note"])


def _next(steps: Sequence[str]) -> str:
    if not steps:
        return "<h2>What to do next</h2>" + soft("Nothing.")
    return "<h2>What to do next</h2><ol>" + "".join(f"<li>{text(step)}</li>" for step in steps) + "</ol>"
