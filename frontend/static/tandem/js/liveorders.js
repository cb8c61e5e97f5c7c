/** Leads and orders on the live page: the inbox, the marks on the map, and the panel's clocks. */

import { Marker } from "/static/vendor/maplibre/maplibre-gl.mjs";

import { put } from "./livelines.js";
import { covered } from "./shell.js";
import { duration, running, term } from "./words.js";

/** @typedef {import("./picture.js").Lead} Lead */

// A closed one is shown struck through for a while, so that it does not vanish under the pointer.
const CLOSED_SHOWN_MS = 120_000;
// What the panel covers of the map, its margin included (orders.css).
const PANEL_PX = 440;

/** State → the sign beside its word, and what needs a look first (frontend/order_words.py).
 * @type {Record<string, {sign: string, rank: number}>} */
const STATES = {
  waiting: { sign: "!", rank: 0 },
  declined: { sign: "✕", rank: 0 },
  expired: { sign: "◷", rank: 0 },
  reassigned: { sign: "↩", rank: 0 },
  open: { sign: "!", rank: 1 },
  offered: { sign: "?", rank: 2 },
  arrived: { sign: "●", rank: 3 },
  accepted: { sign: "→", rank: 4 },
  disposed: { sign: "✓", rank: 9 },
  closed: { sign: "–", rank: 9 },
};

/** @returns {Record<string, string>} */
const stateWords = () => ({
  waiting: gettext("waiting"),
  open: gettext("open"),
  offered: gettext("offered"),
  accepted: gettext("accepted"),
  arrived: gettext("arrived"),
  disposed: gettext("disposed of"),
  declined: gettext("declined"),
  expired: gettext("not answered in time"),
  reassigned: gettext("taken back"),
  closed: gettext("closed"),
});

/** @returns {Record<string, string>} */
const kindWords = () => ({
  stall: gettext("Stall on the street"),
  cleanliness: gettext("Dirt or rubbish"),
  noise: gettext("Noise"),
  parking: gettext("Parking on the pavement"),
  building: gettext("Building or digging"),
  signs: gettext("Signs and posters"),
  other: gettext("Something else"),
});

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @typedef {object} Row
 * @property {HTMLButtonElement} button
 * @property {HTMLElement} sign
 * @property {HTMLElement} title
 * @property {HTMLElement} state
 * @property {HTMLElement} clock
 * @property {HTMLElement} place
 * @property {HTMLElement} due
 */

