"""Records as the ledger stores them: JSON text, from which a name can be taken out."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from weaklabel.gold.ledger.records import ERASED, FILLED, JSON, KINDS, NAMES, PROSE, SUBJECTS

_TIME = pl.Datetime("us", "UTC")


def to_body(kind: str, rows: pl.DataFrame) -> list[str]:
    """Return each record as JSON text, as a ledger stores it; times in ISO 8601, UTC.

    Examples
    --------
    >>> to_body("audit", pl.DataFrame({"audit": ["may"], "state": ["open"]}))
    ['{"audit": "may", "state": "open"}']
    """
    times = [name for name, type_ in KINDS[kind].items() if type_ == _TIME]
    plain = rows.select(*KINDS[kind]).with_columns(
        pl.col(name).dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%6f") for name in times
    )
    return [json.dumps(row, ensure_ascii=False) for row in plain.iter_rows(named=True)]


def from_body(kind: str, bodies: pl.Series) -> pl.DataFrame:
    """Return the records that `to_body` wrote; a column that one has not is null, or what `FILLED` says.

    Examples
    --------
    >>> from_body("audit", pl.Series(['{"audit": "may"}'])).rows()
    [('may', None)]
    """
    stored = {n: pl.String() if t == _TIME else t for n, t in KINDS[kind].items()}
    if not bodies.len():
        return pl.DataFrame(schema=KINDS[kind])
    frame = bodies.str.json_decode(pl.Struct(stored)).struct.unnest()
    return frame.with_columns(
        pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", time_zone="UTC")
        for name, type_ in KINDS[kind].items()
        if type_ == _TIME
    ).with_columns(pl.col(name).fill_null(value) for name, value in FILLED.get(kind, {}).items())


def without(kind: str, body: str, what: str, id: str) -> str | None:
    """Return a stored record without an item or annotator, or None where nothing of it is to be kept.

    A record about the item or annotator goes. Elsewhere an item is taken out of lists, an annotator becomes `ERASED`,
    and in reasons, notes and JSON the name goes where it stands quoted, as in `item 'a7'`; in JSON also where it is a
    value, or a key within one (the outermost keys are names of fields). The text of a guideline stays as it is.

    Parameters
    ----------
    kind
        Kind of record.
    body
        What `to_body` wrote.
    what
        ``item`` or ``annotator``.
    id
        The name.

    Examples
    --------
    >>> body = '{"batch": "b", "annotator": "ann", "reason": "wrong on \\'x\\'", "failed": ["x", "y"], "lifted": false}'
    >>> without("quarantine", body, "item", "x")
    '{"batch": "b", "annotator": "ann", "reason": "wrong on \\'(erased)\\'", "failed": ["y"], "lifted": false}'
    >>> without("quarantine", body, "annotator", "ann") is None
    True
    """
    row = json.loads(body)
    for column in NAMES.get(kind, {}).get(what, ()):
        value = row.get(column)
        if value == id and column in SUBJECTS[kind]:
            return None
        if value == id:
            row[column] = ERASED
        elif isinstance(value, list):
            kept = [v for v in value if v != id]
            row[column] = value if len(kept) == len(value) else kept + [ERASED] * (what == "annotator")
    for column in (*PROSE, *JSON):
        if isinstance(row.get(column), str):
            row[column] = _nameless(row[column], id, as_json=column in JSON)
    changed = json.dumps(row, ensure_ascii=False)
    return body if row == json.loads(body) else changed


def _nameless(text: str, id: str, *, as_json: bool) -> str:
    """Return a text without the name: quoted in prose; in JSON also where it is a value, or a key within a value."""
    if as_json:
        before = json.loads(text)
        found = {field: nameless(value, id) for field, value in before.items()}
        return text if found == before else json.dumps(found, ensure_ascii=False)
    for quoted in (repr(id), f'"{id}"', f"`{id}`"):
        text = text.replace(quoted, quoted[0] + ERASED + quoted[-1])
    return text


def nameless(value: Any, id: str) -> Any:
    """Return plain data without a name: where it is a value, a key of a mapping, or stands quoted in a text.

    Examples
    --------
    >>> nameless({"ann": 1, "by": "ann", "why": "asked by 'ann'", "all": ["ann", "bob"]}, "ann")
    {'by': '(erased)', 'why': "asked by '(erased)'", 'all': ['bob']}
    """
    if isinstance(value, dict):
        return {k: nameless(v, id) for k, v in value.items() if k != id}
    if isinstance(value, list):
        return [nameless(v, id) for v in value if v != id]
    if isinstance(value, str):
        return ERASED if value == id else _nameless(value, id, as_json=False)
    return value
