// Marks where the text that is searched stands, in the list and in the panel, without touching their elements.

import { byId } from "./dom.js";
import { state } from "./state.js";

const MAX_HITS = 500; // places that are marked
const NAME = "hit"; // of the highlight, in the styles

/** Marks the places anew, after something was drawn. Browsers that know no highlights mark nothing. */
export function markHits() {
  if (!globalThis.Highlight) return;
  CSS.highlights.delete(NAME);
  const places = state.q ? [byId("rows"), byId("detail")].flatMap((host) => placesIn(host, state.q.toLowerCase())) : [];
  if (places.length > 0) CSS.highlights.set(NAME, new Highlight(...places.slice(0, MAX_HITS)));
}

function placesIn(host, wanted) {
  const places = [];
  const walker = document.createTreeWalker(host, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && places.length < MAX_HITS) {
    const text = walker.currentNode.data.toLowerCase();
    if (text.length !== walker.currentNode.length) continue; // small letters that are longer than the capital one
    for (let at = text.indexOf(wanted); at >= 0 && places.length < MAX_HITS; at = text.indexOf(wanted, at + wanted.length)) {
      const place = new Range();
      place.setStart(walker.currentNode, at);
      place.setEnd(walker.currentNode, at + wanted.length);
      places.push(place);
    }
  }
  return places;
}
