// A list without messages: why there are none, and a way on.

import { byId, el, fill } from "./dom.js";
import { change, hasFilters, state, unfiltered } from "./state.js";

/** Shows why there is nothing in the list, or takes that away. */
export function showBlank(isBlank) {
  byId("messages-blank").hidden = !isBlank;
  if (!isBlank) return;
  if (hasFilters()) explain("No message matches", "No message in this range matches all of the filters.", "Clear filters", unfiltered());
  else if (state.range === "all") explain("No messages yet", "They appear here as soon as a request has ended.");
  else explain("No messages in this range", "The history may hold older ones.", "Show all of it", { range: "all" });
}

/** `label` names the button that changes these `fields`; the focus goes to the list, as the button goes away. */
function explain(heading, text, label = "", fields = {}) {
  const act = () => {
    change(fields);
    byId("messages").focus({ preventScroll: true });
  };
  fill(byId("messages-blank"), el("h3", {}, heading), el("p", {}, text), label && el("button", { type: "button", click: act }, label));
}
