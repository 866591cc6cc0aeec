"""From a path, a glob, a folder or a list to the sorted files of a corpus and their format."""

from __future__ import annotations

import glob as globbing
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from weaklabel.errors import CorpusError, did_you_mean

SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
}
FORMAT_NAMES = {**{name: name for name in ("parquet", "jsonl", "csv", "tsv", "wrench")}, "ndjson": "jsonl"}
WRENCH_SPLITS = ("train", "valid", "test")

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class SourceFile:
    """One file of a corpus, as it was when the corpus was opened.

    Parameters
    ----------
    path
        Where it lies, absolute.
    name
        Path relative to the corpus root, with `/`: the file's name in derived ids, the same wherever it lies.
    size, mtime_ns
        By which a change is noticed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mail.jsonl"
    >>> _ = path.write_bytes(b'{"text": "hello"}')
    >>> file = find(path, format=None, root=path.parent.parent).files[0]
    >>> file.name == f"{path.parent.name}/mail.jsonl", file.size
    (True, 17)
    """

    path: Path
    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Found:
    """The files of a corpus and what is known of them before any is read."""

    files: tuple[SourceFile, ...]
    root: Path
    format: str


def find(source: PathLike | Sequence[PathLike], *, format: str | None, root: PathLike | None) -> Found:
    """Return the sorted files that `source` names.

    Raises
    ------
    CorpusError
        A file or folder is missing (the nearest names are given), a glob matches nothing, a folder holds no
        data, or formats are mixed or unknown.
    """
    wanted = _format_name(format)
    below = None if root is None else _absolute(root)
    if isinstance(source, (str, os.PathLike)):
        paths, base = _expand(source, wanted, below)
    else:
        paths, base = _expand_list(source, wanted, below)
    found = _one_format(paths, wanted)
    if found == "wrench":
        _check_wrench(paths)
    names = sorted((_name(path, below, base), path) for path in paths)
    for (name, path), (other, another) in pairwise(names):
        if name == other:
            hint = "put both below one folder and open that"
            raise CorpusError(f"two files have the name {name!r}", where=f"{path}, {another}", hint=hint)
    return Found(tuple(source_file(path, name) for name, path in names), below or base, found)


def _format_name(format: str | None) -> str | None:
    if format is None:
        return None
    if format not in FORMAT_NAMES:
        hint = did_you_mean(format, FORMAT_NAMES)
        raise CorpusError(f"unknown corpus format {format!r}", available=sorted(FORMAT_NAMES), hint=hint)
    return FORMAT_NAMES[format]


def _absolute(path: PathLike, root: Path | None = None) -> Path:
    return Path(os.path.abspath((root or Path()) / Path(path).expanduser()))  # noqa: PTH100 (keeps symbolic links as they are)


def _expand(source: PathLike, format: str | None, root: Path | None) -> tuple[list[Path], Path]:
    path = _absolute(source, root)
    if path.is_dir():
        return _folder(path, format), path
    if path.exists():
        return [path], path.parent
    if "://" in str(source):
        hint = "download it, and name the file"
        raise CorpusError("an address, where a file, folder or glob should be", where=str(source), hint=hint)
    if globbing.has_magic(str(source)):
        return _glob(path)
    if path.is_symlink():
        raise CorpusError("the link leads nowhere", where=f"{path} -> {os.readlink(path)}")  # noqa: PTH115 (as it was written)
    raise _missing(path)


def _expand_list(
    sources: Sequence[PathLike], format: str | None, root: Path | None
) -> tuple[list[Path], Path]:
    if not sources:
        raise CorpusError("an empty list of files", hint="name at least one file, folder or glob")
    paths: list[Path] = []
    for source in sources:
        paths += _expand(source, format, root)[0]
    unique = list(dict.fromkeys(paths))
    return unique, Path(os.path.commonpath([path.parent for path in unique]))


