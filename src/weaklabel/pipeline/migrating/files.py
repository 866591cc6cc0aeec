"""Files of gold, labels and votes under a new schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from weaklabel.errors import GoldError, OutputError
from weaklabel.export import writing
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.pipeline.migrating.steps import Step
from weaklabel.taxonomy import Carried, SchemaDiff, carry_votes

FORMATS = (".parquet", ".csv", ".jsonl")


def places_of(files: Sequence[Path], out: Path | None, dry_run: bool) -> dict[Path, Path]:
    """Return where the result of each file goes."""
    if files and out is None and not dry_run:
        raise OutputError(
            "where do the carried files go?", hint="--out FOLDER, or --dry-run for the plan alone"
        )
    if out is None:
        return {}
    places = {path: out / path.name for path in files}
    for path, place in places.items():
        if path.absolute() == place.absolute():
            raise OutputError(f"{path} would be overwritten", hint="choose another folder with --out")
    if len(set(places.values())) < len(files):
        raise OutputError("two files have the same name", hint="migrate them one after the other")
    return places


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file; everything in a CSV file is text."""
    if path.suffix not in FORMATS:
        raise GoldError(f"{path.name}: a file of {', '.join(FORMATS)} is wanted", where=str(path))
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_ndjson(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise GoldError(f"can't read it: {str(error).splitlines()[0]}", where=str(path)) from error


def _write(frame: pl.DataFrame, path: Path) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            frame.write_parquet(path)
        elif path.suffix == ".csv":
            lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
            frame.with_columns(pl.col(lists).cast(pl.List(pl.String)).list.join("|")).write_csv(path)
        else:
            frame.write_ndjson(path)


def file_step(path: Path, carried: Carried, places: Mapping[Path, Path], dry_run: bool) -> Step:
    """Write what came of a file, and beside it what waits, and say what it was."""
    written = None
    if not dry_run:
        _write(carried.rows, places[path])
        _write(carried.queued, places[path].with_suffix(".queued.csv"))
        written = str(places[path])
    return Step(str(path), carried.counts, carried.queued, carried.notes, written)


def votes_step(
    path: Path,
    diff: SchemaDiff,
    rules: Sequence[LabelingFunction],
    places: Mapping[Path, Path],
    dry_run: bool,
) -> Step:
    """Carry a file of votes over; votes that mean nothing any more become missing, and are counted by rule."""
    votes = LabelMatrix.scan(path)
    of_votes = [rule for rule in rules if rule.id in votes.labelers]
    carried, lost = carry_votes(votes, diff, registry=LFRegistry(of_votes, schema=diff.old))
    before, after = votes.to_numpy(), carried.to_numpy()
    cast = int((before >= 0).sum())
    other = int(((before >= 0) & (before != after)).sum())
    gone = sum(lost.values())
    counts = {"same": cast - other, "renamed": other - gone, "queued": gone}
    notes = tuple(
        f"{count:,} votes of rule {name!r} mean nothing any more: missing" for name, count in lost.items()
    )
    if not dry_run:
        with writing(places[path]):
            places[path].parent.mkdir(parents=True, exist_ok=True)
            carried.write(places[path])
    return Step(str(path), counts, notes=notes, written=None if dry_run else str(places[path]))
