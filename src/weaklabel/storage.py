"""How object stores are spoken to: one mapping of settings, in the words of Polars and deltalake, translated for fsspec.

Credentials never stand in it: each library finds them in the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from weaklabel.errors import WeakLabelError

S3 = ("s3", "s3a")
"""The beginnings of URLs of S3 and of what speaks like it."""
S3_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")
"""The environment variables in which S3's credentials are looked for."""
_SECRETS = ("secret", "password", "token", "access_key", "account_key", "credential")


class StoreError(WeakLabelError):
    """An object store that can't be spoken to: it doesn't answer, lets nobody in, or a setting or a package is missing."""


def is_url(text: object) -> bool:
    """Return whether a text names something in an object store rather than on this machine.

    Examples
    --------
    >>> is_url("s3://bucket/mail"), is_url("data/mail"), is_url(None)
    (True, False, False)
    """
    return "://" in str(text)


def scheme_of(url: str) -> str:
    """Return how a URL begins.

    Examples
    --------
    >>> scheme_of("S3://bucket/mail")
    's3'
    """
    return url.partition("://")[0].lower()


def credentials_in(storage: Mapping[str, str]) -> list[str]:
    """Return the names of settings that look like credentials; there should be none.

    Examples
    --------
    >>> credentials_in({"aws_region": "eu-central-1", "aws_secret_access_key": "…"})
    ['aws_secret_access_key']
    """
    return [name for name in storage if any(word in name.lower() for word in _SECRETS)]


def holds_credentials(url: object) -> bool:
    """Return whether a URL holds a user's name or a password, or is signed.

    Examples
    --------
    >>> holds_credentials("s3://key:word@bucket/mail"), holds_credentials("s3://bucket/a@b.csv")
    (True, False)
    """
    if not is_url(url):
        return False
    parts = urlsplit(str(url))
    return "@" in parts.netloc or "signature=" in str(url).lower()


def native_options(url: str, storage: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return what Polars and deltalake are given as `storage_options`: for a URL the settings as they are, else nothing.

    Examples
    --------
    >>> native_options("s3://bucket/mail", {"aws_region": "eu-central-1"})
    {'aws_region': 'eu-central-1'}
    >>> native_options("/data/mail", {"aws_region": "eu-central-1"}) is None
    True
    """
    return dict(storage or {}) or None if is_url(url) else None


def fsspec_options(url: str, storage: Mapping[str, str] | None, *, seconds: float) -> dict[str, Any]:
    """Return the same settings in fsspec's words, for S3; other stores are left to their own environment variables.

    Parameters
    ----------
    url
        What is to be read.
    storage
        The settings.
    seconds
        How long a store may keep silent; it is asked twice.

    Raises
    ------
    StoreError
        A setting holds a credential, or texts would go over the network in plain and nothing allows that.

    Examples
    --------
    >>> wanted = fsspec_options("s3://b/x", {"aws_region": "eu-west-1"}, seconds=5)
    >>> wanted["client_kwargs"], wanted["config_kwargs"]["read_timeout"]
    ({'region_name': 'eu-west-1'}, 5)
    >>> fsspec_options("s3://b/x", {"aws_endpoint_url": "http://127.0.0.1:9000"}, seconds=5)
    Traceback (most recent call last):
    ...
    weaklabel.storage.StoreError: the object store's address begins with http://: what is read could be read by others
      where: http://127.0.0.1:9000
      hint: use https://, or allow it with storage.aws_allow_http="true"
    """
    refuse_credentials(url, storage)
    if scheme_of(url) not in S3:
        return {"use_listings_cache": False}
    said = {name.lower().removeprefix("aws_"): str(value) for name, value in (storage or {}).items()}
    endpoint = said.get("endpoint_url") or said.get("endpoint")
    region = said.get("region") or said.get("default_region") or os.environ.get("AWS_REGION")
    if endpoint and endpoint.startswith("http://") and not _true(said.get("allow_http")):
        raise StoreError(
            "the object store's address begins with http://: what is read could be read by others",
            where=endpoint,
            hint='use https://, or allow it with storage.aws_allow_http="true"',
        )
    config: dict[str, Any] = {
        "connect_timeout": seconds,
        "read_timeout": seconds,
        "retries": {"max_attempts": 1},
    }
    if "virtual_hosted_style_request" in said:
        style = "virtual" if _true(said["virtual_hosted_style_request"]) else "path"
        config["s3"] = {"addressing_style": style}
    options: dict[str, Any] = {
        "anon": _true(said.get("skip_signature")),
        "requester_pays": _true(said.get("request_payer")),
        "client_kwargs": {"region_name": region} if region else {},
        "config_kwargs": config,
        "use_listings_cache": False,
    }
    return {**options, "endpoint_url": endpoint} if endpoint else options


def refuse_credentials(url: str, storage: Mapping[str, str] | None) -> None:
    """Raise a `StoreError`, which doesn't show it, where a credential stands in a URL or among the settings.

    Examples
    --------
    >>> refuse_credentials("s3://bucket/mail", {"aws_secret_access_key": "hush"})
    Traceback (most recent call last):
    ...
    weaklabel.storage.StoreError: storage.aws_secret_access_key is a credential
      hint: leave it out and set the environment variable AWS_SECRET_ACCESS_KEY
    """
    named = credentials_in(storage or {})
    if named:
        hint = f"leave it out and set the environment variable {named[0].upper()}"
        raise StoreError(f"storage.{named[0]} is a credential", hint=hint)
    if any(holds_credentials(text) for text in (url, *(storage or {}).values())):
        hint = "leave it out; credentials come from the environment alone"
        if scheme_of(url) in S3:
            hint = f"leave it out and set environment variables: {', '.join(S3_VARIABLES[:2])}"
        raise StoreError("an address holds a credential", where=f"{scheme_of(url)}://…", hint=hint)


def _true(text: str | None) -> bool:
    return str(text).lower() in ("true", "1", "yes", "on")
