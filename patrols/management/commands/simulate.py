"""`manage.py simulate`: simulated officers, over real HTTP in their apps' own formats."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from shapely.geometry import shape

from bureau.errors import Refused
from bureau.models import Bureau
from geo.files.osm import read_osm
from geo.files.reading import form_of
from geo.streets.blocks import build
from geo.streets.kinds import Wanted
from patrols.demo import load, people, places, presence
from patrols.demo.delivery import Line, Undelivered, deliver
from patrols.demo.ground import TooFewStreets, beat_polygons, halves
from patrols.models import Latest, Person
from patrols.simulation.dialects import traccar_form
from patrols.simulation.folder import write_folder
from patrols.simulation.graph import StreetGraph
from patrols.simulation.morning import Mix, morning
from patrols.simulation.phone import CLASSES, Fixes

IN_BEAT_M = 10.0  # a street on the beat's edge belongs to the beat


class Command(BaseCommand):
    requires_system_checks = ()
    help = (
        "Simulated officers for the demo bureau: --live reports people who are walking now until "
        "it is stopped, --past sends the past weeks (again), --sos raises an alarm. "
        "--truth-folder writes a set of patrols with known truth instead."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--live", action="store_true", help="people who are walking now")
        what.add_argument("--past", action="store_true", help="the past weeks, then verdicts")
        what.add_argument("--sos", metavar="BADGE", help="an SOS from this person's phone")
        what.add_argument("--truth-folder", type=Path, metavar="OUT", help="files with truth")
        parser.add_argument("--url", default="", help="the product (default: PUBLIC_ADDRESS)")
        parser.add_argument("--seconds", type=float, help="end --live after so many seconds")
        parser.add_argument("--seed", type=int, default=1, help="of the truth folder")
        parser.add_argument(
            "--streets",
            type=Path,
            help="segments.geojson or an OpenStreetMap extract (default: the demo's streets)",
        )
        parser.add_argument("--beat", type=Path, help="beat.geojson (default: half the streets)")
        parser.add_argument("--officers", type=int, default=Mix().officers)
        parser.add_argument("--hours", type=float, default=Mix().hours)
        parser.add_argument(
            "--every", type=float, default=Mix().fix_every_s, help="s between fixes"
        )
        parser.add_argument(
            "--vehicles", type=float, default=0.0, help="share of groups that drive"
        )
        parser.add_argument(
            "--noise",
            choices=["mixed", *CLASSES],
            default="mixed",
            help="surroundings of all groups (mixed: each of the others in turn)",
        )
        parser.add_argument("--late", type=float, default=0.0, help="share with late uploads")
        parser.add_argument(
            "--t0", default="2024-03-04T08:00:00+00:00", help="ISO time of the start"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["truth_folder"]:
                self.write_truth(options)
                return
            bureau = self.demo()
            url = options["url"] or settings.PUBLIC_ADDRESS
            if options["sos"]:
                self.raise_sos(bureau, options["sos"], url)
            elif options["past"]:
                load.bring_past(bureau, self.stdout.write, url)
            else:
                presence.run(bureau, url, self.stdout.write, seconds=options["seconds"])
        except (Refused, Undelivered, TooFewStreets) as error:
            raise CommandError(str(error)) from error

    def demo(self) -> Bureau:
        bureau = load.find_demo()
        if bureau is None:
            raise CommandError("There is no demo bureau: load it with `manage.py load_demo CITY`.")
        return bureau

    def raise_sos(self, bureau: Bureau, badge: str, url: str) -> None:
        """One Traccar form with an alarm, from where the person was last seen."""
        person = Person.objects.filter(bureau=bureau, badge_no=badge).first()
        if person is None:
            raise CommandError(f"Nobody of the demo has the badge {badge}.")
        row = Latest.objects.filter(bureau_id=bureau.pk, person_id=person.pk).first()
        if row is None:
            raise CommandError(f"{person} has not been seen yet: start --live first.")
        people.renew_secrets(bureau)
        now, place = np.array([time.time()]), row.point
        one = Fixes(
            now, now, np.array([place.x]), np.array([place.y]), np.array([8.0]),
            np.array([0.0]), np.array([0.0]),
        )  # fmt: skip
        request = traccar_form(people.secret_of(badge), one, 0, 0.5, alarm="sos")
        with closing(Line(url)) as line:
            deliver(line, request, patience_s=10.0)
        self.stdout.write(f"SOS of {person} ({badge}) sent.")

    def write_truth(self, options: dict[str, Any]) -> None:
        """A folder of fixes, streets, beat and truth."""
        ids, lines = self.streets(options["streets"])
        graph = StreetGraph.of(ids, lines)
        if options["beat"]:
            beat = shape(read_json(options["beat"])["geometry"])
        else:
            beat = beat_polygons(graph, halves(graph))[0]
        inside = in_beat(graph, lines, beat)
        mix = Mix(
            officers=options["officers"],
            hours=options["hours"],
            fix_every_s=options["every"],
            vehicles=options["vehicles"],
            late=options["late"],
            surroundings=tuple(CLASSES.values())
            if options["noise"] == "mixed"
            else (CLASSES[options["noise"]],),
        )
        made = morning(graph, in_beat=inside, seed=options["seed"], mix=mix)
        folder = options["truth_folder"]
        write_folder(folder, made, lines, beat, t0=datetime.fromisoformat(options["t0"]))
        fixes = sum(len(officer.fixes) for officer in made.officers)
        self.stdout.write(f"{len(made.officers)} officers, {fixes} fixes in {folder}.")

    def streets(self, path: Path | None) -> tuple[list[int], list[list[tuple[float, float]]]]:
        """Ids and lines of a segments.geojson, or of the demo's beats."""
        if path is None:
            ground = places.read_ground(self.demo())
            return [b.id for b in ground.blocks], [list(b.coordinates) for b in ground.blocks]
        if path.name.endswith((".pbf", ".osm")):
            osm = read_osm(path, form_of(path.name), Wanted())
            blocks = build(osm.lines, osm.places).segments
            return list(range(1001, 1001 + len(blocks))), [list(b.coordinates) for b in blocks]
        features = read_json(path).get("features") or []
        if not features:
            raise CommandError(f"{path} holds no segments.")
        return (
            [int(f["properties"]["segment_id"]) for f in features],
            [[(p[0], p[1]) for p in f["geometry"]["coordinates"]] for f in features],
        )


def in_beat(
    graph: StreetGraph, lines: list[list[tuple[float, float]]], beat: Any
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which segments belong to a beat: their middle lies in it, or on its edge."""

    def metres(lonlat: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.column_stack(graph.plane.to_metres(lonlat[:, 0], lonlat[:, 1]))

    near = shapely.buffer(shapely.transform(beat, metres), IN_BEAT_M)
    return np.asarray(shapely.contains_xy(near, graph.middle_m[:, 0], graph.middle_m[:, 1]))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file, or CommandError with what is wrong."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CommandError(f"{path} is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CommandError(f"{path} is no GeoJSON.")
    return value
