"""Which fitted labeler is which column of the votes at hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weaklabel.errors import ModelError
from weaklabel.label_matrix import VotePatterns
from weaklabel.label_matrix.patterns import nameless
from weaklabel.schema import ABSTAIN

Int = npt.NDArray[np.int64]


def places(patterns: VotePatterns, fitted: tuple[str, ...], silence: npt.NDArray[np.int8]) -> Int:
    """Map the patterns' labelers to the fitted ones: by name, or by position when either has no names.

    Raises
    ------
    ModelError
        Labelers that the fit didn't know, or rules of the fit that are missing; people may be missing.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> votes = LabelMatrix.from_numpy([[0, 1]], labelers=["link", "free"])
    >>> places(votes.patterns(), ("free", "link"), votes.silence)
    array([1, 0])
    """
    if by_place(patterns.labelers, fitted):
        return np.arange(len(fitted))
    if nameless(len(fitted)) == fitted or nameless(len(patterns.labelers)) == patterns.labelers:
        raise ModelError(
            f"votes of {len(patterns.labelers)} labelers; the model was fitted on {len(fitted)}",
            available=fitted,
            hint="give the same columns in the same order, or fit again",
        )
    position = {name: j for j, name in enumerate(fitted)}
    new = [name for name in patterns.labelers if name not in position]
    given = set(patterns.labelers)
    gone = [name for j, name in enumerate(fitted) if name not in given and silence[j] == ABSTAIN]
    if new or gone:
        told = [f"{word}: {', '.join(some)}" for word, some in (("new", new), ("missing", gone)) if some]
        hint = "predict with the labelers of the fit, or fit again"
        raise ModelError(f"other labelers than in the fit ({'; '.join(told)})", available=fitted, hint=hint)
    return np.array([position[name] for name in patterns.labelers], np.int64)


def by_place(labelers: tuple[str, ...], fitted: tuple[str, ...]) -> bool:
    """Say whether each labeler stands where the fit had it: the same names in order, or as many where either has none.

    Examples
    --------
    >>> by_place(("free", "link"), ("free", "link")), by_place(("0", "1"), ("free", "link"))
    (True, True)
    >>> by_place(("link", "free"), ("free", "link"))
    False
    """
    if len(labelers) != len(fitted):
        return False
    return labelers == fitted or nameless(len(fitted)) in (labelers, fitted)
