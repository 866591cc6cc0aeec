"""spaCy's DocBin for training `textcat_multilabel`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.schema import LabelSchema

USER_DATA_ID = "weaklabel_id"
"""Key of a document's `user_data` under which its id stands."""


def write(labels: pl.DataFrame, path: Path, schema: LabelSchema, options: Mapping[str, Any]) -> None:
    """Write documents whose `cats` hold the candidates alone: 1.0 given, 0.0 not; rows without candidates are left out.

    A tag that is not in `cats` is unknown to `textcat_multilabel`: it neither rewards nor punishes it.
    """
    from spacy.tokens import DocBin

    from weaklabel.apply.spacy_lane import load_pipeline

    nlp = load_pipeline(options["pipeline"])
    found = DocBin(attrs=["ORTH"], store_user_data=True)
    place = {name: j for j, name in enumerate(schema.names)}
    words: set[int] = set()
    for id, text, given, candidates in labels.select("id", "text", "labels", "candidates").iter_rows():
        cats = dict.fromkeys(candidates or (), 0.0) | dict.fromkeys(given or (), 1.0)
        if cats:
            ordered = {name: cats[name] for name in sorted(cats, key=place.__getitem__)}
            words |= _add(found, nlp.make_doc(text), ordered, id)
    found.strings.update(nlp.vocab.strings[word] for word in words)
    path.write_bytes(found.to_bytes())


def without_document(data: bytes, id: str) -> bytes | None:
    """Return a DocBin without the document of an id, nor the words that only it has; None where there is none.

    Examples
    --------
    >>> from spacy.tokens import DocBin
    >>> without_document(DocBin(store_user_data=True).to_bytes(), "a") is None
    True
    """
    from spacy.strings import StringStore
    from spacy.tokens import DocBin

    found = DocBin(store_user_data=True).from_bytes(data)
    kept = [i for i, told in enumerate(found.user_data) if told != _told(id)]
    if len(kept) == len(found.user_data):
        return None
    for name in ("tokens", "spaces", "flags", "span_groups", "cats", "user_data"):
        setattr(found, name, [getattr(found, name)[i] for i in kept])
    words = {word for tokens in found.tokens for word in tokens[:, 0].tolist()}
    store = StringStore()
    found.strings = {word for word in found.strings if store.add(word) in words}
    return bytes(found.to_bytes())


def _add(found: Any, doc: Any, cats: dict[str, float], id: str) -> set[int]:
    """Add a document of nothing but words and categories, and return its words' numbers.

    `DocBin.add` looks for plug-ins of all installed packages, twice for each document.
    """
    array = doc.to_array(["ORTH", "SPACY"])
    found.tokens.append(array[:, :1])
    found.spaces.append(array[:, 1:].astype(bool))
    found.flags.append({"has_unknown_spaces": False})
    found.span_groups.append(b"")
    found.cats.append(cats)
    found.user_data.append(_told(id))
    return set(array[:, 0].tolist())


def _told(id: str) -> bytes:
    """Return a document's `user_data` as spaCy writes it."""
    return b"\x81" + _packed(USER_DATA_ID) + _packed(id)


def _packed(text: str) -> bytes:
    """Return a text as MessagePack writes it: its length, then its bytes in UTF-8."""
    raw = text.encode()
    if len(raw) < 32:
        return bytes([0xA0 + len(raw)]) + raw
    for kind, size in ((0xD9, 1), (0xDA, 2)):
        if len(raw) < 256**size:
            return bytes([kind]) + len(raw).to_bytes(size, "big") + raw
    return b"\xdb" + len(raw).to_bytes(4, "big") + raw
