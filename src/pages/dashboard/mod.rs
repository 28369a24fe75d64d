//! The dashboard: one document, made of the files beside this one when it is first asked for. Its
//! content security policy allows exactly these scripts and styles, by their hashes, and requests
//! to the tap alone.

use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::Compression;
use ring::digest::{SHA256, digest};

use super::response::{PageResponse, gzip};

const PAGE: &str = include_str!("index.html");

const STYLES: [&str; 18] = [
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
const MODULES: [&str; 53] = [
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
    include_str!("messages.js"),
    include_str!("keys.js"),
    include_str!("notices.js"),
    include_str!("numbers.js"),
    include_str!("refresh.js"),
    include_str!("main.js"),
];

const HTML: &str = "text/html; charset=utf-8";

/// The dashboard, plain and compressed, with its headers.
pub static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::new);

pub struct Document {
    plain: String,
    gzipped: Vec<u8>,
    /// Lines of the head beyond the usual ones.
    headers: String,
    gzipped_headers: String,
}

impl Document {
    fn new() -> Document {
        let (style, script) = (STYLES.concat(), MODULES.map(strip_modules).concat());
        let plain = PAGE
            .replace("{{style}}", &style)
            .replace("{{theme}}", THEME)
            .replace("{{script}}", &script);
        let policy = policy(&[THEME, &script], &style);
        let headers = format!(
            "Content-Security-Policy: {policy}\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
             Cache-Control: no-cache\r\nVary: Accept-Encoding\r\n"
        );
        let gzipped = gzip(plain.as_bytes(), Compression::best()).unwrap_or_default();
        let gzipped_headers = format!("{headers}Content-Encoding: gzip\r\n");
        Document {
            plain,
            gzipped,
            headers,
            gzipped_headers,
        }
    }

    /// Returns the document, compressed if the client accepts that.
    pub fn response(&self, accepts_gzip: bool) -> PageResponse {
        if accepts_gzip && !self.gzipped.is_empty() {
            PageResponse {
                headers: self.gzipped_headers.clone(),
                ..PageResponse::ok(HTML, self.gzipped.clone())
            }
        } else {
            PageResponse {
                headers: self.headers.clone(),
                ..PageResponse::ok(HTML, self.plain.clone().into_bytes())
            }
        }
    }
}

/// Returns the content security policy. Text never becomes markup (`trusted-types`), and no other
/// site may show the page in a frame.
fn policy(scripts: &[&str], style: &str) -> String {
    let scripts: Vec<String> = scripts.iter().map(|script| hash(script)).collect();
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        scripts.join(" "),
        hash(style)
    )
}

fn hash(text: &str) -> String {
    format!(
        "'sha256-{}'",
        BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()))
    )
}

/// Removes the imports and exports of a module, as a part of one script that holds them all.
fn strip_modules(module: &str) -> String {
    let lines = module.lines().filter(|line| !line.starts_with("import "));
    lines
        .flat_map(|line| [line.strip_prefix("export ").unwrap_or(line), "\n"])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_document_is_complete_and_names_no_other_site() {
        let page = &DOCUMENT.plain;
        assert!(
            !page.contains("{{")
                && page.matches("</script>").count() == 2
                && page.matches("</style>").count() == 1
        );
        // The namespace of SVG is a name, not an address that is requested.
        let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !elsewhere.contains("http://")
                && !elsewhere.contains("https://")
                && !elsewhere.contains("@import")
        );
    }

    #[test]
    fn the_policy_has_the_hash_of_everything_that_runs() {
        for (open, close) in [
            ("<style>", "</style>"),
            ("<script>", "</script>"),
            ("<script type=\"module\">", "</script>"),
        ] {
            let inside = DOCUMENT
                .plain
                .split(open)
                .nth(1)
                .and_then(|rest| rest.split(close).next())
                .unwrap();
            assert!(DOCUMENT.headers.contains(&hash(inside)), "{open}");
        }
        assert!(!DOCUMENT.headers.contains("safe-") && !DOCUMENT.headers.contains('*'));
        assert!(!DOCUMENT.plain.contains(" style=") && !DOCUMENT.plain.contains(" onclick="));
    }

    #[test]
    fn modules_import_from_those_above_and_no_name_is_defined_twice() {
        let mut names = HashSet::new();
        for module in MODULES {
            for line in module.lines().filter(|line| line.starts_with("import ")) {
                assert!(line.ends_with(".js\";"), "an import is one line: {line}");
                for name in imported(line) {
                    assert!(names.contains(name), "{line}");
                }
            }
            for name in module.lines().filter_map(defined) {
                assert!(names.insert(name), "{name} is defined twice");
            }
        }
    }

    #[test]
    fn every_export_is_imported_somewhere() {
        let lines = || MODULES.into_iter().flat_map(str::lines);
        let imports = lines().filter(|line| line.starts_with("import "));
        let wanted: HashSet<&str> = imports.flat_map(imported).collect();
        for line in lines().filter(|line| line.starts_with("export ")) {
            let name = defined(line).unwrap_or(line);
            assert!(wanted.contains(name), "{name} is exported to nobody");
        }
    }

    #[test]
    fn every_class_of_the_styles_is_named_where_elements_are_made() {
        let makers = [PAGE].iter().chain(&MODULES).copied().collect::<String>();
        let is_part = |c: char| c.is_alphanumeric() || "-_".contains(c);
        let words: HashSet<&str> = makers.split(|c| !is_part(c)).collect();
        for selector in STYLES.iter().flat_map(|style| selectors(style)) {
            let names = selector.split('.').skip(1);
            for name in names.filter_map(|rest| rest.split(|c| !is_part(c)).next()) {
                let stem = name.rsplit_once('-').map_or(name, |(stem, _)| stem);
                let is_named = words.contains(name) || makers.contains(&format!("{stem}-${{"));
                assert!(is_named, "no element has the class {name}: {selector}");
            }
        }
    }

    /// The names in the line of an import.
    fn imported(line: &str) -> impl Iterator<Item = &str> {
        let names = line.split(['{', '}']).nth(1).unwrap_or_default();
        names.split(',').map(str::trim)
    }

    /// The name that a line of a module defines for all of it.
    fn defined(line: &str) -> Option<&str> {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let line = line.strip_prefix("async ").unwrap_or(line);
        let name = ["function ", "const ", "let ", "class "]
            .into_iter()
            .find_map(|word| line.strip_prefix(word))?;
        name.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
            .next()
    }

    /// What stands before each brace of a style but for conditions and comments.
    fn selectors(style: &str) -> impl Iterator<Item = &str> {
        let heads = style
            .split('{')
            .filter_map(|part| part.rsplit(['}', ';', '/']).next());
        heads.map(str::trim).filter(|head| !head.starts_with('@'))
    }
}
