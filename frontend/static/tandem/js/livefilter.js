/** Who is looked at: one unit with all below it, and any of some states. Kept in the address. */

/** @typedef {import("./picture.js").Kind} Kind */
/** @typedef {import("./picture.js").View} View */
/** A state, or standing on a hotspot in whatever state.
 * @typedef {Kind | "hotspot"} Shown */

export class Filter {
  /** @param {URLSearchParams} query `unit=3&show=alone,lost` */
  constructor(query) {
    /** @type {number | null} */
    this.unit = Number(query.get("unit")) || null;
    /** @type {Set<Shown>} */
    this.shown = new Set(
      /** @type {Shown[]} */ ((query.get("show") ?? "").split(",").filter(Boolean)),
    );
  }

  /** Put into an address. @param {URL} url */
  write(url) {
    if (this.shown.size) url.searchParams.set("show", [...this.shown].join(","));
    else url.searchParams.delete("show");
    if (this.unit) url.searchParams.set("unit", String(this.unit));
    else url.searchParams.delete("unit");
  }

  /** @param {Shown | null} which null: everybody again */
  toggle(which) {
    if (which === null) this.shown.clear();
    else if (!this.shown.delete(which)) this.shown.add(which);
  }

  /** Whether somebody is in any of the chosen states. @param {View} view */
  fits(view) {
    return !this.shown.size || states(view).some((each) => this.shown.has(each));
  }

  /** How many are in each state. @param {View[]} views @returns {Map<Shown, number>} */
  count(views) {
    const counts = new Map();
    for (const view of views) {
      for (const each of states(view)) counts.set(each, (counts.get(each) ?? 0) + 1);
    }
    counts.delete("off");
    return counts;
  }
}

/** @param {View} view @returns {Shown[]} */
function states(view) {
  const here = view.state?.hotspot && !["off", "lost", "waiting"].includes(view.kind);
  return here ? [view.kind, "hotspot"] : [view.kind];
}
