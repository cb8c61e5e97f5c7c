/** Times and states in words, in the reader's language and the bureau's time. */

/** @typedef {import("./picture.js").View} View */
/** @typedef {import("./picture.js").Kind} Kind */

let zone = "Asia/Shanghai";

/** @param {string} name the bureau's time zone */
export function setZone(name) {
  zone = name;
}

/** @param {number} ms @param {boolean} [seconds] */
export function clock(ms, seconds = false) {
  return new Intl.DateTimeFormat(document.documentElement.lang, {
    timeZone: zone,
    hour: "2-digit",
    minute: "2-digit",
    second: seconds ? "2-digit" : undefined,
    hourCycle: "h23",
  }).format(ms);
}

/** @param {number} s @returns {string} "12 s", "4 min", "1 h 20 min" */
export function duration(s) {
  if (s < 60) return interpolate(gettext("%(n)s s"), { n: Math.round(s) }, true);
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return interpolate(gettext("%(n)s min"), { n: minutes }, true);
  const rest = minutes % 60;
  const hours = Math.floor(minutes / 60);
  return rest
    ? interpolate(gettext("%(h)s h %(m)s min"), { h: hours, m: rest }, true)
    : interpolate(gettext("%(h)s h"), { h: hours }, true);
}

/** A coarse duration: "40 min", "26 h", "3 d". @param {number} s */
export function term(s) {
  const days = Math.floor(s / 86400);
  if (days >= 2) return interpolate(gettext("%(n)s d"), { n: days }, true);
  const hours = Math.floor(s / 3600);
  return hours ? interpolate(gettext("%(h)s h"), { h: hours }, true) : duration(s);
}

/** A running clock: "0:42", "12:07". @param {number} s */
export function running(s) {
  const whole = Math.max(0, Math.floor(s));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {import("./picture.js").State | undefined} state */
export function street(state) {
  if (!state) return "";
  const chinese = document.documentElement.lang.toLowerCase().startsWith("zh");
  return chinese ? state.street || state.street_en : state.street_en || state.street;
}

/** The street, and the hotspot where it says more than the street does. */
/** @param {import("./picture.js").State | undefined} state */
export function whereabouts(state) {
  const parts = new Set([street(state), state?.hotspot?.name].filter(Boolean));
  return [...parts].join(" · ");
}

/** @returns {Record<Kind, string>} what each mark means, a few words */
export function kinds() {
  return {
    sos: gettext("SOS"),
    together: gettext("Together"),
    alone: gettext("Alone"),
    unknown: gettext("Company not known"),
    parked: gettext("Parked"),
    lost: gettext("No signal"),
    waiting: gettext("No position yet"),
    off: gettext("Off shift"),
  };
}

/**
 * How somebody stands, in a few words.
 * @param {View} view
 * @param {number} now ms
 * @param {(id: number) => string} nameOf
 */
export function standing(view, now, nameOf) {
  const { state, fix, alarm } = view;
  switch (view.kind) {
    case "sos":
      return interpolate(gettext("SOS since %(at)s"), { at: clock(alarm?.raised ?? now) }, true);
    case "off":
      return gettext("off shift");
    case "waiting":
      return gettext("no position yet in this shift");
    case "lost":
      return interpolate(gettext("no signal since %(at)s"), { at: clock(fix?.at ?? now) }, true);
    case "parked":
      return interpolate(
        gettext("parked %(time)s"),
        { time: duration((now - (state?.parked ?? now)) / 1000) },
        true,
      );
    case "alone":
      return state?.since
        ? interpolate(
            gettext("alone %(time)s"),
            { time: duration((now - state.since) / 1000) },
            true,
          )
        : gettext("alone");
    case "together":
      return company(view, nameOf);
    default:
      return gettext("company not known");
  }
}

/**
 * @param {View} view
 * @param {(id: number) => string} nameOf
 */
export function company(view, nameOf) {
  const names = (view.state?.partners ?? []).map(nameOf);
  const others = view.state?.others ?? 0;
  if (!names.length) return gettext("with somebody of another unit");
  const [first, ...more] = names;
  const count = more.length + others;
  if (!count) return interpolate(gettext("with %(name)s"), { name: first }, true);
  return interpolate(gettext("with %(name)s and %(n)s more"), { name: first, n: count }, true);
}
