// The texts of one message in the order in which they were said: what was there before, what is new, and the reply.

import { el } from "./dom.js";
import { plural } from "./format.js";
import { drawnBlock, foldedBlock, lazyDetails, textBlock } from "./texts.js";
import { toolCall, turn } from "./turns.js";

/** The texts of a record; what was said before is folded. */
export function textsOf(record) {
  const { response_full: reply, thinking_full: thinking, tool_calls: calls, system } = record;
  const { earlier, asked } = splitMessages(record);
  return [
    system && foldedBlock("System prompt", system, "system"),
    earlier.length > 0 && earlierTurns(earlier),
    ...(asked.length > 0 ? asked.map(turn) : [promptBlock(record)]),
    thinking && foldedBlock("Thinking", thinking, "thinking"),
    calls?.length > 0 && el("section", {}, calls.map(toolCall)),
    (reply || record.response_preview || !calls?.length) && drawnBlock("Reply", reply ?? record.response_preview, missingTextNote(record, "response")),
  ];
}

/** Splits what was said at the last reply: what follows it is what this request asked. */
function splitMessages({ messages, prompt_full: prompt }) {
  const said = messages ?? [];
  const at = said.findLastIndex(({ role }) => role === "assistant" || role === "gone") + 1;
  const asked = said.slice(at);
  const isPromptAlone = asked.length === 1 && asked[0].role === "user" && !asked[0].images && (asked[0].text ?? null) === prompt;
  return { earlier: said.slice(0, at), asked: isPromptAlone ? [] : asked };
}

function promptBlock(record) {
  return textBlock("Prompt", record.prompt_full ?? record.prompt_preview, missingTextNote(record, "prompt"));
}

function earlierTurns(said) {
  const number = said.reduce((sum, { role, count: gone }) => sum + (role === "gone" ? gone : 1), 0);
  return el("section", { class: "text" }, lazyDetails("Earlier in this conversation", plural(number, "turn"), () => el("div", { class: "turns" }, said.map(turn))));
}

/** Explains why a text is short or missing. */
function missingTextNote(record, part) {
  if (record[`${part}_full`]) return record.truncated ? "It was cut: it was longer than the limit." : "";
  if (record[`${part}_preview`]) return "Only its beginning is stored (--store-text preview).";
  if (part === "prompt" && record.prompt_category === "empty") return "There was no prompt.";
  if (part === "response" && (record.status !== "success" || !record.generated_tokens || record.thinking_full)) return "There was no text in the reply.";
  return "The text is not stored (--store-text).";
}
