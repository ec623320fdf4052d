"""sql_path.py SOCKET_DIR PROGRAMS INPUTS [ROUNDS]: what SQL adds to decoding.

decode_frame() of a bytea that is at hand, by turns with the same decoder's
code in a loop (ours.c): medians over ROUNDS (default 7) of medians of many
calls, by the clock on the wall, and their difference.  Beside it, the same out
of a table in shared buffers, where PostgreSQL first puts the value together
from its chunks.  Then what a session pays once: the helper's start, its
memory, and the backend's own growth.

What is added is a round trip to another process and the bytes' way there and
back; so the target goes by pixels, 150 us for each 512x512x16 of them, or is
5 % of the decoding where that is more.  Fails where one is missed.
"""

import glob
import os
import statistics
import subprocess
import sys
import time

import psycopg

FILES = [
    ('raw', '.dcm'),
    ('RLE', '.rle.dcm'),
    ('JPEG baseline', '-8.jpg.dcm'),
    ('JPEG lossless', '.ljpeg.dcm'),
    ('JPEG-LS', '.jls.dcm'),
    ('JPEG 2000', '.j2k.dcm'),
    ('PNG', '.png'),
]
IMAGES = ('ct512', 1), ('cr2048', 16)  # and their pixels, in 512x512
SECONDS = .2

SETUP = '''
CREATE EXTENSION IF NOT EXISTS medimnet;
DROP TABLE IF EXISTS bench;
CREATE TABLE bench (name text PRIMARY KEY, content bytea);
ALTER TABLE bench ALTER content SET STORAGE EXTERNAL;
CREATE OR REPLACE FUNCTION bench_value(wanted text, calls int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	value bytea := (SELECT content || '' FROM bench WHERE name = wanted);
	times float8[];
	start timestamptz;
	side int;
BEGIN
	FOR i IN 1 .. calls LOOP
		start := clock_timestamp();
		side := medimnet.width(medimnet.decode_frame(value));
		times[i] := extract(epoch FROM clock_timestamp() - start) * 1e6;
	END LOOP;
	RETURN percentile_cont(.5) WITHIN GROUP (ORDER BY t) FROM unnest(times) t;
END $$;
CREATE OR REPLACE FUNCTION bench_table(wanted text, calls int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	times float8[];
	start timestamptz;
	side int;
BEGIN
	FOR i IN 1 .. calls LOOP
		start := clock_timestamp();
		SELECT medimnet.width(medimnet.decode_frame(content)) INTO side FROM bench WHERE name = wanted;
		times[i] := extract(epoch FROM clock_timestamp() - start) * 1e6;
	END LOOP;
	RETURN percentile_cont(.5) WITHIN GROUP (ORDER BY t) FROM unnest(times) t;
END $$;
'''

directory, programs, inputs = sys.argv[1:4]
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 7
missed = []


def connect():
    return psycopg.connect(host=directory, user='postgres', dbname='postgres', autocommit=True)


def loop(path):
    out = subprocess.run([os.path.join(programs, 'ours'), os.path.join(inputs, path), str(SECONDS)],
                         check=True, capture_output=True, text=True).stdout
    return float(out.split('\t')[0])


def judge(what, met):
    if met:
        return ''
    missed.append(what)
    return '  missed'


def measure(session, what, path, pixels):
    def calls(function, n):
        return session.execute(f'SELECT {function}(%s, %s)', (path, n)).fetchone()[0]

    n = max(5, int(SECONDS * 1e6 / calls('bench_value', 3)))
    alone, value, table = [], [], []
    for _ in range(rounds):
        alone.append(loop(path))
        value.append(calls('bench_value', n))
        table.append(calls('bench_table', n))
    a, v, t = (statistics.median(x) for x in (alone, value, table))
    target = max(150 * pixels, .05 * a)
    print(f'{what:14} {path:16} {a:9.0f} us {v:9.0f} us {v - a:7.0f} us {(v - a) / a:7.1%} {target:7.0f} us {t:9.0f} us'
          + judge(path, v - a <= target), flush=True)


def resident(pid, name):
    with open(f'/proc/{pid}/status') as f:
        return next(int(l.split()[1]) / 1024 for l in f if l.startswith(name))


def helper_of(backend):
    for status in glob.glob('/proc/[0-9]*/status'):
        try:
            with open(status) as f:
                text = f.read()
        except OSError:
            continue
        if f'\nPPid:\t{backend}\n' in text and text.startswith('Name:\tmedimnet-deco'):
            return int(status.split('/')[2])
    return sys.exit('no helper found')


def start_of_helper():
    """Milliseconds that the first call of a session takes more than the next."""
    with connect() as session:
        call = "SELECT medimnet.frame_count(content) FROM bench WHERE name = 'ct512.jls.dcm'"
        session.execute("LOAD 'medimnet'")
        session.execute('SELECT length(content) FROM bench').fetchall()
        times = []
        for _ in range(2):
            start = time.perf_counter()
            session.execute(call)
            times.append(time.perf_counter() - start)
        return (times[0] - times[1]) * 1e3


def memory():
    """MB that helper and backend come to at most, both with their windows."""
    with connect() as session:
        backend = session.execute('SELECT pg_backend_pid()').fetchone()[0]
        session.execute("SELECT medimnet.width(medimnet.decode_frame(content)) FROM bench WHERE name = 'ct512.dcm'")
        session.execute('SELECT sum(length(md5(content))) FROM bench')  # all shared buffers were seen
        with open(f'/proc/{backend}/clear_refs', 'w') as f:
            f.write('5')  # the peak starts anew
        before = resident(backend, 'VmRSS')
        session.execute("SELECT sum(medimnet.width(medimnet.decode_frame(content))) FROM bench WHERE name LIKE 'cr2048%'")
        return resident(helper_of(backend), 'VmHWM'), resident(backend, 'VmHWM') - before


with connect() as session:
    session.execute(SETUP)
    paths = [(what, image + suffix, pixels) for image, pixels in IMAGES for what, suffix in FILES]
    for _, path, _ in paths:
        with open(os.path.join(inputs, path), 'rb') as f:
            session.execute('INSERT INTO bench VALUES (%s, %s)', (path, f.read()))
    session.execute('VACUUM ANALYZE bench')
    print(f'load {os.getloadavg()[0]:.1f}; median of {rounds}')
    print(f'{"syntax":14} {"file":16} {"in a loop":>12} {"by SQL":>12} {"adds":>10} {"":7} {"at most":>10} {"from a table":>12}')
    for what, path, pixels in paths:
        measure(session, what, path, pixels)
start = statistics.median(start_of_helper() for _ in range(max(rounds, 5)))
helper, growth = memory()
print(f'start of a helper: {start:.1f} ms, at most 40' + judge('start', start <= 40))
print(f'memory of a helper: {helper:.0f} MB, at most 512' + judge('memory of a helper', helper <= 512))
print(f'growth of a backend: {growth:.0f} MB, at most two frames of 8 MB and 16' + judge('growth', growth <= 32))
sys.exit(f'not as they should be: {", ".join(missed)}' if missed else 0)
