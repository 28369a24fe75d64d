// The texts of a message: each with a button that copies it, replies drawn as markdown with a switch to the text as it came.

import { el, fill } from "./dom.js";
import { count } from "./format.js";
import { visible } from "./visible.js";
import { markdown } from "./markdown.js";
import { markHits } from "./hits.js";
import { copyButton } from "./share.js";

const INITIAL_CHARACTERS = 20_000; // characters of a text before the rest is shown on request
const MAX_DRAWN = 100_000; // characters of a text that is drawn as markdown
const CHUNK = 8_000; // characters that a browser lays out together

/** A section with a text as it came. */
export function textBlock(name, text, note = "") {
  const copy = text && copyButton("Copy", () => text, spoken(name));
  return section(name, "", copy, text ? longText(text) : null, note && el("p", { class: text ? "muted" : "none" }, note));
}

/** A section with a text that is drawn as markdown, and a switch to the text as it came. */
export function drawnBlock(name, text, note = "") {
  if (!text || text.length > MAX_DRAWN) return textBlock(name, text, note);
  const host = el("div", { class: "drawn" });
  const raw = el("button", { type: "button", class: "small", "aria-pressed": "false" }, "Raw");
  const show = (isRaw) => {
    raw.setAttribute("aria-pressed", String(isRaw));
    fill(host, isRaw ? longText(text) : drawnText(text));
  };
  raw.addEventListener("click", () => show(raw.getAttribute("aria-pressed") === "false"));
  show(false);
  return section(name, "", [raw, copyButton("Copy", () => text, spoken(name))], host, note && el("p", { class: "muted" }, note));
}

/** A text that is drawn as markdown, if it is not too long for that. */
export function drawnText(text) {
  return text.length > MAX_DRAWN ? longText(text) : el("div", { class: "markdown", dir: "auto" }, markdown(text));
}

/** A text that is there on request. */
export function foldedBlock(name, text, kind = "") {
  const inside = () => [copyButton("Copy", () => text, spoken(name)), longText(text)].flat();
  return el("section", { class: `text ${kind}` }, lazyDetails(name, `${count(text.length)} characters`, inside));
}

/** Something that is folded, and drawn when it is first unfolded. */
export function lazyDetails(name, words, inside) {
  const host = el("div", { class: "inside" });
  const draw = () => {
    if (host.childNodes.length > 0) return;
    fill(host, inside());
    markHits();
  };
  return el("details", { toggle: draw }, el("summary", {}, el("span", {}, name), el("small", { class: "muted" }, words)), host);
}

/** Shows a text, of a very long one only the beginning at first: a browser lays out a megabyte slowly. */
export function longText(text) {
  const pre = el("pre", { dir: "auto", tabindex: "0" });
  fill(pre, ...chunks(text.slice(0, INITIAL_CHARACTERS)));
  if (text.length <= INITIAL_CHARACTERS) return pre;
  const whole = (event) => {
    fill(pre, ...chunks(text));
    event.currentTarget.remove();
    pre.focus();
  };
  return [pre, el("button", { type: "button", class: "plain", click: whole }, `Show all ${count(text.length)} characters`)];
}

/** Cuts a long text at its lines, or else between its words, so that only what is seen is laid out. */
function chunks(text) {
  if (text.length <= CHUNK) return visible(text);
  const cut = [];
  for (let start = 0; start < text.length; ) {
    const end = endOfChunk(text, start);
    cut.push(el("span", { class: "chunk" }, visible(text.slice(start, end))));
    start = end;
  }
  return cut;
}

function endOfChunk(text, start) {
  const end = start + CHUNK;
  if (end >= text.length) return text.length;
  const line = text.lastIndexOf("\n", end);
  const at = line > start ? line : text.lastIndexOf(" ", end);
  return at > start ? at + 1 : end;
}

/** The name of a text within a sentence. */
const spoken = (name) => (typeof name === "string" ? `the ${name.toLowerCase()}` : "the result");

function section(name, kind, buttons, ...inside) {
  return el("section", { class: `text ${kind}` }, el("h3", {}, el("span", {}, name), buttons && el("span", { class: "buttons" }, buttons)), ...inside);
}
