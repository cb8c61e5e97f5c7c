/** Hotspot clocks and people at stations, once a minute: marks on the map, lines in the panel. */

import { Marker, Popup } from "/static/vendor/maplibre/maplibre-gl.mjs";

import { fetchJson } from "./map.js";
import { clock, duration } from "./words.js";

/** @typedef {"within" | "due" | "overdue" | "no_window" | "unknown"} Standing */
/** @typedef {{id: number, name: string, unit: string, lon: number, lat: number,
 *   last: number | null, present: number, standing: Standing, from: number | null,
 *   until: number | null, made: number, required: number, every_s: number | null}} Hotspot */
/** @typedef {{id: number, name: string, kind: string, unit: string, lon: number, lat: number,
 *   people: number[]}} Station */

const EVERY_MS = 60_000;
// Closer than this the words fit beside the marks.
const WORDS_FROM_ZOOM = 14.5;
// Further out only what needs a visit is shown: the rest would lie over people.
const CALM_FROM_ZOOM = 13;
/** @type {Standing[]} the gravest first */
const ORDER = ["overdue", "unknown", "due", "within", "no_window"];
/** Shape as well as colour. @type {Record<Standing, string>} */
export const SHAPES = { overdue: "▲", unknown: "?", due: "◇", within: "●", no_window: "–" };

/** @returns {Record<Standing, string>} */
export function standings() {
  return {
    overdue: gettext("Visit overdue"),
    due: gettext("Visit due now"),
    within: gettext("Visited within its interval"),
    no_window: gettext("No visit asked for now"),
    unknown: gettext("Cannot tell: phones silent or nobody on duty"),
  };
}

export class Board {
  /**
   * @param {import("maplibre-gl").Map} map
   * @param {HTMLElement} root where the lines stand
   * @param {{week: boolean, now: () => number, name: (person: number) => string,
   *   go: (place: {lon: number, lat: number}) => void}} page week: whether the week may be opened
   */
  constructor(map, root, page) {
    this.map = map;
    this.root = root;
    this.page = page;
    /** @type {Map<string, Marker>} */
    this.marks = new Map();
    /** @type {Hotspot[]} */
    this.hotspots = [];
    /** @type {Station[]} */
    this.stations = [];
    this.clocksOn = true;
    this.staffingOn = true;
    this.failed = false;
    /** @type {number | null} server's ms of the answers shown */
    this.at = null;
    this.popup = new Popup({ closeButton: true, maxWidth: "300px" });
    this.lists = [this.list("hotspots"), this.list("stations")];
    root.replaceChildren(...this.lists);
    map.on("zoom", () => this.showWords());
    this.showWords();
    void this.fetch();
    window.setInterval(() => {
      if (document.visibilityState === "visible") void this.fetch();
    }, EVERY_MS);
    document.addEventListener("visibilitychange", () => {
      const old = this.at === null || this.page.now() - this.at > EVERY_MS;
      if (document.visibilityState === "visible" && old) void this.fetch();
    });
  }

  async fetch() {
    try {
      const [hotspots, stations] = await Promise.all([
        fetchJson("/api/live/hotspots", { cache: "no-store" }),
        fetchJson("/api/live/stations", { cache: "no-store" }),
      ]);
      this.hotspots = hotspots.hotspots;
      this.stations = stations.stations;
      this.at = hotspots.at;
      this.failed = false;
    } catch {
      this.failed = true;
    }
    this.draw();
  }

  /** @param {boolean} on */
  showClocks(on) {
    this.clocksOn = on;
    this.draw();
  }

  /** @param {boolean} on */
  showStaffing(on) {
    this.staffingOn = on;
    this.draw();
  }

  showWords() {
    const zoom = this.map.getZoom();
    const { classList } = this.map.getContainer();
    classList.toggle("board-words", zoom >= WORDS_FROM_ZOOM);
    classList.toggle("board-far", zoom < CALM_FROM_ZOOM);
  }

  draw() {
    const wanted = new Set();
    if (this.clocksOn) {
      for (const spot of this.hotspots) {
        const text = spot.last === null ? "" : this.ago(spot.last);
        wanted.add(this.mark(`h${spot.id}`, spot, `clock-mark ${spot.standing}`, SHAPES[spot.standing], text));
      }
    }
    if (this.staffingOn) {
      for (const station of this.stations) {
        const count = station.people.length;
        const key = this.mark(`s${station.id}`, station, "staff-mark", String(count), "");
        this.marks.get(key)?.getElement().classList.toggle("none", !count);
        wanted.add(key);
      }
    }
    for (const [key, mark] of this.marks) {
      if (wanted.has(key)) continue;
      mark.remove();
      this.marks.delete(key);
    }
    this.fillHotspots();
    this.fillStations();
  }

