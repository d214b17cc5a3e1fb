#!/usr/bin/env bash
# A private MySQL server for tests, on machines whose own package is MariaDB. Nothing is installed: the packages of Debian's
# unstable suite are unpacked, with their own C library, into a folder.
#   scripts/private-mysql.sh start [PORT] [FOLDER]   the first time: fetches and initialises it. Prints the URL: root, no password
#   scripts/private-mysql.sh stop [FOLDER]
#   scripts/private-mysql.sh kill [FOLDER]           kills it at once, for tests of crashes; `start` brings it back
#   scripts/private-mysql.sh has [FOLDER]            whether it can be started without fetching anything
# The packages come from $DEBIAN_MIRROR, or from the mirror that the machine's own apt sources name. Several servers share what
# was unpacked by PRIVATE_MYSQL_BINARIES, the folder `root` of the first.
#   TEST_MYSQL_URL=$(scripts/private-mysql.sh start) pnpm test
set -euo pipefail

command=${1:-}
case $command in
start)
  port=${2:-3399}
  folder=${3:-}
  ;;
stop | kill | has)
  port=
  folder=${2:-}
  ;;
*)
  sed -n '2,10p' "$0" >&2
  exit 2
  ;;
esac
folder=${folder:-${TMPDIR:-/tmp}/durable-execution-mysql}
root=${PRIVATE_MYSQL_BINARIES:-$folder/root}
if [ "$command" = has ]; then
  [ -x "$root/usr/sbin/mysqld" ]
  exit
fi
mkdir -p "$folder/tmp"
folder=$(cd "$folder" && pwd)
pid=$folder/mysqld.pid
log=$folder/mysqld.log

mirror() {
  if [ -n "${DEBIAN_MIRROR:-}" ]; then
    echo "$DEBIAN_MIRROR"
  else
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
      grep -oE 'https?://[^ ]+/debian/?( |$)' | tr -d ' ' | head -n 1
  fi
}

# Lists and packages live in the folder, so that the machine's own package state stays as it is.
unpack() {
  local source state=$folder/apt
  source=$(mirror || true)
  if [ -z "$source" ]; then
    echo "No Debian mirror is known here: set DEBIAN_MIRROR" >&2
    exit 1
  fi
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/packages" "$root"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $source sid main" >"$state/sources.list"
  local options=(
    -oDir::Etc::sourcelist="$state/sources.list" -oDir::Etc::sourceparts=/dev/null
    -oDir::Etc::preferencesparts=/dev/null -oDir::State::Lists="$state/lists" -oDir::Cache="$state/cache"
    -oAcquire::Languages=none -oAcquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
  )
  apt-get "${options[@]}" update -qq >&2
  local names
  names=$(apt-cache "${options[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances mysql-server-core | grep -E '^[a-z0-9]' | grep -vE '^(perl|debconf|libdebconf)' | sort -u)
  # shellcheck disable=SC2086 # one word a package
  (cd "$state/packages" && apt-get "${options[@]}" -qq -oAPT::Sandbox::User=root download $names >&2)
  local package
  for package in "$state"/packages/*.deb; do dpkg -x "$package" "$root"; done
  rm -rf "$state"
}

# With the C library it was built for, which the machine's own may be older than. Its temporary files are its own: a server that starts
# removes those that it finds, also of others that are running.
server() {
  local loader libraries
  loader=$(find "$root/usr/lib" -name 'ld-linux-*.so.*' | head -n 1)
  libraries=$(dirname "$loader")
  exec "$loader" --library-path "$libraries:$libraries/mysql/private:$root/usr/lib/mysql/private" \
    "$root/usr/sbin/mysqld" --no-defaults --user="$(id -un)" --basedir="$root/usr" \
    --lc-messages-dir="$root/usr/share/mysql" --plugin-dir="$root/usr/lib/mysql/plugin" --datadir="$folder/data" \
    --tmpdir="$folder/tmp" --socket="$folder/mysqld.sock" --pid-file="$pid" --log-error="$log" --secure-file-priv= \
    --mysqlx=0 --skip-log-bin --bind-address=127.0.0.1 --port="$port" --max-connections=400 "$@"
}

is_up() { [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

wait_until() {
  for _ in $(seq 300); do
    if "$@"; then return 0; fi
    sleep 0.2
  done
  return 1
}

is_ready() { is_up && answers; }
is_down() { ! is_up; }

if [ "$command" != start ]; then
  if is_up; then
    if [ "$command" = kill ]; then kill -9 "$(cat "$pid")"; else kill "$(cat "$pid")"; fi
    wait_until is_down
  fi
  exit 0
fi

[ -x "$root/usr/sbin/mysqld" ] || unpack
if ! is_up; then
  [ -d "$folder/data/mysql" ] || (server --initialize-insecure)
  echo 'CREATE DATABASE IF NOT EXISTS test CHARACTER SET utf8mb4;' >"$folder/init.sql"
  (server --init-file="$folder/init.sql") </dev/null >/dev/null 2>&1 &
  disown
  if ! wait_until is_ready; then
    echo 'MySQL did not start:' >&2
    tail -n 20 "$log" >&2
    exit 1
  fi
fi
echo "mysql://root@127.0.0.1:$port/test"
