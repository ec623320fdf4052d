#!/bin/sh
# A private PostgreSQL with this extension in it, apart from the system's.
#
#   cluster.sh stage DIR         copy PostgreSQL's programs to DIR and install
#                                medimnet beside them; nothing outside DIR changes
#   cluster.sh start DIR [CONF]  make and start a cluster in DIR/data, on a socket
#                                in DIR; CONF: extra postgresql.conf text
#   cluster.sh stop DIR
#   cluster.sh run DIR CMD...    run CMD as the cluster's owner, with its programs
#                                first in PATH and PGHOST, PGPORT set
#
# PostgreSQL finds its share and lib folders relative to its own executable, so a
# copy of the executables with links to the rest is a complete installation.
# A server refuses to run as root: then the cluster's owner is "postgres".
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}
[ -x "$PG_CONFIG" ] || PG_CONFIG=pg_config
verb=$1 dir=$2
shift 2
bin=$dir$("$PG_CONFIG" --bindir)
if [ "$(id -u)" = 0 ]; then
	as() { (cd "$dir" && exec runuser -u postgres -- env "$@"); }
else
	as() { (cd "$dir" && exec env "$@"); }
fi

case $verb in
stage)
	lib=$("$PG_CONFIG" --pkglibdir) share=$("$PG_CONFIG" --sharedir)
	mkdir -p "$bin" "$dir$lib" "$dir$share/extension"
	cp -r "$("$PG_CONFIG" --bindir)/." "$bin"
	for f in "$lib"/* "$share"/* "$share"/extension/*; do
		case ${f##*/} in
		extension | medimnet*) ;;
		*) [ -e "$dir$f" ] || ln -s "$f" "$dir$f" ;;
		esac
	done
	make -s -C "$top" install DESTDIR="$dir" PG_CONFIG="$PG_CONFIG" >/dev/null
	if [ "$(id -u)" = 0 ]; then chown postgres: "$dir"; fi
	chmod 755 "$dir"
	;;
start)
	[ -d "$dir/data" ] ||
		as "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
	printf "%s\n" "listen_addresses = ''" "unix_socket_directories = '$dir'" "port = ${PGPORT:-5432}" \
		"fsync = off" "${1:-}" | as tee "$dir/data/postgresql.auto.conf" >/dev/null
	as "$bin/pg_ctl" -w -s -D "$dir/data" -l "$dir/log" start
	;;
stop)
	as "$bin/pg_ctl" -w -s -D "$dir/data" -m fast stop
	;;
run)
	as PATH="$bin:$PATH" PGHOST="$dir" PGPORT="${PGPORT:-5432}" PGUSER=postgres "$@"
	;;
*)
	echo "cluster.sh: unknown verb $verb" >&2
	exit 2
	;;
esac
