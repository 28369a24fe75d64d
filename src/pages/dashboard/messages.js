// The list of messages. What is new comes in at its place, or waits behind a button while one reads further down.

import { announce, byId, fill } from "./dom.js";
import { showBlank } from "./blank.js";
import { count, plural } from "./format.js";
import { FILTERS, state } from "./state.js";
import { fetchAfter, fetchInOrder, fetchNews, fetchPage, fetchUnknown, isUnknownCursor } from "./feed.js";
import { followList } from "./detail.js";
import { settleLiving } from "./living.js";
import { addMatches, allText, noteMatches, showMatches } from "./matches.js";
import { drawRows, focusRow } from "./rows.js";
import { saysNews } from "./preferences.js";
import { stickyHeight } from "./sticky.js";

const PAGE_SIZE = 50; // messages of the first answer
const MAX_UNREAD = 1000; // messages that stay of those that came by themselves
const MAX_HELD = 2000; // new ones that wait; of more than these the list begins anew when one goes to them
const MAX_LOADS = 20; // answers until a message must be in the list
const SHARED_PAUSE = 30_000; // milliseconds between two looks at what other taps wrote
const COUNT_PAUSE = 60_000; // milliseconds after which all that match are counted again: a range that ends now loses messages at its other end
const NEVER = -Infinity;

let records = [];
/** New ones that wait until one goes to them. */
let held = [];
let isFarBehind = false;
let hasOlder = false;
/** How many messages were there when older ones were last loaded: no fewer stay. */
let loadedCount = 0;
let shownQuery = "";
/** What was there when the list was read last. */
let cursor = null;
/** Whether other taps write the same history. */
let isShared = false;
let lookedAt = 0;
let countedAt = NEVER;

const idOf = (record) => record.interaction_id;
const greatest = (field) => (a, b) => (b[field] ?? -Infinity) - (a[field] ?? -Infinity) || 0;
const newest = (a, b) => b.timestamp - a.timestamp || (idOf(a) < idOf(b) ? 1 : -1);
const ORDERS = {
  "": newest,
  duration: (a, b) => greatest("duration_seconds")(a, b) || newest(a, b),
  tokens: (a, b) => greatest("generated_tokens")(a, b) || newest(a, b),
};
const inOrder = (a, b) => (ORDERS[state.sort] ?? newest)(a, b);
const question = () => [...FILTERS, "range", "sort"].map((name) => state[name]).join("\n");

/** Notes which backend the history has. */
export function noteBackend(backend) {
  isShared = backend === "loki";
}

/** Fetches what is new; starts a new list after the filters or the order changed. */
export async function refreshMessages(signal) {
  const asked = question();
  if (asked !== shownQuery) return restart(signal);
  setListBusy(false); // one that was begun for another question is no longer waited for
  const news = isFarBehind ? null : await whatIsNew(signal);
  if (asked !== shownQuery) return;
  if (news) noteNews(news);
  if (isReading()) drawHeld();
  else await takeHeld();
}

/** Begins the list anew, unless something else is asked for meanwhile. How many match in all is counted later: that may take long. */
async function restart(signal) {
  const asked = question();
  setListBusy(true);
  try {
    const page = await fetchInOrder({ limit: PAGE_SIZE }, signal);
    if (asked !== question()) return;
    [shownQuery, records, held, isFarBehind, loadedCount] = [asked, page.records, [], false, 0];
    [cursor, lookedAt] = [page.cursor, Date.now()];
    hasOlder = records.length === PAGE_SIZE;
    countedAt = hasOlder ? NEVER : Date.now();
    noteMatches(hasOlder ? null : { count: records.length, isAtLeast: false });
    drawList(new Set());
  } finally {
    if (asked === question()) setListBusy(false);
  }
}

const setListBusy = (isBusy) => byId("table").setAttribute("aria-busy", String(isBusy));

async function whatIsNew(signal) {
  const isDue = isShared && !state.sort && Date.now() - lookedAt > SHARED_PAUSE;
  if (isDue) lookedAt = Date.now();
  try {
    if (cursor && !isDue) return await fetchNews(cursor, signal);
  } catch (cause) {
    if (!isUnknownCursor(cause)) throw cause;
  }
  if (records.length === 0) return { records: [], cursor: null, isFarBehind: true };
  countedAt = NEVER;
  const isBeyond = (record) => hasOlder && newest(record, records.at(-1)) > 0;
  return fetchUnknown((record) => hasMessage(idOf(record)) || isBeyond(record), signal);
}

function noteNews(news) {
  cursor = news.cursor;
  const fresh = news.records.filter((record) => !hasMessage(idOf(record)));
  held = [...held, ...fresh];
  isFarBehind = news.isFarBehind || held.length > MAX_HELD;
  addMatches(fresh.length);
  if (fresh.length > 0 && saysNews()) announce(plural(fresh.length, "new message"));
}

/** Puts the new ones at their places in the list. */
async function takeHeld() {
  if (isFarBehind) return restart();
  if (held.length === 0) return;
  const fresh = held;
  held = [];
  add(fresh);
}

