"""A ledger on each database: SQLite, and a PostgreSQL server of the tests' own where its binaries are found."""

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from weaklabel.gold import Ledger

DATABASES = ("sqlite", "postgres")


def postgres_folder():
    """Return the folder with `initdb` and `postgres`, or None."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((p for p in places if (p / "initdb").exists() and (p / "postgres").exists()), None)


def other_user():
    """Return options for a process that PostgreSQL may run as, which refuses root; and that user's name."""
    if os.geteuid() != 0:
        return {}, getpass.getuser()
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}, name
    pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")


def wait_until_ready(server, log):
    deadline = time.monotonic() + 120
    while "ready to accept connections" not in log.read_text():
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres_server():
    """URL of a server on a socket in a temporary folder, with `{}` for the name of the database."""
    binaries = postgres_folder()
    if binaries is None:
        pytest.skip(
            "PostgreSQL is not installed: no `initdb` and `postgres` on PATH or in /usr/lib/postgresql"
        )
    pytest.importorskip("pg8000", reason="pg8000, the driver of PostgreSQL, is not installed")
    options, user = other_user()
    with tempfile.TemporaryDirectory(prefix="weaklabel-pg-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder, log = Path(name), Path(name) / "log"
        if options:
            os.chown(folder, options["user"], options["group"])
        made = subprocess.run(
            [
                binaries / "initdb",
                "-D",
                folder / "data",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            **options,
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        quick = ["fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=30"]
        settings = [f"-c{s}" for s in ("listen_addresses=", f"unix_socket_directories={folder}", *quick)]
        with log.open("w") as out:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *settings],
                **options,
                cwd=folder,
                stdout=out,
                stderr=out,
            )
        url = f"postgresql+pg8000://{user}@/{{}}?unix_sock={folder}/.s.PGSQL.5432"
        try:
            wait_until_ready(server, log)
            yield url
        finally:
            server.send_signal(signal.SIGQUIT)  # "immediate": its folder is deleted anyway
            server.wait(60)


@pytest.fixture(scope="session")
def postgres_databases():
    """The names of databases that were made, to be used again by the next test."""
    return []


@pytest.fixture
def new_postgres(postgres_server, postgres_databases):
    """A function that returns the URL of an empty database; `again` is a URL that it gave and that is done with."""
    given = iter(list(postgres_databases))

    def run(database, statement):
        engine = sa.create_engine(postgres_server.format(database), poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(statement)

    def new(again=None):
        name = next((n for n in postgres_databases if again == postgres_server.format(n)), None) or next(
            given, None
        )
        if name is None:
            name = f"t{len(postgres_databases)}"
            run("postgres", f"CREATE DATABASE {name} TEMPLATE template0")
            postgres_databases.append(name)
        else:
            run(name, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return postgres_server.format(name)

    return new


@pytest.fixture(params=DATABASES)
def new_place(request, tmp_path):
    """A function that returns where a new ledger can be made, on each database; see `new_postgres`."""
    if request.param == "postgres":
        return request.getfixturevalue("new_postgres")
    made = []

    def new(again=None):
        made.append(tmp_path / f"l{len(made)}" / "ledger.db")
        return str(made[-1])

    return new


@pytest.fixture
def place(new_place):
    return new_place()


@pytest.fixture
def ledger(place):
    """A new ledger on each database."""
    return Ledger.open(place)
