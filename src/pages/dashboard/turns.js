// The turns of a conversation: what each role said, and the tools that it called.

import { el } from "./dom.js";
import { count, plural, title } from "./format.js";
import { visible } from "./visible.js";
import { copyButton } from "./share.js";
import { drawnBlock, foldedBlock, longText, textBlock } from "./texts.js";

const REASONS = {
  missing: "no longer in the history",
  bound: "beyond what one message keeps",
};

/** What one role said, as a section of its own. */
export function turn(message) {
  const { role, text, thinking, tool_calls: calls } = message;
  if (role === "gone") return goneTurn(message);
  const note = [picturesOf(message), message.truncated && "It was cut: it was longer than the limit."].filter(Boolean).join(" ");
  const block = role === "assistant" ? drawnBlock : textBlock;
  return el(
    "div",
    { class: `turn ${role}` },
    thinking && foldedBlock("Thinking", thinking, "thinking"),
    (text || note || !calls?.length) && block(nameOfRole(message), text ?? "", note),
    calls?.map(toolCall),
  );
}

function nameOfRole({ role, tool_name: tool }) {
  const names = { user: "Prompt", assistant: "Reply", tool: tool ? ["Result of ", el("code", {}, visible(tool))] : "Result of a tool" };
  return names[role] ?? title(role);
}

function picturesOf({ images }) {
  return images > 0 && `With ${plural(images, "picture")}, which the history does not keep.`;
}

function goneTurn({ count: number, gone }) {
  const words = `${count(number)} earlier ${number === 1 ? "turn is" : "turns are"} ${REASONS[gone] ?? "missing"}`;
  return el("p", { class: "turn none" }, words);
}

/** A call of a tool, with its arguments as they are read best. */
export function toolCall(call) {
  const { name, arguments: given } = call.function ?? call;
  const text = typeof given === "string" ? given : JSON.stringify(given ?? {});
  return el(
    "div",
    { class: "text call" },
    el("h4", {}, el("span", {}, "Calls ", el("code", {}, visible(name ?? ""))), copyButton("Copy", () => text, `the arguments of ${name}`)),
    longText(pretty(text)),
  );
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // as it came
  }
}
