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
# Whatever fails or is interrupted is taken back: what was there before is there again, and runs again if it ran. A removal is taken
# back until the service is removed; from then on it goes on, says what is left, and the same command finishes it. What a killed run
# left is taken back, or finished, by the next run of any kind. A download is only used where its SHA-256 is that of the release's
# SHA256SUMS, and where it runs on this machine.
set -eu
umask 022

releases=https://github.com/ollama-tap/ollama-tap/releases

# Where `ollama-tap service install` registers the service.
units=/etc/systemd/system
plist=/Library/LaunchDaemons/io.github.ollama-tap.plist
settings=/etc/ollama-tap.env
copy=/usr/local/bin/ollama-tap # of an executable that others may not run, or that may go

main() {
    read_options "$@"
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM
    begin
    if is_removal; then
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
        if is_root; then respect_package; else prefix=${HOME:?is not set: give --prefix}/.local; fi
    fi
    prefix=${prefix%/}
    case $prefix in
        *"$newline"*) misused "--prefix may hold no line break" ;;
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
}

newline='
'

respect_package() {
    [ ! -e /usr/bin/ollama-tap ] ||
        fail "a package has installed /usr/bin/ollama-tap: upgrade and remove it as you installed it; --prefix /usr/local is for one beside it"
}

is_removal() { is_on "$uninstall" || is_on "$purge"; }

# https, or http on this machine, where nobody else listens in.
check_address() {
    case $1 in
        *[[:space:]]*) misused "--base-url holds a space: only https is taken, or http on this machine, and no space" ;;
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

# A RUN, AND WHAT TAKES IT BACK

work='' kept=0 left='' removing=''

# A run keeps what it needs in a directory of its own: what it will install, copies of what was there before (kept-1, kept-2 …), and a
# journal. A line of that is written before what it tells is done, and to undo it is harmless where that was not done:
#
#   made DIR          a directory that was not there
#   wrote FILE        a file that was not there
#   kept N FILE       a file whose copy is kept-N
#   service STATE     from here on the service is changed, which was `started` or `stopped`
#   unregister STATE  the same, by a removal
#
# Whatever ends a run, its journal is undone: by the run itself or, where it was killed, by the next one. A removal is the undoing of
# an installation: what it takes away is a journal too (`removal`), which counts instead once the service is gone.
begin() {
    need cat chmod cp cut dirname grep id ls mkdir mv rm rmdir sed
    look_for_others
    remove_old_leftovers
    place=$(work_place)
    work=$place/.ollama-tap-$$-$(born $$)
    if mkdir -m 700 "$work" 2>/dev/null; then
        look_for_others # one that began at the same moment
    elif is_removal && ! is_there "$list" && ! is_there "$exe"; then
        work=''
    else
        work=''
        fail "cannot write in $place; choose another place with --prefix, or use sudo"
    fi
}

# The nearest directory to the executable that is there and stays: what is renamed from there into its place is there at once.
work_place() {
    place=$prefix/bin
    while [ ! -d "$place" ] || grep -Fxqs -e "$place" "$list"; do place=$(dirname "$place"); done
    echo "${place%/}"
}

# Waits for nobody: two runs at once would undo each other.
look_for_others() {
    place=$prefix/bin/ollama-tap
    while [ -n "$place" ]; do
        place=${place%/*}
        for found in "$place"/.ollama-tap-*-*; do look_at "$found"; done
    done
}

# The directory of another run. One of another user is nobody's to trust.
look_at() {
    if [ "$1" = "$work" ] || [ ! -d "$1" ] || [ -h "$1" ]; then return 0; fi
    # shellcheck disable=SC3067 # not in POSIX, but in every shell that is somebody's sh
    [ -O "$1" ] || return 0
    name=${1##*/.ollama-tap-}
    process=${name%%-*}
    is_number "$process" || return 0
    if [ -n "${name#*-}" ] && [ "$(born "$process")" = "${name#*-}" ]; then
        fail "another run is under way (process $process): wait until it has ended"
    fi
    say "an earlier run did not end"
    undo "$1"
    [ -z "$left" ] || fail "what that run began cannot be undone: $left"
    forget "$1"
}

