// What runs now, as the first rows of the list: each ticks until it ends, and stays until its message is in the list.

import { arrange, byId, el, fill } from "./dom.js";
import { deleteJson, fetchJson } from "./api.js";
import { askingButton } from "./asking.js";
import { compact, duration, fullTime, NONE, shortTime, speed, title } from "./format.js";
import { showNow } from "./now.js";
import { state } from "./state.js";
import { visible } from "./visible.js";

const TICK = 1000; // milliseconds between two looks at what runs
const MAX_ENDING = 5000; // milliseconds that an ended request waits for its record
const NARROWING = ["category", "status", "finding", "min_duration", "min_tokens", "sort", "from", "to"];

let underWay = [];
/** Requests that have ended, with the time until which they wait for their record, by id. */
const ending = new Map();
/** When each request's first token was seen, and how many there were, by id. */
const pace = new Map();
let rowOf = new Map();
/** How far the clock of the tap is ahead of the browser's, in seconds. */
let ahead = 0;
let ticking = 0;
/** What the list gives: `hasMessage(id)`, `refresh()`. */
let messages = null;

export function prepareLiving(list) {
  messages = list;
}

/** Asks what runs, and draws it; looks again every second while something does. */
export async function refreshLiving(signal) {
  const answer = await fetchJson("active", {}, signal);
  const { now, requests } = answer;
  showNow(answer);
  clearTimeout(ticking);
  ahead = now - Date.now() / 1000;
  noteEnded(new Set(requests.map(({ id }) => id)));
  underWay = requests;
  for (const { id, tokens } of requests) if (tokens > 0 && !pace.has(id)) pace.set(id, { at: now, tokens });
  settleLiving();
  const isBusy = underWay.length + ending.size > 0;
  if (isBusy && !document.hidden) ticking = setTimeout(() => refreshLiving().catch(() => {}), TICK);
  if (ending.size > 0) await messages.refresh().catch(() => {}); // the page's own refresh tells why
}

function noteEnded(ids) {
  for (const request of underWay) if (!ids.has(request.id)) ending.set(request.id, { ...request, state: "ended", until: Date.now() + MAX_ENDING });
  for (const id of pace.keys()) if (!ids.has(id)) pace.delete(id);
}

/** Lets go of the ended requests whose message came, and draws the rest. */
export function settleLiving() {
  for (const [id, { until }] of ending) if (until < Date.now() || messages.hasMessage(id)) ending.delete(id);
  drawLiving();
}

/** Whether the filters can be true of a request that has not ended. */
function mayMatch({ model, endpoint, client, client_ip: ip, session_id: session, prompt }) {
  if (NARROWING.some((name) => state[name]) || state.range === "yesterday") return false;
  const matches = (filter, ...values) => !filter || values.includes(filter);
  const hasText = !state.q || prompt?.toLowerCase().includes(state.q.toLowerCase());
  return hasText && matches(state.model, model) && matches(state.endpoint, endpoint) && matches(state.client, client, `${client}@${ip}`) && matches(state.session, session);
}

function drawLiving() {
  const newestFirst = [...underWay, ...ending.values()].filter(mayMatch).sort((a, b) => b.started - a.started);
  rowOf = new Map(newestFirst.map((request) => [request.id, rowOf.get(request.id) ?? livingRow(request)]));
  for (const request of newestFirst) tickRow(rowOf.get(request.id), request);
  const body = byId("living");
  arrange(body, [...rowOf.values()]);
  body.hidden = rowOf.size === 0;
  byId("table").classList.toggle("has-living", rowOf.size > 0);
}

function livingRow({ id, model, prompt, client, started }) {
  const cell = (kind, ...inside) => el("td", { role: "cell", class: kind }, inside);
  const words = prompt ? visible(prompt.replace(/\s+/g, " ")) : el("i", {}, "text not stored");
  return el(
    "tr",
    { role: "row", "data-id": id },
    cell("c-time", el("time", { datetime: new Date(started * 1000).toISOString(), title: fullTime(started) }, shortTime(started))),
    cell(
      "c-text",
      el("span", { class: "prompt" }, el("span", { class: "badge live" }), el("bdi", {}, words)),
      el("span", { class: "second" }, el("bdi", {}, visible(client ?? "")), cancelButton(id, model)),
    ),
    cell("c-model", el("bdi", {}, visible(model ?? NONE))),
    cell("c-category"),
    cell("c-tokens number"),
    cell("c-speed number"),
    cell("c-first number"),
    cell("c-duration number"),
  );
}

/** Writes what changes while a request runs: its state, its tokens and its time. */
function tickRow(node, { id, state: phase, tokens, tokens_estimated: estimated, started }) {
  const now = Date.now() / 1000 + ahead;
  const write = (kind, text) => {
    const place = node.querySelector(kind);
    if (place.textContent !== text) fill(place, text);
  };
  const about = estimated ? "~" : "";
  write(".live", title(phase));
  node.querySelector("button").hidden = phase === "ended";
  if (phase === "ended") return;
  const elapsed = now - started;
  const { at, tokens: first } = pace.get(id) ?? { at: now, tokens: 0 };
  write(".c-tokens", tokens ? `${NONE} / ${about}${compact(tokens)}` : NONE);
  write(".c-speed", now - at >= 0.5 && tokens > first ? `${about}${speed((tokens - first) / (now - at))}` : NONE);
  write(".c-duration", elapsed < 1 ? "< 1\u00a0s" : duration(Math.floor(elapsed)));
}

function cancelButton(id, model) {
  const cancel = async () => {
    const words = await deleteJson(`active/${encodeURIComponent(id)}`).then(
      () => "Cancelled",
      (cause) => (cause.status === 404 ? "It has already ended" : cause.message),
    );
    refreshLiving().catch(() => {});
    return words;
  };
  return askingButton("Cancel", `the request to ${model ?? "a model"}`, { class: "plain-small" }, cancel);
}
