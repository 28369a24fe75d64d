//! The dashboard: one document, made of the files beside this one when the tap is built (`source`). Its
//! content security policy allows exactly these scripts and styles, by their hashes, and requests
//! to the tap alone.

#[cfg(test)]
mod source;

use std::io::Read;
use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::read::GzDecoder;
use ring::digest::{SHA256, digest};

use super::conditional::{etag, etag_line, is_current, not_modified};
use super::request::PageRequest;
use super::response::PageResponse;

/// The document as browsers take it.
const GZIPPED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/dashboard.html.gz"));

const HTML: &str = "text/html; charset=utf-8";

/// The dashboard, with its headers.
pub static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::new);

pub struct Document {
    plain: String,
    etag: String,
    /// Lines of the head beyond the usual ones and the ETag.
    headers: String,
}

impl Document {
    fn new() -> Document {
        let mut plain = String::new();
        if let Err(error) = GzDecoder::new(GZIPPED).read_to_string(&mut plain) {
            log::error!("unpack the dashboard: {error}"); // which the tests rule out
        }
        let headers = format!(
            "Content-Security-Policy: {}\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
             Cache-Control: no-cache\r\nVary: Accept-Encoding\r\n",
            policy(&plain)
        );
        Document {
            etag: etag(&plain),
            plain,
            headers,
        }
    }

    /// Returns the document, compressed if the client accepts that, or that the client has it.
    pub fn response(&self, request: &PageRequest) -> PageResponse {
        if is_current(request, &self.etag) {
            return PageResponse {
                content_type: HTML,
                ..not_modified(&self.etag, &self.headers)
            };
        }
        let (encoding, body) = match request.accepts_gzip() {
            true => ("Content-Encoding: gzip\r\n", GZIPPED),
            false => ("", self.plain.as_bytes()),
        };
        PageResponse {
            headers: etag_line(&self.etag) + &self.headers + encoding,
            ..PageResponse::ok(HTML, body.to_vec())
        }
    }
}

/// Returns the content security policy. Text never becomes markup (`trusted-types`), and no other
/// site may show the page in a frame.
fn policy(document: &str) -> String {
    let scripts: Vec<String> = inside(document, "script").map(hash).collect();
    let styles: Vec<String> = inside(document, "style").map(hash).collect();
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        scripts.join(" "),
        styles.join(" ")
    )
}

/// What stands inside of each element of this name, which has nothing but text.
fn inside<'a>(document: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let elements = document.split(&close).map(move |before| {
        let (_, element) = before.rsplit_once(&open)?;
        Some(element.split_once('>')?.1)
    });
    elements.flatten().collect::<Vec<_>>().into_iter()
}

fn hash(text: &str) -> String {
    format!(
        "'sha256-{}'",
        BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::source::{MODULES, PAGE, STYLES, document};
    use super::*;

    #[test]
    fn the_document_is_that_of_the_sources() {
        assert!(DOCUMENT.plain == document());
    }

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
