/**
 * Welfare checks that nobody answered: calm lines under the alarms, without sound. Each says how long
 * somebody has been still and whether the question came to the phone's page at all.
 */

import { fetchJson } from "./map.js";
import { csrfToken, notify } from "./shell.js";
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
    const kept = new Set(checks.map((check) => check.id));
    for (const [id, { item }] of this.items) {
      if (!kept.has(id)) {
        item.remove();
        this.items.delete(id);
      }
    }
    for (const check of checks) {
      const { facts } = this.items.get(check.id) ?? this.add(check);
      const text = words(check, now);
      if (facts.textContent !== text) facts.textContent = text;
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
    const name = document.createElement("strong");
    name.textContent = interpolate(gettext("Still for long: %(name)s"), { name: check.name }, true);
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
    const form = document.createElement("form");
    form.className = "alarm-acts";
    const reason = document.createElement("input");
    reason.required = true;
    reason.maxLength = 200;
    reason.placeholder = gettext("What did you find?");
    reason.setAttribute("aria-label", gettext("What did you find?"));
    const done = document.createElement("button");
    done.className = "button";
    done.textContent = gettext("Seen to");
    form.append(reason, done);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.settle(check, reason.value, done);
    });
    return form;
  }

  /** @param {Check} check @param {string} reason @param {HTMLButtonElement} button */
  async settle(check, reason, button) {
    button.disabled = true;
    try {
      await fetchJson(`/api/live/checks/${check.id}/settle`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
        body: JSON.stringify({ reason }),
      });
      this.on.settled(check.id);
    } catch (error) {
      notify(/** @type {Error} */ (error).message, "error");
    } finally {
      button.disabled = false;
    }
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
