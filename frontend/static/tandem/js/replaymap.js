/** The people of a replay on the map: the marks of the live page, tails of five minutes, names. */

import { BELOW_NAMES } from "./map.js";
import { draw, lookOf, nameOf, pixels, readColours } from "./marks.js";

/** @typedef {import("./replaytracks.js").Standing} Standing */
/** @typedef {{id: number, name: string, unit: string}} ReplayPerson */
/** @typedef {{person: ReplayPerson, standing: Standing}} Shown */

/** @type {import("geojson").FeatureCollection} */
const NOTHING = { type: "FeatureCollection", features: [] };
const RINGS = 6;

/** @param {Standing} standing @param {number} lost @returns {import("./marks.js").Look} */
export function lookOfStanding(standing, lost) {
  const silent = standing.kind === "lost";
  return {
    kind: standing.kind,
    group: standing.group,
    hotspot: false,
    ring: silent ? 0 : Math.ceil(Math.max(0, 1 - standing.age / lost) * RINGS),
    hollow: false,
  };
}

export class ReplayLayer {
  /**
   * @param {import("./map.js").TandemMap} tandem
   * @param {number} lost
   * @param {(person: number | null) => void} onPick
   */
  constructor(tandem, lost, onPick) {
    this.map = tandem.map;
    this.lost = lost;
    this.colours = readColours();
    const { map } = this;
    for (const id of ["replay-tails", "replay-people"]) {
      map.addSource(id, { type: "geojson", data: NOTHING });
    }
    map.addLayer(
      {
        id: "replay-tails",
        type: "line",
        source: "replay-tails",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-width": 2.5, "line-opacity": 0.6, "line-color": ["get", "colour"] },
      },
      BELOW_NAMES,
    );
    map.addLayer({
      id: "replay-people",
      type: "symbol",
      source: "replay-people",
      layout: {
        "icon-image": ["get", "look"],
        "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.45, 13, 0.8, 15, 1],
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
      },
    });
    map.addLayer({
      id: "replay-names",
      type: "symbol",
      source: "replay-people",
      layout: {
        "text-field": ["step", ["zoom"], ["case", ["get", "named"], ["get", "name"], ""], 15, ["get", "name"]],
        "text-font": ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"],
        "text-size": 13,
        "text-variable-anchor": ["top", "bottom", "left", "right"],
        "text-radial-offset": 1.35,
      },
      paint: { "text-halo-width": 1.6 },
    });
    map.setMissingStyleImageResolver((id) => {
      const look = lookOf(id);
      if (look && !map.hasImage(id)) map.addImage(id, pixels(draw(look, this.colours)), { pixelRatio: 2 });
    });
    map.on("click", (event) => {
      const [hit] = map.queryRenderedFeatures(event.point, { layers: ["replay-people"] });
      onPick(hit ? Number(hit.id) : null);
    });
    tandem.onPalette(() => this.recolour());
  }

  recolour() {
    const css = getComputedStyle(document.documentElement);
    this.colours = readColours();
    this.map.setPaintProperty("replay-names", "text-color", css.getPropertyValue("--text").trim());
    this.map.setPaintProperty("replay-names", "text-halo-color", css.getPropertyValue("--surface").trim());
    for (const id of this.map.listImages()) {
      const look = lookOf(id);
      if (look) this.map.updateImage(id, pixels(draw(look, this.colours)));
    }
  }

  /**
   * @param {Shown[]} shown
   * @param {number | null} chosen
   * @param {(person: number) => [number, number][]} tailOf
   */
  update(shown, chosen, tailOf) {
    /** @param {string} id @param {any[]} features */
    const put = (id, features) => {
      const source = /** @type {import("maplibre-gl").GeoJSONSource} */ (this.map.getSource(id));
      source.setData(/** @type {any} */ ({ type: "FeatureCollection", features }));
    };
    put(
      "replay-people",
      shown.map(({ person, standing }) => ({
        type: "Feature",
        id: person.id,
        properties: {
          name: person.name,
          named: person.id === chosen || standing.kind === "sos",
          look: nameOf(lookOfStanding(standing, this.lost)),
        },
        geometry: { type: "Point", coordinates: [standing.lon, standing.lat] },
      })),
    );
    put(
      "replay-tails",
      shown.flatMap(({ person, standing }) => {
        const coordinates = [...tailOf(person.id), [standing.lon, standing.lat]];
        const kind = /** @type {keyof typeof this.colours} */ (standing.kind);
        return coordinates.length < 2
          ? []
          : [{ type: "Feature", properties: { colour: this.colours[kind] ?? this.colours.unknown }, geometry: { type: "LineString", coordinates } }];
      }),
    );
  }
}
