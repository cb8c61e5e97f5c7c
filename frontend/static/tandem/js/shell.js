// The frame: panel, sheet, search, menus, notices. Pages import what they need from here.

const root = document.documentElement;
const shell = document.body;
const panel = /** @type {HTMLElement | null} */ (document.getElementById("panel"));
const phone = window.matchMedia("(max-width: 760px)");

/** The CSRF token for fetch(): send it as the header X-CSRFToken. */
export function csrfToken() {
  const meta = /** @type {HTMLMetaElement | null} */ (
    document.querySelector('meta[name="csrf-token"]')
  );
  return meta ? meta.content : "";
}

/** Read the JSON in an element (json_script, or a hidden one); undefined if it is not there.
 * @param {string} id */
export function readJson(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent ?? "null") : undefined;
}

/** How much of the stage the panel covers, in px. */
export function covered() {
  if (!panel || getComputedStyle(panel).display === "none") return { left: 0, bottom: 0 };
  const box = panel.getBoundingClientRect();
  return phone.matches ? { left: 0, bottom: box.height } : { left: box.width, bottom: 0 };
}

function tellCovered() {
  const { left, bottom } = covered();
  root.style.setProperty("--covered-left", `${left}px`);
  root.style.setProperty("--covered-bottom", `${bottom}px`);
  document.dispatchEvent(new CustomEvent("tandem:covered", { detail: { left, bottom } }));
}

/** Say something to the user; kind is "success", "warning" or "error".
 * @param {string} text @param {string} [kind] */
export function notify(text, kind = "success") {
  const line = document.createElement("p");
  line.className = `notice ${kind}`;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", gettext("Dismiss"));
  close.textContent = "×";
  line.append(words, close);
  document.getElementById("notices")?.append(line);
}

/** @param {string} id */
function notifyFrom(id) {
  const template = /** @type {HTMLTemplateElement | null} */ (document.getElementById(id));
  const notices = document.getElementById("notices");
  if (template && notices) notices.replaceChildren(template.content.cloneNode(true));
}

// Panel: collapse, width
/** @param {string} key @param {string} value */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A private window may refuse; the panel then has its default width next time.
  }
}

/** @param {string} key */
function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

const toggle = panel?.querySelector(".panel-toggle");
const resize = /** @type {HTMLElement | null} */ (panel?.querySelector(".panel-resize") ?? null);
const widthKey = `tandem.width${shell.className.includes("shell--wide") ? ".wide" : ""}`;

/** @param {boolean} open */
export function openPanel(open) {
  shell.dataset.panel = open ? "open" : "closed";
  toggle?.setAttribute("aria-expanded", String(open));
}

toggle?.addEventListener("click", () => openPanel(shell.dataset.panel === "closed"));

/** @param {number} width */
function setWidth(width) {
  if (!resize) return;
  const least = Number(resize.getAttribute("aria-valuemin"));
  const most = Math.min(Number(resize.getAttribute("aria-valuemax")), window.innerWidth - 200);
  const kept = Math.round(Math.max(least, Math.min(most, width)));
  root.style.setProperty("--panel-width", `${kept}px`);
  resize.setAttribute("aria-valuenow", String(kept));
  remember(widthKey, String(kept));
}

if (resize && panel) {
  const width = Number(remembered(widthKey));
  if (width && !phone.matches) setWidth(width);
  resize.addEventListener("pointerdown", (event) => {
    resize.setPointerCapture(event.pointerId);
    shell.dataset.resizing = "";
  });
  resize.addEventListener("pointermove", (event) => {
    if (resize.hasPointerCapture(event.pointerId)) {
      setWidth(event.clientX - panel.getBoundingClientRect().left);
    }
  });
  resize.addEventListener("pointerup", () => delete shell.dataset.resizing);
  resize.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
    if (by) {
      event.preventDefault();
      setWidth(panel.getBoundingClientRect().width + by);
    }
  });
}

