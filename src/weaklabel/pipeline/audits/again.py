"""A blind second adjudication of a random share of an audit's rows: how often gold itself is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from weaklabel.audit.gold_error import SecondLook, plan_second_look, second_look
from weaklabel.errors import GoldError, SchemaError, did_you_mean, some
from weaklabel.export import writing
from weaklabel.gold.files import read_table
from weaklabel.pipeline.audits.audit import answers_of, decided, need_all, open_kept
from weaklabel.pipeline.audits.files import Kept, write_table
from weaklabel.pipeline.desk.room import Desk
from weaklabel.schema import LabelSchema

AGAIN = "again.parquet"
NONE = "none"
"""What is written where none of the labels fits."""


def write_again(desk: Desk, name: str, path: Path, *, size: int) -> int:
    """Write rows of an audit as CSV to be adjudicated again by somebody who has not seen the first decision.

    Returns
    -------
    int
        Rows that were written: `item`, `text` and an empty `label`.

    Raises
    ------
    GoldError
        Not all rows are decided yet, or fewer than a second look takes are wanted.
    """
    kept = open_kept(desk, name)
    answers = answers_of(desk, kept)
    need_all(answers, kept)
    ids = _drawn(kept, decided(answers), size)
    table = desk.texts(ids["id"].to_list()).with_columns(pl.lit(None, pl.String).alias("label"))
    ordered = ids.rename({"id": "item"}).join(table, on="item", how="left", maintain_order="left")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        ordered.write_csv(path)
    return ordered.height


def read_again(desk: Desk, name: str, path: Path) -> SecondLook:
    """Read what `write_again` wrote, filled in, and keep it with the audit.

    Raises
    ------
    GoldError
        Rows are missing, or others than those that were drawn for it.
    SchemaError
        A label is unknown.
    """
    kept = open_kept(desk, name)
    table = read_table(path, ["item", "label"], texts=["item", "label"])
    rows = table.select(pl.col("item").cast(pl.String).alias("id"), pl.col("label").cast(pl.String))
    empty = rows.filter(pl.col("label").is_null() | (pl.col("label").str.strip_chars() == ""))["id"]
    if empty.len():
        raise GoldError(
            f"{empty.len()} rows have no label: {some(empty)}",
            where=str(path),
            hint=f"`{NONE}` where none of the labels fits",
        )
    said = decided(answers_of(desk, kept))
    wanted = _drawn(kept, said, rows.height)["id"]
    odd = sorted(set(rows["id"]) ^ set(wanted))
    if odd:
        raise GoldError(
            f"{len(odd)} rows are not those that were drawn for the second look: {some(odd)}",
            where=str(path),
            hint="which rows are looked at again is decided by chance: fill in the file as it was written",
        )
    schema = desk.room.schema
    labels = [_label(schema, word.strip(), f"{path}, item {id!r}") for id, word in rows.rows()]
    again = rows.select("id", pl.Series("label", labels, dtype=pl.String)).sort("id")
    write_table(kept.folder / AGAIN, again)
    found = look_again_of(kept, said)
    assert found is not None
    return found


def look_again_of(kept: Kept, said: pl.DataFrame) -> SecondLook | None:
    """Return how wrong gold is, as far as an audit was adjudicated twice; None where it was not."""
    path = kept.folder / AGAIN
    if not path.exists():
        return None
    again = pl.read_parquet(path).join(said.select("id"), on="id", how="semi")
    return second_look(said.select("id", "label"), again)


def gold_error_of(kept: Kept, said: pl.DataFrame) -> Mapping[str, object]:
    """Return what a certificate is told of gold's own error, as options of `weaklabel.audit.certifying.certify`."""
    look = look_again_of(kept, said)
    return {"gold_error": None if look is None or look.error.value is None else look.error}


def _drawn(kept: Kept, said: pl.DataFrame, size: int) -> pl.DataFrame:
    found = plan_second_look(said, size, seed=kept.plan.seed, purpose=f"second look {kept.plan.name}")
    return found.frame.sort("order").select("id")


def _label(schema: LabelSchema, word: str, where: str) -> str | None:
    if word in schema:
        return schema.label(schema.code(word))
    if word == NONE:
        return None
    raise SchemaError(
        f"unknown label {word!r}",
        where=where,
        available=[*schema.names, NONE],
        hint=did_you_mean(word, schema.names),
    )