export class OrdersPart {
  /**
   * @param {import("./picture.js").Picture} picture
   * @param {{map: () => import("maplibre-gl").Map | null, person: (id: number) => void}} on
   */
  constructor(picture, on) {
    this.picture = picture;
    this.on = on;
    this.list = at("orders-list");
    this.panel = at("order-panel");
    /** @type {Map<number, Row>} */
    this.rows = new Map();
    /** @type {Map<number, Marker>} */
    this.marks = new Map();
    /** @type {number | null} */
    this.chosen = Number(new URLSearchParams(location.search).get("lead")) || null;
    /** Whose panel was fetched last.
     * @type {number | null} */
    this.asked = null;
    /** @type {Marker | null} the place of the lead that is being written */
    this.draft = null;
    this.now = 0;
    /** How the chosen lead was when its panel was fetched. */
    this.shown = "";
    this.picking = false;
    /** What was open in the panel before it was renewed.
     * @type {{lead: number | null, parts: Map<string, HTMLDetailsElement>}} */
    this.opened = { lead: null, parts: new Map() };
    /** The panel renews itself: the focus stays where it is. */
    this.quiet = false;
    this.panel.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("keydown", (event) => this.move(event));
    document.addEventListener("htmx:beforeSwap", (event) => {
      const { target } = /** @type {CustomEvent} */ (event).detail;
      if (target === this.panel) this.opened = { lead: this.leadShown(), parts: this.parts(true) };
    });
    document.addEventListener("htmx:afterSwap", (event) => this.swapped(event));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {number} now server's ms @param {Set<number> | null} units those looked at */
  update(now, units) {
    this.now = now;
    const leads = [...this.picture.orders.values()]
      .filter((lead) => !units || units.has(lead.unit))
      .filter((lead) => lead.closed === null || now - lead.closed < CLOSED_SHOWN_MS)
      .sort((a, b) => rank(a) - rank(b) || a.received - b.received || a.id - b.id);
    const ids = new Set(leads.map((lead) => lead.id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.button.remove();
      this.rows.delete(id);
    }
    leads.forEach((lead, i) => {
      const row = this.row(lead.id);
      this.fill(row, lead);
      if (this.list.children[i] !== row.button) {
        const focused = document.activeElement === row.button;
        this.list.insertBefore(row.button, this.list.children[i] ?? null);
        if (focused) row.button.focus({ preventScroll: true });
      }
    });
    at("orders-none").hidden = leads.length > 0;
    const waiting = leads.filter((lead) => rank(lead) <= 1).length;
    const badge = at("orders-waiting");
    badge.hidden = !waiting;
    put(
      badge,
      interpolate(ngettext("%(n)s waits", "%(n)s wait", waiting), { n: waiting }, true),
    );
    this.drawMarks(leads.filter((lead) => lead.closed === null));
    this.tickClocks();
    this.followChosen();
  }

  /** @param {number} id @returns {Row} */
  row(id) {
    let row = this.rows.get(id);
    if (row) return row;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "lead";
    button.dataset.lead = String(id);
    const [sign, title, state, clock, place, due] = [
      "sign",
      "title",
      "state",
      "clock",
      "place",
      "due",
    ].map((part) => {
      const span = document.createElement("span");
      span.className = `lead-${part}`;
      return span;
    });
    sign.setAttribute("aria-hidden", "true");
    button.append(sign, title, clock, place, state, due);
    button.addEventListener("click", () => this.choose(id, true));
    row = { button, sign, title, state, clock, place, due };
    this.rows.set(id, row);
    return row;
  }

  /** @param {Row} row @param {Lead} lead */
  fill(row, lead) {
    const { button } = row;
    button.dataset.state = lead.state;
    button.setAttribute("aria-current", String(lead.id === this.chosen));
    put(row.sign, STATES[lead.state]?.sign ?? "");
    put(
      row.title,
      (kindWords()[lead.kind] ?? "") + (lead.enforcement ? ` · ${gettext("enforcement")}` : ""),
    );
    const names = lead.members.map((one) => one.name);
    if (lead.others) names.push(`+${lead.others}`);
    put(
      row.state,
      [stateWords()[lead.state], names.join(gettext(", ")), lead.flagged ? gettext("too far away") : ""]
        .filter(Boolean)
        .join(" · "),
    );
    const due = dues(lead, this.now);
    put(row.due, due.text);
    row.due.classList.toggle("late", due.late);
    put(row.place, [lead.place || streetOf(lead), lead.text].filter(Boolean).join(" · "));
    const left = lead.offer_ends === null ? null : Math.ceil((lead.offer_ends - this.now) / 1000);
    put(
      row.clock,
      left === null
        ? duration(Math.max(0, (this.now - lead.since) / 1000))
        : interpolate(gettext("%(n)s s left"), { n: Math.max(0, left) }, true),
    );
  }

  /** @param {number} id @param {boolean} centre */
  choose(id, centre) {
    this.chosen = this.asked = id;
    const lead = this.picture.orders.get(id);
    this.shown = lead ? mark(lead) : "";
    this.remember();
    void htmx.ajax("GET", `/live/leads/${id}/`, { target: "#order-panel", swap: "innerHTML" });
    const map = this.on.map();
    if (centre && lead && map) {
      const { left, bottom } = covered();
      const right = matchMedia("(max-width: 760px)").matches ? 0 : PANEL_PX;
      map.easeTo({
        center: [lead.lon, lead.lat],
        zoom: Math.max(15, map.getZoom()),
        offset: [(left - right) / 2, -bottom / 2],
        duration: 350,
      });
    }
  }

  close() {
    const before = this.chosen;
    this.chosen = null;
    this.shown = "";
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.endDraft();
    this.remember();
    if (before !== null) this.rows.get(before)?.button.focus({ preventScroll: true });
  }

  remember() {
    const url = new URL(location.href);
    if (this.chosen) url.searchParams.set("lead", String(this.chosen));
    else url.searchParams.delete("lead");
    history.replaceState(history.state, "", url);
  }

  /** Fetch the panel again when its lead has changed, but never under somebody's typing. */
  followChosen() {
    if (this.chosen === null) return;
    const lead = this.picture.orders.get(this.chosen);
    // Closed long ago, it is in no picture; its address still opens it.
    if (!lead && this.asked !== this.chosen) this.choose(this.chosen, false);
    if (!lead || mark(lead) === this.shown) return;
    const typing = document.activeElement;
    if (
      typing instanceof HTMLInputElement &&
      this.panel.contains(typing) &&
      typing.type !== "hidden" &&
      typing.value
    ) {
      return;
    }
    this.quiet = !this.panel.contains(typing);
    this.choose(this.chosen, false);
  }

  /** The lead whose panel stands there. */
  leadShown() {
    const article = this.panel.querySelector("[data-lead].lead-panel");
    return Number(/** @type {HTMLElement | null} */ (article)?.dataset.lead) || null;
  }

  /** The parts of the panel that can be opened, by what they say. @param {boolean} open only open ones */
  parts(open) {
    /** @type {Map<string, HTMLDetailsElement>} */
    const found = new Map();
    for (const part of this.panel.querySelectorAll("details")) {
      if (part.open || !open) found.set(part.querySelector("summary")?.textContent ?? "", part);
    }
    return found;
  }

  /** @param {Event} event */
  swapped(event) {
    const { target } = /** @type {CustomEvent} */ (event).detail;
    if (target !== this.panel) return;
    this.panel.hidden = false;
    this.endDraft();
    // What a dispatcher has opened stays open when the same lead's panel renews itself.
    if (this.leadShown() === this.opened.lead) {
      const parts = this.parts(false);
      for (const said of this.opened.parts.keys()) parts.get(said)?.setAttribute("open", "");
    }
    const article = this.panel.querySelector("[data-lead].lead-panel");
    const id = Number(/** @type {HTMLElement | null} */ (article)?.dataset.lead) || null;
    if (id !== this.chosen) {
      this.chosen = id;
      this.remember();
    }
    const lead = id === null ? undefined : this.picture.orders.get(id);
    // What the panel shows may be newer than the last frame: then the next one fetches nothing anew.
    const told = /** @type {HTMLElement | null} */ (article)?.dataset ?? {};
    this.shown = lead && lead.state === told.state ? mark(lead) : this.shown;
    this.tickClocks();
    if (this.panel.querySelector("#lead-form")) this.beginDraft();
    const inside = this.panel.contains(document.activeElement);
    const quiet = this.quiet;
    this.quiet = false;
    if (!inside && !quiet) {
      /** @type {HTMLElement | null} */ (this.panel.querySelector("#lead-title"))?.focus({
        preventScroll: true,
      });
    }
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("[data-close-panel]")) this.close();
    const person = /** @type {HTMLElement | null} */ (event.target.closest("[data-person]"));
    if (person) this.on.person(Number(person.dataset.person));
    const lead = /** @type {HTMLElement | null} */ (event.target.closest("button[data-lead]"));
    if (lead) this.choose(Number(lead.dataset.lead), true);
    if (event.target.closest("[data-place-middle]")) {
      const middle = this.on.map()?.getCenter();
      if (middle) this.setDraft(middle.lng, middle.lat);
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const typing =
      event.target instanceof Element && event.target.closest("input, textarea, select");
    if (event.key === "Escape" && !this.panel.hidden && (!typing || this.panel.contains(typing))) {
      this.close();
      event.preventDefault(); // one step back, not two
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") document.getElementById("lead-new")?.click();
    if (event.key === "o") {
      /** @type {HTMLElement | null} */ (this.list.querySelector(".lead"))?.focus();
    }
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const all = /** @type {HTMLButtonElement[]} */ ([...this.list.querySelectorAll(".lead")]);
    const here = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, here + step))]?.focus();
  }

