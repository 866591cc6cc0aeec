"""From a path, a glob, a folder or a list to the sorted files of a corpus and their format."""

from __future__ import annotations

import fnmatch
import glob as globbing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from weaklabel.corpus.remote_path import AnyPath, RemotePath
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
Tell = Callable[[CorpusError], None]


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
    etag
        What an object store calls this content; "" where there is none.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mail.jsonl"
    >>> _ = path.write_bytes(b'{"text": "hello"}')
    >>> file = find(path, format=None, root=path.parent.parent).files[0]
    >>> file.name == f"{path.parent.name}/mail.jsonl", file.size
    (True, 17)
    """

    path: AnyPath
    name: str
    size: int
    mtime_ns: int
    etag: str = ""

    @property
    def mark(self) -> int | str:
        """What changes with its content, beside its size: the ETag, or the time of change."""
        return self.etag or self.mtime_ns


@dataclass(frozen=True)
class Found:
    """The files of a corpus and what is known of them before any is read."""

    files: tuple[SourceFile, ...]
    root: AnyPath
    format: str

    @property
    def names(self) -> str:
        """The first files' names, for messages."""
        return ", ".join(file.name for file in self.files[:3]) + ", …" * (len(self.files) > 3)


def find(
    source: PathLike | Sequence[PathLike],
    *,
    format: str | None,
    root: PathLike | None,
    failures: list[CorpusError] | None = None,
) -> Found:
    """Return the sorted files that `source` names.

    Parameters
    ----------
    source, format, root
        As for `Corpus.open`.
    failures
        Takes the errors of folders and files that can't be read, which are then left out; None: the first is raised.

    Raises
    ------
    CorpusError
        A file or folder is missing (the nearest names are given) or can't be read, a glob matches nothing, a folder
        holds no data, or formats are mixed or unknown.
    """
    wanted = format_name(format)
    below = None if root is None else _absolute(root)
    tell = _raise if failures is None else failures.append
    if isinstance(source, (str, os.PathLike)):
        paths, base = _expand(source, wanted, below, tell)
    else:
        paths, base = _expand_list(source, wanted, below, tell)
    if not paths:  # all of it was told
        return Found((), below or base, wanted or "")
    found = one_format(paths, wanted)
    names = sorted((_name(path, below, base), path) for path in paths)
    check_names(names)
    return Found(tuple(_readable(names, tell)), below or base, found)


def check_names(names: Sequence[tuple[str, AnyPath]]) -> None:
    """Raise when two of the files, sorted by name, have one name."""
    for (name, path), (other, another) in pairwise(names):
        if name == other:
            hint = "put both below one folder and open that"
            raise CorpusError(f"two files have the name {name!r}", where=f"{path}, {another}", hint=hint)


def _raise(error: CorpusError) -> None:
    raise error


def _readable(names: Iterable[tuple[str, Path]], tell: Tell) -> Iterator[SourceFile]:
    for name, path in names:
        try:
            yield source_file(path, name)
        except CorpusError as error:
            tell(error)


def format_name(format: str | None) -> str | None:
    """Return a format by its usual name; raise when it is unknown."""
    if format is None:
        return None
    if format not in FORMAT_NAMES:
        hint = did_you_mean(format, FORMAT_NAMES)
        raise CorpusError(f"unknown corpus format {format!r}", available=sorted(FORMAT_NAMES), hint=hint)
    return FORMAT_NAMES[format]


def _absolute(path: PathLike, root: Path | None = None) -> Path:
    return Path(os.path.abspath((root or Path()) / Path(path).expanduser()))  # noqa: PTH100 (keeps symbolic links as they are)


def _expand(source: PathLike, format: str | None, root: Path | None, tell: Tell) -> tuple[list[Path], Path]:
    path = _absolute(source, root)
    if path.is_dir():
        return _folder(path, format, tell), path
    if path.exists():
        return [path], path.parent
    if "://" in str(source):
        hint = "download it, and name the file"
        raise CorpusError("an address, where a file, folder or glob should be", where=str(source), hint=hint)
    if globbing.has_magic(str(source)):
        return _glob(path, tell)
    if path.is_symlink():
        raise CorpusError("the link leads nowhere", where=f"{path} -> {os.readlink(path)}")  # noqa: PTH115 (as it was written)
    raise _missing(path)


def _expand_list(
    sources: Sequence[PathLike], format: str | None, root: Path | None, tell: Tell
) -> tuple[list[Path], Path]:
    if not sources:
        raise CorpusError("an empty list of files", hint="name at least one file, folder or glob")
    paths: list[Path] = []
    for source in sources:
        paths += _expand(source, format, root, tell)[0]
    unique = list(dict.fromkeys(paths))
    return unique, Path(os.path.commonpath([path.parent for path in unique])) if unique else Path()


