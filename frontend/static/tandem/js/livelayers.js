/** The menu of layers and the legend of places. What is hidden is in the address. */

import { stationImages } from "./mapstyle.js";

/** @typedef {import("./map.js").TandemMap} TandemMap */
/** @typedef {import("./map.js").OverlayName} OverlayName */
/** @typedef {"base" | "streets" | "beats" | "grid" | "clocks" | "staffing" | "tails" | "orders"} Part */

// Layers with tiles of their own are map.js' and stand in `layers=`; these are parts of others or
// of this page, all shown unless the address says `hide=`.
/** @type {Part[]} */
const PARTS = ["base", "streets", "beats", "grid", "clocks", "staffing", "tails", "orders"];
// The outside base map is the other way about: off unless the address says `base=outside`.
const STREETS = ["street-casing", "streets", "street-names"];

/** Open or close the menu of layers; for a key. */
export function toggleLayersMenu() {
  const menu = /** @type {HTMLDetailsElement | null} */ (
    document.getElementById("live-layers")?.closest("details") ?? null
  );
  if (!menu) return;
  menu.open = !menu.open;
  if (menu.open) menu.querySelector("input")?.focus();
  else menu.querySelector("summary")?.focus();
}

export class LayerMenu {
  /**
   * @param {HTMLElement} root holds a checkbox for each layer, by name
   * @param {TandemMap} tandem
   * @param {Partial<Record<Part, (on: boolean) => void>>} on called at once and at each change
   */
  constructor(root, tandem, on) {
    this.root = root;
    this.tandem = tandem;
    this.on = on;
    const hidden = (new URLSearchParams(location.search).get("hide") ?? "").split(",");
    /** @type {Set<Part>} */
    this.hidden = new Set(PARTS.filter((part) => hidden.includes(part)));
    if (new URLSearchParams(location.search).get("base") !== "outside") this.hidden.add("base");
    if (!tandem.shown().includes("areas")) {
      this.hidden.add("beats");
      this.hidden.add("grid");
    }
    for (const box of this.boxes()) {
      const part = PARTS.find((each) => each === box.name);
      box.checked = part
        ? !this.hidden.has(part)
        : tandem.shown().includes(/** @type {OverlayName} */ (box.name));
      box.addEventListener("change", () => this.change(box));
    }
    for (const part of PARTS) this.apply(part);
    for (const part of /** @type {Part[]} */ (["orders", "clocks", "staffing"])) this.offer(part);
  }

  boxes() {
    return this.root.querySelectorAll("input");
  }

  /** Show the entry of a layer that this page has only sometimes. @param {Part} part */
  offer(part) {
    const box = [...this.boxes()].find((each) => each.name === part);
    const label = box?.closest("label");
    if (label) label.hidden = !this.on[part];
  }

  /**
   * A layer that another file draws: its entry comes to the menu.
   * @param {Part} part
   * @param {(on: boolean) => void} toggle called at once
   */
  add(part, toggle) {
    this.on[part] = toggle;
    this.offer(part);
    this.apply(part);
  }

  /** @param {HTMLInputElement} box */
  change(box) {
    const part = PARTS.find((each) => each === box.name);
    if (!part) {
      this.tandem.show(/** @type {OverlayName} */ (box.name), box.checked);
      return;
    }
    if (box.checked) this.hidden.delete(part);
    else this.hidden.add(part);
    const url = new URL(location.href);
    if (this.hidden.has("base")) url.searchParams.delete("base");
    else url.searchParams.set("base", "outside");
    const names = PARTS.filter((each) => each !== "base" && this.hidden.has(each)).join(",");
    if (names) url.searchParams.set("hide", names);
    else url.searchParams.delete("hide");
    history.replaceState(history.state, "", url);
    const areas = (part === "beats" || part === "grid") && box.checked;
    if (areas && !this.tandem.shown().includes("areas")) this.tandem.show("areas", true);
    this.apply(part);
  }

  /** @param {Part} part */
  apply(part) {
    const { map } = this.tandem;
    const on = !this.hidden.has(part);
    if (part === "streets") {
      for (const id of STREETS) map.setLayoutProperty(id, "visibility", on ? "visible" : "none");
    } else if (part === "beats" || part === "grid") {
      this.filterAreas();
    }
    this.on[part]?.(on);
  }

  /** Beats, grid cells and the rest are one layer of tiles. */
  filterAreas() {
    const { map } = this.tandem;
    if (!map.getLayer("areas-line")) return;
    const out = [
      ...(this.hidden.has("beats") ? ["beat"] : []),
      ...(this.hidden.has("grid") ? ["grid_cell"] : []),
    ];
    const shown = ["!", ["in", ["get", "kind"], ["literal", out]]];
    map.setFilter("areas-line", /** @type {any} */ (shown));
    map.setFilter(
      "areas-name",
      /** @type {any} */ (["all", ["!=", ["get", "kind"], "jurisdiction"], shown]),
    );
  }
}

/**
 * One line of the legend for each kind of place, in the colours of the page.
 * @param {import("./mapstyle.js").Palette} palette
 * @returns {HTMLLIElement[]}
 */
export function placesLegend(palette) {
  /** @type {[string, string][]} */
  const lines = [
    ["street", gettext("Street")],
    ["boundary", gettext("Boundary of the bureau")],
    ["beat", gettext("Beat")],
    ["grid", gettext("Grid cell")],
    ["route", gettext("Patrol route")],
    ["hotspot", gettext("Hotspot: the street's whole width")],
  ];
  const images = stationImages(palette);
  /** @type {[string, string][]} */
  const stations = [
    ["post_house", gettext("Station")],
    ["kiosk", gettext("Kiosk")],
    ["community_point", gettext("Community point")],
    ["service_window", gettext("Service window")],
  ];
  return [
    ...lines.map(([name, text]) => {
      const swatch = document.createElement("span");
      swatch.className = `legend-line legend-${name}`;
      return item(swatch, text);
    }),
    ...stations.map(([name, text]) => {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 40;
      canvas.className = "legend-icon";
      canvas.getContext("2d")?.putImageData(images[`station-${name}`], 0, 0);
      return item(canvas, text);
    }),
  ];
}

/** @param {HTMLElement} mark @param {string} text */
export function item(mark, text) {
  const line = document.createElement("li");
  mark.setAttribute("aria-hidden", "true");
  line.append(mark, document.createTextNode(text));
  return line;
}
