"""A certificate to read and to print: one small HTML file that needs nothing from the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weaklabel.report.drawing import text
from weaklabel.report.style import INK

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: INK; max-width: 46em; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.4em; margin-bottom: .2em; } h2 { font-size: 1.1em; margin: 1.8em 0 .3em; }
.claim { border-left: 5px solid #0072B2; padding: .4em 1em; font-size: 1.1em; }
.claim.none { border-left-style: dashed; border-color: #D55E00; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid #eee; vertical-align: top; }
th { font-weight: 600; color: #555; } td.n, th.n { text-align: right; } code { font-size: .9em; overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } }
""".replace("INK", INK)


def certificate_page(data: Mapping[str, Any]) -> str:
    """Return the page of an audit's certificates: the claim first, then how it was made and what it is valid for.

    Parameters
    ----------
    data
        What certificate.json holds.

    Examples
    --------
    >>> from weaklabel.audit.certificate import METHOD, Certificate, Goal
    >>> made = Certificate("None of 9 rows", Goal(error=0.05, labels=100), 9, 0, 0, None, METHOD, {}, {}, None, {})
    >>> page = certificate_page({"audit": "may", "task": "mail", "owner": "", "purpose": "", "made_at": "", "plan": "p",
    ...     "labels_of": {"run": "r1"}, "made_from": {}, "left_out": [], "valid_for": "", "certificates": [made.to_dict()]})
    >>> "None of 9 rows" in page, "https:" in page
    (True, False)
    """
    facts = [
        ("task", data["task"]),
        ("owner", data["owner"]),
        ("purpose", data["purpose"]),
        ("labels of", " ".join(f"{name} {value}" for name, value in data["labels_of"].items())),
        ("made at", data["made_at"]),
        ("plan", data["plan"]),
    ]
    parts = [
        f"<h1>Certificate of audit {text(data['audit'])}</h1>",
        _facts([(name, value) for name, value in facts if value]),
        *(_certificate(one) for one in data["certificates"]),
        "<h2>Valid for</h2>",
        f"<p>{text(data['valid_for'])}. <code>weaklabel audit verify {text(data['audit'])}</code> makes it again.</p>",
        _facts([(name, value) for name, value in data["made_from"].items()]),
        *(f"<p>{text(note)}.</p>" for note in data["left_out"]),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Certificate of audit {text(data['audit'])}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _certificate(one: Mapping[str, Any]) -> str:
    goal, test = one["goal"], one["design"].get("test", {})
    title = goal["part"] or "all rows"
    kind = "claim" if one["accepted"] else "claim none"
    rows = [
        ("error tolerated", f"{100 * goal['error']:.3g} %"),
        ("confidence", f"{100 * goal['confidence']:.4g} %"),
        ("accepted", f"{one['accepted']:,} of {one['rows']:,} rows"),
        ("may be wrong", f"at most {one['wrong_at_most']:,}"),
        ("gold labels", " + ".join(f"{len(ids):,} ({name})" for name, ids in one["gold"].items())),
        ("method", one["method"]),
        ("seed", goal["seed"]),
    ]
    if one["threshold"] is not None:
        rows.insert(3, ("threshold", f"chance of being wrong at most {one['threshold']:.4g}"))
    parts = [f"<h2>{text(title)}</h2>", f'<p class="{kind}">{text(one["claim"])}</p>', _facts(rows)]
    if test.get("p_values"):
        parts.append(_tests(test, one["design"].get("regions", {})))
    return "\n".join([*parts, *(f"<p>{text(note)}</p>" for note in one["notes"])])


def _tests(test: Mapping[str, Any], regions: Mapping[str, Any]) -> str:
    lines = []
    for place, p in enumerate(test["p_values"], test["start"]):
        cells = (regions["rows"][place], test["checked"][place], test["wrong"][place], f"{p:.4f}")
        lines.append("<tr>" + "".join(f'<td class="n">{text(cell)}</td>' for cell in cells) + "</tr>")
    head = "".join(f'<th class="n">{name}</th>' for name in ("rows of the region", "checked", "wrong", "p"))
    return f"<p>Tests, in a fixed order; the first that fails ends them.</p><table><tr>{head}</tr>{''.join(lines)}</table>"


def _facts(rows: Sequence[tuple[str, Any]]) -> str:
    lines = "".join(f"<tr><th>{text(name)}</th><td>{text(value)}</td></tr>" for name, value in rows)
    return f"<table>{lines}</table>" if lines else ""
