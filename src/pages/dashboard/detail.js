// One message in a dialog: its numbers, its timings, and its texts.

import { byId, el, fill, icon } from "./dom.js";
import { fetchJson } from "./api.js";
import { bytes, count, duration, fullTime, NONE, percent, speed, title } from "./format.js";
import { change, state } from "./state.js";
import { copyButton, saveButton } from "./share.js";
import { waterfall } from "./waterfall.js";
import { findingsOf } from "./why.js";

const INITIAL_CHARACTERS = 20_000; // characters of a text before the rest is shown on request

let shownId = "";
let pending = null;

/** Shows the message that the address names, or closes the dialog. `neighbours` returns the ids next to one. */
export async function showDetail(neighbours) {
  const dialog = byId("detail");
  if (state.id === shownId) return;
  pending?.abort();
  shownId = state.id;
  if (!shownId) return dialog.close();
  const id = shownId;
  pending = new AbortController();
  if (!dialog.open) dialog.showModal();
  fill(dialog, head(null, neighbours(id)), el("div", { class: "body" }, el("p", { class: "none" }, "Loading this message…")));
  try {
    const record = await fetchJson(`messages/${encodeURIComponent(id)}`, {}, pending.signal);
    fill(dialog, head(record, neighbours(id)), body(record));
  } catch (cause) {
    if (id !== shownId || cause.name === "AbortError") return;
    const text = cause.status === 404 ? "This message is no longer in the history." : cause.message;
    fill(dialog, head(null, neighbours(id)), el("div", { class: "body" }, el("p", { class: "fault" }, text)));
  }
  dialog.querySelector(".body")?.focus();
}

/** Lets keys, the backdrop and the Back button close it. */
export function prepareDetail(neighbours) {
  const dialog = byId("detail");
  dialog.addEventListener("close", () => change({ id: "" }));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    const { newer, older } = neighbours(shownId);
    const next = { k: newer, j: older }[event.key];
    if (next && !event.metaKey && !event.ctrlKey && !event.altKey) change({ id: next }, "replace");
  });
}

function head(record, { newer, older }) {
  const go = (id, name, label) =>
    el(
      "button",
      { type: "button", class: "icon", "aria-label": label, title: label, disabled: !id, click: () => change({ id }, "replace") },
      icon(name),
    );
  return el(
    "header",
    {},
    el(
      "div",
      {},
      el("h2", { id: "detail-title" }, el("bdi", {}, record ? (record.model ?? "No model") : "Message")),
      record &&
        el(
          "p",
          { class: "muted" },
          badge(record.status),
          el("time", { datetime: new Date(record.timestamp * 1000).toISOString() }, fullTime(record.timestamp)),
        ),
    ),
    el(
      "div",
      { class: "controls" },
      go(newer, "up", "Newer message (k)"),
      go(older, "down", "Older message (j)"),
      el(
        "button",
        { type: "button", class: "icon", "aria-label": "Close", title: "Close (Esc)", click: () => byId("detail").close() },
        icon("close"),
      ),
    ),
  );
}

export function badge(status) {
  return el("span", { class: `badge ${status}` }, title(status));
}

function body(record) {
  const { prompt_full: prompt, response_full: reply, thinking_full: thinking, tool_calls: calls } = record;
  return el(
    "div",
    { class: "body", tabindex: "-1" },
    record.error && textBlock("Error", record.error, "fault"),
    findingsOf(record),
    waterfall(record),
    textBlock("Prompt", prompt ?? record.prompt_preview, "", missingTextNote(record, "prompt")),
    thinking && textBlock("Thinking", thinking, "thinking"),
    calls?.length > 0 && el("section", {}, el("h3", {}, "Tool calls"), calls.map(toolCall)),
    (reply || record.response_preview || !calls?.length) &&
      textBlock("Reply", reply ?? record.response_preview, "", missingTextNote(record, "response")),
    facts(record),
    el(
      "footer",
      {},
      copyButton("Copy as JSON", () => JSON.stringify(record, null, 2)),
      saveButton("Save as JSON", `${record.interaction_id}.json`, "application/json", () => JSON.stringify(record, null, 2)),
      copyButton("Copy link", () => location.href),
    ),
  );
}

