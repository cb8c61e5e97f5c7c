/** The live map's tools and keys: measure, open at the cross, layers, the list of keys. */

import { Keys } from "./keys.js";
import { crossPoint, Measure } from "./measure.js";

/**
 * @typedef {object} Hooks
 * @property {() => boolean} follow follow the chosen person, or no more; false without one
 * @property {() => boolean} back one step: what Esc does when no tool is on
 */

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * The keys work at once, what needs the map when there is one.
 * @param {Hooks} hooks
 * @returns {(tandem: import("./map.js").TandemMap, layer: import("./livemap.js").PeopleLayer) => void}
 */
export function addTools({ follow, back }) {
  /** @type {{map: import("maplibre-gl").Map, layer: import("./livemap.js").PeopleLayer,
   *    measure: Measure} | null} */
  let tools = null;
  const button = /** @type {HTMLButtonElement} */ (at("live-measure-button"));
  button.addEventListener("click", () => tools?.measure.toggle());

  const keys = new Keys(/** @type {HTMLDialogElement} */ (at("live-keys")), [
    { key: "/", words: gettext("Search people, units, streets and places") },
    { key: "ArrowDown", shown: "↑ ↓", words: gettext("In the list: the next person") },
    { key: "o", words: gettext("Leads and orders: the first in the list") },
    ...(at("lead-new") ? [{ key: "n", words: gettext("Take in a new lead") }] : []),
    { key: "f", words: gettext("Follow the chosen person, or no more"), run: follow },
    { key: "m", words: gettext("Measure on the map"), run: () => tools?.measure.toggle() },
    { key: "l", words: gettext("Layers"), run: openLayers },
    {
      key: "Enter",
      shown: "↵",
      words: gettext("On the map: what is under the cross; arrows move the map, + and − zoom"),
      run() {
        if (!tools || document.activeElement !== tools.map.getCanvas()) return false;
        if (tools.measure.on) tools.measure.addAtCross();
        else tools.layer.openAt(crossPoint(tools.map));
        return true;
      },
    },
    {
      key: "Backspace",
      shown: "⌫",
      words: gettext("While measuring: take the last point back"),
      run() {
        if (!tools?.measure.on) return false;
        tools.measure.back();
        return true;
      },
    },
    {
      key: "Escape",
      shown: "Esc",
      words: gettext("End measuring, stop following, close what is open"),
      run: () => tools?.measure.end() || back(),
    },
    { key: "?", words: gettext("This list"), run: () => keys.show() },
  ]);
  at("live-keys-button").addEventListener("click", () => keys.show());

  return (tandem, layer) => {
    const { map } = tandem;
    const measure = new Measure(map, at("live-measure"), (on) => {
      layer.paused = on;
      layer.hover(null);
      button.setAttribute("aria-pressed", String(on));
    });
    tandem.onPalette(() => measure.recolour());
    // The cross stands in the middle while the map has the keyboard: arrows move the map under it.
    const cross = document.createElement("div");
    cross.className = "map-cross";
    map.getCanvas().after(cross);
    tools = { map, layer, measure };
  };
}

/** @returns {boolean} */
function openLayers() {
  const menu = document.getElementById("live-layers")?.closest("details");
  if (!menu) return false;
  menu.open = !menu.open;
  if (menu.open) menu.querySelector("input")?.focus();
  else menu.querySelector("summary")?.focus();
  return true;
}
