"""batches.py BUILD INPUTS [ROUNDS]: what batches cost beside their peers.

Starts a private cluster and takes in the images of batch_inputs.py.  Each row measures
both sides by turns, ROUNDS times (default 5), and prints the medians and their
ratio.  Fails where a row misses its target.

The peer in the server is a table of bytea that holds what batch_rows() sends, the
same images as often and in the same order, uncompressed and out of line (TOAST), read
by a plain SELECT: all of it, so that PostgreSQL has nothing to look for.  The same
program, pull.c, receives both sides.  Unless a row says "first", a session has run
its statement once before: what can be cached is.

The peer outside is PyTorch's DataLoader with two workers over files of the same
images, in random order; beside it batch_rows() by one connection, and by two.

Where two connections are compared with one, server and clients share this machine's
cores: the line after it says what those cores can do at all.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import psycopg

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
build, inputs = (os.path.abspath(p) for p in sys.argv[1:3])
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
PULL = os.path.join(build, 'pull')
BATCH, STEPS = 64, 32
failed = []


def cluster(*arguments):
    return subprocess.run(['sh', f'{TOP}/test/cluster.sh', arguments[0], home, *arguments[1:]], check=True,
                          stdout=subprocess.PIPE if arguments[0] == 'run' else None, text=True).stdout


def sql(text, *options):
    return cluster('run', 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', *options, '-c', text).strip()


def pull(how, query, repetitions=1):
    """(seconds, bytes, rows, CPU seconds of the server, of the client) of the last repetition."""
    out = cluster('run', PULL, f'host={home} dbname=postgres', how, query, str(repetitions))
    return tuple(map(float, out.strip().split('\n')[-1].split('\t')))


def row(what, unit, ours, theirs, peer, target, more_is_better=True):
    """Prints a row; ours and theirs are functions that measure once."""
    a, b = [], []
    for n in range(rounds):
        for side, result in ((ours, a), (theirs, b))[::1 if n % 2 else -1]:
            result.append(side())
    x, y = statistics.median(a), statistics.median(b)
    ratio = x / y
    missed = ratio < target if more_is_better else ratio > target
    if missed:
        failed.append(what)
    print(f'{what:34} {x:10.2f} {y:10.2f} {unit:9} {peer:34} {ratio:8.2f} {"" if more_is_better else "<"}{target:g}'
          f'{"  missed" if missed else ""}', flush=True)


def limit(what, unit, ours, most):
    x = statistics.median(ours() for _ in range(rounds))
    if x > most:
        failed.append(what)
    print(f'{what:34} {x:10.2f} {"":10} {unit:9} {"":34} {"":8} <{most:g}{"  missed" if x > most else ""}', flush=True)


def rows_of(loader, first=0, steps=STEPS):
    return f"SELECT (r).step, (r).label, (r).image FROM (SELECT medimnet.batch_rows('{loader}', {first}, {first + steps - 1}) AS r) s"


def rate(how, query, repetitions=2):
    """GB/s of the last repetition."""
    seconds, size, *_ = pull(how, query, repetitions)
    return size / seconds / 1e9


def images_per_second(query):
    seconds, _, rows, *_ = pull('copy', query, 2)
    return rows / seconds


def cpu_of(query):
    """CPU seconds for a GB of the server, of the client."""
    _, size, _, server, client = pull('copy', query, 2)
    return server / size * 1e9, client / size * 1e9


def two_connections(query):
    """GB/s of two at once, and rows a second."""
    start = time.monotonic()
    both = [subprocess.Popen(['sh', f'{TOP}/test/cluster.sh', 'run', home, PULL, f'host={home} dbname=postgres', 'copy', query, '4'],
                             stdout=subprocess.PIPE, text=True) for _ in range(2)]
    size = seconds = rows = 0
    for process in both:
        lines = process.communicate()[0].strip().split('\n')[1:]
        size += sum(float(l.split('\t')[1]) for l in lines)
        seconds += sum(float(l.split('\t')[0]) for l in lines)
        rows += sum(float(l.split('\t')[2]) for l in lines)
    return size / (seconds / 2) / 1e9, rows / (seconds / 2)


def torch_loader(kind, workers=2, limit=600):
    """Images a second of a DataLoader over files."""
    out = subprocess.run(['/usr/bin/python3', f'{TOP}/test/bench/peer_dataloader.py', f'{inputs}/{kind}', str(workers), str(limit)],
                         check=True, capture_output=True, text=True).stdout
    return float(out)


def torch_stream(loader):
    out = cluster('run', 'env', f'PYTHONPATH={TOP}/examples', '/usr/bin/python3', f'{TOP}/test/bench/stream.py',
                  f'host={home} dbname=postgres', loader, str(4 * STEPS))
    return float(out)


def backend_memory(query):
    """
    Private memory that a backend takes for the query, in batches of loader png, to the first decimal: beside what it
    keeps of tables and plans since it has read one step.
    """
    with psycopg.connect(f'host={home} dbname=postgres user=postgres', autocommit=True) as connection:
        pid = connection.info.backend_pid
        connection.execute("SELECT count(*) FROM (SELECT medimnet.batch_rows('png', 0, 0)) s")

        def anonymous():
            return int(re.search(r'RssAnon:\s+(\d+)', open(f'/proc/{pid}/status').read())[1]) * 1024
        before = anonymous()
        with connection.cursor(binary=True) as cursor, cursor.copy(f'COPY ({query}) TO STDOUT (FORMAT binary)') as copy:
            most = before
            for n, _ in enumerate(copy):
                if n % 16 == 0:
                    most = max(most, anonymous())
        return round((max(most, anonymous()) - before) / (BATCH * 3 * 224 * 224), 1)


def fill():
    sql('CREATE EXTENSION medimnet; SELECT medimnet.create_catalog()')
    for kind in 'png', 'grey', 'j2k':
        cluster('run', 'medimnet', 'import', '--quiet', '--collection', kind, '--create', '--label-from-folder', '-d', 'dbname=postgres',
                f'{inputs}/{kind}')
        sql(f"""SELECT medimnet.create_dataset('{kind}', 'SELECT image_id, label FROM medimnet.catalog WHERE collection = ''{kind}''',
                '{{"train": 1}}');
            SELECT medimnet.create_loader('{kind}', '{kind}', 'train', {BATCH}, 224, 224, channels => {3 if kind == 'png' else 1})""")
        sql(f"CALL medimnet.prepare_loader('{kind}')")
    # the same bytes as a table of large values, of which nothing is compressed
    sql("""CREATE TABLE toasted (n serial, image bytea);
        ALTER TABLE toasted ALTER image SET STORAGE EXTERNAL;
        INSERT INTO toasted (image) SELECT medimnet.tensor_send((r).image) FROM (SELECT medimnet.batch_rows('png', 0, %d) AS r) s""" % (STEPS - 1))
    sql('VACUUM ANALYZE')


def many_members(loader, members):
    """A loader over the PNGs in which each counts many times: what a dataset of that size costs to address."""
    sql(f"""INSERT INTO medimnet.loader SELECT (jsonb_populate_record(l, jsonb_build_object('loader_id', nextval('medimnet.loader_id_seq'),
            'name', '{loader}', 'strata', NULL, 'samples', NULL))).* FROM medimnet.loader l WHERE name = 'png';
        INSERT INTO medimnet.loader_stratum SELECT loader_id, 0, '{{}}', {members} FROM medimnet.loader WHERE name = '{loader}';
        INSERT INTO medimnet.loader_member (loader_id, stratum, ordinal, subject_id, image_id, label, frame)
        SELECT l.loader_id, 0, n, p.subject_id, p.image_id, 0, 1
        FROM medimnet.loader l, generate_series(0, {members} - 1) n
        JOIN (SELECT row_number() OVER (ORDER BY stratum, ordinal) - 1 AS k, subject_id, image_id
            FROM medimnet.loader_member WHERE loader_id = (SELECT loader_id FROM medimnet.loader WHERE name = 'png')) p ON p.k = n % 1000
        WHERE l.name = '{loader}';
        UPDATE medimnet.loader SET strata = 1, samples = {members} WHERE name = '{loader}'""")


with tempfile.TemporaryDirectory(prefix='medimnet-bench.') as home:
    os.chmod(home, 0o755)
    cluster('stage')
    cluster('start', "shared_buffers = '2GB'\nmax_wal_size = '8GB'\njit = off")
    try:
        fill()
        peer_bytes = 'SELECT image FROM toasted'
        print(f'{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {rounds}; {STEPS} steps of {BATCH} images of 3x224x224 uint8, '
              'in shared buffers, Unix socket')
        print(f'{"":34} {"medimnet":>10} {"peer":>10} {"":9} {"peer":34} {"ratio":>8} target')
        batches = f"SELECT (medimnet.batch('png', s)).images FROM generate_series(0, {STEPS - 1}) s"
        for how, called in ('single', 'single-row mode'), ('copy', 'COPY'):
            row(f'batch_rows(), {called}', 'GB/s', lambda: rate(how, rows_of('png')), lambda: rate(how, peer_bytes),
                f'SELECT of TOASTed bytea, {called}', 1.0)
        row('batch_rows(), first statement', 'GB/s', lambda: rate('single', rows_of('png'), 1), lambda: rate('single', peer_bytes, 1),
            'the same of SELECT', 1.0)
        row('batch()', 'GB/s', lambda: rate('single', batches), lambda: rate('single', peer_bytes), 'SELECT of TOASTed bytea', 0.6)
        row('batch(), first statement', 'GB/s', lambda: rate('single', batches, 1), lambda: rate('single', peer_bytes, 1),
            'the same of SELECT', 0.6)
        row('two connections', 'GB/s', lambda: two_connections(rows_of('png'))[0], lambda: rate('copy', rows_of('png')), 'one connection', 1.6)
        server, client = map(statistics.median, zip(*(cpu_of(rows_of('png')) for _ in range(rounds))))
        print(f'{"":4}a GB takes {server:.2f} s of CPU in the server and {client:.2f} in the client: {os.cpu_count()} cores can do no more '
              f'than {os.cpu_count() / (server + client):.2f} GB/s, over any number of connections')
        row('batch_rows(), PNG colour', 'images/s', lambda: images_per_second(rows_of('png')), lambda: torch_loader('png'),
            'DataLoader, PNG files, 2 workers', 10)
        row('the same, two connections', 'images/s', lambda: two_connections(rows_of('png'))[1], lambda: torch_loader('png'),
            'DataLoader, PNG files, 2 workers', 10)
        row('the same of PNG grey', 'images/s', lambda: two_connections(rows_of('grey', steps=4 * STEPS))[1], lambda: torch_loader('grey'),
            'DataLoader, PNG files, 2 workers', 10)
        row('batch_rows(), JPEG 2000 CT', 'images/s', lambda: images_per_second(rows_of('j2k')), lambda: torch_loader('j2k', limit=200),
            'DataLoader, J2K DICOM, 2 workers', 100)
        row('LoaderStream', 'images/s', lambda: torch_stream('png'), lambda: torch_loader('png'), 'DataLoader, PNG files, 2 workers', 10)
        limit('first batch_rows() of a session', 'ms', lambda: pull('copy', rows_of('png', 7, 1))[0] * 1e3, 20)
        limit('first batch() of a session', 'ms', lambda: pull('single', "SELECT (medimnet.batch('png', 7)).images")[0] * 1e3, 20)
        limit('memory of batch_rows()', 'batches', lambda: backend_memory(rows_of('png')), 3)
        limit('memory of batch()', 'batches', lambda: backend_memory("SELECT (medimnet.batch('png', s)).images FROM generate_series(0, 9) s"), 3)
        for name, members in ('small', 10_000), ('large', 10_000_000):
            many_members(name, members)
        sql('VACUUM ANALYZE medimnet.loader_member')
        row('a batch of 10,000,000 members', 'ms', lambda: pull('copy', rows_of('large', 5000), 2)[0] / STEPS * 1e3,
            lambda: pull('copy', rows_of('small', 5000), 2)[0] / STEPS * 1e3, 'of 10,000 members', 1.2, more_is_better=False)
    finally:
        cluster('stop')
sys.exit(f'missed: {", ".join(failed)}' if failed else 0)
