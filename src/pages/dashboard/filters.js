// The filters of the messages: a form that is kept in step with the address.

import { byId, debounce, el, fill } from "./dom.js";
import { change, FILTERS, hasFilters, state } from "./state.js";
import { findingName, title } from "./format.js";

const OPTION_NAMES = { category: title, finding: findingName };
const TYPING_DELAY = 250; // milliseconds without a key before the text is searched

/** Lets the form change the address, and `/` focus it. */
export function prepareFilters() {
  const form = byId("filters");
  const apply = (how) => change(Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value])), how);
  const applySoon = debounce(() => apply("replace"), TYPING_DELAY);
  form.addEventListener("input", (event) => (event.target.name === "text" ? applySoon() : null));
  form.addEventListener("change", () => apply("push"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply("push");
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
    if (field.tagName === "SELECT") addOptions(field, [state[name]], OPTION_NAMES[name]);
    if (field.value !== state[name] && field !== document.activeElement) field.value = state[name];
    if (document.activeElement === field && field.type !== "search") field.value = state[name];
  }
  if (state.from || state.to) byId("moments").open = true;
  byId("clear").hidden = !hasFilters();
}

export function addModelOptions(names) {
  addOptions(byId("filters").elements.model, names);
}

/** Offers the machines that share the history; a single one is hidden. */
export function addMachineOptions(names) {
  const field = byId("filters").elements.machine;
  addOptions(field, names);
  field.hidden = names.length < 2 && !state.machine;
}

export function addCategoryOptions(names) {
  addOptions(byId("filters").elements.category, names, title);
}

/** Adds options that are missing. */
function addOptions(select, values, name = (text) => text) {
  const present = new Set([...select.options].map((option) => option.value));
  for (const value of values.filter((value) => value && !present.has(value))) select.append(el("option", { value }, name(value)));
}

/** Explains an empty list, with a way on. */
export function showEmptyState(host, heading, text, label = "", action = null) {
  fill(host, el("h3", {}, heading), el("p", {}, text), label && el("button", { type: "button", click: action }, label));
  host.hidden = false;
}
