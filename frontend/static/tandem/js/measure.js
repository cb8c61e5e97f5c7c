/** Measure on the map: a clicked line and its length. Enter puts a point at the cross in the middle. */

import { covered } from "./shell.js";

const EARTH_M = 6_371_008.8; // mean radius, IUGG

/** @typedef {[number, number]} LonLat degrees */

/** Great-circle distance in m. @param {LonLat} a @param {LonLat} b */
export function metres(a, b) {
  const rad = Math.PI / 180;
  const lat = Math.sin(((b[1] - a[1]) * rad) / 2) ** 2;
  const lon = Math.sin(((b[0] - a[0]) * rad) / 2) ** 2;
  const h = lat + Math.cos(a[1] * rad) * Math.cos(b[1] * rad) * lon;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** "85 m", "1.24 km". @param {number} m */
export function distance(m) {
  if (m < 1000) return interpolate(gettext("%(n)s m"), { n: Math.round(m) }, true);
  return interpolate(gettext("%(n)s km"), { n: (m / 1000).toFixed(m < 10_000 ? 2 : 1) }, true);
}

/** The middle of what one sees of the map, where the cross is.
 * @param {import("maplibre-gl").Map} map */
export function crossPoint(map) {
  const box = map.getContainer();
  const { left, bottom } = covered();
  return { x: (box.clientWidth + left) / 2, y: (box.clientHeight - bottom) / 2 };
}

export class Measure {
  /**
   * @param {import("maplibre-gl").Map} map
   * @param {HTMLElement} panel with an `output` and a `[data-measure-end]` button
   * @param {(on: boolean) => void} onChange
   */
  constructor(map, panel, onChange) {
    this.map = map;
    this.panel = panel;
    this.onChange = onChange;
    this.on = false;
    /** @type {LonLat[]} */
    this.points = [];
    /** @type {LonLat | null} where the pointer is */
    this.loose = null;
    this.said = /** @type {HTMLElement} */ (panel.querySelector("output"));
    panel.querySelector("[data-measure-end]")?.addEventListener("click", () => this.end());
    panel.querySelector("[data-measure-back]")?.addEventListener("click", () => this.back());
    map.on("click", (event) => {
      if (this.on) this.add([event.lngLat.lng, event.lngLat.lat]);
    });
    map.on("mousemove", (event) => {
      if (!this.on || !this.points.length) return;
      this.loose = [event.lngLat.lng, event.lngLat.lat];
      this.draw();
    });
  }

  toggle() {
    if (this.on) this.end();
    else this.begin();
  }

  begin() {
    this.on = true;
    this.points = [];
    this.loose = null;
    this.addLayers();
    this.panel.hidden = false;
    this.map.getCanvas().style.cursor = "crosshair";
    this.map.getCanvas().focus();
    this.draw();
    this.onChange(true);
  }

  /** @returns {boolean} whether it was on */
  end() {
    if (!this.on) return false;
    this.on = false;
    this.points = [];
    this.loose = null;
    this.draw();
    this.panel.hidden = true;
    this.map.getCanvas().style.cursor = "";
    this.onChange(false);
    return true;
  }

  /** @param {LonLat} point */
  add(point) {
    this.points.push(point);
    this.loose = null;
    this.draw();
  }

  /** Put a point at the cross. */
  addAtCross() {
    const { x, y } = crossPoint(this.map);
    const { lng, lat } = this.map.unproject([x, y]);
    this.add([lng, lat]);
  }

  /** Take the last point back. */
  back() {
    this.points.pop();
    this.loose = null;
    this.draw();
  }

  addLayers() {
    const { map } = this;
    if (map.getSource("measure")) return;
    const css = getComputedStyle(document.documentElement);
    const [text, ground] = ["--text", "--surface"].map((name) => css.getPropertyValue(name).trim());
    map.addSource("measure", { type: "geojson", data: this.features() });
    const line = /** @type {const} */ ({ "line-cap": "round", "line-join": "round" });
    map.addLayer({
      id: "measure-edge",
      type: "line",
      source: "measure",
      layout: line,
      paint: { "line-color": ground, "line-width": 5 },
    });
    map.addLayer({
      id: "measure-line",
      type: "line",
      source: "measure",
      layout: line,
      paint: { "line-color": text, "line-width": 2, "line-dasharray": ["literal", [2, 2]] },
    });
    map.addLayer({
      id: "measure-point",
      type: "circle",
      source: "measure",
      filter: ["==", ["geometry-type"], "Point"],
      paint: {
        "circle-radius": 4,
        "circle-color": ground,
        "circle-stroke-color": text,
        "circle-stroke-width": 2,
      },
    });
  }

  /** The reader's system turned light or dark. */
  recolour() {
    if (!this.map.getSource("measure")) return;
    for (const id of ["measure-point", "measure-line", "measure-edge"]) this.map.removeLayer(id);
    this.map.removeSource("measure");
    this.addLayers();
  }

  /** @returns {import("geojson").FeatureCollection} */
  features() {
    const way = this.loose ? [...this.points, this.loose] : this.points;
    /** @type {import("geojson").Feature[]} */
    const features = this.points.map((point) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: point },
      properties: {},
    }));
    if (way.length > 1) {
      const geometry = { type: /** @type {const} */ ("LineString"), coordinates: way };
      features.push({ type: "Feature", geometry, properties: {} });
    }
    return { type: "FeatureCollection", features };
  }

  draw() {
    const source = /** @type {import("maplibre-gl").GeoJSONSource | undefined} */ (
      this.map.getSource("measure")
    );
    void source?.setData(this.features());
    const way = this.loose ? [...this.points, this.loose] : this.points;
    const total = way.slice(1).reduce((sum, point, i) => sum + metres(way[i], point), 0);
    const said = this.points.length
      ? distance(total)
      : gettext("Click where the line begins, or press Enter at the cross.");
    if (this.said.textContent !== said) this.said.textContent = said;
    this.said.classList.toggle("measured", this.points.length > 0);
  }
}
