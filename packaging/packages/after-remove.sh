#!/bin/sh
# Run by dpkg and by rpm when the files are gone. dpkg's purge deletes what the service has left; rpm knows no purge, so that what
# stays is named. All of it stays where a service of another installation uses it.
set -e

settings=/etc/ollama-tap.env
history=/var/lib/ollama-tap
user=ollama-tap

name_what_stays() {
    if [ -e "$settings" ]; then echo "ollama-tap: its settings stay in $settings; delete them with: rm $settings"; fi
    if [ -d "$history" ]; then echo "ollama-tap: its history stays in $history; delete it with: rm -r $history"; fi
    if getent passwd "$user" >/dev/null; then echo "ollama-tap: its user stays; delete it with: userdel $user"; fi
}

purge() {
    rm -f "$settings" "$settings.kept"
    rm -rf "$history"
    if getent passwd "$user" >/dev/null; then userdel "$user"; fi
}

[ ! -e /etc/systemd/system/ollama-tap.service ] || exit 0
case $1 in
    purge) purge ;;
    0) name_what_stays ;;
esac