def _glob(pattern: Path) -> tuple[list[Path], Path]:
    fixed = Path(*_until_magic(pattern))
    wanted = os.path.join(globbing.escape(str(fixed)), pattern.relative_to(fixed))  # noqa: PTH118 (text with escapes)
    matches = [Path(p) for p in globbing.glob(wanted, recursive=True)]  # noqa: PTH207 (leaves out hidden files)
    files = {os.path.realpath(p): p for p in sorted(matches, reverse=True) if p.is_file()}
    if files:
        return list(files.values()), fixed  # a file that two links lead to is one file
    if not fixed.is_dir():
        raise _missing(fixed)
    raise CorpusError(f"no file matches {pattern.name!r}", where=str(pattern), available=_names_in(fixed))


def _until_magic(pattern: Path) -> Iterable[str]:
    """Yield the parts of a pattern before its first wildcard; a folder really called `a[1]` is none."""
    so_far = Path()
    for part in pattern.parts:
        so_far /= part
        if globbing.has_magic(part) and not so_far.is_dir():
            return
        yield part


def _folder(folder: Path, format: str | None) -> list[Path]:
    wrench = [folder / f"{split}.json" for split in WRENCH_SPLITS]
    wrench = [path for path in wrench if path.is_file()]
    if format == "wrench" or (format is None and wrench):
        if not wrench:
            raise CorpusError(
                "a WRENCH directory holds train.json, valid.json or test.json",
                where=str(folder),
                available=_names_in(folder),
            )
        return wrench
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix.lower() in SUFFIXES
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    ]
    if not files:
        raise CorpusError(
            "the folder holds no Parquet, JSONL, CSV or TSV file and is no WRENCH directory",
            where=str(folder),
            available=_names_in(folder),
        )
    return files


def _one_format(paths: Sequence[Path], format: str | None) -> str:
    if format is not None:
        return format
    formats = {_format_of(path): path for path in sorted(paths, reverse=True)}
    if len(formats) > 1:
        (one, a), (other, b) = sorted(formats.items())[:2]
        raise CorpusError(
            f"mixed formats: {a.name} is {one}, {b.name} is {other}",
            where=f"{a}, {b}",
            hint="name files of one format, e.g. with a glob such as 'data/*.parquet'",
        )
    return next(iter(formats))


def _is_wrench(path: Path) -> bool:
    return path.suffix.lower() == ".json" and path.stem in WRENCH_SPLITS


def _check_wrench(paths: Sequence[Path]) -> None:
    for path in paths:
        if not _is_wrench(path):
            raise CorpusError(
                "a WRENCH corpus is a folder with train.json, valid.json or test.json, and label.json",
                where=str(path),
            )


def _format_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if _is_wrench(path):
        return "wrench"
    hint = "give the file one of these endings, or name its format with format="
    if suffix == ".json":
        hint = "for one JSON object a line give format='jsonl'; rewrite a JSON list as one object a line"
    elif suffix in {".gz", ".zip", ".zst", ".bz2", ".xz"}:
        hint = "unpack it first"
    elif suffix in {".xlsx", ".xls", ".ods"}:
        hint = "save the sheet as CSV UTF-8"
    raise CorpusError(
        f"can't tell the format of {path.name!r}", where=str(path), available=sorted(SUFFIXES), hint=hint
    )


def _name(path: Path, root: Path | None, base: Path) -> str:
    inside = root is not None and path.is_relative_to(root)
    return path.relative_to(root if root is not None and inside else base).as_posix()


def source_file(path: Path, name: str) -> SourceFile:
    """Return a file as it is now, or raise a `CorpusError` that names it."""
    try:
        status = path.stat()
    except OSError as error:
        raise CorpusError(f"can't read the file: {error.strerror}", where=str(path)) from error
    return SourceFile(path, name, status.st_size, status.st_mtime_ns)


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(p.name + "/" * p.is_dir() for p in folder.iterdir())
    except OSError:
        return []


def _missing(path: Path) -> CorpusError:
    above = path
    while not above.parent.is_dir() and above.parent != above:
        above = above.parent
    names = _names_in(above.parent)
    hint = did_you_mean(above.name, [name.rstrip("/") for name in names])
    what = "no such file or folder" if above == path else f"no such folder: {above}"
    return CorpusError(what, where=str(path), available=names, hint=hint)
