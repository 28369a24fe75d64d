// The order of the list: by the heads of its columns, or by a field where a narrow window has no heads.

import { byId } from "./dom.js";
import { change, state } from "./state.js";

const heads = () => [...document.querySelectorAll("#table [data-sort]")];

export function prepareOrder() {
  for (const head of heads()) head.addEventListener("click", () => change({ sort: head.dataset.sort }));
  byId("order").addEventListener("change", (event) => change({ sort: event.target.value }));
  showOrder();
}

/** Marks the order of the address. */
export function showOrder() {
  byId("order").value = state.sort;
  for (const head of heads()) {
    const column = head.closest("th");
    if (head.dataset.sort === state.sort) column.setAttribute("aria-sort", "descending");
    else column.removeAttribute("aria-sort");
  }
}

/** A Loki answers by time alone. */
export function allowOrders(backend) {
  for (const control of [...heads(), byId("order")]) control.disabled = backend === "loki";
}
