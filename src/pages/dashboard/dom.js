// Making elements. Text goes in as text only: nothing here, or anywhere in the page, reads markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An HTML element. An attribute that is a function listens to the event of its name; null, undefined and false leave it out. */
export function el(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

export function icon(name) {
  return svg("svg", { class: "icon-drawing", "aria-hidden": "true" }, svg("use", { href: `#icon-${name}` }));
}

/** Puts these in the place of what was there; null and false leave one out. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter(isThere));
}

/** Says something to those who listen to the page rather than see it. */
export function say(text) {
  byId("said").textContent = text;
}

/** `action`, once nobody has asked for it again for so many milliseconds. */
export function settled(action, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), milliseconds);
  };
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (isThere(value)) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter(isThere));
  return node;
}

function isThere(value) {
  return value !== null && value !== undefined && value !== false;
}
