"""Files of an object store, read by ranges; used like a `pathlib.Path` as far as reading a corpus goes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, cast

from weaklabel.errors import CorpusError
from weaklabel.storage import S3, S3_VARIABLES, StoreError, fsspec_options, native_options, scheme_of

LOOK_SECONDS = 5.0
"""How long a store may keep silent while it is asked what it holds; it is asked twice."""
READ_SECONDS = 20.0
"""How long it may keep silent in the middle of a file."""
_DIGEST = re.compile(r"[0-9a-f]{32}(-\d+)?")
_POLARS = (*S3, "gs", "az", "abfs", "abfss")
_STORES = ("s3://", "gs://", "az://", "abfs://", "memory://", "file://")
_PACKAGES = {**dict.fromkeys(S3, "weaklabel[s3]"), "gs": "gcsfs", "gcs": "gcsfs"}
_PACKAGES |= dict.fromkeys(("az", "abfs", "abfss"), "adlfs")


class State(NamedTuple):
    """By which a change of a file is noticed: its size, and its ETag or else the time of its change."""

    size: int
    mtime_ns: int
    etag: str


@dataclass(frozen=True, order=True)
class RemotePath:
    """A file or folder of an object store.

    Parameters
    ----------
    url
        Such as s3://bucket/mail/part-0.parquet.
    storage
        How the store is spoken to; never shown.
    size
        Bytes of the file, where they are known already.

    Examples
    --------
    >>> path = RemotePath("s3://bucket/mail/part-0.parquet")
    >>> path.name, path.stem, path.suffix, str(path.parent / "label.json")
    ('part-0.parquet', 'part-0', '.parquet', 's3://bucket/mail/label.json')
    >>> import fsspec
    >>> fsspec.filesystem("memory").pipe_file("/desk/hello.txt", b"hello there")
    >>> with RemotePath("memory://desk/hello.txt").open() as stream:
    ...     _ = stream.seek(6)
    ...     stream.read()
    b'there'
    """

    url: str
    storage: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    size: int | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self.url.rstrip('/')}/{name}", self.storage)

    @property
    def key(self) -> str:
        """What stands behind the scheme: bucket and name."""
        return self.url.partition("://")[2].strip("/")

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.key).stem

    @property
    def suffix(self) -> str:
        """The ending of the name."""
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> RemotePath:
        """The folder it lies in."""
        return self.at("/".join(self.key.split("/")[:-1]))

    @property
    def native_options(self) -> dict[str, str] | None:
        """What Polars is given as `storage_options`."""
        return native_options(self.url, self.storage)

    @property
    def spoken_by_polars(self) -> bool:
        """Whether Polars reads from such a store itself."""
        return scheme_of(self.url) in _POLARS

    def at(self, key: str) -> RemotePath:
        """Return another file of the same store."""
        return RemotePath(f"{scheme_of(self.url)}://{key.strip('/')}", self.storage)

    def state(self) -> State:
        """Return what it is now.

        Raises
        ------
        CorpusError
            It is not there.
        """
        with asking(self):
            return state_of(self.url, self.looking().info(self.key))

    def open(self, mode: str = "rb") -> BinaryIO:
        """Open it for reading: only the ranges that are read are fetched."""
        size = self.state().size if self.size is None else self.size
        return cast(BinaryIO, _Ranges(self, size))

    def looking(self) -> Any:
        """Return fsspec's file system, to ask what there is; it soon gives up on a store that doesn't answer."""
        return self._files(LOOK_SECONDS, 1)

    def reading(self) -> Any:
        """Return fsspec's file system, to read files: more patient."""
        return self._files(READ_SECONDS, 3)

    def _files(self, seconds: float, tries: int) -> Any:
        options = fsspec_options(self.url, self.storage, seconds=seconds)
        scheme = scheme_of(self.url)
        try:
            import fsspec

            made = fsspec.filesystem(scheme, **options)
        except ImportError as error:
            package = _PACKAGES.get(scheme)
            hint = f"install {package}" if package else str(error)
            raise StoreError(
                f"a package is missing that reads {scheme}:// addresses", where=self.url, hint=hint
            ) from error
        except ValueError as error:
            what = f"addresses that begin with {scheme}:// are not known here"
            raise StoreError(what, where=self.url, available=_STORES) from error
        if scheme in S3:
            made.retries = tries
        return made


