#!/usr/bin/env bash
# A private PostgreSQL server for tests and benchmarks, from the binaries that are installed, or Debian's package.
#   private-postgres.sh start DIR PORT [setting=value ...]   makes and starts it, waits until it answers, prints the URL
#                                                            (user `postgres`, no password, database `test`)
#   private-postgres.sh stop DIR     stops it
#   private-postgres.sh kill DIR     kills it at once, for tests of crashes; `start` brings it back
#   private-postgres.sh has          whether the binaries are there
# Where PRIVATE_POSTGRES_BINARIES is set, they are in that folder.
set -euo pipefail
usage() { sed -n '2,9p' "$0" >&2; exit 2; }
cmd=${1:-}; dir=${2:-}; port=${3:-}

find_binaries() {
  local newest
  if [ -n "${PRIVATE_POSTGRES_BINARIES:-}" ]; then echo "$PRIVATE_POSTGRES_BINARIES"; return; fi
  if command -v initdb >/dev/null; then dirname "$(readlink -f "$(command -v initdb)")"; return; fi
  newest=$(find /usr/lib/postgresql -maxdepth 3 -name pg_ctl 2>/dev/null | sort -V | tail -n 1)
  [ -z "$newest" ] || dirname "$newest"
}

bin=$(find_binaries)
if [ "$cmd" = has ]; then [ -x "$bin/postgres" ]; exit; fi
[ -n "$cmd" ] && [ -n "$dir" ] || usage
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
data=$dir/data
if [ -z "$bin" ]; then
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >&2
  bin=$(find_binaries)
fi

# The server refuses to run as root. Where there are binaries without Debian's package there is no user of that name.
owner=postgres
id -u postgres >/dev/null 2>&1 || owner=nobody
as_owner() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u "$owner" -- "$@"); else "$@"; fi
}

case $cmd in
start)
  [ -n "$port" ] || usage
  shift 3
  if [ ! -s "$data/PG_VERSION" ]; then
    if [ "$(id -u)" = 0 ]; then chown "$owner" "$dir"; fi
    as_owner "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --no-sync >&2
    echo 'CREATE DATABASE test' | as_owner "$bin/postgres" --single -D "$data" postgres >/dev/null
  fi
  settings=(-c "port=$port" -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$dir")
  for setting in "$@"; do settings+=(-c "$setting"); done
  as_owner "$bin/pg_ctl" -D "$data" status >/dev/null ||
    as_owner "$bin/pg_ctl" -D "$data" -l "$dir/log" -w -o "${settings[*]}" start >&2
  echo "postgres://postgres@127.0.0.1:$port/test" ;;
stop) as_owner "$bin/pg_ctl" -D "$data" -m fast -w stop >&2 || true ;;
kill) as_owner "$bin/pg_ctl" -D "$data" -m immediate -w stop >&2 || true ;;
*) usage ;;
esac
