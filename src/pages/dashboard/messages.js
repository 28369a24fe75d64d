// The list of messages, newest first. What is new comes in on top, or waits behind a button while one reads further down.

import { announce, byId, fill } from "./dom.js";
import { fetchHistory } from "./api.js";
import { showEmptyState } from "./filters.js";
import { count } from "./format.js";
import { change, FILTERS, hasFilters, query, state, unfiltered } from "./state.js";
import { followList } from "./detail.js";
import { drawRows, focusRow } from "./rows.js";
import { saysNews } from "./preferences.js";

const PAGE_SIZE = 50; // messages of the first answer
const MORE = 100; // messages of each later one
const MAX_ROUNDS = 20; // answers that fill the gap between the newest message and those that are there
const MAX_UNREAD = 1000; // messages that stay of those that came by themselves

let records = [];
/** New ones that wait until one goes to them. */
let held = [];
/** Whether more are new than a gap may have: the list then begins anew when one goes to them. */
let isFarBehind = false;
let hasOlder = false;
let matches = null;
/** How many messages were there when older ones were last loaded: no fewer stay. */
let loadedCount = 0;
let shownQuery = "";

const idOf = (record) => record.interaction_id;
const byTime = (a, b) => b.timestamp - a.timestamp || (idOf(a) < idOf(b) ? 1 : -1);

/** Fetches what is new; starts a new list after the filters changed. */
export async function refreshMessages(signal) {
  const requested = FILTERS.concat("range").map((name) => state[name]).join("\n");
  if (requested !== shownQuery) return restart(requested, signal);
  const fresh = await freshRecords(signal);
  if (requested !== shownQuery || fresh.length === 0) return;
  if (saysNews()) announce(`${count(fresh.length)} new messages`);
  if (isReading()) return hold(fresh);
  add(fresh);
}

async function restart(requested, signal) {
  byId("table").setAttribute("aria-busy", "true");
  const page = await listMessages({ limit: PAGE_SIZE }, signal);
  [shownQuery, records, held, isFarBehind, loadedCount] = [requested, page, [], false, 0];
  hasOlder = page.length === PAGE_SIZE;
  drawList(new Set());
}

/** Asks for messages of the range and the filters. */
async function listMessages(parameters, signal) {
  const answer = await fetchHistory("messages", { ...query(), ...parameters }, signal);
  const told = answer.headers.get("Ollama-Tap-Matches");
  if (told) matches = Number.parseInt(told, 10);
  return answer.json();
}

/** Returns the messages that are not there yet, however many pages they take. */
async function freshRecords(signal) {
  const known = new Set([...records, ...held].map(idOf));
  const fresh = [];
  let page = await listMessages({ limit: PAGE_SIZE }, signal);
  for (let round = 0; ; round += 1) {
    const unknown = page.filter((record) => !known.has(idOf(record)));
    fresh.push(...unknown);
    if (unknown.length < page.length || page.length < PAGE_SIZE || known.size === 0) return fresh;
    if (round === MAX_ROUNDS) break;
    page = await listMessages({ limit: MORE, before: idOf(page.at(-1)) }, signal);
  }
  isFarBehind = true;
  return fresh;
}

/** Whether one reads further down in the list: what comes in on top would then move what is read. */
const isReading = () => records.length > 0 && byId("rows").getBoundingClientRect().top < 0;

function hold(fresh) {
  held = [...held, ...fresh];
  showNews();
}

function add(fresh) {
  if (isFarBehind) return begin();
  const oldest = records.at(-1);
  const isWithin = (record) => !hasOlder || !oldest || byTime(record, oldest) < 0;
  records = [...fresh.filter(isWithin), ...records].sort(byTime);
  const most = Math.max(MAX_UNREAD, loadedCount + fresh.length);
  if (records.length > most) {
    records.length = most;
    hasOlder = true;
  }
  drawList(new Set(fresh.map(idOf)));
}

