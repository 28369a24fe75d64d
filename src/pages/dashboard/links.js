// Links to another state of the page, in its address.

import { el } from "./dom.js";
import { addressWith, change } from "./state.js";

/** A link that changes these fields of the address. It can be copied and opened in another tab; where it is followed here, `then` is called. */
export function addressLink(fields, attributes, inside, then = () => {}) {
  const go = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    change(fields);
    then();
  };
  return el("a", { href: addressWith(fields), ...attributes, click: go }, inside);
}
