// The state of the page, kept in its address, so that a link, a reload and the Back button restore it.

import { modelName } from "./format.js";
import { periodOf, PRESETS } from "./period.js";

/** The fields that choose requests, apart from the time. */
const CHOICES = ["model", "category", "status", "endpoint", "client", "machine", "finding", "session", "q", "min_duration", "min_tokens"];
const DEFAULTS = { range: "24h", from: "", to: "", ...Object.fromEntries(CHOICES.map((name) => [name, ""])), sort: "", compare: "", id: "" };

/** Names of the fields that filter the page. */
export const FILTERS = [...CHOICES, "from", "to"];

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

/** The fields without any filter. */
export const unfiltered = () => Object.fromEntries(FILTERS.map((name) => [name, ""]));

export const hasFilters = () => FILTERS.some((name) => state[name] !== "");

/** Returns the filters as parameters of the history's pages, without those of the time. */
export function filterQuery() {
  const { model, category, status, endpoint, client, machine, finding, session, q, min_duration, min_tokens } = state;
  const [, host = machine, tap = ""] = machine.match(/^(.*):(\d+)$/) ?? [];
  const fields = { model, prompt_category: category, status, endpoint, client, host, tap, finding, session };
  return withoutEmpty({ ...fields, q, min_duration, min_tokens });
}

/** Returns the filters and the time as parameters of the history's pages. */
export function query() {
  const { start, end } = periodOf(state);
  return withoutEmpty({ ...filterQuery(), start_time: start, end_time: end });
}

function withoutEmpty(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== "" && value !== null));
}

function read() {
  const parameters = new URLSearchParams(location.search);
  const fields = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, parameters.get(name) ?? DEFAULTS[name]]));
  fields.q ||= parameters.get("text") ?? ""; // what a link of an older page says
  fields.model = modelName(fields.model);
  if (!Object.hasOwn(PRESETS, fields.range)) fields.range = DEFAULTS.range;
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