/** Explains why a text is short or missing. */
function missingTextNote(record, part) {
  if (record[`${part}_full`]) return record.truncated ? "It was cut: it was longer than the limit." : "";
  if (record[`${part}_preview`]) return "Only its beginning is stored (--store-text preview).";
  if (part === "prompt" && record.prompt_category === "empty") return "There was no prompt.";
  if (part === "response" && (record.status !== "success" || !record.generated_tokens)) return "There was no text in the reply.";
  return "The text is not stored (--store-text).";
}

function textBlock(name, text, kind = "", note = "") {
  return el(
    "section",
    { class: `text ${kind}` },
    el("h3", {}, name, text && copyButton("Copy", () => text)),
    text ? longText(text) : null,
    note && el("p", { class: text ? "muted" : "none" }, note),
  );
}

/** Shows a text, of a very long one only the beginning at first: a browser lays out a megabyte slowly. */
function longText(text) {
  const pre = el("pre", { dir: "auto", tabindex: "0" }, text.length > INITIAL_CHARACTERS ? text.slice(0, INITIAL_CHARACTERS) : text);
  if (text.length <= INITIAL_CHARACTERS) return pre;
  const whole = (event) => {
    pre.textContent = text;
    event.currentTarget.remove();
    pre.focus();
  };
  return [pre, el("button", { type: "button", class: "plain", click: whole }, `Show all ${count(text.length)} characters`)];
}

function toolCall({ name, arguments: given }) {
  return el(
    "div",
    { class: "call" },
    el(
      "h4",
      {},
      el("code", {}, name),
      copyButton("Copy", () => given),
    ),
    el("pre", { dir: "auto", tabindex: "0" }, pretty(given)),
  );
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // as it came
  }
}

/** Prompt tokens per second; those from the cache took no time. Null where one of them is unknown. */
function promptSpeed({ prompt_tokens: tokens, prompt_cached_tokens: cached, prompt_eval_duration_seconds: seconds }) {
  const isKnown = [tokens, cached, seconds].every((value) => typeof value === "number");
  return isKnown && tokens > cached && seconds > 0 ? (tokens - cached) / seconds : null;
}

/** The tokens of the model's context, and what the request asked for where that is something else. */
function contextText({ context_length: context, num_ctx: wanted }) {
  return count(context) + (wanted && wanted !== context ? ` (${count(wanted)} asked)` : "");
}

function facts(record) {
  const { metadata, tokens_estimated: estimated } = record;
  const rows = [
    ["Endpoint", record.endpoint],
    ["Category", title(record.prompt_category)],
    ["Machine", record.host ? `${record.host}:${record.tap}` : NONE],
    ["Tokens in", count(record.prompt_tokens)],
    ["Context", contextText(record)],
    ["From the cache", count(record.prompt_cached_tokens)],
    ["Prompt tokens/s", speed(promptSpeed(record))],
    ["Tokens out", (estimated && record.generated_tokens !== null ? "~" : "") + count(record.generated_tokens)],
    ["Tokens/s", speed(record.tokens_per_second)],
    ["Ollama's own time", duration(record.total_duration_seconds)],
    ["Load cause", record.reload_cause ? title(record.reload_cause) : NONE],
    ["In VRAM", percent(record.vram_share)],
    ["HTTP status", record.http_status ?? NONE],
    ["Ended by", record.done_reason ?? NONE],
    ["Streamed", { true: "yes", false: "no" }[record.stream] ?? NONE],
    ["Request", bytes(record.request_bytes)],
    ["Reply", bytes(record.response_bytes)],
    ["Client", metadata?.client_ip ?? NONE],
    ["User agent", metadata?.user_agent ?? NONE],
    ["Id", record.interaction_id],
  ];
  return el(
    "section",
    {},
    el("h3", {}, "Facts"),
    el(
      "dl",
      { class: "facts" },
      rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("bdi", {}, String(value))))),
    ),
  );
}
