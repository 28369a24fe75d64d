// The rows of the list: each message is one. Of a long list only those near the window are there.

import { arrange, byId, el } from "./dom.js";
import { compact, duration, fullTime, NONE, shortTime, speed, title } from "./format.js";
import { addressLink } from "./links.js";
import { visible } from "./visible.js";
import { markHits } from "./hits.js";
import { badge } from "./detail.js";
import { findingBadges } from "./why.js";
import { stickyHeight } from "./sticky.js";

const WHOLE_LIST = 200; // rows up to which all of them are there
const ROWS_AROUND = 20; // rows above and below the window
const STEP = 10; // rows by which the window moves before they are drawn anew

let listedRecords = [];
let nodes = new Map();
let first = 0;
let markedId = "";

/** Draws these records; those in `fresh` light up. Single rows are added and removed, so that focus and scroll position stay. */
export function drawRows(records, fresh) {
  listedRecords = records;
  drawPart(fresh);
}

/** Marks the row of the message in the panel. */
export function markRow(id) {
  nodes.get(markedId)?.removeAttribute("aria-current");
  markedId = id;
  nodes.get(markedId)?.setAttribute("aria-current", "true");
}

/** Focuses the row of a message, which is scrolled to if need be. */
export function focusRow(id) {
  const at = listedRecords.findIndex((record) => record.interaction_id === id);
  if (at < 0) return;
  if (!nodes.has(id)) {
    scrollBy({ top: byId("above").getBoundingClientRect().top + at * rowHeight() - innerHeight / 2 });
    drawPart(new Set());
  }
  const anchor = nodes.get(id)?.querySelector("a");
  anchor?.focus({ preventScroll: true });
  nodes.get(id)?.scrollIntoView({ block: "nearest" });
}

/** The message whose row has the focus, or the first that is in sight. */
export function rowInFocus() {
  const focused = [...nodes].find(([, node]) => node.contains(document.activeElement));
  if (focused) return { id: focused[0], hasFocus: true };
  const inSight = [...nodes].find(([, node]) => node.getBoundingClientRect().top >= stickyHeight());
  return { id: inSight?.[0], hasFocus: false };
}

export function prepareRows() {
  let isWaiting = false;
  const follow = () => {
    isWaiting = false;
    if (listedRecords.length > WHOLE_LIST && Math.abs(firstInSight() - first) >= STEP) drawPart(new Set());
  };
  const soon = () => {
    if (!isWaiting) requestAnimationFrame(follow);
    isWaiting = true;
  };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon, { passive: true });
}

function drawPart(fresh) {
  const isLong = listedRecords.length > WHOLE_LIST;
  const height = isLong ? rowHeight() : 0;
  first = isLong ? firstInSight() : 0;
  const end = isLong ? Math.min(listedRecords.length, first + Math.ceil(innerHeight / height) + 2 * ROWS_AROUND) : listedRecords.length;
  const part = listedRecords.slice(first, end);
  nodes = new Map(part.map((record) => [record.interaction_id, nodes.get(record.interaction_id) ?? row(record, fresh.has(record.interaction_id))]));
  const shown = [...nodes.values()];
  arrange(byId("rows"), shown);
  shown.forEach((node, n) => node.setAttribute("aria-rowindex", first + n + 2));
  byId("above").firstElementChild.firstElementChild.style.height = `${first * height}px`;
  byId("below").firstElementChild.firstElementChild.style.height = `${(listedRecords.length - end) * height}px`;
  byId("above").hidden = first === 0;
  byId("below").hidden = end === listedRecords.length;
  markHits();
}

/** The height of a row in pixels: all are equally high. */
function rowHeight() {
  const node = byId("rows").lastElementChild;
  return node?.getBoundingClientRect().height || 54;
}

function firstInSight() {
  const above = byId("above");
  const top = (above.hidden ? byId("rows") : above).getBoundingClientRect().top;
  return Math.max(0, Math.min(listedRecords.length - 1, Math.floor(-top / rowHeight()) - ROWS_AROUND));
}

function row(record, isFresh) {
  const cell = (kind, ...inside) => el("td", { role: "cell", class: kind }, inside);
  const guessed = record.tokens_estimated && record.generated_tokens !== null ? "~" : "";
  const tokens = `${compact(record.prompt_tokens)} / ${guessed}${compact(record.generated_tokens)}`;
  const time = { datetime: new Date(record.timestamp * 1000).toISOString(), title: fullTime(record.timestamp) };
  return el(
    "tr",
    { role: "row", class: isFresh ? "fresh" : null, "data-id": record.interaction_id, "aria-current": record.interaction_id === markedId ? "true" : null },
    cell("c-time", el("time", time, shortTime(record.timestamp))),
    cell("c-text", link(record)),
    cell("c-model", el("bdi", {}, visible(record.model ?? NONE))),
    cell("c-category", el("span", { class: "tag" }, title(record.prompt_category))),
    cell("c-tokens number", tokens),
    cell("c-speed number", speed(record.tokens_per_second)),
    cell("c-first number", duration(record.time_to_first_token_seconds)),
    cell("c-duration number", duration(record.duration_seconds)),
  );
}

/** Builds the link to the whole message. */
function link(record) {
  const status = record.status !== "success" && badge(record.status);
  const second = record.error ?? record.response_preview;
  return addressLink({ id: record.interaction_id }, {}, [
    el("span", { class: "prompt" }, status, findingBadges(record), promptOf(record)),
    second && el("span", { class: record.error ? "second fault" : "second", dir: "auto" }, oneLine(second)),
  ]);
}

function promptOf(record) {
  if (record.prompt_preview) return el("bdi", {}, oneLine(record.prompt_preview));
  return el("i", {}, record.prompt_category === "empty" ? "no prompt" : "text not stored");
}

/** A text of several lines in one, with a sign where a line ended. */
function oneLine(text) {
  const lines = text.split(/\s*\n\s*/);
  return lines.flatMap((line, n) => [...(n > 0 ? [" ", el("span", { class: "newline", "aria-hidden": "true" }), " "] : []), ...visible(line)]);
}
