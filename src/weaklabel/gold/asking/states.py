"""States of a batch, and which may follow which."""

from __future__ import annotations

import polars as pl

from weaklabel.errors import GoldError, did_you_mean
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.ledger.records import BATCH_STATES, KINDS, PURPOSES

MOVES: dict[str, tuple[str, ...]] = {
    "drawn": ("sent",),
    "sent": ("back",),
    "back": ("checked", "sent"),
    "checked": ("reviewed", "sent"),
    "reviewed": ("released", "sent"),
    "released": (),
}
"""Which state may follow which: forward one by one, or out to people again where items were requeued or sent back."""

_UNREVIEWED = ("training", "expert", "review")


def batch_states(records: pl.DataFrame) -> pl.DataFrame:
    """Return the present state of each batch.

    Parameters
    ----------
    records
        Records of kind batch, as `Ledger.records` returns them.

    Returns
    -------
    polars.DataFrame
        `batch`, `state`, `purpose` and `settings` (of the first record that names them), `note` (of the latest
        record), `steps` (number of records), sorted by batch; with `recorded_at`, also `since`.

    Examples
    --------
    >>> records = pl.DataFrame({"number": [1, 4], "batch": ["b1", "b1"], "state": ["drawn", "sent"],
    ...                         "purpose": ["production", None], "settings": ["{}", None], "note": [None, None]})
    >>> batch_states(records).select("batch", "state", "purpose", "steps").rows()
    [('b1', 'sent', 'production', 2)]
    """
    need_columns(records, KINDS["batch"], "the records of batches")
    in_order = records.sort("number", maintain_order=True) if "number" in records.columns else records
    first = [pl.col(name).drop_nulls().first().alias(name) for name in ("purpose", "settings")]
    since = [pl.col("recorded_at").last().alias("since")] if "recorded_at" in records.columns else []
    found = in_order.group_by("batch", maintain_order=True).agg(
        pl.col("state").last(), *first, pl.col("note").last(), pl.len().cast(pl.Int64).alias("steps"), *since
    )
    return found.sort("batch")


def move(
    records: pl.DataFrame,
    batch: str,
    state: str,
    *,
    purpose: str | None = None,
    settings: str | None = None,
    note: str | None = None,
) -> pl.DataFrame:
    """Return the record of a batch's next state, or say why it may not follow.

    Parameters
    ----------
    records
        Records of kind batch so far.
    batch
        The batch's id.
    state
        The new state. The first of a batch is `drawn`; a batch that is not for production is released without a
        review.
    purpose, settings
        What the batch is for, and what it was made with; given with the first record only.
    note
        A word on why.

    Raises
    ------
    GoldError
        The state is unknown, may not follow the present one, or the batch is not there or there already.

    Examples
    --------
    >>> records = pl.DataFrame(schema=KINDS["batch"])
    >>> drawn = move(records, "b1", "drawn", purpose="production")
    >>> move(drawn, "b1", "released")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: batch 'b1' is drawn and can't become released
      available: sent
    """
    if state not in BATCH_STATES:
        raise GoldError(f"no state {state!r}", available=BATCH_STATES, hint=did_you_mean(state, BATCH_STATES))
    known = batch_states(records)
    mine = known.filter(pl.col("batch") == batch)
    if state == "drawn":
        _first(batch, purpose, known)
    elif not mine.height:
        hint = did_you_mean(batch, known["batch"]) or "a batch begins as drawn"
        raise GoldError(f"no batch {batch!r}", available=known["batch"], hint=hint)
    else:
        now, kind = mine["state"][0], mine["purpose"][0]
        allowed = MOVES[now]
        if now == "checked" and kind in _UNREVIEWED:
            allowed = (*allowed, "released")
        if state not in allowed:
            raise GoldError(f"batch {batch!r} is {now} and can't become {state}", available=allowed)
        if purpose is not None or settings is not None:
            raise GoldError(f"purpose and settings of batch {batch!r} stand in its first record")
    row = (batch, state, purpose, settings, note)
    return pl.DataFrame([row], schema=KINDS["batch"], orient="row")


def _first(batch: str, purpose: str | None, known: pl.DataFrame) -> None:
    if batch in known["batch"]:
        raise GoldError(f"there is a batch {batch!r} already", hint="name the new one otherwise")
    if purpose not in PURPOSES:
        raise GoldError(f"a batch needs a purpose, not {purpose!r}", available=PURPOSES)
