"""Tokenised documents: made by a pipeline, or kept on disk as spaCy's DocBin (zlib over msgpack: reading runs no code).

The cache is `<folder>/spacy/<pipeline>/<texts>.docs`: a folder for each pipeline and the components that ran, a file for
each run of texts. A file that is read is touched, so it may be pruned by age, oldest first; any file may be deleted.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from weaklabel.fingerprint import fingerprint
from weaklabel.lf.base import run_user_code

logger = logging.getLogger("weaklabel.apply")

CHUNK = 2048
"""Texts at most in one file of the cache, and in memory as documents."""
CHARACTERS = 2**21
"""Characters beyond which a file of the cache takes no further text."""
_DIGEST = 32
_FORM = 1
"""The form of the files: part of every key."""


@dataclass(frozen=True)
class Tokens:
    """Some texts' tokens.

    `places` says which texts; `words` holds spaCy's numbers of each text's words; `docs` gives the documents of some
    positions in `places`, in order; `broken` are texts on which a component failed, with what it raised.
    """

    places: np.ndarray
    words: list[np.ndarray]
    docs: Callable[[Sequence[int]], Iterator[Any]]
    broken: tuple[tuple[int, BaseException], ...] = ()


@dataclass
class DocCache:
    """A folder of tokenised documents of one pipeline.

    After a failed write, such as on a full disk, it says so once and only reads.
    """

    folder: Path
    _writes: bool = field(default=True, init=False)

    def load(self, key: str) -> tuple[np.ndarray, Any] | None:
        """Return the texts' places and their DocBin, or None if there are none that can be trusted."""
        from spacy.tokens import DocBin

        path = self._path(key)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            logger.warning("can't read %s (%s): its texts are tokenised anew", path, error.strerror)
            return None
        if data[:_DIGEST] != _digest(key, data[_DIGEST:]):
            logger.warning("%s is damaged: its texts are tokenised anew", path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        n = int.from_bytes(data[_DIGEST : _DIGEST + 4], "little")
        start = _DIGEST + 4 + 4 * n
        places = np.frombuffer(data[_DIGEST + 4 : start], "<i4").astype(np.int64)
        return places, DocBin().from_bytes(data[start:])

    def save(self, key: str, places: np.ndarray, documents: Any) -> None:
        """Keep documents; the file is whole or not there."""
        if not self._writes:
            return
        body = len(places).to_bytes(4, "little") + places.astype("<i4").tobytes() + documents.to_bytes()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_whole(self._path(key), _digest(key, body) + body)
        except OSError as error:
            self._writes = False
            reason = error.strerror or type(error).__name__
            logger.warning("can't keep tokenised texts in %s (%s): going on without", self.folder, reason)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.docs"


@dataclass(frozen=True)
class DocReader:
    """Texts to tokens, by a pipeline without its idle components, and by a cache where there is one.

    `attributes` are what the documents keep in the cache.
    """

    nlp: Any
    idle: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ("ORTH",)
    cache: DocCache | None = None

    @property
    def only_tokens(self) -> bool:
        """Whether no component runs."""
        return set(self.nlp.pipe_names) <= set(self.idle)

    def read(self, texts: Sequence[str], wanted: Sequence[int] | None = None) -> Iterator[Tokens]:
        """Yield the tokens of texts, some at a time.

        Parameters
        ----------
        texts
            Texts.
        wanted
            Positions of those that are wanted, ascending. Default: all.

        Examples
        --------
        >>> import spacy
        >>> [tokens] = DocReader(spacy.blank("en")).read(["money back", "", "x"], [0, 1])
        >>> tokens.places.tolist(), [len(words) for words in tokens.words], list(tokens.docs([0]))
        ([0, 1], [2, 0], [money back])
        """
        places = np.arange(len(texts)) if wanted is None else np.asarray(wanted, np.int64)
        for start, end in _chunks(texts):
            own = places[(places >= start) & (places < end)]
            if not len(own):
                continue
            if self.cache is None:
                yield self._made(texts, own)
            else:
                yield self._kept(texts[start:end], own - start, start, self.cache)

    def _made(self, texts: Sequence[str], places: np.ndarray) -> Tokens:
        docs, broken = self._docs(texts, places)
        good = np.array([place for place in places.tolist() if place not in dict(broken)], np.int64)
        words = [doc.to_array("ORTH") for doc in docs]
        return Tokens(good, words, lambda some: (docs[i] for i in some), tuple(broken))

    def _kept(self, texts: Sequence[str], wanted: np.ndarray, start: int, cache: DocCache) -> Tokens:
        from spacy.tokens import DocBin

        key = _texts_key(texts)
        held, kept = cache.load(key) or (np.zeros(0, np.int64), DocBin(attrs=[*self.attributes]))
        for word in kept.strings:
            self.nlp.vocab.strings.add(word)
        missing = np.setdiff1d(wanted, held)
        broken: list[tuple[int, BaseException]] = []
        if len(missing):
            docs, broken = self._docs(texts, missing)
            missing = np.setdiff1d(missing, [place for place, _ in broken])
            self._add(kept, docs)
            held = np.concatenate([held, missing])
            cache.save(key, held, kept)
        order = np.argsort(held)
        order = order[np.isin(held[order], wanted)]
        words = [kept.tokens[i][:, 0] for i in order.tolist()]
        some = tuple((place + start, error) for place, error in broken)
        return Tokens(held[order] + start, words, lambda these: _unpack(kept, self.nlp, order[these]), some)

    def _docs(
        self, texts: Sequence[str], places: np.ndarray
    ) -> tuple[list[Any], list[tuple[int, BaseException]]]:
        """Return documents, and the texts on which a component fails, which then go one by one."""
        some = [texts[place] for place in places.tolist()]
        docs, error = run_user_code(lambda: list(self._pipe(some)))
        if error is None and docs is not None:
            return docs, []
        docs, broken = [], []
        for place, text in zip(places.tolist(), some, strict=True):
            one, error = run_user_code(lambda text=text: list(self._pipe([text])))  # type: ignore[misc]
            docs += one or []
            broken += [] if error is None else [(place, error)]
        return docs, broken

    def _pipe(self, texts: Sequence[str]) -> Iterator[Any]:
        if self.only_tokens:
            yield from map(self.nlp.tokenizer, texts)
        else:
            yield from self.nlp.pipe(texts, disable=[*self.idle])

    def _add(self, documents: Any, docs: Sequence[Any]) -> None:
        """Add documents to a DocBin; those with nothing but words quickly, without a look at each token."""
        if self.attributes != ("ORTH",):
            for doc in docs:
                documents.add(doc)
            return
        words: set[int] = set()
        for doc in docs:
            array = doc.to_array(["ORTH", "SPACY"])
            documents.tokens.append(array[:, :1])
            documents.spaces.append(array[:, 1:].astype(bool))
            words.update(array[:, 0].tolist())
        documents.cats += [{} for _ in docs]
        documents.flags += [{"has_unknown_spaces": False} for _ in docs]
        documents.span_groups += [b"" for _ in docs]
        documents.strings.update(self.nlp.vocab.strings[word] for word in words)


def pipeline_key(nlp: Any, idle: Sequence[str], attributes: Sequence[str]) -> str:
    """Return the fingerprint of what a pipeline makes of a text: spaCy's version, its settings and files, what runs.

    Examples
    --------
    >>> import spacy
    >>> pipeline_key(spacy.blank("en"), (), ("ORTH",)) == pipeline_key(spacy.blank("de"), (), ("ORTH",))
    False
    """
    folder = Path(nlp.path) if nlp.path else None
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []
    return fingerprint(
        {
            "form": _FORM,
            "spacy": importlib.metadata.version("spacy"),
            "python": platform.python_version(),
            "meta": _plain(nlp.meta),
            "config": nlp.config.to_str(),
            "runs": [name for name in nlp.pipe_names if name not in idle],
            "attributes": list(attributes),
            "files": [
                [path.relative_to(folder or path).as_posix(), path.stat().st_size, path.stat().st_mtime_ns]
                for path in files
            ],
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _unpack(kept: Any, nlp: Any, positions: np.ndarray) -> Iterator[Any]:
    from spacy.tokens import DocBin

    some = DocBin()
    some.attrs = kept.attrs
    for name in ("tokens", "spaces", "cats", "span_groups", "flags"):
        every = getattr(kept, name)
        setattr(some, name, [every[i] for i in positions.tolist()])
    yield from some.get_docs(nlp.vocab)


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where runs of texts start and end; both follow from the texts alone, so that a file is found again."""
    start = characters = 0
    for i, text in enumerate(texts):
        if i - start == CHUNK or characters > CHARACTERS:
            yield start, i
            start, characters = i, 0
        characters += len(text)
    if start < len(texts):
        yield start, len(texts)


def _texts_key(texts: Sequence[str]) -> str:
    lengths = np.array([len(text) for text in texts], "<i8")
    return fingerprint([lengths.tobytes(), "".join(texts).encode()])


def _digest(key: str, body: bytes) -> bytes:
    return fingerprint([key, body]).encode()


def _write_whole(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
