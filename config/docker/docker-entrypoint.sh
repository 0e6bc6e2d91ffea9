#!/bin/sh
# Starts the broker, or whatever else is asked for, as the official image of RabbitMQ does:
#
#   docker run leveret                        the broker
#   docker run leveret rabbitmq-server        likewise
#   docker run leveret --set heartbeat=10     likewise, with flags
#   docker run leveret rabbitmqctl version    something else
set -eu
umask 0027

if [ "$(basename "$0")" = rabbitmq-server ]; then
    set -- rabbitmq-server "$@"
fi
case "${1:-}" in
leveret) shift ;;
rabbitmq-server) shift ;;
"" | -*) ;;
*) exec "$@" ;;
esac
case "${1:-}" in
store | config) exec leveret "$@" ;; # no broker
esac

LEVERET_ROOT=${LEVERET_ROOT-}
rabbitmq="$LEVERET_ROOT/var/lib/rabbitmq"
data="$LEVERET_ROOT/var/lib/leveret"
# Where a volume of RabbitMQ's image is mounted it is used, beside what RabbitMQ may have there.
if [ -d "$rabbitmq" ] && mountpoint -q "$rabbitmq"; then
    data="$rabbitmq/leveret"
fi

config=""
for file in "$LEVERET_ROOT/etc/leveret/leveret.yaml" "$LEVERET_ROOT/etc/rabbitmq/rabbitmq.conf"; do
    if [ -z "$config" ] && [ -e "$file" ]; then
        config=$file
    fi
done

# As root only for as long as it takes to own what is mounted.
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$data" "$LEVERET_ROOT/run/leveret"
    find "$data" "$LEVERET_ROOT/run/leveret" \! -user leveret -exec chown -h leveret:leveret {} +
    set -- setpriv --reuid=leveret --regid=leveret --init-groups --no-new-privs leveret \
        ${config:+--config "$config"} --data-dir "$data" "$@"
else
    set -- leveret ${config:+--config "$config"} --data-dir "$data" "$@"
fi
exec "$@"
