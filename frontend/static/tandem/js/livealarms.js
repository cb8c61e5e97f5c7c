/** The alarm strip: every open SOS with its clock, taken up and closed here; and its sound. */

import { csrfToken, notify } from "./shell.js";
import { fetchJson } from "./map.js";
import { clock, running } from "./words.js";

/** @typedef {import("./picture.js").Alarm} Alarm */

const BEEP_EVERY_MS = 2000;

export class AlarmStrip {
  /**
   * @param {HTMLElement} root
   * @param {boolean} mayAnswer
   * @param {{show: (alarm: Alarm) => void, changed: (alarm: Alarm) => void,
   *   unitName: (id: number) => string}} on
   */
  constructor(root, mayAnswer, on) {
    this.root = root;
    this.mayAnswer = mayAnswer;
    this.on = on;
    /** @type {Map<number, {item: HTMLElement, clock: HTMLElement, acts: HTMLElement, stage: string}>} */
    this.items = new Map();
    this.unanswered = false;
    /** @type {AudioContext | null} */
    this.audio = null;
    window.setInterval(() => this.beep(), BEEP_EVERY_MS);
  }

  /** @param {Alarm[]} alarms open ones @param {number} now server's ms */
  update(alarms, now) {
    const open = new Set(alarms.map((alarm) => alarm.id));
    for (const [id, { item }] of this.items) {
      if (!open.has(id)) {
        item.remove();
        this.items.delete(id);
      }
    }
    for (const alarm of alarms) {
      const shown = this.items.get(alarm.id) ?? this.add(alarm);
      const stage = alarm.acknowledged === null ? "new" : "taken";
      if (shown.stage !== stage) {
        shown.stage = stage;
        shown.item.dataset.stage = stage;
        this.fillActs(shown.acts, alarm);
      }
      const text = running((now - alarm.raised) / 1000);
      if (shown.clock.textContent !== text) shown.clock.textContent = text;
    }
    this.unanswered = alarms.some((alarm) => alarm.acknowledged === null);
    this.root.hidden = !alarms.length;
  }

  /** @param {Alarm} alarm */
  add(alarm) {
    const item = document.createElement("article");
    item.className = "alarm-item";
    item.setAttribute("role", "alert");
    const title = document.createElement("button");
    title.type = "button";
    title.className = "alarm-who";
    title.append(
      strong(interpolate(gettext("SOS: %(name)s"), { name: alarm.name }, true)),
      document.createTextNode(
        interpolate(
          gettext("%(unit)s, raised %(at)s"),
          { unit: this.on.unitName(alarm.unit), at: clock(alarm.raised, true) },
          true,
        ),
      ),
    );
    title.addEventListener("click", () => this.on.show(alarm));
    const since = document.createElement("span");
    since.className = "alarm-clock";
    const acts = document.createElement("div");
    acts.className = "alarm-acts";
    item.append(title, since, acts);
    this.root.append(item);
    const made = { item, clock: since, acts, stage: "" };
    this.items.set(alarm.id, made);
    return made;
  }

  /** @param {HTMLElement} acts @param {Alarm} alarm */
  fillActs(acts, alarm) {
    acts.replaceChildren();
    if (alarm.acknowledged !== null) {
      const who = document.createElement("span");
      who.className = "alarm-taken";
      who.textContent = interpolate(
        gettext("%(name)s took it up at %(at)s"),
        { name: alarm.acknowledged_by ?? "", at: clock(alarm.acknowledged) },
        true,
      );
      acts.append(who);
    }
    if (!this.mayAnswer) return;
    if (alarm.acknowledged === null) {
      const take = button(gettext("Acknowledge"), "primary");
      take.addEventListener("click", () => this.send(alarm, "acknowledge", {}, [take]));
      acts.append(take);
      return;
    }
    const form = document.createElement("form");
    const reason = document.createElement("input");
    reason.required = true;
    reason.maxLength = 200;
    reason.placeholder = gettext("How did it end?");
    reason.setAttribute("aria-label", gettext("Reason for closing"));
    const close = button(gettext("Close alarm"), "");
    close.type = "submit";
    form.append(reason, close);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send(alarm, "close", { reason: reason.value }, [close, reason]);
    });
    acts.append(form);
  }

  /**
   * @param {Alarm} alarm
   * @param {"acknowledge" | "close"} act
   * @param {object} body
   * @param {(HTMLButtonElement | HTMLInputElement)[]} controls
   */
  async send(alarm, act, body, controls) {
    for (const control of controls) control.disabled = true;
    try {
      const answer = await fetchJson(`/api/live/alarms/${alarm.id}/${act}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
        body: JSON.stringify(body),
      });
      this.on.changed(answer.alarm);
    } catch (error) {
      notify(/** @type {Error} */ (error).message, "error");
    } finally {
      for (const control of controls) control.disabled = false;
    }
  }

  /** Two short tones while an SOS waits. Browsers allow sound after the first click on a page. */
  beep() {
    if (!this.unanswered || !navigator.userActivation?.hasBeenActive) return;
    this.audio ??= new AudioContext();
    for (const [start, tone] of [
      [0, 880],
      [0.22, 660],
    ]) {
      const from = this.audio.currentTime + start;
      const sound = new OscillatorNode(this.audio, { frequency: tone });
      const volume = new GainNode(this.audio, { gain: 0.12 });
      sound.connect(volume).connect(this.audio.destination);
      sound.start(from);
      sound.stop(from + 0.16);
    }
  }
}

/** @param {string} text */
function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}

/** @param {string} text @param {string} kind */
function button(text, kind) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = `button ${kind}`;
  element.textContent = text;
  return element;
}
