#!/usr/bin/env bash
# Signs executables that were built, before they are packed: packaging/sign.sh EXECUTABLE...
#
# The release workflow runs it where the repository has the secrets for it: SIGNING_CERTIFICATE (a .pfx or .p12 in base64) and
# SIGNING_PASSWORD; on macOS also NOTARY_APPLE_ID, NOTARY_TEAM_ID and NOTARY_PASSWORD, of an account that Apple lets notarise. There are
# none yet, and it was never run: releases are unsigned, which .github/SECURITY.md says.
set -euo pipefail

main() {
    certificate=$(mktemp -d)/certificate.p12
    trap 'rm -rf "$(dirname "$certificate")"' EXIT
    base64 --decode <<<"$SIGNING_CERTIFICATE" >"$certificate"
    case $(uname -s) in
        Darwin) for_macos "$@" ;;
        MINGW* | MSYS*) for_windows "$@" ;;
        *) echo "sign.sh: nothing is signed on $(uname -s)" >&2 && exit 1 ;;
    esac
}

for_windows() {
    local signtool
    signtool=$(find "/c/Program Files (x86)/Windows Kits/10/bin" -path '*/x64/signtool.exe' | sort -V | tail -n 1)
    # What begins with a slash is an option here, and no path that the shell may translate.
    MSYS_NO_PATHCONV=1 "$signtool" sign /fd SHA256 /td SHA256 /tr http://timestamp.digicert.com \
        /f "$(cygpath -w "$certificate")" /p "$SIGNING_PASSWORD" "$@"
}

for_macos() {
    local keychain=$RUNNER_TEMP/signing.keychain identity archive=$RUNNER_TEMP/signed.zip
    security create-keychain -p "$SIGNING_PASSWORD" "$keychain"
    security unlock-keychain -p "$SIGNING_PASSWORD" "$keychain"
    security import "$certificate" -k "$keychain" -P "$SIGNING_PASSWORD" -T /usr/bin/codesign
    security set-key-partition-list -S apple-tool:,apple: -s -k "$SIGNING_PASSWORD" "$keychain"
    security list-keychains -s "$keychain"
    identity=$(security find-identity -v -p codesigning "$keychain" | sed -n 's/.*"\(Developer ID Application: .*\)"/\1/p' | head -n 1)
    codesign --timestamp --options runtime --sign "$identity" "$@"
    zip -j "$archive" "$1" # a bare executable has no place for the ticket: Apple is asked for it at the first start
    xcrun notarytool submit "$archive" --wait --apple-id "$NOTARY_APPLE_ID" --team-id "$NOTARY_TEAM_ID" --password "$NOTARY_PASSWORD"
}

main "$@"
