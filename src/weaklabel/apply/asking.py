"""Showing texts to a regex itself, which Python may search for hours: within the limits, and with the row named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from weaklabel.apply.batch import Batch
from weaklabel.apply.limits import TooMuchError
from weaklabel.lf.regex import Regex
from weaklabel.schema import ABSTAIN, MISSING


@dataclass(frozen=True)
class Asking:
    """Asks the regexes of one batch.

    Parameters
    ----------
    batch
        The batch, with what a rule may use up on it.
    """

    batch: Batch

    def votes(self, rule: Regex, code: int, texts: Sequence[str], rows: Sequence[int]) -> np.ndarray:
        """Return the vote on each text, int8.

        Parameters
        ----------
        rule, code
            The regex, and what it votes where it is found.
        texts
            The texts, in the form that it looks at.
        rows
            The row of the batch in which each stands.
        """
        found, i, search = np.full(len(texts), MISSING, np.int8), 0, rule.compiled.search
        try:
            with replace(self.batch.limits, megabytes=None).over():
                for i, text in enumerate(texts):
                    found[i] = ABSTAIN if search(text) is None else code
        except TooMuchError as error:
            self._ended(rule, error, texts[i], rows[i], len(texts) - i)
        return found

    def _ended(self, rule: Regex, error: TooMuchError, text: str, row: int, left: int) -> None:
        """Raise or count that a regex was ended; it does not vote on the texts that are left."""
        hint = "repetitions within repetitions, (a+)+, are what takes so long: write them as one; task.limits allows more"
        row_id, values = self.batch.ids[int(row)], {rule.field: text}
        self.batch.faults.vote(rule, str(error), row=row_id, values=values, cause=error, hint=hint)
        self.batch.faults.counts[rule.id] += left - 1
