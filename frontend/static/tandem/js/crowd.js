/**
 * Who stands alone on the map and who is counted together: where marks would lie over each other,
 * a bubble with their number. Pure: views in, marks and clusters out. Nobody is left out, nobody is
 * counted twice; an open SOS and the chosen person are never in a bubble.
 */

import { locate } from "./views.js";

/** @typedef {import("./picture.js").View} View */
/** @typedef {import("./picture.js").Kind} Kind */

/**
 * @typedef {object} Cluster
 * @property {number} x
 * @property {number} y
 * @property {number} lon degrees
 * @property {number} lat
 * @property {View[]} members
 */

/**
 * @typedef {object} Box in degrees
 * @property {number} west
 * @property {number} east
 * @property {number} north
 * @property {number} south
 */

/** Parts of a bubble's ring, in the order in which they need a look. */
export const PARTS = /** @type {Kind[][]} */ ([
  ["alone", "sos"],
  ["lost", "waiting", "off"],
  ["parked"],
  ["together"],
  ["unknown"],
]);

const COLUMNS = 32_768;
const CELL_PX = 64;
const REACH_PX = 34; // a mark nearer than this to a bubble's middle would lie under or over it

/** So many in a cell are still told apart. @param {number} zoom */
function mostApart(zoom) {
  return zoom < 15 ? 4 : zoom < 17 ? 8 : 14;
}

/** Steps of half a zoom, so that bubbles do not change all through a zoom. @param {number} zoom */
export function stepOf(zoom) {
  return Math.round(zoom * 2) / 2;
}

/**
 * @param {View[]} views people to show
 * @param {number} zoom
 * @param {number | null} chosen
 * @param {{x: number, y: number}} middle of the map, mercator
 * @param {Box} box what lies outside is not drawn now, but for an SOS and the chosen person
 * @returns {{marks: View[], clusters: Cluster[]}}
 */
export function gather(views, zoom, chosen, middle, box) {
  const step = stepOf(zoom);
  const cell = CELL_PX / (512 * 2 ** step);
  const reach = (REACH_PX / (512 * 2 ** step)) ** 2;
  const most = mostApart(step);
  /** @type {View[]} */
  const marks = [];
  /** @type {Map<number, View[]>} */
  const cells = new Map();
  // On whole cells, so that bubbles stay as they are when the map moves.
  const west = (Math.floor(middle.x / cell) - COLUMNS / 2) * cell;
  const north = (Math.floor(middle.y / cell) - COLUMNS / 2) * cell;
  for (const view of views) {
    const { fix } = view;
    if (!fix || view.kind === "off") continue;
    if (view.kind === "sos" || view.person.id === chosen) {
      locate(view);
      marks.push(view);
      continue;
    }
    if (fix.lon < box.west || fix.lon > box.east || fix.lat > box.north || fix.lat < box.south) {
      continue;
    }
    locate(view);
    // Small whole numbers make fast keys. Far beyond any screen nobody is drawn.
    const column = Math.floor((view.x - west) / cell);
    const row = Math.floor((view.y - north) / cell);
    if (column < 0 || row < 0 || column >= COLUMNS || row >= COLUMNS) continue;
    const key = row * COLUMNS + column;
    const here = cells.get(key);
    if (here) here.push(view);
    else cells.set(key, [view]);
  }
  const dense = [...cells].filter(([, here]) => here.length > most);
  dense.sort((a, b) => b[1].length - a[1].length || a[0] - b[0]);
  /** @type {Cluster[]} */
  const clusters = [];
  /** @type {Map<number, Cluster>} */
  const clusterAt = new Map();
  for (const [key] of dense) {
    const here = cells.get(key);
    if (!here || here.length <= most) continue; // a neighbour's bubble has taken them
    cells.delete(key);
    const x = here.reduce((sum, mark) => sum + mark.x, 0) / here.length;
    const y = here.reduce((sum, mark) => sum + mark.y, 0) / here.length;
    /** @type {Cluster | null} */
    let joined = null;
    for (const near of around(key)) {
      const other = clusterAt.get(near);
      if (other && (other.x - x) ** 2 + (other.y - y) ** 2 < 1.6 * reach) joined = other;
    }
    if (joined) {
      for (const mark of here) joined.members.push(mark);
      continue;
    }
    const cluster = { x, y, lon: x * 360 - 180, lat: latitude(y), members: here };
    clusters.push(cluster);
    clusterAt.set(key, cluster);
    for (const near of around(key)) {
      const others = cells.get(near);
      if (!others) continue;
      const left = others.filter((mark) => {
        if ((mark.x - x) ** 2 + (mark.y - y) ** 2 >= reach) return true;
        here.push(mark);
        return false;
      });
      if (left.length === others.length) continue;
      if (left.length) cells.set(near, left);
      else cells.delete(near);
    }
  }
  for (const here of cells.values()) for (const mark of here) marks.push(mark);
  // Drawn later is on top: who needs a look.
  marks.sort((a, b) => b.rank - a.rank || a.person.id - b.person.id);
  return { marks, clusters };
}

/** The eight cells round one. @param {number} key */
function around(key) {
  const c = COLUMNS;
  return [key - c - 1, key - c, key - c + 1, key - 1, key + 1, key + c - 1, key + c, key + c + 1];
}

/** @param {number} y mercator */
function latitude(y) {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

/** How many of each part of the ring. @param {Cluster} cluster @returns {number[]} */
export function partsOf(cluster) {
  const counts = PARTS.map(() => 0);
  for (const view of cluster.members) counts[partOf[view.kind]] += 1;
  return counts;
}

const partOf = /** @type {Record<Kind, number>} */ (
  Object.fromEntries(PARTS.flatMap((kinds, i) => kinds.map((kind) => [kind, i])))
);

/** How many of each state, those first that need a look. @param {View[]} members */
export function statesOf(members) {
  /** @type {Map<Kind, number>} */
  const counts = new Map();
  for (const kind of PARTS.flat()) {
    const count = members.reduce((sum, view) => sum + (view.kind === kind ? 1 : 0), 0);
    if (count) counts.set(kind, count);
  }
  return counts;
}

/** How many in a bubble need a look: alone for too long, and without a signal. An SOS never is in one.
 * @param {View[]} members */
export function needsOf(members) {
  let [long, silent] = [0, 0];
  for (const view of members) {
    if (view.long) long += 1;
    else if (view.kind === "lost") silent += 1;
  }
  return { long, silent };
}

/** West, south, east, north in degrees. @param {View[]} members */
export function boundsOf(members) {
  let [west, south, east, north] = [180, 90, -180, -90];
  for (const view of members) {
    const { lon, lat } = /** @type {import("./frames.js").Fix} */ (view.fix);
    west = Math.min(west, lon);
    east = Math.max(east, lon);
    south = Math.min(south, lat);
    north = Math.max(north, lat);
  }
  return /** @type {[number, number, number, number]} */ ([west, south, east, north]);
}
