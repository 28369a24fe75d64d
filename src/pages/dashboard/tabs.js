// On a phone the page has two tabs: the numbers, and the messages.

import { byId } from "./dom.js";

/** Shows one of the tabs: `overview` or `messages`. A wide window shows both at once. */
export function showTab(name) {
  document.documentElement.dataset.tab = name;
  for (const button of byId("tabs").children) button.setAttribute("aria-pressed", String(button.dataset.name === name));
}

/** Lets the tabs, and links to the messages, choose. */
export function prepareTabs() {
  for (const button of byId("tabs").children) {
    button.addEventListener("click", () => {
      showTab(button.dataset.name);
      scrollTo({ top: 0 });
    });
  }
  document.querySelector(".skip").addEventListener("click", () => showTab("messages"));
  showTab("overview");
}
