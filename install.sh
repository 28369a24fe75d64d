#!/bin/sh
# Installs Ollama Tap, brings it up to date, or removes it.
#
#   curl -fsSL ADDRESS/install.sh | sh                     into ~/.local, or as root into /usr/local
#   curl -fsSL ADDRESS/install.sh | sudo sh -s -- --service    and have the system run it, now and at boot
#   ./install.sh                                           from a checkout: builds it, and installs what it built
#
# Every option has a variable, since a pipe takes no flags; a switch is on with any value but 0 and nothing:
#
#   --prefix DIR     OLLAMA_TAP_PREFIX      where bin and share are; default /usr/local for root, else ~/.local
#   --version V      OLLAMA_TAP_VERSION     this release, such as 0.1.0; default the newest
#   --base-url URL   OLLAMA_TAP_BASE_URL    a place that has the archives and SHA256SUMS; default the project's releases
#   --service        OLLAMA_TAP_SERVICE     also runs `ollama-tap service install`; needs root
#   --uninstall      OLLAMA_TAP_UNINSTALL   removes what was installed, and the service; the history stays
#   --purge          OLLAMA_TAP_PURGE       the same, and deletes the history, settings and log as well
#
# Whatever fails or is interrupted is taken back: what was there before is there again, and runs again if it ran.
# A download is only used where its SHA-256 is that of the release's SHA256SUMS, and where it runs on this machine.
set -eu
umask 022

releases=https://github.com/ollama-tap/ollama-tap/releases

main() {
    read_options "$@"
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if is_on "$uninstall" || is_on "$purge"; then
        remove
    else
        install
    fi
}

# The variables first, the flags over them.
read_options() {
    prefix=${OLLAMA_TAP_PREFIX:-}
    version=${OLLAMA_TAP_VERSION:-}
    base_url=${OLLAMA_TAP_BASE_URL:-}
    service=${OLLAMA_TAP_SERVICE:-}
    uninstall=${OLLAMA_TAP_UNINSTALL:-}
    purge=${OLLAMA_TAP_PURGE:-}
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix | --version | --base-url) [ $# -ge 2 ] || misused "$1 needs a value" ;;
        esac
        case $1 in
            --prefix) prefix=$2 && shift ;;
            --prefix=*) prefix=${1#*=} ;;
            --version) version=$2 && shift ;;
            --version=*) version=${1#*=} ;;
            --base-url) base_url=$2 && shift ;;
            --base-url=*) base_url=${1#*=} ;;
            --service) service=1 ;;
            --uninstall) uninstall=1 ;;
            --purge) purge=1 ;;
            -h | --help) usage && exit 0 ;;
            *) misused "unknown option $1" ;;
        esac
        shift
    done
    check_options
}