/** Counts all that match, and does so again from time to time; those that have a text only once, as that reads all texts. */
export async function countMessages(signal) {
  const pause = state.q ? Infinity : COUNT_PAUSE;
  if (Date.now() - countedAt < pause) return;
  countedAt = Date.now();
  const asked = shownQuery;
  const page = await fetchPage({ limit: 1, count: true }, signal).catch((cause) => {
    if (signal?.aborted) countedAt = NEVER;
    throw cause;
  });
  if (asked !== shownQuery || asked !== question()) return;
  noteMatches(page.matches);
  drawCount();
}

/** Whether one reads further down in the list: what comes in above would then move what is read. */
const isReading = () => records.length > 0 && byId("rows").checkVisibility() && byId("rows").getBoundingClientRect().top < stickyHeight() - 1;

function drawHeld() {
  showNews();
  drawCount();
  settleLiving();
}

function add(fresh) {
  const last = records.at(-1);
  const isWithin = (record) => !hasOlder || !last || inOrder(record, last) < 0;
  records = [...fresh.filter(isWithin), ...records].sort(inOrder);
  const most = Math.max(MAX_UNREAD, loadedCount + fresh.length);
  if (records.length > most) {
    records.length = most;
    hasOlder = true;
  }
  drawList(new Set(fresh.map(idOf)));
}

/** Takes the new ones in, and goes to the first message. */
async function showHeld() {
  byId("messages").scrollIntoView({ block: "start" });
  await takeHeld();
  if (records[0]) focusRow(idOf(records[0]));
  await countMessages();
}

function showNews() {
  const button = byId("news");
  button.hidden = held.length === 0 && !isFarBehind;
  const text = isFarBehind ? `More than ${count(MAX_HELD)} new` : `${count(held.length)} new`;
  if (button.textContent !== text) fill(button, text);
}

async function showOlder() {
  const button = byId("older");
  if (button.disabled || !hasOlder) return;
  button.disabled = true;
  const asked = shownQuery;
  try {
    const page = await fetchAfter(idOf(records.at(-1)));
    if (asked !== shownQuery) return;
    hasOlder = page.hasMore;
    const known = new Set(records.map(idOf));
    records = [...records, ...page.records.filter((record) => !known.has(idOf(record)))].sort(inOrder);
    loadedCount = records.length;
    drawList(new Set());
  } finally {
    button.disabled = false;
  }
}

/** Loads older messages by itself once one asked for them, as long as the end of the list is near. */
export function prepareOlder(fail) {
  const button = byId("older");
  const watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && more(), { rootMargin: "600px" });
  const more = async () => {
    await showOlder().catch(fail);
    watcher.unobserve(button);
    watcher.observe(button); // which tells again whether it is near
  };
  button.addEventListener("click", more);
  byId("news").addEventListener("click", () => showHeld().catch(fail));
}

/** Whether a message is in the list, or waits to be. */
export const hasMessage = (id) => [...records, ...held].some((record) => idOf(record) === id);

/** Takes messages out of the list that were deleted. */
export function dropMessages(isDeleted) {
  const before = records.length + held.length;
  [records, held] = [records, held].map((list) => list.filter((record) => !isDeleted(record)));
  addMatches(records.length + held.length - before);
  drawList(new Set());
}

/** Returns the ids next to a message, and whether there is one, or may be: `newer`, `older`, `hasNewer`, `hasOlder`. */
export function neighbours(id) {
  const at = records.findIndex((record) => idOf(record) === id);
  if (at < 0) return { hasNewer: hasOlder, hasOlder: records.length > 0 };
  const [newer, older] = [records[at - 1], records[at + 1]].map((record) => record && idOf(record));
  return { newer, older, hasNewer: Boolean(newer), hasOlder: Boolean(older) || hasOlder };
}

/** Returns the id next to a message, `newer` or `older`; messages are loaded for it. Undefined where there is none. */
export async function neighbour(id, which) {
  const isListed = () => records.some((record) => idOf(record) === id);
  if (which === "older" && !isListed()) return (await fetchInOrder({ limit: 1, before: id })).records.map(idOf)[0];
  for (let round = 0; round < MAX_LOADS && hasOlder && !neighbours(id)[which] && (which === "older" || !isListed()); round += 1) await showOlder();
  return neighbours(id)[which];
}

/** The place of a message in the list, in words. */
export function placeOf(id) {
  const at = records.findIndex((record) => idOf(record) === id);
  return at < 0 ? "" : `${count(at + 1)} of ${allText(records.length, isComplete())}: `;
}

function drawList(fresh) {
  drawRows(records, fresh);
  settleLiving();
  showNews();
  followList();
  const table = byId("table");
  table.classList.toggle("bare", records.length === 0);
  table.querySelector("table").setAttribute("aria-rowcount", hasOlder ? -1 : records.length + 1);
  byId("older").hidden = !hasOlder;
  drawCount();
  showBlank(records.length === 0);
}

const isComplete = () => !hasOlder && held.length === 0;
/** Says how many messages there are. */
export const drawCount = () => showMatches(records.length, isComplete());
