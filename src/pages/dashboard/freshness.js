// How old what is shown is: "updated 3 s ago", and everything grey with "as of" when the tap is gone. And the title of the tab.

import { byId } from "./dom.js";
import { CHIP_NAMES } from "./filters.js";
import { clockTime } from "./format.js";
import { state } from "./state.js";

const SECOND = 1000; // milliseconds

let updated = 0;
let isGone = false;
let isDown = false;
let running = 0;

export function prepareFreshness() {
  setInterval(tell, SECOND);
}

/** Notes that the tap answered just now, or that it did not at all. */
export function noteAnswer(isAnswered) {
  if (isAnswered) updated = Date.now();
  isGone = !isAnswered;
  document.documentElement.toggleAttribute("data-gone", isGone && updated > 0);
  tell();
  showTitle();
}

/** Notes whether Ollama is down, and how many requests are under way, for the title. */
export function notePresent(fields) {
  isDown = fields.isDown ?? isDown;
  running = fields.running ?? running;
  showTitle();
}

/** Names the tab after what it shows. */
export function showTitle() {
  const filters = ["status", "model", "client", "q"].filter((name) => state[name]).map((name) => (CHIP_NAMES[name] ?? String)(state[name]));
  const sign = isGone ? "⚠ gone" : isDown ? "⚠ Ollama is down" : running > 0 ? `(${running})` : "";
  const name = [...filters, "Ollama Tap"].join(" · ");
  document.title = sign ? `${sign} ${name}` : name;
}

function tell() {
  const seconds = Math.round((Date.now() - updated) / SECOND);
  const age = seconds < 2 ? "updated just now" : seconds < 120 ? `updated ${seconds} s ago` : `updated ${Math.floor(seconds / 60)} min ago`;
  const text = updated === 0 ? "" : isGone ? `as of ${clockTime(updated / SECOND)}` : age;
  const host = byId("fresh");
  if (host.textContent !== text) host.textContent = text;
}
