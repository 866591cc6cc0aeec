"""Votes of rules on the rows that are looked at, kept by the rule's fingerprint: only a changed rule votes again."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.apply import LFApplier
from weaklabel.explore.view import View
from weaklabel.fingerprint import fingerprint
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.lf.base import OnError
from weaklabel.schema import LabelSchema

Int8 = npt.NDArray[np.int8]

PART_ROWS = 32_768
"""Rows that vote at a time, so that progress can be told."""
KEPT_DAYS = 30
"""Votes on disk that nobody read for so many days are removed."""


@dataclass(eq=False)
class Ballots:
    """Votes on the rows of one view, in memory and, where a folder is given, on disk.

    Parameters
    ----------
    view
        The rows.
    folder
        Where votes are kept between runs; None: nowhere.
    options
        Further options of `LFApplier`: date, today, limits, cache.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.lf import keywords
    >>> rule = keywords("asks", ["please"], label="ham")
    >>> registry = LFRegistry([rule], schema=LabelSchema(["ham", "spam"]))
    >>> ballots = Ballots(View.of(pl.DataFrame({"id": ["a", "b"], "text": ["Please!", "No."]})))
    >>> ballots.cast(registry).to_numpy().tolist(), ballots.voted
    ([[0], [-1]], ('asks',))
    >>> _ = ballots.cast(registry)
    >>> ballots.voted  # all was kept
    ()
    """

    view: View
    folder: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    voted: tuple[str, ...] = ()
    """Ids of the rules that the last call had to let vote."""
    _votes: dict[str, Int8] = field(default_factory=dict, repr=False)
    _faults: dict[str, int] = field(default_factory=dict, repr=False)

    def cast(
        self,
        registry: LFRegistry,
        *,
        strict: Iterable[str] = (),
        on_error: OnError = "abstain",
        tell: Callable[[str, int, int], None] | None = None,
    ) -> LabelMatrix:
        """Return the votes of all rules of a registry.

        Parameters
        ----------
        registry
            The rules.
        strict
            Ids of rules to which `on_error` applies as it is; the others' failures are counted (votes -2), so that one
            broken rule does not hide what the rest do.
        on_error
            "raise" or "abstain".
        tell
            Told the progress: step, done, total.
        """
        keys = {rule.id: self._key(rule, registry.schema) for rule in registry}
        new = [rule for rule in registry if not self._known(keys[rule.id])]
        wanted = set(strict)
        for mode in ("abstain", "raise"):
            own = [r for r in new if (on_error if r.id in wanted else "abstain") == mode]
            if own:
                self._vote(LFRegistry(own, schema=registry.schema), keys, mode, tell)
        self.voted = tuple(rule.id for rule in new)
        columns = [pl.Series(rule.column, self._votes[keys[rule.id]]) for rule in registry]
        faults = {rule.id: self._faults.get(keys[rule.id], 0) for rule in registry}
        frame = pl.DataFrame([self.view.ids.alias("id"), *columns])
        return LabelMatrix.from_frame(frame, faults={id: count for id, count in faults.items() if count})

    def _vote(
        self,
        registry: LFRegistry,
        keys: dict[str, str],
        on_error: OnError,
        tell: Callable[[str, int, int], None] | None,
    ) -> None:
        applier, frame = LFApplier(registry, on_error=on_error, **self.options), self.view.frame
        parts = []
        for start in range(0, max(frame.height, 1), PART_ROWS):
            parts.append(applier.apply(frame.slice(start, PART_ROWS)))
            if tell:
                tell(f"votes of {len(registry)} rules", min(start + PART_ROWS, frame.height), frame.height)
        codes = np.concatenate([part.to_numpy() for part in parts])
        faults = Counter[str]()
        for part in parts:
            faults.update(part.faults)
        for j, rule in enumerate(registry):
            key = keys[rule.id]
            self._votes[key] = np.ascontiguousarray(codes[:, j])
            self._faults[key] = int(faults[rule.id])
            if not self._faults[key]:
                self._write(key)

    def _key(self, rule: LabelingFunction, schema: LabelSchema) -> str:
        days = (
            [self.options.get("date"), str(self.options.get("today") or date.today())] if rule.dated else []
        )
        return fingerprint([self.view.fingerprint, list(schema.names), rule.fingerprint, days])

    def _known(self, key: str) -> bool:
        return key in self._votes or self._read(key)

    def _read(self, key: str) -> bool:
        """Read votes from disk; what can't be read is voted again: it is a cache."""
        if self.folder is None or not self.view.fingerprint:
            return False
        path = self.folder / f"{key}.npy"
        try:
            votes = np.load(path, allow_pickle=False)
            os.utime(path)
        except (OSError, ValueError, EOFError):
            return False
        if votes.dtype != np.int8 or votes.shape != (self.view.frame.height,):
            return False
        self._votes[key] = votes
        return True

    def _write(self, key: str) -> None:
        if self.folder is None or not self.view.fingerprint:
            return
        temporary = self.folder / f".{uuid.uuid4().hex}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                np.save(file, self._votes[key], allow_pickle=False)
            temporary.replace(self.folder / f"{key}.npy")
        except OSError:  # a full or read-only disk: the next run votes again
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def forget_old(folder: Path, *, days: float = KEPT_DAYS) -> int:
    """Remove votes that nobody read for some days, and return how many files went.

    Examples
    --------
    >>> import tempfile
    >>> forget_old(Path(tempfile.mkdtemp()))
    0
    """
    gone = 0
    for path in folder.glob("*.npy") if folder.is_dir() else ():
        try:
            if time.time() - path.stat().st_mtime > days * 24 * 60 * 60:
                path.unlink()
                gone += 1
        except OSError:
            continue
    return gone
