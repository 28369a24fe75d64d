// The state of the page, kept in its address, so that a link, a reload and the Back button restore it.

import { modelName } from "./format.js";

const DEFAULTS = { range: "24h", model: "", category: "", status: "", machine: "", finding: "", text: "", from: "", to: "", id: "" };
const HOURS = { "1h": 1, "24h": 24, "7d": 168 };

/** Names of the fields that filter messages. */
export const FILTERS = ["model", "category", "status", "machine", "finding", "text", "from", "to"];

const listeners = [];
export const state = read();

/** Changes some fields and notifies the listeners of those that differ now. */
export function change(fields, how = "push") {
  const before = { ...state };
  Object.assign(state, fields);
  const changed = Object.keys(DEFAULTS).filter((name) => state[name] !== before[name]);
  if (changed.length === 0) return;
  const address = addressOf(state);
  if (how === "push") history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  notify(changed);
}

export function onChange(listener) {
  listeners.push(listener);
}

/** Returns the address of the page with some fields changed. */
export function addressWith(fields) {
  return addressOf({ ...state, ...fields });
}

/** Returns the length of the range in hours; null for the whole history. */
export const hours = () => HOURS[state.range] ?? null;

export const hasFilters = () => FILTERS.some((name) => state[name] !== "");

/** Returns the filters as parameters of the history's pages. */
export function query() {
  const { model, category, status, machine, finding, text, from, to } = state;
  const [, host = machine, tap = ""] = machine.match(/^(.*):(\d+)$/) ?? [];
  const since = from || to || !hours() ? seconds(from) : Date.now() / 1000 - hours() * 3600;
  const fields = { model, prompt_category: category, status, host, tap, finding, prompt_search: text };
  const times = { start_time: since, end_time: seconds(to) };
  return Object.fromEntries(Object.entries({ ...fields, ...times }).filter(([, value]) => value !== "" && value !== null));
}

/** Formats Unix seconds as a `datetime-local` input does. */
export function localTime(unix) {
  const date = new Date(unix * 1000);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

function seconds(local) {
  const time = new Date(local).getTime();
  return Number.isNaN(time) ? null : time / 1000;
}

function read() {
  const parameters = new URLSearchParams(location.search);
  const fields = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, parameters.get(name) ?? DEFAULTS[name]]));
  fields.model = modelName(fields.model);
  if (!HOURS[fields.range]) fields.range = fields.range === "all" ? "all" : DEFAULTS.range;
  return fields;
}

function addressOf(fields) {
  const shown = Object.entries(fields).filter(([name, value]) => value !== DEFAULTS[name]);
  const text = new URLSearchParams(shown).toString();
  return location.pathname + (text && `?${text}`);
}

function notify(changed) {
  for (const listener of listeners) listener(changed);
}

window.addEventListener("popstate", () => {
  const before = { ...state };
  Object.assign(state, read());
  notify(Object.keys(DEFAULTS).filter((name) => state[name] !== before[name]));
});
