"""`make run` and `make stop`: the product and its private servers, from first line to Ctrl-C."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import environment
import packages
from console import ROOT, VAR, Stop, call, output, run, say
from environment import VENV, VENV_PYTHON
from servers import Servers

LOCK = VAR / "running.lock"
SERVERS_ENV = VAR / "servers.env"  # config/settings.py reads it, so that ./manage.py finds them too
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (only with HOST=)
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def settings() -> dict[str, str]:
    """The environment of the product: the machine's, then `.env`; empty values count as absent."""
    env = {name: value for name, value in os.environ.items() if value}
    file = ROOT / ".env"
    if file.exists():
        for line in file.read_text().splitlines():
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#") and value:
                env.setdefault(name.strip(), value.strip().strip("\"'"))
    if env.get("HOST") == socket.gethostname():
        del env["HOST"]  # some shells export the machine's name under this name
    return env


KNOCK = """
import os, sys
import psycopg2, redis
try:
    psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=10).close()
except psycopg2.Error as error:
    sys.exit(f"The database of DATABASE_URL does not answer: {error}")
try:
    redis.Redis.from_url(os.environ["REDIS_URL"], socket_connect_timeout=10).ping()
except (redis.RedisError, ValueError) as error:
    sys.exit(f"The Redis of REDIS_URL does not answer: {error}")
"""


def _check_given(env: dict[str, str]) -> None:
    """Servers that were given, not started by us, must answer. Raises Stop with their own words."""
    done = subprocess.run(
        [str(VENV_PYTHON), "-c", KNOCK], env=env, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split()).rstrip("?.")
        raise Stop(f"{said}. Check the address, or leave it out to use the private server.")


@contextmanager
def servers_for(env: dict[str, str], servers: Servers) -> Iterator[dict[str, str]]:
    """The environment with addresses of a database and a Redis; private ones run meanwhile."""
    ours = {
        "postgresql": "DATABASE_URL" not in env,
        "redis": "REDIS_URL" not in env,
    }
    full = dict(env)
    try:
        servers.start(**ours)
        if ours["postgresql"]:
            full["DATABASE_URL"] = servers.database_url()
        if ours["redis"]:
            full["REDIS_URL"] = servers.redis_url()
        if not all(ours.values()):
            _check_given(full)
        yield full
    finally:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)  # a second Ctrl-C must not leave them behind
        servers.stop()


@contextmanager
def passing_servers(env: dict[str, str], servers: Servers) -> Iterator[dict[str, str]]:
    """`servers_for` with servers whose data may go: made anew where a crash broke them."""
    try:
        servers.start(postgresql="DATABASE_URL" not in env, redis=False)
    except Stop:
        servers.clear()
    try:
        with servers_for(env, servers) as full:
            yield full
    finally:
        if env.get("CI"):  # nobody comes back to this folder
            servers.clear()


def ready(
    env: dict[str, str], *, tests: bool = False, types: bool = False, browser: bool = True
) -> None:
    """Everything installed that the product needs (and the tests, the type checks).

    Without `browser`, nothing that only pages need is fetched.
    """
    VAR.mkdir(exist_ok=True)
    private = ("DATABASE_URL" not in env, "REDIS_URL" not in env)
    packages.ensure(servers=private, tests=tests)
    environment.ensure(tests=tests, types=types, browser=browser)
    environment.compile_messages()


def start() -> int:
    """`make run`: set up, start, say where, wait for Ctrl-C, stop everything."""
    env = settings()
    env["HOST"] = env.get("HOST", "localhost")
    env["PORT"] = _port(env.get("PORT", "8000"))
    demo = env.get("DEMO", "yes").lower() not in ("no", "0", "false")
    city = env.get("CITY")
    if city and not Path(city).is_file():
        raise Stop(f"CITY={city} is not a file: give the path of an OpenStreetMap extract (.pbf).")
    VAR.mkdir(exist_ok=True)
    with alone(), LOCK.open("r+") as lock:
        _check_port(env["HOST"], int(env["PORT"]))
        lock.truncate(0)
        json.dump({"pid": os.getpid(), "port": env["PORT"]}, lock)
        lock.flush()
        ready(env)
        _name_hosts(env)
        with servers_for(env, Servers()) as full:
            _note_addresses(full)
            _manage(
                full,
                "migrate",
                "--no-input",
                "--verbosity",
                "0",
                otherwise="The database could not be prepared.",
            )
            parts = ["web", "ticker", "worker", "nightly"]
            if demo:
                extract = city or str(environment.city_extract())
                _manage(full, "load_demo", extract, otherwise="The demo could not be loaded.")
                parts.append("simulator")
            code = _supervise(full, parts, demo=demo)
    say("Stopped. The data is kept in var/; `make run` goes on with it.")
    return code


