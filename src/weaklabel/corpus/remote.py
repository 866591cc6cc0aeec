"""From addresses in object stores to the sorted files of a corpus; what lies on this machine goes the usual way."""

from __future__ import annotations

import glob as globbing
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from weaklabel.corpus import files
from weaklabel.corpus.files import Found, PathLike, SourceFile
from weaklabel.corpus.remote_path import RemotePath, asking, state_of
from weaklabel.errors import CorpusError, did_you_mean
from weaklabel.storage import is_url, scheme_of

_HERE = ("file", "local")
_NOT_STORES = ("http", "https", "ftp")

Infos = Mapping[str, Mapping[str, Any]]
"""What the store says of each file, by its key."""


def find(
    source: PathLike | Sequence[PathLike],
    *,
    format: str | None,
    root: PathLike | None,
    storage: Mapping[str, str] | None = None,
    failures: list[CorpusError] | None = None,
) -> Found:
    """Return the sorted files that `source` names, on this machine or in an object store.

    Parameters
    ----------
    source, format, root, storage
        As for `Corpus.open`.
    failures
        As for `files.find`.

    Raises
    ------
    CorpusError
        Nothing is there (what is there instead is said), or formats are mixed or unknown.
    StoreError
        The store doesn't answer, or lets nobody in.

    Examples
    --------
    >>> import fsspec
    >>> fsspec.filesystem("memory").pipe_file("/find/mail/a.csv", b"id,text\\n1,hello\\n")
    >>> found = find("memory://find/mail/*.csv", format=None, root=None)
    >>> found.format, [file.name for file in found.files], str(found.root)
    ('csv', ['a.csv'], 'memory://find/mail')
    """
    several = not isinstance(source, (str, os.PathLike))
    sources = [source] if isinstance(source, (str, os.PathLike)) else source
    wanted = [_here(each) for each in sources]
    below = None if root is None else _here(root)
    if is_url(below):
        wanted = [each if is_url(each) else f"{str(below).rstrip('/')}/{each}" for each in wanted]
    far = [str(each) for each in wanted if is_url(each)]
    if not far or scheme_of(far[0]) in _NOT_STORES:
        here = wanted if several else wanted[0]
        return files.find(here, format=format, root=root, failures=failures)
    near = [str(each) for each in wanted if not is_url(each)]
    other = [url for url in far if scheme_of(url) != scheme_of(far[0])]
    if near or other:
        raise CorpusError(
            "the files of one corpus lie in one place",
            where=f"{far[0]}, {(near + other)[0]}",
            hint="copy some of them, so that all are in one object store or on this machine",
        )
    return _find([RemotePath(url, dict(storage or {})) for url in far], format, str(below or ""))


def _here(source: PathLike) -> PathLike:
    """Return a path on this machine where it is written as an address."""
    text = str(source)
    return Path(text.partition("://")[2]) if is_url(text) and scheme_of(text) in _HERE else source


def _find(sources: Sequence[RemotePath], format: str | None, root: str) -> Found:
    wanted = files.format_name(format)
    infos: dict[str, Mapping[str, Any]] = {}
    bases: list[str] = []
    for source in sources:
        found, base = _expand(source, wanted)
        infos |= found
        bases += [base] if len(sources) == 1 else [_folder_of(key) for key in found]
    store = sources[0]
    base = _common(bases)
    below = RemotePath(root).key if is_url(root) else None
    found_format = files.one_format([store.at(key) for key in sorted(infos)], wanted)
    names = sorted((_name(key, below, base), store.at(key)) for key in infos)
    files.check_names(names)
    root_path = store.at(base if below is None else below)
    return Found(tuple(_file(path, name, infos[path.key]) for name, path in names), root_path, found_format)


def _file(path: RemotePath, name: str, info: Mapping[str, Any]) -> SourceFile:
    state = state_of(path.url, info)
    return SourceFile(RemotePath(path.url, path.storage, state.size), name, *state)


