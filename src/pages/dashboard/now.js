// The present: active requests, and the models that Ollama has in memory.

import { byId, el, fill, svg } from "./dom.js";
import { loadedModels, metrics } from "./api.js";
import { bytes, compact, count, modelName, percent, relativeTime } from "./format.js";
import { showDown } from "./down.js";
import { parseMetrics, total } from "./scrape.js";

const FAMILIES = [
  "ollama_up",
  "ollama_version_info",
  "ollama_active_requests",
  "ollama_tap_workers",
  "ollama_tap_workers_busy",
  "ollama_analytics_queue_size",
  "ollama_tap_analytics_dropped_total",
  "ollama_tap_build_info",
];
const FOREVER_SECONDS = 10 * 365 * 86_400; // seconds; Ollama writes "keep alive for ever" as a time centuries ahead

/** Fetches and draws. What Ollama does not report is left out; only a tap that does not answer is an error. */
export async function refreshNow() {
  const found = parseMetrics(await metrics(), FAMILIES);
  showHealth(found);
  const models = await loadedModels().catch(() => null); // after the metrics, which would count it as a busy worker
  const active = found.ollama_active_requests.filter(({ value }) => value > 0);
  const running = total(found.ollama_active_requests) ?? 0;
  const dropped = total(found.ollama_tap_analytics_dropped_total);
  byId("now-aside").textContent =
    `${count(total(found.ollama_tap_workers_busy))} of ${count(total(found.ollama_tap_workers))} workers busy`;
  fill(
    byId("now"),
    el(
      "div",
      { class: "active" },
      el("p", { class: "value" }, count(running), el("small", {}, running === 1 ? "active request" : "active requests")),
      el(
        "ul",
        { class: "chips" },
        active.map(({ labels, value }) => el("li", {}, el("bdi", {}, labels.model), el("b", {}, count(value)))),
      ),
    ),
    dropped > 0 && el("p", { class: "warning" }, `${count(dropped)} records were dropped: the history could not keep up`),
    models === null ? el("p", { class: "none" }, "Ollama does not report its loaded models") : loaded(models),
  );
}

function showHealth(found) {
  const isUp = total(found.ollama_up) === 1;
  showDown(isUp);
  const version = found.ollama_version_info[0]?.labels.version;
  byId("health").dataset.kind = isUp ? "success" : "error";
  byId("health-text").textContent = isUp ? `Ollama ${version ?? "is up"}` : "Ollama is down";
  const tap = found.ollama_tap_build_info[0]?.labels.version;
  byId("health").title = tap ? `Ollama Tap ${tap}` : "";
}

function loaded(models) {
  if (models.length === 0) return el("p", { class: "none" }, "No model in memory. One is loaded with its next request.");
  return el("ul", { class: "loaded" }, models.map(model));
}

function model({ name, size, size_vram: vram = 0, expires_at: expires, context_length: context, details }) {
  const share = size > 0 ? vram / size : 0;
  const memory = share >= 0.999 ? `${bytes(size)} VRAM` : `${bytes(vram)} of ${bytes(size)} in VRAM`;
  const facts = [memory, details?.parameter_size, details?.quantization_level, context && `${compact(context)} context`];
  return el(
    "li",
    {},
    el("bdi", { class: "name" }, modelName(name)),
    el("span", { class: "share" }, expiryText(expires)),
    svg(
      "svg",
      { class: "meter", role: "img", "aria-label": `${percent(share)} in VRAM` },
      svg("rect", { class: "generated", width: `${share * 100}%`, height: "100%" }),
    ),
    el("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
  );
}

function expiryText(expires) {
  const time = Date.parse(expires) / 1000;
  const left = time - Date.now() / 1000;
  if (Number.isNaN(time)) return "";
  if (left > FOREVER_SECONDS) return "stays";
  return left <= 0 ? "unloading" : `unloads ${relativeTime(time)}`;
}