def stop() -> int:
    """`make stop`: end what `make run` started here, also when its terminal is gone."""
    pid = running_pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        for _ in range(300):
            if running_pid() is None:
                break
            time.sleep(0.1)
        else:
            raise Stop(
                f"Tandem (process {pid}) did not stop within 30 seconds; look at its output."
            )
    Servers().stop()
    Servers(VAR / "test", durable=False).stop()
    Servers(VAR / "replay", durable=False).stop()
    say("Stopped." if pid is not None else "Nothing of Tandem was running from this folder.")
    return 0


def manage(words: list[str]) -> int:
    """`make manage DO="…"`: a management command, with the private servers up."""
    env = settings()
    ready(env)
    command = [VENV_PYTHON, ROOT / "manage.py", *words]
    if running_pid() is not None:
        # The servers are up, and stopping them is not ours.
        env.setdefault("DATABASE_URL", Servers().database_url())
        env.setdefault("REDIS_URL", Servers().redis_url())
        return call(command, env)
    with alone(), servers_for(env, Servers()) as full:
        return call(command, full)


def replay(folder: str, out: str) -> int:
    """`make replay DIR=… OUT=…`: a folder through the product, with servers of its own.

    It touches neither the database of `make run` nor a running product.
    """
    if not folder or not out:
        raise Stop(
            "Say what to replay and where to write: make replay DIR=/path/folder OUT=/path/answers"
        )
    place, answers = (Path(given).expanduser().absolute() for given in (folder, out))
    if not place.is_dir():
        raise Stop(f"DIR={folder} is no folder: name one with fixes.csv.gz and its streets.")
    env = settings()
    ready(env, browser=False)
    own = VAR / "replay"
    own.mkdir(parents=True, exist_ok=True)
    with (
        in_turn(own / "running.lock"),
        passing_servers(env, Servers(own, durable=False)) as full,
    ):
        command = [VENV_PYTHON, ROOT / "manage.py", "replay", place, "--out", answers]
        return call(command, full)


# One at a time


@contextmanager
def alone() -> Iterator[None]:
    """Only one product at a time from this folder."""
    with held(
        LOCK,
        lambda: (
            f"Tandem already runs from this folder (process {running_pid()}): stop it with Ctrl-C "
            "where it runs, or with `make stop`."
        ),
    ):
        yield


@contextmanager
def held(lock: Path, otherwise: Callable[[], str]) -> Iterator[None]:
    """Hold a lock file, which the system gives back even if we are killed; Stop if it is taken."""
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Stop(otherwise()) from None
        yield


@contextmanager
def in_turn(lock: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever has it."""
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another replay runs from this folder: waiting for it to end…")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def running_pid() -> int | None:
    """The process that holds the lock, or None."""
    if not LOCK.exists():
        return None
    with LOCK.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            try:
                return int(json.load(file)["pid"])
            except (ValueError, KeyError):
                return None
    return None


# Address


def _port(text: str) -> str:
    if not (text.isdigit() and 1 <= int(text) <= 65535):
        raise Stop(f"PORT={text} is no port: give a number from 1 to 65535, for example 8001.")
    return text


def _check_port(host: str, port: int) -> None:
    """Say it now, not after minutes of setting up, when the address cannot be had."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        raise Stop(
            f"HOST={host} is no address of this machine: leave it out to serve this machine only, "
            "or give 0.0.0.0 to serve its network."
        ) from None
    for family, kind, _, _, address in places:
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except PermissionError:
                raise Stop(
                    f"Port {port} is reserved for root: choose another with `make run PORT=8001`."
                ) from None
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise Stop(
                        f"Port {port} is in use by another program: choose another, for example "
                        f"`make run PORT={port + 1}`."
                    ) from None
                if family == socket.AF_INET6:
                    continue  # a machine without IPv6
                raise Stop(
                    f"HOST={host} is no address of this machine: leave it out to serve this "
                    "machine only, or give 0.0.0.0 to serve its network."
                ) from None


