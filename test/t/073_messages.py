"""073_messages.py CONNINFO PORT: what 073_messages.pl has a client do; prints "name|1" or "name|0|why" for each check."""

import hashlib
import sys
import time

import psycopg
from psycopg import pq

conninfo, port = sys.argv[1:]
ROWS = "SELECT medimnet.tensor_send((r).image) AS sent FROM (SELECT medimnet.batch_rows('{}', 0, {}) AS r OFFSET 0) s"
KB = 1024


def check(name, good, why=''):
    print(f'{name}|{int(bool(good))}|{str(why)[:300]}', flush=True)


def connect(to=conninfo):
    return psycopg.connect(to, autocommit=True)


def digests(connection, loader, last):
    """Of each image as the server has it, and as it arrives by SELECT and by COPY."""
    query = ROWS.format(loader, last)
    server = [row[0] for row in connection.execute(f"SELECT encode(sha256(sent), 'hex') FROM ({query}) s")]
    with connection.cursor(binary=True) as cursor:
        selected = [hashlib.sha256(row[0]).hexdigest() for row in cursor.execute(query)]
        with cursor.copy(f'COPY ({query}) TO STDOUT (FORMAT binary)') as copy:
            copied = [hashlib.sha256(row[0]).hexdigest() for row in copy.rows()]
    return server, selected, copied


def same_bytes(name, to):
    """Whether TLS was in use is the result."""
    wrong = []
    with connect(to) as connection:
        for loader in 'small', 'large', 'small':
            server, selected, copied = digests(connection, loader, 9)
            if len(set(server)) != 40 or selected != server or copied != server:
                wrong.append(f'{loader}: {len(server)} {len(selected)} {len(copied)}')
        used = connection.pgconn.ssl_in_use
    check(name, not wrong, wrong)
    return used


same_bytes('as the server has them: over a Unix socket', conninfo)
check('TLS is in use', same_bytes('as the server has them: over TLS', f'host=127.0.0.1 port={port} dbname=postgres sslmode=require'))

# rows of every size about the limits, with a notice between any two
with connect() as connection:
    connection.execute(ROWS.format('small', 0)).fetchall()
    connection.execute("""CREATE FUNCTION pg_temp.said(n int) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN RAISE NOTICE '%', repeat('n', n % 3000); RETURN repeat(chr(33 + n % 90), n); END $$""")
    notices = []
    connection.add_notice_handler(lambda n: notices.append(len(n.message_primary)))
    sizes = [n + d for n in (1, 4 * KB, 8 * KB, 64 * KB, 256 * KB, 1024 * KB) for d in range(-16, 17) if n + d >= 0]
    got = connection.execute('SELECT pg_temp.said(n) FROM unnest(%s::int[]) n', [sizes]).fetchall()
    check('values of any size, and notices between them', [v for v, in got] == [chr(33 + n % 90) * n for n in sizes] and
          notices == [n % 3000 for n in sizes])

    # an error after some images
    try:
        connection.execute("SELECT (r).image, 1 / (3 - (r).step) FROM (SELECT medimnet.batch_rows('large', 0, 9) AS r OFFSET 0) s")
        check('an error ends the stream', False)
    except psycopg.errors.DivisionByZero:
        check('an error ends the stream', connection.execute('SELECT 42').fetchone() == (42,))


def start_reading(connection):
    """Has the server send more than a socket holds, of which only the first row is read."""
    connection.pgconn.send_query_params(ROWS.format('large', 2000).encode(), [], result_format=pq.Format.BINARY)
    connection.pgconn.set_single_row_mode()
    result = connection.pgconn.get_result()
    time.sleep(.5)
    return len(result.get_value(0, 0))


def gone(pid, seconds=10):
    with connect() as other:
        for _ in range(seconds * 10):
            if not other.execute('SELECT FROM pg_stat_activity WHERE pid = %s', [pid]).fetchall():
                return True
            time.sleep(.1)
    return False


# a query cancelled while the server waits for its client
connection = connect()
size = start_reading(connection)
connection.cancel()
state, rows = None, 1
while result := connection.pgconn.get_result():
    rows += result.status == pq.ExecStatus.SINGLE_TUPLE
    state = result.error_field(pq.DiagnosticField.SQLSTATE) or state
check('a cancelled stream ends with whole rows and the error', state == b'57014' and 1 < rows < 16000 and size > 96 * 96 * 12, (state, rows, size))
check('and the session goes on', connection.execute('SELECT 42').fetchone() == (42,))

# terminated while it waits
start_reading(connection)
with connect() as other:
    other.execute('SELECT pg_terminate_backend(%s)', [connection.info.backend_pid])
check('a waiting server can be terminated', gone(connection.info.backend_pid))
connection.close()

# a client that hangs up
connection = connect()
start_reading(connection)
pid = connection.info.backend_pid
connection.close()
check('a server whose client is gone ends', gone(pid))
