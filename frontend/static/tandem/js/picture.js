/**
 * The live picture as the browser holds it: snapshot and frames go in, states of people come out.
 * Knows nothing of sockets, maps or the page.
 */

/** @typedef {import("./frames.js").Fix} Fix */
/** @typedef {import("./frames.js").Frame} Frame */

/**
 * @typedef {object} Person
 * @property {number} id
 * @property {string} name
 * @property {string} badge
 * @property {string} pinyin of the name; "" where it has no Chinese characters
 * @property {"officer" | "auxiliary"} category
 * @property {number} unit
 * @property {number | null} interval how often the phone reports, s; null without a phone
 * @property {number} [order] place by name among all
 * @property {string} [guest] name of another unit: shown here only while an SOS is open
 */

/**
 * @typedef {object} State
 * @property {number} person
 * @property {number} v version
 * @property {[number, number] | null} duty since and until, ms; null off duty
 * @property {"together" | "alone" | "unknown"} company
 * @property {number | null} since ms
 * @property {number[]} partners people of one's own units in the same group
 * @property {number} others people of other units in the same group
 * @property {number | null} parked since, ms
 * @property {string} street
 * @property {string} street_en
 * @property {{id: number, name: string} | null} hotspot
 * @property {number | null} contact ms
 */

/**
 * @typedef {object} Alarm
 * @property {number} id
 * @property {string} kind
 * @property {number} person
 * @property {string} name
 * @property {number} unit
 * @property {string} unit_name
 * @property {number} raised ms
 * @property {number | null} lon
 * @property {number | null} lat
 * @property {number | null} acknowledged ms
 * @property {string | null} acknowledged_by
 * @property {number | null} closed ms
 * @property {string | null} closed_by
 * @property {string} reason
 * @property {boolean} cancelled closed by the officer
 * @property {{unit: number, name: string, at: number} | null} reach shown to all of that unit since
 */

/** A lead with how its order stands (patrols/order_rows.py).
 * @typedef {object} Lead
 * @property {number} id
 * @property {number} unit
 * @property {"manual" | "api" | "sensor"} source
 * @property {string} from
 * @property {string} kind
 * @property {boolean} enforcement
 * @property {string} text
 * @property {string} place
 * @property {string} street
 * @property {string} street_en
 * @property {number} lon
 * @property {number} lat
 * @property {number} received ms
 * @property {number | null} closed ms
 * @property {number} respond_due ms
 * @property {number | null} responded ms
 * @property {number} result_due ms
 * @property {string} state
 * @property {number} since ms
 * @property {number | null} offer_ends ms
 * @property {boolean} flagged
 * @property {{person: number, name: string, accepted: number | null, arrived: number | null}[]} members
 * @property {number} others
 */

/** @typedef {{id: number, name: string, pinyin: string, kind: string, parent: number | null}} Unit */
/** @typedef {{stale_floor_s: number, no_signal_floor_s: number, alone_grace_s: number,
 *    parked_after_s: number}} Rules */
/**
 * @typedef {object} Rest
 * @property {State[]} [states]
 * @property {Person[]} [people]
 * @property {number[]} [gone]
 * @property {Alarm[]} [alarms]
 * @property {import("./livechecks.js").Check[]} [checks] those with `over` are no more
 * @property {Lead[]} [orders]
 * @property {number[]} [over] alarms that are shown here no more
 * @property {true} [places]
 * @property {number} [judged]
 */
/**
 * @typedef {object} Snapshot
 * @property {number | null} epoch
 * @property {number | null} number
 * @property {number} at
 * @property {number} period_s
 * @property {number} unit
 * @property {Unit[]} units
 * @property {Rules} rules
 * @property {Person[]} people
 * @property {State[]} states
 * @property {Fix[]} fixes
 * @property {Alarm[]} alarms
 * @property {import("./livechecks.js").Check[]} checks
 * @property {Lead[]} orders
 */

/** What one looks like on the map and in the list, most urgent first.
 * @typedef {"sos" | "lost" | "waiting" | "parked" | "together" | "alone" | "unknown" | "off"} Kind
 */

/**
 * @typedef {object} View
 * @property {Person} person
 * @property {State | undefined} state
 * @property {Fix | undefined} fix
 * @property {Kind} kind
 * @property {Alarm | undefined} alarm open alarm
 * @property {number | null} age of the fix, s
 * @property {number | null} contact age of the last contact, s
 * @property {boolean} fresh
 * @property {number} group how many are together, 1 for nobody else
 * @property {number} rank what needs a look first; 0 is an SOS
 * @property {number} x mercator of the fix, the world being 1 wide; NaN without a fix
 * @property {number} y
 * @property {number} [lon] degrees, of which x and y are
 * @property {number} [lat]
 */

const TAIL_MS = 300_000;
const TAIL_STEP_MS = 10_000;

/** Oldest unit below which a fix is fresh, and above which there is no signal, in s (decision 21).
 * @param {Rules} rules @param {number | null} interval */
