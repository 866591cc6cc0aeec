"""A project's configuration: Hydra composes its conf/ over the defaults of `settings`."""

from __future__ import annotations

import codecs
import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from weaklabel import config_errors, engines, label_model
from weaklabel.config_errors import unknown_key
from weaklabel.errors import ConfigError, Problems
from weaklabel.settings import TRACKERS, Config, TrackingConfig, problems_of

CONFIG_NAME = "config"
OWN_KEYS = (
    "gold.people",
    "gold.rates",
    "gold.patterns",
    "gold.accounts",
    "audit.classes",
    "audit.slices",
    "storage",
)
"""Settings whose keys are names: a word may add one."""


def find_project(start: str | Path | None = None) -> Path:
    """Return the nearest folder, `start` or above, that holds conf/config.yaml.

    Raises
    ------
    ConfigError
        There is none.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> find_project(project / "labeling_functions" / "first") == project
    True
    """
    here = Path(start) if start is not None else Path.cwd()
    here = here.absolute()
    for folder in (here, *here.parents):
        if (folder / "conf" / f"{CONFIG_NAME}.yaml").is_file():
            return folder
    raise ConfigError(
        "no project here: neither this folder nor one above it holds conf/config.yaml",
        where=str(here),
        hint="`weaklabel init DIR` makes a project; --project DIR names one",
    )


def load(project: str | Path, overrides: Sequence[str] = (), *, without: Iterable[str] = ()) -> Config:
    """Compose a project's configuration and check it.

    Parameters
    ----------
    project
        Folder with conf/config.yaml.
    overrides
        `key=value` words in Hydra's grammar.
    without
        Dotted keys that the caller doesn't need: not resolved, so that a variable they name may be unset.

    Raises
    ------
    ConfigError
        A key, choice or value is wrong; it is named with what is available.
    Problems
        Several values are wrong.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> config = load(project, ["seed=7", "label_model=majority_vote"])
    >>> config.seed, config.label_model, config.task.name
    (7, {'name': 'majority_vote'}, 'first')
    """
    return build(compose(project, overrides), without=without)


def compose(project: str | Path, overrides: Sequence[str] = ()) -> Any:
    """Compose a project's conf/ over the defaults and return OmegaConf's DictConfig, not yet resolved."""
    import hydra

    register()
    folder = conf_folder(project)
    with (
        explained(folder),
        hydra.initialize_config_dir(str(folder), version_base="1.3", job_name="weaklabel"),
    ):
        return hydra.compose(CONFIG_NAME, overrides=[_added(word) for word in overrides])


def _added(word: str) -> str:
    """Return a word with what Hydra wants before a key that is not there yet, where a setting's keys are names.

    Examples
    --------
    >>> _added("gold.people.ann=1"), _added("gold.people={ann: 1}"), _added("gold.people={}"), _added("seed=1")
    ('++gold.people.ann=1', '++gold.people={ann: 1}', 'gold.people={}', 'seed=1')
    """
    key, _, value = word.partition("=")
    named = any(key == own or key.startswith(f"{own}.") for own in OWN_KEYS)
    return f"++{word}" if named and value.strip() not in ("{}", "") else word


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep varies.

    Parameters
    ----------
    varied
        The keys that it varies, and how many choices each has.
    experiments
        The MLflow experiments that its runs are logged in.
    """

    varied: dict[str, int]
    experiments: tuple[str, ...]


def check_sweep(project: str | Path, overrides: Sequence[str]) -> SweepPlan:
    """Compose every single choice of a sweep once, so that a misspelt one fails before any work is done."""
    import hydra
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    register()
    folder = conf_folder(project)
    with explained(folder), hydra.initialize_config_dir(str(folder), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
        choices = [
            [f"{o.get_key_element()}={v}" for v in o.sweep_string_iterator()]
            if o.is_sweep_override()
            else [o.input_line or ""]
            for o in parsed
        ]
    first = [options[0] for options in choices]
    composed = [load(project, first)]
    for position, options in enumerate(choices):
        composed += [
            load(project, [*first[:position], option, *first[position + 1 :]]) for option in options[1:]
        ]
    varied = {
        o.get_key_element(): len(options)
        for o, options in zip(parsed, choices, strict=True)
        if o.is_sweep_override()
    }
    return SweepPlan(varied, tuple(dict.fromkeys(c.tracking.experiment or c.task.name for c in composed)))


def conf_folder(project: str | Path) -> Path:
    """Return a project's conf/ folder, absolute; raise ConfigError when it holds no config.yaml."""
    folder = Path(project).absolute() / "conf"
    if not (folder / f"{CONFIG_NAME}.yaml").is_file():
        raise ConfigError(
            "this folder is no project: it has no conf/config.yaml",
            where=str(Path(project).absolute()),
            hint="`weaklabel init DIR` makes a project",
        )
    for path in sorted(folder.rglob("*.yaml")):
        _check_mark(path)
    for group, names in choices().items():
        for name in names:
            if (folder / group / f"{name}.yaml").is_file():
                raise ConfigError(
                    f"{group}={name} is built in; a file can't take its name",
                    where=str(folder / group / f"{name}.yaml"),
                    hint=f"give it another name and let it start with `defaults: [{name}, _self_]`",
                )
    return folder


