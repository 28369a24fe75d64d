// What runs now, as the first rows of the list: each ticks until it ends and becomes a message.

import { announce, byId, el, fill } from "./dom.js";
import { deleteJson, fetchJson } from "./api.js";
import { compact, duration, fullTime, NONE, shortTime, speed, title } from "./format.js";
import { showNow } from "./now.js";
import { visible } from "./visible.js";

const TICK = 1000; // milliseconds between two looks at what runs
const DOUBT = 5000; // milliseconds for which a button asks whether it is meant

let underWay = [];
let rowOf = new Map();
/** How far the clock of the tap is ahead of the browser's, in seconds. */
let ahead = 0;
let ticking = 0;
let whenEnded = () => {};

/** Asks what runs, and draws it; looks again every second while something does. */
export async function refreshLiving(signal) {
  const answer = await fetchJson("active", {}, signal);
  const { now, requests } = answer;
  showNow(answer);
  clearTimeout(ticking);
  const ids = new Set(requests.map(({ id }) => id));
  const hasEnded = underWay.some(({ id }) => !ids.has(id));
  ahead = now - Date.now() / 1000;
  underWay = requests;
  drawLiving();
  if (underWay.length > 0 && !document.hidden) ticking = setTimeout(() => refreshLiving().catch(() => {}), TICK);
  if (hasEnded) whenEnded();
}

/** Calls `action` when a request has ended, so that its record can be fetched. */
export function onEnded(action) {
  whenEnded = action;
}

function drawLiving() {
  const newestFirst = [...underWay].sort((a, b) => b.started - a.started);
  rowOf = new Map(newestFirst.map((request) => [request.id, rowOf.get(request.id) ?? livingRow(request)]));
  for (const request of newestFirst) tickRow(rowOf.get(request.id), request);
  const body = byId("living");
  const wanted = [...rowOf.values()];
  for (const node of [...body.children]) if (!wanted.includes(node)) node.remove();
  wanted.forEach((node, n) => body.children[n] !== node && body.insertBefore(node, body.children[n] ?? null));
  body.hidden = wanted.length === 0;
  byId("table").classList.toggle("has-living", wanted.length > 0);
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
      el("span", { class: "second" }, el("span", {}, client ?? ""), cancelButton(id, model)),
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
function tickRow(node, { state, tokens, tokens_estimated: estimated, started }) {
  const elapsed = Math.max(0, Date.now() / 1000 + ahead - started);
  const write = (kind, text) => {
    const place = node.querySelector(kind);
    if (place.textContent !== text) fill(place, text);
  };
  const about = estimated ? "~" : "";
  write(".live", title(state));
  write(".c-tokens", tokens ? `${about}${compact(tokens)} out` : NONE);
  write(".c-speed", tokens && elapsed > 0.5 ? `${about}${speed(tokens / elapsed)}` : NONE);
  write(".c-duration", duration(Math.floor(elapsed)));
}

/** A button that asks before it cancels. */
function cancelButton(id, model) {
  const button = el("button", { type: "button", class: "plain-small", "aria-label": `Cancel the request to ${model}` }, "Cancel");
  let isAsked = false;
  const ask = (isAsking) => {
    isAsked = isAsking;
    fill(button, isAsking ? "Really cancel?" : "Cancel");
    button.setAttribute("aria-label", `${isAsking ? "Really cancel" : "Cancel"} the request to ${model}`);
    if (isAsking) announce("Press again to cancel the request");
  };
  button.addEventListener("click", async () => {
    if (!isAsked) {
      ask(true);
      return setTimeout(() => ask(false), DOUBT);
    }
    button.disabled = true;
    await deleteJson(`active/${encodeURIComponent(id)}`).then(
      () => announce("Cancelled"),
      (cause) => announce(cause.status === 404 ? "It has already ended" : cause.message),
    );
    refreshLiving().catch(() => {});
  });
  return button;
}
