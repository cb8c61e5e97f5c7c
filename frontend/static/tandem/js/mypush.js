/**
 * Web push on the officer's page: this browser is signed up with its maker's push service only by the
 * officer's own tap, and only where the bureau allows it. Where the bureau has switched push off, or
 * somebody else signs in on the phone, it ends.
 */

import { csrfToken } from "./shell.js";

const box = document.getElementById("my-push");
const can = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

/** @param {string} text base64url */
function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

/** @param {PushSubscription} subscription @param {Uint8Array} key */
function isFor(subscription, key) {
  const own = subscription.options.applicationServerKey;
  return own !== null && new Uint8Array(own).every((byte, i) => byte === key[i]);
}

/** @param {string} address @param {Record<string, string>} values */
async function post(address, values) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": csrfToken(), "HX-Request": "true" },
    body: new URLSearchParams(values),
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
}

async function present() {
  const registration = await navigator.serviceWorker.getRegistration("/my/");
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** @param {PushSubscription} subscription @param {string} address */
function tell(subscription, address) {
  const { endpoint, keys } = subscription.toJSON();
  return post(address, {
    endpoint: endpoint ?? "",
    p256dh: keys?.p256dh ?? "",
    auth: keys?.auth ?? "",
  });
}

/** @param {PushSubscription} subscription @param {string} address */
async function isKnown(subscription, address) {
  try {
    await tell(subscription, address);
    return true;
  } catch {
    return false;
  }
}

/** @param {HTMLElement} part */
function run(part) {
  const { key: spelled = "", start = "", known = "", stop = "" } = part.dataset;
  const key = bytesOf(spelled);
  const said = /** @type {HTMLElement} */ (part.querySelector("[data-push-said]"));
  const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (
    part.querySelectorAll("[data-push]")
  );

  /** @param {boolean} signedUp */
  function show(signedUp) {
    part.hidden = false;
    part.dataset.signedUp = String(signedUp);
    for (const button of buttons) button.hidden = (button.dataset.push === "stop") !== signedUp;
  }

  async function begin() {
    if ((await Notification.requestPermission()) !== "granted") {
      said.textContent = gettext("This browser may not show messages: allow it in its settings.");
      return;
    }
    await navigator.serviceWorker.register("/my/worker.js");
    const registration = await navigator.serviceWorker.ready;
    const subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: key,
    });
    await tell(subscription, start);
    show(true);
    said.textContent = gettext("This phone is told of orders when the page is closed, too.");
  }

  async function end() {
    const subscription = await present();
    if (subscription) {
      await tell(subscription, stop);
      await subscription.unsubscribe();
    }
    show(false);
    said.textContent = gettext("This phone is told only while the page is open.");
  }

  for (const button of buttons) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await (button.dataset.push === "start" ? begin() : end());
      } catch {
        said.textContent = gettext("That did not work: the browser reaches no push service here.");
      }
      button.disabled = false;
    });
  }
  void present().then(async (subscription) => {
    if (subscription && isFor(subscription, key) && (await isKnown(subscription, known))) {
      show(true);
      return;
    }
    // The server has another key since, or the phone has changed hands.
    await subscription?.unsubscribe();
    show(false);
  });
}

if (can && box) run(box);
else if (can) void present().then((subscription) => subscription?.unsubscribe());
