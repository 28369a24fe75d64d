// A button that asks before it does something that cannot be undone: only a second press does it.

import { announce, el, fill } from "./dom.js";

const DOUBT = 5000; // milliseconds for which it asks

/** A button named `label`, for screen readers with what it is about. `action` returns what is said when it is done; why it failed is shown. */
export function askingButton(label, about, attributes, action) {
  const name = about ? `${label} ${about}` : label;
  const button = el("button", { type: "button", "aria-label": name, ...attributes }, label);
  let timer = 0;
  const ask = (isAsking) => {
    clearTimeout(timer);
    timer = isAsking ? setTimeout(() => ask(false), DOUBT) : 0;
    fill(button, isAsking ? `Really ${label.toLowerCase()}?` : label);
    button.setAttribute("aria-label", isAsking ? `Really ${name.toLowerCase()}?` : name);
    button.classList.toggle("asking", isAsking);
    if (isAsking) announce(`Press again to ${name.toLowerCase()}`);
  };
  button.addEventListener("click", async () => {
    if (!timer) return ask(true);
    ask(false);
    button.disabled = true;
    button.parentNode.querySelector(".fault")?.remove();
    await action().then(announce, (cause) => button.after(el("span", { class: "fault", role: "alert" }, cause.message)));
    button.disabled = false;
  });
  return button;
}