def _expand(source: RemotePath, format: str | None) -> tuple[Infos, str]:
    """Return the files that one address names, and the folder to which their names are relative."""
    store = source.looking()
    with asking(source):
        info = _or_nothing(lambda: store.info(source.key))
        if info is not None and info["type"] == "directory":
            return _in_folder(source, _plain(store.find(source.key, detail=True)), format), source.key
        if info is not None:
            return {source.key: info}, _folder_of(source.key)
        if not globbing.has_magic(source.key):
            raise _missing(source, store)
        fixed = _until_magic(source.key)
        found = _or_nothing(lambda: _plain(store.glob(source.key, detail=True))) or {}
        shown = {key: info for key, info in found.items() if not _hidden(key, fixed, (".",))}
        if not shown:
            names = _names(store, fixed)
            if names is None:
                raise _missing(source.at(fixed), store)
            pattern = source.key.removeprefix(fixed).strip("/")
            raise CorpusError(f"no file matches {pattern!r}", where=source.url, available=names)
        return shown, fixed


def _plain(found: Infos) -> Infos:
    return {key.strip("/"): info for key, info in found.items() if info["type"] == "file"}


def _in_folder(folder: RemotePath, found: Infos, format: str | None) -> Infos:
    wrench = [f"{folder.key}/{split}.json" for split in files.WRENCH_SPLITS]
    splits = {key: found[key] for key in wrench if key in found}
    if format == "wrench" or (format is None and splits):
        if splits:
            return splits
        what = "a WRENCH directory holds train.json, valid.json or test.json"
    else:
        data = {
            key: info
            for key, info in found.items()
            if folder.at(key).suffix.lower() in files.SUFFIXES and not _hidden(key, folder.key, (".", "_"))
        }
        if data:
            return data
        what = "the folder holds no Parquet, JSONL, CSV or TSV file and is no WRENCH directory"
    names = sorted({_name(key, None, folder.key) for key in found})
    raise CorpusError(what, where=folder.url, available=names)


def _or_nothing(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except FileNotFoundError:
        return None


def _missing(path: RemotePath, store: Any) -> CorpusError:
    """Return the error for an address where nothing is: it says what is in the nearest folder that there is."""
    parts = path.key.split("/")
    for depth in range(len(parts) - 1, 0, -1):
        above = "/".join(parts[:depth])
        names = _names(store, above)
        if names or (names is not None and depth == 1):
            gone = parts[depth]
            what = "no such file or folder" if depth == len(parts) - 1 else f"no such folder: {above}/{gone}"
            hint = did_you_mean(gone, [name.rstrip("/") for name in names])
            return CorpusError(what, where=path.url, available=names, hint=hint)
    names = [name.rstrip("/") for name in _names(store, "") or []] or None
    hint = did_you_mean(parts[0], names or [])
    return CorpusError(f"no such bucket: {parts[0]}", where=path.url, available=names, hint=hint)


def _names(store: Any, folder: str) -> list[str] | None:
    """Return what is in a folder; None: it isn't there, or may not be looked at."""
    try:
        found = store.ls(folder, detail=True)
    except (FileNotFoundError, PermissionError):
        return None
    return sorted(_folder_name(info) for info in found if info["name"].strip("/") != folder)


def _folder_name(info: Mapping[str, Any]) -> str:
    return info["name"].strip("/").rpartition("/")[2] + "/" * (info["type"] == "directory")


def _hidden(key: str, base: str, marks: tuple[str, ...]) -> bool:
    return any(part.startswith(marks) for part in _name(key, None, base).split("/"))


def _until_magic(key: str) -> str:
    parts = key.split("/")
    count = next(i for i, part in enumerate(parts) if globbing.has_magic(part))
    return "/".join(parts[:count])


def _folder_of(key: str) -> str:
    return key.rpartition("/")[0]


def _common(folders: Sequence[str]) -> str:
    return os.path.commonpath(folders) if folders else ""


def _name(key: str, root: str | None, base: str) -> str:
    inside = root is not None and f"{key}/".startswith(f"{root}/".lstrip("/"))
    start = root if root is not None and inside else base
    return key.removeprefix(start).strip("/")
