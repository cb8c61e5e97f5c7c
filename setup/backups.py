"""`make backup` and `make restore`: the whole database in one file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from console import VAR, Stop, output, run, say, which
from packages import postgresql_programs
from product import alone, ready, running_pid, servers_for, settings
from servers import Servers

LOG = VAR / "log" / "backup.log"


def backup(file: str) -> int:
    """Write the database to a file (mode 600), also while Tandem runs."""
    target = Path(file or VAR / "backups" / time.strftime("tandem-%Y%m%dT%H%M%S.backup"))
    if target.exists():
        raise Stop(f"{target} exists already: choose another with `make backup FILE=`.")
    env = settings()
    ready(env)
    if running_pid() is not None:
        env.setdefault("DATABASE_URL", Servers().database_url())
        dump(env["DATABASE_URL"], target)
    else:
        with alone(), servers_for(env, Servers()) as full:
            dump(full["DATABASE_URL"], target)
    say(f"Backup written: {target} ({target.stat().st_size / 2**20:.1f} MiB).")
    say("It holds people's data: keep it where only the bureau can read it.")
    return 0


def restore(file: str) -> int:
    """Put a backup in the place of the present database, which is kept under another name."""
    source = Path(file)
    if not file or not source.is_file():
        raise Stop("Name the backup: `make restore FILE=/path/tandem.backup SURE=yes`.")
    if os.environ.get("SURE") != "yes":
        raise Stop("This replaces the database of this folder: if you mean it, add `SURE=yes`.")
    env = settings()
    ready(env)
    with alone(), servers_for(env, Servers()) as full:
        old = put_back(full["DATABASE_URL"], source)
    say(f"Restored from {source}. The database before is kept as {old}.")
    return 0


def put_back(url: str, source: Path) -> str:
    """The backup as the database of `url`; returns the name under which the old one is kept.

    Raises Stop, with the database as it was, if the backup cannot be read to its end.
    """
    name = urlsplit(url).path.lstrip("/")
    new, old = f"{name}_restoring", f"{name}_before_{time.strftime('%Y%m%dT%H%M%S')}"
    _sql(url, f'DROP DATABASE IF EXISTS "{new}"')
    _sql(url, f"CREATE DATABASE \"{new}\" ENCODING 'UTF8' TEMPLATE template0")
    try:
        run(
            [_program("pg_restore"), "--exit-on-error", "--no-owner", "-d", _other(url, new)]
            + [source.resolve()],
            otherwise=f"{source} could not be restored; the database is as it was.",
            log=LOG,
        )
    except Stop:
        _sql(url, f'DROP DATABASE "{new}"')
        raise
    _sql(url, f'ALTER DATABASE "{name}" RENAME TO "{old}"')
    _sql(url, f'ALTER DATABASE "{new}" RENAME TO "{name}"')
    return old


def dump(url: str, target: Path) -> None:
    """The database of `url` into a file that only its owner reads."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    run(
        [_program("pg_dump"), "--format=custom", "--no-owner", "--file", part, url],
        otherwise=f"The backup was not written (pg_dump's words: {LOG}).",
        log=LOG,
    )
    part.rename(target)  # a backup that was cut off never looks like one


def _sql(url: str, statement: str) -> None:
    run(
        [_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", _other(url, "postgres")]
        + ["-c", statement],
        otherwise=f"The database could not be replaced (psql's words: {LOG}).",
        log=LOG,
    )


def _other(url: str, name: str) -> str:
    """The same server's database of that name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _program(name: str) -> str:
    """PostgreSQL's client program: the newest here, since it must not be older than the server."""
    here = postgresql_programs()
    if here and output([here / name, "--version"]):
        return str(here / name)
    if found := which(name):
        return found
    raise Stop(f"{name} is not installed: install postgresql-client.")