  /**
   * @param {string} key
   * @param {Hotspot | Station} place
   * @param {string} look
   * @param {string} shape
   * @param {string} text
   */
  mark(key, place, look, shape, text) {
    let mark = this.marks.get(key);
    if (!mark) {
      const element = document.createElement("div");
      element.append(document.createElement("b"), document.createElement("span"));
      element.addEventListener("click", (event) => {
        event.stopPropagation();
        this.open(key);
      });
      // The shape stands on the place, the words beside it; a count at its station's corner.
      const offset = /** @type {[number, number]} */ (key.startsWith("s") ? [5, -13] : [-10, 0]);
      mark = new Marker({ element, offset, anchor: "left" }).setLngLat([place.lon, place.lat]).addTo(this.map);
      // The lines in the panel are the keyboard's way to the same.
      element.removeAttribute("tabindex");
      element.setAttribute("aria-hidden", "true");
      this.marks.set(key, mark);
    }
    mark.setLngLat([place.lon, place.lat]);
    const element = mark.getElement();
    for (const name of [...element.classList]) {
      if (!name.startsWith("maplibregl")) element.classList.remove(name);
    }
    element.classList.add(...look.split(" "));
    element.title = place.name;
    const [head, words] = /** @type {HTMLElement[]} */ ([...element.children]);
    head.textContent = shape;
    words.textContent = text;
    return key;
  }

  /** @param {string} key */
  open(key) {
    const id = Number(key.slice(1));
    const spot = key.startsWith("h") ? this.hotspots.find((each) => each.id === id) : undefined;
    const station = key.startsWith("s") ? this.stations.find((each) => each.id === id) : undefined;
    const place = spot ?? station;
    if (!place) return;
    const box = document.createElement("div");
    box.className = "board-card";
    const head = document.createElement("strong");
    head.textContent = place.name;
    box.append(head, line(place.unit, "muted small"));
    if (spot) box.append(...this.spotLines(spot));
    if (station) box.append(...this.stationLines(station));
    this.popup.setLngLat([place.lon, place.lat]).setDOMContent(box).addTo(this.map);
  }

  /** @param {Hotspot} spot */
  spotLines(spot) {
    const lines = [line(`${SHAPES[spot.standing]} ${standings()[spot.standing]}`, "board-standing")];
    lines.push(line(this.lastWords(spot)));
    if (spot.present) {
      lines.push(
        line(
          interpolate(
            ngettext("%(n)s person there now", "%(n)s people there now", spot.present),
            { n: spot.present },
            true,
          ),
        ),
      );
    }
    if (spot.from !== null && spot.until !== null) {
      const hours = { from: this.moment(spot.from), until: this.moment(spot.until) };
      lines.push(
        line(
          spot.standing === "no_window"
            ? interpolate(
                gettext("Next hours: %(from)s to %(until)s, visits asked for: %(n)s"),
                { ...hours, n: spot.required },
                true,
              )
            : interpolate(
                gettext("%(made)s of %(n)s visits, %(from)s to %(until)s"),
                { ...hours, made: spot.made, n: spot.required },
                true,
              ),
        ),
      );
    }
    if (this.page.week) {
      const link = document.createElement("a");
      link.href = `/week/hotspots/?hotspot=${spot.id}`;
      link.textContent = gettext("The visits of this week");
      const row = document.createElement("p");
      row.append(link);
      lines.push(row);
    }
    return lines;
  }

  /** @param {Station} station */
  stationLines(station) {
    const count = station.people.length;
    const lines = [line(this.countWords(count))];
    if (count) lines.push(line(station.people.map(this.page.name).sort().join(gettext(", "))));
    if (this.at !== null) {
      lines.push(
        line(interpolate(gettext("As of %(at)s"), { at: clock(this.at) }, true), "muted small"),
      );
    }
    return lines;
  }

  /** @param {number} count */
  countWords(count) {
    if (!count) return gettext("Nobody seen there now");
    return interpolate(
      ngettext("%(n)s person there now", "%(n)s people there now", count),
      { n: count },
      true,
    );
  }

  /** @param {Hotspot} spot */
  lastWords(spot) {
    if (spot.last === null) return gettext("No visit since last Monday");
    return interpolate(gettext("Last visit %(time)s ago"), { time: this.ago(spot.last) }, true);
  }

