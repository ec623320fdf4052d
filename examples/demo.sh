#!/bin/sh
# The whole of medimnet in a few minutes, on a private PostgreSQL cluster that
# is gone afterwards. Each step shows its command or SQL, then what came of it.
#
#   make demo                   with Debian's python3-pydicom test files and,
#                               where it is there, ../shared/data
#   make demo DEMO_DIR=FOLDER   with the images of FOLDER instead of the latter:
#                               each FOLDER/*/labels.tsv is a collection; without
#                               any, a file's label is the name of its folder
#   make demo KEEP=1            leaves the cluster running, to look around
#
# `make demo` has built everything before it calls this.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/medimnet-demo.XXXXXX")
out=$top/build/demo
began=$(date +%s)
running=

finish() {
	if [ -n "$running" ]; then sh "$top/test/cluster.sh" stop "$work" || true; fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { printf '\n=== %s\n' "$*"; }

# Shows SQL and runs it.
sql() {
	printf '\n%s\n\n' "$1"
	psql -c "$1"
}

# One value, quietly.
value() { psql -At -c "$1"; }

# Shows a command and runs it.
run() {
	printf '\n$ %s\n\n' "$*"
	"$@"
}

# Imports as told. That files are refused is part of the demonstration: their
# names and reasons go to a file, of which the first lines are shown.
import() {
	printf '\n$ medimnet import %s\n\n' "$*"
	status=0
	medimnet import --quiet "$@" 2>"$work/refused" || status=$?
	if [ "$status" -gt 1 ]; then
		cat "$work/refused" >&2
		exit "$status"
	fi
	if [ -s "$work/refused" ]; then
		printf '\nEach file that is not stored is named with the reason, such as\n'
		sed -n '1,3s/^.*\/\([^/]*: \)/    ...\/\1/p' "$work/refused"
		cat "$work/refused" >>"$out/refused.txt"
	fi
}

step "A private cluster in $work"
mkdir -p "$out"
rm -f "$out"/*
# nothing of the caller's own PostgreSQL settings
for name in $(env | sed -n 's/^\(PG[A-Z]*\)=.*/\1/p'); do unset "$name"; done
sh "$top/test/cluster.sh" stage "$work"
sh "$top/test/cluster.sh" start "$work"
running=yes
PATH=$work$("${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}" --bindir):$PATH
export PATH PGHOST="$work" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PSQLRC=/dev/null PAGER=cat
export PGOPTIONS='-c client_min_messages=warning'
psql() { command psql -X -q -P footer=off -v ON_ERROR_STOP=1 "$@"; }
sql "CREATE DATABASE demo"
PGDATABASE=demo
sql "CREATE EXTENSION medimnet"
sql "SELECT medimnet.create_catalog()"

step "Contribute: files go in, each is stored or refused with a reason"
pydicom=$(dpkg -L python3-pydicom | sed -n '/\/data\/test_files$/p')
import --collection pydicom --create --license MIT "$pydicom"
data=${DEMO_DIR:-$top/../shared/data/datasets}
labelled=
if [ -d "$data" ]; then
	data=$(cd "$data" && pwd)
	tables=$(find "$data" -maxdepth 2 -name labels.tsv | sort)
	for table in $tables; do
		name=$(basename "$(dirname "$table")")
		# what groups images of one origin, so that no split tears them apart
		case $name in
		blood_bccd) import --collection "$name" --create --license MIT --subject-column view --labels "$table" ;;
		cxr_covidcxnet) import --collection "$name" --create --license CC-BY-4.0 --labels "$table" ;;
		mednist) import --collection "$name" --create --license CC-BY-SA-4.0 --labels "$table" ;;
		*) import --collection "$name" --create --labels "$table" ;;
		esac
		labelled=yes
	done
	if [ -z "$tables" ]; then
		import --collection "$(basename "$data")" --create --label-from-folder "$data"
		labelled=yes
	fi
elif [ -n "${DEMO_DIR:-}" ]; then
	echo "demo: $DEMO_DIR is not a folder" >&2
	exit 1
fi

if [ -z "${DEMO_DIR:-}" ] && [ -d "$top/../shared/data/conformance" ]; then
	import --collection conformance --create "$(cd "$top/../shared/data/conformance" && pwd)"
fi