check_options() {
    if [ -z "$prefix" ]; then
        prefix=/usr/local
        is_root || prefix=${HOME:?is not set: give --prefix}/.local
    fi
    prefix=${prefix%/}
    case $prefix in
        '' | /*) ;;
        *) prefix=$PWD/$prefix ;;
    esac
    version=${version#v}
    case $version in
        *[!0-9A-Za-z.+-]*) misused "--version $version is no version; one is 0.1.0" ;;
    esac
    base_url=${base_url%/}
    if [ -n "$base_url" ]; then check_address "$base_url"; fi
    if is_on "$service" && ! is_root; then
        fail "--service needs root, to tell the system what to run; use sudo, or leave it out"
    fi
    exe=$prefix/bin/ollama-tap
    list=$prefix/share/ollama-tap/installed
    stage='' drafts='' placed='' made='' stopped='' begun=''
}

# https, or http on this machine, where nobody else listens in.
check_address() {
    case $1 in
        *[[:space:]]*) ;;
        https://*) return ;;
        http://*@*) ;;
        http://localhost[:/]* | http://127.0.0.1[:/]* | 'http://[::1]'[:/]*) return ;;
        http://localhost | http://127.0.0.1 | 'http://[::1]') return ;;
    esac
    misused "--base-url $1: only https is taken, or http on this machine"
}

usage() {
    echo "usage: install.sh [--prefix DIR] [--version V] [--base-url URL] [--service | --uninstall | --purge]"
    echo "Installs Ollama Tap into DIR (default /usr/local for root, else ~/.local), brings it up to date, or removes it."
    echo "Each option has a variable: OLLAMA_TAP_PREFIX, _VERSION, _BASE_URL, _SERVICE, _UNINSTALL, _PURGE."
}

# INSTALL

install() {
    need mktemp cp mv rm mkdir chmod
    stage=$(mktemp -d "${TMPDIR:-/tmp}/ollama-tap.XXXXXX")
    if is_checkout; then
        build
    else
        download
    fi
    new=$("$stage/ollama-tap" --version </dev/null) || fail "the new ollama-tap does not run on this machine (or nothing runs in $stage: set TMPDIR); nothing was changed"
    old=$(installed_version)
    stop_service
    place_all
    start_service
    keep
    report
}

# Whether this script is a file that lies in a checkout, and nobody asked for a release.
is_checkout() {
    [ -z "$version$base_url" ] || return 1
    case $0 in
        *install.sh) ;;
        *) return 1 ;;
    esac
    checkout=$(cd "$(dirname "$0")" && pwd)
    grep -qs '^name = "ollama-tap"$' "$checkout/Cargo.toml"
}

build() {
    command -v cargo >/dev/null 2>&1 || fail "building $checkout needs Rust: install it from https://rustup.rs, or give --version to download a release"
    say "building $checkout; this takes some minutes, and downloads the crates that it is made of"
    cargo install --quiet --locked --no-track --path "$checkout" --root "$stage/built" || fail "the build failed; nothing was changed"
    mv "$stage/built/bin/ollama-tap" "$stage/ollama-tap"
    mkdir "$stage/completions"
    write_manual ollama-tap.1 man
    write_manual completions/ollama-tap.bash completions bash
    write_manual completions/_ollama-tap completions zsh
    write_manual completions/ollama-tap.fish completions fish
}

# Has what was built write a file of the stage, the first word; those after it say which one it is.
write_manual() {
    written=$1
    shift
    "$stage/ollama-tap" "$@" >"$stage/$written" || fail "what was built does not run in $stage (set TMPDIR); nothing was changed"
}

download() {
    need uname sed grep
    target=$(target)
    need curl tar
    sums=${base_url:-$(release_url)}/SHA256SUMS
    say "looking for a release for $target at ${sums%/*}"
    fetch "$sums" "$stage/SHA256SUMS"
    choose_archive
    version=${archive#ollama-tap-}
    version=${version%-"$target".tar.gz}
    from=${base_url:-$(release_url)}/$archive
    say "downloading $from"
    fetch "$from" "$stage/$archive"
    check_sum
    tar -xzof "$stage/$archive" -C "$stage" || fail "$archive cannot be unpacked; nothing was changed"
    mv "$stage/${archive%.tar.gz}"/* "$stage" || fail "$archive holds no release; nothing was changed"
}

release_url() {
    if [ -n "$version" ]; then echo "$releases/download/v$version"; else echo "$releases/latest/download"; fi
}

# The one archive for this machine that SHA256SUMS lists.
choose_archive() {
    archive=$(sed -n "s/^[0-9a-f]\{64\} [ *]\(ollama-tap-.*-$target\.tar\.gz\)$/\1/p" "$stage/SHA256SUMS")
    if [ -n "$version" ]; then
        archive=$(echo "$archive" | grep -Fx "ollama-tap-$version-$target.tar.gz" || true)
    fi
    case $archive in
        '') fail "$sums lists no release ${version:+$version }for $target; build it from a checkout instead" ;;
        *"$newline"*) fail "$sums lists more than one release for $target; choose one with --version" ;;
        */*) fail "$sums lists $archive, which is no file name" ;;
    esac
}

newline='
'

target() {
    system=$(uname -s)
    machine=$(uname -m)
    if [ "$system" = Darwin ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then
        machine=arm64 # a shell under Rosetta says otherwise
    fi
    case $system-$machine in
        Linux-x86_64 | Linux-amd64) echo x86_64-unknown-linux-musl ;;
        Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
        Darwin-x86_64) echo x86_64-apple-darwin ;;
        Darwin-arm64) echo aarch64-apple-darwin ;;
        *) fail "there is no release for $system on $machine; build it from a checkout with ./install.sh" ;;
    esac
}

# A redirection must lead to https, too.
fetch() {
    curl --proto '=https,http' --proto-redir '=https' --tlsv1.2 -fsSL -o "$2" "$1" || fail "cannot download $1; nothing was changed"
}

