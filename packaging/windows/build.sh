#!/usr/bin/env bash
# Builds ollama-tap.exe for 64-bit Windows on a machine that is none, and checks that it needs nothing beside it.
#
# The standard library for Windows comes from rustup where that has it. Else it is built too, with Debian's own Rust
# (rustc-web, cargo-web and rust-web-src). MinGW-w64 links in both cases. The last line printed is the path of the executable.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly target=x86_64-pc-windows-gnu
readonly max_size=$((8 * 1024 * 1024)) # bytes; a promise of the README
readonly debian_source=/usr/lib/rustlib/src # of the standard library, where Debian puts it

# What every Windows has. Anything else would have to lie beside the executable.
readonly system_dlls="advapi32 bcrypt bcryptprimitives iphlpapi kernel32 msvcrt ntdll userenv ws2_32"

main() {
    local executable=${CARGO_TARGET_DIR:-target}/$target/release/ollama-tap.exe
    need x86_64-w64-mingw32-gcc "install mingw-w64"
    if has_rustup_target; then
        cargo build --locked --release --target "$target"
    elif [ -d "$debian_source" ]; then
        build_with_library
    else
        fail "no standard library for $target: run \`rustup target add $target\`, or install rustc-web, cargo-web and rust-web-src"
    fi
    needs_nothing_else "$executable"
    is_small "$executable"
    echo "$executable"
}

has_rustup_target() {
    [ -n "$(find "$(rustc --print sysroot)/lib/rustlib/$target/lib" -name 'libstd-*' 2>/dev/null)" ]
}

build_with_library() {
    RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo build --locked --release \
        -Zbuild-std=std,panic_unwind --target "$target"
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
