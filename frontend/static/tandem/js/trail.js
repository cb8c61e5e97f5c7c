/**
 * A person's week on the map and in its timeline, locked to each other: pointing at one shows the
 * same moment in the other, with a sentence of what was counted and why.
 *
 * The page carries `<div id="trail-data" hidden>` with JSON: {spans: {id: {day, start_s, end_s,
 * reason, said}}, track: FeatureCollection}. A feature is a line with properties {day, reason,
 * span, times} (`times`: seconds after local midnight of each coordinate) or a point (a place
 * where somebody stood) with {day, reason, span}.
 */

import { BELOW_NAMES } from "./map.js";
import { readJson } from "./shell.js";

/** @typedef {{day: string, start_s: number, end_s: number, reason: string, said: string}} Span */
/** @typedef {{day: string, reason: string, span: string, times?: number[]}} Properties */
/** @typedef {{type: "Feature", properties: Properties, geometry: any}} Feature */
/** @typedef {import("./map.js").TandemMap} TandemMap */

const EMPTY = /** @type {any} */ ({ type: "FeatureCollection", features: [] });
const LAYERS = ["trail-edge", "trail-line", "trail-gap", "trail-stay"];

/** @param {string} name */
function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The colour of a reason, as the timeline has it. */
function colours() {
  return /** @type {any} */ ([
    "match",
    ["get", "reason"],
    ["moving", "short_stop", "long_stop", "gap_credited"],
    token("--together"),
    "parked",
    token("--parked"),
    "off_beat",
    token("--off-beat"),
    "suspect",
    token("--not-met"),
    token("--no-signal"),
  ]);
}

/** Put the (empty) trail layers on a map, once. @param {TandemMap} tandem */
export function addTrailLayers(tandem) {
  const { map } = tandem;
  map.addSource("trail", { type: "geojson", data: EMPTY });
  map.addSource("trail-here", { type: "geojson", data: EMPTY });
  const line = /** @type {any} */ (["==", ["geometry-type"], "LineString"]);
  const gap = /** @type {any} */ (["in", ["get", "reason"], ["literal", ["gap_credited", "gap_unknown", "no_signal"]]]);
  const round = /** @type {any} */ ({ "line-cap": "round", "line-join": "round" });
  map.addLayer(
    { id: "trail-edge", type: "line", source: "trail", filter: ["all", line, ["!", gap]], layout: round, paint: { "line-width": 7, "line-color": token("--surface") } },
    BELOW_NAMES,
  );
  map.addLayer(
    { id: "trail-line", type: "line", source: "trail", filter: ["all", line, ["!", gap]], layout: round, paint: { "line-width": 4, "line-color": colours() } },
    BELOW_NAMES,
  );
  map.addLayer(
    { id: "trail-gap", type: "line", source: "trail", filter: ["all", line, gap], paint: { "line-width": 3, "line-color": token("--no-signal"), "line-dasharray": [1.5, 1.5] } },
    BELOW_NAMES,
  );
  map.addLayer({
    id: "trail-stay",
    type: "circle",
    source: "trail",
    filter: ["==", ["geometry-type"], "Point"],
    paint: { "circle-radius": 6, "circle-color": colours(), "circle-stroke-width": 2, "circle-stroke-color": token("--text") },
  });
  map.addLayer({
    id: "trail-here",
    type: "circle",
    source: "trail-here",
    paint: { "circle-radius": 8, "circle-color": token("--surface"), "circle-stroke-width": 4, "circle-stroke-color": token("--text") },
  });
  tandem.onPalette(() => {
    map.setPaintProperty("trail-edge", "line-color", token("--surface"));
    map.setPaintProperty("trail-line", "line-color", colours());
    map.setPaintProperty("trail-gap", "line-color", token("--no-signal"));
    map.setPaintProperty("trail-stay", "circle-color", colours());
    map.setPaintProperty("trail-stay", "circle-stroke-color", token("--text"));
    map.setPaintProperty("trail-here", "circle-color", token("--surface"));
    map.setPaintProperty("trail-here", "circle-stroke-color", token("--text"));
  });
}

/** @param {TandemMap} tandem @param {string} name @param {any} data */
function setData(tandem, name, data) {
  const source = /** @type {import("maplibre-gl").GeoJSONSource} */ (tandem.map.getSource(name));
  source.setData(data);
}

