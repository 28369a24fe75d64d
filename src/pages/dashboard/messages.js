// The messages, newest first. New ones come in on top while the page is open; older ones when they are asked for.

import { byId, el, fill, say } from "./dom.js";
import { ask } from "./api.js";
import { badge } from "./detail.js";
import { blank } from "./filters.js";
import { compact, count, duration, moment, NONE, speed, title, wholeMoment } from "./format.js";
import { addressWith, change, hasFilters, query, state, FILTERS } from "./state.js";

const PAGE = 50; // messages of one answer
const KEPT = 1000; // messages that stay on the page

let records = [];
let rows = new Map();
let hasOlder = false;
let shownQuery = "";

/** Asks for the newest messages and merges them; after the filters changed, begins anew. */
export async function refreshMessages(signal) {
  const asked = FILTERS.concat("range")
    .map((name) => state[name])
    .join("\n");
  if (asked !== shownQuery) byId("table").setAttribute("aria-busy", "true");
  const page = await ask("messages", { ...query(), limit: PAGE }, signal);
  const isSame = asked === shownQuery;
  const known = new Set(records.map((record) => record.interaction_id));
  const fresh = page.filter((record) => !known.has(record.interaction_id));
  const goesOn = isSame && page.length === PAGE && fresh.length < PAGE;
  if (!goesOn) hasOlder = page.length === PAGE;
  records = goesOn ? merged(fresh, records) : page;
  shownQuery = asked;
  draw(isSame ? new Set(fresh.map((record) => record.interaction_id)) : new Set());
  if (isSame && fresh.length > 0) say(`${count(fresh.length)} new messages`);
}

export async function showOlder() {
  const button = byId("older");
  button.disabled = true;
  try {
    const page = await ask("messages", { ...query(), limit: PAGE, before: records.at(-1).interaction_id });
    hasOlder = page.length === PAGE && records.length + page.length < KEPT;
    const known = new Set(records.map((record) => record.interaction_id));
    records = merged(
      page.filter((record) => !known.has(record.interaction_id)),
      records,
    );
    draw(new Set());
  } finally {
    button.disabled = false;
  }
}

/** The ids next to a message in the list. */
export function neighbours(id) {
  const at = records.findIndex((record) => record.interaction_id === id);
  return at < 0 ? {} : { newer: records[at - 1]?.interaction_id, older: records[at + 1]?.interaction_id };
}

function merged(some, others) {
  const newestFirst = (a, b) => b.timestamp - a.timestamp || (a.interaction_id < b.interaction_id ? 1 : -1);
  return [...some, ...others].sort(newestFirst).slice(0, KEPT);
}

/** Adds and removes rows so that focus and place on the page stay where they are. */
function draw(fresh) {
  const body = byId("rows");
  rows = new Map(
    records.map((record) => [record.interaction_id, rows.get(record.interaction_id) ?? row(record, fresh.has(record.interaction_id))]),
  );
  const wanted = [...rows.values()];
  for (const there of [...body.children]) if (!wanted.includes(there)) there.remove();
  wanted.forEach((node, n) => body.children[n] !== node && body.insertBefore(node, body.children[n] ?? null));
  byId("table").removeAttribute("aria-busy");
  byId("table").hidden = records.length === 0;
  byId("older").hidden = !hasOlder;
  byId("messages-aside").textContent = records.length ? `${hasOlder ? "newest" : "all"} ${count(records.length)}` : "";
  byId("messages-blank").hidden = records.length > 0;
  if (records.length === 0) drawBlank();
}

function drawBlank() {
  const host = byId("messages-blank");
  if (hasFilters()) {
    const none = () => change(Object.fromEntries(FILTERS.map((name) => [name, ""])));
    return blank(host, "No message matches", "Nothing in this time meets all of the filters.", "Clear filters", none);
  }
  if (state.range === "all") return blank(host, "No messages yet", "They appear here as soon as a request has ended.");
  return blank(host, "No messages in this time", "The history may hold older ones.", "Show all of it", () => change({ range: "all" }));
}

function row(record, isFresh) {
  const cell = (kind, ...inside) => el("td", { role: "cell", class: kind }, inside);
  const guessed = record.tokens_estimated && record.generated_tokens !== null ? "~" : "";
  const tokens = `${compact(record.prompt_tokens)} / ${guessed}${compact(record.generated_tokens)}`;
  return el(
    "tr",
    { role: "row", class: isFresh ? "fresh" : null, "data-id": record.interaction_id },
    cell(
      "c-time",
      el(
        "time",
        { datetime: new Date(record.timestamp * 1000).toISOString(), title: wholeMoment(record.timestamp) },
        moment(record.timestamp),
      ),
    ),
    cell("c-text", link(record)),
    cell("c-model", el("bdi", {}, record.model ?? NONE)),
    cell("c-category", el("span", { class: "tag" }, title(record.prompt_category))),
    cell("c-tokens number", tokens),
    cell("c-speed number", speed(record.tokens_per_second)),
    cell("c-first number", duration(record.time_to_first_token_seconds)),
    cell("c-duration number", duration(record.duration_seconds)),
  );
}

/** The way to the whole message. It is a link, so that it can be opened elsewhere and copied. */
function link(record) {
  const open = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    change({ id: record.interaction_id });
  };
  const status = record.status !== "success" && badge(record.status);
  const second = record.error ?? record.response_preview;
  return el(
    "a",
    { href: addressWith({ id: record.interaction_id }), click: open },
    el("span", { class: "prompt" }, status, promptOf(record)),
    second && el("span", { class: record.error ? "second fault" : "second", dir: "auto" }, second),
  );
}

function promptOf(record) {
  if (record.prompt_preview) return el("bdi", {}, record.prompt_preview);
  return el("i", {}, record.prompt_category === "empty" ? "no prompt" : "text not stored");
}