# When a process began, since its number will be another's one day; nothing where it has ended.
born() {
    if [ -r /proc/self/stat ]; then
        sed -n 's/.*) [^ZX] //p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 19
    else
        ps -o lstart= -p "$1" 2>/dev/null | sed 's/[^0-9A-Za-z]//g'
    fi
}

# Drafts and copies that a killed run of version 0.1.0 left beside the files, with its process in their names, and its directory.
remove_old_leftovers() {
    for found in "$exe".[no][el][wd]-* "$prefix"/share/man/man1/ollama-tap.1.[no][el][wd]-* \
        "$prefix"/share/*/*/ollama-tap.[no][el][wd]-* "$prefix"/share/*/*/_ollama-tap.[no][el][wd]-* \
        "$prefix"/share/*/*/ollama-tap.fish.[no][el][wd]-* "$list".[no][el][wd]-*; do
        process=${found##*-}
        if is_there "$found" && is_number "$process" && [ -z "$(born "$process")" ]; then remove_file "$found"; fi
    done
    for found in "${TMPDIR:-/tmp}"/ollama-tap.??????; do
        # shellcheck disable=SC3067
        if [ -d "$found" ] && [ -O "$found" ] && [ -n "$(find "$found" -prune -type d -mtime +0)" ]; then rm -rf "$found"; fi
    done
}

note() { [ -z "$work" ] || printf '%s\n' "$*" >>"$work/journal"; }

# Remembers a file as it is.
save() {
    if is_there "$1"; then
        kept=$((kept + 1))
        cp -pP "$1" "$work/kept-$kept" || fail "cannot keep a copy of $1"
        note "kept $kept $1"
    else
        note "wrote $1"
    fi
}

# From here on nothing is taken back.
keep() { [ -z "$work" ] || rm -f "$work/journal"; }

# Runs at every end.
clean_up() {
    status=$?
    set +e
    trap '' HUP INT PIPE TERM
    trap - EXIT
    if [ -n "$work" ]; then
        undo "$work"
        if [ -z "$left" ]; then forget "$work"; else say "that cannot be undone, and the next run tries again: $left"; fi
    fi
    exit "$status"
}

forget() {
    rm -f "$1/journal" "$1/removal"
    rm -rf "$1"
}

# Undoes what a run has done, its last line first, or finishes what it was to remove.
undo() {
    from=$1 moved=''
    journal=$from/journal
    if [ -s "$from/removal" ] && ! { grep -qs '^unregister ' "$journal" && has_service; }; then
        journal=$from/removal
        [ -n "$removing" ] || say "finishing the removal"
    elif [ -s "$journal" ]; then
        say "taking it back: all is put as it was before"
    else
        return 0
    fi
    was=$(sed -n 's/^service //p; s/^unregister //p' "$journal")
    if [ -n "$was" ] && has_service; then stop_service; fi
    each_line "$(backwards "$journal")" undo_line
    if grep -qs " $units/" "$journal"; then reload; fi
    if [ "$was" = started ] && has_service; then start_again; fi
}

backwards() { sed -n '1!G;h;$p' "$1"; }

undo_line() {
    what=${1#* }
    case $1 in
        'made '*) remove_directory "$what" ;;
        'wrote '*) remove_file "$what" ;;
        'kept '*) put_back "$from/kept-${what%% *}" "${what#* }" ;;
        'tree '*) remove_tree "$what" ;;
        'user '*) remove_user "$what" ;;
        'moved '*) moved=1 ;;
    esac
}

# Others may have put something into it since.
remove_directory() {
    if [ -d "$1" ] && ! rmdir "$1" 2>/dev/null && [ -z "$(ls -A "$1")" ]; then add_left "cannot remove the directory $1"; fi
}

remove_file() {
    is_there "$1" || return 0
    say "removing $1"
    note_moved "$1"
    rm -f "$1" || add_left "cannot remove $1; use sudo if it is root's"
}

put_back() {
    is_there "$1" || return 0
    cmp -s "$1" "$2" || note_moved "$2"
    [ -d "$(dirname "$2")" ] || mkdir -p "$(dirname "$2")"
    mv -f "$1" "$2" || add_left "cannot put $2 back"
}

