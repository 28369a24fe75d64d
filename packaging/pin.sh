#!/usr/bin/env bash
# Pins what workflows and containers take from others to what it is today: actions to their commit, images to their digest, each beside
# its tag. GitHub and the registries are asked, by `gh` and `docker buildx`; .github/workflows/pin.yml runs it and opens the change.
#
#   packaging/pin.sh            pins what is not pinned yet
#   packaging/pin.sh --check    names what is not, and fails where there is something
set -euo pipefail
cd "$(dirname "$0")/.."

readonly files=(.github/workflows/*.yml packaging/docker/Dockerfile packaging/docker/compose.yml packaging/kubernetes/sidecar.yaml)
readonly action='^ *-? *uses: '
readonly image='^ *(image: |FROM )'
readonly ours='ghcr.io/ollama-tap/' # pinned by its version: it is part of the release

main() {
    local names
    mapfile -t names < <(unpinned)
    if [ ${#names[@]} = 0 ]; then
        echo "pin.sh: all is pinned"
    elif [ "${1:-}" = --check ]; then
        printf 'pin.sh: not pinned: %s\n' "${names[@]}" >&2
        exit 1
    else
        for name in "${names[@]}"; do pin "$name"; done
    fi
}

# Each once: `actions/checkout@v4`, `debian:12`.
unpinned() {
    {
        sed -nE "s/$action([^ ]+@[^ ]+).*/\1/p" "${files[@]}"
        sed -nE "s/$image([^ ]+:[^ ]+).*/\2/p" "${files[@]}"
    } | sort -u | grep -vE "@[0-9a-f]{40}$|@sha256:|^$ours" || true
}

pin() {
    local pinned
    case $1 in
        *@*) pinned="${1%@*}@$(commit "${1%@*}" "${1#*@}") # ${1#*@}" ;;
        *) pinned="$1@$(digest "$1")" ;;
    esac
    echo "$1 -> $pinned"
    sed -i -E "s~^( *-? *(uses: |image: |FROM ))$1( |\$)~\1$pinned\3~" "${files[@]}"
}

# Of an action's tag; one in a folder of its repository is called owner/name/folder.
commit() {
    local repository
    repository=$(cut -d / -f 1-2 <<<"$1")
    gh api "repos/$repository/commits/$2" --jq .sha | grep -Ex '[0-9a-f]{40}' || fail "GitHub knows no $2 of $repository"
}

# Of all processors together.
digest() {
    docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}' | grep -Ex 'sha256:[0-9a-f]{64}' || fail "no registry knows $1"
}

fail() {
    echo "pin.sh: $*" >&2
    exit 1
}

main "$@"
