"""The street network and its Valhalla tiles.

The network is our own road segments and nothing else; a segment's id is its way id in the tiles.
Tiles are built aside, under a name made from the network's content, and appear by one rename: a
reader sees the old network or the new one, never half of one.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely
import valhalla
from shapely.geometry.base import BaseGeometry
from valhalla import get_config

from bureau.errors import Refused
from geo.track import Floats, Ints

# Segments that meet share an end; coordinates are compared at 1e-6 degree (0.1 m).
NODE_DECIMALS = 6

# Measured on simulated walks over three networks: other values of the matcher's own noise and
# detour constants change the answer by less than 0.03 of the time, mostly for the worse.
MEILI = {"sigma_z": 6, "beta": 5, "turn_penalty_factor": 100, "interpolation_distance": 10}

# In the digest, so that a change of how tiles are made makes new ones.
TILE_RECIPE = "1"

# Tiles are built in a folder of this name and then renamed.
ASIDE = "new-"


@dataclass(frozen=True, eq=False)
class Network:
    """m road segments: ids (m,), and their vertices as lon/lat degrees (v, 2) from `offset[i]` to
    `offset[i + 1]`."""

    ids: Ints
    offset: Ints
    lonlat: Floats

    @classmethod
    def of(cls, ids: Iterable[int], lines: Sequence[Any]) -> "Network":
        """From ids and lon/lat lines (shapely LineStrings or coordinate arrays), sorted by id.

        Raises ValueError for ids that are not positive and different, or lines without length.
        """
        numbers = np.fromiter(ids, dtype=np.int64)
        if len(numbers) != len(lines):
            raise ValueError("each segment needs one id and one line")
        if len(numbers) and (numbers.min() < 1 or numbers.max() >= 2**46):
            raise ValueError("segment ids must lie between 1 and 2^46")
        if len(np.unique(numbers)) != len(numbers):
            raise ValueError("segment ids must differ")
        parts = []
        for line in lines:
            coords = shapely.get_coordinates(line) if isinstance(line, BaseGeometry) else line
            array = np.asarray(coords, dtype=np.float64)[:, :2]
            if len(array) < 2 or not np.isfinite(array).all():
                raise ValueError("a segment needs two places at least")
            parts.append(array)
        order = np.argsort(numbers)
        sorted_parts = [parts[i] for i in order]
        offset = np.concatenate(([0], np.cumsum([len(p) for p in sorted_parts]))).astype(np.int64)
        lonlat = np.concatenate(sorted_parts) if sorted_parts else np.empty((0, 2))
        return cls(numbers[order], offset, lonlat)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def digest(self) -> str:
        """Names this exact network: the same segments give the same 16 letters."""
        what = hashlib.sha256(TILE_RECIPE.encode())
        for array in (self.ids, self.offset, self.lonlat):
            what.update(np.ascontiguousarray(array).tobytes())
        return what.hexdigest()[:16]

    def index_of(self, segment_ids: Ints) -> Ints:
        """Position of each id in `ids`; -1 for one that is not there."""
        if not len(self.ids):
            return np.full(len(segment_ids), -1, np.int64)
        at = np.searchsorted(self.ids, segment_ids)
        at = np.minimum(at, len(self.ids) - 1)
        return np.where(self.ids[at] == segment_ids, at, -1)

    def nodes(self) -> tuple[Ints, Floats]:
        """Node number of each vertex (v,), and each node's lon/lat (k, 2): equal places meet."""
        rounded = np.round(self.lonlat, NODE_DECIMALS)
        places, number = np.unique(rounded, axis=0, return_inverse=True)
        return number.astype(np.int64).ravel(), places


def build_tiles(network: Network, folder: Path) -> Path:
    """Tiles of the network under `folder`, made once and then reused; returns their place.

    Built in a folder of its own beside the place where they belong and renamed at the end. Raises
    Refused("tiles_failed") with Valhalla's last words if they cannot be made.
    """
    place = folder / network.digest
    if len(network) and not (place / "valhalla.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=folder))
        try:
            _build_into(network, aside)
            try:
                os.rename(aside, place)
            except OSError:
                if not (place / "valhalla.json").exists():  # not just another builder's success
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return place


def drop_old_tiles(folder: Path, keep: Iterable[str]) -> list[str]:
    """Remove the tiles of networks that are no longer used; returns the names removed.

    What is being built aside just now stays.
    """
    kept = set(keep)
    gone = []
    for place in sorted(folder.iterdir()) if folder.exists() else []:
        if place.name.startswith(ASIDE):
            continue
        if place.is_dir() and place.name not in kept and (place / "valhalla.json").exists():
            shutil.rmtree(place)
            gone.append(place.name)
    return gone


def _build_into(network: Network, aside: Path) -> None:
    (aside / "tiles").mkdir()
    source = aside / "network.osm.pbf"
    _write_pbf(network, source)
    (aside / "valhalla.json").write_text(json.dumps(tile_config(aside)))
    program = Path(valhalla.PYVALHALLA_DIR) / "bin" / "valhalla_build_tiles"
    done = subprocess.run(  # noqa: S603 - a program of our own package on our own files
        [str(program), "-c", str(aside / "valhalla.json"), str(source)],
        capture_output=True,
        text=True,
        errors="replace",
    )
    source.unlink()
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise Refused("tiles_failed", "The street network could not be built: " + " ".join(words))


def _write_pbf(network: Network, path: Path) -> None:
    node_of, places = network.nodes()
    writer = osmium.SimpleWriter(str(path))
    try:
        node, way = osmium.osm.mutable.Node, osmium.osm.mutable.Way
        for number, (lon, lat) in enumerate(places.tolist(), start=1):
            writer.add_node(node(id=number, location=(lon, lat), version=1))
        for i, segment in enumerate(network.ids.tolist()):
            nodes = node_of[network.offset[i] : network.offset[i + 1]]
            keep = np.ones(len(nodes), dtype=np.bool_)
            keep[1:] = nodes[1:] != nodes[:-1]
            if keep.sum() < 2:
                continue  # shorter than the rounding: nearest() still knows it
            refs = (nodes[keep] + 1).tolist()
            writer.add_way(way(id=segment, nodes=refs, version=1, tags={"highway": "residential"}))
    finally:
        writer.close()


def tile_config(folder: Path) -> dict[str, Any]:
    """Valhalla's settings for tiles in `folder`; made anew each time, so that it may be moved."""
    tiles = folder / "tiles"
    config: dict[str, Any] = get_config(tile_extract="", tile_dir=str(tiles), verbose=False)
    config["mjolnir"]["tile_extract"] = ""
    for key in ("admin", "timezone", "landmarks", "traffic_extract"):
        config["mjolnir"].pop(key, None)
    config["mjolnir"]["concurrency"] = 1
    config["mjolnir"]["logging"] = {"type": ""}
    config["meili"]["logging"] = {"type": ""}
    config["meili"]["default"].update(MEILI)
    # A small island of streets is a place like any other.
    config["loki"]["service_defaults"]["minimum_reachability"] = 0
    return config
