/** Keys of a page, and the panel that lists them. Nothing happens while somebody types in a field. */

/**
 * @typedef {object} Key
 * @property {string} key as the browser names it
 * @property {string} [shown] what the panel writes instead
 * @property {string} words what it does
 * @property {(() => boolean | void)} [run] not given: another script listens; false: nothing done
 */

/** @param {EventTarget | null} target */
function typing(target) {
  return (
    target instanceof Element && Boolean(target.closest("input, textarea, select, [contenteditable]"))
  );
}

export class Keys {
  /**
   * @param {HTMLDialogElement} dialog with a `dl`
   * @param {Key[]} keys
   */
  constructor(dialog, keys) {
    this.dialog = dialog;
    this.keys = keys;
    dialog.querySelector("dl")?.replaceChildren(
      ...keys.flatMap(({ key, shown, words }) => {
        const term = document.createElement("dt");
        const said = document.createElement("dd");
        for (const each of (shown ?? key).split(" ")) {
          const cap = document.createElement("kbd");
          cap.textContent = each;
          term.append(cap);
        }
        said.textContent = words;
        return [term, said];
      }),
    );
    document.addEventListener("keydown", (event) => this.take(event));
  }

  /** @param {KeyboardEvent} event */
  take(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const found = this.keys.find(({ key, run }) => run && key === event.key);
    if (!found?.run || found.run() === false) return;
    event.preventDefault();
  }

  show() {
    this.dialog.showModal();
  }
}
