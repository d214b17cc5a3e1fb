#!/usr/bin/env bash
# A private PgBouncer in transaction mode for tests, from the binary that is installed, or Debian's package.
#   private-pgbouncer.sh start DIR PORT SERVER_URL   starts it before the PostgreSQL server of this URL, waits until it
#                                                    answers, prints the URL (user and database of the server's)
#   private-pgbouncer.sh stop DIR                    stops it
set -euo pipefail
usage() { sed -n '2,6p' "$0" >&2; exit 2; }
cmd=${1:-}; dir=${2:-}
[ -n "$cmd" ] && [ -n "$dir" ] || usage
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
pid=$dir/pgbouncer.pid
PATH=$PATH:/usr/sbin

if ! command -v pgbouncer >/dev/null; then
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq pgbouncer >&2
fi

# It refuses to run as root.
as_owner() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

alive() { [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; }

case $cmd in
start)
  port=${3:-}; url=${4:-}
  [ -n "$port" ] && [ -n "$url" ] || usage
  read -r user host server_port database < <(
    node -e 'const u = new URL(process.argv[1]); console.log(u.username || "postgres", u.hostname, u.port || 5432, u.pathname.slice(1))' "$url"
  )
  if ! alive; then
    cat >"$dir/pgbouncer.ini" <<INI
[databases]
$database = host=$host port=$server_port dbname=$database user=$user
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = 200
ignore_startup_parameters = extra_float_digits,options
logfile = $dir/log
pidfile = $pid
INI
    if [ "$(id -u)" = 0 ]; then chown -R postgres "$dir"; fi
    as_owner pgbouncer -q -d "$dir/pgbouncer.ini" >&2
    for _ in $(seq 100); do
      if node -e 'const s = require("node:net").connect(+process.argv[1], "127.0.0.1"); s.on("connect", () => process.exit(0)); s.on("error", () => process.exit(1))' "$port"; then break; fi
      sleep 0.1
    done
  fi
  echo "postgres://$user@127.0.0.1:$port/$database" ;;
stop) ! alive || kill "$(cat "$pid")" ;;
*) usage ;;
esac
