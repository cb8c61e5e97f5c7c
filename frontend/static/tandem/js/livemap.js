/** People on the map: marks, wedges, links between partners, tails, SOS beacons, names. */

import { Marker } from "/static/vendor/maplibre/maplibre-gl.mjs";

import { BELOW_NAMES } from "./map.js";
import { draw, drawWedge, lookAt, lookOf, nameOf, pixels, readColours } from "./marks.js";
import { limits } from "./picture.js";

/** @typedef {import("./picture.js").View} View */
/** @typedef {import("maplibre-gl").GeoJSONSource} GeoJSONSource */

const MOVING_MPS = 0.4;
/** @type {import("geojson").FeatureCollection} */
const NOTHING = { type: "FeatureCollection", features: [] };

export class PeopleLayer {
  /**
   * @param {import("./map.js").TandemMap} tandem
   * @param {import("./picture.js").Picture} picture
   * @param {(person: number | null) => void} onPick
   */
  constructor(tandem, picture, onPick) {
    this.map = tandem.map;
    this.picture = picture;
    this.colours = readColours();
    /** @type {Map<number, string>} what each feature looked like when it was last sent */
    this.sent = new Map();
    /** @type {Map<number, Marker>} */
    this.beacons = new Map();
    this.tailsOn = true;
    /** @type {number | null} */
    this.chosen = null;
    this.addLayers();
    tandem.onPalette(() => this.recolour());
    this.map.setMissingStyleImageResolver((id) => this.makeImage(id));
    this.map.on("click", (event) => {
      const box = /** @type {[[number, number], [number, number]]} */ ([
        [event.point.x - 6, event.point.y - 6],
        [event.point.x + 6, event.point.y + 6],
      ]);
      const [hit] = this.map.queryRenderedFeatures(box, { layers: ["people"] });
      onPick(hit ? Number(hit.id) : null);
    });
    this.map.on("mouseenter", "people", () => (this.map.getCanvas().style.cursor = "pointer"));
    this.map.on("mouseleave", "people", () => (this.map.getCanvas().style.cursor = ""));
    this.map.on("mousemove", "people", (event) => this.hover(Number(event.features?.[0]?.id)));
    this.map.on("mouseleave", "people", () => this.hover(null));
  }

  addLayers() {
    const { map } = this;
    for (const id of ["tails", "links"]) map.addSource(id, { type: "geojson", data: NOTHING });
    map.addSource("people", { type: "geojson", data: NOTHING });
    map.addLayer(
      {
        id: "tails",
        type: "line",
        source: "tails",
        minzoom: 12,
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-width": 2.5, "line-opacity": 0.6, "line-color": ["get", "colour"] },
      },
      BELOW_NAMES,
    );
    map.addLayer({
      id: "links",
      type: "line",
      source: "links",
      minzoom: 13,
      paint: { "line-width": 1.4, "line-color": this.colours.together },
    });
    map.addLayer({
      id: "people-wedge",
      type: "symbol",
      source: "people",
      minzoom: 13,
      filter: ["get", "moving"],
      layout: {
        "icon-image": "wedge",
        "icon-rotate": ["get", "course"],
        "icon-rotation-alignment": "map",
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
      },
    });
    map.addLayer({
      id: "people",
      type: "symbol",
      source: "people",
      layout: {
        "icon-image": ["get", "look"],
        "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.45, 13, 0.8, 15, 1],
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
        // Higher keys are drawn later, on top: who needs a look.
        "symbol-sort-key": ["-", 0, ["get", "rank"]],
      },
    });
    map.addLayer({
      id: "people-name",
      type: "symbol",
      source: "people",
      layout: {
        "text-field": [
          "step",
          ["zoom"],
          ["case", ["get", "named"], ["get", "name"], ""],
          15,
          ["get", "name"],
        ],
        "text-font": ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"],
        "text-size": 13,
        "text-variable-anchor": ["top", "bottom", "left", "right"],
        "text-radial-offset": 1.35,
        "symbol-sort-key": ["get", "rank"],
      },
      paint: { "text-halo-width": 1.6 },
    });
  }

  recolour() {
    const css = getComputedStyle(document.documentElement);
    this.colours = readColours();
    const { map } = this;
    map.setPaintProperty("people-name", "text-color", css.getPropertyValue("--text").trim());
    map.setPaintProperty("people-name", "text-halo-color", css.getPropertyValue("--surface").trim());
    map.setPaintProperty("links", "line-color", this.colours.together);
    for (const id of map.listImages()) {
      const look = lookOf(id);
      if (look) map.updateImage(id, pixels(draw(look, this.colours)));
    }
    if (map.hasImage("wedge")) map.updateImage("wedge", pixels(drawWedge(this.colours)));
  }

  /** @param {string} id */
  makeImage(id) {
    const look = lookOf(id);
    const canvas = look ? draw(look, this.colours) : id === "wedge" && drawWedge(this.colours);
    if (canvas && !this.map.hasImage(id)) {
      this.map.addImage(id, pixels(canvas), { pixelRatio: 2 });
    }
  }