export function limits(rules, interval) {
  return {
    fresh: Math.max(rules.stale_floor_s, 2 * (interval ?? 0)),
    lost: Math.max(rules.no_signal_floor_s, 3 * (interval ?? 0)),
  };
}

export class Picture {
  /** @type {Map<number, Person>} */ people = new Map();
  /** @type {Map<number, State>} */ states = new Map();
  /** @type {Map<number, Fix>} */ fixes = new Map();
  /** @type {Map<number, Alarm>} */ alarms = new Map();
  /** @type {Map<number, import("./livechecks.js").Check>} */ checks = new Map();
  /** @type {Map<number, Lead>} */ orders = new Map();
  /** @type {Map<number, Unit>} */ units = new Map();
  /** @type {Map<number, [number, number, number][]>} */ tails = new Map();
  /** @type {Map<number, View>} each person's view, written over every time */
  seen = new Map();
  /** @type {Rules} */
  rules = { stale_floor_s: 30, no_signal_floor_s: 300, alone_grace_s: 300, parked_after_s: 600 };
  unit = 0;
  /** @type {number | null} */ judged = null;

  /** @param {Snapshot} snapshot */
  reset(snapshot) {
    this.people = new Map(snapshot.people.map((row) => [row.id, row]));
    this.states = new Map(snapshot.states.map((row) => [row.person, row]));
    this.fixes = new Map(snapshot.fixes.map((row) => [row.person, row]));
    this.alarms = new Map(snapshot.alarms.map((row) => [row.id, row]));
    this.checks = new Map(snapshot.checks.map((row) => [row.id, row]));
    this.orders = new Map(snapshot.orders.map((row) => [row.id, row]));
    this.units = new Map(snapshot.units.map((row) => [row.id, row]));
    for (const row of snapshot.people) this.receive(row);
    this.seen.clear();
    this.order();
    this.rules = snapshot.rules;
    this.unit = snapshot.unit;
    for (const id of this.tails.keys()) if (!this.fixes.has(id)) this.tails.delete(id);
  }

  /** @param {Record<string, [number, number, number][]>} tails of `/api/live/trails` */
  setTails(tails) {
    this.tails = new Map(Object.entries(tails).map(([id, tail]) => [Number(id), tail]));
    for (const fix of this.fixes.values()) this.lengthen(fix);
  }

  /** @param {Frame} frame */
  apply(frame) {
    const { rest } = frame;
    for (const row of rest.people ?? []) {
      this.people.set(row.id, row);
      this.receive(row);
    }
    if (rest.people) this.order();
    for (const id of rest.gone ?? []) this.forget(id);
    for (const row of rest.states ?? []) {
      const before = this.states.get(row.person);
      if (before && before.v > row.v) continue;
      this.states.set(row.person, row);
      // Nothing of a duty that has ended stays in the browser.
      const fix = this.fixes.get(row.person);
      if (fix && (!row.duty || fix.at < row.duty[0])) {
        this.fixes.delete(row.person);
        this.tails.delete(row.person);
      }
    }
    for (const fix of frame.moves) {
      const before = this.fixes.get(fix.person);
      if (before && before.at > fix.at) continue;
      // Written over rather than replaced: thousands of objects a second are garbage otherwise.
      if (before) rewrite(before, fix);
      else this.fixes.set(fix.person, fix);
      this.lengthen(fix);
    }
    for (const row of rest.alarms ?? []) this.alarms.set(row.id, row);
    for (const row of rest.checks ?? []) {
      if (row.over) this.checks.delete(row.id);
      else this.checks.set(row.id, row);
    }
    for (const id of rest.over ?? []) this.alarms.delete(id);
    for (const row of rest.orders ?? []) this.orders.set(row.id, row);
    if (rest.judged) this.judged = rest.judged;
  }

  /** Give everybody a place by name, so that sorting compares numbers. */
  order() {
    const { compare } = new Intl.Collator(document.documentElement.lang);
    [...this.people.values()]
      .sort((a, b) => compare(a.name, b.name) || a.id - b.id)
      .forEach((person, i) => (person.order = i));
  }

  /** Somebody of another unit stands under that unit's name. @param {Person} person */
  receive(person) {
    if (!person.guest || this.units.has(person.unit)) return;
    this.units.set(person.unit, {
      id: person.unit,
      name: person.guest,
      pinyin: "",
      kind: "",
      parent: null,
    });
  }

  /** @param {number} id */
  forget(id) {
    const unit = this.people.get(id)?.guest ? this.people.get(id)?.unit : undefined;
    for (const map of [this.people, this.states, this.fixes, this.tails, this.seen]) map.delete(id);
    if (unit !== undefined && ![...this.people.values()].some((row) => row.unit === unit)) {
      this.units.delete(unit);
    }
  }

  /** A tail keeps a fix per TAIL_STEP_MS, as the API's do. @param {Fix} fix */
  lengthen(fix) {
    let tail = this.tails.get(fix.person);
    if (!tail) this.tails.set(fix.person, (tail = []));
    const last = tail[tail.length - 1];
    if (!last || fix.at >= last[2] + TAIL_STEP_MS) tail.push([fix.lon, fix.lat, fix.at]);
    while (tail.length && tail[0][2] < fix.at - TAIL_MS) tail.shift();
  }

