/** What the search field finds besides people: streets, hotspots, stations, areas. */

import { fetchJson, isChinese } from "./map.js";

/** @typedef {[number, number, number, number]} Bounds west, south, east, north */
/** @typedef {{kind: "street" | "hotspot" | "station" | "area", id: number | null, name: string,
 *   name_en: string, unit: string, bounds: Bounds}} Place */

const WAIT_MS = 200;
const MOST_SHOWN = 8;

/** @returns {Record<Place["kind"], string>} */
function kinds() {
  return {
    street: gettext("Street"),
    hotspot: gettext("Hotspot"),
    station: gettext("Station or kiosk"),
    area: gettext("Area"),
  };
}

export class PlaceSearch {
  /**
   * @param {HTMLInputElement} field
   * @param {HTMLElement} root where the places stand
   * @param {{go: (place: Place) => void, first: () => HTMLButtonElement | null}} on go to a place;
   *   the first person who matches
   */
  constructor(field, root, on) {
    this.field = field;
    this.root = root;
    this.on = on;
    this.timer = 0;
    this.text = "";
    /** @type {AbortController | null} */
    this.asking = null;
    document.addEventListener("tandem:search", (event) => {
      this.ask(/** @type {CustomEvent} */ (event).detail.text);
    });
    // Before the frame's own Enter, which only moves the focus.
    field.addEventListener("keydown", (event) => this.press(event), { capture: true });
    root.addEventListener("keydown", (event) => this.move(event));
  }

  /** @param {string} text */
  ask(text) {
    // The frame says the same text again when a part of it was exchanged.
    if (text === this.text) return;
    this.text = text;
    window.clearTimeout(this.timer);
    this.asking?.abort();
    if (!text) {
      this.root.hidden = true;
      this.root.replaceChildren();
      return;
    }
    this.timer = window.setTimeout(() => void this.fetch(text), WAIT_MS);
  }

  /** @param {string} text */
  async fetch(text) {
    this.asking = new AbortController();
    try {
      const { places } = await fetchJson(`/api/live/places?q=${encodeURIComponent(text)}`, {
        signal: this.asking.signal,
      });
      this.show(places);
    } catch (error) {
      if (/** @type {Error} */ (error).name === "AbortError") return;
      this.text = "";
      this.say(gettext("Streets and places cannot be searched just now; people can."));
    }
  }

  /** @param {Place[]} places */
  show(places) {
    const words = kinds();
    const head = document.createElement("h2");
    head.textContent = gettext("Places");
    const buttons = places.slice(0, MOST_SHOWN).map((place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "live-place";
      const name = document.createElement("strong");
      name.textContent = isChinese() ? place.name : place.name_en || place.name;
      const kind = document.createElement("span");
      kind.className = "muted small";
      kind.textContent = [words[place.kind], place.unit].filter(Boolean).join(" · ");
      button.append(name, kind);
      button.addEventListener("click", () => this.on.go(place));
      return button;
    });
    this.root.hidden = !buttons.length;
    this.root.replaceChildren(...(buttons.length ? [head, ...buttons] : []));
  }

  /** @param {string} text */
  say(text) {
    const line = document.createElement("p");
    line.className = "muted small";
    line.setAttribute("role", "status");
    line.textContent = text;
    this.root.hidden = false;
    this.root.replaceChildren(line);
  }

  /** Enter chooses the best hit, an arrow down goes into the hits. @param {KeyboardEvent} event */
  press(event) {
    if (event.isComposing || !this.field.value.trim()) return;
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    const person = this.on.first();
    const place = this.root.querySelector("button");
    const hit = person ?? place;
    if (!hit) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key === "Enter") hit.click();
    else (place ?? hit).focus();
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...this.root.querySelectorAll("button")];
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement)) + step;
    if (at < 0) this.field.focus();
    else if (at < all.length) all[at].focus();
    else this.on.first()?.focus();
  }
}