  /**
   * Bring the map up to what the views say; only what changed is sent to the map's worker.
   * @param {View[]} views people to show; others leave the map
   */
  update(views) {
    const add = [];
    const update = [];
    const shown = new Set();
    for (const view of views) {
      const { fix, person } = view;
      if (!fix || view.kind === "off") continue;
      shown.add(person.id);
      const look = nameOf(lookAt(view, limits(this.picture.rules, person.interval).lost));
      const moving = view.fresh && (fix.speed ?? 0) >= MOVING_MPS && fix.course !== null;
      const named = person.id === this.chosen || view.kind === "sos";
      const key = `${look}|${fix.lon},${fix.lat}|${moving ? fix.course : ""}|${named}|${view.rank}`;
      if (this.sent.get(person.id) === key) continue;
      const properties = {
        look,
        name: person.name,
        rank: view.rank,
        named,
        moving,
        course: fix.course ?? 0,
      };
      if (this.sent.has(person.id)) {
        update.push({
          id: person.id,
          newGeometry: point(fix),
          addOrUpdateProperties: Object.entries(properties).map(([k, value]) => ({
            key: k,
            value,
          })),
        });
      } else {
        add.push({
          type: /** @type {const} */ ("Feature"),
          id: person.id,
          geometry: point(fix),
          properties,
        });
      }
      this.sent.set(person.id, key);
    }
    const remove = [...this.sent.keys()].filter((id) => !shown.has(id));
    for (const id of remove) this.sent.delete(id);
    if (add.length || update.length || remove.length) {
      void this.source("people").updateData({ add, update, remove });
    }
    this.drawBeacons(views);
  }

  /** @param {View[]} views tails and links; drawn less often than the marks */
  updateLines(views) {
    const box = this.map.getBounds();
    const here = new Map(
      views
        .filter((view) => view.fix && view.kind !== "off" && box.contains([view.fix.lon, view.fix.lat]))
        .map((view) => [view.person.id, view]),
    );
    const tails = [];
    const links = [];
    for (const [id, view] of here) {
      const tail = this.picture.tails.get(id);
      if (this.tailsOn && tail && tail.length > 1) {
        tails.push(
          line(
            tail.map(([lon, lat]) => [lon, lat]),
            { colour: this.colourOf(view) },
          ),
        );
      }
      for (const partner of view.kind === "together" ? (view.state?.partners ?? []) : []) {
        const other = here.get(partner)?.fix;
        if (other && view.fix && id < partner) {
          links.push(line([[view.fix.lon, view.fix.lat], [other.lon, other.lat]], {}));
        }
      }
    }
    void this.source("tails").setData({ type: "FeatureCollection", features: tails });
    void this.source("links").setData({ type: "FeatureCollection", features: links });
  }

  /** @param {View} view */
  colourOf(view) {
    const kind = view.kind === "waiting" || view.kind === "off" ? "lost" : view.kind;
    return this.colours[kind];
  }

  /** @param {View[]} views a pulse under each SOS, with the place of the alarm itself if need be */
  drawBeacons(views) {
    const wanted = new Map();
    for (const view of views) {
      if (!view.alarm) continue;
      const place = view.fix ?? view.alarm;
      if (place.lon !== null && place.lat !== null) {
        wanted.set(view.alarm.id, { at: [place.lon, place.lat], alarm: view.alarm });
      }
    }
    for (const [id, beacon] of this.beacons) {
      if (!wanted.has(id)) {
        beacon.remove();
        this.beacons.delete(id);
      }
    }
    for (const [id, { at, alarm }] of wanted) {
      let beacon = this.beacons.get(id);
      if (!beacon) {
        const element = document.createElement("div");
        element.className = "sos-beacon";
        element.setAttribute("aria-hidden", "true");
        beacon = new Marker({ element }).setLngLat(at).addTo(this.map);
        this.beacons.set(id, beacon);
      }
      beacon.setLngLat(at);
      beacon.getElement().classList.toggle("answered", alarm.acknowledged !== null);
    }
  }

  /** @param {number | null} id */
  hover(id) {
    this.map.setLayoutProperty("people-name", "text-field", [
      "step",
      ["zoom"],
      ["case", ["any", ["get", "named"], ["==", ["id"], id ?? -1]], ["get", "name"], ""],
      15,
      ["get", "name"],
    ]);
  }

  /** @param {string} name */
  source(name) {
    return /** @type {GeoJSONSource} */ (this.map.getSource(name));
  }
}

/**
 * @param {{lon: number, lat: number}} fix
 * @returns {import("geojson").Point}
 */
function point(fix) {
  return { type: "Point", coordinates: [fix.lon, fix.lat] };
}

/**
 * @param {number[][]} coordinates
 * @param {Record<string, unknown>} properties
 */
function line(coordinates, properties) {
  return {
    type: /** @type {const} */ ("Feature"),
    geometry: { type: /** @type {const} */ ("LineString"), coordinates },
    properties,
  };
}
