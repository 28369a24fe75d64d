// Creates elements. Text is inserted as text only: nothing in this page parses markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An HTML element. An attribute that is a function listens to the event of its name; null, undefined and false leave it out. */
export function el(tag, attributes = {}, ...children) {
  return populate(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return populate(document.createElementNS(SVG, tag), attributes, children);
}

export function icon(name) {
  return svg("svg", { class: "icon-drawing", "aria-hidden": "true" }, svg("use", { href: `#icon-${name}` }));
}

/** Replaces the children; null and false are skipped. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter(isPresent));
}

/** Lets a node have exactly these children, in this order. Those that stay are not touched, so that focus and selection stay. */
export function arrange(node, wanted) {
  const kept = new Set(wanted);
  for (const child of [...node.children]) if (!kept.has(child)) child.remove();
  wanted.forEach((child, n) => node.children[n] !== child && node.insertBefore(child, node.children[n] ?? null));
}

/**
 * Draws anew what is inside of `host`, and gives the focus back to the control that had it, or to the one in its place. Controls are told
 * apart by their `data-control`.
 */
export function keepingFocus(host, redraw) {
  const controls = () => [...host.querySelectorAll("[data-control]")];
  const at = controls().indexOf(document.activeElement);
  const name = document.activeElement?.dataset.control;
  redraw();
  if (at < 0) return;
  const now = controls();
  (now.find((control) => control.dataset.control === name) ?? now[at] ?? now.at(-1))?.focus({ preventScroll: true });
}

/** Announces a text to screen readers. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Returns a function that calls `action` once it has not been called for that many milliseconds. */
export function debounce(action, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), milliseconds);
  };
}

function populate(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (isPresent(value)) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter(isPresent));
  return node;
}

function isPresent(value) {
  return value !== null && value !== undefined && value !== false;
}
