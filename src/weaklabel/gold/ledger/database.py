"""The gold room's database: opening, migrating, transactions."""

from __future__ import annotations

import importlib.util
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from weaklabel.errors import GoldError, OutputError
from weaklabel.gold.ledger.complaints import Held, explained
from weaklabel.gold.ledger.tables import METADATA, VERSION, VERSION_TABLE

TIMEOUT = 60.0
"""Seconds that a writer waits for another one."""
_MIGRATING = 5_114_076_307
"""Number of PostgreSQL's advisory lock under which the tables are made."""
_POSTGRES = "postgresql"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Database:
    """A SQLite file or a PostgreSQL database with the gold room's tables; made by `connect`.

    Parameters
    ----------
    engine
        SQLAlchemy's engine.
    place
        The path or URL, without a password, for messages.
    timeout
        Seconds that a writer waits for another one.
    """

    engine: sa.Engine
    place: str
    timeout: float

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the database."""
        with explained(self.place), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give the connection of the only writer, in one transaction: all of it is kept, or nothing."""
        with explained(self.place), self.engine.connect() as connection:
            if self.is_sqlite:
                connection = connection.execution_options(weaklabel_begin="BEGIN IMMEDIATE")
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(self.timeout * 1000)}")
                    connection.exec_driver_sql("LOCK TABLE answers IN EXCLUSIVE MODE")
                yield connection

    def vacuum(self) -> None:
        """Rewrite the database, so that nothing is left of deleted rows.

        Raises
        ------
        GoldError
            Another process is in the way; the rows are deleted already, their bytes may still be there.
        """
        try:
            with explained(self.place):
                self._rewrite_file() if self.is_sqlite else self._rewrite_tables()
        except Held as error:
            raise GoldError(
                "the rows are deleted, but their bytes may still be there: another process holds the ledger",
                where=self.place,
                hint="end what reads the ledger, then erase once more",
            ) from error

    def _rewrite_file(self) -> None:
        deadline = time.monotonic() + self.timeout
        with closing(self.engine.raw_connection()) as raw:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > deadline:
                    raise Held("a reader holds the log")
                time.sleep(0.05)

    def _rewrite_tables(self) -> None:
        with self.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(f"SET lock_timeout = {int(self.timeout * 1000)}")
            for table in ("answers", "records", "pseudonyms"):
                connection.exec_driver_sql(f"VACUUM FULL {table}")


def connect(place: str | Path, *, timeout: float = TIMEOUT) -> Database:
    """Open a database, make it where there is none, and bring its tables to this version.

    Parameters
    ----------
    place
        A SQLite file, or a URL: ``sqlite:///…``, ``postgresql://…`` with or without a driver.
    timeout
        Seconds that a writer waits for another one.

    Raises
    ------
    GoldError
        The URL is malformed or of another kind of database, its driver is not installed, the file holds something
        else, is damaged, or was written by a newer version of this library.
    OutputError
        The file can't be made or written.
    """
    url = _url(place)
    shown = str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()
    if url.get_backend_name() == "sqlite":
        _folder(Path(shown))
    database = Database(_engine(url, shown, timeout), shown, timeout)
    _migrate(database)
    return database


def _url(place: str | Path) -> sa.URL:
    """Return what SQLAlchemy connects to."""
    if isinstance(place, Path) or "://" not in place:
        return sa.URL.create("sqlite", database=str(Path(place).absolute()))
    try:
        url = sa.make_url(place)
    except (sa.exc.ArgumentError, ValueError):
        raise GoldError(
            "this is no URL of a database",
            hint="such as sqlite:////path/ledger.db or postgresql://user@host:5432/name",
        ) from None
    kind = url.get_backend_name()
    if kind == "postgres":
        url, kind = url.set(drivername=url.drivername.replace("postgres", _POSTGRES, 1)), _POSTGRES
    if kind not in ("sqlite", _POSTGRES):
        raise GoldError(
            f"a ledger can't be kept in {kind!r}",
            where=url.render_as_string(),
            available=["sqlite", _POSTGRES],
        )
    if kind == "sqlite" and url.database in (None, "", ":memory:"):
        raise GoldError(
            "a ledger in memory would be lost",
            where=str(place),
            hint="give a file: sqlite:////path/ledger.db",
        )
    if url.drivername == _POSTGRES and importlib.util.find_spec("psycopg") is None:
        return url.set(drivername=f"{_POSTGRES}+pg8000")
    return url


