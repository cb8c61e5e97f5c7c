/**
 * News for the officer's page: the socket says that there is some, htmx fetches it ("tandem:news"
 * on document; detail {kinds}). Urgent lines sound and vibrate once, others only stand there.
 */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
const box = document.getElementById("my-news");

/** @param {string[]} kinds */
function ask(kinds) {
  document.dispatchEvent(new CustomEvent("tandem:news", { detail: { kinds } }));
}

let wait = FIRST_WAIT_MS;

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/my/`);
  let open = false;
  socket.addEventListener("open", () => {
    open = true;
    wait = FIRST_WAIT_MS;
    if (box) box.dataset.socket = "open";
    ask([]); // what came while nobody listened
  });
  socket.addEventListener("message", (event) => ask(JSON.parse(event.data).news));
  socket.addEventListener("close", () => {
    if (box) delete box.dataset.socket;
    // A refusal looks like a lost network; the page's own asking says when one is signed out.
    if (!open) wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    window.setTimeout(connect, wait * (0.75 + Math.random() / 2));
  });
}

// In the background the browser itself shows the line, if the officer wants that. It comes over the
// open socket; no push service outside is asked.
/** @type {ServiceWorkerRegistration | null} */
let worker = null;
const background = document.getElementById("my-background");
const canTell = "serviceWorker" in navigator && "Notification" in window;

async function startWorker() {
  try {
    await navigator.serviceWorker.register("/my/worker.js");
    worker = await navigator.serviceWorker.ready;
    document.body.dataset.worker = "ready";
  } catch {
    worker = null; // without TLS browsers allow none; lines and sound remain
  }
}

if (canTell && background) {
  background.hidden = Notification.permission !== "default";
  background.addEventListener("click", async () => {
    const answer = await Notification.requestPermission();
    background.hidden = answer !== "default";
    if (answer === "granted") void startWorker();
  });
  if (Notification.permission === "granted") void startWorker();
}

/** @param {Element} line */
function tellInBackground(line) {
  if (!worker || document.visibilityState === "visible") return;
  const body = line.querySelector("[data-said]")?.textContent ?? "";
  const tag = /** @type {HTMLElement} */ (line).dataset.news;
  worker.showNotification("Tandem", { body, tag, icon: "/static/tandem/icon.svg" }).catch(() => {});
}

/** @type {Set<string>} lines that have sounded */
const sounded = new Set();
/** @type {AudioContext | null} */
let audio = null;

function callAttention() {
  navigator.vibrate?.([200, 100, 200]);
  // Browsers allow sound after the first touch on a page; the line itself is the sign.
  if (!navigator.userActivation?.hasBeenActive) return;
  audio ??= new AudioContext();
  for (const [start, tone] of [
    [0, 660],
    [0.25, 880],
  ]) {
    const sound = new OscillatorNode(audio, { frequency: tone });
    const volume = new GainNode(audio, { gain: 0.15 });
    sound.connect(volume).connect(audio.destination);
    sound.start(audio.currentTime + start);
    sound.stop(audio.currentTime + start + 0.18);
  }
}

function sound() {
  let fresh = false;
  for (const line of box?.querySelectorAll("[data-urgent]") ?? []) {
    const id = /** @type {HTMLElement} */ (line).dataset.news ?? "";
    if (!sounded.has(id)) {
      fresh = true;
      tellInBackground(line);
    }
    sounded.add(id);
  }
  if (fresh) callAttention();
}

if (box) {
  sound();
  box.addEventListener("htmx:afterSettle", sound);
  connect();
}
