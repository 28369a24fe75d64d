// One whole message in a dialog: its numbers, its timings, and its texts.

import { byId, el, fill, icon } from "./dom.js";
import { ask } from "./api.js";
import { bytes, count, duration, NONE, speed, title, wholeMoment } from "./format.js";
import { change, state } from "./state.js";
import { copyButton, saveButton } from "./share.js";
import { waterfall } from "./waterfall.js";

const SHOWN = 20_000; // characters of a text before the rest is asked for

let shownId = "";
let asking = null;

/** Shows the message that the address names, or none. `neighbours` tells the ids next to one. */
export async function showDetail(neighbours) {
  const dialog = byId("detail");
  if (state.id === shownId) return;
  asking?.abort();
  shownId = state.id;
  if (!shownId) return dialog.close();
  const id = shownId;
  asking = new AbortController();
  if (!dialog.open) dialog.showModal();
  fill(dialog, head(null, neighbours(id)), el("div", { class: "body" }, el("p", { class: "none" }, "Loading this message…")));
  try {
    const record = await ask(`messages/${encodeURIComponent(id)}`, {}, asking.signal);
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
          el("time", { datetime: new Date(record.timestamp * 1000).toISOString() }, wholeMoment(record.timestamp)),
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
    waterfall(record),
    textBlock("Prompt", prompt ?? record.prompt_preview, "", keptOf(record, "prompt")),
    thinking && textBlock("Thinking", thinking, "thinking"),
    calls?.length > 0 && el("section", {}, el("h3", {}, "Tool calls"), calls.map(toolCall)),
    (reply || record.response_preview || !calls?.length) &&
      textBlock("Reply", reply ?? record.response_preview, "", keptOf(record, "response")),
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

/** Why a text is short or missing, for people. */
function keptOf(record, part) {
  if (record[`${part}_full`]) return record.truncated ? "It was longer than what is kept." : "";
  if (record[`${part}_preview`]) return "Only its beginning is kept here (--store-text preview).";
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

/** A text, of which a very long one shows its beginning first: a browser lays out a megabyte slowly. */
function longText(text) {
  const pre = el("pre", { dir: "auto", tabindex: "0" }, text.length > SHOWN ? text.slice(0, SHOWN) : text);
  if (text.length <= SHOWN) return pre;
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

/** Tokens that were read by the time that took; what came from the cache took none. Null where not all of it was told. */
function promptSpeed({ prompt_tokens: tokens, prompt_cached_tokens: cached, prompt_eval_duration_seconds: seconds }) {
  const isTold = [tokens, cached, seconds].every((value) => typeof value === "number");
  return isTold && tokens > cached && seconds > 0 ? (tokens - cached) / seconds : null;
}

function facts(record) {
  const { metadata, tokens_estimated: estimated } = record;
  const rows = [
    ["Endpoint", record.endpoint],
    ["Category", title(record.prompt_category)],
    ["Machine", record.host ? `${record.host}:${record.tap}` : NONE],
    ["Tokens in", count(record.prompt_tokens)],
    ["From the cache", count(record.prompt_cached_tokens)],
    ["Prompt tokens/s", speed(promptSpeed(record))],
    ["Tokens out", (estimated && record.generated_tokens !== null ? "~" : "") + count(record.generated_tokens)],
    ["Tokens/s", speed(record.tokens_per_second)],
    ["Ollama's own time", duration(record.total_duration_seconds)],
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
