#!/usr/bin/env bash
# Builds a release in dist/: ollama-tap-VERSION-TARGET.tar.gz (.zip for Windows), packages for Debian and Red Hat, and SHA256SUMS of
# all that are there.
#
#   packaging/release.sh [--profile PROFILE] [TARGET]...      without targets: all that this machine can build
#   packaging/release.sh --pack [--profile PROFILE] TARGET... only packs what was built
#   packaging/release.sh --manifests                          what package managers want to know, from SHA256SUMS of a whole release
#
# A profile other than `release` is for trying, not for giving away: it is built in less time, and its size is not judged.
# OLLAMA_TAP_CROSS_DIR is where cargo builds for the targets, if not where it builds all else; OLLAMA_TAP_DIST where archives go to,
# if not dist.
#
# Each archive holds the executable, README, LICENSE, the licences of what it is made of, and the man page and completions or, for
# Windows, what installs it. The executable needs no library beyond what every such system has: on Linux it is static, on Windows it
# brings its C runtime. Packing the same twice gives the same bytes: their time is SOURCE_DATE_EPOCH, or that of the last commit.
#
# The library of Rust is made from its source (`rustup component add rust-src`, or Debian's rustc-web, cargo-web and rust-web-src), by
# the nightly means of a stable compiler: as small as all else, and without what reads the names in a backtrace, which are stripped
# anyway. For musl the Python packages ziglang and cargo-zigbuild bring the C compiler and the linker; the executable of musl-gcc,
# or with the library that rustup brings, is larger than is promised. Other targets are built on a system of their kind (`rustup
# target add TARGET`). Packing needs Python 3, and packages nfpm.
#
# musl's own allocator stays: mimalloc in its place was no faster within what can be measured, and took three times the memory.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly dist=${OLLAMA_TAP_DIST:-dist} built=${OLLAMA_TAP_CROSS_DIR:-${CARGO_TARGET_DIR:-target}}
readonly crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
readonly library=("-Zbuild-std=std,panic_unwind" -Zbuild-std-features=panic-unwind)
readonly max_size=$((8 * 1000 * 1000)) # bytes of an executable, and of each half of a universal one; a promise of the README
readonly oldest=315532800 # the first second that a zip knows: for what is no checkout
readonly targets=(
    x86_64-unknown-linux-musl
    aarch64-unknown-linux-musl
    x86_64-apple-darwin
    aarch64-apple-darwin
    universal-apple-darwin
    x86_64-pc-windows-msvc
    aarch64-pc-windows-msvc
)

main() {
    local packs_only=
    profile=release
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo "$oldest")}
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT
    while [ $# -gt 0 ]; do
        case $1 in
            --manifests) manifests; return ;;
            --pack) packs_only=1 ;;
            --profile) profile=$2 && shift ;;
            *) break ;;
        esac
        shift
    done
    mkdir -p "$dist"
    choose_compiler
    # shellcheck disable=SC2046 # names of targets, a word each
    if [ $# -eq 0 ]; then set -- $(buildable); fi
    for target; do
        [ -n "$packs_only" ] || build "$target"
        pack "$target"
    done
    sums
}

buildable() {
    for target in "${targets[@]}"; do
        if [ -n "$(way_to "$target")" ]; then echo "$target"; else echo "skipped $target: no way to build it is here" >&2; fi
    done
}

# BUILDING

# How this machine builds a target: zig, rustup, lipo, or nothing.
way_to() {
    if [ "$1" = universal-apple-darwin ]; then
        command -v lipo >/dev/null && echo lipo
    elif [ ! -d "$source" ]; then
        return
    elif [[ $1 == *-linux-musl ]]; then
        command -v cargo-zigbuild >/dev/null && echo zig
    elif [ -n "$(find "$("$rustc" --print target-libdir --target "$1" 2>/dev/null)" -name 'libstd-*' 2>/dev/null)" ]; then
        echo rustup
    fi
}

# The compiler that has the source of its library, and where that is: the one on the PATH, such as rustup's, else Debian's.
choose_compiler() {
    for cargo in cargo /usr/bin/cargo; do
        rustc=${cargo/%cargo/rustc}
        source=$("$rustc" --print sysroot 2>/dev/null || true)/lib/rustlib/src/rust
        if [ -d "$source" ]; then break; fi
    done
}

build() {
    local way flags
    way=$(way_to "$1") || true
    flags=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$1")_RUSTFLAGS
    echo "building $1 ($way, $profile)"
    local options=(--locked --profile "$profile" --target "$1" --target-dir "$built" "${library[@]}")
    case $way in
        # zig links what rustc would bring itself.
        zig) env "$flags=$(flags "$1") -C link-self-contained=no" RUSTC_BOOTSTRAP=1 RUSTC="$rustc" CARGO="$cargo" \
            cargo-zigbuild zigbuild "${options[@]}" ;;
        rustup) env "$flags=$(flags "$1")" RUSTC_BOOTSTRAP=1 cargo build "${options[@]}" ;;
        lipo) join ;;
        *) fail "$1 cannot be built here; the head of this script says what it takes" ;;
    esac
    check "$1"
}

# The names of sources, which panics tell, are the same on every machine. Every system but macOS, which has no static C library, takes
# a static executable.
flags() {
    local flags=("--remap-path-prefix=$(native "$crates")=crates" "--remap-path-prefix=$(native "$PWD")=ollama-tap"
        "--remap-path-prefix=$(native "$source")=rustc")
    if [[ $1 != *-apple-* ]]; then flags+=(-C target-feature=+crt-static); fi
    echo "${flags[*]}"
}

