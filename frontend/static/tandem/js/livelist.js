/** The list of people: by unit, what needs a look first; the map's keyboard alternative. */

import { put } from "./livelines.js";
import { lookAt, nameOf, urlOf } from "./marks.js";
import { lostAfter } from "./views.js";
import { isNamed } from "./pinyin.js";
import { duration, kinds, standing, whereabouts } from "./words.js";

/** @typedef {import("./picture.js").View} View */
/** @typedef {import("./picture.js").Kind} Kind */
/** @typedef {import("./livefilter.js").Shown} Shown */

/** Order of the filter buttons. */
const FILTERS = /** @type {Shown[]} */ ([
  "sos",
  "alone",
  "lost",
  "waiting",
  "unknown",
  "parked",
  "together",
  "hotspot",
]);
// More rows than anybody reads; the rest is found by search, unit or state.
const MOST_ROWS = 400;

/**
 * @typedef {object} Row
 * @property {HTMLButtonElement} button
 * @property {HTMLImageElement} mark
 * @property {HTMLElement} name
 * @property {HTMLElement} standing
 * @property {HTMLElement} age
 * @property {HTMLElement} place
 * @property {boolean} seen near enough to what one sees of the list to be kept up to date
 */

export class PeopleList {
  /**
   * @param {HTMLElement} root
   * @param {HTMLElement} filters
   * @param {import("./picture.js").Picture} picture
   * @param {import("./livefilter.js").Filter} filter
   * @param {{pick: (id: number, zoom: boolean) => void, filter: () => void}} on
   */
  constructor(root, filters, picture, filter, on) {
    this.root = root;
    this.filter = filter;
    this.filters = filters;
    this.picture = picture;
    this.on = on;
    /** @type {import("./marks.js").Colours | null} */
    this.colours = null;
    /** @type {import("./marks.js").Colours | null} of which the filters' marks are drawn */
    this.marked = null;
    /** @type {Map<number, Row>} */
    this.rows = new Map();
    /** @type {Map<number, {section: HTMLElement, count: HTMLElement, list: HTMLElement, off: HTMLDetailsElement, offNames: HTMLElement}>} */
    this.sections = new Map();
    /** @type {Map<Shown | "all", HTMLButtonElement>} */
    this.buttons = new Map();
    this.search = "";
    /** @type {number | null} */
    this.chosen = null;
    this.note = document.createElement("div");
    this.note.className = "state";
    this.note.hidden = true;
    root.addEventListener("keydown", (event) => this.move(event));
    // Of hundreds of rows a dozen are in sight; the others are brought up to date as they come.
    this.sight = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const row = this.rows.get(Number(/** @type {HTMLElement} */ (target).dataset.person));
          if (row) row.seen = isIntersecting;
        }
      },
      { rootMargin: "300px" },
    );
  }

  /**
   * @param {View[]} views of the units that are looked at
   * @param {number} now server's ms
   */
  update(views, now) {
    /** @type {Map<number, {duty: number, wanted: View[], off: View[]}>} */
    const byUnit = new Map();
    const every = !this.search && !this.filter.shown.size;
    let working = 0;
    for (const view of views) {
      let here = byUnit.get(view.person.unit);
      if (!here) byUnit.set(view.person.unit, (here = { duty: 0, wanted: [], off: [] }));
      if (view.kind !== "off") {
        here.duty += 1;
        working += 1;
      }
      if (every || this.fits(view)) (view.kind === "off" ? here.off : here.wanted).push(view);
    }
    this.updateFilters(this.filter.count(views), working);
    const focused = document.activeElement;
    const used = new Set();
    const room = new Room(MOST_ROWS, byUnit.values());
    let matching = 0;
    for (const unit of this.picture.units.values()) {
      const here = byUnit.get(unit.id);
      if (!here) continue;
      const { wanted, off, duty } = here;
      matching += wanted.length + off.length;
      const section = this.section(unit);
      used.add(unit.id);
      put(section.count, interpolate(gettext("%(n)s on duty"), { n: duty }, true));
      section.section.hidden = !wanted.length && !off.length;
      const kept = room.of(wanted).sort(byNeed);
      for (const view of kept) this.updateRow(view, now);
      arrange(
        section.list,
        kept.map((view) => this.row(view.person.id).button),
      );
      section.off.hidden = !off.length || this.filter.shown.size > 0;
      put(
        /** @type {HTMLElement} */ (section.off.firstElementChild),
        interpolate(ngettext("%(n)s off shift", "%(n)s off shift", off.length), { n: off.length }, true),
      );
      put(
        section.offNames,
        off.map((view) => view.person.name).sort().join(gettext(", ")),
      );
    }
    for (const [id, { section }] of this.sections) if (!used.has(id)) section.hidden = true;
    for (const [id, row] of this.rows) {
      if (!this.picture.people.has(id)) {
        this.sight.unobserve(row.button);
        row.button.remove();
        this.rows.delete(id);
      }
    }
    this.updateNote(views.length, matching, working, room.short);
    if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) {
      focused.focus({ preventScroll: true });
    }
    this.root.removeAttribute("aria-busy");
  }

  /**
   * @param {number} people
   * @param {number} matching
   * @param {number} working how many are on duty
   * @param {boolean} cut
   */
  updateNote(people, matching, working, cut) {
    let head = "";
    let text = "";
    if (!people) {
      head = gettext("No people in this unit yet");
      text = gettext("Import people under Records; their phones show here when a shift begins.");
    } else if (!matching) {
      head = gettext("Nobody matches");
      text = gettext("Clear the search or the state filter to see everybody again.");
    } else if (!working) {
      head = gettext("Nobody is on duty now");
      text = gettext("People appear here shortly before their shift begins.");
    } else if (cut) {
      text = interpolate(
        gettext(
          "%(n)s people are listed, those first who need a look. For the others search, or choose a unit or a state.",
        ),
        { n: MOST_ROWS },
        true,
      );
    }
    if (this.note.parentElement !== this.root) this.root.append(this.note);
    if (this.note.textContent === head + text) return;
    this.note.hidden = !head && !text;
    const strong = document.createElement("strong");
    strong.textContent = head;
    this.note.replaceChildren(...(head ? [strong] : []), document.createTextNode(text));
  }

  /** @param {View} view */
  fits(view) {
    if (!this.filter.fits(view)) return false;
    if (!this.search) return true;
    const unit = this.picture.units.get(view.person.unit);
    return isNamed(
      this.search,
      [view.person.name, view.person.badge, unit?.name ?? "", whereabouts(view.state)],
      [view.person.pinyin, unit?.pinyin],
    );
  }

  /** @param {Map<Shown, number>} counts @param {number} total */
  updateFilters(counts, total) {
    const words = { ...kinds(), hotspot: gettext("On a hotspot") };
    for (const kind of /** @type {(Shown | "all")[]} */ (["all", ...FILTERS])) {
      let button = this.buttons.get(kind);
      const count = kind === "all" ? total : (counts.get(kind) ?? 0);
      if (!button) {
        button = document.createElement("button");
        button.type = "button";
        button.className = "live-filter";
        const mark = document.createElement("img");
        mark.alt = "";
        mark.width = mark.height = 20;
        mark.hidden = kind === "all";
        const word = document.createElement("span");
        word.textContent = kind === "all" ? gettext("All on duty") : words[kind];
        const number = document.createElement("b");
        button.append(mark, word, number);
        button.addEventListener("click", () => {
          this.filter.toggle(kind === "all" ? null : kind);
          this.on.filter();
        });
        this.buttons.set(kind, button);
        this.filters.append(button);
      }
      const mark = /** @type {HTMLImageElement} */ (button.firstElementChild);
      if (kind !== "all" && this.colours && this.marked !== this.colours) {
        mark.src = urlOf(
          {
            kind: kind === "hotspot" ? "together" : kind,
            group: 2,
            hotspot: kind === "hotspot",
            ring: 0,
            hollow: false,
          },
          this.colours,
        );
      }
      put(/** @type {HTMLElement} */ (button.lastElementChild), String(count));
      const chosen = kind === "all" ? !this.filter.shown.size : this.filter.shown.has(kind);
      button.hidden = kind !== "all" && !count && !chosen;
      tell(button, "aria-pressed", String(chosen));
    }
    this.marked = this.colours;
  }

  /** @param {import("./picture.js").Unit} unit */
  section(unit) {
    let found = this.sections.get(unit.id);
    if (!found) {
      const section = document.createElement("section");
      const head = document.createElement("header");
      const title = document.createElement("h2");
      title.textContent = unit.name;
      const count = document.createElement("span");
      count.className = "muted small";
      head.append(title, count);
      const list = document.createElement("div");
      list.setAttribute("role", "group");
      list.setAttribute("aria-label", unit.name);
      const off = document.createElement("details");
      off.className = "live-off";
      const offNames = document.createElement("p");
      off.append(document.createElement("summary"), offNames);
      section.append(head, list, off);
      this.root.append(section);
      found = { section, count, list, off, offNames };
      this.sections.set(unit.id, found);
    }
    return found;
  }

  /** @param {number} id @returns {Row} */
  row(id) {
    let row = this.rows.get(id);
    if (!row) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "person";
      button.dataset.person = String(id);
      const mark = document.createElement("img");
      mark.alt = "";
      mark.width = mark.height = 26;
      const [name, standingOf, age, place] = ["name", "standing", "age", "place"].map((part) => {
        const span = document.createElement("span");
        span.className = `person-${part}`;
        return span;
      });
      button.append(mark, name, standingOf, age, place);
      button.addEventListener("click", () => this.on.pick(id, true));
      row = { button, mark, name, standing: standingOf, age, place, seen: true };
      this.rows.set(id, row);
      this.sight.observe(button);
    }
    return row;
  }

  /** @param {View} view @param {number} now */
  updateRow(view, now) {
    const row = this.row(view.person.id);
    const { button } = row;
    const current = String(view.person.id === this.chosen);
    tell(button, "aria-current", current);
    button.hidden = false;
    if (!row.seen && button.isConnected) return;
    const name = (/** @type {number} */ id) => this.picture.people.get(id)?.name ?? "?";
    if (this.colours) {
      const look = lookAt(view, lostAfter(this.picture.rules, view.person.interval));
      if (button.dataset.look !== nameOf(look)) {
        button.dataset.look = nameOf(look);
        row.mark.src = urlOf(look, this.colours);
      }
    }
    put(row.name, view.person.name);
    put(row.standing, standing(view, now, name));
    put(row.age, view.age === null ? "–" : duration(view.age));
    row.age.classList.toggle("old", !view.fresh);
    const where = whereabouts(view.state);
    put(row.place, where);
    button.dataset.kind = view.kind;
    button.classList.toggle("urgent", view.rank <= 2);
    button.dataset.search = [view.person.name, view.person.badge, where].join(" ");
  }

  /** @param {import("./marks.js").Colours} colours */
  recolour(colours) {
    this.colours = colours;
    for (const row of this.rows.values()) delete row.button.dataset.look;
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step && event.key !== "Home" && event.key !== "End") return;
    const all = /** @type {HTMLButtonElement[]} */ ([
      ...this.root.querySelectorAll("section:not([hidden]) .person:not([hidden])"),
    ]);
    if (!all.length) return;
    event.preventDefault();
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const next =
      event.key === "Home" ? 0
      : event.key === "End" ? all.length - 1
      : Math.max(0, Math.min(all.length - 1, at + (step ?? 0)));
    all[next].focus();
    this.on.pick(Number(all[next].dataset.person), false);
  }

  /** The first person listed. @returns {HTMLButtonElement | null} */
  first() {
    return this.root.querySelector("section:not([hidden]) .person:not([hidden])");
  }

  /** @param {number} id */
  reveal(id) {
    this.rows.get(id)?.button.scrollIntoView({ block: "nearest" });
  }
}

