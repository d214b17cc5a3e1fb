#!/usr/bin/env bash
# A private MariaDB server for tests and benchmarks, from the binaries that are installed, or Debian's package.
#   private-mariadb.sh start DIR PORT [--option=value ...]   makes and starts it, waits until it answers, prints the URL
#                                                            (`root` without a password, database `test`)
#   private-mariadb.sh stop DIR     stops it
#   private-mariadb.sh kill DIR     kills it at once, for tests of crashes; `start` brings it back
#   private-mariadb.sh has          whether the binaries are installed
set -euo pipefail
usage() { sed -n '2,8p' "$0" >&2; exit 2; }
cmd=${1:-}; dir=${2:-}; port=${3:-}
PATH=$PATH:/usr/sbin
if [ "$cmd" = has ]; then command -v mariadbd >/dev/null; exit; fi
[ -n "$cmd" ] && [ -n "$dir" ] || usage
mkdir -p "$dir/tmp"; dir=$(cd "$dir" && pwd)
data=$dir/data; pid=$dir/mariadbd.pid; sock=$dir/mariadbd.sock
# Its temporary files are its own: a server that starts removes those that it finds, also of others that are running.
tmp=$dir/tmp

if ! command -v mariadbd >/dev/null; then
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mariadb-server >&2
fi

alive() { [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; }

case $cmd in
start)
  [ -n "$port" ] || usage
  shift 3
  if ! alive; then
    [ -d "$data/mysql" ] ||
      mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$data" --tmpdir="$tmp" \
        --auth-root-authentication-method=normal --skip-test-db >&2
    echo 'CREATE DATABASE IF NOT EXISTS test CHARACTER SET utf8mb4;' > "$dir/init.sql"
    (exec mariadbd --no-defaults --user="$(id -un)" --datadir="$data" --tmpdir="$tmp" --socket="$sock" --pid-file="$pid" \
      --bind-address=127.0.0.1 --port="$port" --max-connections=400 --innodb-buffer-pool-size=256M \
      --init-file="$dir/init.sql" --log-error="$dir/log" "$@") </dev/null >/dev/null 2>&1 &
    disown
    for _ in $(seq 150); do
      (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && [ -s "$pid" ] && break
      sleep 0.2
    done
    alive || { echo 'private-mariadb: it did not start:' >&2; tail -n 20 "$dir/log" >&2; exit 1; }
  fi
  echo "mysql://root@127.0.0.1:$port/test" ;;
stop) if alive; then kill "$(cat "$pid")"; for _ in $(seq 150); do alive || break; sleep 0.2; done; fi ;;
kill)
  if alive; then
    kill -9 "$(cat "$pid")"
    for _ in $(seq 150); do alive || break; sleep 0.02; done
    rm -f "$pid"
  fi ;;
*) usage ;;
esac
