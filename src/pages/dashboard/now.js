// The present: requests under way, and the models that Ollama has in memory.

import { byId, el, fill, svg } from "./dom.js";
import { bytes, compact, count, duration, modelName, percent } from "./format.js";
import { showDown } from "./down.js";
import { notePresent } from "./freshness.js";
import { visible } from "./visible.js";

const FOREVER_SECONDS = 10 * 365 * 86_400; // seconds; Ollama writes "keep alive for ever" as a time centuries ahead

/** Draws an answer of /analytics/active. What Ollama does not report is left out. */
export function showNow({ now, ollama, models, requests, workers, workers_busy: busy, dropped, last_minute: lastMinute }) {
  notePresent({ isDown: !ollama.up, running: requests.length });
  showHealth(ollama);
  showDown(ollama);
  byId("now-aside").textContent = `${minuteText(lastMinute)} · ${count(busy)} of ${count(workers)} workers busy`;
  fill(
    byId("now"),
    el(
      "div",
      { class: "active" },
      el("p", { class: "value" }, count(requests.length), el("small", {}, requests.length === 1 ? "active request" : "active requests")),
      el("ul", { class: "chips" }, modelCounts(requests).map(([name, n]) => el("li", {}, el("bdi", {}, visible(name)), el("b", {}, count(n))))),
    ),
    dropped > 0 && el("p", { class: "warning" }, `${count(dropped)} records were dropped: the history could not keep up`),
    ollama.up && loaded(models, now),
  );
}

function showHealth({ up, version }) {
  byId("health").dataset.kind = up ? "success" : "error";
  byId("health-text").textContent = up ? `Ollama ${version ?? "is up"}` : "Ollama is down";
}

function minuteText({ requests, error }) {
  const failed = error > 0 ? `, ${count(error)} failed` : "";
  return `${count(requests)} in the last minute${failed}`;
}

/** How many requests each model has under way, the most first. */
function modelCounts(requests) {
  const counts = new Map();
  for (const { model } of requests) counts.set(model ?? "waiting", (counts.get(model ?? "waiting") ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}

function loaded(models, now) {
  if (models.length === 0) return el("p", { class: "none" }, "No model in memory. One is loaded with its next request.");
  return el("ul", { class: "loaded" }, models.map((one) => model(one, now)));
}

function model({ name, size, size_vram: vram, expires_at: expires, context_length: context }, now) {
  const share = size > 0 ? vram / size : 0;
  const memory = share >= 0.999 ? `${bytes(size)} VRAM` : `${bytes(vram)} of ${bytes(size)} in VRAM`;
  const facts = [memory, context && `${compact(context)} context`];
  return el(
    "li",
    {},
    el("bdi", { class: "name" }, visible(modelName(name))),
    el("span", { class: "share" }, expiryText(Date.parse(expires) / 1000 - now)),
    svg(
      "svg",
      { class: "meter", role: "img", "aria-label": `${percent(share)} in VRAM` },
      svg("rect", { class: "vram", width: `${share * 100}%`, height: "100%" }),
    ),
    el("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
  );
}

/** Says when a model is unloaded: after so many seconds, by the clock of the tap. */
function expiryText(left) {
  if (Number.isNaN(left)) return "";
  if (left > FOREVER_SECONDS) return "stays";
  const grain = left < 60 ? 1 : 60;
  return left <= 0 ? "unloading" : `unloads in ${duration(Math.ceil(left / grain) * grain)}`;
}