# Histories go last, and only where nothing else is left.
remove_tree() {
    if [ -n "$left" ] || [ ! -d "$1" ]; then return 0; fi
    say "deleting the history in $1"
    rm -rf "$1" || add_left "cannot delete $1"
}

remove_user() {
    grep -qs "^$1:" /etc/passwd || return 0
    say "removing the user $1"
    userdel "$1" || add_left "cannot remove the user $1"
}

add_left() { left="${left:+$left; }$1"; }

# INSTALL

install() {
    stage=$work/new
    mkdir "$stage"
    if is_checkout; then
        build
    else
        download
    fi
    new=$("$stage/ollama-tap" --version </dev/null) || fail "the new ollama-tap does not run on this machine (or nothing runs in $stage); nothing was changed"
    old=$(installed_version)
    place_all
    bring_service
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
    "$stage/ollama-tap" "$@" >"$stage/$written" || fail "what was built does not run in $stage; nothing was changed"
}

download() {
    need uname tar
    target=$(target)
    say "looking for a release for $target at ${base_url:-$(release_url)}"
    sums=$(address SHA256SUMS)
    fetch "$sums" "$stage/SHA256SUMS"
    choose_archive
    version=${archive#ollama-tap-}
    version=${version%-"$target".tar.gz}
    say "downloading $(address "$archive")"
    fetch "$(address "$archive")" "$stage/$archive"
    check_sum
    tar -xzof "$stage/$archive" -C "$stage" || fail "$archive cannot be unpacked; nothing was changed"
    mv "$stage/${archive%.tar.gz}"/* "$stage" || fail "$archive holds no release; nothing was changed"
}

# Where a file of the release is. What follows a question mark, such as a token, stays at the end.
address() {
    case $base_url in
        *\?*) echo "${base_url%%\?*}/$1?${base_url#*\?}" ;;
        *) echo "${base_url:-$(release_url)}/$1" ;;
    esac
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

# What curl or wget says of a failure goes through `hide`: both repeat addresses, also those of proxies, with their passwords.
fetch() {
    if command -v curl >/dev/null 2>&1; then
        by_curl "$1" "$2" 2>"$work/said" || not_fetched "$1"
    elif command -v wget >/dev/null 2>&1; then
        by_wget "$1" "$2" 2>"$work/said" || not_fetched "$1"
    else
        fail "a download needs curl or wget, neither of which is here"
    fi
}

not_fetched() {
    hide "$(grep -e '^curl:' -e '^wget:' -e ERROR "$work/said" || sed '/^ /d; /^$/d' "$work/said" | sed -n '$p')" >&2
    fail "cannot download $1; nothing was changed"
}

# A redirection must lead to https, too.
by_curl() { curl --proto '=https,http' --proto-redir '=https' --tlsv1.2 -fsSL -o "$2" "$1"; }

# No option of wget's says so, and busybox has another wget: the heads of all answers are looked through.
by_wget() {
    wget -S -O "$2" "$1" || return
    if grep -qi '^ *location: *http:' "$work/said"; then
        echo "it leads to an address that is not https" >&2
        return 1
    fi
    if grep -qi 'certificate.*not' "$work/said"; then say "this wget does not check who answers: $(grep -i certificate "$work/said")"; fi
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
    if tap_runs; then
        tap --version
    elif is_there "$exe"; then
        echo "an ollama-tap that does not run"
    fi
}

# The installed executable.
tap() { "$exe" "$@" </dev/null; }

# A virus scanner may have taken it, or something else may be in its place.
tap_runs() {
    [ -f "$exe" ] && [ -x "$exe" ] || return 1
    case $(tap --version 2>/dev/null) in
        'ollama-tap '*) ;;
        *) return 1 ;;
    esac
}

place_all() {
    broken=1
    if tap_runs; then broken=''; fi
    place "$stage/ollama-tap" "$exe" 755
    place "$stage/ollama-tap.1" "$prefix/share/man/man1/ollama-tap.1" 644
    place "$stage/completions/ollama-tap.bash" "$prefix/share/bash-completion/completions/ollama-tap" 644
    place "$stage/completions/_ollama-tap" "$prefix/share/zsh/site-functions/_ollama-tap" 644
    place "$stage/completions/ollama-tap.fish" "$prefix/share/fish/vendor_completions.d/ollama-tap.fish" 644
    list_installed
    tap --version >/dev/null || fail "$exe does not run"
}

# Puts a file of the stage into its place by renaming it there; what runs goes on with the file that it has open.
place() {
    [ -f "$1" ] || return 0
    make_directory "$(dirname "$2")"
    [ ! -d "$2" ] || fail "$2 is a directory; nothing can be put there"
    if is_there "$2"; then say "replacing $2"; else say "writing $2"; fi
    chmod "$3" "$1"
    save "$2"
    mv -f "$1" "$2" || fail "cannot write in $(dirname "$2"); choose another place with --prefix, or use sudo"
}

# Makes a directory and those above it.
make_directory() {
    [ ! -d "$1" ] || return 0
    make_directory "$(dirname "$1")"
    note "made $1"
    mkdir "$1" || fail "cannot make the directory $1; choose another place with --prefix, or use sudo"
}

# What --uninstall will remove, last made first; what an earlier run made is still ours.
list_installed() {
    make_directory "$(dirname "$list")"
    printf '%s\n' "$list" >"$stage/installed"
    backwards "$work/journal" | sed -n 's/^made //p; s/^wrote //p; s/^kept [0-9]* //p' | grep -Fxv -e "$list" >>"$stage/installed"
    if [ -f "$list" ]; then
        grep -Fxv -f "$list" "$stage/installed" >"$stage/list" || true
        cat "$list" >>"$stage/list"
        mv "$stage/list" "$stage/installed"
    fi
    place "$stage/installed" "$list" 644
}

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

# THE SERVICE

# The unit, or the property list; `unit` is the one that is there.
has_service() {
    for unit in "$units/ollama-tap.service" "$plist"; do
        if is_there "$unit"; then return; fi
    done
    return 1
}

# Whether it is the service of this installation: it runs this executable or, where root asks, a copy of one, or nobody can tell what.
is_our_service() {
    has_service || return 1
    program=$(service_program)
    case $program in
        '') is_root || [ "${prefix#"${HOME:-/}"/}" = "$prefix" ] ;;
        "$exe" | "$(whole_path)") ;;
        *) is_root && is_copied ;;
    esac
}

# The executable that the service runs; nothing where that cannot be read.
service_program() {
    case $unit in
        *.plist) sed -n '/<key>ProgramArguments</,/<\/string>/s/.*<string>\(.*\)<\/string>.*/\1/p' "$unit" 2>/dev/null ||
            true ;;
        *) sed -n '/^ExecStart=/{
s/^ExecStart="\(.*\)" .*/\1/
s/^ExecStart=\([^ ]*\).*/\1/
s/\\\(.\)/\1/g
s/%%/%/g
s/\$\$/$/g
p
q
}' "$unit" 2>/dev/null || true ;;
    esac
}

