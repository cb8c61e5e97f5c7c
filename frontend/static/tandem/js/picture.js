/**
 * The live picture as the browser holds it: snapshot and frames go in, states of people come out.
 * Knows nothing of sockets, maps or the page.
 */

import { judge, newView } from "./views.js";

/** @typedef {import("./frames.js").Fix} Fix */
/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./views.js").View} View */
/** @typedef {import("./views.js").Kind} Kind */

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

const TAIL_MS = 300_000;
const TAIL_STEP_MS = 10_000;

export class Picture {
  /** @type {Map<number, Person>} */ people = new Map();
  /** @type {Map<number, State>} */ states = new Map();
  /** @type {Map<number, Fix>} */ fixes = new Map();
  /** @type {Map<number, Alarm>} */ alarms = new Map();
  /** @type {Map<number, import("./livechecks.js").Check>} */ checks = new Map();
  /** @type {Map<number, Lead>} */ orders = new Map();
  /** @type {Map<number, Unit>} */ units = new Map();
  /** @type {Map<number, [number, number, number][]>} */ tails = new Map();
  /** @type {Map<number, View>} each person's view, written over every time: thousands of new
   * objects a second are garbage otherwise */
  seen = new Map();
  /** @type {View[] | null} the same in a row; null when somebody has come or gone */
  row = null;
  /** @type {Rules} */
  rules = { stale_floor_s: 30, no_signal_floor_s: 300, alone_grace_s: 300, parked_after_s: 600 };
  unit = 0;
  /** @type {number | null} */ judged = null;

  /** @param {Snapshot} snapshot */
  reset(snapshot) {
    this.people = new Map(snapshot.people.map((row) => [row.id, row]));
    this.states = new Map(snapshot.states.map((row) => [row.person, row]));
    this.fixes = new Map(snapshot.fixes.map((row) => [row.person, { ...NO_FIX, ...row }]));
    this.alarms = new Map(snapshot.alarms.map((row) => [row.id, row]));
    this.checks = new Map(snapshot.checks.map((row) => [row.id, row]));
    this.orders = new Map(snapshot.orders.map((row) => [row.id, row]));
    this.units = new Map(snapshot.units.map((row) => [row.id, row]));
    this.seen.clear();
    for (const row of snapshot.people) this.receive(row);
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
      const view = this.seen.get(row.person);
      if (view) view.state = row;
      // Nothing of a duty that has ended stays in the browser.
      const fix = this.fixes.get(row.person);
      if (fix && (!row.duty || fix.at < row.duty[0])) {
        this.fixes.delete(row.person);
        this.tails.delete(row.person);
        if (view) view.stored = undefined;
      }
    }
    this.move(frame.moves);
    for (const row of rest.alarms ?? []) this.alarms.set(row.id, row);
    for (const row of rest.checks ?? []) {
      if (row.over) this.checks.delete(row.id);
      else this.checks.set(row.id, row);
    }
    for (const id of rest.over ?? []) this.alarms.delete(id);
    for (const row of rest.orders ?? []) this.orders.set(row.id, row);
    if (rest.judged) this.judged = rest.judged;
  }

  /** @param {import("./frames.js").Moves} moves */
  move(moves) {
    for (let i = 0; i < moves.count; i += 1) {
      const person = moves.person(i);
      let fix = this.fixes.get(person);
      if (!fix) {
        fix = { ...NO_FIX, person };
        this.fixes.set(person, fix);
        const view = this.seen.get(person);
        if (view) view.stored = fix;
      } else if (fix.at > moves.recorded(i)) {
        continue;
      }
      moves.write(i, fix);
      this.lengthen(fix);
    }
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
    const view = this.seen.get(person.id);
    if (view) view.person = person;
    else {
      const [state, stored] = [this.states.get(person.id), this.fixes.get(person.id)];
      this.seen.set(person.id, newView(person, state, stored));
    }
    this.row = null;
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
    this.row = null;
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
    this.row ??= [...this.seen.values()];
    for (const view of this.row) {
      judge(view, now, alarmOf.size ? alarmOf.get(view.person.id) : undefined, this.rules);
    }
    return this.row;
  }

  /**
   * How one stands.
   * @param {number} id
   * @param {number} now ms
   */
  view(id, now) {
    const view = this.seen.get(id);
    const alarm = this.openAlarms().find((each) => each.person === id);
    if (view) judge(view, now, alarm, this.rules);
    return view;
  }
}

/** @type {Fix} */
const NO_FIX = {
  person: 0,
  lon: NaN,
  lat: NaN,
  at: NaN,
  got: NaN,
  course: null,
  speed: null,
  accuracy: null,
  battery: null,
};
