//! The files of an installation, and where they come from.

use std::fs;

use super::machine::{EXE, Machine, beside, script};
use super::site::{Site, archive_name, executable};
use super::tools::{TOOLS, can_run, fetchers, real, shells};
use crate::harness::{released, require, text};

#[test]
fn one_line_installs_the_executable_its_manual_and_its_completions() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    for shell in shells() {
        let machine = Machine::with(shell);
        let ran = machine.run(&["--base-url", &site.url()]).well();
        for (file, text) in [
            (EXE, executable("1.0.0").as_str()),
            ("home/.local/share/man/man1/ollama-tap.1", "1.0.0"),
            (
                "home/.local/share/bash-completion/completions/ollama-tap",
                "1.0.0",
            ),
            ("home/.local/share/zsh/site-functions/_ollama-tap", "1.0.0"),
            (
                "home/.local/share/fish/vendor_completions.d/ollama-tap.fish",
                "1.0.0",
            ),
        ] {
            assert_eq!(machine.read(file), text, "{shell:?}: {file}");
            assert!(
                ran.said
                    .contains(&format!("writing {}", machine.at(file).display())),
                "{shell:?}: {}",
                ran.said
            );
        }
        let ran = ran
            .says("its SHA-256 is right")
            .says("installed ollama-tap 1.0.0")
            .says("is not on your PATH");
        ran.says("Ollama itself is not installed")
            .says("https://ollama.com/download");
        assert_eq!(
            fs::read_dir(machine.at("tmp")).unwrap().count(),
            0,
            "{shell:?}: something is left"
        );
    }
}

#[test]
fn a_real_release_is_installed_and_runs() {
    let archives = if can_run() { released() } else { Vec::new() };
    let Some(directory) = archives.first().and_then(|archive| archive.parent()) else {
        return;
    };
    let site = Site::empty();
    site.answer(
        "SHA256SUMS",
        fs::read(directory.join("SHA256SUMS")).unwrap(),
    );
    for archive in &archives {
        site.answer(
            text(archive).rsplit('/').next().unwrap(),
            fs::read(archive).unwrap(),
        );
    }
    let machine = beside(&site);
    machine.tool("uname", &format!("exec {} \"$@\"", real("uname")));
    machine
        .run(&[])
        .well()
        .says(concat!("installed ollama-tap ", env!("CARGO_PKG_VERSION")));
    assert!(
        machine
            .read("home/.local/share/man/man1/ollama-tap.1")
            .starts_with(".TH OLLAMA-TAP")
    );
    assert!(
        machine
            .read("home/.local/share/bash-completion/completions/ollama-tap")
            .contains("--listen")
    );
}

#[test]
fn a_piped_script_takes_its_options_from_variables() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    site.release("1.1.0", &executable("1.1.0"));
    for shell in shells() {
        let machine = Machine::with(shell)
            .env("OLLAMA_TAP_BASE_URL", &site.url())
            .env("OLLAMA_TAP_VERSION", "v1.0.0");
        let machine = machine.env("OLLAMA_TAP_PREFIX", "home/else where/");
        machine.pipe(&fs::read_to_string(script()).unwrap()).well();
        assert_eq!(
            machine.read("home/else where/bin/ollama-tap"),
            executable("1.0.0"),
            "{shell:?}"
        );
    }
}

#[test]
fn a_flag_wins_over_its_variable() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    let machine = Machine::new()
        .env("OLLAMA_TAP_BASE_URL", "http://127.0.0.1:1")
        .env("OLLAMA_TAP_PREFIX", "nowhere");
    let prefix = machine.at("home/p");
    machine
        .run(&[
            &format!("--base-url={}", site.url()),
            &format!("--prefix={}", prefix.display()),
        ])
        .well();
    assert!(prefix.join("bin/ollama-tap").is_file() && !machine.at("nowhere").exists());
}

#[test]
fn an_ollama_and_a_path_that_are_there_are_not_missed() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    let machine = beside(&site);
    machine.tool("ollama", "exit 0");
    let ran = machine.run(&["--prefix", "home"]).well();
    assert!(!ran.said.contains("Ollama itself"), "{}", ran.said);
    let machine = beside(&site);
    let path = format!(
        "{}:{}:{}",
        machine.at("home/bin").display(),
        machine.at("tools").display(),
        std::env::var("PATH").unwrap()
    );
    let ran = machine.env("PATH", &path).run(&["--prefix", "home"]).well();
    assert!(!ran.said.contains("not on your PATH"), "{}", ran.said);
}

