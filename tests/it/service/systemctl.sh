#!/bin/sh
# Stands for systemctl: knows the units by their files, remembers what is enabled and running, and writes down what it was told.
units=/etc/systemd/system
state=/run/fake-systemd
mkdir -p $state
echo "$*" >>$state/told

fragment() {
    for place in $units /usr/lib/systemd/system; do
        [ ! -e "$place/$1" ] || { echo "$place/$1" && return; }
    done
}

show() {
    fragment=$(fragment "$1")
    if [ -n "$fragment" ]; then echo LoadState=loaded; else echo LoadState=not-found; fi
    echo "FragmentPath=$fragment"
    echo "DropInPaths=$(ls -d "$units/$1.d/"*.conf 2>/dev/null | tr '\n' ' ')"
    if [ -e "$state/$1.runs" ]; then
        printf '%s\n' ActiveState=active SubState=running MainPID=42 NRestarts=7 'ActiveEnterTimestamp=Sat 2026-11-21 12:00:00 UTC'
    else
        printf '%s\n' ActiveState=inactive SubState=dead MainPID=0 NRestarts=0 ActiveEnterTimestamp=
    fi
}

unit=
for word in "$@"; do
    case $word in *.service) unit=$word ;; esac
done

case $1 in
    --version) echo "systemd 252 (fake)" ;;
    show) show "$unit" ;;
    daemon-reload) ;;
    enable) mkdir -p $units/multi-user.target.wants && ln -sf "$units/$unit" "$units/multi-user.target.wants/$unit" ;;
    disable) rm -f "$units/multi-user.target.wants/$unit" "$state/$unit.runs" ;;
    start | restart)
        [ ! -e "$state/$unit.fails" ] || { echo "Job for $unit failed." >&2 && exit 1; }
        if [ "$unit" = ollama-tap.service ]; then
            # As StateDirectory= does.
            mkdir -p /var/lib/ollama-tap && chmod 700 /var/lib/ollama-tap
            chown "$(sed -n s/^User=//p "$units/$unit")" /var/lib/ollama-tap
        fi
        touch "$state/$unit.runs"
        ;;
    try-restart) [ -e "$state/$unit.runs" ] || exit 0 ;;
    stop) rm -f "$state/$unit.runs" ;;
    *) echo "fake systemctl: $*" >&2 && exit 1 ;;
esac
