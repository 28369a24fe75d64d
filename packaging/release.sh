#!/usr/bin/env bash
# Builds a release: dist/ollama-tap-VERSION-TARGET.tar.gz (.zip for Windows), and SHA256SUMS of all that are there.
#
#   packaging/release.sh [--profile PROFILE] [TARGET]...      without targets: all that this machine can build
#
# A profile other than `release` is for trying, not for giving away: it is built in less time, and its size is not judged.
# OLLAMA_TAP_CROSS_DIR is where cargo builds for the targets, if not where it builds all else.
#
# Each archive holds the executable, README, LICENSE, and the man page and completions or, for Windows, what installs it. The
# executable needs no library beyond what every such system has: on Linux it is static, on Windows it brings its C runtime.
#
# A target is built with rustup's own library of it (`rustup target add TARGET`) where that is installed. For musl there is a second
# way that needs no rustup: Debian's rustc-web, cargo-web and rust-web-src make the library from its source, and the Python
# packages ziglang and cargo-zigbuild bring the C compiler and the linker for every target.
#
# musl's own allocator stays: mimalloc in its place was no faster within what can be measured, and took three times the memory.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly dist=dist built=${OLLAMA_TAP_CROSS_DIR:-${CARGO_TARGET_DIR:-target}}
readonly max_size=$((8 * 1000 * 1000)) # bytes of the executable; a promise of the README
readonly targets=(
    x86_64-unknown-linux-musl
    aarch64-unknown-linux-musl
    x86_64-apple-darwin
    aarch64-apple-darwin
    x86_64-pc-windows-msvc
)

main() {
    profile=release
    if [ "${1:-}" = --profile ]; then
        profile=$2
        shift 2
    fi
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT
    mkdir -p "$dist"
    if [ $# -eq 0 ]; then
        local chosen=()
        for target in "${targets[@]}"; do
            if [ -n "$(way_to "$target")" ]; then chosen+=("$target"); else echo "skipped $target: neither way to build it is here"; fi
        done
        set -- ${chosen[@]+"${chosen[@]}"}
    fi
    manual "$stage/manual"
    for target; do
        build "$target"
        pack "$target"
    done
    sums
}

# The man page and the completions, as the executable for this machine prints them: that for another system does not run here.
manual() {
    local host=${CARGO_TARGET_DIR:-target}/debug/ollama-tap
    cargo build --quiet --locked --bin ollama-tap
    mkdir -p "$1/completions"
    "$host" man >"$1/ollama-tap.1"
    "$host" completions bash >"$1/completions/ollama-tap.bash"
    "$host" completions zsh >"$1/completions/_ollama-tap"
    "$host" completions fish >"$1/completions/ollama-tap.fish"
}

# How this machine builds a target: rustup, zig, or nothing.
way_to() {
    local library
    library=$(rustc --print target-libdir --target "$1" 2>/dev/null) || library=
    if [ -n "$library" ] && compgen -G "$library/libstd-*" >/dev/null; then
        echo rustup
    elif [[ $1 == *-linux-musl ]] && [ -d /usr/lib/rustlib/src ] && [ -x /usr/bin/cargo ] && command -v cargo-zigbuild >/dev/null; then
        echo zig
    fi
}

build() {
    local way flags
    way=$(way_to "$1")
    flags=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$1")_RUSTFLAGS
    echo "building $1 ($way, $profile)"
    local options=(--locked --profile "$profile" --target "$1" --target-dir "$built")
    case $way in
        rustup) env "$flags=$(static_flags "$1")" cargo build "${options[@]}" ;;
        # The one library is made by the nightly means of a stable compiler, without what reads the names in a backtrace: they are
        # stripped anyway, and it takes 230 KB. zig links what rustc would bring itself.
        zig) env "$flags=$(static_flags "$1") -C link-self-contained=no" RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO=/usr/bin/cargo \
            cargo-zigbuild zigbuild "${options[@]}" -Zbuild-std=std,panic_unwind \
            -Zbuild-std-features=panic-unwind ;;
        *) fail "$1 cannot be built here: run 'rustup target add $1'" ;;
    esac
    check "$1"
}

# Every system but macOS, which has no static C library, takes a static executable.
static_flags() {
    [[ $1 == *-apple-* ]] || echo "-C target-feature=+crt-static"
}

check() {
    local executable size
    executable=$(executable "$1")
    size=$(wc -c <"$executable")
    echo "$executable: $((size)) bytes"
    if [ "$profile" = release ] && ((size >= max_size)); then fail "$executable is larger than $max_size bytes"; fi
    if [[ $1 == *-linux-* ]] && readelf --dynamic "$executable" | grep NEEDED; then fail "$executable needs libraries"; fi
}

executable() {
    local suffix=
    if [[ $1 == *-windows-* ]]; then suffix=.exe; fi
    echo "$built/$1/$profile/ollama-tap$suffix"
}

pack() {
    local name=ollama-tap-$version-$1
    local archive=$PWD/$dist/$name
    mkdir "$stage/$name"
    cp "$(executable "$1")" README.md LICENSE "$stage/$name"
    if [[ $1 == *-windows-* ]]; then
        cp install.ps1 packaging/windows/install_service.bat "$stage/$name"
        cp packaging/windows/README.md "$stage/$name/README-WINDOWS.md"
        rm -f "$archive.zip"
        (cd "$stage" && if command -v zip >/dev/null; then zip -qr "$archive.zip" "$name"; else 7z a -bd "$archive.zip" "$name"; fi)
    else
        cp -R "$stage/manual/." "$stage/$name"
        tar -C "$stage" -czf "$archive.tar.gz" "$name"
    fi
}

# One line an archive of this version, as sha256sum writes and reads it.
sums() {
    cd "$dist"
    shopt -s nullglob
    local archives=(ollama-tap-"$version"-*.tar.gz ollama-tap-"$version"-*.zip)
    [ ${#archives[@]} -gt 0 ] || fail "nothing was built"
    if command -v sha256sum >/dev/null; then sha256sum "${archives[@]}"; else shasum -a 256 "${archives[@]}"; fi | tee SHA256SUMS
}

fail() {
    echo "release.sh: $*" >&2
    exit 1
}

main "$@"
