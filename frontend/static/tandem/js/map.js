/**
 * The one way to put a map on a page: our own streets as the base, the bureau's places as layers.
 *
 * Everything is fetched from this server: vector tiles of streets, areas, hotspots, stations and
 * routes; letters are drawn with the fonts of the reader's own machine (the style has no
 * `glyphs`), Chinese included. The viewport is in the address
 * (`#map=zoom/lat/lon`), so a link shows a colleague the same place.
 *
 *     import { createMap } from "/static/tandem/js/map.js";
 *     const { map, show } = await createMap(document.getElementById("map"));
 *     map.addLayer({...}, "street-names");   // below the names of streets
 */

import * as maplibre from "/static/vendor/maplibre/maplibre-gl.mjs";

import { baseLayers, overlayLayers, readPalette, stationImages } from "./mapstyle.js";

/** @typedef {import("./mapstyle.js").Palette} Palette */
/** @typedef {"areas" | "hotspots" | "stations" | "routes"} OverlayName */
/** @typedef {[number, number, number, number]} Bounds west, south, east, north in degrees */
/** @typedef {{bounds: Bounds | null, attribution: string}} Extent */

/**
 * @typedef {object} Options
 * @property {boolean} [address] keep the viewport in the address; true unless told
 * @property {OverlayName[]} [overlays] layers shown from the start; the address' `layers=` wins
 * @property {Bounds | null} [bounds] where to begin; the bureau's extent unless told
 * @property {boolean} [interactive] true unless told
 */

/**
 * @typedef {object} TandemMap
 * @property {import("maplibre-gl").Map} map the MapLibre map, loaded
 * @property {Extent} extent what `/api/extent` said
 * @property {(name: OverlayName, on: boolean) => void} show switches a layer; remembered in the
 *   address
 * @property {(name: OverlayName) => void} refresh fetches a layer's tiles again
 * @property {() => OverlayName[]} shown the layers that are on
 * @property {(listener: (palette: Palette) => void) => void} onPalette called now and whenever the
 *   reader's system turns light or dark
 * @property {() => Palette} palette
 * @property {(bounds: Bounds, padding?: number) => void} fit
 */

/** Draw below this layer to stay under the street names. */
export const BELOW_NAMES = "street-names";

export const OVERLAYS = /** @type {OverlayName[]} */ (["areas", "routes", "hotspots", "stations"]);

// A reader's own fonts, in the order of tokens.css; MapLibre draws each letter once from them.
const FONTS = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"];

// Where a bureau without a single street begins to look: China, as a whole.
const NOWHERE = /** @type {Bounds} */ ([97, 20, 123, 45]);

const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The palette of the reader's system. */
export function currentPalette() {
  return readPalette(dark.matches);
}

/** Whether the page is read in Chinese. */
export function isChinese() {
  return document.documentElement.lang.toLowerCase().startsWith("zh");
}

/**
 * Fetch JSON from this server; an answer that is no 2xx throws an Error with the server's message.
 * @param {string} address
 * @param {RequestInit} [init]
 */
export async function fetchJson(address, init = {}) {
  const answer = await fetch(address, {
    ...init,
    headers: { Accept: "application/json", ...init.headers },
    credentials: "same-origin",
  });
  if (!answer.ok) {
    let message = `${answer.status} ${answer.statusText}`;
    try {
      message = (await answer.json()).error.message ?? message;
    } catch {
      // not our JSON: a proxy's page, perhaps; its status is all there is to say
    }
    throw Object.assign(new Error(message), { status: answer.status });
  }
  return answer.json();
}

/**
 * Padding that keeps clear of the panel or sheet over the map (shell.js tells their size), as long as
 * something of the map is left.
 * @param {number} px
 */
function clear(px) {
  const css = getComputedStyle(document.documentElement);
  /** @param {string} side */
  const coveredBy = (side) => parseFloat(css.getPropertyValue(`--covered-${side}`)) || 0;
  const left = Math.min(coveredBy("left"), innerWidth / 2);
  const bottom = Math.min(coveredBy("bottom"), innerHeight / 2);
  return { top: px, right: px, bottom: px + bottom, left: px + left };
}

/**
 * A source of our own tiles.
 * @param {string} name
 * @param {number} minzoom
 * @param {number} maxzoom
 */
function tiles(name, minzoom, maxzoom) {
  const address = `${location.origin}/api/tiles/${name}/{z}/{x}/{y}.mvt`;
  return { type: /** @type {const} */ ("vector"), tiles: [address], minzoom, maxzoom };
}

/** @returns {OverlayName[] | null} the layers named in the address, if it names any */
function layersInAddress() {
  const value = new URLSearchParams(location.search).get("layers");
  if (value === null) return null;
  return OVERLAYS.filter((name) => value.split(",").includes(name));
}

/**
 * Make a map in `element`. Resolves when the style is up; tiles come in afterwards.
 * @param {HTMLElement} element
 * @param {Options} [options]
 * @returns {Promise<TandemMap>}
 */
