/**
 * A past day as the browser holds it: packed hours go in, where and how everybody was comes out.
 * Knows nothing of maps or the page. Times are seconds after local midnight.
 */

/** @typedef {import("./picture.js").Kind} Kind */
/** @typedef {[number, number, "together" | "alone" | "unknown", number]} Company from, until, kind,
 *    people together */
/** @typedef {[number, string, string, number | null]} Tick second, kind, about whom or what, person */
/** @typedef {{s: Float64Array, lon: Float64Array, lat: Float64Array}} Track */
/**
 * @typedef {object} Standing
 * @property {number} lon
 * @property {number} lat
 * @property {Kind} kind
 * @property {number} group
 * @property {number} age s, of the fix
 */

const HOUR_S = 3600;
const ROW = 16;
// Between two fixes that are closer in time than this the way is drawn straight.
const BRIDGE_S = 120;
// Somebody who is silent for longer is not shown: the day says nothing of where.
export const GONE_S = 1800;
const TAIL_S = 300;

export class Tracks {
  /** @type {Map<number, Map<number, Track>>} person → hour → fixes in order of time */
  tracks = new Map();
  /** @type {Map<number, Company[]>} */
  company = new Map();
  /** @type {Map<number, [number, number][]>} person → spans with an open SOS */
  alarms = new Map();
  fixes = 0;
  /** @type {number | null} the first fix of all */
  first = null;

  /** @param {number} lost s without a fix after which there is no signal */
  constructor(lost) {
    this.lost = lost;
  }

  /** @param {number} hour @param {ArrayBuffer} body rows of person, second, lon, lat */
  addHour(hour, body) {
    if (body.byteLength % ROW) throw new RangeError("an hour came in parts");
    const view = new DataView(body);
    const count = body.byteLength / ROW;
    for (let from = 0; from < count; ) {
      const person = view.getUint32(from * ROW, true);
      let until = from;
      while (until < count && view.getUint32(until * ROW, true) === person) until += 1;
      const n = until - from;
      /** @type {Track} */
      const track = { s: new Float64Array(n), lon: new Float64Array(n), lat: new Float64Array(n) };
      for (let i = 0; i < n; i += 1) {
        const o = (from + i) * ROW;
        track.s[i] = hour * HOUR_S + view.getUint32(o + 4, true);
        track.lon[i] = view.getInt32(o + 8, true) / 1e7;
        track.lat[i] = view.getInt32(o + 12, true) / 1e7;
      }
      const own = this.tracks.get(person) ?? new Map();
      own.set(hour, track);
      this.tracks.set(person, own);
      if (this.first === null || track.s[0] < this.first) this.first = track.s[0];
      from = until;
    }
    this.fixes += count;
  }

  /** @param {{company: Record<string, Company[]>, ticks: Tick[]}} marks */
  setMarks(marks) {
    for (const [id, spans] of Object.entries(marks.company)) this.company.set(Number(id), spans);
    for (const [s, kind, , person] of marks.ticks) {
      if (person === null) continue;
      const spans = this.alarms.get(person) ?? [];
      if (kind === "sos") spans.push([s, Infinity]);
      else if (kind === "sos_closed") {
        // One raised before these hours began has no beginning here.
        const open = spans.at(-1);
        if (open && open[1] === Infinity) open[1] = s;
        else spans.push([-Infinity, s]);
      }
      this.alarms.set(person, spans);
    }
  }

  /**
   * Where and how somebody is at a moment; null when nothing is known of it.
   * @param {number} person @param {number} t @returns {Standing | null}
   */
  at(person, t) {
    const own = this.tracks.get(person);
    if (!own) return null;
    const hour = Math.floor(t / HOUR_S);
    for (const each of [hour, hour - 1]) {
      const track = own.get(each);
      const i = track ? lastAtOrBefore(track.s, t) : -1;
      if (!track || i < 0) continue;
      const age = t - track.s[i];
      if (age > GONE_S) return null;
      const next = i + 1 < track.s.length ? nextOf(track, i + 1) : nextOf(own.get(each + 1), 0);
      let [lon, lat] = [track.lon[i], track.lat[i]];
      if (next && next.s - track.s[i] <= BRIDGE_S) {
        const share = age / (next.s - track.s[i]);
        lon += share * (next.lon - lon);
        lat += share * (next.lat - lat);
      }
      return { lon, lat, age, ...this.kindOf(person, t, age) };
    }
    return null;
  }

  /** @param {number} person @param {number} t @param {number} age @returns {{kind: Kind, group: number}} */
  kindOf(person, t, age) {
    if (this.alarms.get(person)?.some(([from, until]) => from <= t && t < until)) {
      return { kind: "sos", group: 1 };
    }
    if (age > this.lost) return { kind: "lost", group: 1 };
    const span = this.company.get(person)?.find(([from, until]) => from <= t && t < until);
    return span ? { kind: span[2], group: span[3] } : { kind: "unknown", group: 1 };
  }

  /** The last five minutes of somebody's way. @param {number} person @param {number} t */
  tail(person, t) {
    /** @type {[number, number][]} */
    const places = [];
    const own = this.tracks.get(person);
    const hour = Math.floor(t / HOUR_S);
    for (const each of [hour - 1, hour]) {
      const track = own?.get(each);
      if (!track) continue;
      const end = lastAtOrBefore(track.s, t);
      for (let i = Math.max(0, lastAtOrBefore(track.s, t - TAIL_S) + 1); i <= end; i += 1) {
        places.push([track.lon[i], track.lat[i]]);
      }
    }
    return places;
  }
}

/** @param {Track | undefined} track @param {number} i */
function nextOf(track, i) {
  return track && i < track.s.length
    ? { s: track.s[i], lon: track.lon[i], lat: track.lat[i] }
    : null;
}

/** Index of the last value ≤ t, −1 if there is none. @param {Float64Array} values @param {number} t */
function lastAtOrBefore(values, t) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
