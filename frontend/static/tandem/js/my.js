// The officer's own week: own track on the map, SOS by holding the button for two seconds.

import { createMap } from "./map.js";
import { covered, csrfToken, notify, restSheet } from "./shell.js";
import { addTrailLayers, showTrail } from "./trail.js";

const HOLD_MS = 2000;

const element = document.getElementById("map");
if (element) {
  // Under the full sheet the map has no size, so its view says nothing that an address should keep.
  createMap(element, { overlays: ["areas", "stations"], address: false }).then(
    (tandem) => {
      addTrailLayers(tandem);
      document.dispatchEvent(new CustomEvent("tandem:map", { detail: tandem.map }));
      /** @param {[number, number, number, number]} box */
      const fit = (box) => {
        const { left, bottom } = covered();
        const stage = tandem.map.getContainer().getBoundingClientRect();
        if (stage.height - bottom < 160 || stage.width - left < 200) return;
        tandem.map.fitBounds(box, {
          padding: { left: left + 40, bottom: bottom + 40, top: 40, right: 60 },
          maxZoom: 17,
          duration: 0,
        });
      };
      if (tandem.extent.bounds) fit(tandem.extent.bounds);
      showTrail(tandem, fit);
      document.addEventListener("htmx:afterSettle", () => showTrail(tandem, fit));
    },
    (error) => notify(`${gettext("The map could not be loaded; everything else works.")} ${error.message}`, "warning"),
  );
}

// On a phone a stretch that is tapped is looked at on the map: lower the sheet to half.
document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || !event.target.closest(".happenings button")) return;
  if (matchMedia("(max-width: 760px)").matches) restSheet("half");
});

// SOS. Without scripts the button is a plain form; with them it must be held.
const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-sos]"));
const button = /** @type {HTMLButtonElement | null} */ (form?.querySelector("[data-hold]") ?? null);
const said = form?.querySelector("[data-sos-said]");

/** @param {Record<string, string>} [place] */
async function send(place = {}) {
  if (!form) return null;
  const body = new URLSearchParams(place);
  const answer = await fetch(form.action, {
    method: "POST",
    body,
    headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" },
    credentials: "same-origin",
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function raise() {
  if (!button || !said) return;
  const words = button.querySelector("[data-sos-words]");
  said.textContent = gettext("Sending…");
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { raised_at } = await send();
      if (words) words.textContent = interpolate(gettext("SOS sent at %s"), [raised_at]);
      said.textContent = gettext("The dispatch centre sees it now. Stay where you are safe.");
      document.dispatchEvent(new CustomEvent("tandem:sos"));
      break;
    } catch {
      if (attempt === 4) {
        said.textContent = gettext("It could not be sent. Call the dispatch centre, or hold again.");
        return;
      }
      said.textContent = gettext("No connection. Trying again…");
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
  navigator.geolocation?.getCurrentPosition(
    ({ coords }) => {
      send({ lon: String(coords.longitude), lat: String(coords.latitude) }).catch(() => {});
    },
    () => {},
    { enableHighAccuracy: true, timeout: 15000, maximumAge: 10000 },
  );
}

if (form && button) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const hold = () => {
    clearTimeout(timer);
    button.classList.add("holding");
    timer = setTimeout(() => {
      button.classList.remove("holding");
      raise();
    }, HOLD_MS);
  };
  const release = () => {
    clearTimeout(timer);
    button.classList.remove("holding");
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  button.addEventListener("pointerdown", hold);
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) {
    button.addEventListener(end, release);
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && !event.repeat) hold();
  });
  button.addEventListener("keyup", release);
}
