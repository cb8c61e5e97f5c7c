"""For tests on several cores: a Redis of its own for each worker.

pytest-django gives each worker a database. Redis needs more than another number: what is published
reaches every subscriber of a server. Loaded with `-p tests.workers`, before Django reads settings.
"""

from __future__ import annotations

import atexit
import os

from tests.processes import Processes

if "PYTEST_XDIST_WORKER" in os.environ:
    own = Processes({})
    atexit.register(own.stop)
    os.environ["REDIS_URL"] = own.start_redis()
