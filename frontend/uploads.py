"""Imports started from a page: the file is kept, a thread takes it in, the page asks how far it is.

How far an import is stands in a small file beside the upload, so that every process of this
machine can answer. The import itself is one transaction: whatever stops it, nothing is written by
half.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from bureau.errors import Refused
from bureau.models import Bureau, User
from geo.datum import Datum
from geo.imports.places import import_areas_file
from geo.imports.report import ImportReport, Progress
from geo.imports.roads import StreetOptions, import_roads_file
from geo.models import AreaKind
from geo.places import say
from patrols.people_import import import_people_file

log = logging.getLogger(__name__)

LARGEST = 512 * 2**20
# A status that nobody has written for so long belongs to a process that is gone.
GONE_AFTER_S = 600
STAGES = {
    "waiting": gettext_noop("waiting"),
    "reading": gettext_noop("reading the file"),
    "streets": gettext_noop("making blocks of streets"),
    "comparing": gettext_noop("comparing with what is there"),
    "writing": gettext_noop("writing"),
}
LINES_SHOWN = 30

Import = Callable[[Path, str, Progress], ImportReport]


def folder() -> Path:
    """Where uploads wait; only this program reads it."""
    place = Path(settings.VAR_DIR) / "uploads"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


def import_of(kind: str, *, bureau: Bureau, by: User, options: dict[str, Any]) -> Import:
    """The import behind a step. Refused for a kind that there is not."""
    datum = Datum(options.get("datum") or Datum.WGS84.value)
    match kind:
        case "streets":
            streets = StreetOptions(make_jurisdiction=bool(options.get("make_jurisdiction")))
            return lambda path, name, progress: import_roads_file(
                bureau,
                path,
                file_name=name,
                datum=datum,
                options=streets,
                by=by,
                progress=progress,
            )
        case "jurisdiction" | "beat":
            return lambda path, name, progress: import_areas_file(
                bureau,
                path,
                file_name=name,
                kind=AreaKind(kind),
                unit=options.get("unit") or None,
                datum=datum,
                by=by,
                progress=progress,
            )
        case "people":
            return lambda path, name, progress: import_people_file(
                bureau,
                path,
                file_name=name,
                unit=options.get("unit") or None,
                by=by,
                progress=progress,
            )
    raise Refused("unknown_import", _("Choose what the file holds."))


def begin(upload: UploadedFile, work: Import, *, bureau: Bureau) -> str:
    """Keep the file and start taking it in; returns the id by which to ask."""
    if (upload.size or 0) > LARGEST:
        raise Refused(
            "file_too_large",
            _(
                "The file is larger than %(mb)d MB. Import it on the server: see the operations "
                "guide."
            )
            % {"mb": LARGEST // 2**20},
        )
    key = secrets.token_hex(12)
    # The name only says what kind of file it is; it never becomes a path.
    name = re.sub(r"[^\w. ()-]", "_", Path(upload.name or "file").name)[-120:]
    place = folder() / f"{key}.upload"
    with place.open("wb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    state = {"bureau": bureau.pk, "file": name, "stage": "waiting", "at": time.time()}
    write(key, state)
    language = translation.get_language() or "en"
    threading.Thread(
        target=run, args=(key, place, name, work, state, language), daemon=True
    ).start()
    return key


def run(
    key: str, place: Path, name: str, work: Import, state: dict[str, Any], language: str
) -> None:
    """Take the file in and write down how it went; the upload goes in any case."""
    told = 0.0

    def progress(stage: str, done: int, total: int | None) -> None:
        nonlocal told
        if state["stage"] != stage or time.monotonic() - told > 0.3:
            told = time.monotonic()
            state.update(stage=stage, done=done, total=total)
            write(key, state)

    with translation.override(language):
        try:
            report = work(place, name, progress)
            lines = list(report.lines(say))
            state.update(
                stage="done",
                run=report.run,
                lines=lines[:LINES_SHOWN],
                more=max(0, len(lines) - LINES_SHOWN),
            )
        except Refused as refused:
            state.update(stage="refused", message=str(refused))
        except Exception:
            log.exception("An import from the page failed.")
            said = _("The import failed; nothing was written. Tell your administrator the time.")
            state.update(stage="refused", message=said)
        finally:
            write(key, state)
            place.unlink(missing_ok=True)
            connection.close()


def write(key: str, state: dict[str, Any]) -> None:
    """Write the status whole or not at all."""
    state["at"] = time.time()
    draft = folder() / f"{key}.draft"
    draft.write_text(json.dumps(state))
    draft.replace(folder() / f"{key}.json")


def status(key: str, bureau: Bureau) -> dict[str, Any] | None:
    """How far an import of this bureau is; None if there is none of that id."""
    place = folder() / f"{key}.json"
    if not re.fullmatch(r"[0-9a-f]{24}", key) or not place.is_file():
        return None
    state: dict[str, Any] = json.loads(place.read_text())
    if state["bureau"] != bureau.pk:
        return None
    running = state["stage"] not in ("done", "refused")
    if running and time.time() - state["at"] > GONE_AFTER_S:
        said = _("The server stopped meanwhile; nothing was written. Send the file again.")
        state.update(stage="refused", message=said)
        running = False
    state["running"] = running
    state["stage_words"] = _(STAGES.get(state["stage"], state["stage"]))
    if state.get("total"):
        state["percent"] = min(100, round(100 * (state.get("done") or 0) / state["total"]))
    return state