/** Who is listed when not all can be: who needs a look before anybody else, in whatever unit. */
class Room {
  /** @param {number} most @param {Iterable<{wanted: View[]}>} units */
  constructor(most, units) {
    /** @type {number[]} people by rank */
    const counts = [];
    for (const { wanted } of units) {
      for (const { rank } of wanted) counts[rank] = (counts[rank] ?? 0) + 1;
    }
    this.last = 0; // the rank of which not all, or just all, have room
    this.left = most; // so many of that rank
    while (this.last < counts.length && this.left >= (counts[this.last] ?? 0)) {
      this.left -= counts[this.last++] ?? 0;
    }
    this.short = this.last < counts.length;
  }

  /** Those of a unit who have room. @param {View[]} wanted */
  of(wanted) {
    if (!this.short) return wanted;
    return wanted.filter((view) => view.rank < this.last || (view.rank === this.last && this.left-- > 0));
  }
}

/** @param {View} a @param {View} b */
function byNeed(a, b) {
  return (
    a.rank - b.rank ||
    (a.person.order ?? 0) - (b.person.order ?? 0) ||
    a.person.id - b.person.id
  );
}

/** Set an attribute only when it differs. @param {Element} element @param {string} name @param {string} value */
function tell(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Give a list these children in this order, touching only those out of place.
 * @param {HTMLElement} list @param {HTMLElement[]} children */
function arrange(list, children) {
  children.forEach((child, i) => {
    if (list.children[i] !== child) list.insertBefore(child, list.children[i] ?? null);
  });
  while (list.children.length > children.length) list.lastElementChild?.remove();
}
