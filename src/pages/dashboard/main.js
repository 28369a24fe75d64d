// The page as a whole: connects controls, address and panels.

import { byId } from "./dom.js";
import { onChange, query } from "./state.js";
import { exportHistory } from "./share.js";
import { prepareDetail, showDetail } from "./detail.js";
import { prepareFreshness, showTitle } from "./freshness.js";
import { prepareFilters, showFilters } from "./filters.js";
import { dropMessages, hasMessage, neighbour, neighbours, placeOf, prepareOlder, refreshMessages } from "./messages.js";
import { prepareLiving } from "./living.js";
import { prepareMenus } from "./menus.js";
import { prepareOrder, showOrder } from "./order.js";
import { prepareSticky } from "./sticky.js";
import { focusRow, markRow, prepareRows } from "./rows.js";
import { prepareKeys, showHelp } from "./keys.js";
import { preparePreferences, remember } from "./preferences.js";
import { prepareTabs } from "./tabs.js";
import { showBanner } from "./notices.js";
import { drawNumbers, prepareNumbers } from "./numbers.js";
import { prepareTimebar, showTimebar } from "./timebar.js";
import { prepareRefresh, refresh } from "./refresh.js";

const THEME_KEY = "ollama-tap-theme"; // in localStorage; theme.js reads it
const NEXT_THEME = { system: "light", light: "dark", dark: "system" };

function prepareTheme() {
  const button = byId("theme");
  const root = document.documentElement;
  const name = () => {
    const text = `Colours: ${root.dataset.theme}`;
    button.setAttribute("aria-label", text);
    button.title = text;
  };
  button.addEventListener("click", () => {
    root.dataset.theme = NEXT_THEME[root.dataset.theme] ?? "system";
    remember(THEME_KEY, root.dataset.theme);
    name();
  });
  name();
}

function prepareExport() {
  for (const button of document.querySelectorAll("[data-format]")) {
    button.addEventListener("click", () =>
      exportHistory({ ...query(), format: button.dataset.format }).catch(showFailure),
    );
  }
}

function showFailure(cause) {
  showBanner(cause.message, refresh);
}

function applyChange(changed) {
  if (changed.includes("id")) showDetail();
  if (changed.every((name) => name === "id")) return; // nothing else shows it
  showTimebar();
  showFilters();
  showOrder();
  drawNumbers();
  showTitle();
  refresh();
}

refresh(); // first: the tap answers while the page is prepared
prepareTheme();
prepareTimebar();
prepareNumbers();
prepareFilters();
prepareTabs();
preparePreferences();
prepareSticky();
prepareRows();
prepareOrder();
prepareMenus();
prepareOlder(showFailure);
prepareDetail({ neighbours, neighbour, place: placeOf, focusMessage: focusRow, markShown: markRow, drop: dropMessages });
prepareKeys(showFailure);
prepareLiving({ hasMessage, refresh: refreshMessages });
byId("keys").addEventListener("click", showHelp);
prepareExport();
prepareRefresh();
prepareFreshness();
onChange(applyChange);
showDetail();
