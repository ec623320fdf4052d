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
		echo "deps: need root (or sudo) for: apt-get install$missing" >&2
		exit 1
	}
fi
# A new postgresql package would start a cluster of its own: not wanted here.
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