  /** The last minutes of somebody's way, up to the present fix. @param {number} id
   * @returns {number[][]} lon, lat in degrees */
  tail(id) {
    const way = (this.tails.get(id) ?? []).map(([lon, lat]) => [lon, lat]);
    const fix = this.fixes.get(id);
    if (fix) way.push([fix.lon, fix.lat]);
    return way;
  }

  /** @param {number} id @returns {Set<number>} the unit and all below it */
  below(id) {
    const found = new Set([id]);
    for (let grown = true; grown; ) {
      grown = false;
      for (const unit of this.units.values()) {
        if (unit.parent !== null && found.has(unit.parent) && !found.has(unit.id)) {
          found.add(unit.id);
          grown = true;
        }
      }
    }
    return found;
  }

  openAlarms() {
    return [...this.alarms.values()]
      .filter((alarm) => alarm.closed === null)
      .sort((a, b) => a.raised - b.raised);
  }

  /** Open ones, and those that their senders took back: somebody should call and make sure. */
  shownAlarms() {
    const cancelled = [...this.alarms.values()].filter((alarm) => alarm.closed && alarm.cancelled);
    return [...this.openAlarms(), ...cancelled];
  }

  /**
   * How everybody stands at a moment of the server's clock.
   * @param {number} now ms
   * @returns {View[]}
   */
  views(now) {
    const alarmOf = new Map(this.openAlarms().map((alarm) => [alarm.person, alarm]));
    return [...this.people.values()].map((person) =>
      this.view(person, now, alarmOf.get(person.id)),
    );
  }

  /**
   * @param {Person} person
   * @param {number} now
   * @param {Alarm | undefined} alarm
   * @returns {View}
   */
  view(person, now, alarm) {
    const state = this.states.get(person.id);
    const onDuty = Boolean(state?.duty && state.duty[0] <= now && now < state.duty[1]);
    const stored = this.fixes.get(person.id);
    const fix = onDuty || alarm ? stored : undefined;
    const age = fix ? Math.max(0, (now - fix.at) / 1000) : null;
    const heard = Math.max(fix?.got ?? 0, state?.contact ?? 0);
    const { fresh, lost } = limits(this.rules, person.interval);
    const group = onDuty && state ? 1 + state.partners.length + state.others : 1;
    /** @type {Kind} */
    let kind;
    if (alarm) kind = "sos";
    else if (!onDuty) kind = "off";
    else if (age === null) kind = "waiting";
    else if (age > lost) kind = "lost";
    else if (state?.parked) kind = "parked";
    else kind = state?.company ?? "unknown";
    const aloneFor = kind === "alone" && state?.since ? (now - state.since) / 1000 : 0;
    let view = this.seen.get(person.id);
    if (!view) {
      view = /** @type {View} */ ({ x: NaN, y: NaN });
      this.seen.set(person.id, view);
    }
    if (fix && (fix.lon !== view.lon || fix.lat !== view.lat || Number.isNaN(view.x))) {
      view.lon = fix.lon;
      view.lat = fix.lat;
      view.x = mercatorX(fix.lon);
      view.y = mercatorY(fix.lat);
    }
    view.person = person;
    view.state = state;
    view.fix = fix;
    view.kind = kind;
    view.alarm = alarm;
    view.age = age;
    view.contact = heard ? Math.max(0, (now - heard) / 1000) : null;
    view.fresh = age !== null && age <= fresh;
    view.group = group;
    view.rank = rankOf(kind, Boolean(alarm?.acknowledged), aloneFor > this.rules.alone_grace_s);
    return view;
  }
}

/** @param {Fix} kept @param {Fix} fix */
function rewrite(kept, fix) {
  kept.lon = fix.lon;
  kept.lat = fix.lat;
  kept.at = fix.at;
  kept.got = fix.got;
  kept.course = fix.course;
  kept.speed = fix.speed;
  kept.accuracy = fix.accuracy;
  kept.battery = fix.battery;
}

/** Mercator of the whole world in 0…1. @param {number} lon degrees */
export const mercatorX = (lon) => (180 + lon) / 360;
/** @param {number} lat degrees */
export const mercatorY = (lat) =>
  (180 - (180 / Math.PI) * Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360))) / 360;

/** @type {Record<Kind, number>} */
const RANKS = {
  sos: 0,
  lost: 3,
  waiting: 4,
  alone: 5,
  unknown: 6,
  parked: 7,
  together: 8,
  off: 9,
};

/**
 * What needs a look first: SOS, alone too long, no signal, nothing yet, then the rest.
 * @param {Kind} kind
 * @param {boolean} answered
 * @param {boolean} tooLong
 */
function rankOf(kind, answered, tooLong) {
  if (kind === "sos") return answered ? 1 : 0;
  if (kind === "alone" && tooLong) return 2;
  return RANKS[kind];
}
