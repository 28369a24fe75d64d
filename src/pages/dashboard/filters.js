// The filters of the messages: a form that says what the address says, and the other way round.

import { byId, el, fill, settled } from "./dom.js";
import { change, FILTERS, hasFilters, state } from "./state.js";
import { title } from "./format.js";

const TYPING = 250; // milliseconds without a key before a text is looked for

/** Lets the form change the address, and `/` lead to it. */
export function prepareFilters() {
  const form = byId("filters");
  const take = (how) => change(Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value])), how);
  const typed = settled(() => take("replace"), TYPING);
  form.addEventListener("input", (event) => (event.target.name === "text" ? typed() : null));
  form.addEventListener("change", () => take("push"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take("push");
  });
  byId("clear").addEventListener("click", () => change(Object.fromEntries(FILTERS.map((name) => [name, ""]))));
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, dialog");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    form.elements.text.focus();
  });
  showFilters();
}

/** Puts the address's filters into the form. */
export function showFilters() {
  const form = byId("filters");
  for (const name of FILTERS) {
    const field = form.elements[name];
    if (field.tagName === "SELECT") offer(field, [state[name]]);
    if (field.value !== state[name] && field !== document.activeElement) field.value = state[name];
    if (document.activeElement === field && field.type !== "search") field.value = state[name];
  }
  if (state.from || state.to) byId("moments").open = true;
  byId("clear").hidden = !hasFilters();
}

export function offerModels(names) {
  offer(byId("filters").elements.model, names);
}

/** Where several share a history; one alone is nothing to choose from. */
export function offerMachines(names) {
  const field = byId("filters").elements.machine;
  offer(field, names);
  field.hidden = names.length < 2 && !state.machine;
}

export function offerCategories(names) {
  offer(byId("filters").elements.category, names, title);
}

/** Adds choices that are not there yet. */
function offer(select, values, name = (text) => text) {
  const there = new Set([...select.options].map((option) => option.value));
  for (const value of values.filter((value) => value && !there.has(value))) select.append(el("option", { value }, name(value)));
}

/** What is said where no message is: why, and the way on. */
export function blank(host, heading, text, label = "", action = null) {
  fill(host, el("h3", {}, heading), el("p", {}, text), label && el("button", { type: "button", click: action }, label));
  host.hidden = false;
}
