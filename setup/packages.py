"""System packages: what is missing is installed by apt, without starting a server.

Runs as root by itself (`packages.py install NAME…`) when a normal user has sudo.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console import ROOT, Stop, output, run, say, which

OLDEST_POSTGRESQL = 15
OLDEST_NODE = 18
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def postgresql_programs() -> Path | None:
    """The folder with initdb and postgres of the newest PostgreSQL that has PostGIS, or None."""
    found: list[tuple[int, Path]] = []
    for initdb in Path("/usr/lib/postgresql").glob("*/bin/initdb"):
        version = initdb.parent.parent.name
        extension = Path("/usr/share/postgresql") / version / "extension" / "postgis.control"
        if version.isdigit() and int(version) >= OLDEST_POSTGRESQL and extension.exists():
            found.append((int(version), initdb.parent))
    if found:
        return max(found)[1]
    if config := which("pg_config"):  # other systems keep them where pg_config says
        programs = Path(output([config, "--bindir"]) or "/nowhere")
        share = Path(output([config, "--sharedir"]) or "/nowhere")
        if (programs / "initdb").exists() and (share / "extension" / "postgis.control").exists():
            return programs
    return None


def redis_program() -> str | None:
    """redis-server, or valkey-server where that has taken its place."""
    return which("redis-server") or which("valkey-server")


def chromium_program() -> str | None:
    """A Chromium for the browser tests."""
    return next((path for name in CHROMIUM if (path := which(name))), None)


def node_is_good() -> bool:
    """Node.js new enough for the type checker, with npm beside it."""
    version = re.match(r"v(\d+)", output(["node", "--version"]) or "")
    return bool(version and int(version.group(1)) >= OLDEST_NODE and which("npm"))


def venv_is_good() -> bool:
    """Whether this Python can make environments (Debian ships that part apart)."""
    return output([sys.executable, "-c", "import ensurepip, venv"]) is not None


def missing(*, servers: tuple[bool, bool], tests: bool) -> list[str]:
    """Debian names of what is not there. `servers`: is a private PostgreSQL, Redis needed?"""
    need_postgresql, need_redis = servers
    names: list[str] = []
    if need_postgresql and postgresql_programs() is None:
        names.append("postgresql + postgis")
    if need_redis and redis_program() is None:
        names.append("redis-server")
    if which("ogr2ogr") is None:
        names.append("gdal-bin")
    if which("msgfmt") is None:
        names.append("gettext")
    if not node_is_good():
        names += [] if which("node") and which("npm") else ["nodejs", "npm"]
    if not venv_is_good():
        names.append("python3-venv")
    if not any(Path("/usr/share/fonts").rglob("NotoSansCJK*")) and not output(
        ["fc-list", ":lang=zh-cn", "file"]
    ):
        names.append("fonts-noto-cjk")
    if tests and chromium_program() is None:
        names.append("chromium")
    return names


def ensure(*, servers: tuple[bool, bool], tests: bool) -> None:
    """Install what is missing, as root or by sudo; else say what an administrator must do."""
    names = missing(servers=servers, tests=tests)
    if not names:
        if not node_is_good():
            raise Stop(
                f"Node.js {OLDEST_NODE} or newer is needed, and an older one is first in the PATH: "
                "install a newer one or take the old one out of the PATH."
            )
        return
    if which("apt-get") is None:
        raise Stop(
            f"These are missing and this system has no apt to install them with: "
            f"{', '.join(names)}. Install them with your system's package manager, then try again."
        )
    say(f"Installing what is missing: {', '.join(names)} (a few minutes)…")
    command = [sys.executable, str(Path(__file__).resolve()), "install", *names]
    by_hand = (
        "Ask an administrator to run, in this folder: "
        f"python3 setup/packages.py install {' '.join(repr(n) if ' ' in n else n for n in names)}"
    )
    if os.geteuid() == 0:
        _install(names)
    elif sudo := which("sudo"):
        # Without a terminal nobody could answer sudo's question.
        quiet = [] if sys.stdin.isatty() else ["-n"]
        try:
            subprocess.run([sudo, *quiet, *command], check=True, cwd=ROOT)
        except subprocess.CalledProcessError as error:
            raise Stop(f"The missing packages were not installed by sudo. {by_hand}") from error
    else:
        raise Stop(f"Packages are missing and there is no sudo. {by_hand}")
    if left := missing(servers=servers, tests=tests):
        raise Stop(
            f"Still missing after the installation: {', '.join(left)}. "
            "Install them by hand, then try again."
        )


def _install(names: list[str]) -> None:
    """As root: apt, with every default server kept from being made or started."""
    apt = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0"]
    install = [*apt, "install", "--no-install-recommends"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    log = Path("/var/log/tandem-packages.log")
    advice = (
        f"apt could not install the packages (its words: {log}); check its sources and try again."
    )
    run([*apt, "update"], otherwise=advice, env=env, log=log)
    had_redis = redis_program() is not None
    wanted = [name for name in names if name != "postgresql + postgis"]
    with _no_server_starts():
        if "postgresql + postgis" in names:
            run([*install, "postgresql-common"], otherwise=advice, env=env, log=log)
            wanted += _postgresql_packages()
            with _no_default_cluster():
                run([*install, *wanted], otherwise=advice, env=env, log=log)
        else:
            run([*install, *wanted], otherwise=advice, env=env, log=log)
    if "redis-server" in names and not had_redis and which("systemctl"):
        # Tandem starts its own; the package's would begin with the next boot.
        output(["systemctl", "disable", "redis-server.service"])


def _postgresql_packages() -> list[str]:
    """The server for which this system also has PostGIS: Debian 12 has 15."""
    listed = output(["apt-cache", "pkgnames", "postgresql-"]) or ""
    versions = [int(v) for v in re.findall(r"^postgresql-(\d+)-postgis-3$", listed, re.MULTILINE)]
    here = [v for v in versions if Path(f"/usr/lib/postgresql/{v}/bin/initdb").exists()]
    good = [v for v in here or versions if v >= OLDEST_POSTGRESQL]
    if not good:
        raise Stop(
            f"apt offers no PostgreSQL {OLDEST_POSTGRESQL} or newer with PostGIS: "
            "use Debian 12 or newer, or give a server with DATABASE_URL=."
        )
    return [f"postgresql-{max(good)}", f"postgresql-{max(good)}-postgis-3"]


@contextmanager
def _no_server_starts() -> Iterator[None]:
    """Debian's way to install packages without starting their services: policy-rc.d says 101."""
    policy = Path("/usr/sbin/policy-rc.d")
    ours = "#!/bin/sh\n# made for one installation by Tandem's setup/packages.py\nexit 101\n"
    # Ours may be left from an installation that was killed; another's is the machine's own policy.
    if policy.exists() and policy.read_text() != ours:
        yield
        return
    policy.write_text(ours)
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


@contextmanager
def _no_default_cluster() -> Iterator[None]:
    """Keep the package from making its own database cluster, during this installation only."""
    folder = Path("/etc/postgresql-common/createcluster.d")
    folder.mkdir(parents=True, exist_ok=True)
    word = folder / "tandem-setup.conf"
    word.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        word.unlink()


if __name__ == "__main__":
    if sys.argv[1:2] != ["install"] or os.geteuid() != 0:
        sys.exit("Usage, as root: packages.py install NAME…")
    try:
        _install(sys.argv[2:])
    except Stop as stop:
        sys.exit(f"\n{stop}")