// Sheet on a phone: drag the grip, or tap it to go round
const grip = /** @type {HTMLElement | null} */ (panel?.querySelector(".panel-grip") ?? null);
const rests = ["peek", "half", "full"];

/** @param {"peek" | "half" | "full"} rest */
export function restSheet(rest) {
  shell.dataset.sheet = rest;
}

if (grip && panel) {
  let start = 0;
  grip.addEventListener("pointerdown", (event) => {
    grip.setPointerCapture(event.pointerId);
    start = event.clientY;
  });
  grip.addEventListener("pointerup", (event) => {
    const moved = event.clientY - start;
    const now = rests.indexOf(shell.dataset.sheet ?? "half");
    let next = now;
    if (Math.abs(moved) < 8) next = (now + 1) % rests.length;
    else next = Math.max(0, Math.min(2, now + (moved < 0 ? 1 : -1)));
    shell.dataset.sheet = rests[next];
  });
  grip.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    shell.dataset.sheet = rests[(rests.indexOf(shell.dataset.sheet ?? "half") + 1) % 3];
  });
}

if (panel) new ResizeObserver(tellCovered).observe(panel);
tellCovered();

// Search: "/" goes there, typing filters, Enter goes to the first hit, Esc clears
const search = /** @type {HTMLInputElement | null} */ (document.getElementById("search"));

function filter() {
  const text = search?.value.trim().toLocaleLowerCase() ?? "";
  for (const element of document.querySelectorAll("[data-search]")) {
    const within = /** @type {HTMLElement} */ (element);
    within.hidden = !(within.dataset.search ?? "").toLocaleLowerCase().includes(text);
  }
  document.dispatchEvent(new CustomEvent("tandem:search", { detail: { text } }));
}

search?.addEventListener("input", filter);
search?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    search.value = "";
    filter();
    search.blur();
  } else if (event.key === "Enter") {
    const hit = document.querySelector("[data-search]:not([hidden])");
    const target = hit?.matches("a, button") ? hit : hit?.querySelector("a, button");
    if (target instanceof HTMLElement) target.focus();
  }
});
document.addEventListener("keydown", (event) => {
  const into = event.target instanceof Element && event.target.closest("input, textarea, select");
  if (event.key === "/" && !into && !event.ctrlKey && !event.metaKey && search) {
    event.preventDefault();
    search.focus();
  }
});
document.addEventListener("htmx:afterSettle", () => {
  if (search?.value) filter();
});

// Small things that a page asks for by attribute
document.addEventListener("change", (event) => {
  if (!(event.target instanceof Element)) return;
  const form = event.target.closest("form[data-submit-on-change]");
  if (form instanceof HTMLFormElement) form.requestSubmit();
});
document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  event.target.closest("[data-dismiss]")?.parentElement?.remove();
  if (event.target.closest("[data-print]")) window.print();
  const opener = /** @type {HTMLElement | null} */ (event.target.closest("[data-dialog]"));
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog ?? "");
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
  }
  const dialog = event.target.closest("dialog");
  if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.removeAttribute("open");
    menu.querySelector("summary")?.focus();
  }
});

/** Whether somebody did something: what a page asks by itself it asks again, without a word.
 * @param {Event} event */
const wasAsked = (event) =>
  Boolean(/** @type {CustomEvent} */ (event).detail.requestConfig?.triggeringEvent);

document.addEventListener("htmx:sendError", (event) => {
  if (wasAsked(event)) notifyFrom("lost-connection");
});
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = /** @type {CustomEvent} */ (event).detail;
  if (xhr.status === 401 || xhr.status === 403) {
    const said = xhr.getResponseHeader("X-Message");
    if (said) notify(decodeURIComponent(said), "error");
    else window.location.reload(); // signed out meanwhile: the page says so and comes back
  } else if (wasAsked(event)) {
    notifyFrom("server-failed");
  }
});
