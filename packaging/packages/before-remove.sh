#!/bin/sh
# Run by dpkg ("remove") and by rpm (0 packages left) while the executable is still there: removes the service of this executable, and
# keeps its settings for the next installation. A service that cannot be removed keeps the package.
set -e

settings=/etc/ollama-tap.env
unit=/etc/systemd/system/ollama-tap.service

case $1 in
    remove | 0) ;;
    *) exit 0 ;;
esac

# Of a removal that was ended half-way, the unit has the other name, and the settings may be gone already.
status=0
if grep -qs '^ExecStart=/usr/bin/ollama-tap ' "$unit" "$unit.removed"; then
    if [ -f "$settings" ]; then cp -p "$settings" "$settings.kept"; fi
    /usr/bin/ollama-tap service uninstall </dev/null || status=$?
fi
if [ -f "$settings.kept" ]; then mv -f "$settings.kept" "$settings"; fi
exit $status
