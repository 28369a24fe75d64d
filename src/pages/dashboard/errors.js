// What fails: errors with the same cause together, with their count, models, first and last.

import { byId, el, fill } from "./dom.js";
import { count, shortTime } from "./format.js";
import { addressWith, change, state } from "./state.js";

const INITIAL_CAUSES = 6; // causes that are listed until the list is expanded

let isWhole = false;

export function showErrors({ by_error: causes = [], totals }) {
  const host = byId("by-error");
  byId("errors-aside").textContent = totals.error > 0 ? `${count(totals.error)} failed` : "";
  if (causes.length === 0) return fill(host, el("p", { class: "none" }, totals.error > 0 ? "No cause is known" : "Nothing failed in this time"));
  const shown = isWhole ? causes : causes.slice(0, INITIAL_CAUSES);
  const rest = causes.length - shown.length;
  const more = () => {
    isWhole = true;
    showErrors({ by_error: causes, totals });
  };
  fill(
    host,
    el("ol", { class: "causes" }, shown.map(cause)),
    rest > 0 && el("button", { type: "button", class: "plain", click: more }, `Show ${count(rest)} more`),
  );
}

function cause({ cause: text, requests, models, first_seen: first, last_seen: last, example }) {
  const model = models.length === 1 ? models[0] : "";
  const fields = { status: "error", model };
  const isChosen = Object.entries(fields).every(([name, value]) => state[name] === value);
  const pick = () => change(isChosen ? { status: "", model: "" } : fields);
  const span = requests > 1 && first !== last ? `${shortTime(first)} – ${shortTime(last)}` : shortTime(last);
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", "aria-pressed": String(isChosen), title: "Show these messages", click: pick },
      el("b", {}, count(requests)),
      el("bdi", { class: "cause" }, text),
      el("span", { class: "muted" }, el("bdi", {}, models.join(", ")), ` · ${span}`),
    ),
    example && newestLink(example, text),
  );
}

function newestLink(id, text) {
  const go = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    change({ id });
  };
  return el("a", { href: addressWith({ id }), "aria-label": `Look at the newest: ${text}`, click: go }, "Look at the newest");
}