def _check_mark(path: Path) -> None:
    """Refuse a byte order mark before `# @package`: Hydra would pass over that line, and say something else."""
    try:
        with path.open("rb") as stream:
            first = stream.readline(200)
    except OSError as error:
        raise ConfigError(f"can't read the file: {error.strerror}", where=str(path)) from error
    if first.startswith(codecs.BOM_UTF8) and b"@package" in first:
        raise ConfigError(
            "a byte order mark hides the `# @package` line",
            where=f"{path}:1",
            hint="save the file as UTF-8 without a byte order mark",
        )


def explained(folder: Path | None) -> AbstractContextManager[None]:
    """Turn Hydra's, OmegaConf's and YAML's errors into a ConfigError that teaches.

    Parameters
    ----------
    folder
        The conf/ folder in use, to name the file at fault.
    """
    return config_errors.explained(folder, groups=choices(), keys=tuple(flatten(Config())))


def build(composed: Any, *, without: Iterable[str] = ()) -> Config:
    """Resolve and check a composed configuration."""
    from omegaconf import OmegaConf, open_dict

    composed = composed.copy()
    with open_dict(composed):
        composed.pop("hydra", None)
        for key in without:
            OmegaConf.update(composed, key, "")
    with explained(None):
        config = OmegaConf.to_object(composed)
    assert isinstance(config, Config)
    _no_strangers(composed)
    config.label_model = plain(config.label_model)
    config.engine = plain(config.engine)
    problems = problems_of(config, without)
    if problems:
        raise problems[0] if len(problems) == 1 else Problems("the configuration", problems)
    return config


def plain(config: Any) -> Any:
    """Return a configuration, or a part of one, as plain data.

    Examples
    --------
    >>> from weaklabel.settings import ExportConfig
    >>> plain(ExportConfig(["csv"]))
    {'formats': ['csv'], 'weights': False}
    """
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {f.name: plain(getattr(config, f.name)) for f in dataclasses.fields(config)}
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items()}
    return [plain(v) for v in config] if isinstance(config, list | tuple) else config


def flatten(config: Any) -> dict[str, Any]:
    """Return a configuration as one level of dotted keys, as parameters are logged.

    Examples
    --------
    >>> flatten({"task": {"name": "spam", "slices": {}}, "seed": 0})
    {'task.name': 'spam', 'task.slices': {}, 'seed': 0}
    """
    flat: dict[str, Any] = {}
    for key, value in plain(config).items():
        if isinstance(value, dict) and value:
            flat.update({f"{key}.{inner}": v for inner, v in flatten(value).items()})
        else:
            flat[str(key)] = value
    return flat


def of_run(config: Any) -> dict[str, Any]:
    """Return the part of a configuration that a run depends on: not the gold room's and audits', which name people.

    Examples
    --------
    >>> "gold" in plain(Config()), "gold" in of_run(Config())
    (True, False)
    """
    return {key: value for key, value in plain(config).items() if key not in ("gold", "audit", "relabel")}


def to_yaml(config: Any) -> str:
    """Return a configuration as YAML text."""
    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)


def choices() -> dict[str, list[str]]:
    """Return the built-in choices of every group."""
    return {
        "label_model": sorted({*label_model.names(), "default"}),
        "engine": sorted(engines.names()),
        "tracking": list(TRACKERS),
    }


@functools.cache
def register() -> None:
    """Put every default into Hydra's ConfigStore, under the provider name `weaklabel`; once in a process."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name="base", node=Config, provider="weaklabel")
    for name in choices()["label_model"]:
        kind = type(label_model.create(name, n_classes=2))
        store.store(group="label_model", name=name, node=_node(kind.name, kind), provider="weaklabel")
    for name in choices()["engine"]:
        store.store(
            group="engine", name=name, node=_node(name, engines.engine_class(name)), provider="weaklabel"
        )
    store.store(group="tracking", name="mlflow", node=TrackingConfig(), provider="weaklabel")
    store.store(group="tracking", name="none", node=TrackingConfig(name="none"), provider="weaklabel")


def _node(name: str, maker: Callable[..., Any]) -> Any:
    """Return a structured config with the name and the options of a model or engine, as its maker declares them."""
    hints = typing.get_type_hints(maker.__init__)
    fields: list[Any] = [("name", str, name)]
    offered = getattr(maker, "OPTIONS", None)  # a label model's plain options; arrays are not for YAML
    for option in inspect.signature(maker).parameters.values():
        if option.name == "n_classes" or option.kind in (option.VAR_KEYWORD, option.VAR_POSITIONAL):
            continue
        if offered is not None and option.name not in offered:
            continue
        default = "???" if option.default is option.empty else option.default
        hint = hints.get(option.name, Any)
        fields.append((option.name, hint if _known_to_hydra(hint) else Any, field(default=default)))
    return dataclasses.make_dataclass(f"{name}_options", fields)


def _known_to_hydra(hint: Any) -> bool:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    probe = dataclasses.make_dataclass("probe", [("value", hint, field(default="???"))])
    try:
        OmegaConf.structured(probe)
    except (OmegaConfBaseException, TypeError, ValueError):
        return False
    return True


def _no_strangers(composed: Any, place: str = "") -> None:
    """Refuse a key that `+key=value` added where nothing reads it."""
    from omegaconf import DictConfig, OmegaConf

    kind = OmegaConf.get_type(composed)
    if not dataclasses.is_dataclass(kind) or composed._is_none():
        return
    known = [f.name for f in dataclasses.fields(kind)]
    for key in composed:
        if key not in known:
            raise unknown_key(f"{place}{key}", known, flatten(Config()))
        if isinstance(node := composed._get_node(key), DictConfig):
            _no_strangers(node, f"{place}{key}.")
