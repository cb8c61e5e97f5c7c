/**
 * Replay of a past day: hours are fetched one after another, the clock runs at 1×, 10× or 60×, list
 * and map follow it. The address holds unit, day, hours, moment and speed.
 */

import { createMap, fetchJson } from "./map.js";
import { readColours, urlOf } from "./marks.js";
import { ReplayLayer, lookOfStanding } from "./replaymap.js";
import { Tracks } from "./replaytracks.js";
import { covered, notify, readJson, restSheet } from "./shell.js";
import { duration, kinds } from "./words.js";

/** @typedef {import("./replaytracks.js").Tick} Tick */
/** @typedef {import("./replaymap.js").Shown} Shown */
/** @typedef {{query: Record<string, string | number>, start: number, end: number, lost: number,
 *   people: import("./replaymap.js").ReplayPerson[]}} Settings */

const SPEEDS = [1, 10, 60];
const DRAWN_EVERY_MS = 100;
const LISTED_EVERY_MS = 1000;
const TRIED_AGAIN_MS = 5000;
const STEP_S = 10;
const LEAP_S = 300;
const HOUR_S = 3600;

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {Settings | undefined} */
const settings = readJson("replay-settings");

/** @param {number} s "10:42:07" */
function clockOf(s) {
  const whole = Math.floor(s);
  return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
    .map((n) => String(n).padStart(2, "0"))
    .join(":");
}

/** @param {string | null} text @returns {number | null} */
function secondsOf(text) {
  const found = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text ?? "");
  return found ? Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3] ?? 0) : null;
}

/** @param {Tick} tick */
function tickWords([s, kind, about]) {
  /** @type {Record<string, string>} */
  const words = {
    sos: gettext("SOS: %(about)s"),
    sos_taken: gettext("SOS taken up: %(about)s"),
    sos_closed: gettext("SOS closed: %(about)s"),
    order_offered: gettext("Order offered: %(about)s"),
    order_accepted: gettext("Order accepted: %(about)s"),
    order_arrived: gettext("Arrived: %(about)s"),
    order_disposed: gettext("Order disposed of: %(about)s"),
  };
  const text = words[kind] ?? gettext("Order: %(about)s");
  return `${clockOf(s)} ${interpolate(text, { about }, true)}`;
}

