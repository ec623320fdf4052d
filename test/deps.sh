#!/bin/sh
# deps.sh PACKAGE...: installs those of the Debian packages that are missing.
set -eu
missing=
for p in "$@"; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true) in
	installed) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0
echo "installing Debian packages:$missing"
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null || {
		echo "deps: this needs root (or sudo): apt-get install$missing" >&2
		exit 1
	}
fi
# Installing PostgreSQL must not make and start a cluster on this machine:
# Debian's way to say so is a line in this folder while it is installed.
no_cluster=/etc/postgresql-common/createcluster.d/medimnet.conf
case $missing in
*postgresql-*)
	$sudo mkdir -p "${no_cluster%/*}"
	echo "create_main_cluster = false" | $sudo tee $no_cluster >/dev/null
	trap '$sudo rm -f $no_cluster' EXIT
	;;
esac
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
