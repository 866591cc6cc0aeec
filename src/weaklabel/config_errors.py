"""A user's mistakes in settings, said so that they teach: Hydra's errors translated, options called by their keys."""

from __future__ import annotations

import dataclasses
import difflib
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from weaklabel.corpus.encoding import not_utf8
from weaklabel.errors import ConfigError, WeakLabelError, did_you_mean

_OWN_KEYS = ("task.slices.", "tracking.tags.")


@dataclass(frozen=True)
class _Known:
    """What can be said: the conf/ folder in use, the built-in choices of every group, every key."""

    folder: Path | None
    groups: Mapping[str, Sequence[str]]
    keys: Collection[str]


@contextmanager
def explained(
    folder: Path | None, *, groups: Mapping[str, Sequence[str]], keys: Collection[str]
) -> Iterator[None]:
    """Turn Hydra's, OmegaConf's and YAML's errors into a ConfigError that teaches.

    Parameters
    ----------
    folder
        The conf/ folder in use, to name the file at fault.
    groups
        The built-in choices of every group.
    keys
        Every key that can be set, dotted.

    Examples
    --------
    >>> from omegaconf import OmegaConf
    >>> with explained(None, groups={}, keys=["seed"]):
    ...     OmegaConf.create({"n": "${oc.env:NO_SUCH_VARIABLE}"}).n
    Traceback (most recent call last):
    ...
    weaklabel.errors.ConfigError: the environment variable NO_SUCH_VARIABLE is not set
      where: the key n
      hint: set it, or give the value itself on the command line
    """
    known = _Known(folder, groups, keys)
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=SyntaxWarning)
            yield
    except HydraException as error:
        raise _of_hydra(error, known) from error
    except OmegaConfBaseException as error:
        raise _of_omegaconf(error, None, known) from error
    except UnicodeDecodeError as error:
        raise _of_bytes(error, folder) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{mark.name}:{mark.line + 1}:{mark.column + 1}" if mark else str(folder)
        raise ConfigError(f"not valid YAML: {getattr(error, 'problem', error)}", where=where) from error


def _of_bytes(error: UnicodeDecodeError, folder: Path | None) -> ConfigError:
    """Name the first file of conf/ that is not UTF-8: the error itself doesn't."""
    for path in sorted(folder.rglob("*.yaml")) if folder else ():
        raw = path.read_bytes()
        try:
            raw.decode()
        except UnicodeDecodeError as found:
            where = f"{path}:{raw.count(bytes([10]), 0, found.start) + 1}"
            what, hint = not_utf8(raw) or (
                f"not UTF-8: byte 0x{raw[found.start]:02x}",
                "save the file as UTF-8",
            )
            return ConfigError(what, where=where, hint=hint)
    return ConfigError(f"a setting is not UTF-8: {error}")


def _of_hydra(error: Exception, known: _Known) -> ConfigError:
    from hydra.errors import MissingConfigException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    text = str(error)
    if isinstance(error, OverrideParseException):
        return ConfigError(
            f"can't read {error.override!r}{_reason(error.message.splitlines()[0])}",
            hint="""words are key=value; spaces, commas and signs are quoted twice: "key='a, b'" """.strip(),
        )
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing(error.missing_cfg_file, error.options, known)
    found = re.search(r"In '([^']+)'", text)
    where = str(known.folder / f"{found[1]}.yaml") if found and known.folder else None
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OmegaConfBaseException):
        return _of_omegaconf(cause, where, known)
    if "Ambiguous value for argument" in text:
        value = re.search(r"Ambiguous value for argument '([^']+)'", text)
        return ConfigError(
            f"{value[1] if value else 'an argument'}: several values",
            hint="add -m to run them one after the other, or write a list: key=[a,b]",
        )
    return ConfigError(" ".join(text.split()), where=where)


def _reason(message: str) -> str:
    """Return what Hydra says of a word it can't read, where a person can read that."""
    return "" if "Exception:" in message else f": {message}"


def _missing(missing: str, options: Sequence[str] | None, known: _Known) -> ConfigError:
    group, _, name = missing.rpartition("/")
    folder, names = known.folder, sorted({*(options or ()), *known.groups.get(group, ())})
    if group and folder and not names:
        names = sorted(p.stem for p in (folder / group).glob("*.yaml"))
    what = f"{group}: no choice {name!r}" if group else f"no configuration {name!r}"
    return ConfigError(
        what,
        where=str(folder / group) if folder and group else None,
        available=names,
        hint=did_you_mean(name, names),
    )