  /** The clocks inside the panel: how long a state lasts, how long an offer still does. */
  tickClocks() {
    for (const element of this.panel.querySelectorAll(".order-clock")) {
      const { ends, from } = /** @type {HTMLElement} */ (element).dataset;
      const text = ends
        ? running(Math.max(0, (Number(ends) - this.now) / 1000))
        : running(Math.max(0, (this.now - Number(from)) / 1000));
      if (this.now) put(/** @type {HTMLElement} */ (element), text);
    }
    for (const element of this.panel.querySelectorAll("[data-due]")) {
      if (this.now <= Number(/** @type {HTMLElement} */ (element).dataset.due)) continue;
      element.classList.add("late");
      const said = element.querySelector("[data-due-said]");
      if (said) put(/** @type {HTMLElement} */ (said), `· ${gettext("overdue")}`);
    }
  }

  /** @param {Lead[]} leads open ones */
  drawMarks(leads) {
    const map = this.on.map();
    if (!map) return;
    const ids = new Set(leads.map((lead) => lead.id));
    for (const [id, marker] of this.marks) {
      if (ids.has(id)) continue;
      marker.remove();
      this.marks.delete(id);
    }
    for (const lead of leads) {
      let marker = this.marks.get(lead.id);
      if (!marker) {
        const element = document.createElement("button");
        element.type = "button";
        element.className = "lead-mark";
        element.tabIndex = -1; // the list is the keyboard's way
        element.addEventListener("click", (event) => {
          event.stopPropagation();
          this.choose(lead.id, false);
        });
        marker = new Marker({ element, anchor: "bottom" }).setLngLat([lead.lon, lead.lat]);
        marker.addTo(map);
        this.marks.set(lead.id, marker);
      }
      const element = marker.getElement();
      element.dataset.state = lead.state;
      element.classList.toggle("enforces", lead.enforcement);
      element.classList.toggle("chosen", lead.id === this.chosen);
      const said = `${kindWords()[lead.kind] ?? ""}, ${stateWords()[lead.state]}`;
      if (element.getAttribute("aria-label") !== said) element.setAttribute("aria-label", said);
      put(element, STATES[lead.state]?.sign ?? "");
    }
  }