# A path as programs of this system write it.
native() {
    if command -v cygpath >/dev/null; then cygpath -w "$1"; else echo "$1"; fi
}

join() {
    mkdir -p "$built/universal-apple-darwin/$profile"
    lipo -create -output "$(executable universal-apple-darwin)" "$(executable x86_64-apple-darwin)" "$(executable aarch64-apple-darwin)"
}

check() {
    local executable size
    executable=$(executable "$1")
    size=$(wc -c <"$executable")
    echo "$executable: $((size)) bytes"
    if [ "$1" != universal-apple-darwin ] && [ "$profile" = release ] && ((size >= max_size)); then
        fail "$executable is larger than $max_size bytes"
    fi
    for place in "$crates" "$PWD" "$source"; do
        if grep -aqF "$(native "$place/")" "$executable"; then fail "$executable names $place, a folder of this machine"; fi
    done
    if [[ $1 == *-linux-* ]] && readelf --dynamic "$executable" | grep NEEDED; then fail "$executable needs libraries"; fi
}

executable() {
    local suffix=
    if [[ $1 == *-windows-* ]]; then suffix=.exe; fi
    echo "$built/$1/$profile/ollama-tap$suffix"
}

# PACKING

pack() {
    local name=ollama-tap-$version-$1 kind=tar.gz
    mkdir "$stage/$name"
    cp "$(executable "$1")" README.md LICENSE "$stage/$name"
    python packaging/licences.py "${1/universal-/aarch64-}" >"$stage/$name/THIRD-PARTY-LICENSES.txt"
    if [[ $1 == *-windows-* ]]; then
        kind=zip
        cp install.ps1 packaging/windows/install_service.bat "$stage/$name"
        cp packaging/windows/README.md "$stage/$name/README-WINDOWS.md"
    else
        manual "$1" "$stage/$name"
    fi
    python packaging/archive.py "$stage/$name" "$dist/$name.$kind"
    if [[ $1 == *-linux-* ]]; then packages "$1" "$stage/$name"; fi
}

# For Debian and Red Hat, and their kin: the same files where those systems look for them.
packages() {
    command -v nfpm >/dev/null || fail "packages need nfpm; .ci/run says which"
    gzip -9n "$2/ollama-tap.1"
    STAGE=$2 VERSION=$version ARCH=$(packages_arch "$1")
    export STAGE VERSION ARCH
    ZSH_FUNCTIONS=/usr/share/zsh/vendor-completions nfpm package --config packaging/packages/nfpm.yaml --packager deb --target "$dist"
    ZSH_FUNCTIONS=/usr/share/zsh/site-functions nfpm package --config packaging/packages/nfpm.yaml --packager rpm --target "$dist"
}

# The processor as Debian calls it, which nfpm translates.
packages_arch() {
    case $1 in
        x86_64-*) echo amd64 ;;
        aarch64-*) echo arm64 ;;
    esac
}

# On Windows `python3` may be a stub that offers to install one.
python() {
    if python3 --version >/dev/null 2>&1; then python3 "$@"; else command python "$@"; fi
}

# The man page and the completions, as the executable prints them; one for another system does not run here, so that one for this is
# built.
manual() {
    local printer
    printer=$(executable "$1")
    if ! "$printer" --version >/dev/null 2>&1; then
        printer=${CARGO_TARGET_DIR:-target}/debug/ollama-tap
        cargo build --quiet --locked --bin ollama-tap
    fi
    mkdir -p "$2/completions"
    "$printer" man >"$2/ollama-tap.1"
    "$printer" completions bash >"$2/completions/ollama-tap.bash"
    "$printer" completions zsh >"$2/completions/_ollama-tap"
    "$printer" completions fish >"$2/completions/ollama-tap.fish"
}

# The files of packaging/manifests with the version, and the checksums of a release, which must be whole.
manifests() {
    local words=$stage/words file
    for target in "${targets[@]}"; do
        grep -q " [ *]ollama-tap-$version-$target\." "$dist/SHA256SUMS" || fail "SHA256SUMS lacks what was built for $target"
    done
    {
        echo "s/@VERSION@/$version/g"
        sed -n "s/^\\([0-9a-f]*\\) [ *]ollama-tap-$version-\\(.*\\)/s#@SHA256 \\2@#\\1#/p" "$dist/SHA256SUMS"
    } >"$words"
    mkdir -p "$dist/manifests/winget"
    (cd packaging/manifests && find . -type f ! -name '*.md') | while read -r file; do
        sed -f "$words" "packaging/manifests/$file" >"$dist/manifests/$file"
        if grep -n '@SHA256' "$dist/manifests/$file"; then fail "SHA256SUMS lacks what $file names"; fi
    done
    python packaging/archive.py "$dist/manifests" "$dist/manifests.tar.gz"
}

# One line a file of this version, as sha256sum writes and reads it. Packages of 0.3.0-rc.1 are of 0.3.0~rc.1, which comes before 0.3.0.
sums() {
    cd "$dist"
    shopt -s nullglob
    local sign='~'
    local packed=${version/-/$sign} files
    files=(ollama-tap-"$version"-*.{tar.gz,zip} ollama-tap[-_]"$packed"[-_]*.{deb,rpm})
    [ ${#files[@]} -gt 0 ] || fail "nothing was built"
    if command -v sha256sum >/dev/null; then sha256sum "${files[@]}"; else shasum -a 256 "${files[@]}"; fi | tee SHA256SUMS
}

fail() {
    echo "release.sh: $*" >&2
    exit 1
}

main "$@"
