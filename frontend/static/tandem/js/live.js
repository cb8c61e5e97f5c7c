/** The live page: stream → picture → list, map, card, alarms. The address holds what is chosen. */

import { AlarmStrip } from "./livealarms.js";
import { boundsOf } from "./crowd.js";
import { CheckLines } from "./livechecks.js";
import { OutsideBase } from "./livebase.js";
import { Board, boardLegend } from "./liveboard.js";
import { CrowdCard } from "./livecrowd.js";
import { Filter } from "./livefilter.js";
import { LayerMenu, placesLegend } from "./livelayers.js";
import { OrdersPart } from "./liveorders.js";
import { PeopleList } from "./livelist.js";
import { PeopleLayer } from "./livemap.js";
import { PlaceSearch } from "./livesearch.js";
import { addTools } from "./livetools.js";
import { createMap, fetchJson, OVERLAYS } from "./map.js";
import { drawBubble, forgetUrls, readColours, urlOf } from "./marks.js";
import { Picture } from "./picture.js";
import { covered, readJson, restSheet } from "./shell.js";
import { Stream } from "./socket.js";
import { clock, duration, kinds, setZone, standing, whereabouts } from "./words.js";

/** @typedef {import("./picture.js").Kind} Kind */
/** @typedef {import("./picture.js").View} View */

const LINES_EVERY_MS = 2000;
const JUDGED_OLD_MS = 60_000;
// Bubbles still there at this zoom hold people who stand together: they are listed.
const APART_ZOOM = 17.5;

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const settings = readJson("live-settings");
setZone(settings.zone);

const picture = new Picture();
const query = new URLSearchParams(location.search);
const chosen = {
  person: Number(query.get("person")) || null,
  follow: query.get("follow") === "1",
};
const filter = new Filter(query);
/** @type {import("./map.js").TandemMap | null} */
let tandem = null;
/** @type {PeopleLayer | null} */
let layer = null;
let started = false;
let linesAt = 0;
let renderedAt = 0;

const list = new PeopleList(at("live-people"), at("live-filters"), picture, filter, {
  pick: (id, zoom) => choose(id, zoom),
  filter() {
    remember();
    render();
  },
});
list.chosen = chosen.person;

const strip = new AlarmStrip(at("live-alarms"), settings.may_answer, {
  show: (alarm) => choose(alarm.person, true),
  pick: (person) => choose(person, true),
  changed(alarm) {
    picture.alarms.set(alarm.id, alarm);
    render();
  },
});

const checks = new CheckLines(at("live-checks"), settings.may_answer, {
  show: (person) => choose(person, true),
  settled(id) {
    picture.checks.delete(id);
    render();
  },
});

const leads = new OrdersPart(picture, {
  map: () => tandem?.map ?? null,
  person: (id) => choose(id, true),
});

const crowd = new CrowdCard(at("live-crowd"), picture, (person) => choose(person, true));

const stream = new Stream(
  `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live/`,
  {
    fetchSnapshot: () => fetchJson("/api/live", { cache: "no-store" }),
    onSnapshot(snapshot) {
      picture.reset(snapshot);
      if (!started) {
        started = true;
        void fetchTails();
      }
      render();
    },
    onFrame(frame) {
      picture.apply(frame);
      // A unit made since the snapshot: only a snapshot knows where it stands.
      if (frame.rest.people?.some((row) => !picture.units.has(row.unit))) void stream.refresh();
      if (frame.rest.places) for (const name of OVERLAYS) tandem?.refresh(name);
      render();
    },
    onFlow: sayFlow,
    onEnd(error) {
      at("live-banner-text").textContent =
        error.status === 401
          ? gettext("You are signed out, so the live picture has ended. Sign in again.")
          : error.message;
      at("live-banner").hidden = false;
      at("live-sign-in").hidden = error.status !== 401;
    },
  },
);

async function fetchTails() {
  try {
    picture.setTails((await fetchJson("/api/live/trails")).tails);
    linesAt = 0;
    render();
  } catch {
    // Tails grow from the frames as well; the picture is whole without them.
  }
}

