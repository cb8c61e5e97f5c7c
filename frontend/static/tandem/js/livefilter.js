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
    const { shown } = this;
    return !shown.size || shown.has(view.kind) || (shown.has("hotspot") && onHotspot(view));
  }

  /** How many are in each state. @param {View[]} views @returns {Map<Shown, number>} */
  count(views) {
    /** @type {Record<string, number>} */
    const counts = {};
    let hotspot = 0;
    for (const view of views) {
      counts[view.kind] = (counts[view.kind] ?? 0) + 1;
      if (onHotspot(view)) hotspot += 1;
    }
    delete counts.off;
    if (hotspot) counts.hotspot = hotspot;
    return new Map(/** @type {[Shown, number][]} */ (Object.entries(counts)));
  }
}

/** @param {View} view */
function onHotspot(view) {
  if (!view.state?.hotspot) return false;
  return view.kind !== "off" && view.kind !== "lost" && view.kind !== "waiting";
}