/** Begins the list anew from the newest message. */
const begin = () => restart(shownQuery);

/** Puts the new ones on top, and goes to them. */
export async function showHeld() {
  byId("messages").scrollIntoView({ block: "start" });
  const fresh = held;
  held = [];
  if (isFarBehind) await begin();
  else add(fresh);
  if (records[0]) focusRow(idOf(records[0]));
}

function showNews() {
  const button = byId("news");
  button.hidden = held.length === 0;
  const text = `${count(held.length)}${isFarBehind ? "+" : ""} new`;
  if (button.textContent !== text) fill(button, text);
}

export async function showOlder() {
  const button = byId("older");
  if (button.disabled || !hasOlder) return;
  button.disabled = true;
  try {
    const page = await listMessages({ limit: MORE, before: idOf(records.at(-1)) });
    hasOlder = page.length === MORE;
    const known = new Set(records.map(idOf));
    records = [...records, ...page.filter((record) => !known.has(idOf(record)))].sort(byTime);
    loadedCount = records.length;
    drawList(new Set());
  } finally {
    button.disabled = false;
  }
}

/** Loads older messages by itself once one asked for them and comes near the end. */
export function prepareOlder(fail) {
  const more = () => showOlder().catch(fail);
  const watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && more(), { rootMargin: "600px" });
  byId("older").addEventListener("click", async () => {
    await more();
    watcher.observe(byId("older"));
  });
  byId("news").addEventListener("click", () => showHeld().catch(fail));
}

/** Returns the ids next to a message, and whether older ones can be loaded. */
export function neighbours(id) {
  const at = records.findIndex((record) => idOf(record) === id);
  if (at < 0) return { hasOlder: records.length > 0 };
  const [newer, older] = [records[at - 1], records[at + 1]].map((record) => record && idOf(record));
  return { newer, older, hasOlder };
}

/** Loads and returns the id of the message before one that has no older one in the list; undefined where there is none. */
export async function olderThan(id) {
  const isListed = records.some((record) => idOf(record) === id);
  if (!isListed) return (await listMessages({ limit: 1, before: id })).map(idOf)[0];
  await showOlder();
  return neighbours(id).older;
}

/** The place of a message in the list, in words. */
export function placeOf(id) {
  const at = records.findIndex((record) => idOf(record) === id);
  return at < 0 ? "" : `${count(at + 1)} of ${count(records.length)}${hasOlder ? " and more" : ""}: `;
}

/** The message at the top of the list. */
export const newestId = () => records[0] && idOf(records[0]);

function drawList(fresh) {
  drawRows(records, fresh);
  showNews();
  followList();
  const table = byId("table");
  table.removeAttribute("aria-busy");
  table.classList.toggle("bare", records.length === 0);
  table.querySelector("table").setAttribute("aria-rowcount", hasOlder ? -1 : records.length + 1);
  byId("older").hidden = !hasOlder;
  byId("messages-aside").textContent = records.length ? asideText() : "";
  byId("messages-blank").hidden = records.length > 0;
  if (records.length === 0) drawEmptyState();
}

function asideText() {
  if (!hasOlder) return records.length === 1 ? "1" : `all ${count(records.length)}`;
  return matches === null ? `the newest ${count(records.length)}` : `1–${count(records.length)} of ${count(matches)}`;
}

function drawEmptyState() {
  const host = byId("messages-blank");
  if (hasFilters()) {
    const none = () => change(unfiltered());
    const isTurned = state.from && state.to && state.from > state.to;
    const why = isTurned ? "The time “from” is later than “to”." : "No message in this range matches all of the filters.";
    return showEmptyState(host, "No message matches", why, "Clear filters", none);
  }
  if (state.range === "all") return showEmptyState(host, "No messages yet", "They appear here as soon as a request has ended.");
  const showAll = () => change({ range: "all" });
  return showEmptyState(host, "No messages in this range", "The history may hold older ones.", "Show all of it", showAll);
}
