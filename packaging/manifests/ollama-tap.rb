# The formula for Homebrew.
class OllamaTap < Formula
  desc "Metrics and history of Ollama, from a tap in front of it"
  homepage "https://github.com/ollama-tap/ollama-tap"
  version "@VERSION@"
  license "MIT"

  on_macos do
    on_arm do
      url "https://github.com/ollama-tap/ollama-tap/releases/download/v@VERSION@/ollama-tap-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 aarch64-apple-darwin.tar.gz@"
    end
    on_intel do
      url "https://github.com/ollama-tap/ollama-tap/releases/download/v@VERSION@/ollama-tap-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 x86_64-apple-darwin.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/ollama-tap/ollama-tap/releases/download/v@VERSION@/ollama-tap-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 aarch64-unknown-linux-musl.tar.gz@"
    end
    on_intel do
      url "https://github.com/ollama-tap/ollama-tap/releases/download/v@VERSION@/ollama-tap-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 x86_64-unknown-linux-musl.tar.gz@"
    end
  end

  def install
    bin.install "ollama-tap"
    man1.install "ollama-tap.1"
    bash_completion.install "completions/ollama-tap.bash" => "ollama-tap"
    zsh_completion.install "completions/_ollama-tap"
    fish_completion.install "completions/ollama-tap.fish"
  end

  def caveats
    <<~TEXT
      To have the system run it, now and at boot:
        sudo ollama-tap service install
      After an upgrade:
        sudo ollama-tap service install --keep
      Before it is removed:
        sudo ollama-tap service uninstall
    TEXT
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/ollama-tap --version")
  end
end
