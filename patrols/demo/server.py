"""A server of our own for the time of loading: the product's ingest on a free local port."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from django.conf import settings

from patrols.demo.delivery import Line, Undelivered
from patrols.simulation.dialects import Request

STARTS_WITHIN_S = 60.0


@contextmanager
def ingest_server() -> Iterator[str]:
    """The address of a running product, ended afterwards. Raises Undelivered if it does not start.

    The same program that serves phones in `make run`; it takes its database from our environment.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = ["config.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    words += ["--log-level", "warning", "--no-access-log", "--lifespan", "off"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "uvicorn", *words], cwd=settings.BASE_DIR, stdout=log, stderr=log
        )
        try:
            if not answers(process, url):
                log.seek(0)
                tail = log.read().decode(errors="replace").strip()[-1500:]
                raise Undelivered(f"The ingest did not start on port {port}.\n{tail}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(process: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the server answers; false if it ended or takes too long."""
    until = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            # Whatever it says about a message without content, it is there.
            with closing(Line(url, timeout_s=5.0)) as line:
                line.post(Request("/phone/traccar", b"", ()))
            return True
        except Undelivered:
            time.sleep(0.1)
    return False


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
