"""sql_path.py SOCKET_DIR PROGRAMS INPUTS [ROUNDS]: what SQL adds to decoding.

decode_frame() of a bytea that is at hand, by turns with the same decoder's
code in a loop (ours.c): for each round the mean of many calls on either side
and their difference; printed and judged is the median over ROUNDS (default 7).

Both sides count in time of their own processes, SQL's being backend and helper
together: all that the way through SQL makes a processor do (copies, page
faults, messages, switches) is in it, and what other processes take away from
one side and not the other is not, which on a shared machine is more than what
is looked for.  Nor do its processors all keep the same pace, by up to 40 %: so
the loop runs where the helper does, by turns on each.  The wait between one
process's message and the other's waking is not in it either; so medians by the
clock on the wall stand beside, from a loop that looks at it, also for the same
out of a table in shared buffers, where PostgreSQL first puts the value together
from its chunks.  Then what a session pays once: the helper's start, its memory,
and the backend's own growth.

What is added is a round trip to another process and the bytes' way there and
back; so the target goes by pixels, 150 us for each 512x512x16 of them, or is
5 % of the decoding where that is more.  Fails where one is missed.  The way
there and back is one copy of the file and one of the frame: how long this
machine takes to copy a frame of each size is printed first.
"""

import ctypes
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
CALLS = 850  # at most, of one helper: after 1,000 objects comes another

SETUP = '''
CREATE EXTENSION IF NOT EXISTS medimnet;
DROP TABLE IF EXISTS bench;
CREATE TABLE bench (name text PRIMARY KEY, content bytea);
ALTER TABLE bench ALTER content SET STORAGE EXTERNAL;
CREATE OR REPLACE FUNCTION bench_calls(wanted text, calls int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	value bytea := (SELECT content || '' FROM bench WHERE name = wanted);
	side int;
BEGIN
	FOR i IN 1 .. calls LOOP
		side := medimnet.width(medimnet.decode_frame(value));
	END LOOP;
END $$;
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
processors = sorted(os.sched_getaffinity(0))
missed = []
libc = ctypes.CDLL(None)


def connect():
    return psycopg.connect(host=directory, user='postgres', dbname='postgres', autocommit=True)


def loop(path, processor):
    """Microseconds an image: mean of the processor's, median of the clock's."""
    out = subprocess.run([os.path.join(programs, 'ours'), os.path.join(inputs, path), str(SECONDS)],
                         check=True, capture_output=True, text=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, [processor])).stdout
    return [float(v) for v in out.split('\t')[1:3]]


def judge(what, met):
    if met:
        return ''
    missed.append(what)
    return '  missed'


def own_time(processes):
    """Microseconds that they have computed."""
    clock = ctypes.c_int()
    total = 0
    for pid in processes:
        if libc.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
            sys.exit(f'process {pid} is gone')
        total += time.clock_gettime(clock.value) * 1e6
    return total


def by_sql(path, calls, processor):
    """Like loop(), and the clock's for the value out of the table."""
    with connect() as session:
        def run(function, n):
            return session.execute(f'SELECT {function}(%s, %s)', (path, n)).fetchone()[0]

        run('bench_calls', 3)  # starts the helper, makes its windows
        backend = session.execute('SELECT pg_backend_pid()').fetchone()[0]
        helper = helper_of(backend)
        os.sched_setaffinity(helper, [processor])
        before = own_time([backend, helper])
        run('bench_calls', 0)
        start = own_time([backend, helper])
        run('bench_calls', calls)
        own = own_time([backend, helper]) - start - (start - before)
        return own / calls, run('bench_value', min(calls, 50)), run('bench_table', min(calls, 50))


def copying(size):
    """Microseconds to copy so many bytes that do not stay in a near cache."""
    buffers = [(ctypes.c_char * size)() for _ in range(max(2, (32 << 20) // size))]
    times = []
    for i in range(200):
        to, source = buffers[i % len(buffers)], buffers[(i + 1) % len(buffers)]
        start = time.process_time_ns()
        ctypes.memmove(to, source, size)
        times.append((time.process_time_ns() - start) / 1e3)
    return statistics.median(times[len(buffers):])


def measure(what, path, pixels):
    rows = []
    calls = max(5, min(CALLS, int(SECONDS * 1e6 / loop(path, processors[0])[0])))
    for i in range(rounds):
        processor = processors[i % len(processors)]
        alone, wall_alone = loop(path, processor)
        own, wall, table = by_sql(path, calls, processor)
        rows.append((alone, own, own - alone, wall_alone, wall, table))
    a, s, adds, wall_alone, wall, table = (statistics.median(column) for column in zip(*rows))
    target = max(150 * pixels, .05 * a)
    print(f'{what:14} {path:16} {a:9.0f} us {s:9.0f} us {adds:7.0f} us {adds / a:7.1%} {target:7.0f} us'
          f' {wall_alone:9.0f} us {wall:9.0f} us {table:9.0f} us'
          + judge(f'{what} {path}', adds <= target), flush=True)


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
print(f'load {os.getloadavg()[0]:.1f}; median of {rounds}; copying takes '
      + ', '.join(f'{copying(pixels << 19):.0f} us for {pixels / 2:g} MB' for _, pixels in IMAGES))
print(f'{"":31} {"own time":>12} {"":12} {"":10} {"":7} {"":10} {"by the clock":>12}')
print(f'{"syntax":14} {"file":16} {"in a loop":>12} {"by SQL":>12} {"adds":>10} {"":7} {"at most":>10}'
      f' {"in a loop":>12} {"by SQL":>12} {"from a table":>12}')
for what, path, pixels in paths:
    measure(what, path, pixels)
start = statistics.median(start_of_helper() for _ in range(max(rounds, 5)))
helper, growth = memory()
print(f'start of a helper: {start:.1f} ms, at most 40' + judge('start', start <= 40))
print(f'memory of a helper: {helper:.0f} MB, at most 512' + judge('memory of a helper', helper <= 512))
print(f'growth of a backend: {growth:.0f} MB, at most two frames of 8 MB and 16' + judge('growth', growth <= 32))
sys.exit(f'not as they should be: {", ".join(missed)}' if missed else 0)
