"""Tandem's own processes for tests that go over real HTTP and sockets: web, ticker, worker…"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60


def free_port() -> int:
    """A TCP port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def other_database(url: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


class Processes:
    """A group of processes with one environment; their output is kept for failures."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment}
        self.folder = Path(tempfile.mkdtemp(prefix="tandem-test-"))
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start one; its output goes to a file of its name. One of that name is ended first."""
        if name in self.running:
            self.kill(name)
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def manage(self, name: str, *words: str) -> None:
        """Start a management command that stays."""
        self.start(name, [sys.executable, "manage.py", *words])

    def run(self, *words: str) -> str:
        """A management command that ends; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"manage.py {' '.join(words)} failed:\n{done.stdout[-4000:]}"
        return done.stdout

    def start_web(self, port: int, name: str = "web") -> str:
        """A web process as `make run` starts it; returns its address once it answers."""
        command = "uvicorn config.asgi:application --host 127.0.0.1 --ws websockets-sansio"
        more = "--ws-per-message-deflate false --no-access-log --lifespan off"
        words = [*command.split(), *more.split(), "--port", str(port)]
        self.start(name, [sys.executable, "-m", *words, "--timeout-graceful-shutdown", "3"])
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.still_running(name)
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=5):  # noqa: S310
                    return address
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError(f"The web process did not answer:\n{self.said(name)}")

    def start_redis(self) -> str:
        """A Redis of one's own: published frames reach every subscriber of a Redis, whatever the
        database number, so the product's must not meet those of other tests. Returns its URL."""
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            return os.environ["REDIS_URL"]
        place = self.folder / "redis.sock"
        place.unlink(missing_ok=True)  # of one that was killed
        words = ["--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(self.folder)]
        self.start("redis", [program, *words])
        deadline = time.monotonic() + PATIENCE_S
        while not place.exists():
            self.still_running("redis")
            assert time.monotonic() < deadline, "Redis did not start."
            time.sleep(0.05)
        self.environment["REDIS_URL"] = f"unix://{place}?db=0"
        return self.environment["REDIS_URL"]

    def still_running(self, name: str) -> None:
        """Fail with a process's own words if it has ended."""
        assert self.running[name].poll() is None, f"{name} ended:\n{self.said(name)}"

    def said(self, name: str) -> str:
        """The end of what a process printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def stop(self, *names: str) -> None:
        """Stop those named, or all, the last started first."""
        for name in names or tuple(reversed(self.running)):
            process = self.running.pop(name)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not self.running:
            shutil.rmtree(self.folder, ignore_errors=True)
