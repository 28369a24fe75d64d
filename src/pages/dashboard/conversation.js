// A message as the conversation that it is: what was said before it, and the requests that belong together as one thread.

import { byId, el, fill } from "./dom.js";
import { fetchJson } from "./api.js";
import { count, duration, shortTime, title } from "./format.js";
import { addressWith, change } from "./state.js";
import { visible } from "./visible.js";
import { copyButton } from "./share.js";
import { drawnBlock, foldedBlock, longText, textBlock } from "./texts.js";

const MAX_REQUESTS = 100; // of one conversation that are shown

/** The texts of a record in the order in which they were said. */
export function textsOf(record) {
  const { prompt_full: prompt, response_full: reply, thinking_full: thinking, tool_calls: calls } = record;
  return [
    record.system && foldedBlock("System prompt", record.system, "system"),
    earlier(record),
    textBlock("Prompt", prompt ?? record.prompt_preview, "", missingTextNote(record, "prompt")),
    thinking && foldedBlock("Thinking", thinking, "thinking"),
    calls?.length > 0 && el("section", {}, el("h3", {}, "Tool calls"), calls.map(toolCall)),
    (reply || record.response_preview || !calls?.length) &&
      drawnBlock("Reply", reply ?? record.response_preview, missingTextNote(record, "response")),
  ];
}

/** What was said before the prompt, folded. */
function earlier({ messages, prompt_full: prompt }) {
  const said = (messages ?? []).filter(({ role }) => role !== "system");
  if (said.at(-1)?.role === "user" && textOf(said.at(-1)) === prompt) said.pop();
  if (said.length === 0) return null;
  const summary = el("summary", {}, el("span", {}, "Earlier in this conversation"), el("small", { class: "muted" }, `${count(said.length)} messages`));
  return el("section", { class: "text" }, el("details", {}, summary, el("ol", { class: "turns" }, said.map(turn))));
}

const textOf = ({ text, content }) => text ?? (typeof content === "string" ? content : "");

function turn(message) {
  const text = textOf(message);
  return el(
    "li",
    { class: `turn ${message.role}` },
    el("h4", {}, title(message.role), text && copyButton("Copy", () => text)),
    text && longText(text),
    (message.tool_calls ?? []).map(toolCall),
  );
}

/** Explains why a text is short or missing. */
function missingTextNote(record, part) {
  if (record[`${part}_full`]) return record.truncated ? "It was cut: it was longer than the limit." : "";
  if (record[`${part}_preview`]) return "Only its beginning is stored (--store-text preview).";
  if (part === "prompt" && record.prompt_category === "empty") return "There was no prompt.";
  if (part === "response" && (record.status !== "success" || !record.generated_tokens || record.thinking_full)) return "There was no text in the reply.";
  return "The text is not stored (--store-text).";
}

function toolCall(call) {
  const { name, arguments: given } = call.function ?? call;
  const text = typeof given === "string" ? given : JSON.stringify(given);
  return el(
    "div",
    { class: "call" },
    el("h4", {}, el("code", {}, visible(name ?? "")), copyButton("Copy", () => text)),
    el("pre", { dir: "auto", tabindex: "0" }, visible(pretty(text))),
  );
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // as it came
  }
}

/** A section that shows all requests of a record's conversation on request, oldest first; null where it has none. */
export function threadOf(record) {
  if (!record.session_id) return null;
  const host = el("div", { class: "thread" });
  const show = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      drawThread(host, record, await fetchJson("search", { session: record.session_id, limit: MAX_REQUESTS }));
      button.remove();
    } catch (cause) {
      fill(host, el("p", { class: "fault", role: "alert" }, cause.message));
      button.disabled = false;
    }
  };
  const guess = record.session_guessed && el("span", { class: "badge finding likely", title: "Found by what was said before" }, "Guessed");
  const button = el("button", { type: "button", class: "small", click: show }, "Show as one thread");
  return el("section", { class: "conversation" }, el("h3", {}, el("span", {}, "Conversation ", guess), button), host);
}

/** Draws the requests, each with what it added: its prompt and its reply. */
function drawThread(host, shown, newestFirst) {
  const requests = [...newestFirst].reverse();
  const words = `${count(requests.length)}${newestFirst.length === MAX_REQUESTS ? " newest" : ""} requests`;
  fill(
    host,
    el("p", { class: "muted" }, words),
    el("ol", { class: "turns" }, requests.map((record) => exchange(record, record.interaction_id === shown.interaction_id))),
  );
  host.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

function exchange(record, isShown) {
  const id = record.interaction_id;
  const go = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    change({ id });
    byId("detail").querySelector(".body").scrollTop = 0;
  };
  const prompt = record.prompt_full ?? record.prompt_preview;
  const reply = record.response_full ?? record.response_preview ?? record.error;
  return el(
    "li",
    { class: "exchange", "aria-current": isShown ? "true" : null },
    el("p", { class: "muted" }, el("a", { href: addressWith({ id }), click: go }, shortTime(record.timestamp)), ` · ${duration(record.duration_seconds)}`),
    prompt && el("div", { class: "said user" }, el("pre", { dir: "auto" }, visible(prompt.slice(0, 4000)))),
    reply && el("div", { class: record.error ? "said fault" : "said" }, el("pre", { dir: "auto" }, visible(reply.slice(0, 4000)))),
    !reply && record.tool_calls?.length > 0 && el("p", { class: "muted" }, `Called ${record.tool_calls.map(({ name }) => name).join(", ")}`),
  );
}
