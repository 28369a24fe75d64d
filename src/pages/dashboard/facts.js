// The numbers of one message, and how much of the model's context it filled.

import { el, svg } from "./dom.js";
import { bytes, count, duration, NONE, percent, speed, title } from "./format.js";
import { visible } from "./visible.js";

/** A bar of the context that prompt and reply took; null where one of them is unknown. */
export function contextBar({ prompt_tokens: prompt, generated_tokens: generated, context_length: context, tokens_estimated: estimated, context_cut: cut }) {
  if (!context || prompt === null) return null;
  const used = prompt + (generated ?? 0);
  const share = Math.min(1, used / context);
  const words = `${estimated ? "~" : ""}${count(used)} of ${count(context)} tokens of context`;
  return el(
    "section",
    { class: "context" },
    el("p", {}, el("span", {}, words), cut && el("span", { class: "badge cancelled" }, "The beginning was cut"), el("span", { class: "muted" }, percent(used / context))),
    svg(
      "svg",
      { class: "meter", role: "img", "aria-label": words },
      svg("rect", { class: "prompt", width: `${Math.min(1, prompt / context) * 100}%`, height: "100%" }),
      svg("rect", { class: "generated", x: `${Math.min(1, prompt / context) * 100}%`, width: `${Math.max(0, share - prompt / context) * 100}%`, height: "100%" }),
    ),
  );
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

function conversationText({ session_id: session, session_guessed: guessed }) {
  return session ? session + (guessed ? " (guessed)" : "") : NONE;
}

function parametersText(parameters) {
  const text = (value) => (Array.isArray(value) ? value.join(" ") : typeof value === "object" ? parametersText(value) : value);
  const named = Object.entries(parameters ?? {}).map(([name, value]) => `${name} ${text(value)}`);
  return named.join(", ") || NONE;
}

/** The numbers of one message. */
export function facts(record) {
  const { metadata, tokens_estimated: estimated } = record;
  const rows = [
    ["Endpoint", record.endpoint],
    ["Parameters", parametersText(record.parameters)],
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
    ["Client", record.client ?? NONE],
    ["Address", metadata?.client_ip ?? NONE],
    ["User agent", metadata?.user_agent ?? NONE],
    ["Conversation", conversationText(record)],
    ["Id", record.interaction_id],
  ];
  return el(
    "section",
    {},
    el("h3", {}, "Facts"),
    el(
      "dl",
      { class: "facts" },
      rows.filter(([, value]) => value !== NONE).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("bdi", {}, visible(String(value)))))),
    ),
  );
}
