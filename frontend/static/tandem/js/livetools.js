/** The live map's tools and keys: measure, open at the cross, layers, the list of keys. */

import { Keys } from "./keys.js";
import { crossPoint, Measure } from "./measure.js";

/**
 * @typedef {object} Hooks
 * @property {import("./map.js").TandemMap} tandem
 * @property {import("./livemap.js").PeopleLayer} layer
 * @property {() => boolean} follow follow the chosen person, or no more; false without one
 * @property {() => boolean} back one step: what Esc does when no tool is on
 */

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {Hooks} hooks */
export function addTools({ tandem, layer, follow, back }) {
  const { map } = tandem;
  const button = at("live-measure-button");
  const measure = new Measure(map, at("live-measure"), (on) => {
    layer.paused = on;
    layer.hover(null);
    button.setAttribute("aria-pressed", String(on));
  });
  button.addEventListener("click", () => measure.toggle());
  tandem.onPalette(() => measure.recolour());

  // The cross stands in the middle while the map has the keyboard: arrows move the map under it.
  const cross = document.createElement("div");
  cross.className = "map-cross";
  map.getCanvas().after(cross);

  const keys = new Keys(/** @type {HTMLDialogElement} */ (at("live-keys")), [
    { key: "/", words: gettext("Search people, units, streets and places") },
    { key: "ArrowDown", shown: "↑ ↓", words: gettext("In the list: the next person") },
    { key: "f", words: gettext("Follow the chosen person, or no more"), run: follow },
    { key: "m", words: gettext("Measure on the map"), run: () => measure.toggle() },
    { key: "l", words: gettext("Layers"), run: openLayers },
    {
      key: "Enter",
      shown: "↵",
      words: gettext("On the map: what is under the cross; arrows move the map, + and − zoom"),
      run() {
        if (document.activeElement !== map.getCanvas()) return false;
        if (measure.on) measure.addAtCross();
        else layer.openAt(crossPoint(map));
        return true;
      },
    },
    {
      key: "Backspace",
      shown: "⌫",
      words: gettext("While measuring: take the last point back"),
      run() {
        if (measure.on) measure.back();
        return measure.on;
      },
    },
    {
      key: "Escape",
      shown: "Esc",
      words: gettext("End measuring, stop following, close what is open"),
      run: () => measure.end() || back(),
    },
    { key: "?", words: gettext("This list"), run: () => keys.show() },
  ]);
  at("live-keys-button").addEventListener("click", () => keys.show());
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
