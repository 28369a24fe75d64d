#!/usr/bin/env bash
# Builds ollama-tap.exe for 64-bit Windows on a machine that is none, and checks that it needs nothing beside it.
#
# With --tests it builds what the tests run instead: an executable that is built fast, and the stand-in for Ollama.
#
# The standard library for Windows comes from rustup where that has it. Else it is built too, with Debian's own Rust
# (rustc-web, cargo-web and rust-web-src). MinGW-w64 links in both cases. The last line printed is the path of the executable.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly target=x86_64-pc-windows-gnu
readonly max_size=$((8 * 1024 * 1024)) # bytes; a promise of the README
readonly debian_source=/usr/lib/rustlib/src # of the standard library, where Debian puts it

# What every Windows has. Anything else would have to lie beside the executable.
readonly system_dlls="advapi32 bcrypt bcryptprimitives combase comctl32 gdi32 iphlpapi kernel32 msvcrt ntdll shell32 user32 userenv ws2_32"

main() {
    local built=${CARGO_TARGET_DIR:-target}/$target
    need x86_64-w64-mingw32-gcc "install mingw-w64"
    if [ "${1:-}" = --tests ]; then
        export CARGO_PROFILE_DEV_DEBUG=0 # nobody debugs it, and linking takes as long again
        build --bin ollama-tap --example ollama
        echo "$built/debug/ollama-tap.exe"
        return
    fi
    build --release
    needs_nothing_else "$built/release/ollama-tap.exe"
    is_small "$built/release/ollama-tap.exe"
    echo "$built/release/ollama-tap.exe"
}

build() {
    if has_rustup_target; then
        cargo build --locked --target "$target" "$@"
    elif [ -d "$debian_source" ]; then
        RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo build --locked -Zbuild-std=std,panic_unwind --target "$target" "$@"
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
