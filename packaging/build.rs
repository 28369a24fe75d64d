//! What is made before the executable: the dashboard's document, compressed, and the icon, the version and the manifest inside an
//! executable for Windows; others have no place for them.

#[path = "../src/pages/dashboard/source.rs"]
mod source;

use std::io::{self, Write};
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use winresource::WindowsResource;

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=packaging/windows");
    let folder = env::var("OUT_DIR").map_err(io::Error::other)?;
    dashboard(Path::new(&folder))?;
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return Ok(());
    }
    WindowsResource::new()
        .set_icon("packaging/windows/ollama-tap.ico")
        .set_manifest_file(&manifest(Path::new(&folder))?)
        .set("ProductName", "Ollama Tap")
        .set("FileDescription", "Ollama Tap")
        .set("LegalCopyright", "MIT license")
        .set("OriginalFilename", "ollama-tap.exe")
        .compile()
}

/// Writes the manifest with our version, of which Windows wants four numbers. Returns its path.
fn manifest(folder: &Path) -> io::Result<String> {
    let text = fs::read_to_string("packaging/windows/ollama-tap.manifest")?;
    let version =
        ["MAJOR", "MINOR", "PATCH"].map(|part| env::var(format!("CARGO_PKG_VERSION_{part}")));
    let version = version
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    let text = text.replace("@VERSION@", &format!("{}.0", version.join(".")));
    let file = folder.join("ollama-tap.manifest");
    fs::write(&file, text)?;
    Ok(file.to_string_lossy().into_owned())
}

/// Its sources are part of this program, which is therefore built and run again when one of them changes.
fn dashboard(folder: &Path) -> io::Result<()> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(source::document().as_bytes())?;
    fs::write(folder.join("dashboard.html.gz"), packed.finish()?)
}
