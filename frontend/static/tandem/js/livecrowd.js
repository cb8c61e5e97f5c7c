/** Who is in a bubble of the map: a list to choose from, where zooming in would not part them. */

import { needsOf, statesOf } from "./crowd.js";
import { lookAt, urlOf } from "./marks.js";
import { lostAfter } from "./views.js";
import { duration, kinds, standing } from "./words.js";

/** @typedef {import("./crowd.js").Cluster} Cluster */

const MOST_LISTED = 200;

/** "Alone 3 (1 too long) · Together 24". @param {import("./picture.js").View[]} members */
export function stateWords(members) {
  const words = kinds();
  const { long } = needsOf(members);
  return [...statesOf(members)]
    .map(([kind, count]) =>
      kind === "alone" && long
        ? interpolate(
            gettext("%(state)s %(n)s (%(long)s too long)"),
            { state: words[kind], n: count, long },
            true,
          )
        : `${words[kind]} ${count}`,
    )
    .join(" · ");
}

export class CrowdCard {
  /**
   * @param {HTMLElement} root
   * @param {import("./picture.js").Picture} picture
   * @param {(person: number) => void} onPick
   */
  constructor(root, picture, onPick) {
    this.root = root;
    this.picture = picture;
    this.onPick = onPick;
    this.head = /** @type {HTMLElement} */ (root.querySelector("h2"));
    this.states = /** @type {HTMLElement} */ (root.querySelector("p"));
    this.list = /** @type {HTMLElement} */ (root.querySelector("ul"));
    root.querySelector("[data-crowd-close]")?.addEventListener("click", () => this.close());
  }

  /** @param {Cluster} cluster @param {import("./marks.js").Colours} colours @param {number} now ms */
  open(cluster, colours, now) {
    const { members } = cluster;
    const people = ngettext("%(n)s person here", "%(n)s people here", members.length);
    this.head.textContent = interpolate(people, { n: members.length }, true);
    this.states.textContent = stateWords(members);
    const name = (/** @type {number} */ id) => this.picture.people.get(id)?.name ?? "?";
    const views = members.toSorted(
      (a, b) => a.rank - b.rank || (a.person.order ?? 0) - (b.person.order ?? 0),
    );
    this.list.replaceChildren(
      ...views.slice(0, MOST_LISTED).map((view) => {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        const mark = document.createElement("img");
        mark.alt = "";
        mark.width = mark.height = 24;
        mark.src = urlOf(lookAt(view, lostAfter(this.picture.rules, view.person.interval)), colours);
        const who = document.createElement("b");
        who.textContent = view.person.name;
        const how = document.createElement("span");
        how.textContent = standing(view, now, name);
        const age = document.createElement("span");
        age.textContent = view.age === null ? "" : duration(view.age);
        button.append(mark, who, how, age);
        button.addEventListener("click", () => {
          this.close();
          this.onPick(view.person.id);
        });
        item.append(button);
        return item;
      }),
    );
    if (views.length > MOST_LISTED) {
      const more = document.createElement("li");
      more.className = "muted small";
      const text = gettext("The first %(n)s are listed; the list beside the map holds everybody.");
      more.textContent = interpolate(text, { n: MOST_LISTED }, true);
      this.list.append(more);
    }
    this.root.hidden = false;
    this.list.querySelector("button")?.focus();
  }

  /** @returns {boolean} whether it was open */
  close() {
    const open = !this.root.hidden;
    this.root.hidden = true;
    return open;
  }
}
