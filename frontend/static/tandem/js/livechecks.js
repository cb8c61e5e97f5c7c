/**
 * Welfare checks that nobody answered: calm lines under the alarms, without sound. Each says how long
 * somebody has been still and whether the question came to the phone's page at all.
 */

import { keepOnly, put, reasonForm, send, strong } from "./livelines.js";
import { clock, duration } from "./words.js";

/**
 * @typedef {object} Check
 * @property {number} id
 * @property {number} person
 * @property {string} name
 * @property {number} unit
 * @property {string} unit_name
 * @property {number} still since, ms
 * @property {number} asked ms
 * @property {number | null} delivered ms; null: the page was not open
 * @property {true} [over]
 */

export class CheckLines {
  /**
   * @param {HTMLElement} root
   * @param {boolean} mayAnswer
   * @param {{show: (person: number) => void, settled: (id: number) => void}} on
   */
  constructor(root, mayAnswer, on) {
    this.root = root;
    this.mayAnswer = mayAnswer;
    this.on = on;
    /** @type {Map<number, {item: HTMLElement, facts: HTMLElement}>} */
    this.items = new Map();
  }

  /** @param {Check[]} checks @param {number} now server's ms */
  update(checks, now) {
    keepOnly(this.items, checks);
    for (const check of checks) {
      const { facts } = this.items.get(check.id) ?? this.add(check);
      put(facts, words(check, now));
    }
    this.root.hidden = !checks.length;
  }

  /** @param {Check} check */
  add(check) {
    const item = document.createElement("article");
    item.className = "check-item";
    item.setAttribute("role", "status");
    const who = document.createElement("button");
    who.type = "button";
    who.className = "alarm-who";
    const name = strong(
      interpolate(gettext("Still for long: %(name)s"), { name: check.name }, true),
    );
    const facts = document.createElement("span");
    who.append(name, facts);
    who.addEventListener("click", () => this.on.show(check.person));
    item.append(who);
    if (this.mayAnswer) item.append(this.form(check));
    this.root.append(item);
    const made = { item, facts };
    this.items.set(check.id, made);
    return made;
  }

  /** @param {Check} check */
  form(check) {
    const asks = gettext("What did you find?");
    const form = reasonForm(
      { asks, label: asks, does: gettext("Seen to") },
      async (reason, controls) => {
        const done = await send(`/api/live/checks/${check.id}/settle`, { reason }, controls);
        if (done) this.on.settled(check.id);
      },
    );
    form.className = "alarm-acts";
    return form;
  }
}

/** @param {Check} check @param {number} now */
function words(check, now) {
  const values = {
    unit: check.unit_name,
    still: duration((now - check.still) / 1000),
    at: clock(check.asked),
  };
  return check.delivered === null
    ? interpolate(
        gettext("%(unit)s, for %(still)s. Not asked: the phone's page was not open at %(at)s."),
        values,
        true,
      )
    : interpolate(gettext("%(unit)s, for %(still)s. Asked at %(at)s, no answer."), values, true);
}
