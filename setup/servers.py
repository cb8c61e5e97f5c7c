"""A private PostgreSQL and Redis, reached by Unix sockets in a folder that only their user enters.

They listen on no network address, so they stand beside any other server of the machine. Root runs
them as another user (PostgreSQL refuses root); where that user cannot enter the project's folder,
the data stands under /var/lib/tandem and `servers` is a link to it.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from console import VAR, Stop, output, run, say, which
from packages import postgresql_programs, redis_program

STATE = Path("/var/lib/tandem")
USER = "postgres"  # the package's user, when root starts Tandem
LONGEST_SOCKET = 100  # bytes of a Unix socket's path: 107 at most, less a margin

# Durable by default: a fix that a phone was told is stored survives a power cut.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# Test data may die with the machine.
DISPOSABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
COMMON = {
    "listen_addresses": "",
    "port": "5432",  # only part of the socket's name
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "lz4",  # a quarter less to write (docs/benchmarks.md)
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",  # statements hold people's data: not into the log
    "log_checkpoints": "off",
}


class Servers:
    """The private servers of one folder (`var` for the product, `var/test` for the tests)."""

    def __init__(self, folder: Path = VAR, *, durable: bool = True) -> None:
        self.folder = folder
        self.place = folder / "servers"
        self.logs = folder / "log"
        self.durable = durable

    # The two addresses are what the product reads from its environment.

    def database_url(self) -> str:
        """DATABASE_URL of the private PostgreSQL."""
        return f"postgres://tandem@/tandem?host={quote(str(self._sockets()), safe='')}"

    def redis_url(self) -> str:
        """REDIS_URL of the private Redis."""
        return f"unix://{self._sockets()}/redis.sock?db=0"

    def start(self, *, postgresql: bool, redis: bool) -> None:
        """Start what is asked for and not running; make its data folder the first time."""
        if not (postgresql or redis):
            return
        self._make_place()
        if postgresql:
            self._start_postgresql()
        if redis:
            self._start_redis()

    def stop(self) -> None:
        """Stop both, PostgreSQL by a clean shutdown. Stopping what does not run is no error."""
        if not self.place.exists():
            return
        data = self.place / "postgres"
        if (data / "PG_VERSION").exists() and self._postgresql_answers(self._programs()):
            self._as_owner(
                [self._programs() / "pg_ctl", "-D", self._real(data), "-m", "fast", "-w", "stop"],
                otherwise=f"PostgreSQL did not stop; see {self._log('postgres')}.",
                log="pg_ctl",
            )
        self._redis_says("SHUTDOWN NOSAVE")

    def clear(self) -> None:
        """Stop both and delete their data."""
        self.stop()
        real = self.place.resolve()
        if self.place.exists() and self._sockets().parent == Path("/tmp"):  # noqa: S108
            shutil.rmtree(self._sockets(), ignore_errors=True)
        if self.place.is_symlink():
            self.place.unlink()
        shutil.rmtree(real, ignore_errors=True)

    # Folders

    def _make_place(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        if not self.place.exists():
            self.place.unlink(missing_ok=True)  # a link whose data was deleted
            self.place.mkdir(mode=0o700)
            if os.geteuid() == 0:
                self._give_away()
        elif os.geteuid() != 0 and self.place.stat().st_uid != os.geteuid():
            owner = pwd.getpwuid(self.place.stat().st_uid).pw_name
            raise Stop(
                f"The data in {self.place} belongs to user {owner}: start Tandem as the user who "
                "started it first, or use another clone."
            )
        for name in ("redis", "log", "run"):
            folder = self.place / name
            if not folder.exists():
                folder.mkdir(mode=0o700)
                self._chown(folder)
        for name in ("postgres", "redis"):
            link = self.logs / f"{name}.log"
            link.unlink(missing_ok=True)
            link.symlink_to(self._log(name))

    def _give_away(self) -> None:
        """As root: the servers' folder to USER, elsewhere if USER cannot enter it here."""
        try:
            pwd.getpwnam(USER)
        except KeyError:
            raise Stop(
                f"PostgreSQL does not run as root and there is no user {USER} to run it: "
                "install PostgreSQL's package, or start Tandem as a normal user."
            ) from None
        self._chown(self.place)
        if self._enters(self.place):
            return
        self.place.rmdir()
        STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
        # A random part: a new clone at the same path must not meet the data of a deleted one.
        real = STATE / f"{self.folder.parent.name}-{secrets.token_hex(4)}"
        real.mkdir(mode=0o700)
        self.place.symlink_to(real)
        self._chown(real)
        if not self._enters(real):
            raise Stop(f"User {USER} cannot enter {real}: make {STATE} readable for it.")
        say(f"The data stands in {real}, because user {USER} cannot enter this folder.")

    def _enters(self, folder: Path) -> bool:
        command = [which("runuser") or "runuser", "-u", USER, "--", "test", "-w", str(folder)]
        return subprocess.run(command, cwd="/", check=False).returncode == 0

    def _chown(self, folder: Path) -> None:
        if os.geteuid() == 0:
            owner = self.place.stat()
            entry = pwd.getpwnam(USER)
            same = folder.resolve() == self.place.resolve()
            user, group = (entry.pw_uid, entry.pw_gid) if same else (owner.st_uid, owner.st_gid)
            os.chown(folder, user, group)

    def _real(self, path: Path) -> Path:
        """The path without links: the servers' user may not be able to walk through `var`."""
        return path.resolve()

    def _sockets(self) -> Path:
        """The sockets' folder: beside the data, or under /tmp where the path is too long."""
        beside = self._real(self.place / "run")
        if len(os.fsencode(beside / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET:
            return beside
        name = hashlib.sha256(os.fsencode(beside)).hexdigest()[:12]
        short = Path("/tmp") / f"tandem-{name}"  # noqa: S108 (owner and mode are checked)
        if not short.exists():
            short.mkdir(mode=0o700)
            self._chown(short)
        if short.is_symlink() or short.stat().st_uid != self.place.stat().st_uid:
            raise Stop(f"{short} belongs to somebody else: delete it, then try again.")
        return short

    def _log(self, name: str) -> Path:
        return self._real(self.place / "log" / f"{name}.log")

    # Commands

    def _as_owner(self, command: list[str | Path], *, otherwise: str, log: str) -> None:
        """Run as the owner of the data, from a folder that everybody can enter."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        run(
            [*self._switch(), *command],
            otherwise=otherwise,
            env=env,
            cwd=Path("/"),
            log=self.logs / f"{log}.log",
        )

    def _switch(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        owner = pwd.getpwuid(self.place.stat().st_uid).pw_name
        return [which("runuser") or "runuser", "-u", owner, "--"]

    def _programs(self) -> Path:
        """PostgreSQL's programs: of the version that made the data, once there is data."""
        made_by = self.place / "postgres" / "PG_VERSION"
        newest = postgresql_programs()
        if made_by.exists():
            version = made_by.read_text().strip()
            same = Path(f"/usr/lib/postgresql/{version}/bin")
            if (same / "postgres").exists():
                return same
            has = output([newest / "postgres", "--version"]) if newest else None
            if newest and has and f" {version}." in has:
                return newest
            raise Stop(
                f"The data in {self.place} was made by PostgreSQL {version}, which is no longer "
                f"installed: install postgresql-{version} with PostGIS again "
                "(docs/operations.md says how to move to a newer one)."
            )
        if newest is None:
            raise Stop("PostgreSQL with PostGIS is not installed.")
        return newest

    # PostgreSQL

    def _start_postgresql(self) -> None:
        programs = self._programs()
        data = self.place / "postgres"
        conf = data / "postgresql.conf"
        if not conf.exists() or "tandem.conf" not in conf.read_text():
            say("Making the database…")
            if data.exists():
                shutil.rmtree(data)  # its making was cut off: the last step is missing
            self._as_owner(
                [programs / "initdb", "-D", self._real(self.place) / "postgres", "-U", "tandem"]
                + ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"],
                otherwise=f"The database could not be made (its words: {self.logs}/initdb.log).",
                log="initdb",
            )
            with conf.open("a") as end:
                end.write("\ninclude = 'tandem.conf'  # written by setup/servers.py\n")
        self._write_settings(data)
        if not self._postgresql_answers(programs):
            self._as_owner(
                [programs / "pg_ctl", "-D", self._real(data), "-l", self._log("postgres")]
                + ["-w", "-t", "120", "start"],
                otherwise=f"PostgreSQL did not start; its log is {self._log('postgres')}.",
                log="pg_ctl",
            )
        self._make_database(programs)

    def _postgresql_answers(self, programs: Path) -> bool:
        """Whether ours runs. By its socket: a pid file that a power cut left says nothing."""
        asked = [programs / "pg_isready", "-q", "-h", self._sockets(), "-p", "5432"]
        return subprocess.run([str(word) for word in asked], check=False).returncode in (0, 1)

    def _write_settings(self, data: Path) -> None:
        settings = {**COMMON, **(DURABLE if self.durable else DISPOSABLE)}
        settings["unix_socket_directories"] = str(self._sockets())
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        conf = data / "tandem.conf"
        conf.write_text("# Written at each start by setup/servers.py\n" + "".join(lines))
        conf.chmod(0o600)
        self._chown(conf)

    def _make_database(self, programs: Path) -> None:
        psql = [programs / "psql", "-h", self._sockets(), "-U", "tandem", "-d", "postgres", "-X"]
        there = [*psql, "-Atc", "SELECT 1 FROM pg_database WHERE datname = 'tandem'"]
        if output(there) != "1":
            run(
                [*psql, "-qc", "CREATE DATABASE tandem ENCODING 'UTF8' TEMPLATE template0"],
                otherwise="The database could not be made.",
                log=self.logs / "initdb.log",
            )

    # Redis

    def _start_redis(self) -> None:
        if self._redis_says("PING"):
            return
        program = redis_program()
        if program is None:
            raise Stop("Redis is not installed.")
        sockets = self._sockets()
        # It carries frames between processes and keeps nothing, so nothing is saved.
        self._as_owner(
            [program, "--port", "0", "--unixsocket", sockets / "redis.sock"]
            + ["--unixsocketperm", "700", "--dir", self._real(self.place / "redis")]
            + ["--save", "", "--appendonly", "no", "--daemonize", "yes"]
            + ["--logfile", self._log("redis")],
            otherwise=f"Redis did not start; its log is {self._log('redis')}.",
            log="redis-start",
        )
        for _ in range(100):
            if self._redis_says("PING"):
                return
            time.sleep(0.1)
        raise Stop(f"Redis did not answer; its log is {self._log('redis')}.")

    def _redis_says(self, command: str) -> bool:
        """Send one command by the socket; whether Redis was there to hear it."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(5)
                link.connect(str(self._sockets() / "redis.sock"))
                link.sendall(f"{command}\r\n".encode())
                link.recv(64)
        except OSError:
            return False
        return True