# As the system names it where a directory above is a link.
whole_path() { if cd "$prefix/bin" 2>/dev/null; then echo "$(pwd -P)/ollama-tap"; fi; }

is_copied() { grep -qs -e '^Executable=copied$' -e 'the executable is a copy' "$unit"; }

# By hand, so that it does not start.
is_masked() { [ -h "$unit" ] && [ ! -f "$unit" ]; }

# Half of one, or one without its settings, says too little to be renewed.
is_whole() {
    case $unit in
        *.plist) grep -qs '</plist>' "$unit" ;;
        *) [ -n "$(service_program)" ] && [ -s "$settings" ] ;;
    esac
}

# `started`, also where it fails again and again, or `stopped` by somebody.
service_state() {
    case $unit in
        *.plist) if launchctl print system/io.github.ollama-tap >/dev/null 2>&1; then echo started; else echo stopped; fi ;;
        *) case $(systemctl show ollama-tap.service --property=ActiveState 2>/dev/null) in
            '' | *=inactive) echo stopped ;;
            *) echo started ;;
        esac ;;
    esac
}

stop_service() {
    case $unit in
        *.plist) launchctl bootout system/io.github.ollama-tap ;;
        *) systemctl stop ollama-tap.service ;;
    esac </dev/null >/dev/null 2>&1 || true
}

start_again() {
    say "starting the service again"
    case $unit in
        *.plist) bootstrap ;;
        *) systemctl start ollama-tap.service ;;
    esac </dev/null || say "the service does not start; see 'ollama-tap service logs'"
}