/** @param {boolean} flowing @param {number} since */
function sayFlow(flowing, since) {
  document.body.classList.toggle("stopped", !flowing);
  at("live-banner").hidden = flowing;
  if (flowing) return;
  at("live-banner-text").textContent = since
    ? interpolate(
        gettext("Live picture stopped at %(at)s. Reconnecting."),
        { at: clock(since, true) },
        true,
      )
    : gettext("The live picture has not started yet. Connecting.");
}

/** Keep what is chosen in the address. */
function remember() {
  const url = new URL(location.href);
  /** @param {string} key @param {string | number | null} value */
  const set = (key, value) => {
    if (value) url.searchParams.set(key, String(value));
    else url.searchParams.delete(key);
  };
  set("person", chosen.person);
  set("follow", chosen.person && chosen.follow ? 1 : null);
  filter.write(url);
  history.replaceState(history.state, "", url);
}

/** @param {number | null} id @param {boolean} zoom */
function choose(id, zoom) {
  chosen.person = id;
  if (id === null) chosen.follow = false;
  list.chosen = id;
  if (layer) layer.chosen = id;
  remember();
  render();
  if (id === null) return;
  list.reveal(id);
  if (zoom) centre(id, true);
}

/** Follow the chosen person, or no more. @returns {boolean} whether there is one */
function follow() {
  if (!chosen.person) return false;
  chosen.follow = !chosen.follow;
  remember();
  render();
  return true;
}

/** What Esc does when no tool is on: one step back. @returns {boolean} whether there was one */
function back() {
  if (crowd.close()) return true;
  if (chosen.follow) return follow();
  const open = chosen.person !== null;
  choose(null, false);
  return open;
}

/** @param {number} id @param {boolean} zoom */
function centre(id, zoom) {
  const view = viewOf(id);
  const place = view?.fix ?? (view?.alarm?.lon ? view.alarm : null);
  if (!place || place.lon === null || place.lat === null) return;
  goTo({ lon: place.lon, lat: place.lat }, zoom);
}

/** @param {{lon: number, lat: number}} place @param {boolean} zoom */
function goTo(place, zoom) {
  if (!tandem) return;
  if (zoom && covered().bottom) restSheet("peek");
  const { left, top, bottom } = hidden();
  tandem.map.easeTo({
    center: [place.lon, place.lat],
    zoom: zoom ? Math.max(16, tandem.map.getZoom()) : tandem.map.getZoom(),
    offset: [left / 2, (top - bottom) / 2],
    duration: 350,
  });
}

/** What lies over the map on each side, px: on a phone the card above and the sheet, at rest, below. */
function hidden() {
  const { left, bottom } = covered();
  if (!bottom) return { left, top: 0, bottom };
  const root = getComputedStyle(document.documentElement);
  const peek = parseFloat(root.getPropertyValue("--sheet-peek"));
  const card = at("live-card");
  const map = at("live-map").getBoundingClientRect();
  const top = card.hidden ? 0 : Math.max(0, card.getBoundingClientRect().bottom - map.top);
  return { left, top, bottom: document.body.dataset.sheet === "peek" ? peek : bottom };
}

/** Zoom in until the people of a bubble stand apart, or list them.
 * @param {import("./crowd.js").Cluster} cluster */
function openCluster(cluster) {
  if (!tandem) return;
  const { map } = tandem;
  if (map.getZoom() >= APART_ZOOM) {
    crowd.open(cluster, readColours(), stream.now());
    return;
  }
  const [west, south, east, north] = boundsOf(cluster.members);
  const { left, bottom } = covered();
  const camera = map.cameraForBounds([west, south, east, north], {
    padding: { top: 60, right: 60, bottom: 60 + bottom, left: 60 + left },
    maxZoom: 18,
  });
  const zoom = Math.min(18, Math.max(camera?.zoom ?? 0, map.getZoom() + 1));
  map.easeTo({ center: camera?.center ?? [cluster.lon, cluster.lat], zoom, duration: 350 });
}

