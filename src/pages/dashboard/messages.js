// The list of messages, newest first. New ones are added on top while the page is open, older ones on request.

import { announce, byId, el } from "./dom.js";
import { fetchJson } from "./api.js";
import { badge } from "./detail.js";
import { showEmptyState } from "./filters.js";
import { compact, count, duration, fullTime, NONE, shortTime, speed, title } from "./format.js";
import { addressWith, change, FILTERS, hasFilters, query, state, unfiltered } from "./state.js";
import { findingBadges } from "./why.js";

const PAGE_SIZE = 50; // messages of one answer
const MAX_RECORDS = 1000; // messages that stay on the page

let records = [];
let rows = new Map();
let hasOlder = false;
let shownQuery = "";

/** Fetches the newest messages and merges them; starts a new list after the filters changed. */
export async function refreshMessages(signal) {
  const requestedQuery = FILTERS.concat("range")
    .map((name) => state[name])
    .join("\n");
  if (requestedQuery !== shownQuery) byId("table").setAttribute("aria-busy", "true");
  const page = await fetchJson("messages", { ...query(), limit: PAGE_SIZE }, signal);
  const isSame = requestedQuery === shownQuery;
  const known = new Set(records.map((record) => record.interaction_id));
  const fresh = page.filter((record) => !known.has(record.interaction_id));
  const isContinuous = isSame && page.length === PAGE_SIZE && fresh.length < PAGE_SIZE;
  if (!isContinuous) hasOlder = page.length === PAGE_SIZE;
  records = isContinuous ? merged(fresh, records) : page;
  shownQuery = requestedQuery;
  draw(isSame ? new Set(fresh.map((record) => record.interaction_id)) : new Set());
  if (isSame && fresh.length > 0) announce(`${count(fresh.length)} new messages`);
}

export async function showOlder() {
  const button = byId("older");
  button.disabled = true;
  try {
    const page = await fetchJson("messages", { ...query(), limit: PAGE_SIZE, before: records.at(-1).interaction_id });
    hasOlder = page.length === PAGE_SIZE && records.length + page.length < MAX_RECORDS;
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

/** Returns the ids next to a message in the list. */
export function neighbours(id) {
  const at = records.findIndex((record) => record.interaction_id === id);
  return at < 0 ? {} : { newer: records[at - 1]?.interaction_id, older: records[at + 1]?.interaction_id };
}

function merged(some, others) {
  const newestFirst = (a, b) => b.timestamp - a.timestamp || (a.interaction_id < b.interaction_id ? 1 : -1);
  return [...some, ...others].sort(newestFirst).slice(0, MAX_RECORDS);
}

/** Adds and removes single rows, so that focus and scroll position stay. */
function draw(fresh) {
  const body = byId("rows");
  rows = new Map(
    records.map((record) => [record.interaction_id, rows.get(record.interaction_id) ?? row(record, fresh.has(record.interaction_id))]),
  );
  const wanted = [...rows.values()];
  for (const node of [...body.children]) if (!wanted.includes(node)) node.remove();
  wanted.forEach((node, n) => body.children[n] !== node && body.insertBefore(node, body.children[n] ?? null));
  byId("table").removeAttribute("aria-busy");
  byId("table").hidden = records.length === 0;
  byId("older").hidden = !hasOlder;
  byId("messages-aside").textContent = records.length ? `${hasOlder ? "newest" : "all"} ${count(records.length)}` : "";
  byId("messages-blank").hidden = records.length > 0;
  if (records.length === 0) drawEmptyState();
}

function drawEmptyState() {
  const host = byId("messages-blank");
  if (hasFilters()) {
    const none = () => change(unfiltered());
    return showEmptyState(host, "No message matches", "No message in this range matches all of the filters.", "Clear filters", none);
  }
  if (state.range === "all") return showEmptyState(host, "No messages yet", "They appear here as soon as a request has ended.");
  const showAll = () => change({ range: "all" });
  return showEmptyState(host, "No messages in this range", "The history may hold older ones.", "Show all of it", showAll);
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
        { datetime: new Date(record.timestamp * 1000).toISOString(), title: fullTime(record.timestamp) },
        shortTime(record.timestamp),
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

/** Builds the link to the whole message, so that it can be copied or opened in another tab. */
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
    el("span", { class: "prompt" }, status, findingBadges(record), promptOf(record)),
    second && el("span", { class: record.error ? "second fault" : "second", dir: "auto" }, second),
  );
}

function promptOf(record) {
  if (record.prompt_preview) return el("bdi", {}, record.prompt_preview);
  return el("i", {}, record.prompt_category === "empty" ? "no prompt" : "text not stored");
}
