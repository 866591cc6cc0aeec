"""Reading a folder of rules: YAML packs, and Python modules that are imported under private names.

Nothing stays behind: sys.path is not touched, the modules leave sys.modules again, no bytecode is written or read. A
relative import inside a function, which runs when its rule is called, finds the modules again (see `_Package`).
"""

from __future__ import annotations
import __future__

import ast
import builtins
import contextlib
import importlib.util
import sys
import threading
import traceback
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

from weaklabel.errors import Problems, RuleError, WeakLabelError, did_you_mean
from weaklabel.lf.base import LabelingFunction, run_user_code
from weaklabel.lf.feature import Feature, bound, feature_problems
from weaklabel.lf.snorkel import from_snorkel, is_snorkel
from weaklabel.lf.taxonomy import without_overridden
from weaklabel.lf.yaml_pack import read_pack
from weaklabel.syntax import imported_names

SCHEMA_FILE = "schema.yaml"
_SKIPPED = {"sample", "__pycache__"}
_NO_RULES = "decorate its functions with @labeling_function(label=…), or start its name with _ where it only helps others"
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


def read_folder(folder: Path) -> tuple[list[LabelingFunction], list[Feature], list[WeakLabelError]]:
    """Return the sound rules and features of a folder, and the problems of all its files."""
    found: list[LabelingFunction | Feature]
    gathered: dict[int, LabelingFunction | Feature] = {}
    problems: list[WeakLabelError] = []
    files = rule_files(folder)
    package = _Package(folder)
    with package.present():
        for path in files:
            if path.suffix == ".py":
                found, wrong = _read_module(path, package)
                if not found and not wrong and _should_hold_rules(path, files, package):
                    wrong = [RuleError("the module holds no rules", where=str(path), hint=_NO_RULES)]
            else:
                pack, wrong = read_pack(path)
                found = [*pack]
            gathered |= {id(thing): thing for thing in found if id(thing) not in gathered}
            problems += wrong
        features = [thing for thing in gathered.values() if isinstance(thing, Feature)]
        problems += feature_problems(features)
        own = without_overridden(r for r in gathered.values() if isinstance(r, LabelingFunction))
        rules, _ = bound(own, features)
        problems += [problem for one in features for problem in _fingerprint_problem(one)]
        problems += [problem for rule in rules for problem in _fingerprint_problem(rule)]
    unique = {(p.what, p.where): p for p in problems}
    return rules, features, list(unique.values())


def _fingerprint_problem(thing: LabelingFunction | Feature) -> list[WeakLabelError]:
    """Compute the fingerprint while the modules that it covers are at hand; frozen objects keep it."""
    try:
        _ = thing.fingerprint
    except WeakLabelError as error:
        return [error]
    return []


# ---- modules ----


