"""The parts of an audit's page: quality, certificates, rules, people and drift, each with a line where it has nothing to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from weaklabel.report.drawing import Point, interval, points, text
from weaklabel.report.gold_cells import nothing_to_show, seconds, table_of

CLASS_FIGURES = ("precision", "recall", "F1", "prevalence")
MOST_RULES = 15
"""Rules and changes that are shown; the JSON holds all."""
_BANDS = "confidence about "
_POINTS = 24

Row = Mapping[str, Any]


def soft(words: str) -> str:
    """Return a paragraph that stands back.

    Examples
    --------
    >>> soft("a & b")
    '<p class="soft">a &amp; b</p>'
    """
    return f'<p class="soft">{text(words)}</p>' if words else ""


def quality_part(found: Row | None) -> str:
    """Return accuracy, quality by label, by slice and column, and calibration.

    Examples
    --------
    >>> "Nothing to show" in quality_part(None)
    True
    """
    head = "<h2>How right the labels are</h2>"
    if found is None:
        return head + nothing_to_show("no row that figures could rest on is decided.")
    figures = found["figures"]
    kinds = {(one["figure"], one["part"]): one for one in figures}
    labels = list(dict.fromkeys(one["part"] for one in figures if one["figure"] in CLASS_FIGURES))
    rows = [[text(name), *(_cell(kinds.get((kind, name))) for kind in CLASS_FIGURES)] for name in labels]
    parts = [head, f"<p>{text(_sentence(figures[0]['says']))}</p>"]
    if rows:
        parts += ["<h3>By label</h3>", table_of(["label", *CLASS_FIGURES], rows, safe=True)]
    others = [
        one for one in figures[1:] if one["figure"] == "accuracy" and not one["part"].startswith(_BANDS)
    ]
    others = [one for one in others if one["part"] != "rows with a confidence"]
    if others:
        table = [[text(one["part"]), _cell(one), f"{one['n']:,}"] for one in others]
        parts += [
            "<h3>By slice, source and time</h3>",
            table_of(["part", "accuracy", "labels"], table, safe=True),
        ]
    else:
        parts.append(soft("No slices, sources or times are known: the labels are judged as a whole."))
    parts += _calibration(figures)
    if found["gold_error_says"]:
        told = "; ".join([found["gold_error_says"], *found["moved"]])
        parts.append(f"<p>{text(_sentence(told))}</p>")
    else:
        parts.append(soft("How often gold itself is wrong was not measured: weaklabel audit again."))
    parts += _windows(found["windows"])
    return "\n".join([*parts, *(soft(f"Note: {note}.") for note in found["notes"])])


def watched_part(found: Row) -> str:
    """Return where a sequential audit stands, and its evidence.

    Examples
    --------
    >>> found = {"sentence": "Open after 0 labels.", "needed": 20.0, "curve": []}
    >>> "Open after 0 labels." in watched_part(found)
    True
    """
    parts = ["<h2>The evidence so far</h2>", f"<p>{text(found['sentence'])}</p>"]
    curve = found["curve"]
    if curve:
        step = max(1, len(curve) // _POINTS)
        chosen = [row for i, row in enumerate(curve) if (i + 1) % step == 0 or i + 1 == len(curve)]
        drawn = {
            name: [_evidence(row[side], found["needed"]) for row in chosen]
            for name, side in (("for “at most”", "below"), ("for “more”", "above"))
        }
        parts.append(
            soft(
                "By number of labels; a verdict falls where a line reaches 100 %, and is valid at every look."
            )
        )
        parts.append(points([str(row["labels"]) for row in chosen], drawn))
    return "\n".join(parts)


def certificates_part(found: Sequence[Row]) -> str:
    """Return what is certified, and whether it still holds.

    Examples
    --------
    >>> "Nothing to show" in certificates_part([])
    True
    """
    head = "<h2>Certificate</h2>"
    if not found:
        return head + nothing_to_show(
            "there is no certificate of these labels; weaklabel audit draw NAME --for certificate makes one."
        )
    parts = [head]
    for one in found:
        state = (
            f"Made again from what is there now, compared with {one['against']}: it holds."
            if one["holds"]
            else f"It does not hold any more, compared with {one['against']}: {'; '.join(one['changed'])}."
        )
        data = one["certificate"]
        rows = [
            [
                part["goal"]["part"] or "all rows",
                f"{100 * part['goal']['error']:.3g} %",
                f"{part['accepted']:,} of {part['rows']:,}",
                f"{part['wrong_at_most']:,}" if part["accepted"] else "",
                f"{sum(len(ids) for ids in part['gold'].values()):,}",
            ]
            for part in data["certificates"]
        ]
        names = ["part", "error tolerated", "may be used unseen", "wrong of them, at most", "gold labels"]
        parts += [f"<h3>Audit {text(one['audit'])}</h3>"]
        parts += [f"<p>{text(part['claim'])}</p>" for part in data["certificates"]]
        parts += [
            table_of(names, rows) if rows else "",
            f"<p>{'✓' if one['holds'] else '✗'} {text(state)}</p>",
        ]
    return "\n".join(parts)


def rules_part(found: Row | None, notes: Sequence[str]) -> str:
    """Return the rules that are to be mended or retired, and how many are fine.

    Examples
    --------
    >>> rules_part(None, ["No rules made these labels."])
    '<h2>Rules to mend</h2><p class="soft">No rules made these labels.</p>'
    """
    head = "<h2>Rules to mend</h2>"
    if found is None:
        return head + "".join(soft(note) for note in notes)
    bad = [rule for rule in found["rules"] if rule["verdict"] != "keep"]
    fine = len(found["rules"]) - len(bad)
    parts = [head]
    if bad:
        rows = [
            [
                text(rule["rule"]),
                text(rule["verdict"]),
                f"{rule['fires']:,}",
                _estimate(rule["precision"]),
                text("; ".join(rule["reasons"])),
                text(", ".join((rule["wrong"] or rule["doubted"])[:3])),
            ]
            for rule in bad[:MOST_RULES]
        ]
        names = ["rule", "verdict", "fires on", "right on gold", "why", "look at rows"]
        parts.append(table_of(names, rows, safe=True))
        if len(bad) > MOST_RULES:
            parts.append(soft(f"And {len(bad) - MOST_RULES} more; --json names all."))
    told = "No rule is shown to be wrong" if not bad else "Nothing was found against the others"
    unknown = sum(not rule["precision"]["n"] for rule in found["rules"] if rule["verdict"] == "keep")
    unseen = f"; {unknown} of them fire on no row that is gold, so nobody knows" if unknown else ""
    parts.append(soft(f"{told}: {fine} of {len(found['rules'])} are to be kept{unseen}."))
    return "\n".join([*parts, *(soft(f"Note: {note}.") for note in notes)])


def people_part(found: Row) -> str:
    """Return who answered, by pseudonym, and how they did on hidden checks.

    Examples
    --------
    >>> people_part({"rows": [], "sentences": ["Nobody has answered yet."]})
    '<h2>People</h2><p class="soft">Nobody has answered yet.</p>'
    """
    rows = [
        [
            text(row["person"]),
            f"{row['answers']:,}",
            f"{row['aside']:,}" if row["aside"] else "",
            '<span class="soft">no hidden checks</span>' if row["share"] is None else _checks(row),
            text(seconds(row["seconds"])),
        ]
        for row in found["rows"]
    ]
    names = ["person", "answers", "set aside", "right on hidden checks", "median time"]
    table = table_of(names, rows, safe=True) if rows else ""
    return f"<h2>People</h2>{table}" + "".join(soft(sentence) for sentence in found["sentences"])


def drift_part(found: Row | None, note: str) -> str:
    """Return what has changed since the reference.

    Examples
    --------
    >>> drift_part(None, "No reference is kept.")
    '<h2>Drift</h2><p class="soft">No reference is kept.</p>'
    """
    if found is None:
        return "<h2>Drift</h2>" + soft(note)
    told = found["sentences"]
    shown = "".join(f"<li>{text(sentence)}</li>" for sentence in told[:MOST_RULES])
    more = soft(f"And {len(told) - MOST_RULES} more; --json tells all.") if len(told) > MOST_RULES else ""
    notes = "".join(soft(f"Note: {one}.") for one in found["notes"])
    return f"<h2>Drift</h2>{soft(note)}<ul>{shown}</ul>{more}{notes}"


# ---- cells ----


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."


def _calibration(figures: Sequence[Row]) -> list[str]:
    told = [one for one in figures if one["figure"] in ("confidence minus accuracy", "calibration error")]
    bands = [one for one in figures if one["part"].startswith(_BANDS)]
    if not told and not bands:
        return [soft("No confidences are known: calibration can't be judged.")]
    parts = [
        "<h3>Whether confidences are true</h3>",
        *(f"<p>{text(_sentence(one['says']))}</p>" for one in told),
    ]
    if bands:
        rows = [[text(one["part"]), _cell(one), f"{one['n']:,}"] for one in bands]
        parts.append(table_of(["rows with", "accuracy", "labels"], rows, safe=True))
    return parts


def _windows(found: Row | None) -> list[str]:
    """Return accuracy over windows of time, drawn, and whether it has changed."""
    if found is None:
        return []
    windows = found["windows"]
    told = [f"<p>{'✗ ' if found['alarm'] else ''}{text(_sentence(line))}</p>" for line in found["sentences"]]
    chosen = [
        Point(
            one["value"],
            one["low"],
            one["high"],
            one["says"] + ("; changed with this window" if one["window"] == found["since"] else ""),
            few=one["window"] == found["since"],
        )
        for one in windows
    ]
    parts = [f"<h3>By {text(found['every'])}</h3>", *told]
    if any(point.value is not None for point in chosen):
        parts.append(points([one["window"] for one in windows], {"accuracy, with its interval": chosen}))
    if found["since"] is not None:
        parts.append(soft(f"Hollow: {found['since']}, where it changed most."))
    few = [one["window"] for one in windows if one["value"] is None]
    if few:
        parts.append(soft(f"Too few labels to say, and so not drawn: {', '.join(few)}."))
    return parts


def _cell(one: Row | None) -> str:
    if one is None:
        return ""
    if one["value"] is None or one["low"] is None or one["high"] is None:
        takes = f"; it takes {one['needed']}" if one["needed"] else ""
        return f'<span class="few">too few labels ({one["n"]}{takes})</span>'
    told = f"{100 * one['value']:.1f} % [{100 * one['low']:.1f}, {100 * one['high']:.1f}]"
    return interval(one["low"], one["value"], one["high"], told)


def _estimate(found: Row) -> str:
    return _cell({**found, "needed": None})


def _checks(row: Row) -> str:
    told = f"{row['right']} of {row['checks']} [{100 * row['low']:.0f} %, {100 * row['high']:.0f} %]"
    return interval(row["low"], row["share"], row["high"], told)


def _evidence(value: float | str, needed: float) -> Point:
    share = 1.0 if isinstance(value, str) else min(max(log(max(value, 1e-9)) / log(needed), 0.0), 1.0)
    return Point(share, told=f"{share:.0%} of the evidence that is needed")