class _Ranges(io.RawIOBase):
    """A file of an object store as a stream; each reading fetches exactly what it is asked for."""

    def __init__(self, path: RemotePath, size: int) -> None:
        self._path, self._size, self._at = path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        stop = min(self._size, self._at + len(buffer))
        if stop <= self._at:
            return 0
        path = self._path
        with asking(path):
            found = path.reading().cat_file(path.key, start=self._at, end=stop)
        if len(found) != stop - self._at:
            raise changed(path)
        buffer[: len(found)] = found
        self._at = stop
        return len(found)


AnyPath = Path | RemotePath


def changed(path: object) -> CorpusError:
    """Return the error for a file that is no longer what it was."""
    return CorpusError(
        "the file has changed since the corpus was opened",
        where=str(path),
        hint="start again when nothing writes to it",
    )


def state_of(url: str, info: Mapping[str, Any]) -> State:
    """Return a file's state from what fsspec says of it.

    An ETag that is no digest of the content is one file's own: another file may have it too.

    Examples
    --------
    >>> state_of("s3://b/x", {"size": 3, "ETag": '"0123456789abcdef0123456789abcdef"'}).etag
    '0123456789abcdef0123456789abcdef'
    >>> state_of("az://b/x", {"size": 3, "etag": "0x8DC"}).etag
    'az://b/x 0x8DC'
    """
    etag = str(info.get("ETag") or info.get("etag") or "").strip('"')
    if etag and not _DIGEST.fullmatch(etag):
        etag = f"{url} {etag}"
    time = next((info[name] for name in ("LastModified", "mtime", "created") if info.get(name)), 0)
    seconds = time.timestamp() if isinstance(time, datetime) else float(time)
    return State(int(info["size"] or 0), int(seconds * 1_000_000) * 1000, etag)


@contextmanager
def asking(path: RemotePath) -> Iterator[None]:
    """Turn what goes wrong while a store is asked for something into one clear error.

    Raises
    ------
    CorpusError
        This file is not there, or may not be read.
    StoreError
        The store doesn't answer, or lets nobody in.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise CorpusError("no such file or folder", where=path.url) from error
    except PermissionError as error:
        hint = "check the credentials in the environment, and what they allow"
        if scheme_of(path.url) in S3:
            hint = f"check the environment variables {', '.join(S3_VARIABLES)}, and what they allow"
        raise CorpusError(f"the object store refuses: {_said(error)}", where=path.url, hint=hint) from error
    except _s3_errors() as error:  # some of them are OSErrors too
        raise _s3_error(path, error) from error
    except OSError as error:
        raise StoreError(f"the object store can't be read: {_said(error)}", where=_place(path)) from error


def _s3_errors() -> tuple[type[Exception], ...]:
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return ()
    return (BotoCoreError, ClientError)


def _s3_error(path: RemotePath, error: Exception) -> StoreError:
    kind = type(error).__name__
    if kind in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "NoAuthTokenError"):
        hint = (
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN too where there is one), or AWS_PROFILE; "
            'for what everybody may read, storage.aws_skip_signature="true"'
        )
        what = "no credentials for the object store in the environment"
        return StoreError(what, where=path.url, hint=hint)
    silent = "Timeout" in kind or "Connection" in kind or "HTTPClient" in kind
    what = "the object store doesn't answer" if silent else f"the object store can't be read: {_said(error)}"
    advice = "check storage.aws_endpoint_url, and the network" if silent else None
    return StoreError(what, where=_place(path), hint=advice)


def _place(path: RemotePath) -> str:
    at = next(
        (v for k, v in path.storage.items() if k.lower().removeprefix("aws_").startswith("endpoint")), None
    )
    return path.url if at is None else f"{path.url} at {at}"


def _said(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