/** @param {number} id */
function viewOf(id) {
  return picture.view(id, stream.now());
}

function render() {
  if (!started) return;
  renderedAt = performance.now();
  const now = stream.now();
  const units = filter.unit ? picture.below(filter.unit) : null;
  const everybody = picture.views(now);
  const views = units ? everybody.filter((view) => units.has(view.person.unit)) : everybody;
  list.update(views, now);
  strip.update(picture.shownAlarms(), now);
  checks.update([...picture.checks.values()], now);
  leads.update(now, units);
  // No filter takes an SOS from the map.
  const shown = filter.shown.size
    ? views.filter((view) => view.kind === "sos" || filter.fits(view))
    : views;
  if (layer) {
    layer.update(shown);
    if (now - linesAt > LINES_EVERY_MS) {
      linesAt = now;
      layer.updateLines();
    }
  }
  renderCard(now);
  if (chosen.person && chosen.follow) centre(chosen.person, false);
  const judged = picture.judged;
  at("live-judged").hidden = judged === null || now - judged < JUDGED_OLD_MS;
}

/** @param {number} now */
function renderCard(now) {
  const card = at("live-card");
  const view = chosen.person ? viewOf(chosen.person) : undefined;
  card.hidden = !view;
  if (!view) return;
  const name = (/** @type {number} */ id) => picture.people.get(id)?.name ?? "?";
  at("card-name").textContent = view.person.name;
  at("card-unit").textContent = [
    view.person.badge,
    picture.units.get(view.person.unit)?.name,
    view.person.category === "auxiliary" ? gettext("auxiliary") : null,
  ]
    .filter(Boolean)
    .join(" · ");
  const where = whereabouts(view.state);
  /** @type {[string, string][]} */
  const rows = [[gettext("State"), standing(view, now, name)]];
  if (view.kind === "together" && view.state?.since) {
    rows.push([gettext("Together for"), duration((now - view.state.since) / 1000)]);
  }
  if (view.kind !== "off") {
    if (where) rows.push([gettext("Place"), where]);
    rows.push([
      gettext("Position"),
      view.age === null
        ? gettext("none in this shift")
        : interpolate(gettext("%(time)s ago"), { time: duration(view.age) }, true) +
          (view.fix?.accuracy ? ` · ±${Math.round(view.fix.accuracy)} m` : ""),
    ]);
    if (view.contact !== null) {
      rows.push([
        gettext("Contact"),
        interpolate(gettext("%(time)s ago"), { time: duration(view.contact) }, true),
      ]);
    }
    if (view.fix?.battery != null) {
      rows.push([gettext("Battery"), `${Math.round(view.fix.battery * 100)} %`]);
    }
  }
  const parts = rows.flatMap(([term, text]) => {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = text;
    return [dt, dd];
  });
  at("card-facts").replaceChildren(...parts);
  const button = at("card-follow");
  button.hidden = !view.fix;
  button.setAttribute("aria-pressed", String(chosen.follow));
  at("card-follow-words").textContent = chosen.follow
    ? gettext("Following: Esc or a drag ends it")
    : gettext("Follow on the map");
}

function fillLegend() {
  const words = kinds();
  const colours = readColours();
  /** @type {[import("./marks.js").Look, string][]} */
  const entries = [
    [look("together", 2), gettext("Two together (notches count people)")],
    [look("together", 3), gettext("Three and more together")],
    [look("alone"), gettext("Alone on patrol")],
    [{ ...look("alone"), long: true }, gettext("Alone for longer than the rules let pass")],
    [look("unknown"), words.unknown],
    [look("parked"), gettext("Parked: within 40 m for 10 min and more")],
    [look("lost"), gettext("No signal, at the last place known")],
    [look("sos"), words.sos],
    [{ ...look("together", 2), hotspot: true }, gettext("Square: on a hotspot")],
    [{ ...look("together", 2), ring: 3 }, gettext("Ring: age of the position; full is new")],
    [{ ...look("together", 2), hollow: true }, gettext("Outline only: older than it should be")],
  ];
  const places = tandem ? placesLegend(tandem.palette()) : [];
  at("live-legend").replaceChildren(
    ...entries.map(([each, text]) => {
      const item = document.createElement("li");
      const mark = document.createElement("img");
      mark.alt = "";
      mark.width = mark.height = 28;
      mark.src = urlOf(each, colours);
      item.append(mark, document.createTextNode(text));
      return item;
    }),
    ...places,
    ...boardLegend(),
  );
  const bubble = document.createElement("li");
  const image = document.createElement("img");
  image.alt = "";
  image.width = image.height = 28;
  image.src = drawBubble(colours).toDataURL();
  const text = gettext(
    "So many people where marks would lie over each other; the ring shows how they stand, a sign at its edge that somebody is alone for too long or without a signal. Never an SOS",
  );
  bubble.append(image, document.createTextNode(text));
  at("live-legend").append(bubble);
}

