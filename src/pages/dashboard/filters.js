// The filters of the page: a form that is kept in step with the address, and a chip for each that is set.

import { byId, debounce, el, fill, icon, keepingFocus } from "./dom.js";
import { change, FILTERS, hasFilters, state, unfiltered } from "./state.js";
import { count, duration, findingName, moments, plural, title } from "./format.js";
import { periodOf, PRESETS } from "./period.js";
import { visible } from "./visible.js";

const OPTION_NAMES = {
  category: title,
  finding: findingName,
  client: clientName,
  min_duration: (seconds) => `≥ ${duration(Number(seconds))}`,
  min_tokens: (tokens) => `≥ ${count(Number(tokens))} tokens`,
};
/** What a chip says of a filter. */
export const CHIP_NAMES = {
  ...OPTION_NAMES,
  status: title,
  endpoint: (path) => `/${path}`,
  q: (text) => `“${text}”`,
  session: () => "One conversation",
};
const TYPING_DELAY = 250; // milliseconds without a key before the text is searched

/** Whether a text is searched by Enter alone, because each search reads the whole history. */
let isByEnter = false;

/** Lets the form change the address. */
export function prepareFilters() {
  const form = byId("filters");
  const fields = () => FILTERS.filter((name) => form.elements[name]);
  const apply = (how) => change(Object.fromEntries(fields().map((name) => [name, form.elements[name].value])), how);
  const applySoon = debounce(() => apply("replace"), TYPING_DELAY);
  form.addEventListener("input", (event) => event.target.name === "q" && !isByEnter && applySoon());
  form.addEventListener("change", (event) => event.target.name !== "range" && apply("push"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply("push");
  });
  byId("clear").addEventListener("click", () => {
    change(unfiltered());
    focusRange();
  });
  const toggle = byId("filters-toggle");
  toggle.setAttribute("title", "Time and filters");
  toggle.addEventListener("click", () => toggle.setAttribute("aria-expanded", String(toggle.getAttribute("aria-expanded") !== "true")));
  showFilters();
}

/** Searches a text while it is typed only where the backend of the history has an index of texts. */
export function prepareSearch(backend) {
  isByEnter = backend !== "sqlite";
  byId("filters").elements.q.placeholder = `Find in prompts, replies and errors${isByEnter ? " (Enter)" : ""}`;
}

/** Goes to the text that is searched. */
export function focusSearch() {
  byId("filters-toggle").setAttribute("aria-expanded", "true");
  byId("filters").elements.q.focus();
}

/** Puts the address's filters into the form. */
export function showFilters() {
  const form = byId("filters");
  for (const name of FILTERS) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.tagName === "SELECT") addOptions(field, [state[name]], OPTION_NAMES[name]);
    const isBeingTyped = field === document.activeElement && field.type === "search";
    if (field.value !== state[name] && !isBeingTyped) field.value = state[name];
    field.classList.toggle("chosen", state[name] !== "");
  }
  byId("clear").hidden = !hasFilters();
  showChips();
}

function showChips() {
  const chosen = FILTERS.filter((name) => state[name] && name !== "from" && name !== "to").map((name) =>
    chip(name, (CHIP_NAMES[name] ?? String)(state[name]), { [name]: "" }),
  );
  const { start, end } = periodOf(state);
  const time = (state.from || state.to) && chip("time", moments(start, end), { from: "", to: "" });
  keepingFocus(byId("chips"), () => fill(byId("chips"), time, chosen));
  const name = time ? "Custom time" : PRESETS[state.range][0];
  byId("filters-toggle").textContent = `${name} · ${chosen.length > 0 ? plural(chosen.length, "filter") : "filters"}`;
}

/** A filter that is set; a click on it takes it away. */
function chip(name, text, without) {
  const remove = () => {
    change(without);
    if (byId("chips").childElementCount === 0) focusRange();
  };
  const attributes = { type: "button", class: "chip", title: "Remove this filter", "data-control": name, click: remove };
  return el("li", {}, el("button", attributes, el("span", { class: "hidden" }, "Remove filter "), el("bdi", {}, visible(text)), icon("close")));
}

/** Gives the focus to the choice of the time, as the button that had it goes away. */
const focusRange = () => byId("range").querySelector(":checked")?.focus({ preventScroll: true });

/** A client as the filter names it: NAME, or NAME@ADDRESS. */
function clientName(value) {
  return value.replace(/@([^@]*)$/, " at $1");
}

export const clientValue = ({ name, client_ip: ip }) => (ip ? `${name}@${ip}` : name);

/** Offers what an answer of stats/enhanced found. */
export function addFoundOptions({ by_model, by_endpoint, by_client }) {
  const { model, endpoint, client } = byId("filters").elements;
  addOptions(model, by_model.map((group) => group.name));
  addOptions(endpoint, by_endpoint.map((group) => group.name));
  addOptions(client, by_client.map(clientValue), clientName);
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