# It fails until the one that was stopped has ended.
bootstrap() {
    tries=0
    until launchctl bootstrap system "$plist" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 120 ] || return 1
        sleep 1
    done
}

# Has systemd read what changed, and Ollama with it where that was moved to another port or back.
reload() {
    command -v systemctl >/dev/null 2>&1 || return 0
    systemctl daemon-reload </dev/null >/dev/null 2>&1 || true
    if [ -n "$moved" ]; then systemctl try-restart ollama.service </dev/null || say "ollama.service does not start again"; fi
}

note_moved() { case $1 in "$units"/ollama.service.d/*) moved=1 ;; esac }

# What registers it, the unit first.
service_files() {
    printf '%s\n' "$plist" "${plist%.plist}.removed" "$units/ollama-tap.service" "$units/ollama-tap.service.removed" \
        "$units/multi-user.target.wants/ollama-tap.service" "$units/ollama.service.d/zz-ollama-tap.conf" \
        "$units/ollama.service.d/zz-ollama-tap.env" "$settings"
}

# With the draft of one that is killed while it writes.
save_service_file() {
    note "wrote $1.new"
    save "$1"
}

# Remembers all that registers the service; the word says how its journal is undone.
save_service() {
    has_service || unit=$units/ollama-tap.service
    was=$(service_state)
    for directory in "$units/ollama.service.d" "$units/multi-user.target.wants"; do
        [ ! -d "$units" ] || [ -d "$directory" ] || note "made $directory"
    done
    each_line "$(service_files)" save_service_file
    [ "$exe" = "$copy" ] || save "$copy"
    note "$1 $was"
}

# The service is installed where that was asked for; one that is there is renewed, which starts it again if it was started.
bring_service() {
    if is_on "$service"; then
        say "installing the service"
        save_service service
        tap service install || fail "the service cannot be installed"
    elif ! is_root || ! is_our_service; then
        return 0
    elif is_masked; then
        say "the service is masked, and stays so"
    else
        if [ -n "$broken" ]; then say "repairing the service, whose executable did not run"; else say "bringing the service up to date"; fi
        save_service service
        renew_service
    fi
}

renew_service() {
    if is_whole; then
        keep_service
    else
        say "its registration is not whole: installing it anew"
        tap service install || fail "the service cannot be repaired"
    fi
    if [ -n "$broken" ] && [ "$(service_state)" = stopped ]; then start_again; fi
}

# An older one does not know the word, and starts again with the registration that there is.
keep_service() {
    code=0
    tap service install --keep >"$work/said" 2>&1 || code=$?
    if [ "$code" = 2 ]; then
        [ "$was" = stopped ] || tap service restart || fail "the new ollama-tap does not start"
    else
        cat "$work/said"
        [ "$code" = 0 ] || ! manager_runs || fail "the service does not start with the new ollama-tap"
    fi
}

# A system that is only prepared here, such as an image of a container, starts nothing.
manager_runs() { [ "$unit" = "$plist" ] || [ -d /run/systemd/system ]; }

# UNINSTALL

remove() {
    if is_our_service && ! is_root; then fail "the service needs root to be removed: use sudo; nothing was changed"; fi
    if ! is_there "$list" && ! is_there "$exe"; then say "no ollama-tap is installed in $prefix"; fi
    name_others
    if [ -n "$work" ]; then
        remove_service
        removing=1
        undo "$work"
    elif is_on "$purge"; then
        remove_tree "$state"
    fi
    if [ -n "$left" ]; then
        work='' # the next run goes on from its journal
        fail "not everything is removed; run the same command again: $left"
    fi
    if [ -n "$work" ]; then forget "$work" || true; fi
    work=''
}

# What stays.
name_others() {
    state=${XDG_STATE_HOME:-${HOME:-}/.local/state}/ollama-tap
    if has_service && ! is_our_service; then
        say "the service${program:+, which runs $program,} stays; sudo and --prefix ${program%/bin/*} remove it"
    fi
    [ -d "$state" ] || return 0
    if is_on "$purge"; then
        name_histories
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

# All that goes, as a journal: what its last line names goes first.
note_removal() {
    list_removal >"$work/draft"
    mv "$work/draft" "$work/removal"
}

list_removal() {
    is_system=''
    if is_root && { ! has_service || is_our_service; }; then is_system=1; fi
    if is_on "$purge"; then list_histories; fi
    if [ -f "$list" ]; then
        each_line "$(backwards "$list")" list_path
    elif is_there "$exe"; then
        echo "wrote $exe"
    fi
    [ -z "$is_system" ] || list_service
}

list_path() { if [ -d "$1" ] && [ ! -h "$1" ]; then printf 'made %s\n' "$1"; else printf 'wrote %s\n' "$1"; fi; }

# Those of taps that were started for one command, and the service's. Others were told where by whoever started them.
list_histories() {
    list_there tree "$state"
    [ -n "$is_system" ] || return 0
    for directory in /var/lib/ollama-tap "/Library/Application Support/OllamaTap" /Library/Logs/OllamaTap; do
        list_there tree "$directory"
    done
    list_there wrote /var/log/ollama-tap.log
    echo "user ollama-tap"
}

# What `ollama-tap service install` has made.
list_service() {
    if has_service; then
        sed -n 's/^Made=/made /p' "$unit" 2>/dev/null | sort
        if is_copied; then list_there wrote "$copy"; fi
    fi
    if is_there "$units/ollama.service.d/zz-ollama-tap.conf"; then echo "moved -"; fi
    service_files >"$work/files"
    each_line "$(backwards "$work/files")" list_service_file
}

list_service_file() {
    list_there wrote "$1"
    list_there wrote "$1.new"
}

list_there() { if is_there "$2"; then printf '%s\n' "$1 $2"; fi; }

# By its executable, which knows all that belongs to it, where that still runs.
remove_service() {
    if ! is_our_service; then
        note_removal
        return
    fi
    say "removing the service"
    save_service unregister
    note_removal
    if tap_runs; then
        set -- service uninstall
        if is_on "$purge"; then set -- "$@" --purge; fi
        tap "$@" || failed_to_remove
        note_removal
    else
        say "its executable does not run: doing without"
        name_history_of_service
        systemctl disable --now ollama-tap.service </dev/null >/dev/null 2>&1 || true
        stop_service
        rm -f "$unit" || fail "the service cannot be removed; nothing else was changed"
    fi
    rm -f "$work/journal"
}

# Until its registration is gone, a failure is taken back.
failed_to_remove() {
    if has_service; then fail "the service cannot be removed; nothing else was changed"; fi
    add_left "what the service kept"
}

# Only the executable knows which files of such a directory are a history's.
name_history_of_service() {
    path=$(sed -n 's/^ANALYTICS_DIR=//p' "$settings" 2>/dev/null | sed 's/^"\(.*\)"$/\1/')
    case $path in
        '' | /var/lib/ollama-tap*) ;;
        *) say "the history in $path stays; delete it with: rm -r '$path'" ;;
    esac
}

# SMALL TOOLS

# Calls a function with every line of a text.
each_line() {
    while IFS= read -r line <&3; do
        if [ -n "$line" ]; then "$2" "$line"; fi
    done 3<<end
$1
end
}

need() {
    for tool; do
        command -v "$tool" >/dev/null 2>&1 || fail "this needs $tool, which is not here"
    done
}

is_there() { [ -e "$1" ] || [ -h "$1" ]; }

is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac }

is_on() { [ -n "$1" ] && [ "$1" != 0 ]; }

is_root() { [ "$(id -u)" = 0 ]; }

say() { hide "ollama-tap: $*"; }

fail() {
    hide "ollama-tap: $*" >&2
    exit 1
}

misused() {
    hide "ollama-tap: $*; see --help" >&2
    exit 2
}

# Prints a text without what is nobody else's: the user and password of an address, which may hold an @, and what follows its ?.
hide() {
    case $* in
        *[@?]*) printf '%s\n' "$*" | sed 's|//[^/@[:space:]]*:[^[:space:]]*@|//***@|g; s|[^[:space:]/?]*@|***@|g; s|?[^[:space:]]*[^[:space:];]|?***|g' ;;
        *) printf '%s\n' "$*" ;;
    esac
}

main "$@"
