"""Coverage-guided fuzzing of the wire formats, beside Hypothesis: `make fuzz MINUTES=2`.

Needs atheris (Linux), which is no requirement of the tests: `make fuzz` installs it into a folder
of its own (requirements/fuzz.txt), where there is a build for this Python. Arguments are
libFuzzer's. It ends at the first exception that is neither `Unreadable` nor `Unusable`, and leaves
what caused it under var/test/.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: use `make fuzz` (Linux, CPython).")

with atheris.instrument_imports(include=["patrols.wire", "defusedxml"]):
    from patrols import wire
    from patrols.wire.gpx import read_gpx

from bureau.sentences import Unusable
from tests.wire.corpus import APPS, JSON_BODIES, QUERIES
from tests.wire.test_gpx import GARMIN, POINT, file_of

RECEIVED_US = 1_771_234_567_000_000
BODY, QUERY, GPX = range(3)


def read_one(data: bytes) -> None:
    """First byte: the app; second: body, query or GPX; the rest is read."""
    if len(data) < 2:
        return
    dialect = wire.DIALECTS[APPS[data[0] % len(APPS)]]
    kind, rest = data[1] % 3, data[2:]
    try:
        if kind == GPX:
            read_gpx(io.BytesIO(rest))
            return
        message = wire.Message(query=rest) if kind == QUERY else wire.Message(body=rest)
        wire.names(message)
        wire.read(dialect, message, RECEIVED_US)
    except (wire.Unreadable, Unusable):
        return


def seeds() -> list[bytes]:
    """Every verbatim body for every app."""
    bodies = [bytes([BODY]) + json.dumps(body).encode() for body in JSON_BODIES]
    bodies += [bytes([QUERY]) + query.encode() for query in QUERIES]
    bodies.append(bytes([GPX]) + file_of(POINT, GARMIN).getvalue())
    return [bytes([app]) + body for app in range(len(APPS)) for body in bodies]


def main() -> None:
    """Fuzz from the corpus until libFuzzer's limits."""
    with tempfile.TemporaryDirectory() as folder:
        for n, seed in enumerate(seeds()):
            (Path(folder) / str(n)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], read_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
