/** What the lines over the map share, alarms and welfare checks: kept in step, answered, sent. */

import { fetchJson } from "./map.js";
import { csrfToken, notify } from "./shell.js";

/** Set text only when it differs: most of a second's lines stay as they are.
 * @param {HTMLElement} element @param {string} text */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Take lines off the page whose row is no more.
 * @param {Map<number, {item: HTMLElement}>} items by id @param {{id: number}[]} rows */
export function keepOnly(items, rows) {
  const kept = new Set(rows.map((row) => row.id));
  for (const [id, { item }] of items) {
    if (!kept.has(id)) {
      item.remove();
      items.delete(id);
    }
  }
}

/** @param {string} text */
export function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}

/** @param {string} text @param {string} kind "primary", "quiet" or "" */
export function button(text, kind) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = `button ${kind}`;
  element.textContent = text;
  return element;
}

/**
 * A field for a reason and its button.
 * @param {{asks: string, label: string, does: string}} words
 * @param {(reason: string, controls: (HTMLButtonElement | HTMLInputElement)[]) => void} send
 */
export function reasonForm(words, send) {
  const form = document.createElement("form");
  const reason = document.createElement("input");
  reason.required = true;
  reason.maxLength = 200;
  reason.placeholder = words.asks;
  reason.setAttribute("aria-label", words.label);
  const done = button(words.does, "");
  done.type = "submit";
  form.append(reason, done);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(reason.value, [done, reason]);
  });
  return form;
}

/**
 * Send an answer; what was refused is said. The controls rest meanwhile.
 * @param {string} address
 * @param {object} body
 * @param {(HTMLButtonElement | HTMLInputElement)[]} controls
 * @returns {Promise<any>} null when it was refused
 */
export async function send(address, body, controls) {
  for (const control of controls) control.disabled = true;
  try {
    return await fetchJson(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify(body),
    });
  } catch (error) {
    notify(/** @type {Error} */ (error).message, "error");
    return null;
  } finally {
    for (const control of controls) control.disabled = false;
  }
}
