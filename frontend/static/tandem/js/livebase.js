/** The outside base map, if the bureau has one: under our own streets, off until it is asked for.
 *
 * A map on GCJ-02 is moved to WGS-84 as it is drawn: our places never are. Over one tile the shift is
 * the same to within a pixel at every zoom (0.65 px for 99 of 100 places), so each
 * tile is cut out of the (up to four) tiles of the outside map that it lies on.
 */

import { addProtocol, AttributionControl } from "/static/vendor/maplibre/maplibre-gl.mjs";

/** @typedef {{name: string, tiles: string, attribution: string, datum: "wgs84" | "gcj02",
 *   most_zoom: number}} BaseMap */

const TILE_PX = 256;
const MOST_KEPT = 128;
// So many tiles in a row without an answer: the outside map is not there.
const FAILED_IN_A_ROW = 4;

/**
 * Degrees that GCJ-02 adds to a WGS-84 place: geo/datum.py's formula.
 * @param {number} lon @param {number} lat @returns {[number, number]}
 */
export function wgs84ToGcj02(lon, lat) {
  const [x, y] = [lon - 105, lat - 35];
  const { PI: pi } = Math;
  const root = Math.sqrt(Math.abs(x));
  const common = 20 * Math.sin(6 * x * pi) + 20 * Math.sin(2 * x * pi);
  const northM =
    -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root +
    (2 / 3) *
      (common +
        20 * Math.sin(y * pi) + 40 * Math.sin((y / 3) * pi) +
        160 * Math.sin((y / 12) * pi) + 320 * Math.sin((y / 30) * pi));
  const eastM =
    300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root +
    (2 / 3) *
      (common +
        20 * Math.sin(x * pi) + 40 * Math.sin((x / 3) * pi) +
        150 * Math.sin((x / 12) * pi) + 300 * Math.sin((x / 30) * pi));
  const radians = (lat / 180) * pi;
  const curve = 1 - 0.00669342162296594323 * Math.sin(radians) ** 2;
  const north = (northM * 180) / (((6378245 * (1 - 0.00669342162296594323)) / curve ** 1.5) * pi);
  const east = (eastM * 180) / ((6378245 / Math.sqrt(curve)) * Math.cos(radians) * pi);
  return [lon + east, lat + north];
}

/** A place in pixels of a zoom's whole world. @param {number} lon @param {number} lat @param {number} z */
function pixelsOf(lon, lat, z) {
  const world = TILE_PX * 2 ** z;
  const radians = (lat * Math.PI) / 180;
  return [
    ((lon + 180) / 360) * world,
    ((1 - Math.log(Math.tan(radians) + 1 / Math.cos(radians)) / Math.PI) / 2) * world,
  ];
}

/**
 * How far the outside map has the middle of a tile from where it is, in pixels.
 * @param {number} z @param {number} x @param {number} y @returns {[number, number]}
 */
export function shiftOf(z, x, y) {
  const n = 2 ** z;
  const lon = ((x + 0.5) / n) * 360 - 180;
  const lat = (Math.atan(Math.sinh(Math.PI * (1 - (2 * (y + 0.5)) / n))) * 180) / Math.PI;
  const [here, there] = [pixelsOf(lon, lat, z), pixelsOf(...wgs84ToGcj02(lon, lat), z)];
  return [there[0] - here[0], there[1] - here[1]];
}

/** @param {string} template @param {number} z @param {number} x @param {number} y */
function addressOf(template, z, x, y) {
  return template
    .replaceAll("{z}", String(z))
    .replaceAll("{x}", String(x))
    .replaceAll("{y}", String(y));
}

export class OutsideBase {
  /**
   * @param {import("maplibre-gl").Map} map
   * @param {BaseMap} base
   * @param {(failed: boolean) => void} say whether the outside map answers
   */
  constructor(map, base, say) {
    this.map = map;
    this.base = base;
    this.say = say;
    this.failures = 0;
    /** @type {Map<string, Promise<ImageBitmap>>} */
    this.kept = new Map();
    addProtocol("outside", (request, abort) => this.load(request.url, abort.signal));
  }

  /** @param {boolean} on */
  show(on) {
    const { map } = this;
    if (on && !map.getSource("outside")) {
      map.addSource("outside", {
        type: "raster",
        tiles: ["outside://{z}/{x}/{y}"],
        tileSize: TILE_PX,
        maxzoom: this.base.most_zoom,
        attribution: asText(this.base.attribution),
      });
      // The control of map.js is there only where the bureau's own map has an attribution.
      if (!map.getContainer().querySelector(".maplibregl-ctrl-attrib")) {
        map.addControl(new AttributionControl({ compact: false }), "bottom-right");
      }
      // Above the land, below our own streets: when it does not answer, ours are there.
      map.addLayer({ id: "outside", type: "raster", source: "outside" }, "street-casing");
    }
    if (map.getLayer("outside")) {
      map.setLayoutProperty("outside", "visibility", on ? "visible" : "none");
    }
    if (!on) this.say(false);
  }

  /** @param {string} url "outside://z/x/y" @param {AbortSignal} signal */
  async load(url, signal) {
    const [z, x, y] = url.slice("outside://".length).split("/").map(Number);
    try {
      const image = await this.tile(z, x, y);
      this.failures = 0;
      this.say(false);
      return { data: image };
    } catch (error) {
      if (!signal.aborted && ++this.failures >= FAILED_IN_A_ROW) this.say(true);
      throw error;
    }
  }

  /** @param {number} z @param {number} x @param {number} y @returns {Promise<ImageBitmap>} */
  async tile(z, x, y) {
    if (this.base.datum !== "gcj02") return createImageBitmap(await this.source(z, x, y));
    const [east, south] = shiftOf(z, x, y);
    const canvas = new OffscreenCanvas(TILE_PX, TILE_PX);
    const c = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const left = x * TILE_PX + east;
    const top = y * TILE_PX + south;
    const parts = [];
    for (let column = Math.floor(left / TILE_PX); column * TILE_PX < left + TILE_PX; column++) {
      for (let row = Math.floor(top / TILE_PX); row * TILE_PX < top + TILE_PX; row++) {
        parts.push({ column, row, image: this.source(z, column, row) });
      }
    }
    for (const { column, row, image } of parts) {
      c.drawImage(await image, column * TILE_PX - left, row * TILE_PX - top, TILE_PX, TILE_PX);
    }
    return canvas.transferToImageBitmap();
  }

  /** A tile of the outside map as it is. @param {number} z @param {number} x @param {number} y */
  source(z, x, y) {
    const address = addressOf(this.base.tiles, z, x, y);
    let image = this.kept.get(address);
    if (!image) {
      image = fetchImage(address);
      this.kept.set(address, image);
      image.catch(() => this.kept.delete(address));
      const [oldest] = this.kept.keys();
      if (this.kept.size > MOST_KEPT) this.kept.delete(oldest);
    }
    return image;
  }
}

/** @param {string} address */
async function fetchImage(address) {
  const answer = await fetch(address, { credentials: "omit", referrerPolicy: "origin" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return createImageBitmap(await answer.blob());
}

/** @param {string} text */
function asText(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span.innerHTML;
}
