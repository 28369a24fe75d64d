// What fails: errors with the same cause together, with their count, models, first and last.

import { byId, el, fill, keepingFocus } from "./dom.js";
import { count, shortTime } from "./format.js";
import { addressLink } from "./links.js";
import { change, state } from "./state.js";
import { visible } from "./visible.js";

const INITIAL_CAUSES = 6; // causes that are listed until the list is expanded
const MASKS = /…|\bN\b|["'`]/; // what the history puts in the place of names and numbers, and quotes

let isWhole = false;

export function showErrors({ by_error: causes, by_status: statuses, totals }) {
  const host = byId("by-error");
  byId("errors-aside").textContent = totals.error > 0 ? `${count(totals.error)} failed` : "";
  if (causes.length === 0) return fill(host, nothingFailed(statuses));
  const shown = isWhole ? causes : causes.slice(0, INITIAL_CAUSES);
  const rest = causes.length - shown.length;
  const more = () => {
    isWhole = true;
    keepingFocus(host, () => showErrors({ by_error: causes, by_status: statuses, totals }));
  };
  fill(
    host,
    el("ol", { class: "causes" }, shown.map(cause)),
    rest > 0 && el("button", { type: "button", class: "plain", "data-control": "more", click: more }, `Show ${count(rest)} more`),
  );
}

/** Where the filter of the status leaves failures out, says how many there are. */
function nothingFailed(statuses) {
  const failed = statuses.find(({ name }) => name === "error")?.requests ?? 0;
  if (failed === 0) return el("p", { class: "none" }, "Nothing failed in this time");
  const show = () => change({ status: "error" });
  return el("p", { class: "none" }, "The status that is chosen leaves them out. ", el("button", { type: "button", class: "link", "data-control": "failed", click: show }, `Show ${count(failed)} failed`));
}

/** The longest piece of a cause without anything masked: a text that all of its errors have. */
const literalOf = (cause) => cause.split(MASKS).map((piece) => piece.trim()).reduce((longest, piece) => (piece.length > longest.length ? piece : longest), "");

function cause({ cause: text, requests, models, first_seen: first, last_seen: last, example }) {
  const fields = { status: "error", q: literalOf(text) };
  const isChosen = Object.entries(fields).every(([name, value]) => state[name] === value);
  const pick = () => change(isChosen ? { status: "", q: "" } : fields);
  const span = requests > 1 && first !== last ? `${shortTime(first)} – ${shortTime(last)}` : shortTime(last);
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", "aria-pressed": String(isChosen), title: "Show these messages", "data-control": `only ${text}`, click: pick },
      el("b", {}, count(requests)),
      el("bdi", { class: "cause" }, visible(text)),
      el("span", { class: "muted" }, el("bdi", {}, visible(models.join(", "))), ` · ${span}`),
    ),
    example && newestLink(example, text),
  );
}

function newestLink(id, text) {
  return addressLink({ id }, { "aria-label": `Look at the newest: ${text}`, "data-control": `newest ${text}` }, "Look at the newest");
}