/** @param {Kind} kind @param {number} [group] @returns {import("./marks.js").Look} */
function look(kind, group = 1) {
  return { kind, group, hotspot: false, ring: 0, hollow: false };
}

at("card-close").addEventListener("click", () => choose(null, false));
at("card-follow").addEventListener("click", follow);
new PlaceSearch(/** @type {HTMLInputElement} */ (at("search")), at("live-places"), {
  go(place) {
    tandem?.fit(place.bounds, 64);
    restSheet("peek");
  },
  first: () => list.first(),
});
document.addEventListener("tandem:search", (event) => {
  list.search = /** @type {CustomEvent} */ (event).detail.text.toLocaleLowerCase();
  document.body.classList.toggle("searching", list.search !== "");
  render();
});
// The choice of the unit changes the page in place: the rest of what is chosen stays.
document.getElementById("unit-switch")?.addEventListener("change", (event) => {
  event.stopPropagation();
  filter.unit = Number(/** @type {HTMLSelectElement} */ (event.target).value) || null;
  remember();
  render();
});
// Ages grow also while no frame comes.
window.setInterval(() => {
  if (performance.now() - renderedAt > 900) render();
}, 1000);

/** @param {Error} error */
function sayMapFailed(error) {
  at("live-map-failed").hidden = false;
  at("live-map-why").textContent = error.message;
}

const addMapTools = addTools({ follow, back });

try {
  tandem = await createMap(at("live-map"));
  layer = new PeopleLayer(tandem, picture, { pick: (id) => choose(id, false), open: openCluster });
  layer.chosen = chosen.person;
  tandem.onPalette(() => {
    forgetUrls();
    list.recolour(readColours());
    fillLegend();
    render();
  });
  at("live-no-streets").hidden = tandem.extent.bounds !== null;
  const board = new Board(tandem.map, at("live-board"), {
    week: settings.may_open_week,
    now: () => stream.now(),
    name: (id) => picture.people.get(id)?.name ?? "?",
    go: (place) => goTo(place, true),
  });
  const base =
    settings.base_map &&
    new OutsideBase(tandem.map, settings.base_map, (failed) => {
      at("live-no-base").hidden = !failed;
    });
  new LayerMenu(at("live-layers"), tandem, {
    ...(base && { base: (on) => base.show(on) }),
    clocks: (on) => board.showClocks(on),
    staffing: (on) => board.showStaffing(on),
    orders: (on) => at("live-map").classList.toggle("no-orders", !on),
    tails(on) {
      if (layer) layer.tailsOn = on;
      linesAt = 0;
      render();
    },
  });
  addMapTools(tandem, layer);
  tandem.map.on("dragstart", () => {
    if (chosen.follow) follow();
  });
  tandem.map.on("moveend", () => (linesAt = 0));
  at("live-map").dataset.ready = "";
} catch (error) {
  list.recolour(readColours());
  fillLegend();
  sayMapFailed(/** @type {Error} */ (error));
}

// For whoever tests or measures the page.
const drawn = () => layer?.drawn() ?? { marks: [], clusters: [], names: [] };
Object.assign(window, { tandemLive: { picture, stream, map: () => tandem?.map, drawn } });