/** @param {Settings} given */
function start(given) {
  const { start: begin, end, people } = given;
  const query = new URLSearchParams(Object.entries(given.query).map(([k, v]) => [k, String(v)]));
  const tracks = new Tracks(given.lost);
  const address = new URLSearchParams(location.search);
  const asked = secondsOf(address.get("at"));
  const range = /** @type {HTMLInputElement} */ (at("replay-at"));
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {Map<number, "waiting" | "loaded" | "failed">} */
  const hours = new Map();
  for (let hour = Math.floor(begin / HOUR_S); hour * HOUR_S < end; hour += 1) hours.set(hour, "waiting");
  let now = asked === null ? begin : Math.min(end, Math.max(begin, asked));
  let moved = asked !== null;
  let playing = false;
  let speed = SPEEDS.includes(Number(address.get("speed"))) ? Number(address.get("speed")) : 10;
  /** @type {number | null} */
  let chosen = null;
  /** @type {ReplayLayer | null} */
  let layer = null;
  /** @type {import("./map.js").TandemMap | null} */
  let tandem = null;
  let drawnAt = 0;
  let listedAt = 0;
  let last = performance.now();

  range.min = String(begin);
  range.max = String(end);

  const isReady = () => hours.get(Math.min(Math.floor(now / HOUR_S), lastHour())) === "loaded";
  const lastHour = () => Math.max(...hours.keys());

  function remember() {
    const url = new URL(location.href);
    url.searchParams.set("at", clockOf(now));
    url.searchParams.set("speed", String(speed));
    history.replaceState(history.state, "", url);
  }

  /** @param {number} t */
  function seek(t) {
    now = Math.min(end, Math.max(begin, t));
    moved = true;
    draw(true);
    remember();
  }

  /** @param {boolean} on */
  function play(on) {
    playing = on;
    if (on && now >= end) now = begin;
    last = performance.now();
    const button = at("replay-play");
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? gettext("Pause") : gettext("Play");
    remember();
  }

  /** @param {number} wanted */
  function setSpeed(wanted) {
    speed = wanted;
    for (const button of document.querySelectorAll("[data-speed]")) {
      const own = Number(/** @type {HTMLElement} */ (button).dataset.speed);
      button.setAttribute("aria-pressed", String(own === speed));
    }
    remember();
  }

  /** @returns {Shown[]} */
  function shownNow() {
    return people.flatMap((person) => {
      const standing = tracks.at(person.id, now);
      return standing ? [{ person, standing }] : [];
    });
  }

  /** @param {boolean} [whole] the list too, at once */
  function draw(whole = false) {
    const shown = shownNow();
    range.value = String(Math.round(now));
    const words = clockOf(now);
    range.setAttribute("aria-valuetext", words);
    at("replay-clock").textContent = words;
    layer?.update(shown, chosen, (id) => tracks.tail(id, now));
    if (whole || performance.now() - listedAt > LISTED_EVERY_MS) {
      listedAt = performance.now();
      fillList(shown);
    }
    sayNote();
  }

  function sayNote() {
    const states = [...hours.values()];
    const failed = hours.get(Math.floor(now / HOUR_S)) === "failed";
    let text = "";
    if (failed) text = gettext("This hour could not be loaded. Trying again.");
    else if (!isReady()) text = gettext("Loading this hour …");
    else if (states.every((state) => state === "loaded") && !tracks.fixes) {
      text = gettext("No positions are stored of these people in these hours. Choose another day or other hours.");
    }
    const note = at("replay-note");
    note.hidden = !text;
    if (note.textContent !== text) note.textContent = text;
  }

  /** @param {Shown[]} shown */
  function fillList(shown) {
    const list = at("replay-people");
    list.removeAttribute("aria-busy");
    const words = kinds();
    const colours = readColours();
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.person : undefined;
    const rank = { sos: 0, lost: 2 };
    shown.sort(
      (a, b) =>
        (rank[/** @type {"sos"} */ (a.standing.kind)] ?? 1) - (rank[/** @type {"sos"} */ (b.standing.kind)] ?? 1) ||
        a.person.name.localeCompare(b.person.name),
    );
    list.replaceChildren(
      ...shown.map(({ person, standing }) => {
        const item = document.createElement("button");
        item.type = "button";
        item.className = "replay-person";
        item.setAttribute("role", "listitem");
        item.dataset.person = String(person.id);
        item.dataset.kind = standing.kind;
        if (person.id === chosen) item.setAttribute("aria-current", "true");
        const mark = document.createElement("img");
        mark.alt = "";
        mark.width = mark.height = 28;
        mark.src = urlOf({ ...lookOfStanding(standing, given.lost), ring: 0 }, colours);
        const name = document.createElement("strong");
        name.textContent = person.name;
        const facts = document.createElement("span");
        facts.className = "muted small";
        facts.textContent = [person.unit, words[standing.kind]].join(" · ");
        const age = document.createElement("span");
        age.className = "replay-age muted small";
        if (standing.age >= STEP_S * 2) {
          age.textContent = duration(standing.age);
          age.title = interpolate(gettext("fix %(time)s old"), { time: duration(standing.age) }, true);
        }
        item.append(mark, name, age, facts);
        return item;
      }),
    );
    if (!shown.length) {
      const none = document.createElement("p");
      none.className = "muted";
      none.textContent = gettext("Nobody has a position at this moment.");
      list.append(none);
    }
    if (focused) {
      /** @type {HTMLElement | null} */ (list.querySelector(`[data-person="${focused}"]`))?.focus({ preventScroll: true });
    }
  }

  /** @param {number | null} id */
  function choose(id) {
    chosen = id;
    const standing = id === null ? null : tracks.at(id, now);
    draw(true);
    if (!tandem || !standing) return;
    const { left, bottom } = covered();
    if (bottom) restSheet("peek");
    tandem.map.easeTo({
      center: [standing.lon, standing.lat],
      zoom: Math.max(15, tandem.map.getZoom()),
      offset: [left / 2, -bottom / 2],
      duration: 350,
    });
  }

  /** @param {Tick[]} ticks */
  function showTicks(ticks) {
    at("replay-ticks").replaceChildren(
      ...ticks
        .filter(([s]) => s >= begin && s <= end)
        .map((tick) => {
          const button = document.createElement("button");
          button.type = "button";
          button.className = "replay-tick";
          button.dataset.kind = tick[1].startsWith("order") ? "order" : tick[1];
          button.style.left = `${(100 * (tick[0] - begin)) / (end - begin)}%`;
          button.textContent = tick[1] === "sos" ? "▲" : tick[1].startsWith("sos") ? "△" : "◆";
          button.title = tickWords(tick);
          button.setAttribute("aria-label", tickWords(tick));
          button.addEventListener("click", () => seek(tick[0]));
          return button;
        }),
    );
  }

  function showHours() {
    at("replay-hours").replaceChildren(
      ...[...hours].map(([hour, state]) => {
        const part = document.createElement("span");
        part.dataset.state = state;
        const from = Math.max(begin, hour * HOUR_S);
        const length = Math.min(end, (hour + 1) * HOUR_S) - from;
        part.style.flexGrow = String(length);
        // Half of a number would be read as another one.
        if (length > HOUR_S / 2) part.textContent = String(hour).padStart(2, "0");
        return part;
      }),
    );
  }

  /** Fetch every hour, the one that is looked at first; one that fails is tried again. */
  async function load() {
    for (;;) {
      const wanted = Math.floor(now / HOUR_S);
      const open = [...hours].filter(([, state]) => state !== "loaded").map(([hour]) => hour);
      if (!open.length) return;
      // From the moment that is looked at onwards, then what lies before it.
      open.sort((a, b) => Number(a < wanted) - Number(b < wanted) || a - b);
      const hour = open[0];
      try {
        const answer = await fetch(`/live/replay/hour?${query}&hour=${hour}`, {
          credentials: "same-origin",
          cache: "no-store",
        });
        if (answer.status === 403 || answer.status === 409) {
          notify((await answer.json()).error.message, "error");
          return;
        }
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        tracks.addHour(hour, await answer.arrayBuffer());
        hours.set(hour, "loaded");
        if (!moved && tracks.first !== null) {
          now = tracks.first;
          moved = true;
          fit();
        }
      } catch {
        hours.set(hour, "failed");
        showHours();
        draw(true);
        await new Promise((resolve) => setTimeout(resolve, TRIED_AGAIN_MS));
      }
      showHours();
      draw(true);
    }
  }

  /** Show everybody of the present moment, unless the address says where to look. */
  function fit() {
    if (!tandem || location.hash.includes("map=")) return;
    const shown = shownNow();
    if (!shown.length) return;
    const lon = shown.map(({ standing }) => standing.lon);
    const lat = shown.map(({ standing }) => standing.lat);
    const { left, bottom } = covered();
    tandem.map.fitBounds([Math.min(...lon), Math.min(...lat), Math.max(...lon), Math.max(...lat)], {
      padding: { left: left + 60, bottom: bottom + 160, top: 60, right: 60 },
      maxZoom: 16,
      duration: 0,
    });
  }

  /** @param {number} at */
  function run(at) {
    requestAnimationFrame(run);
    if (!playing || !isReady()) {
      last = at;
      return;
    }
    // Without motion the picture goes on a fix at a time.
    if (at - drawnAt < (still.matches ? 1000 : DRAWN_EVERY_MS)) return;
    now = Math.min(end, now + (speed * (at - last)) / 1000);
    last = at;
    drawnAt = at;
    draw();
    if (now >= end) play(false);
  }

  at("replay-play").addEventListener("click", () => play(!playing));
  range.addEventListener("input", () => seek(Number(range.value)));
  at("replay-people").addEventListener("click", (event) => {
    const item = event.target instanceof Element ? event.target.closest("[data-person]") : null;
    if (item instanceof HTMLElement) choose(Number(item.dataset.person));
  });
  for (const button of document.querySelectorAll("[data-speed]")) {
    button.addEventListener("click", () => setSpeed(Number(/** @type {HTMLElement} */ (button).dataset.speed)));
  }
  document.addEventListener("keydown", (event) => {
    const on = event.target instanceof Element ? event.target : null;
    if (event.ctrlKey || event.metaKey || event.altKey || on?.closest("input, select, textarea, .maplibregl-map")) return;
    if (event.key === " " && !on?.closest("button, a, summary")) {
      event.preventDefault();
      play(!playing);
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      const by = event.shiftKey ? LEAP_S : STEP_S;
      seek(now + (event.key === "ArrowLeft" ? -by : by));
    }
  });
  // After a click with the mouse the keys belong to the player again; keyboards keep their place.
  at("replay-play").closest("section")?.addEventListener("click", (event) => {
    if (event.detail && event.target instanceof HTMLButtonElement) event.target.blur();
  });
  window.setInterval(() => playing && remember(), 2000);

  setSpeed(speed);
  showHours();
  void load();
  fetchJson(`/live/replay/marks?${query}`, { cache: "no-store" }).then(
    (marks) => {
      tracks.setMarks(marks);
      showTicks(marks.ticks);
      draw(true);
    },
    (error) => notify(error.message, "warning"),
  );
  requestAnimationFrame(run);

  createMap(at("replay-map"), { overlays: ["areas", "stations"] }).then(
    (made) => {
      tandem = made;
      layer = new ReplayLayer(made, given.lost, choose);
      fit();
      draw(true);
      at("replay-map").dataset.ready = "";
    },
    (error) => notify(`${gettext("The map could not be loaded; everything else works.")} ${error.message}`, "warning"),
  );
  // For whoever tests or measures the page.
  Object.assign(window, {
    tandemReplay: { tracks, now: () => now, playing: () => playing, speed: () => speed, map: () => tandem?.map },
  });
}

if (settings) start(settings);
else createMap(at("replay-map"), { overlays: ["areas", "stations"] }).catch(() => {});
