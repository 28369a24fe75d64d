// Markdown as elements. Nothing is parsed as markup, no link is followed, no picture is fetched: a model's text stays a text.

import { el } from "./dom.js";
import { visible } from "./visible.js";
import { copyButton } from "./share.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}>\s?(.*)$/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const MAX_DEPTH = 8; // of lists and quotes in one another
const MAX_LINE = 2000; // characters; a longer line is a text: some patterns take time that grows with its square
const MAX_BLOCKS = 1000; // the rest of a text stays as it came
const INLINE =
  /(`+)(?!`)([^\n]+?)\1(?!`)|\*\*(?=\S)([^\n]+?)\*\*|__(?=\S)([^\n]+?)__|~~(?=\S)([^\n]+?)~~|\*(?=[^\s*])([^*\n]+?)\*|(?<!\w)_(?=[^\s_])([^_\n]+?)_(?!\w)|!?\[([^\]\n]*)\]\(([^)\n]+)\)/g;

const is = (pattern, line) => line.length <= MAX_LINE && pattern.test(line);

/** Returns the blocks of a text. */
export function markdown(text, depth = 0) {
  const lines = text.split(/\r?\n/);
  const blocks = [];
  let at = 0;
  while (at < lines.length && blocks.length < MAX_BLOCKS) {
    const [block, next] = blockAt(lines, at, depth);
    if (block) blocks.push(block);
    at = next;
  }
  return at < lines.length ? [...blocks, el("p", {}, visible(lines.slice(at).join("\n")))] : blocks;
}

/** Returns the block that begins at a line, and the line after it. */
function blockAt(lines, at, depth) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (is(FENCE, line)) return fenced(lines, at);
  const heading = is(HEADING, line) && HEADING.exec(line);
  if (heading) return [el("p", { class: `heading level-${heading[1].length}`, role: "heading", "aria-level": Math.min(6, heading[1].length + 3) }, inline(heading[2])), at + 1];
  if (is(RULE, line)) return [el("hr"), at + 1];
  if (line.includes("|") && is(DIVIDER, lines[at + 1] ?? "")) return tabular(lines, at);
  if (depth < MAX_DEPTH && is(QUOTE, line)) return quoted(lines, at, depth);
  if (depth < MAX_DEPTH && is(ITEM, line)) return listed(lines, at, depth);
  return paragraph(lines, at);
}

/** A block of code; without its end, as in a reply that was cut, it goes to the end of the text. */
function fenced(lines, at) {
  const [, fence, language] = FENCE.exec(lines[at]);
  const isEnd = (line) => line.trim().startsWith(fence) && !line.trim().slice(fence.length).replaceAll(fence[0], "");
  const found = lines.findIndex((line, n) => n > at && isEnd(line));
  const end = found < 0 ? lines.length : found;
  const code = lines.slice(at + 1, end).join("\n");
  const head = el("div", { class: "code-head" }, el("span", {}, language.trim() || "code"), copyButton("Copy code", () => code));
  return [el("div", { class: "code" }, head, el("pre", { tabindex: "0", dir: "ltr" }, visible(code))), end + 1];
}

function quoted(lines, at, depth) {
  let end = at;
  while (end < lines.length && is(QUOTE, lines[end])) end += 1;
  const inside = lines.slice(at, end).map((line) => QUOTE.exec(line)[1]);
  return [el("blockquote", {}, markdown(inside.join("\n"), depth + 1)), end];
}

/** A list, whose items may hold lists of their own: what is further in than its mark. */
function listed(lines, at, depth) {
  const [, indent, mark] = ITEM.exec(lines[at]);
  const isOrdered = /\d/.test(mark);
  const items = [];
  let end = at;
  for (; end < lines.length; end += 1) {
    const item = is(ITEM, lines[end]) && ITEM.exec(lines[end]);
    const isNext = item && item[1].length <= indent.length && /\d/.test(item[2]) === isOrdered;
    if (isNext) items.push([item[3]]);
    else if (endsList(lines, end, indent.length)) break;
    else items.at(-1).push(lines[end].slice(Math.min(indent.length + 2, lines[end].search(/\S|$/))));
  }
  const start = isOrdered ? Number.parseInt(mark, 10) : 1;
  const attributes = { start: start === 1 ? null : start };
  return [el(isOrdered ? "ol" : "ul", attributes, items.map((item) => el("li", {}, itemContent(item, depth)))), end];
}

function itemContent([first, ...rest], depth) {
  const lines = [first.replace(/^\[( |x)\](?= )/i, (_, mark) => (mark === " " ? "☐" : "☑")), ...rest];
  return lines.length === 1 ? inline(lines[0]) : markdown(lines.join("\n"), depth + 1);
}

/** Whether a line that is no item of a list ends it: one that is not further in, after a blank line or as a block of its own. */
function endsList(lines, at, indent) {
  const line = lines[at];
  if (!line.trim()) return !/^\s{2,}\S/.test(lines[at + 1] ?? "") && !is(ITEM, lines[at + 1] ?? "");
  const isFurtherIn = line.search(/\S/) > indent;
  return !isFurtherIn && (!lines[at - 1].trim() || [ITEM, HEADING, FENCE].some((pattern) => is(pattern, line)));
}

function tabular(lines, at) {
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim()) end += 1;
  const isRight = cells(lines[at + 1]).map((cell) => /^-+:$/.test(cell));
  const row = (line, tag) => el("tr", {}, cells(line).map((cell, n) => el(tag, { class: isRight[n] ? "number" : null }, inline(cell))));
  const body = lines.slice(at + 2, end).map((line) => row(line, "td"));
  const grid = el("table", {}, el("thead", {}, row(lines[at], "th")), el("tbody", {}, body));
  return [el("div", { class: "grid", tabindex: "0", role: "region", "aria-label": "Table" }, grid), end];
}

const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());

function paragraph(lines, at) {
  let end = at + 1;
  const isOther = (line) => !line.trim() || [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => is(pattern, line));
  while (end < lines.length && !isOther(lines[end])) end += 1;
  return [el("p", {}, inline(lines.slice(at, end).join("\n"))), end];
}

/** Returns the pieces of some lines: code, emphasis, and links as their text with the address behind it. */
function inline(text, depth = 0) {
  return text.split("\n").flatMap((line, n) => [...(n > 0 ? ["\n"] : []), ...inlineOfLine(line, depth)]);
}

function inlineOfLine(text, depth) {
  if (depth > 3 || text.length > MAX_LINE) return visible(text);
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(...visible(text.slice(end, match.index)), inlineOf(match, depth + 1));
    end = match.index + match[0].length;
  }
  return [...nodes, ...visible(text.slice(end))];
}

function inlineOf([, , code, strong, strong2, struck, emphasis, emphasis2, label, address], depth) {
  if (code !== undefined) return el("code", {}, visible(code));
  if (struck !== undefined) return el("s", {}, inline(struck, depth));
  const leaning = emphasis ?? emphasis2;
  if (leaning !== undefined) return el("em", {}, inline(leaning, depth));
  const bold = strong ?? strong2;
  if (bold !== undefined) return el("strong", {}, inline(bold, depth));
  return el("span", { class: "link" }, visible(label), " ", el("span", { class: "address" }, "(", visible(address), ")"));
}
