/**
 * The planner's page: the panel is the server's, the map is drawn here.
 *
 * The panel says in #plan-state what it shows (list, station or form); the map follows it. Places
 * that are tried (a dragged mark, a form's coordinates) are asked of /api/reach; only the panel's
 * forms save.
 */

import { createMap, fetchJson } from "./map.js";
import { metresBetween, planLayers } from "./planmap.js";
import { covered, csrfToken } from "./shell.js";

/** @typedef {[number, number]} LonLat */

const element = /** @type {HTMLElement} */ (document.getElementById("map"));
const panel = /** @type {HTMLElement} */ (document.getElementById("plan-panel"));
const query = element.dataset.places ? `?${element.dataset.places}` : "";
const hadView = location.hash.includes("map=");
const TRY_EVERY_MS = 200;

const tandem = await createMap(element, { overlays: ["areas"] });
const { map } = tandem;
const marks = planLayers(tandem);
// For tests and the browser's console: what is drawn is otherwise hidden in a canvas.
/** @type {any} */ (window).tandemPlan = { map };

/** @type {{counts: Record<string, number>, hotspots: any[], rules: any} | null} */
let coverage = null;
/** @type {any} */
let hotspots = null;
/** @type {any} */
let reaches = null;
/** @type {AbortController | null} */
let trying = null;

/** Say on the map what is missing, and what to do. @param {string} text */
function say(text) {
  const state = /** @type {HTMLElement} */ (document.getElementById("map-state"));
  state.hidden = !text;
  state.textContent = text;
}

/** The space that panel and sheet leave free. */
function padding() {
  const { left, bottom } = covered();
  return { left: left + 56, bottom: bottom + 56, top: 72, right: 72 };
}

/** @param {number[]} box west, south, east, north */
function fit(box) {
  map.fitBounds([box[0], box[1], box[2], box[3]], { padding: padding(), maxZoom: 17 });
}

/** @param {LonLat} at */
function goTo(at) {
  map.easeTo({ center: at, zoom: Math.max(map.getZoom(), 15), padding: padding() });
}

/** The shape's box. @param {any} geometry */
function boxOf(geometry) {
  const box = [180, 90, -180, -90];
  JSON.stringify(geometry?.coordinates ?? [], (_key, value) => {
    if (Array.isArray(value) && typeof value[0] === "number") {
      box[0] = Math.min(box[0], value[0]);
      box[1] = Math.min(box[1], value[1]);
      box[2] = Math.max(box[2], value[0]);
      box[3] = Math.max(box[3], value[1]);
      return null;
    }
    return value;
  });
  return box;
}

/** Fetch places and draw them; each part fails alone and says so. */
async function refresh() {
  const all = query ? `${query}&state=all` : "?state=all";
  const [stations, spots, served, areas] = await Promise.allSettled([
    fetchJson(`/api/stations${all}`),
    fetchJson(`/api/hotspots${query}`),
    fetchJson(`/api/coverage${query}`),
    fetchJson(`/api/stations/reach${query}`),
  ]);
  const failed = [stations, spots, served, areas].find((one) => one.status === "rejected");
  say(
    failed
      ? interpolate(gettext("Part of the map could not be fetched: %s"), [failed.reason.message])
      : "",
  );
  if (stations.status === "fulfilled") marks.draw("plan-stations", stations.value);
  hotspots = spots.status === "fulfilled" ? spots.value : null;
  coverage = served.status === "fulfilled" ? served.value : null;
  reaches = areas.status === "fulfilled" ? areas.value : null;
  if (reaches) {
    const covered = { type: "Feature", geometry: reaches.covered, properties: {} };
    marks.draw("plan-reach", { type: "FeatureCollection", features: [covered] });
  }
  drawServed(coverage?.hotspots ?? []);
  element.dataset.ready = "yes";
}

/** @param {any[]} served */
function drawServed(served) {
  if (hotspots) marks.drawHotspots(hotspots, served);
}

/** What the panel shows now. */
function state() {
  const { mode = "list", station, lon, lat, kind = "kiosk", movable } =
    document.getElementById("plan-state")?.dataset ?? {};
  return {
    mode,
    station: station ? Number(station) : null,
    at: lon && lat ? /** @type {LonLat} */ ([Number(lon), Number(lat)]) : null,
    kind,
    movable: movable === "yes",
  };
}