class _Loader(SourceFileLoader):
    """Compiles the file as it is now: cached bytecode may be older than an edit of the same second."""

    def __init__(self, fullname: str, path: str, package: _Package) -> None:
        super().__init__(fullname, path)
        self.package = package

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the module with an import statement that knows the package."""
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self.package.import_module}
        super().exec_module(module)

    def get_code(self, fullname: str) -> types.CodeType:
        """Return the code of the file."""
        code: types.CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


class _Package(MetaPathFinder):
    """The modules of one folder, below one private name.

    They are in sys.modules only while the folder is read and, for the sake of imports inside functions, while a function
    of theirs imports from them.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"_weaklabel_rules_{uuid.uuid4().hex[:12]}"
        self.folder = folder
        self._modules: dict[str, types.ModuleType] = {}
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def present(self) -> Iterator[None]:
        """Make the modules importable, and take them away again."""
        with self._lock:
            if self in sys.meta_path:
                yield
                return
            sys.meta_path.insert(0, self)
            sys.modules.update(self._modules)
            try:
                yield
            finally:
                sys.meta_path.remove(self)
                for name in [n for n in sys.modules if self.holds(n)]:
                    self._modules[name] = sys.modules.pop(name)

    def module_name(self, path: Path) -> str:
        """Return the full name of the module in a file of the folder."""
        return ".".join((self.name, *path.relative_to(self.folder).with_suffix("").parts))

    def holds(self, name: str) -> bool:
        """Say whether a module's full name is below this package's."""
        return name == self.name or name.startswith(f"{self.name}.")

    def import_module(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> types.ModuleType:
        """Serve the import statements of the package's modules."""
        if not level and not self.holds(name):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        with self.present():
            return builtins.__import__(name, globals, locals, fromlist or (), level)

    def spec(self, name: str, path: Path) -> ModuleSpec:
        """Return the spec of a module of the package that lies in a file."""
        spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path), self))
        assert spec is not None
        return spec

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module or folder, or None when the name is not of this package."""
        if not self.holds(fullname):
            return None
        base = self.folder.joinpath(*fullname[len(self.name) + 1 :].split("."))
        file = base.with_name(f"{base.name}.py")
        if fullname != self.name and file.is_file():
            return self.spec(fullname, file)
        init = base / "__init__.py"
        if init.is_file():
            spec = self.spec(fullname, init)
            spec.submodule_search_locations = [str(base)]
            return spec
        if not base.is_dir():
            return None
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(base)]
        return spec


def _read_module(
    path: Path, package: _Package
) -> tuple[list[LabelingFunction | Feature], list[WeakLabelError]]:
    folder = package.folder
    name = package.module_name(path)
    if path.stem.isidentifier() and all(part.isidentifier() for part in name.split(".")):
        module, error = run_user_code(lambda: importlib.import_module(name))
    else:
        hint = "letters, digits and _ only, such as my_rules.py"
        return [], [RuleError(f"{path.name!r} can't be imported under that name", where=str(path), hint=hint)]
    if error is None and module is not None:
        return _gather(vars(module)), []
    if isinstance(error, SyntaxError):
        return [], [_problem(error, path, folder)]
    rules, problems = _statement_by_statement(path, name, package)
    return rules, problems or _as_problems(error, path, folder)


def _should_hold_rules(path: Path, files: Sequence[Path], package: _Package) -> bool:
    """Say whether a module without rules looks like a mistake: it is not empty, and no other module imports it."""
    tree = ast.parse(path.read_bytes(), str(path))
    if all(isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) for n in tree.body):
        return False
    name = package.module_name(path)
    others = (other for other in files if other.suffix == ".py" and other != path)
    return not any(name in _imports(other, package) for other in others)


def _imports(path: Path, package: _Package) -> set[str]:
    """Return the full names of what a module imports; nothing where it can't be parsed."""
    tree, error = run_user_code(lambda: ast.parse(path.read_bytes(), str(path)))
    if tree is None or error is not None:
        return set()
    found = imported_names(tree, package.module_name(path).rpartition(".")[0])
    return {full for _, full, _ in found} | {f"{full}.{name}" for _, full, taken in found for name in taken}


def _gather(names: dict[str, object]) -> list[LabelingFunction | Feature]:
    """Return the rules and features that a module's public names hold, themselves or in a list or tuple, in order."""
    found: dict[int, LabelingFunction | Feature] = {}
    for name, value in list(names.items()):
        if name.startswith("_"):
            continue
        for thing in value if isinstance(value, list | tuple) else [value]:
            if isinstance(thing, LabelingFunction | Feature):
                found.setdefault(id(thing), thing)
            elif is_snorkel(thing) and id(thing) not in found:
                found[id(thing)] = from_snorkel(thing)
    return list(found.values())


def _statement_by_statement(
    path: Path, name: str, package: _Package
) -> tuple[list[LabelingFunction | Feature], list[WeakLabelError]]:
    """Run a module that raised once more, past each statement that raises, to report all its problems at once."""
    folder = package.folder
    module = importlib.util.module_from_spec(package.spec(name, path))
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
        if not (isinstance(error, NameError | ModuleNotFoundError) and error.name in lost):
            problems += _as_problems(error, path, folder)
        if isinstance(error, ModuleNotFoundError) and error.name:
            lost.add(error.name)
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
        siblings = {p.stem for p in folder.rglob("*.py") if p != path}
        top = error.name.partition(".")[0]
        hint = f"write `from . import {top}`" if top in siblings else did_you_mean(top, siblings)
        if top == error.name and top not in siblings:
            hint = (
                hint
                or "install it where weaklabel is installed, or start the file's name with _ to leave it out"
            )
            return RuleError(
                f"{path.name} needs the package {top!r}, which is not installed", where=place, hint=hint
            )
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
