// The supervisor's week: rows open, squads fold, the evidence is locked to the map.

import { createMap } from "./map.js";
import { covered } from "./shell.js";
import { addTrailLayers, clearTrail, showTrail } from "./trail.js";

/** @typedef {import("./map.js").TandemMap} TandemMap */

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  const fold = /** @type {HTMLElement | null} */ (event.target.closest("[data-fold]"));
  if (fold) {
    const people = document.getElementById(fold.dataset.fold ?? "");
    const open = fold.getAttribute("aria-expanded") !== "true";
    fold.setAttribute("aria-expanded", String(open));
    if (people) people.hidden = !open;
    return;
  }
  const row = event.target.closest("tr[data-href]");
  if (row && !event.target.closest("a, button")) {
    const link = row.querySelector("a.person-link");
    if (link instanceof HTMLElement) link.click();
  }
});

/** @param {string} text */
function noteOnMap(text) {
  const note = document.getElementById("map-note");
  if (!note) return;
  note.hidden = text === "";
  const words = note.querySelector("span");
  if (words) words.textContent = text;
}

const element = document.getElementById("map");
if (element) {
  createMap(element, { overlays: ["areas", "hotspots"] }).then(start, (error) => {
    noteOnMap(`${gettext("The map could not be loaded; everything in the list works.")} ${error.message}`);
  });
}

/** @param {TandemMap} tandem */
function start(tandem) {
  addTrailLayers(tandem);
  const { map } = tandem;

  /** @param {[number, number, number, number]} box */
  function fit(box) {
    const { left, bottom } = covered();
    const stage = map.getContainer().getBoundingClientRect();
    if (stage.height - bottom < 160 || stage.width - left < 200) return; // nothing to be seen
    map.fitBounds(box, {
      padding: { left: left + 40, bottom: bottom + 40, top: 40, right: 60 },
      maxZoom: 17,
      duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 400,
    });
  }

  function refresh() {
    if (!showTrail(tandem, fit)) {
      clearTrail(tandem);
      const asks = document.querySelector("[data-evidence]");
      noteOnMap(asks ? gettext("Open the track to see it here.") : "");
      const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-place]"));
      const box = (place?.dataset.place ?? "").split(",").map(Number);
      if (box.length === 4 && box.every(Number.isFinite)) {
        fit(/** @type {[number, number, number, number]} */ (box));
      }
    } else {
      noteOnMap("");
    }
  }

  if (!location.hash.includes("map=") && tandem.extent.bounds) fit(tandem.extent.bounds);
  refresh();
  document.addEventListener("htmx:afterSettle", refresh);
}