/**
 * The place at a moment along a feature.
 * @param {Feature} feature @param {number} s seconds after midnight
 * @returns {[number, number]}
 */
function placeAt(feature, s) {
  if (feature.geometry.type === "Point") return feature.geometry.coordinates;
  const at = feature.geometry.coordinates;
  const times = feature.properties.times ?? [];
  let i = times.findIndex((t) => t >= s);
  if (i < 0) return at[at.length - 1];
  if (i === 0) return at[0];
  const share = (s - times[i - 1]) / Math.max(times[i] - times[i - 1], 1e-6);
  return [
    at[i - 1][0] + share * (at[i][0] - at[i - 1][0]),
    at[i - 1][1] + share * (at[i][1] - at[i - 1][1]),
  ];
}

/**
 * The moment on a feature nearest to a place.
 * @param {Feature} feature @param {{lng: number, lat: number}} place
 */
function momentAt(feature, place) {
  const times = feature.properties.times ?? [];
  if (feature.geometry.type === "Point" || times.length === 0) return null;
  const squash = Math.cos((place.lat * Math.PI) / 180);
  let best = Infinity;
  let moment = times[0];
  const at = feature.geometry.coordinates;
  for (let i = 1; i < at.length; i += 1) {
    const ax = (at[i - 1][0] - place.lng) * squash;
    const ay = at[i - 1][1] - place.lat;
    const dx = (at[i][0] - at[i - 1][0]) * squash;
    const dy = at[i][1] - at[i - 1][1];
    const length = dx * dx + dy * dy;
    const share = length ? Math.max(0, Math.min(1, -(ax * dx + ay * dy) / length)) : 0;
    const off = (ax + share * dx) ** 2 + (ay + share * dy) ** 2;
    if (off < best) {
      best = off;
      moment = times[i - 1] + share * (times[i] - times[i - 1]);
    }
  }
  return moment;
}

/** Take the trail off the map. @param {TandemMap} tandem */
export function clearTrail(tandem) {
  setData(tandem, "trail", EMPTY);
  setData(tandem, "trail-here", EMPTY);
}

/**
 * Draw the trail that the page carries and lock timeline and map. Returns false if there is none.
 * @param {TandemMap} tandem
 * @param {(bounds: [number, number, number, number]) => void} fit shows a box beside the panel
 */