  // --- the place of a new lead

  beginDraft() {
    const map = this.on.map();
    if (!map || this.picking) return;
    this.picking = true;
    map.getCanvas().classList.add("picking");
    map.on("click", this.pick);
  }

  endDraft() {
    this.draft?.remove();
    this.draft = null;
    if (!this.picking) return;
    this.picking = false;
    const map = this.on.map();
    map?.getCanvas().classList.remove("picking");
    map?.off("click", this.pick);
  }

  /** @param {import("maplibre-gl").MapMouseEvent} event */
  pick = (event) => this.setDraft(event.lngLat.lng, event.lngLat.lat);

  /** @param {number} lon @param {number} lat */
  setDraft(lon, lat) {
    const form = /** @type {HTMLFormElement | null} */ (document.getElementById("lead-form"));
    const map = this.on.map();
    if (!form || !map) return;
    /** @type {HTMLInputElement} */ (form.elements.namedItem("lon")).value = lon.toFixed(7);
    /** @type {HTMLInputElement} */ (form.elements.namedItem("lat")).value = lat.toFixed(7);
    const said = form.querySelector("[data-place-said]");
    if (said) said.textContent = interpolate(gettext("%(lat)s, %(lon)s; click again, or"), { lat: lat.toFixed(5), lon: lon.toFixed(5) }, true);
    if (!this.draft) {
      const element = document.createElement("div");
      element.className = "lead-mark draft";
      element.setAttribute("aria-hidden", "true");
      element.textContent = "+";
      this.draft = new Marker({ element, anchor: "bottom" }).setLngLat([lon, lat]).addTo(map);
    }
    this.draft.setLngLat([lon, lat]);
  }
}

/** @param {Lead} lead */
function rank(lead) {
  return lead.closed !== null ? 9 : (STATES[lead.state]?.rank ?? 5);
}

/** What of a lead's two clocks still runs, in words. @param {Lead} lead @param {number} now ms */
function dues(lead, now) {
  if (lead.closed !== null) return { text: "", late: false };
  const open = [{ due: lead.result_due, left: gettext("result in %(t)s"), over: gettext("result overdue %(t)s") }];
  if (lead.responded === null) {
    open.unshift({ due: lead.respond_due, left: gettext("response in %(t)s"), over: gettext("response overdue %(t)s") });
  }
  const said = open.map(({ due, left, over }) =>
    interpolate(due < now ? over : left, { t: term(Math.abs(due - now) / 1000) }, true),
  );
  return { text: said.join(" · "), late: open.some(({ due }) => due < now) };
}

/** What of a lead its panel shows; ages go on by themselves. @param {Lead} lead */
function mark(lead) {
  const { state, since, flagged, members, closed, respond_due, result_due } = lead;
  return JSON.stringify([state, since, flagged, members, closed, respond_due, result_due]);
}

/** @param {Lead} lead */
function streetOf(lead) {
  const english = document.documentElement.lang.startsWith("en");
  return (english && lead.street_en) || lead.street;
}
