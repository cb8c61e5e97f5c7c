/**
 * Draws the field of geo.widgets.MapWidget: a place on our own streets. Clicking adds points to the
 * last part, dragging moves them; the textarea holds the GeoJSON and may be typed into as well.
 */

import * as maplibre from "/static/vendor/maplibre/maplibre-gl.mjs";

import { createMap } from "/static/tandem/js/map.js";

/** @typedef {[number, number]} LonLat */

const MOST_HANDLES = 400; // beyond it a shape is shown and edited as text

/** @param {HTMLElement} field */
async function start(field) {
  const kind = field.dataset.mapfield ?? "Point";
  const text = /** @type {HTMLTextAreaElement} */ (field.querySelector("textarea"));
  const element = /** @type {HTMLElement} */ (field.querySelector(".mapfield-map"));
  const { map } = await createMap(element, { address: false, overlays: ["areas"] });
  map.addSource("drawn", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
  map.addLayer({ id: "drawn-fill", type: "fill", source: "drawn", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": "#00629b", "fill-opacity": 0.15 } });
  map.addLayer({ id: "drawn-line", type: "line", source: "drawn", paint: { "line-color": "#00629b", "line-width": 3 } });

  /** Points of each part; a polygon's holes are kept apart, untouched. @type {LonLat[][]} */
  let parts = [];
  /** @type {any[][]} */
  let holes = [];
  /** @type {maplibre.Marker[]} */
  let handles = [];

  /** @param {any} geometry @returns {boolean} whether it could be read */
  function read(geometry) {
    const many = {
      Point: (/** @type {any} */ c) => [[c]],
      LineString: (/** @type {any} */ c) => [c],
      MultiLineString: (/** @type {any} */ c) => c,
      Polygon: (/** @type {any} */ c) => [c[0].slice(0, -1)],
      MultiPolygon: (/** @type {any} */ c) => c.map((/** @type {any} */ p) => p[0].slice(0, -1)),
    }[/** @type {string} */ (geometry?.type)];
    try {
      parts = structuredClone(many?.(geometry.coordinates) ?? []);
      const polygons = geometry?.type === "Polygon" ? [geometry.coordinates] : geometry?.type === "MultiPolygon" ? geometry.coordinates : [];
      holes = polygons.map((/** @type {any} */ polygon) => polygon.slice(1));
      return many !== undefined;
    } catch {
      parts = [];
      return false;
    }
  }

  /** @returns {any} the geometry drawn so far, or null */
  function geometry() {
    if (kind === "Point") return parts[0]?.[0] ? { type: "Point", coordinates: parts[0][0] } : null;
    if (kind === "MultiLineString") {
      const lines = parts.filter((part) => part.length > 1);
      return lines.length ? { type: kind, coordinates: lines } : null;
    }
    const rings = parts
      .map((part, i) => [[...part, part[0]], ...(holes[i] ?? [])])
      .filter((polygon) => polygon[0].length > 3);
    return rings.length ? { type: "MultiPolygon", coordinates: rings } : null;
  }

  /** @param {boolean} write whether the textarea follows */
  function draw(write) {
    const shape = geometry();
    const loose = parts.filter((part) => part.length > 1).map((part) => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: part } }));
    const source = /** @type {maplibre.GeoJSONSource} */ (map.getSource("drawn"));
    source.setData(/** @type {any} */ ({ type: "FeatureCollection", features: shape ? [{ type: "Feature", properties: {}, geometry: shape }] : loose }));
    if (write) text.value = shape ? JSON.stringify(shape, (_key, value) => (typeof value === "number" ? Number(value.toFixed(7)) : value)) : "";
  }

  function handleAll() {
    for (const handle of handles) handle.remove();
    handles = [];
    if (parts.flat().length > MOST_HANDLES) return;
    for (const part of parts) {
      part.forEach((at, i) => {
        const dot = document.createElement("div");
        dot.className = kind === "Point" ? "mapfield-point single" : "mapfield-point";
        const handle = new maplibre.Marker({ element: dot, draggable: true }).setLngLat(at).addTo(map);
        handle.on("drag", () => {
          const { lng, lat } = handle.getLngLat();
          part[i] = [lng, lat];
          draw(true);
        });
        handles.push(handle);
      });
    }
  }

  function show() {
    const points = parts.flat();
    if (!points.length) return;
    const box = points.reduce((all, at) => all.extend(at), new maplibre.LngLatBounds(points[0], points[0]));
    map.fitBounds(box, { padding: 40, maxZoom: 16, animate: false });
  }

  function readText() {
    let typed = null;
    try {
      typed = text.value.trim() ? JSON.parse(text.value) : null;
    } catch {
      typed = { type: "?" };
    }
    const good = typed === null || read(typed);
    if (typed === null) read(null);
    text.setAttribute("aria-invalid", String(!good));
    draw(false);
    handleAll();
  }

  map.on("click", (event) => {
    const at = /** @type {LonLat} */ ([event.lngLat.lng, event.lngLat.lat]);
    if (kind === "Point") parts = [[at]];
    else if (parts.length) parts[parts.length - 1].push(at);
    else parts = [[at]];
    draw(true);
    handleAll();
  });

  field.addEventListener("click", (event) => {
    const act = event.target instanceof HTMLElement ? event.target.dataset.act : undefined;
    if (act === "undo") {
      parts.at(-1)?.pop();
      if (!parts.at(-1)?.length) parts.pop();
    } else if (act === "part") parts.push([]);
    else if (act === "clear") parts = [];
    if (!act) return;
    if (act === "clear") holes = [];
    draw(true);
    handleAll();
  });
  text.addEventListener("change", () => {
    readText();
    show();
  });

  readText();
  show();
  field.dataset.ready = "yes";
}

for (const field of document.querySelectorAll("[data-mapfield]")) {
  start(/** @type {HTMLElement} */ (field)).catch((error) => {
    const said = field.querySelector(".mapfield-said");
    if (said) said.textContent = error.message; // the textarea still works
  });
}
