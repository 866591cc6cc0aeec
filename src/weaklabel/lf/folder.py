"""Reading a folder of rules: YAML packs, and Python modules that are imported under private names.

Nothing stays behind: sys.path is not touched, the modules leave sys.modules again, no bytecode is written or read.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import importlib.util
import sys
import traceback
import types
import uuid
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

from weaklabel.errors import Problems, RuleError, WeakLabelError, did_you_mean
from weaklabel.lf.base import LabelingFunction, run_user_code
from weaklabel.lf.snorkel import from_snorkel, is_snorkel
from weaklabel.lf.yaml_pack import read_pack

SCHEMA_FILE = "schema.yaml"
_SKIPPED = {"sample", "__pycache__"}
_SUFFIXES = {".py", ".yaml", ".yml"}


def rule_files(folder: Path) -> list[Path]:
    """Return the rule files of a folder and its sub-folders, in the order of their names.

    Left out: schema.yaml; files and folders whose names start with ``_`` or ``.``; folders named ``sample``.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        *parents, name = path.relative_to(folder).parts
        hidden = any(part.startswith(("_", ".")) for part in (*parents, name)) or _SKIPPED.intersection(
            parents
        )
        if path.suffix in _SUFFIXES and path.is_file() and not hidden and name != SCHEMA_FILE:
            found.append(path)
    return found


def read_folder(folder: Path) -> tuple[list[LabelingFunction], list[WeakLabelError]]:
    """Return the sound rules of a folder, and the problems of all its files."""
    rules: list[LabelingFunction] = []
    problems: list[WeakLabelError] = []
    files = rule_files(folder)
    with _private_package(folder) as package:
        for path in files:
            if path.suffix == ".py":
                found, wrong = _read_module(path, folder, package)
            else:
                found, wrong = read_pack(path)
            known = {id(rule) for rule in rules}
            rules += [rule for rule in found if id(rule) not in known]
            problems += wrong
        for rule in rules:
            problems += _fingerprint_problem(rule)
    unique = {(p.what, p.where): p for p in problems}
    return rules, list(unique.values())


def _fingerprint_problem(rule: LabelingFunction) -> list[WeakLabelError]:
    """Compute the fingerprint while the modules that it covers are at hand; frozen objects keep it."""
    try:
        _ = rule.fingerprint
    except WeakLabelError as error:
        return [error]
    return []


# ---- modules ----


class _Loader(SourceFileLoader):
    """Compiles the file as it is now: cached bytecode may be older than an edit of the same second."""

    def get_code(self, fullname: str) -> types.CodeType:
        """Return the code of the file."""
        code: types.CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


class _Finder(MetaPathFinder):
    """Finds the modules below one private name in one folder."""

    def __init__(self, package: str, folder: Path) -> None:
        self.package = package
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module or folder, or None when the name is not of this package."""
        if fullname != self.package and not fullname.startswith(f"{self.package}."):
            return None
        base = self.folder.joinpath(*fullname[len(self.package) + 1 :].split("."))
        file = base.with_name(f"{base.name}.py")
        if fullname != self.package and file.is_file():
            return _spec(fullname, file)
        init = base / "__init__.py"
        if init.is_file():
            return importlib.util.spec_from_file_location(
                fullname, init, loader=_Loader(fullname, str(init)), submodule_search_locations=[str(base)]
            )
        if not base.is_dir():
            return None
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(base)]
        return spec


def _spec(name: str, path: Path) -> ModuleSpec:
    spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    assert spec is not None
    return spec


@contextlib.contextmanager
def _private_package(folder: Path) -> Iterator[str]:
    package = f"_weaklabel_rules_{uuid.uuid4().hex[:12]}"
    finder = _Finder(package, folder)
    sys.meta_path.insert(0, finder)
    try:
        yield package
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
            del sys.modules[name]


def _read_module(
    path: Path, folder: Path, package: str
) -> tuple[list[LabelingFunction], list[WeakLabelError]]:
    name = ".".join((package, *path.relative_to(folder).with_suffix("").parts))
    if path.stem.isidentifier() and all(part.isidentifier() for part in name.split(".")):
        module, error = run_user_code(lambda: importlib.import_module(name))
    else:
        hint = "letters, digits and _ only, such as my_rules.py"
        return [], [RuleError(f"{path.name!r} can't be imported under that name", where=str(path), hint=hint)]
    if error is None and module is not None:
        return _gather(vars(module)), []
    if isinstance(error, SyntaxError):
        return [], [_problem(error, path, folder)]
    rules, problems = _statement_by_statement(path, name, folder)
    return rules, problems or _as_problems(error, path, folder)


def _gather(names: dict[str, object]) -> list[LabelingFunction]:
    """Return the rules that a module's public names hold, themselves or in a list or tuple, in order."""
    found: dict[int, LabelingFunction] = {}
    for name, value in list(names.items()):
        if name.startswith("_"):
            continue
        for thing in value if isinstance(value, list | tuple) else [value]:
            if isinstance(thing, LabelingFunction):
                found.setdefault(id(thing), thing)
            elif is_snorkel(thing) and id(thing) not in found:
                found[id(thing)] = from_snorkel(thing)
    return list(found.values())


def _statement_by_statement(
    path: Path, name: str, folder: Path
) -> tuple[list[LabelingFunction], list[WeakLabelError]]:
    """Run a module that raised once more, past each statement that raises, to report all its problems at once."""
    spec = _spec(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    tree = ast.parse(path.read_bytes(), str(path))
    flags = 0
    problems: list[WeakLabelError] = []
    lost: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            flags |= sum(getattr(__future__, alias.name).compiler_flag for alias in statement.names)
        code = compile(ast.Module([statement], []), str(path), "exec", flags=flags, dont_inherit=True)
        _, error = run_user_code(lambda code=code: exec(code, vars(module)))  # type: ignore[misc]
        if error is None:
            continue
        if not (isinstance(error, NameError) and error.name in lost):
            problems += _as_problems(error, path, folder)
        lost |= _bound(statement)
    return _gather(vars(module)), problems


def _bound(statement: ast.stmt) -> set[str]:
    names = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        names.add(statement.name)
    if isinstance(statement, ast.Import | ast.ImportFrom):
        names |= {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    return names


def _as_problems(error: BaseException | None, path: Path, folder: Path) -> list[WeakLabelError]:
    if isinstance(error, Problems):
        return list(error.problems)
    return [] if error is None else [_problem(error, path, folder)]


def _problem(error: BaseException, path: Path, folder: Path) -> WeakLabelError:
    place = _place(error, path, folder)
    if isinstance(error, WeakLabelError):
        error.where = error.where or place
        return error
    if isinstance(error, SyntaxError):
        return RuleError(f"broken Python: {error.msg}", where=f"{error.filename or path}:{error.lineno or 1}")
    hint = None
    if isinstance(error, ModuleNotFoundError) and error.name:
        siblings = {p.stem for p in folder.rglob("*.py")}
        top = error.name.partition(".")[0]
        hint = f"write `from . import {top}`" if top in siblings else did_you_mean(top, siblings)
    raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return RuleError(f"the module raised {raised}", where=place, hint=hint)


def _place(error: BaseException, path: Path, folder: Path) -> str:
    inside = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_absolute() == folder.is_absolute()
        and folder in Path(frame.filename).parents
    ]
    return f"{inside[-1].filename}:{inside[-1].lineno}" if inside else str(path)