def _name_hosts(env: dict[str, str]) -> None:
    """ALLOWED_HOSTS and PUBLIC_ADDRESS that follow from HOST and PORT, unless given."""
    host, port = env["HOST"], env["PORT"]
    here = "127.0.0.1" if host in (*EVERYWHERE, "localhost", "::1") else host
    env["LOCAL_ADDRESS"] = f"http://{here}:{port}"  # for the simulator and ourselves
    local = ["localhost", "127.0.0.1", "[::1]"]
    if host in local:
        env["HOST"] = "127.0.0.1"
        env.setdefault("PUBLIC_ADDRESS", f"http://localhost:{port}")
        return
    outer = _network_address() if host in EVERYWHERE else host
    names = [*local, socket.gethostname(), outer]
    env.setdefault("ALLOWED_HOSTS", ",".join(dict.fromkeys(names)))
    env.setdefault("PUBLIC_ADDRESS", f"http://{outer}:{port}")


def _network_address() -> str:
    """The address by which the machine's own network sees it (nothing is sent to learn it)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address: only the route is asked for
        except OSError:
            return "localhost"
        return str(probe.getsockname()[0])


# Processes


def _note_addresses(env: dict[str, str]) -> None:
    SERVERS_ENV.touch(mode=0o600)
    SERVERS_ENV.write_text(f"DATABASE_URL={env['DATABASE_URL']}\nREDIS_URL={env['REDIS_URL']}\n")


def _manage(env: dict[str, str], *words: str, otherwise: str) -> None:
    run([VENV_PYTHON, ROOT / "manage.py", *words], otherwise=f"{otherwise} See above.", env=env)


def _supervise(env: dict[str, str], parts: list[str], *, demo: bool) -> int:
    """Run the Procfile's parts until Ctrl-C (0) or until one of them ends by itself (1)."""

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, interrupt)
    env = {**env, "PATH": f"{VENV / 'bin'}{os.pathsep}{env.get('PATH', '')}"}
    env["PYTHONUNBUFFERED"] = "1"
    honcho = subprocess.Popen(
        [str(VENV / "bin" / "honcho"), "-f", str(ROOT / "Procfile"), "start", *parts],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches us only, and we stop things in order
        preexec_fn=_die_with_parent,
    )
    try:
        threading.Thread(target=_announce, args=(env, demo), daemon=True).start()
        honcho.wait()
        say("A part of Tandem ended by itself (the lines above say which); all were stopped.")
        return 1
    except KeyboardInterrupt:
        say("\nStopping…")
        return 0
    finally:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        if honcho.poll() is None:
            honcho.terminate()
            honcho.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGTERM)


def _announce(env: dict[str, str], demo: bool) -> None:
    """Say the address once the product really answers."""
    health = urllib.request.Request(f"{env['LOCAL_ADDRESS']}/health")  # noqa: S310 (http)
    for _ in range(600):
        try:
            with urllib.request.urlopen(health, timeout=5):  # noqa: S310
                break
        except urllib.error.HTTPError as error:
            if error.code == 400:  # it answers, but not to this name: ALLOWED_HOSTS is given
                break
            time.sleep(0.2)
        except OSError:
            time.sleep(0.2)
    else:
        return
    lines = ["", f"Tandem is up: {env['PUBLIC_ADDRESS']}"]
    lines += _demo_accounts(env) if demo else _first_link(env)
    lines += ["Ctrl-C stops it.", ""]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _demo_accounts(env: dict[str, str]) -> list[str]:
    """Who can sign in to the demo."""
    said = output(
        [VENV_PYTHON, ROOT / "manage.py", "load_demo", "--accounts"], env=env, timeout_s=120
    )
    return [said] if said else []


def _first_link(env: dict[str, str]) -> list[str]:
    """The link for the first administrator, as long as there is no account."""
    link = output([VENV_PYTHON, ROOT / "manage.py", "first_admin_link"], env=env, timeout_s=120)
    return [link] if link else []
