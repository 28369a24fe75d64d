// Answers of the list: its pages, how many messages match in all, and what entered the history since.

import { fetchHistory } from "./api.js";
import { query, state } from "./state.js";

const MORE = 100; // messages of each answer but the first
const MAX_ROUNDS = 20; // answers that are asked for to catch up
const GONE = 410; // status of an answer to a cursor that the tap no longer knows

/** Asks for messages of the range and the filters. */
export async function fetchPage(parameters, signal) {
  const { headers, json: records } = await fetchHistory("messages", { ...query(), ...parameters }, signal);
  const told = headers.get("Ollama-Tap-Matches");
  return { records, cursor: headers.get("Ollama-Tap-Cursor"), matches: told && matchesOf(told) };
}

/** Asks for messages in the order of the list. */
export const fetchInOrder = (parameters, signal) => fetchPage({ ...(state.sort && { sort: state.sort }), ...parameters }, signal);

/** Asks for the messages after one. */
export async function fetchAfter(id) {
  const { records } = await fetchInOrder({ limit: MORE, before: id });
  return { records, hasMore: records.length === MORE };
}

/** A number of matches: `1000+` is at least so many. */
function matchesOf(text) {
  return { count: Number.parseInt(text, 10), isAtLeast: text.endsWith("+") };
}

/** Returns what entered the history after the cursor, and the next cursor; `isFarBehind` where that is too much to be caught up with. */
export async function fetchNews(cursor, signal) {
  const records = [];
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const page = await fetchPage({ since: cursor, limit: MORE }, signal);
    cursor = page.cursor ?? cursor;
    records.push(...page.records);
    if (page.records.length === 0) return { records, cursor, isFarBehind: false };
  }
  return { records, cursor, isFarBehind: true };
}

export const isUnknownCursor = (cause) => cause.status === GONE;

/** Returns the newest messages down to the first page that is known: what another tap wrote, or what came while a cursor was lost. */
export async function fetchUnknown(isKnown, signal) {
  const records = [];
  let page = await fetchPage({ limit: MORE }, signal);
  const { cursor } = page;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const unknown = page.records.filter((record) => !isKnown(record));
    records.push(...unknown);
    if (unknown.length < page.records.length || page.records.length < MORE) return { records, cursor, isFarBehind: false };
    page = await fetchPage({ limit: MORE, before: page.records.at(-1).interaction_id }, signal);
  }
  return { records, cursor, isFarBehind: true };
}
