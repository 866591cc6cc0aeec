"""Erasing an item from the label table, in all its versions, and from the working files of bulk relabelings."""

from __future__ import annotations

import shutil

from weaklabel.export import writing
from weaklabel.pipeline.erasing.files import mentions, words_of
from weaklabel.pipeline.erasing.wanted import Found, Wanted
from weaklabel.pipeline.label_places import open_label_table, working_files
from weaklabel.store.label_table import TableError


def in_labels(wanted: Wanted, really: bool) -> Found:
    """Take an item's row out of the label table: a new version lacks it, and data files of older ones that held it go."""
    if wanted.kind != "item":
        return Found("labels", 0, "label tables hold no annotators")
    table = open_label_table(wanted.config, wanted.project)
    try:
        files = table.holding([wanted.id])
        lost = sorted(table.readable() - table.readable(without=files))
        if really and table.version() is not None:
            table.without_ids([wanted.id], metadata={"reason": wanted.reason})
        elif really:
            table.place.delete(files)
    except TableError as error:  # of an object store that does not answer, or a relabeling that was quicker
        return Found("labels", 0, "could not be erased", (f"{table.root}: {error.what}; erase once more",))
    if not files:
        return Found("labels", 0, "not in the label table")
    what = f"its row in {len(files)} data files of {table.root}"
    if lost:
        numbers = ", ".join(map(str, lost))
        what += (
            f"; version{'s' * (len(lost) > 1)} {numbers} {'have' if len(lost) > 1 else 'has'} to go with them"
        )
    return Found("labels", len(files), what)


def in_relabelings(wanted: Wanted, really: bool) -> Found:
    """Delete the working files of relabelings: they hold ids, and are made again."""
    home = working_files(wanted.config, wanted.project)
    if wanted.kind != "item" or not home.is_dir():
        return Found("relabel", 0, "no working files of a relabeling")
    jobs = sorted(folder for folder in home.iterdir() if folder.is_dir())
    if really:
        for folder in jobs:
            with writing(folder):
                shutil.rmtree(folder)
    left = [
        f"relabel/{home.name}/{path.name} may name it: look at it"
        for path in sorted(home.iterdir())
        if path.is_file() and mentions(words_of(path), wanted.id)
    ]
    what = "the working files of relabelings go whole; they are made again" if jobs else "no working files"
    return Found("relabel", 0, what, tuple(left))