def _of_omegaconf(error: Any, where: str | None, known: _Known) -> ConfigError:
    from omegaconf import errors

    key = error.full_key or (str(error.key) if error.key is not None else "")
    first = str(error.msg or error).splitlines()[0]
    if isinstance(error, errors.InterpolationResolutionError):
        return _of_interpolation(key, first)
    if isinstance(error, errors.MissingMandatoryValue):
        return ConfigError(
            f"{key} is not set",
            where=where,
            hint=f"say {key}=VALUE, or set it in the task's YAML in conf/task/",
        )
    if isinstance(error, errors.ConfigKeyError | errors.ConfigAttributeError):
        return unknown_key(key, _siblings(error), known.keys, where)
    if isinstance(error, errors.ValidationError):
        if "ListConfig" in first:
            return ConfigError(f"{key} is a list", where=where, hint=f"{key}=[one,two]")
        return ConfigError(f"{key}: {first[0].lower()}{first[1:]}", where=where)
    return ConfigError(f"{key}: {first}" if key else first, where=where)


def unknown_key(
    key: str, known: Sequence[str], every: Collection[str], where: str | None = None
) -> ConfigError:
    """Return the error for a key that nothing reads.

    Parameters
    ----------
    key
        As it was written, dotted.
    known
        The keys that could stand in its place.
    every
        All keys there are: the right one may stand elsewhere.
    where
        The file at fault.

    Examples
    --------
    >>> print(unknown_key("threshold", ["task", "seed"], ["task.threshold", "seed"]))
    unknown key 'threshold'
      available: task, seed
      hint: did you mean 'task.threshold'?
    """
    if key == "experiment":
        return ConfigError(
            "this project has no experiments",
            where=where,
            hint="a file conf/experiment/NAME.yaml makes one: settings that experiment=NAME lays over the others",
        )
    hint = _elsewhere(key, known, every) or did_you_mean(key.rsplit(".", 1)[-1], known)
    if hint is None and key.startswith(_OWN_KEYS):
        hint = f"a key of your own is added with +{key}=VALUE"
    if hint is None and "." not in key:
        same = [repr(name) for name in every if name.endswith(f".{key}")]
        hint = f"did you mean {' or '.join(same)}?" if same else did_you_mean(key, every)
    return ConfigError(f"unknown key {key!r}", where=where, available=known, hint=hint)


def _elsewhere(key: str, known: Sequence[str], every: Collection[str]) -> str | None:
    """Return a hint where a key at the top is all but one that stands deeper."""
    if "." in key:
        return None
    near = difflib.get_close_matches(
        key, [*known, *(name.rsplit(".", 1)[-1] for name in every)], n=1, cutoff=0.8
    )
    if not near or near[0] in known:
        return None
    same = [repr(name) for name in every if name.endswith(f".{near[0]}")]
    return f"did you mean {' or '.join(same)}?"


def _of_interpolation(key: str, message: str) -> ConfigError:
    variable = re.search(r"Environment variable '([^']+)' not found", message)
    if variable is None:
        return ConfigError(f"{key}: {message}")
    hint = "set it, or give the value itself on the command line"
    if variable[1] == "WEAKLABEL_DATA":
        hint = (
            "it names the folder that holds the public data sets (matrices/NAME.parquet, rules/NAME.tsv); "
            "experiments/README.md names the public repositories they come from"
        )
    return ConfigError(
        f"the environment variable {variable[1]} is not set",
        where=f"the key {key}" if key else None,
        hint=hint,
    )


def _siblings(error: Any) -> list[str]:
    """Return the keys that stand beside the unknown one."""
    kind = error.object_type
    if dataclasses.is_dataclass(kind):
        return [f.name for f in dataclasses.fields(kind)]
    parent = error.parent_node
    keys = getattr(parent, "keys", None)
    return [str(k) for k in keys() if k != "hydra"] if keys is not None and not parent._is_none() else []


# ---- options of the library, called by their keys ----


@contextmanager
def as_settings(group: str, options: Iterable[str]) -> Iterator[None]:
    """Let the hints of errors name settings, `task.corpus.id=`, where the library names its options, `id=`.

    Parameters
    ----------
    group
        Where the settings stand.
    options
        The options of the library that have the name of a setting there.

    Examples
    --------
    >>> with as_settings("task.corpus", ["quote"]):
    ...     raise WeakLabelError("a stray quote", hint="give quote=None")
    Traceback (most recent call last):
    ...
    weaklabel.errors.WeakLabelError: a stray quote
      hint: give task.corpus.quote=null
    """
    names = "|".join(map(re.escape, options))
    option = re.compile(rf"""(?<![\w.'"])({names})=(None\b|"\w+"|'\w+')?""")
    try:
        yield
    except WeakLabelError as error:
        for problem in (error, *getattr(error, "problems", ())):
            if problem.hint:
                problem.hint = option.sub(
                    lambda found: f"{group}.{found[1]}={_typed(found[2])}", problem.hint
                )
        raise


def _typed(value: str | None) -> str:
    """Return a value of Python as it is typed after `key=`."""
    return "null" if value == "None" else (value or "").strip("'\"")