#[test]
fn whatever_makes_sha_256_will_do() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    for tool in ["sha256sum", "shasum", "openssl"] {
        if !require(tool, !real(tool).is_empty()) {
            continue;
        }
        let tools = [&TOOLS[..], &["curl", tool]].concat();
        beside(&site)
            .only(&tools)
            .run(&[])
            .well()
            .says("its SHA-256 is right");
    }
    let machine = beside(&site).only(&TOOLS);
    machine.tool("curl", &format!("exec {} \"$@\"", real("curl")));
    machine.run(&[]).badly("needs sha256sum, shasum or openssl");
    assert!(machine.everything().is_empty());
}

#[test]
fn curl_or_either_wget_will_do_and_none_leads_to_http() {
    if !can_run() {
        return;
    }
    let tools = [&TOOLS[..], &["openssl"]].concat();
    for (tool, body) in fetchers() {
        let site = Site::of("1.0.0");
        let machine = beside(&site).only(&tools);
        machine.tool(tool, &body);
        machine.run(&["--prefix", "home/first"]).well();
        let before = machine.everything();
        let missing = machine.run(&["--prefix", "home/p", "--version", "9.9.9"]);
        missing.badly("lists no release 9.9.9");
        site.redirect(&archive_name("1.0.0"));
        machine
            .run(&["--prefix", "home/p"])
            .badly("cannot download");
        site.reply(
            "SHA256SUMS",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        );
        machine.run(&["--prefix", "home/p"]).badly("404");
        assert_eq!(machine.everything(), before, "{body}");
    }
    let machine = Machine::new().only(&tools);
    machine
        .run(&["--version", "1.0.0"])
        .badly("needs curl or wget");
    assert!(machine.everything().is_empty());
}

#[test]
fn in_a_checkout_it_builds_that() {
    if !can_run() {
        return;
    }
    let machine = Machine::new();
    machine.file("checkout/Cargo.toml", "[package]\nname = \"ollama-tap\"\n");
    fs::copy(script(), machine.at("checkout/install.sh")).unwrap();
    let built = machine.at("built");
    fs::write(&built, executable("2.0.0")).unwrap();
    // Stands for cargo: what follows --root is where the executable goes.
    let cargo = r#"echo "$*" >>"$TAP_LOG"; while [ "$1" != --root ]; do shift; done; mkdir -p "$2/bin"; cp "$BUILT" "$2/bin/ollama-tap"; chmod +x "$2/bin/ollama-tap""#;
    machine.tool("cargo", cargo);
    let machine = machine.env("BUILT", built.to_str().unwrap());
    let file = machine.at("checkout/install.sh");
    machine
        .run_file(&file, &[])
        .well()
        .says("building")
        .says("installed ollama-tap 2.0.0");
    assert_eq!(machine.read(EXE), executable("2.0.0"));
    for (file, text) in [
        ("man/man1/ollama-tap.1", "man\n"),
        (
            "bash-completion/completions/ollama-tap",
            "completions bash\n",
        ),
        ("zsh/site-functions/_ollama-tap", "completions zsh\n"),
        (
            "fish/vendor_completions.d/ollama-tap.fish",
            "completions fish\n",
        ),
    ] {
        assert_eq!(machine.read(&format!("home/.local/share/{file}")), text);
    }
    assert!(
        machine
            .read("log")
            .contains(&format!("--path {}", machine.at("checkout").display())),
        "{}",
        machine.read("log")
    );

    machine.tool("cargo", "exit 1");
    let before = machine.everything();
    machine.run_file(&file, &[]).badly("the build failed");
    assert_eq!(machine.everything(), before);
}

#[test]
fn a_script_that_was_cut_in_its_download_does_nothing() {
    if !can_run() {
        return;
    }
    let text = fs::read_to_string(script()).unwrap();
    let machine = Machine::new();
    let pieces = (0..text.lines().count())
        .step_by(20)
        .map(|lines| text.lines().take(lines).collect::<Vec<_>>().join("\n"));
    let last = text
        .trim_end()
        .strip_suffix("main \"$@\"")
        .expect("the last line calls main")
        .to_owned();
    for piece in pieces.chain([last]) {
        let ran = machine.pipe(&piece);
        assert!(!ran.said.contains("ollama-tap:"), "{}", ran.said);
        assert!(machine.everything().is_empty());
    }
}
