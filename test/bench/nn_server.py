"""nn_server.py MODELS PEER [ROUNDS]: what networks cost inside a server.

MODELS is a folder of NAME.onnx as test/zoo.py --keep leaves them, mobilenet_v2, resnet18 and resnet50
among them; PEER a folder where npm has put onnxruntime-node. On a private cluster, without the
variables that tell OpenBLAS which kernels to use:

  - embed() of 2,000 images by two parallel workers beside one process, wall clock
  - what the first call of a session costs when another has planned the network, more than later
    ones: CPU time, which on a quiet machine is wall clock
  - memory of eight sessions that use ResNet-50 beside that of one, by proportional set size
  - what a session takes at most, for every network in MODELS: the one that loads it, the one
    that plans it, one that finds the plan; and ONNX Runtime's process

Medians of ROUNDS (default 5). Fails where a row misses its target.
"""

import glob
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import psycopg

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
models, peer = (os.path.abspath(p) for p in sys.argv[1:3])
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
IMAGES, SESSIONS, MB = 2000, 8, 2**20
SIDE = 224
failed = []
for name in [n for n in os.environ if n.startswith('OPENBLAS_')]:
    del os.environ[name]


def cluster(*arguments):
    subprocess.run(['sh', f'{TOP}/test/cluster.sh', arguments[0], home, *arguments[1:]], check=True)


def connect():
    return psycopg.connect(f'host={home} dbname=postgres user=postgres', autocommit=True)


def value(connection, query, *arguments):
    return connection.execute(query, arguments or None).fetchone()[0]


def status(connection, key):
    """Bytes that the kernel says of the session's process."""
    with open(f'/proc/{connection.info.backend_pid}/status') as f:
        return int(re.search(key + r':\s+(\d+)', f.read())[1]) * 1024


def proportional(connection):
    with open(f'/proc/{connection.info.backend_pid}/smaps_rollup') as f:
        return int(re.search(r'^Pss:\s+(\d+)', f.read(), re.M)[1]) * 1024


def limit(what, unit, x, most, more_is_better=False, note=''):
    missed = x < most if more_is_better else x > most
    if missed:
        failed.append(what)
    print(f'{what:46} {x:9.2f} {unit:6} {">" if more_is_better else "<"}{most:<8.4g}{"missed  " if missed else ""}{note}', flush=True)


def picture(side):
    """A text form of type pixels: gradients and some grain."""
    samples = bytes((x * 3 + y * 2 + c * 40 + (x * y * 7919 >> 4) % 23) % 256
                    for y in range(side) for x in range(side) for c in range(3))
    return f'{side}x{side}x3 u8 rgb \\x{samples.hex()}'


def side_of(name):
    return 299 if name == 'inception_v3' else SIDE  # as zoo.py exports them


def load(name):
    """Loads a model by a session of its own; what that takes at most."""
    with connect() as c:
        side = side_of(name)
        c.execute("SET medimnet.model_cache = '4GB'")
        c.execute(f"""SELECT medimnet.load_model('{name}', pg_read_binary_file('{home}/models/{name}.onnx'), {side}, {side}, 3,
            '{{123.675,116.28,103.53}}', '{{58.395,57.12,57.375}}')""")
        return status(c, 'VmHWM')


def cpu(c):
    """Seconds that the session's process has run for; others on the machine do not count."""
    with open(f'/proc/{c.info.backend_pid}/schedstat') as f:
        return int(f.read().split()[0]) / 1e9


def use(c, name, image):
    """Seconds of CPU of one call."""
    start = cpu(c)
    c.execute('SELECT medimnet.embed(%s::text::medimnet.pixels, %s)', (image, name))
    return cpu(c) - start


def scaling(name):
    with connect() as c:
        c.execute('CREATE TABLE image (n int, pixels medimnet.pixels)')
        c.execute('ALTER TABLE image ALTER pixels SET STORAGE EXTERNAL, SET (parallel_workers = 2)')
        c.execute('INSERT INTO image SELECT n, %s::text::medimnet.pixels FROM generate_series(1, %s) n', (picture(SIDE), IMAGES))
        c.execute('VACUUM ANALYZE image')
        c.execute('SET parallel_leader_participation = off')
        query = f"SELECT count(medimnet.embed(pixels, '{name}')) FROM image"
        seconds = {0: [], 2: []}
        for k in range(rounds):
            for workers in seconds:
                c.execute(f'SET max_parallel_workers_per_gather = {workers}')
                plan = json.dumps(value(c, f'EXPLAIN (FORMAT JSON) {query}'))
                if workers and f'"Workers Planned": {workers}' not in plan:
                    sys.exit(f'the planner does not take {workers} workers: {plan}')
                start = time.monotonic()
                c.execute(query)
                seconds[workers].append(time.monotonic() - start)
        one, two = (statistics.median(seconds[w]) for w in (0, 2))
        limit(f'{name}, {IMAGES} images, 2 workers beside 1 process', 'times', one / two, 1.8, True,
              f'{IMAGES / one:.1f} and {IMAGES / two:.1f} images/s')


