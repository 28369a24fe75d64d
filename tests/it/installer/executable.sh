#!/bin/sh
set -e
echo "VERSION $*" >>"$TAP_LOG"
units=/etc/systemd/system
put() { echo "$2" >"$1.new" && mv "$1.new" "$1"; }
register() {
    put /etc/ollama-tap.env OLLAMA_TAP_COMMAND=proxy
    put $units/ollama-tap.service "# VERSION
ExecStart=$0 proxy
[X-OllamaTap]
Made=$units/ollama.service.d"
    mkdir -p $units/ollama.service.d
    put $units/ollama.service.d/zz-ollama-tap.conf OLLAMA_HOST
    systemctl daemon-reload
}
remove() {
    systemctl disable --now ollama-tap.service
    rm -f $units/ollama.service.d/zz-ollama-tap.conf
    rmdir $units/ollama.service.d
    rm -f $units/ollama-tap.service
    systemctl daemon-reload
    systemctl try-restart ollama.service
    if [ "$1" = --purge ]; then rm -rf /var/lib/ollama-tap; fi
    rm -f /etc/ollama-tap.env
}
case VERSION,$* in
    *,"FAILS") exit 1 ;;
    *,--version) echo "ollama-tap VERSION" ;;
    *,man | *",completions "*) echo "$*" ;;
    0.*,*--keep) exit 2 ;;
    *,"service install")
        register
        systemctl enable ollama-tap.service
        systemctl restart ollama-tap.service
        ;;
    *,"service install --keep")
        state=$(systemctl show ollama-tap.service --property=ActiveState)
        register
        [ "$state" = ActiveState=inactive ] || systemctl restart ollama-tap.service
        ;;
    *,"service restart") systemctl restart ollama-tap.service ;;
    *,"service uninstall"*) remove "$3" ;;
esac