export function showTrail(tandem, fit) {
  const root = /** @type {HTMLElement | null} */ (document.querySelector("[data-trail]"));
  const data = /** @type {{spans: Record<string, Span>, track: {features: Feature[]}} | undefined} */ (
    readJson("trail-data")
  );
  if (!root || !data) return false;
  if (root.dataset.shown) return true;
  root.dataset.shown = "yes";
  const { map } = tandem;
  const { spans } = data;
  const features = data.track.features;
  setData(tandem, "trail", data.track);
  setData(tandem, "trail-here", EMPTY);
  const whole = boxOf(features);
  if (whole) fit(whole);

  const said = root.querySelector("#said");
  const lanes = /** @type {Map<string, SVGSVGElement>} */ (new Map());
  for (const lane of root.querySelectorAll("svg[data-lane]")) {
    const svg = /** @type {SVGSVGElement} */ (lane);
    lanes.set(svg.dataset.lane ?? "", svg);
  }

  /** @param {string} id @param {number} s @param {boolean} [go] move the map if it is out of sight */
  function point(id, s, go = false) {
    const span = spans[id];
    if (!span) return;
    for (const element of root?.querySelectorAll(".here") ?? []) element.classList.remove("here");
    for (const element of root?.querySelectorAll(`[data-span="${id}"]`) ?? []) {
      element.classList.add("here");
    }
    for (const [day, svg] of lanes) {
      const cursor = svg.querySelector(".cursor");
      cursor?.setAttribute("visibility", day === span.day ? "visible" : "hidden");
      if (day === span.day) {
        cursor?.setAttribute("x1", String(s));
        cursor?.setAttribute("x2", String(s));
        svg.setAttribute("aria-valuenow", String(Math.round(s)));
        svg.setAttribute("aria-valuetext", span.said);
      }
    }
    if (said) said.textContent = span.said;
    const feature = features.find((each) => each.properties.span === id && covers(each, s)) ??
      features.find((each) => each.properties.span === id);
    if (!feature) {
      setData(tandem, "trail-here", EMPTY);
      return;
    }
    const place = placeAt(feature, s);
    setData(tandem, "trail-here", {
      type: "Feature",
      properties: {},
      geometry: { type: "Point", coordinates: place },
    });
    if (go && !map.getBounds().contains(place)) map.panTo(place);
  }

  /** @param {Feature} feature @param {number} s */
  function covers(feature, s) {
    const times = feature.properties.times;
    return !times || (times[0] <= s && s <= times[times.length - 1]);
  }

  /** @param {string} day */
  const spansOf = (day) =>
    Object.entries(spans)
      .filter(([, span]) => span.day === day)
      .sort(([, a], [, b]) => a.start_s - b.start_s);

  for (const [day, svg] of lanes) {
    const order = spansOf(day);
    /** @param {PointerEvent} event @param {boolean} go */
    const follow = (event, go) => {
      const box = svg.getBoundingClientRect();
      const view = svg.viewBox.baseVal;
      const s = view.x + ((event.clientX - box.left) / box.width) * view.width;
      const hit = order.find(([, span]) => span.start_s <= s && s < span.end_s);
      if (hit) point(hit[0], s, go);
    };
    svg.addEventListener("pointermove", (event) => follow(event, false));
    svg.addEventListener("pointerdown", (event) => follow(event, true));
    svg.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (by === undefined && event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      const now = order.findIndex(([id]) => svg.querySelector(`.here[data-span="${id}"]`));
      let next = by === undefined ? (event.key === "Home" ? 0 : order.length - 1) : now + by;
      if (now < 0 && by !== undefined) next = by > 0 ? 0 : order.length - 1;
      const hit = order[Math.max(0, Math.min(order.length - 1, next))];
      if (hit) point(hit[0], (hit[1].start_s + hit[1].end_s) / 2, true);
    });
  }

  root.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button[data-span]");
    if (!(button instanceof HTMLElement)) return;
    const id = button.dataset.span ?? "";
    const span = spans[id];
    if (!span) return;
    point(id, (span.start_s + span.end_s) / 2, true);
    const box = boxOf(features.filter((each) => each.properties.span === id));
    if (box) fit(box);
  });

  /** @param {import("maplibre-gl").MapMouseEvent} event */
  const onMap = (event) => {
    if (!root.isConnected) {
      map.off("mousemove", onMap);
      map.off("click", onMap);
      return;
    }
    const around = /** @type {any} */ ([
      [event.point.x - 8, event.point.y - 8],
      [event.point.x + 8, event.point.y + 8],
    ]);
    const hit = map.queryRenderedFeatures(around, { layers: LAYERS })[0];
    map.getCanvas().style.cursor = hit ? "crosshair" : "";
    if (!hit) return;
    const id = String(hit.properties.span);
    const feature = features
      .filter((each) => each.properties.span === id)
      .map((each) => ({ each, off: distance(each, event.lngLat) }))
      .sort((a, b) => a.off - b.off)[0]?.each;
    const span = spans[id];
    if (!feature || !span) return;
    point(id, momentAt(feature, event.lngLat) ?? (span.start_s + span.end_s) / 2);
  };
  map.on("mousemove", onMap);
  map.on("click", onMap);
  return true;
}

/** @param {Feature} feature @param {{lng: number, lat: number}} place */
function distance(feature, place) {
  const moment = momentAt(feature, place);
  const at = moment === null ? placeAt(feature, 0) : placeAt(feature, moment);
  return (at[0] - place.lng) ** 2 + (at[1] - place.lat) ** 2;
}

/**
 * @param {Feature[]} features
 * @returns {[number, number, number, number] | null} west, south, east, north
 */
export function boxOf(features) {
  let box = /** @type {[number, number, number, number] | null} */ (null);
  for (const { geometry } of features) {
    const places = geometry.type === "Point" ? [geometry.coordinates] : geometry.coordinates;
    for (const [lon, lat] of places) {
      if (!box) box = [lon, lat, lon, lat];
      box[0] = Math.min(box[0], lon);
      box[1] = Math.min(box[1], lat);
      box[2] = Math.max(box[2], lon);
      box[3] = Math.max(box[3], lat);
    }
  }
  return box;
}
