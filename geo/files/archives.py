"""Zip files that people upload: unpacked within limits, under names of our own.

Pure. A zip of a few kilobytes can hold terabytes, its sizes can lie, and its names can point
anywhere. So bytes are counted while they are written, and no name of the archive is used.
"""

from __future__ import annotations

import errno
import zipfile
import zlib
from pathlib import Path
from typing import Final

from bureau.sentences import Unusable, gettext_noop, unusable

MOST_FILE_BYTES: Final = 512 * 2**20
MOST_MEMBERS: Final = 200
MOST_UNPACKED_BYTES: Final = 1024 * 2**20
# Text packs 5 to 40 times, shapefiles 2 to 10; what packs better than this is a bomb. Small
# members are free: a table of equal rows may pack 500 times and harms nobody.
MOST_RATIO: Final = 250
FREE_BYTES: Final = 32 * 2**20
CHUNK_BYTES: Final = 2**20
SHAPEFILE: Final[tuple[str, ...]] = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def check_size(path: Path) -> None:
    """Refuse a missing, empty or far too large file."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise unusable(
            "file_missing",
            gettext_noop("%(name)s cannot be read: %(why)s."),
            {"name": path.name, "why": error.strerror or ""},
        ) from None
    if path.is_dir():
        raise unusable(
            "file_missing",
            gettext_noop("%(name)s is a folder. Name a file."),
            {"name": path.name},
        )
    if size == 0:
        raise unusable("file_empty", gettext_noop("The file is empty."))
    if size > MOST_FILE_BYTES:
        raise unusable(
            "file_too_large",
            gettext_noop(
                "The file has %(size)d MB; at most %(most)d MB are taken. Cut it to your city "
                "first."
            ),
            {"size": size // 2**20, "most": MOST_FILE_BYTES // 2**20},
        )


def open_zip(path: Path) -> zipfile.ZipFile:
    """The archive, refused when it is broken, locked, crowded or a bomb by its own headers."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise unusable(
            "zip_broken", gettext_noop("The file is broken: it cannot be unpacked.")
        ) from None
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    packed = max(1, path.stat().st_size)
    fault: Unusable | None = None
    if len(members) > MOST_MEMBERS:
        fault = unusable(
            "zip_crowded",
            gettext_noop("The archive holds more than %(most)d files."),
            {"most": MOST_MEMBERS},
        )
    elif any(member.flag_bits & 0x1 for member in members):
        fault = unusable(
            "zip_locked", gettext_noop("The archive has a password. Save it without one.")
        )
    elif total > MOST_UNPACKED_BYTES or (total > FREE_BYTES and total > MOST_RATIO * packed):
        fault = unusable(
            "zip_bomb",
            gettext_noop("Unpacked, the file would have %(size)d MB. It is refused for safety."),
            {"size": total // 2**20},
        )
    if fault is not None:
        archive.close()
        raise fault
    return archive


def check_zip(path: Path) -> None:
    """Read an archive through once, so that one whose headers lie is refused before use.

    For files that another library will unpack by itself (XLSX is a zip).
    """
    with open_zip(path) as archive:
        budget = _Budget(path.stat().st_size)
        for member in archive.infolist():
            _copy(archive, member, None, budget)


def unpack_layer(path: Path, folder: Path, layer: str | None) -> Path:
    """Unpack one layer of a zip into `folder`; returns its main file ("layer.shp", …).

    A layer is a Shapefile with its parts, or one GeoPackage, GeoJSON, CSV or XLSX file.
    layer: its name in the archive, needed when there are several.
    """
    with open_zip(path) as archive:
        parts: dict[tuple[str, str], dict[str, zipfile.ZipInfo]] = {}
        for member in archive.infolist():
            name = Path(member.filename.replace("\\", "/"))
            if member.is_dir() or "__MACOSX" in name.parts or name.name.startswith("."):
                continue
            key = (str(name.parent), name.stem.lower())
            parts.setdefault(key, {})[name.suffix.lower()] = member
        main = (".shp", ".gpkg", ".geojson", ".json", ".csv", ".xlsx")
        found = {
            key: suffix
            for key, members in parts.items()
            for suffix in [next((s for s in main if s in members), None)]
            if suffix is not None
        }
        names = ", ".join(sorted(stem for _, stem in found))
        if not found:
            raise unusable(
                "zip_no_layer",
                gettext_noop(
                    "The archive holds no Shapefile, GeoPackage, GeoJSON, CSV or XLSX file."
                ),
            )
        if layer is not None:
            found = {key: s for key, s in found.items() if key[1] == layer.lower()}
            if not found:
                raise unusable(
                    "layer_unknown",
                    gettext_noop("There is no layer %(layer)s. Layers: %(names)s."),
                    {"layer": layer, "names": names},
                )
        if len(found) > 1:
            raise unusable(
                "layer_ambiguous",
                gettext_noop("The archive holds several layers: %(names)s. Name one."),
                {"names": names},
            )
        ((key, suffix),) = found.items()
        members = parts[key]
        wanted = [part for part in SHAPEFILE if part in members] if suffix == ".shp" else [suffix]
        for needed in SHAPEFILE[:3] if suffix == ".shp" else ():
            if needed not in members:
                raise unusable(
                    "shapefile_incomplete",
                    gettext_noop(
                        "The Shapefile lacks its %(part)s file. Pack .shp, .shx, .dbf and .prj "
                        "together."
                    ),
                    {"part": needed},
                )
        budget = _Budget(path.stat().st_size)
        for one in wanted:
            _copy(archive, members[one], folder / f"layer{one}", budget)
        return folder / f"layer{suffix}"


class _Budget:
    """Bytes that may still be unpacked."""

    def __init__(self, packed: int) -> None:
        self.left = min(MOST_UNPACKED_BYTES, max(FREE_BYTES, MOST_RATIO * packed))

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise unusable(
                "zip_bomb",
                gettext_noop(
                    "The file unpacks to far more than it says. It is refused for safety."
                ),
            )


def _copy(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path | None, budget: _Budget
) -> None:
    try:
        with archive.open(member) as source:
            out = target.open("wb") if target is not None else None
            try:
                while chunk := source.read(CHUNK_BYTES):
                    budget.spend(len(chunk))
                    if out is not None:
                        out.write(chunk)
            finally:
                if out is not None:
                    out.close()
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise  # the disk is full; the file may be whole
        raise unusable(
            "zip_broken", gettext_noop("The file is broken: it cannot be unpacked.")
        ) from None
