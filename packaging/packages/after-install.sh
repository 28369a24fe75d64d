#!/bin/sh
# Run by dpkg and by rpm when the files are in place. An upgrade renews the service, where there is one of this executable; that it
# cannot is said, and leaves the package installed.
set -e

if grep -qs '^ExecStart=/usr/bin/ollama-tap ' /etc/systemd/system/ollama-tap.service; then
    /usr/bin/ollama-tap service install --keep </dev/null ||
        echo "ollama-tap: the service is as it was before; renew it with: sudo ollama-tap service install --keep" >&2
fi