step "Look at the catalog"
sql "SELECT c.name AS collection, c.license, l.status, count(*)
FROM medimnet.ingest_log l JOIN medimnet.collection c ON c.name = l.collection
GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC"
sql "SELECT m.name AS modality, c.modality AS code, count(*)
FROM medimnet.catalog c LEFT JOIN medimnet.modality m ON m.code = c.modality
GROUP BY 1, 2 ORDER BY 3 DESC"
sql "SELECT a.name AS anatomy, c.anatomy AS code, count(*)
FROM medimnet.catalog c LEFT JOIN medimnet.anatomy a ON a.code = c.anatomy
GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 15"
sql "SELECT count(*) AS thorax_and_all_its_parts
FROM medimnet.catalog WHERE medimnet.is_a(anatomy, 'thorax')"

step "Embed every image with the network that runs inside the server"
sql "CALL medimnet.embed_pending()"
sql "SELECT m.name AS model, m.dimensions, count(*) AS images
FROM medimnet.image_embedding JOIN medimnet.model m USING (model_id) GROUP BY 1, 2"

step "Curate: a frozen dataset in which no subject is in two splits"
if [ -n "$labelled" ]; then
	query='SELECT image_id, label FROM medimnet.catalog WHERE label IS NOT NULL'
else
	# no labels here: let a network tell modalities apart
	query="SELECT image_id, modality AS label FROM medimnet.catalog WHERE modality IN (
	SELECT modality FROM medimnet.catalog WHERE modality <> 'unknown'
	GROUP BY 1 HAVING count(DISTINCT subject_id) > 1)"
fi
sql "SELECT medimnet.create_dataset('first', \$\$$query\$\$)"
sql "SELECT v.classes[m.label + 1] AS class, count(*) FILTER (WHERE m.split = 'train') AS train,
	count(*) FILTER (WHERE m.split = 'val') AS val, count(*) FILTER (WHERE m.split = 'test') AS test
FROM medimnet.dataset_member m JOIN medimnet.dataset_version v USING (dataset_id)
GROUP BY 1 ORDER BY 1"
sql "SELECT count(*) AS subjects_in_two_splits FROM (
	SELECT subject_id FROM medimnet.dataset_member GROUP BY 1 HAVING count(DISTINCT split) > 1) s"

step "Train: batches with all classes in equal shares, over libpq"
sql "SELECT medimnet.create_loader('train64', 'first', 'train', batch_size => 60, width => 64, height => 64)"
sql "SELECT medimnet.shape(images), medimnet.dtype(images), labels[1:12] FROM medimnet.batch('train64', 0)"
run medimnet pull train64 --steps 100

step "Search: what looks most like this image?"
image=$(value "SELECT image_id FROM ($query) q JOIN medimnet.catalog c USING (image_id) ORDER BY c.modality = 'MR' DESC, image_id LIMIT 1")
neighbours="SELECT * FROM medimnet.similar_images($image, 7)"
sql "SELECT image_id, collection, modality, anatomy, labels FROM medimnet.catalog WHERE image_id = $image"
sql "$neighbours"

step "See: a contact sheet"
sheet="SELECT medimnet.contact_sheet($image || ARRAY(
	SELECT image_id FROM ($neighbours) n) || ARRAY(
	SELECT image_id FROM (
		SELECT image_id, row_number() OVER (PARTITION BY modality, anatomy ORDER BY image_id) AS nth
		FROM medimnet.catalog) c
	ORDER BY nth, image_id LIMIT 40), 8, 96)"
printf '\n%s\n\n' "$sheet"
value "SELECT encode(($sheet), 'base64')" | base64 -d >"$out/contact-sheet.png"
echo "first row: that image and its likes; below: images of each modality and body part in turn"
echo "written to $out/contact-sheet.png"

step "Done in $(($(date +%s) - began)) s"
if [ -s "$out/refused.txt" ]; then
	echo "All refused files and why: $out/refused.txt"
fi
if [ -n "${KEEP:-}" ]; then
	trap - EXIT
	cat <<END
The cluster is still there. Look around with

    psql -h $work -U postgres demo

and when you are done, stop and remove it with

    sh $top/test/cluster.sh stop $work && rm -rf $work
END
else
	echo "The cluster is gone; make demo KEEP=1 leaves it running to look around."
fi