check_sum() {
    wanted=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive$/\1/p" "$stage/SHA256SUMS")
    found=$(sha256 "$stage/$archive")
    [ "$found" = "$wanted" ] || fail "$archive is not what SHA256SUMS says: it is $found and should be $wanted; nothing was changed, try again"
    say "its SHA-256 is right"
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum <"$1" | cut -d ' ' -f 1
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 <"$1" | cut -d ' ' -f 1
    elif command -v openssl >/dev/null 2>&1; then
        openssl dgst -sha256 <"$1" | sed 's/^.*= *//'
    else
        fail "checking the download needs sha256sum, shasum or openssl, none of which is here"
    fi
}

installed_version() {
    if [ -x "$exe" ]; then "$exe" --version </dev/null 2>/dev/null || echo "an ollama-tap that does not run"; fi
}

# Only root's is the system's, and only where the old one knows of services.
service_runs() {
    is_root && [ -x "$exe" ] && "$exe" service status </dev/null >/dev/null 2>&1
}

stop_service() {
    service_runs || return 0
    say "stopping the service"
    stopped=1
    "$exe" service stop </dev/null || fail "the service does not stop"
}

place_all() {
    place "$stage/ollama-tap" "$exe" 755
    place "$stage/ollama-tap.1" "$prefix/share/man/man1/ollama-tap.1" 644
    place "$stage/completions/ollama-tap.bash" "$prefix/share/bash-completion/completions/ollama-tap" 644
    place "$stage/completions/_ollama-tap" "$prefix/share/zsh/site-functions/_ollama-tap" 644
    place "$stage/completions/ollama-tap.fish" "$prefix/share/fish/vendor_completions.d/ollama-tap.fish" 644
    list_installed
}

# Puts a file of the stage into its place by renaming it there, and keeps what was there before.
place() {
    [ -f "$1" ] || return 0
    make_directory "$(dirname "$2")"
    [ ! -d "$2" ] || fail "$2 is a directory; nothing can be put there"
    drafts="$2$newline$drafts"
    cp "$1" "$2.new-$$" || fail "cannot write in $(dirname "$2"); choose another place with --prefix, or use sudo"
    chmod "$3" "$2.new-$$"
    if is_there "$2"; then
        say "replacing $2"
        cp -pP "$2" "$2.old-$$"
    else
        say "writing $2"
    fi
    placed="$2$newline$placed"
    mv -f "$2.new-$$" "$2"
}

# Makes a directory and those above it, and remembers the ones that were not there.
make_directory() {
    [ ! -d "$1" ] || return 0
    make_directory "$(dirname "$1")"
    made="$1$newline$made"
    mkdir "$1" || fail "cannot make the directory $1; choose another place with --prefix, or use sudo"
}

# What --uninstall will remove, last made first; what an earlier run made is still ours.
list_installed() {
    make_directory "$(dirname "$list")"
    printf '%s\n' "$placed$list$newline$made" | grep . >"$stage/installed"
    cp "$stage/installed" "$stage/list"
    if [ -f "$list" ]; then grep -Fxv -f "$stage/installed" "$list" >>"$stage/list" || true; fi
    place "$stage/list" "$list" 644
}

start_service() {
    if is_on "$service"; then
        say "installing the service"
        [ -n "$stopped" ] || has_service || begun=1
        "$exe" service install </dev/null || fail "the service cannot be installed"
    elif [ -n "$stopped" ]; then
        say "starting the service"
        "$exe" service start </dev/null || fail "the new ollama-tap does not start"
    else
        "$exe" --version </dev/null >/dev/null || fail "$exe does not run"
    fi
}

# From here on nothing is taken back.
keep() { placed='' made='' stopped='' begun=''; }

report() {
    case $old in
        '') say "installed $new" ;;
        "$new") say "$new is installed, as it was before" ;;
        *) say "installed $new in place of $old; what you started yourself goes on as it was until you start it again" ;;
    esac
    case :${PATH:-}: in
        *:"$prefix/bin":*) ;;
        *) say "$prefix/bin is not on your PATH: add it there, or call $exe" ;;
    esac
    has_ollama || say "Ollama itself is not installed: get it from https://ollama.com/download, or with 'curl -fsSL https://ollama.com/install.sh | sh'; 'ollama-tap proxy --upstream URL' taps one elsewhere"
}

