"""The models of tags by name, and reading one whose kind isn't known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from weaklabel.schema import LabelSchema
from weaklabel.tags.majority import TagMajority
from weaklabel.tags.model import TagModel
from weaklabel.tags.saved import read_model

MODELS: Mapping[str, type[TagModel]] = {model.name: model for model in (TagModel, TagMajority)}
"""Models of tags by name."""


def load(folder: str | Path, *, schema: LabelSchema | None = None) -> TagModel:
    """Read a model of tags that `save` wrote, whichever it is.

    Parameters
    ----------
    folder
        The folder.
    schema
        The tags that it should be for.

    Raises
    ------
    ModelError
        There is none, it is damaged, or for other tags.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> from weaklabel.schema import Outcome
    >>> from weaklabel.tags.votes import TagVotes
    >>> schema = LabelSchema(["late", "lost"], exclusive=False)
    >>> votes = TagVotes.of_alphabets(LabelMatrix.from_numpy([[0]], labelers=["a"]), schema, {"a": (Outcome(("late",)),)})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = TagMajority(schema=schema).fit(votes).save(folder)
    ...     load(saved).name
    'majority_vote'
    """
    name = read_model(Path(folder), tuple(MODELS), schema)[0]
    return MODELS[name].load(folder, schema=schema)