def first_call(name):
    image = picture(SIDE)
    with connect() as c:
        use(c, name, image)  # plans it
    first, second, library = [], [], []
    for _ in range(max(rounds, 5)):
        with connect() as c:
            c.execute('SELECT 1')
            start = cpu(c)
            c.execute("LOAD 'medimnet'")
            library.append(cpu(c) - start)
            first.append(use(c, name, image))
            second.append(statistics.median(use(c, name, image) for _ in range(5)))
    first, second, library = (statistics.median(v) * 1e3 for v in (first, second, library))
    limit(f'{name}, first call, more than later ones', 'ms', library + first - second, 50, False,
          f'loading the library {library:.1f}, the call {first:.1f}, later calls {second:.1f}')


def alone(c):
    """Waits until sessions that have been closed are gone."""
    while value(c, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") > 1:
        time.sleep(0.1)


def many_sessions(name):
    image = picture(SIDE)
    with connect() as c:
        workspace = value(c, 'SELECT workspace_bytes FROM medimnet.model_info(%s)', name)
    sessions = [connect()]
    alone(sessions[0])
    sessions += [connect() for _ in range(SESSIONS - 1)]
    for n, c in enumerate(sessions):
        use(c, name, image)
        if n == 0:
            one = proportional(c)
    total = sum(map(proportional, sessions))
    for c in sessions:
        c.close()
    limit(f'{name}, {SESSIONS} sessions beside one', 'MB', total / MB, (1.3 * one + SESSIONS * workspace) / MB, False,
          f'one {one / MB:.1f}, workspace {workspace / MB:.1f}')


def peer_memory(name, side):
    script = os.path.join(TOP, 'test/bench/peer_onnxruntime.js')
    out = subprocess.run(['node', script, f'{models}/{name}.onnx', '1', '3', str(side), str(side), '0.2'],
                         check=True, capture_output=True, text=True, cwd=peer).stdout
    out = json.loads(out)
    return out['rss_kb'] * 1024, out['before_kb'] * 1024


def memory(name, loading):
    side = side_of(name)
    image = picture(side)
    with connect() as c:
        c.execute("SET medimnet.model_cache = '4GB'")
        use(c, name, image)
        planning = status(c, 'VmHWM')
    with connect() as c:
        c.execute("SET medimnet.model_cache = '4GB'")
        use(c, name, image)
        later, private = status(c, 'VmHWM'), status(c, 'RssAnon')
    theirs, before = peer_memory(name, side)
    print(f'{name:20}' + ''.join(f' {x / MB:10.1f}' for x in (loading, planning, later, private, theirs, before)), flush=True)


with tempfile.TemporaryDirectory(prefix='medimnet-bench.') as home:
    os.chmod(home, 0o755)
    cluster('stage')
    subprocess.run(['cp', '-rL', models, f'{home}/models'], check=True)
    cluster('start', "shared_buffers = '1GB'\nmax_wal_size = '8GB'\njit = off")
    try:
        with connect() as c:
            c.execute('CREATE EXTENSION medimnet')
            c.execute('SELECT medimnet.create_catalog()')
        names = sorted(os.path.basename(p)[:-5] for p in glob.glob(f'{models}/*.onnx'))
        loading = {name: load(name) for name in names}
        print(f'{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {rounds}')
        scaling('mobilenet_v2')
        for name in 'mobilenet_v2', 'resnet18', 'resnet50':
            first_call(name)
        many_sessions('resnet50')
        print(f'\n{"MB at most":20} {"load_model":>10} {"planning":>10} {"later":>10} {"private":>10} {"peer":>10} {"of it node":>10}')
        for name in names:
            memory(name, loading[name])
    finally:
        cluster('stop')
sys.exit(f'missed: {", ".join(failed)}' if failed else 0)