def _glob(pattern: Path, tell: Tell) -> tuple[list[Path], Path]:
    fixed = Path(*_until_magic(pattern))
    unreadable = _unreadable_in(fixed, pattern.relative_to(fixed).parts)
    for error in unreadable:
        tell(error)
    wanted = os.path.join(globbing.escape(str(fixed)), pattern.relative_to(fixed))  # noqa: PTH118 (text with escapes)
    matches = [Path(p) for p in globbing.glob(wanted, recursive=True)]  # noqa: PTH207 (leaves out hidden files)
    files = {os.path.realpath(p): p for p in sorted(matches, reverse=True) if p.is_file()}
    if files:
        return list(files.values()), fixed  # a file that two links lead to is one file
    if unreadable:
        return [], fixed
    if not fixed.is_dir():
        raise _missing(fixed)
    raise CorpusError(f"no file matches {pattern.name!r}", where=str(pattern), available=_names_in(fixed))


def _unreadable_in(folder: Path, pattern: Sequence[str]) -> list[CorpusError]:
    """Return an error for each folder that a glob would look into and can't; `glob` passes over them in silence."""
    if not pattern:
        return []
    name, rest = pattern[0], pattern[1:]
    if not rest and name != "**":
        return _list(folder)[1]
    names, found = _list(folder)
    if name == "**":
        found += _unreadable_in(folder, rest) if rest and not found else []
        below = [(each, pattern) for each in names]
    else:
        below = [(each, rest) for each in names if fnmatch.fnmatch(each, name)]
    for each, left in below:
        if not each.startswith(".") or name.startswith("."):
            found += _unreadable_in(folder / each, left)
    return list({str(error.where): error for error in found}.values())


def _list(folder: Path) -> tuple[list[str], list[CorpusError]]:
    """Return the names of the folders in a folder, links left out, or the error that says why it can't be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False)), []
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        what = f"can't read the folder: {error.strerror}"
        return [], [CorpusError(what, where=str(folder))]


def _until_magic(pattern: Path) -> Iterable[str]:
    """Yield the parts of a pattern before its first wildcard; a folder really called `a[1]` is none."""
    so_far = Path()
    for part in pattern.parts:
        so_far /= part
        if globbing.has_magic(part) and not so_far.is_dir():
            return
        yield part


def _folder(folder: Path, format: str | None, tell: Tell) -> list[Path]:
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
    unreadable: list[CorpusError] = []
    files = [
        path for path in _below(folder, unreadable) if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    for error in unreadable:
        tell(error)
    if not files and not unreadable:
        raise CorpusError(
            "the folder holds no Parquet, JSONL, CSV or TSV file and is no WRENCH directory",
            where=str(folder),
            available=_names_in(folder),
        )
    return files


def _below(folder: Path, unreadable: list[CorpusError]) -> Iterator[Path]:
    """Yield what is in a folder and its folders, but for hidden names and those that begin with `_`."""

    def failed(error: OSError) -> None:
        what = f"can't read the folder: {error.strerror}"
        unreadable.append(CorpusError(what, where=str(error.filename or folder)))

    for place, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        yield from (Path(place, name) for name in names if not name.startswith((".", "_")))


def one_format(paths: Sequence[AnyPath], format: str | None) -> str:
    """Return the format of files: as given, or as their names say; raise when that is not one or not known."""
    if format is None:
        format = _format_of_all(paths)
    if format == "wrench":
        _check_wrench(paths)
    return format


def _format_of_all(paths: Sequence[AnyPath]) -> str:
    formats = {_format_of(path): path for path in sorted(paths, reverse=True)}
    if len(formats) > 1:
        (one, a), (other, b) = sorted(formats.items())[:2]
        raise CorpusError(
            f"mixed formats: {a.name} is {one}, {b.name} is {other}",
            where=f"{a}, {b}",
            hint="name files of one format, e.g. with a glob such as 'data/*.parquet'",
        )
    return next(iter(formats))


def _is_wrench(path: AnyPath) -> bool:
    return path.suffix.lower() == ".json" and path.stem in WRENCH_SPLITS


def _check_wrench(paths: Sequence[AnyPath]) -> None:
    for path in paths:
        if not _is_wrench(path):
            raise CorpusError(
                "a WRENCH corpus is a folder with train.json, valid.json or test.json, and label.json",
                where=str(path),
            )


def _format_of(path: AnyPath) -> str:
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


def source_file(path: AnyPath, name: str) -> SourceFile:
    """Return a file as it is now, or raise a `CorpusError` that names it."""
    if isinstance(path, RemotePath):
        return SourceFile(path, name, *path.state())
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
