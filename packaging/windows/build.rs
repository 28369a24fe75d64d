//! Puts the icon, the version and the manifest into an executable for Windows; others have no place for them.

use winresource::WindowsResource;

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=packaging/windows");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return Ok(());
    }
    WindowsResource::new()
        .set_icon("packaging/windows/ollama-tap.ico")
        .set_manifest_file("packaging/windows/ollama-tap.manifest")
        .set("ProductName", "Ollama Tap")
        .set("FileDescription", "Ollama Tap")
        .set("LegalCopyright", "MIT license")
        .set("OriginalFilename", "ollama-tap.exe")
        .compile()
}
