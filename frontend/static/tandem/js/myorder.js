/** The officer's order: the clock of an offer, the place on the own map, and "I am there". */

import { Marker } from "/static/vendor/maplibre/maplibre-gl.mjs";

import { restSheet } from "./shell.js";
import { running } from "./words.js";

const WAIT_FOR_PLACE_MS = 8000;
const box = document.getElementById("orders");
/** @type {import("maplibre-gl").Map | null} */
let map = null;
/** @type {Marker | null} */
let marker = null;
let since = performance.now();

/** Clocks count down from what the server said was left: a phone's own clock may be wrong. */
function tick() {
  for (const element of box?.querySelectorAll(".order-clock") ?? []) {
    const left = Number(/** @type {HTMLElement} */ (element).dataset.left);
    element.textContent = running(Math.max(0, left - (performance.now() - since) / 1000));
  }
}

function place() {
  return /** @type {HTMLElement | null} */ (box?.querySelector("[data-lead-place]") ?? null);
}

function draw() {
  const at = place();
  if (!map || !at) {
    marker?.remove();
    marker = null;
    return;
  }
  const where = /** @type {[number, number]} */ ([Number(at.dataset.lon), Number(at.dataset.lat)]);
  if (!marker) {
    const element = document.createElement("div");
    element.className = "lead-mark";
    element.textContent = "!";
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", gettext("Place of the order"));
    marker = new Marker({ element, anchor: "bottom" }).setLngLat(where).addTo(map);
  }
  marker.setLngLat(where);
}

/** @param {HTMLFormElement} form */
function sendWithPlace(form) {
  const said = form.querySelector("[data-arrive-said]");
  if (said) said.textContent = gettext("Asking the phone where it is…");
  const send = () => {
    form.dataset.placed = "";
    form.requestSubmit();
  };
  if (!navigator.geolocation) {
    send();
    return;
  }
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      /** @type {HTMLInputElement} */ (form.elements.namedItem("lon")).value = String(
        coords.longitude,
      );
      /** @type {HTMLInputElement} */ (form.elements.namedItem("lat")).value = String(
        coords.latitude,
      );
      send();
    },
    send, // without a place it is noted, not lost
    { enableHighAccuracy: true, timeout: WAIT_FOR_PLACE_MS, maximumAge: 10_000 },
  );
}

if (box) {
  // Before htmx hears it: first the place, then the form.
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || !form.matches("[data-arrive]")) return;
      if ("placed" in form.dataset) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      sendWithPlace(form);
    },
    true,
  );
  box.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-lead-place]")) return;
    const at = place();
    if (!map || !at) return;
    if (matchMedia("(max-width: 760px)").matches) restSheet("half");
    map.easeTo({ center: [Number(at.dataset.lon), Number(at.dataset.lat)], zoom: 17, duration: 350 });
  });
  box.addEventListener("htmx:afterSwap", () => {
    since = performance.now();
    tick();
    draw();
  });
  // What was asked is answered: the line of news about it goes at once.
  box.addEventListener("htmx:afterRequest", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.requestConfig?.verb !== "post") return;
    document.dispatchEvent(new CustomEvent("tandem:news", { detail: { kinds: [] } }));
  });
  document.addEventListener("tandem:map", (event) => {
    map = /** @type {CustomEvent} */ (event).detail;
    draw();
  });
  window.setInterval(tick, 500);
  tick();
}