/** @returns {{lon: HTMLInputElement, lat: HTMLInputElement} | null} the form's coordinates */
function fields() {
  const lon = panel.querySelector("[data-lon]:not(#plan-state)");
  const lat = panel.querySelector("[data-lat]:not(#plan-state)");
  return lon instanceof HTMLInputElement && lat instanceof HTMLInputElement ? { lon, lat } : null;
}

/** @returns {LonLat | null} where the form's coordinates are */
function typed() {
  const inputs = fields();
  if (!inputs?.lon.value || !inputs.lat.value) return null;
  const at = /** @type {LonLat} */ ([Number(inputs.lon.value), Number(inputs.lat.value)]);
  return Math.abs(at[0]) <= 180 && Math.abs(at[1]) <= 90 ? at : null;
}

/** The map follows the panel. @param {boolean} go whether to move the map too */
function follow(go) {
  const now = state();
  trying?.abort();
  marks.draw("plan-try", null);
  marks.draw("plan-one", null);
  marks.hideStation(null);
  marks.dropPin();
  drawServed(coverage?.hotspots ?? []);
  const all = /** @type {HTMLInputElement | null} */ (document.getElementById("all-reach"));
  const wanted = new URLSearchParams(location.search).get("reach") !== "one";
  if (all) all.checked = wanted;
  marks.showReaches(wanted);
  element.classList.toggle("placing", now.mode === "form");
  if (now.mode === "station" && now.station && now.at) {
    marks.hideStation(now.station);
    marks.setPin(now.at, now.kind, now.movable, (at, rests) => dragged(now, at, rests));
    showReach(now.station, go ? now.at : null);
  } else if (now.mode === "form") {
    const at = typed();
    marks.hideStation(now.station);
    if (at) {
      placePin(at);
      if (go) goTo(at);
    }
  }
}

/** The reach of one station, from what is drawn already or from the server.
 * @param {number} id @param {LonLat | null} at where to go */
async function showReach(id, at) {
  const said = document.getElementById("reach-said");
  try {
    const known = reaches?.features.find((/** @type {any} */ one) => one.id === id);
    const feature = known ?? (await fetchJson(`/api/stations/${id}/reach`));
    if (state().station !== id) return;
    if (!feature.geometry) {
      if (said) said.textContent = feature.properties.why;
      if (at) goTo(at);
      return;
    }
    marks.draw("plan-one", feature);
    if (at) fit(boxOf(feature.geometry));
  } catch (error) {
    if (said) said.textContent = /** @type {Error} */ (error).message;
    if (at) goTo(at);
  }
}

/** Ask what a place would reach, at most every 200 ms while it moves.
 * @param {LonLat} at @param {number | null} station
 * @param {(answer: any, wrong: string) => void} done */
async function tryPlace(at, station, done) {
  trying?.abort();
  const mine = (trying = new AbortController());
  try {
    const answer = await fetchJson(`/api/reach${query}`, {
      method: "POST",
      signal: mine.signal,
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify({ lon_deg: at[0], lat_deg: at[1], station }),
    });
    marks.draw("plan-try", answer);
    drawServed(answer.coverage.hotspots);
    done(answer, "");
  } catch (error) {
    if (mine.signal.aborted) return;
    marks.draw("plan-try", null);
    done(null, /** @type {Error} */ (error).message);
  }
}

/** How the counts change. @param {any} answer */
function changeSaid(answer) {
  if (!coverage) return "";
  const before = coverage.counts.reached;
  const after = answer.coverage.counts.reached;
  return interpolate(gettext("Hotspots reached: %(before)s now, %(after)s from there."), { before, after }, true);
}

let lastTry = 0;

/** A station's mark is dragged: numbers follow, and Save appears.
 * @param {ReturnType<typeof state>} now @param {LonLat} at @param {boolean} rests */
