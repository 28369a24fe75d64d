// The bars that stay at the top of the window: what is scrolled to, and what sticks below them, keeps clear of them.

import { byId } from "./dom.js";

/** The height of what stays at the top, in pixels. */
export function stickyHeight() {
  const bar = byId("filters");
  return getComputedStyle(bar).position === "sticky" ? bar.getBoundingClientRect().height : 0;
}

/** Tells the styles that height, as `--sticky`. */
export function prepareSticky() {
  const tell = () => document.documentElement.style.setProperty("--sticky", `${Math.ceil(stickyHeight())}px`);
  new ResizeObserver(tell).observe(byId("filters"));
  addEventListener("resize", tell, { passive: true });
}