def _folder(file: Path) -> None:
    """Make the folder of a file, or say why it can't be."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"can't make the ledger's folder: {error.strerror}",
            where=str(file.parent),
            hint="check its owner and permissions, or choose another place",
        ) from error
    if file.is_dir():
        raise OutputError("a ledger is a file; this is a folder", where=str(file), hint="name a file in it")


def _engine(url: sa.URL, place: str, timeout: float) -> sa.Engine:
    """Return an engine that keeps no connection open."""
    options: dict[str, Any] = {"timeout": timeout} if url.get_backend_name() == "sqlite" else {}
    if url.drivername.endswith("+pg8000") and "unix_sock" in url.query:
        options["ssl_context"] = (
            False  # a socket of this machine is not encrypted; looking for keys takes long
        )
    try:
        engine = sa.create_engine(url, poolclass=NullPool, connect_args=options)
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        missing = getattr(error, "name", None) or url.drivername
        raise GoldError(
            f"the driver of this database is not installed: {missing}",
            where=place,
            hint='pip install "weaklabel[postgres]" brings pg8000, for postgresql+pg8000://…',
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _sqlite_settings)
        sa.event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_sqlite_begin` says
    for name, value in (
        ("foreign_keys", "ON"),
        ("secure_delete", "ON"),
        ("recursive_triggers", "ON"),
        ("synchronous", "FULL"),
    ):
        connection.execute(f"PRAGMA {name} = {value}")


def _sqlite_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("weaklabel_begin", "BEGIN"))


# ---- migrations ----


def _migrate(database: Database) -> None:
    """Bring the tables to this version, once, however many processes open the database."""
    if database.is_sqlite:
        _write_ahead(database)
    if _version(database) == VERSION:
        return
    with explained(database.place), database.engine.connect() as connection:
        if database.is_sqlite:
            connection = connection.execution_options(weaklabel_begin="BEGIN IMMEDIATE")
        with connection.begin():
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
            upgrade(connection, place=database.place)


def _write_ahead(database: Database) -> None:
    """Switch a SQLite file to its write-ahead log, with which reading and writing don't block each other."""
    deadline = time.monotonic() + database.timeout
    with explained(database.place), closing(database.engine.raw_connection()) as raw:
        cursor = raw.cursor()
        while True:
            try:
                if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    cursor.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)


def _version(database: Database) -> str | None:
    with database.reading() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        return connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()


def upgrade(connection: sa.Connection, *, place: str) -> None:
    """Run the migrations that a database lacks, in the transaction of the connection.

    Raises
    ------
    GoldError
        Its version is not known, so it is of a newer library; or it has tables of others by our names.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with as_file(files("weaklabel.gold.ledger") / "migrations") as folder:
        script = ScriptDirectory(folder)
        known = [revision.revision for revision in script.walk_revisions()]
        tables = set(sa.inspect(connection).get_table_names())
        if VERSION_TABLE in tables:
            found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
            if found is not None and found not in known:
                raise GoldError(
                    f"the ledger has version {found!r}, which this weaklabel does not know",
                    where=place,
                    available=reversed(known),
                    hint="it was written by a newer weaklabel: upgrade yours",
                )
        elif tables and (connection.dialect.name == "sqlite" or tables & set(METADATA.tables)):
            raise GoldError(
                "this database is no ledger: it has other tables",
                where=place,
                available=sorted(tables),
                hint="choose another file, or a database of its own",
            )
        context = MigrationContext.configure(
            connection,
            opts={"version_table": VERSION_TABLE, "fn": lambda at, _: script._upgrade_revs("head", at)},
        )
        with Operations.context(context):
            context.run_migrations()
    _logger.info("the ledger %s has version %s", place, VERSION)
