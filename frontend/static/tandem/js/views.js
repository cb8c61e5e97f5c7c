/**
 * How somebody stands at a moment: what the live page shows of them. Pure, and written over every
 * second, so that thousands of people leave no garbage.
 */

/** @typedef {import("./frames.js").Fix} Fix */
/** @typedef {import("./picture.js").Person} Person */
/** @typedef {import("./picture.js").State} State */
/** @typedef {import("./picture.js").Alarm} Alarm */
/** @typedef {import("./picture.js").Rules} Rules */

/** What one looks like on the map and in the list, most urgent first.
 * @typedef {"sos" | "lost" | "waiting" | "parked" | "together" | "alone" | "unknown" | "off"} Kind
 */

/**
 * @typedef {object} View
 * @property {Person} person
 * @property {State | undefined} state
 * @property {Fix | undefined} stored the last place known
 * @property {Fix | undefined} fix the same, as far as it may be shown now
 * @property {Kind} kind
 * @property {Alarm | undefined} alarm open alarm
 * @property {number | null} age of the fix, whole s
 * @property {number | null} contact age of the last contact, whole s
 * @property {boolean} fresh
 * @property {boolean} long alone for longer than the rules let pass
 * @property {number} group how many are together, 1 for nobody else
 * @property {number} rank what needs a look first; 0 is an SOS
 * @property {number} x mercator of lon and lat, the world being 1 wide: see `locate`
 * @property {number} y
 * @property {number} lon degrees, of which x and y are; NaN before it is located
 * @property {number} lat
 */

/** Oldest age at which a fix is fresh, in s (decision 21).
 * @param {Rules} rules @param {number | null} interval */
function freshUntil(rules, interval) {
  return Math.max(rules.stale_floor_s, 2 * (interval ?? 0));
}

/** Age past which there is no signal, in s (decision 21).
 * @param {Rules} rules @param {number | null} interval */
export function lostAfter(rules, interval) {
  return Math.max(rules.no_signal_floor_s, 3 * (interval ?? 0));
}

/**
 * @param {Person} person
 * @param {State | undefined} state
 * @param {Fix | undefined} stored
 * @returns {View}
 */
export function newView(person, state, stored) {
  return {
    person,
    state,
    stored,
    fix: undefined,
    kind: "off",
    alarm: undefined,
    age: null,
    contact: null,
    fresh: false,
    long: false,
    group: 1,
    rank: RANKS.off,
    x: NaN,
    y: NaN,
    lon: NaN,
    lat: NaN,
  };
}

/**
 * Write how somebody stands into their view.
 * @param {View} view
 * @param {number} now ms of the server's clock
 * @param {Alarm | undefined} alarm
 * @param {Rules} rules
 */
export function judge(view, now, alarm, rules) {
  const { state, stored, person } = view;
  const onDuty = Boolean(state?.duty && state.duty[0] <= now && now < state.duty[1]);
  const fix = onDuty || alarm ? stored : undefined;
  const age = fix ? Math.max(0, now - fix.at) / 1000 : 0;
  const heard = Math.max(fix?.got ?? 0, state?.contact ?? 0);
  /** @type {Kind} */
  let kind;
  if (alarm) kind = "sos";
  else if (!onDuty) kind = "off";
  else if (!fix) kind = "waiting";
  else if (age > lostAfter(rules, person.interval)) kind = "lost";
  else if (state?.parked) kind = "parked";
  else kind = state?.company ?? "unknown";
  const aloneFor = kind === "alone" && state?.since ? (now - state.since) / 1000 : 0;
  view.fix = fix;
  view.kind = kind;
  view.alarm = alarm;
  // Whole numbers are kept in their place; others would be garbage a second later.
  view.age = fix ? Math.floor(age) : null;
  view.contact = heard ? Math.floor(Math.max(0, now - heard) / 1000) : null;
  view.fresh = fix !== undefined && age <= freshUntil(rules, person.interval);
  view.long = aloneFor > rules.alone_grace_s;
  view.group = onDuty && state ? 1 + state.partners.length + state.others : 1;
  view.rank = rankOf(kind, Boolean(alarm?.acknowledged), view.long);
}

/** Bring x and y up to the fix: of use only where somebody is drawn. @param {View} view */
export function locate(view) {
  const { fix } = view;
  if (!fix || (fix.lon === view.lon && fix.lat === view.lat)) return;
  view.lon = fix.lon;
  view.lat = fix.lat;
  view.x = mercatorX(fix.lon);
  view.y = mercatorY(fix.lat);
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