function dragged(now, at, rests) {
  if (!rests && performance.now() - lastTry < TRY_EVERY_MS) return;
  lastTry = performance.now();
  const bar = /** @type {HTMLFormElement | null} */ (document.getElementById("move"));
  const said = document.getElementById("move-said");
  if (!bar || !said || !now.at) return;
  bar.hidden = false;
  /** @type {HTMLInputElement} */ (bar.elements.namedItem("lon_deg")).value = at[0].toFixed(7);
  /** @type {HTMLInputElement} */ (bar.elements.namedItem("lat_deg")).value = at[1].toFixed(7);
  const far = interpolate(gettext("%s m from where it stands."), [
    Math.round(metresBetween(now.at, at)),
  ]);
  said.textContent = far;
  tryPlace(at, now.station, (answer, wrong) => {
    said.textContent = `${far} ${answer ? changeSaid(answer) : wrong}`;
  });
}

/** The form's mark. @param {LonLat} at */
function placePin(at) {
  const kind = panel.querySelector('select[name="kind"]');
  const name = kind instanceof HTMLSelectElement ? kind.value : "kiosk";
  if (marks.hasPin()) marks.movePin(at);
  else marks.setPin(at, name, true, (there, rests) => placed(there, rests));
  tryForm(at);
}

/** The form's mark was put somewhere. @param {LonLat} at @param {boolean} rests */
function placed(at, rests) {
  const inputs = fields();
  if (!inputs) return;
  inputs.lon.value = at[0].toFixed(6);
  inputs.lat.value = at[1].toFixed(6);
  if (rests || performance.now() - lastTry >= TRY_EVERY_MS) tryForm(at);
}

/** @param {LonLat} at */
function tryForm(at) {
  lastTry = performance.now();
  const said = document.getElementById("try-said");
  tryPlace(at, state().station, (answer, wrong) => {
    if (said) said.textContent = answer ? changeSaid(answer) : wrong;
  });
}

map.on("click", (event) => {
  if (state().mode === "form") {
    const at = /** @type {LonLat} */ ([event.lngLat.lng, event.lngLat.lat]);
    placed(at, false);
    placePin(at);
    return;
  }
  const [found] = map.queryRenderedFeatures(event.point, { layers: ["plan-stations"] });
  const id = found?.properties.id;
  if (id) openStation(id);
});
for (const layer of ["plan-stations"]) {
  map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
}

/** Open a station's card as its line in the list would. @param {number} id */
function openStation(id) {
  const address = `/plan/stations/${id}/${query}`;
  const line = /** @type {HTMLElement | null} */ (panel.querySelector(`[data-station="${id}"]`));
  if (line) line.click();
  else htmx.ajax("GET", address, { target: "#plan-panel", swap: "innerHTML" });
}

panel.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const hotspot = /** @type {HTMLElement | null} */ (target?.closest("[data-bounds]") ?? null);
  if (hotspot) {
    for (const line of panel.querySelectorAll("[data-bounds]")) {
      line.setAttribute("aria-current", String(line === hotspot));
    }
    fit((hotspot.dataset.bounds ?? "").split(",").map(Number));
  }
  const place = /** @type {HTMLElement | null} */ (target?.closest("[data-place]") ?? null);
  if (place) {
    const [lon, lat] = (place.dataset.place ?? "").split(",").map(Number);
    goTo([lon, lat]);
  }
  if (target?.closest("#move-undo")) follow(false), hideMove();
});

function hideMove() {
  const bar = document.getElementById("move");
  if (bar) bar.hidden = true;
}

panel.addEventListener("change", (event) => {
  const input = event.target;
  if (!(input instanceof HTMLInputElement || input instanceof HTMLSelectElement)) return;
  if (input.id === "all-reach" && input instanceof HTMLInputElement) {
    const url = new URL(location.href);
    if (input.checked) url.searchParams.delete("reach");
    else url.searchParams.set("reach", "one");
    history.replaceState(history.state, "", url);
    marks.showReaches(input.checked);
  }
  if (input.matches("[data-lon], [data-lat]")) {
    const at = typed();
    if (at) {
      placePin(at);
      goTo(at);
    }
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (/** @type {CustomEvent} */ (event).detail.target === panel) follow(true);
});
document.body.addEventListener("tandem:places", () => void refresh().then(() => follow(false)));

// Before the places are there: whoever has gone somewhere meanwhile is not taken back.
if (!hadView && tandem.extent.bounds) {
  map.fitBounds(tandem.extent.bounds, { padding: padding(), animate: false });
}
await refresh();
follow(!hadView);
