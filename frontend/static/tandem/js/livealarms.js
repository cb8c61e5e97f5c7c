/**
 * The alarm strip: every open SOS with its clock, how far it was shown, who is nearest, taken up and
 * closed here; and its sound. One that its sender took back stands there calmly until dismissed.
 */

import { button, keepOnly, put, reasonForm, send, strong } from "./livelines.js";
import { fetchJson } from "./map.js";
import { clock, duration, running } from "./words.js";

/** @typedef {import("./picture.js").Alarm} Alarm */

const BEEP_EVERY_MS = 2000;
// People walk: who is nearest is asked again after this.
const NEAR_EVERY_MS = 15_000;
// A cancelled one goes by itself after this.
const CANCELLED_MS = 600_000;

/**
 * @typedef {object} Item
 * @property {HTMLElement} item
 * @property {HTMLElement} clock
 * @property {HTMLElement} reach
 * @property {HTMLElement} near
 * @property {HTMLElement} acts
 * @property {string} stage
 * @property {number} nearAt ms; when the nearest were asked for
 */

/** @typedef {{pairs: {people: {id: number, name: string}[], metres: number,
 *   seconds: number | null}[]}} Near seconds: along the streets, null where there are none */

export class AlarmStrip {
  /**
   * @param {HTMLElement} root
   * @param {boolean} mayAnswer
   * @param {{show: (alarm: Alarm) => void, pick: (person: number) => void,
   *   changed: (alarm: Alarm) => void}} on
   */
  constructor(root, mayAnswer, on) {
    this.root = root;
    this.mayAnswer = mayAnswer;
    this.on = on;
    /** @type {Map<number, Item>} */
    this.items = new Map();
    /** @type {Set<number>} cancelled ones that were read */
    this.dismissed = new Set();
    this.unanswered = false;
    /** @type {AudioContext | null} */
    this.audio = null;
    window.setInterval(() => this.beep(), BEEP_EVERY_MS);
  }

  /** @param {Alarm[]} all open and cancelled ones @param {number} now server's ms */
  update(all, now) {
    const alarms = all.filter(
      (alarm) =>
        alarm.closed === null ||
        (!this.dismissed.has(alarm.id) && now - alarm.closed < CANCELLED_MS),
    );
    keepOnly(this.items, alarms);
    for (const alarm of alarms) {
      const shown = this.items.get(alarm.id) ?? this.add(alarm);
      const stage = stageOf(alarm);
      if (shown.stage !== stage) {
        shown.stage = stage;
        shown.item.dataset.stage = stage;
        this.fillActs(shown.acts, alarm);
      }
      put(shown.clock, running(((alarm.closed ?? now) - alarm.raised) / 1000));
      put(shown.reach, reachWords(alarm));
      if (alarm.closed !== null) put(shown.near, "");
      else if (now - shown.nearAt > NEAR_EVERY_MS) {
        shown.nearAt = now;
        void this.fetchNear(alarm, shown.near);
      }
    }
    this.unanswered = alarms.some((alarm) => stageOf(alarm) === "new");
    this.root.hidden = !alarms.length;
  }

  /** @param {Alarm} alarm @param {HTMLElement} box */
  async fetchNear(alarm, box) {
    /** @type {Near} */
    let near;
    try {
      near = await fetchJson(`/api/live/alarms/${alarm.id}/near`, { cache: "no-store" });
    } catch {
      return; // what was found before still stands; it is asked again
    }
    if (!near.pairs.length) {
      put(box, gettext("No pair of your units is on the streets with a fresh position."));
      return;
    }
    box.replaceChildren(document.createTextNode(gettext("Nearest pairs: ")));
    near.pairs.forEach((pair, i) => {
      if (i) box.append(document.createTextNode(" · "));
      const names = pair.people.map((person) => person.name).join(gettext(", "));
      const button = document.createElement("button");
      button.type = "button";
      button.className = "alarm-near-pair";
      button.textContent = `${names} ${awayWords(pair)}`;
      button.addEventListener("click", () => this.on.pick(pair.people[0].id));
      box.append(button);
    });
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
          { unit: alarm.unit_name, at: clock(alarm.raised, true) },
          true,
        ),
      ),
    );
    const facts = document.createElement("div");
    facts.className = "alarm-facts";
    const reach = document.createElement("p");
    const near = document.createElement("p");
    reach.className = "alarm-reach";
    near.className = "alarm-near";
    facts.append(title, reach, near);
    title.addEventListener("click", () => this.on.show(alarm));
    const since = document.createElement("span");
    since.className = "alarm-clock";
    const acts = document.createElement("div");
    acts.className = "alarm-acts";
    item.append(facts, since, acts);
    this.root.append(item);
    const made = { item, clock: since, reach, near, acts, stage: "", nearAt: -Infinity };
    this.items.set(alarm.id, made);
    return made;
  }

  /** @param {HTMLElement} acts @param {Alarm} alarm */
  fillActs(acts, alarm) {
    acts.replaceChildren();
    if (alarm.closed !== null) {
      const words = document.createElement("span");
      words.className = "alarm-taken";
      words.textContent = interpolate(
        gettext("Cancelled by the officer at %(at)s: “%(reason)s”. Call back to make sure."),
        { at: clock(alarm.closed), reason: alarm.reason },
        true,
      );
      const gone = button(gettext("Dismiss"), "quiet");
      gone.addEventListener("click", () => {
        this.dismissed.add(alarm.id);
        acts.closest(".alarm-item")?.remove();
        this.items.delete(alarm.id);
        this.root.hidden = !this.items.size;
      });
      acts.append(words, gone);
      return;
    }
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
    const words = {
      asks: gettext("How did it end?"),
      label: gettext("Reason for closing"),
      does: gettext("Close alarm"),
    };
    acts.append(
      reasonForm(words, (reason, controls) => this.send(alarm, "close", { reason }, controls)),
    );
  }

  /**
   * @param {Alarm} alarm
   * @param {"acknowledge" | "close"} act
   * @param {object} body
   * @param {(HTMLButtonElement | HTMLInputElement)[]} controls
   */
  async send(alarm, act, body, controls) {
    const answer = await send(`/api/live/alarms/${alarm.id}/${act}`, body, controls);
    if (answer) this.on.changed(answer.alarm);
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

/** @param {Alarm} alarm @returns {"new" | "taken" | "cancelled"} */
function stageOf(alarm) {
  if (alarm.closed !== null) return "cancelled";
  return alarm.acknowledged === null ? "new" : "taken";
}

/** @param {Alarm} alarm */
function reachWords(alarm) {
  if (alarm.reach === null || alarm.closed !== null) return "";
  return interpolate(
    gettext("Nobody answered at first: shown to everybody of %(unit)s since %(at)s"),
    { unit: alarm.reach.name, at: clock(alarm.reach.at, true) },
    true,
  );
}

/** @param {Near["pairs"][number]} pair */
function awayWords(pair) {
  if (pair.seconds !== null) {
    return interpolate(gettext("(%(time)s along the streets)"), { time: duration(pair.seconds) }, true);
  }
  return interpolate(gettext("(%(m)s m, straight line)"), { m: Math.round(pair.metres / 10) * 10 }, true);
}
