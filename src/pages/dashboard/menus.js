// Menus: they close where one chooses, clicks elsewhere, or presses Escape.

const openMenus = () => [...document.querySelectorAll("details.menu[open]")];

export function prepareMenus() {
  document.addEventListener("click", (event) => {
    const isSwitch = event.target.closest(".menu [aria-pressed]");
    for (const menu of openMenus()) if (!isSwitch && !(menu.contains(event.target) && event.target.closest("summary"))) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && openMenus().at(-1);
    if (!menu) return;
    event.stopImmediatePropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
