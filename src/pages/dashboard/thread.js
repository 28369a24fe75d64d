// All requests of one conversation as one thread, each with what it added.

import { byId, el, fill } from "./dom.js";
import { deleteJson, fetchJson, fetchStream } from "./api.js";
import { askingButton } from "./asking.js";
import { compact, count, duration, plural, shortTime } from "./format.js";
import { addressLink } from "./links.js";
import { change } from "./state.js";
import { visible } from "./visible.js";
import { drawnText, foldedBlock, longText } from "./texts.js";
import { toolCall, turn } from "./turns.js";

const MAX_REQUESTS = 100; // the newest ones of a conversation are shown
const MAX_TEXT = 8_000_000; // characters of them that are read
const MAX_DRAWN_REPLY = 20_000; // characters of a reply that is drawn as markdown

/** A section that shows the conversation of a record on request; null where it has none. */
export function conversationOf(record) {
  const { session_id: session, session_guessed: guessed } = record;
  if (!session) return null;
  const host = el("div", { class: "thread" });
  const show = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      drawThread(host, record, await requestsOf(session));
      button.remove();
    } catch (cause) {
      fill(host, el("p", { class: "fault", role: "alert" }, cause.message));
      button.disabled = false;
    }
  };
  const guess = guessed && el("span", { class: "badge finding likely", title: "The client names no conversation: what was said before tells it" }, "Guessed");
  return el(
    "section",
    { class: "conversation" },
    el(
      "h3",
      {},
      el("span", {}, "Conversation ", guess),
      el("span", { class: "buttons" }, listButton(session), el("button", { type: "button", class: "small", click: show }, "Show as one thread")),
    ),
    host,
  );
}

function listButton(session) {
  return el("button", { type: "button", class: "small", click: () => change({ session, range: "all", from: "", to: "" }) }, "List its messages");
}

/** A button that deletes the conversation of a record; null where it has none. `drop` takes messages out of the list. */
export function deleteConversationButton({ session_id: session }, drop) {
  if (!session) return null;
  const remove = async () => {
    const { deleted } = await deleteJson("messages", { session });
    drop((record) => record.session_id === session);
    return `${plural(deleted, "message")} deleted`;
  };
  return askingButton("Delete conversation", "", { class: "small" }, remove);
}

/** Returns the newest requests of a conversation, oldest first, each with the messages that it added: so an export has them. `found` may be more. */
async function requestsOf(session) {
  const newest = await fetchJson("messages", { session, limit: MAX_REQUESTS });
  if (newest.length === 0) return { requests: [], found: 0 };
  const start = newest.at(-1).timestamp - 0.001; // seconds; times are rounded on their way
  const answer = await fetchStream("export", { format: "jsonl", session, start_time: start });
  const lines = await linesOf(answer);
  return { requests: lines.filter(Boolean).map((line) => JSON.parse(line)), found: newest.length };
}

/** Returns the whole lines of an answer, up to a bound. */
async function linesOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    text += piece.value;
    if (text.length < MAX_TEXT) continue;
    reader.cancel();
    return text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  }
  return text.split("\n");
}

function drawThread(host, shown, { requests, found }) {
  const items = requests.map((record, n) => exchange(record, requests[n - 1], record.interaction_id === shown.interaction_id));
  fill(host, el("p", { class: "muted" }, numberText(requests.length, found)), el("ol", { class: "turns" }, items));
  host.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

function numberText(drawn, found) {
  if (drawn < found) return `the first ${count(drawn)} of ${count(found)} requests: the whole is too long`;
  return found === 1 ? "one request" : `${found === MAX_REQUESTS ? "the newest " : ""}${count(found)} requests, the oldest first`;
}

function exchange(record, previous, isShown) {
  const { interaction_id: id, timestamp, model, duration_seconds: seconds, generated_tokens: tokens, tool_calls: calls, thinking_full: thinking, error } = record;
  const toTop = () => (byId("detail").querySelector(".body").scrollTop = 0);
  const facts = [model, duration(seconds), tokens !== null && `${compact(tokens)} tokens`].filter(Boolean).join(" · ");
  const reply = record.response_full ?? record.response_preview;
  return el(
    "li",
    { class: "exchange", "aria-current": isShown ? "true" : null },
    el("p", { class: "muted" }, addressLink({ id }, {}, shortTime(timestamp), toTop), " · ", el("bdi", {}, visible(facts))),
    newTurns(record, previous),
    thinking && foldedBlock("Thinking", thinking, "thinking"),
    reply && el("div", { class: "said" }, reply.length > MAX_DRAWN_REPLY ? longText(reply) : drawnText(reply)),
    calls?.map(toolCall),
    error && el("div", { class: "said fault" }, longText(error)),
  );
}

/** What a request said that none before it did. */
function newTurns({ messages, prompt_full, prompt_preview }, previous) {
  const fresh = (messages ?? []).filter((message) => !isReplyOf(message, previous));
  if (fresh.length > 0) return fresh.map((message) => (message.role === "user" ? bubble(message.text) : turn(message)));
  const prompt = prompt_full ?? prompt_preview;
  return prompt !== (previous?.prompt_full ?? previous?.prompt_preview) && bubble(prompt);
}

/** Whether a message is the reply of the request before, which shows it already. */
function isReplyOf({ role, text, tool_calls: calls }, previous) {
  const names = (all) => (all ?? []).map(({ name }) => name).join();
  return role === "assistant" && previous && (text || "") === (previous.response_full || "") && names(calls) === names(previous.tool_calls);
}

const bubble = (text) => text && el("div", { class: "said user" }, longText(text));