export async function createMap(element, options = {}) {
  const { address = true, interactive = true } = options;
  /** @type {Extent} */
  const extent = await fetchJson("/api/extent");
  const bounds = options.bounds ?? extent.bounds ?? NOWHERE;
  let palette = currentPalette();

  // MapLibre's stylesheet makes its container relative, which would take `.map` its size.
  if (element.classList.contains("map")) element.style.position = "absolute";
  const map = new maplibre.Map({
    container: element,
    style: {
      version: 8,
      sources: {
        streets: tiles("streets", 8, 16),
      },
      layers: baseLayers(palette, isChinese(), FONTS),
    },
    bounds: [bounds[0], bounds[1], bounds[2], bounds[3]],
    fitBoundsOptions: { padding: clear(24), maxZoom: 16 },
    hash: address ? "map" : false,
    interactive,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxPitch: 0,
    maxZoom: 20,
    fadeDuration: still.matches ? 0 : 200,
    localIdeographFontFamily: '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
    locale: {
      "Map.Title": gettext("Map"),
      "NavigationControl.ZoomIn": gettext("Zoom in"),
      "NavigationControl.ZoomOut": gettext("Zoom out"),
      "AttributionControl.ToggleAttribution": gettext("Sources of the map"),
      "ScaleControl.Meters": gettext("m"),
      "ScaleControl.Kilometers": gettext("km"),
      "Popup.Close": gettext("Close"),
    },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  if (interactive) {
    map.addControl(new maplibre.NavigationControl({ showCompass: false }), "top-right");
  }
  map.addControl(new maplibre.ScaleControl({ maxWidth: 96 }), "bottom-left");
  if (extent.attribution) {
    map.addControl(
      new maplibre.AttributionControl({
        compact: false,
        customAttribution: asText(extent.attribution),
      }),
      "bottom-right",
    );
  }

  /** @type {((palette: Palette) => void)[]} */
  const listeners = [];
  const on = new Set(layersInAddress() ?? options.overlays ?? OVERLAYS);
  /** @type {Set<OverlayName>} */
  const added = new Set();

  /** @param {OverlayName} name */
  function add(name) {
    if (added.has(name)) return;
    added.add(name);
    map.addSource(name, tiles(name, 8, 16));
    const under = name === "stations" ? undefined : BELOW_NAMES;
    for (const layer of overlayLayers(palette, FONTS)[name]) map.addLayer(layer, under);
  }

  /**
   * @param {OverlayName} name
   * @param {boolean} wanted
   */
  function show(name, wanted) {
    if (wanted) on.add(name);
    else on.delete(name);
    if (address) {
      const url = new URL(location.href);
      url.searchParams.set("layers", OVERLAYS.filter((each) => on.has(each)).join(","));
      history.replaceState(history.state, "", url);
    }
    if (wanted) add(name);
    if (!added.has(name)) return;
    for (const layer of overlayLayers(palette, FONTS)[name]) {
      map.setLayoutProperty(layer.id, "visibility", on.has(name) ? "visible" : "none");
    }
  }

  function repaint() {
    palette = currentPalette();
    addImages(map, palette);
    const overlays = overlayLayers(palette, FONTS);
    const layers = [
      ...baseLayers(palette, isChinese(), FONTS),
      ...[...added].flatMap((name) => overlays[name]),
    ];
    for (const layer of layers) {
      for (const [property, value] of Object.entries(layer.paint ?? {})) {
        map.setPaintProperty(layer.id, /** @type {any} */ (property), value);
      }
    }
    for (const listener of listeners) listener(palette);
  }

  await new Promise((resolve) => map.once("style.load", resolve));
  addImages(map, palette);
  dark.addEventListener("change", repaint);
  map.once("remove", () => dark.removeEventListener("change", repaint));
  for (const name of OVERLAYS) if (on.has(name)) add(name);

  return {
    map,
    extent,
    show,
    refresh(name) {
      const source = /** @type {import("maplibre-gl").VectorTileSource | undefined} */ (
        map.getSource(name)
      );
      source?.setTiles(tiles(name, 8, 16).tiles);
    },
    shown: () => OVERLAYS.filter((name) => on.has(name)),
    palette: () => palette,
    onPalette(listener) {
      listeners.push(listener);
      listener(palette);
    },
    fit(box, padding = 48) {
      map.fitBounds([box[0], box[1], box[2], box[3]], { padding: clear(padding), maxZoom: 17 });
    },
  };
}

/**
 * @param {import("maplibre-gl").Map} map
 * @param {Palette} palette
 */
function addImages(map, palette) {
  for (const [name, image] of Object.entries(stationImages(palette))) {
    if (map.hasImage(name)) map.updateImage(name, image);
    else map.addImage(name, image, { pixelRatio: 2 });
  }
}

/**
 * The attribution control sets HTML; what a bureau typed is text.
 * @param {string} text
 */
function asText(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span.innerHTML;
}
