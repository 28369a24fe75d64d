//! The sources of the dashboard, and how they become one document. `packaging/build.rs` makes it when the tap is built, so that the
//! executable has it compressed, as it is sent.

pub const PAGE: &str = include_str!("index.html");

pub const STYLES: [&str; 18] = [
    include_str!("base.css"),
    include_str!("header.css"),
    include_str!("controls.css"),
    include_str!("notices.css"),
    include_str!("panels.css"),
    include_str!("charts.css"),
    include_str!("groups.css"),
    include_str!("tables.css"),
    include_str!("filters.css"),
    include_str!("messages.css"),
    include_str!("rows.css"),
    include_str!("menus.css"),
    include_str!("living.css"),
    include_str!("detail.css"),
    include_str!("markdown.css"),
    include_str!("conversation.css"),
    include_str!("touch.css"),
    include_str!("why.css"),
];

/// Runs before the page is painted, so that it never has the wrong colours.
const THEME: &str = include_str!("theme.js");

/// The modules, each after those that it imports from: joined to one script, they need no import.
pub const MODULES: [&str; 55] = [
    include_str!("dom.js"),
    include_str!("format.js"),
    include_str!("period.js"),
    include_str!("state.js"),
    include_str!("visible.js"),
    include_str!("links.js"),
    include_str!("api.js"),
    include_str!("tooltip.js"),
    include_str!("selection.js"),
    include_str!("chart.js"),
    include_str!("timeline.js"),
    include_str!("lines.js"),
    include_str!("histogram.js"),
    include_str!("overview.js"),
    include_str!("breakdown.js"),
    include_str!("filters.js"),
    include_str!("timebar.js"),
    include_str!("spent.js"),
    include_str!("tables.js"),
    include_str!("errors.js"),
    include_str!("compare.js"),
    include_str!("trend.js"),
    include_str!("freshness.js"),
    include_str!("share.js"),
    include_str!("down.js"),
    include_str!("tabs.js"),
    include_str!("sticky.js"),
    include_str!("asking.js"),
    include_str!("menus.js"),
    include_str!("preferences.js"),
    include_str!("markdown.js"),
    include_str!("hits.js"),
    include_str!("texts.js"),
    include_str!("now.js"),
    include_str!("waterfall.js"),
    include_str!("why.js"),
    include_str!("facts.js"),
    include_str!("turns.js"),
    include_str!("conversation.js"),
    include_str!("thread.js"),
    include_str!("curl.js"),
    include_str!("detail.js"),
    include_str!("rows.js"),
    include_str!("feed.js"),
    include_str!("order.js"),
    include_str!("living.js"),
    include_str!("matches.js"),
    include_str!("blank.js"),
    include_str!("messages.js"),
    include_str!("keys.js"),
    include_str!("notices.js"),
    include_str!("numbers.js"),
    include_str!("counting.js"),
    include_str!("refresh.js"),
    include_str!("main.js"),
];

/// The document: its styles and its scripts are inside of it.
pub fn document() -> String {
    let script = MODULES.map(strip_modules).concat();
    PAGE.replace("{{style}}", &STYLES.concat())
        .replace("{{theme}}", THEME)
        .replace("{{script}}", &script)
}

/// Removes the imports and exports of a module, as a part of one script that holds them all.
fn strip_modules(module: &str) -> String {
    let lines = module.lines().filter(|line| !line.starts_with("import "));
    lines
        .flat_map(|line| [line.strip_prefix("export ").unwrap_or(line), "\n"])
        .collect()
}
