// Texts as they are: characters that would turn, hide or break the words around them are shown by their code.

import { el } from "./dom.js";

// Control characters but tab and line break, soft hyphen, zero widths, marks of direction, byte order mark.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
const EACH_CONTROL = new RegExp(CONTROL, "g");

/** Returns a text as nodes, each control character in an element of its own. The text of the nodes is the same, so that a copy is, too. */
export function visible(text) {
  if (!CONTROL.test(text)) return [text];
  const nodes = [];
  let end = 0;
  for (const { 0: character, index } of text.matchAll(EACH_CONTROL)) {
    if (index > end) nodes.push(text.slice(end, index));
    nodes.push(el("span", { class: "control", "data-code": codeOf(character) }, character));
    end = index + 1;
  }
  if (end < text.length) nodes.push(text.slice(end));
  return nodes;
}

const codeOf = (character) => `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
