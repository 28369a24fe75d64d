#!/bin/sh
# Run by dpkg ("remove") and by rpm (0 packages left) while the executable is still there: removes the service of this executable, and
# keeps its settings for the next installation. A service that cannot be removed keeps the package.
set -e

settings=/etc/ollama-tap.env

case $1 in
    remove | 0) ;;
    *) exit 0 ;;
esac
grep -qs '^ExecStart=/usr/bin/ollama-tap ' /etc/systemd/system/ollama-tap.service || exit 0

status=0
if [ -f "$settings" ]; then cp -p "$settings" "$settings.kept"; fi
/usr/bin/ollama-tap service uninstall </dev/null || status=$?
if [ -f "$settings.kept" ]; then mv -f "$settings.kept" "$settings"; fi
exit $status
