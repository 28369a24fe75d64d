#!/bin/sh
# A stand-in for systemctl and journalctl, by the name under which it is called: in STANDIN_DIR it leaves word of how it was called, and
# the journal has a line once there is a file `cut`.
cd "$STANDIN_DIR" || exit 1
name=${0##*/}
echo "$name $*" >>calls
if [ "$name" = systemctl ]; then
    cat unit
    exit 0
fi
while [ ! -e cut ]; do
    sleep 0.01
done
echo 'level=WARN source=llama_server.go:317 msg="truncating input prompt" limit=514 prompt=1025 keep=4 new=514'
exec sleep 600