  /** How long ago; hours do for what is long ago. @param {number} ms */
  ago(ms) {
    const s = Math.max(0, (this.page.now() - ms) / 1000);
    if (s >= 48 * 3600) {
      return interpolate(gettext("%(n)s d"), { n: Math.floor(s / 86_400) }, true);
    }
    return duration(s >= 3 * 3600 ? Math.floor(s / 3600) * 3600 : Math.max(60, s));
  }

  /** @param {number} ms a clock, with the date where it is not today's */
  moment(ms) {
    const day = (/** @type {number} */ at) => new Date(at).toDateString();
    if (Math.abs(ms - this.page.now()) < 12 * 3_600_000 || day(ms) === day(this.page.now())) {
      return clock(ms);
    }
    const date = new Intl.DateTimeFormat(document.documentElement.lang, {
      month: "numeric",
      day: "numeric",
    }).format(ms);
    return `${date} ${clock(ms)}`;
  }

  /** @param {string} name @returns {HTMLDetailsElement} */
  list(name) {
    const details = document.createElement("details");
    details.className = "board-list";
    details.dataset.board = name;
    details.append(document.createElement("summary"), document.createElement("div"));
    return details;
  }

  fillHotspots() {
    const counts = ORDER.map((each) => [
      each,
      this.hotspots.filter((spot) => spot.standing === each).length,
    ]);
    const [overdue, , due] = counts.map(([, n]) => Number(n));
    const head = this.failed
      ? gettext("Hotspots: not up to date, asked again in a minute")
      : interpolate(
          gettext("Hotspots: %(overdue)s overdue, %(due)s due, %(n)s in all"),
          { overdue, due, n: this.hotspots.length },
          true,
        );
    const sorted = [...this.hotspots].sort(
      (a, b) =>
        ORDER.indexOf(a.standing) - ORDER.indexOf(b.standing) || (a.last ?? 0) - (b.last ?? 0),
    );
    const empty = gettext("No hotspots in these units. A planner adds them under Plan.");
    this.fill(0, head, empty, sorted, (spot) => {
      const words = `${standings()[spot.standing]} · ${this.lastWords(spot)}`;
      return [`h${spot.id}`, SHAPES[spot.standing], spot.standing, words];
    });
  }

  fillStations() {
    const staffed = this.stations.filter((station) => station.people.length).length;
    const head = interpolate(
      gettext("Stations and kiosks: people at %(n)s of %(all)s"),
      { n: staffed, all: this.stations.length },
      true,
    );
    const empty = gettext("No stations in these units. A planner adds them under Plan.");
    this.fill(1, head, empty, this.stations, (station) => [
      `s${station.id}`,
      String(station.people.length),
      "staff",
      this.countWords(station.people.length),
    ]);
  }

  /**
   * @template {Hotspot | Station} T
   * @param {number} which
   * @param {string} head
   * @param {string} empty
   * @param {T[]} places
   * @param {(place: T) => [string, string, string, string]} describe key, shape, look, words
   */
  fill(which, head, empty, places, describe) {
    const [summary, body] = /** @type {HTMLElement[]} */ ([...this.lists[which].children]);
    summary.textContent = head;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.board;
    body.replaceChildren(
      ...places.map((place) => {
        const [key, shape, look, words] = describe(place);
        const button = document.createElement("button");
        button.type = "button";
        button.className = "board-row";
        button.dataset.board = key;
        const mark = document.createElement("b");
        mark.className = `board-shape ${look}`;
        mark.setAttribute("aria-hidden", "true");
        mark.textContent = shape;
        const name = document.createElement("strong");
        name.textContent = place.name;
        button.append(mark, name, line(words, "muted small"));
        button.addEventListener("click", () => {
          this.page.go(place);
          this.open(key);
        });
        return button;
      }),
      ...(places.length ? [] : [line(empty, "muted small board-empty")]),
    );
    if (focused) {
      /** @type {HTMLElement | null} */ (body.querySelector(`[data-board="${focused}"]`))?.focus();
    }
  }
}

/** One line of the legend for each standing. @returns {HTMLLIElement[]} */
export function boardLegend() {
  const words = standings();
  return ORDER.map((standing) => {
    const item = document.createElement("li");
    const mark = document.createElement("b");
    mark.className = `board-shape ${standing}`;
    mark.setAttribute("aria-hidden", "true");
    mark.textContent = SHAPES[standing];
    item.append(mark, document.createTextNode(words[standing]));
    return item;
  });
}

/** @param {string} text @param {string} [look] */
function line(text, look = "") {
  const element = document.createElement("p");
  element.className = look;
  element.textContent = text;
  return element;
}