has_ollama() {
    command -v ollama >/dev/null 2>&1 && return
    for path in /usr/local/bin /usr/bin /opt/homebrew/bin /Applications/Ollama.app/Contents/Resources; do
        [ ! -x "$path/ollama" ] || return 0
    done
    return 1
}

# UNINSTALL

remove() {
    remove_service
    if [ -f "$list" ]; then
        each_line "$(cat "$list")" remove_placed
    elif [ -e "$exe" ]; then
        remove_placed "$exe"
    else
        say "no ollama-tap is installed in $prefix"
    fi
    remove_history
}

# The service can only be removed while its executable is there to do it.
remove_service() {
    [ -x "$exe" ] && has_service || return 0
    is_root || fail "the service needs root to be removed: use sudo; nothing was changed"
    say "removing the service"
    if is_on "$purge"; then
        "$exe" service uninstall --purge </dev/null || fail "the service cannot be removed; nothing else was changed"
    else
        "$exe" service uninstall </dev/null || fail "the service cannot be removed; nothing else was changed"
    fi
}

has_service() {
    [ -e /etc/systemd/system/ollama-tap.service ] || [ -e /Library/LaunchDaemons/io.github.ollama-tap.plist ]
}

remove_placed() {
    if [ -d "$1" ] && [ ! -h "$1" ]; then
        remove_directory "$1"
    elif is_there "$1"; then
        say "removing $1"
        rm -f "$1" || fail "cannot remove $1; use sudo if it is root's"
    fi
}

# Others may have put something into it since.
remove_directory() { rmdir "$1" 2>/dev/null || true; }

# What taps kept that were started for one command. Others were told where by whoever started them.
remove_history() {
    state=${XDG_STATE_HOME:-${HOME:-}/.local/state}/ollama-tap
    if [ ! -d "$state" ]; then
        return
    elif is_on "$purge"; then
        name_histories
        say "deleting the history in $state"
        rm -rf "$state"
    else
        say "the history stays in $state; --purge deletes it"
    fi
}

# Where other taps wrote, they have noted there.
name_histories() {
    [ -f "$state/histories" ] || return 0
    while read -r _ _ path; do
        if [ -d "$path" ]; then say "the history in $path stays; delete it with: rm -r '$path'"; fi
    done <"$state/histories"
}

# TAKING BACK

# Runs at every end: takes back what was not finished.
clean_up() {
    status=$?
    set +e
    trap '' HUP INT TERM
    trap - EXIT
    if [ -n "$begun" ]; then "$exe" service uninstall </dev/null || true; fi
    if [ -n "$placed$made" ]; then say "taking it back: all is put as it was before"; fi
    each_line "$placed" put_back
    each_line "$drafts" discard_drafts
    each_line "$made" remove_directory
    if [ -n "$stopped" ] && [ -x "$exe" ]; then
        say "starting the service again"
        "$exe" service start </dev/null || say "the service does not start; see 'ollama-tap service logs'"
    fi
    if [ -n "$stage" ]; then rm -rf "$stage"; fi
    exit "$status"
}

# A draft that is still there was not put into its place yet.
put_back() {
    if is_there "$1.new-$$"; then
        return
    elif is_there "$1.old-$$"; then
        mv -f "$1.old-$$" "$1"
    else
        rm -f "$1"
    fi
}

discard_drafts() { rm -f "$1.new-$$" "$1.old-$$"; }

# SMALL TOOLS

# Calls a function with every line of a text.
each_line() {
    while IFS= read -r line; do
        if [ -n "$line" ]; then "$2" "$line"; fi
    done <<end
$1
end
}

need() {
    for tool; do
        command -v "$tool" >/dev/null 2>&1 || fail "this needs $tool, which is not here"
    done
}

is_there() { [ -e "$1" ] || [ -h "$1" ]; }

is_on() { [ -n "$1" ] && [ "$1" != 0 ]; }

is_root() { [ "$(id -u)" = 0 ]; }

say() { echo "ollama-tap: $*"; }

fail() {
    echo "ollama-tap: $*" >&2
    exit 1
}

misused() {
    echo "ollama-tap: $*; see --help" >&2
    exit 2
}

main "$@"
