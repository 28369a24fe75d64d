#!/usr/bin/env bash
# Builds ollama-tap.exe for 64-bit Windows on a machine that is none, and checks that it needs nothing beside it.
#
# With --tests it builds the tests instead, and what they run, in the profile `ci`.
#
# The standard library for Windows comes from rustup where that has it. Else it is built too, with Debian's own Rust
# (rustc-web, cargo-web and rust-web-src). MinGW-w64 links in both cases. The last line printed is the path of the executable;
# with --tests there is a line for each program: its name, whether it is one of tests (true or false), and its path.
#
# OLLAMA_TAP_CROSS_DIR is where cargo builds it, if not where it builds all else.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly target=x86_64-pc-windows-gnu
readonly directory=${OLLAMA_TAP_CROSS_DIR:-${CARGO_TARGET_DIR:-target}} # of cargo's
readonly max_size=$((8 * 1000 * 1000)) # bytes; a promise of the README
readonly debian_source=/usr/lib/rustlib/src # of the standard library, where Debian puts it

# What every Windows has. Anything else would have to lie beside the executable.
readonly system_dlls="advapi32 bcrypt bcryptprimitives combase comctl32 gdi32 iphlpapi kernel32 msvcrt ntdll shell32 user32 userenv ws2_32"

main() {
    local built=$directory/$target
    need x86_64-w64-mingw32-gcc "install mingw-w64"
    if [ "${1:-}" = --tests ]; then
        programs_of build test --profile ci --no-run
        programs_of build test --profile ci --no-run --benches # nothing of them can run there
        return
    fi
    build build --release
    needs_nothing_else "$built/release/ollama-tap.exe"
    is_small "$built/release/ollama-tap.exe"
    echo "$built/release/ollama-tap.exe"
}

# What cargo tells of each program that these words build.
programs_of() {
    "$@" --message-format=json-render-diagnostics |
        sed -n 's/.*"name":"\([^"]*\)","src_path".*"test":\(true\|false\)}.*"executable":"\([^"]*\)".*/\1 \2 \3/p'
}

# A command of cargo's, and its words.
build() {
    local options=(--locked --target "$target" --target-dir "$directory" "${@:2}")
    if has_rustup_target; then
        cargo "$1" "${options[@]}"
    elif [ -d "$debian_source" ]; then
        RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo "$1" -Zbuild-std=std,panic_unwind,test "${options[@]}"
    else
        fail "no standard library for $target: run \`rustup target add $target\`, or install rustc-web, cargo-web and rust-web-src"
    fi
}

has_rustup_target() {
    [ -n "$(find "$(rustc --print sysroot)/lib/rustlib/$target/lib" -name 'libstd-*' 2>/dev/null)" ]
}

needs_nothing_else() {
    local dll name
    while read -r dll; do
        name=${dll%.dll}
        [[ $name == api-ms-win-* || " $system_dlls " == *" $name "* ]] || fail "$1 needs $dll"
    done < <(x86_64-w64-mingw32-objdump -p "$1" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]' | sort -u)
}

is_small() {
    local size
    size=$(stat -c %s "$1")
    echo "$1: $size bytes"
    ((size < max_size)) || fail "$1 is larger than $max_size bytes"
}

need() {
    command -v "$1" >/dev/null || fail "$1 is missing: $2"
}

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

main "$@"
