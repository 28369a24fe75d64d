//! The words that tell about the program itself: `version`, `completions` and `man`; `help` is in `definition`, as argh has none.

use argh::{ArgsInfo, FromArgs};

/// Print the version, as --version and -v do.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(
    subcommand,
    name = "version",
    help_triggers("--help", "-h", "help"),
    note = "Ollama's own version is `ollama-tap -- --version`."
)]
pub struct VersionArgs {}

/// Print what makes a shell complete the command line of ollama-tap.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(
    subcommand,
    name = "completions",
    help_triggers("--help", "-h", "help")
)]
#[argh(example = "source <(ollama-tap completions bash)          # in ~/.bashrc")]
#[argh(
    example = "ollama-tap completions zsh >~/.zfunc/_ollama-tap   # a directory of $fpath, before compinit"
)]
#[argh(example = "ollama-tap completions fish >~/.config/fish/completions/ollama-tap.fish")]
#[argh(
    example = "ollama-tap completions powershell | Out-String | Invoke-Expression   # in $PROFILE"
)]
pub struct CompletionsArgs {
    /// bash, zsh, fish or powershell
    #[argh(positional)]
    pub shell: Option<String>,
}

/// Print the man page.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "man", help_triggers("--help", "-h", "help"))]
#[argh(example = "ollama-tap man | man -l -")]
pub struct ManArgs {}
