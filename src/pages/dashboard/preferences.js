// What a reader chose is remembered in this browser. The switches: rows of one line, and whether new messages are said to screen readers.

import { byId } from "./dom.js";

const DENSE_KEY = "ollama-tap-dense"; // in localStorage
const NEWS_KEY = "ollama-tap-say-news"; // in localStorage
const PAUSE = 30_000; // milliseconds between two words about new messages

let saidAt = 0;

/** Lets the switches change and remember. */
export function preparePreferences() {
  prepareSwitch("dense", DENSE_KEY, false, (isOn) => document.documentElement.classList.toggle("dense", isOn));
  prepareSwitch("say-news", NEWS_KEY, true, () => {});
}

/** Whether new messages are to be said now: not if that is switched off, and not too often. */
export function saysNews() {
  if (byId("say-news").getAttribute("aria-pressed") !== "true" || Date.now() - saidAt < PAUSE) return false;
  saidAt = Date.now();
  return true;
}

function prepareSwitch(id, key, isOnAtFirst, apply) {
  const button = byId(id);
  const set = (isOn) => {
    button.setAttribute("aria-pressed", String(isOn));
    apply(isOn);
  };
  button.addEventListener("click", () => {
    const isOn = button.getAttribute("aria-pressed") !== "true";
    set(isOn);
    remember(key, String(isOn));
  });
  set(remembered(key, String(isOnAtFirst)) === "true");
}

/** Returns the text that was remembered, or else the other one. */
export function remembered(key, other) {
  try {
    return localStorage.getItem(key) ?? other;
  } catch {
    return other; // storage may be forbidden
  }
}

export function remember(key, text) {
  try {
    localStorage.setItem(key, text);
  } catch {
    // the choice then lasts as long as the page
  }
}
