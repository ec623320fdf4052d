"""What 095_torch.pl has Python do; prints a line "name|1" or "name|0|why" for each check, or what a subcommand says."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "examples"))

import psycopg
import torch
from torch.utils.data import DataLoader, Subset

from medimnet_torch import Batch, LoaderStream, rows_of_copy
from train import Job

torch.set_num_threads(1)
BATCH = 48
# To train on all of MedNIST: PER_CLASS=2000 STEPS=1000
PER_CLASS = int(os.environ.get("PER_CLASS", 150))
STEPS = int(os.environ.get("STEPS", 60))


def check(name, good, why=""):
    print(f"{name}|{int(bool(good))}|{str(why).replace(chr(10), ' ')}", flush=True)


def fill(conninfo, images, folder):
    """MedNIST, PER_CLASS files of each class: to the server, and to a folder as ImageFolder wants it; image_id -> path."""
    paths = {}
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT medimnet.add_collection('mednist', license => 'CC-BY-SA-4.0')")
        for kind in sorted(os.listdir(images)):
            os.mkdir(f"{folder}/{kind}")
            for name in sorted(os.listdir(f"{images}/{kind}"))[:PER_CLASS]:
                content = pathlib.Path(f"{images}/{kind}/{name}").read_bytes()
                status, image_id = connection.execute(
                    "SELECT status, image_id FROM medimnet.ingest('mednist', %b, labels => ARRAY[%s])", [content, kind]).fetchone()
                path = f"{folder}/{kind}/{name}"
                pathlib.Path(path).write_bytes(content)
                if status == "stored":
                    paths[image_id] = path
        connection.execute("SELECT medimnet.create_dataset('mednist', 'SELECT image_id, label FROM medimnet.catalog')")
        connection.execute(f"SELECT medimnet.create_loader('mednist', 'mednist', 'train', {BATCH}, 64, 64)")
        connection.execute(f"SELECT medimnet.create_loader('mednist-val', 'mednist', 'val', {BATCH}, 64, 64)")
    return paths


def same(a, b):
    return len(a) == len(b) and all(
        x.step == y.step and torch.equal(x.images, y.images) and torch.equal(x.labels, y.labels) and
        torch.equal(x.image_ids, y.image_ids) for x, y in zip(a, b))


def streams(conninfo):
    """The stream says what batch() says, for any number of workers and ranks, from any step on."""
    whole = list(LoaderStream(conninfo, "mednist", 9))
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute("SELECT labels, image_ids FROM generate_series(0, 8) s, medimnet.batch('mednist', s)").fetchall()
    check("the stream is what batch() gives", [(b.labels.tolist(), b.image_ids.tolist()) for b in whole] == rows)
    check("steps come in order", [b.step for b in whole] == list(range(9)))
    check("images are uint8 [N, 1, 64, 64]", whole[0].images.shape == (BATCH, 1, 64, 64) and whole[0].images.dtype == torch.uint8)
    for workers in (1, 2, 4):
        stream = LoaderStream(conninfo, "mednist", 9)
        check(f"{workers} workers bring the same, in order", same(whole, list(DataLoader(stream, batch_size=None, num_workers=workers))))
    check("from step 5 on it is the rest", same(whole[5:], list(LoaderStream(conninfo, "mednist", 9, first_step=5))))
    for ranks in (2, 4):
        shares = [list(LoaderStream(conninfo, "mednist", 9, rank=r, world_size=ranks)) for r in range(ranks)]
        union = [Batch(s[0].step, *(torch.cat([getattr(b, f) for b in s]) for f in ("images", "labels", "image_ids"))) for s in zip(*shares)]
        check(f"{ranks} ranks together bring the same", same(whole, union))
    check("no steps, no batches", list(LoaderStream(conninfo, "mednist", 3, first_step=3)) == [])
    sessions = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        several = LoaderStream(conninfo, "mednist", 600)
        before = connection.execute(sessions).fetchone()[0]
        check("several statements' worth of steps", [b.step for b in several] == list(range(600)))
        connection.execute("SELECT pg_stat_clear_snapshot()")
        after = connection.execute(sessions).fetchone()[0]
        check("come over one connection", after - before == 1, after - before)
    away = LoaderStream(conninfo, "mednist", 3)
    away.conninfo = "host=/nowhere"
    start = time.monotonic()
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(1)
    try:
        next(iter(away))
        check("a server that is away has no batch", False)
    except KeyboardInterrupt:
        check("who stops waiting for a server need not wait for it", time.monotonic() - start < away.retry_seconds / 2)
    start = time.monotonic()
    signal.alarm(1)
    try:
        with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
            with cursor.copy("COPY (SELECT repeat('x', 10000), pg_sleep(10 * i) FROM generate_series(0, 2) i) TO STDOUT"):
                list(rows_of_copy(connection.pgconn))
        check("rows that take long are waited for", False)
    except KeyboardInterrupt:
        check("nor who waits for a row", time.monotonic() - start < 5, time.monotonic() - start)
    for name, arguments in (("no such loader", ("nope", 3)), ("ranks that cannot share", ("mednist", 3, 0, 0, 5))):
        start = time.monotonic()
        try:
            list(LoaderStream(conninfo, *arguments))
            check(f"{name}: is an error", False)
        except psycopg.Error as error:
            check(f"{name}: is an error at once", time.monotonic() - start < 5, error)
    start = time.monotonic()
    for batch in LoaderStream(conninfo, "mednist", 10_000_000):
        break
    check("a stream can be left in the middle", time.monotonic() - start < 10)


def train(conninfo, paths, folder, work):
    """The same images in the same order: the same losses, whether they come from the server or from files."""
    import torchvision
    from torchvision.transforms import Compose, Grayscale, PILToTensor

    with psycopg.connect(conninfo) as connection:
        order = [i for (ids,) in connection.execute(
            f"SELECT image_ids FROM generate_series(0, {STEPS - 1}) s, medimnet.batch('mednist', s) ORDER BY s") for i in ids]
    files = torchvision.datasets.ImageFolder(folder, Compose([Grayscale(), PILToTensor()]))
    index = {path: n for n, (path, _) in enumerate(files.samples)}
    batches = DataLoader(Subset(files, [index[paths[i]] for i in order]), batch_size=BATCH)
    start = time.perf_counter()
    from_files = list(Job(1, 6).train(Batch(n, x, y, None) for n, (x, y) in enumerate(batches)))
    file_seconds = time.perf_counter() - start
    start = time.perf_counter()
    job = Job(1, 6)
    from_server = list(job.train(DataLoader(LoaderStream(conninfo, "mednist", STEPS), batch_size=None)))
    server_seconds = time.perf_counter() - start
    worst = max(abs(a - b) for a, b in zip(from_files, from_server))
    check("the same loss curve from ImageFolder and from the stream", len(from_server) == STEPS and worst <= 1e-3, f"{worst:.2g}")
    check("the network learns", from_server[-1] < 0.5 * from_server[0], f"{from_server[0]:.3f} -> {from_server[-1]:.3f}")
    print(f"# {STEPS} steps of {BATCH}: ImageFolder {file_seconds:.2f} s, stream {server_seconds:.2f} s, "
          f"losses differ by at most {worst:.2g}", flush=True)

    # killed, and started again
    kill_at = random.randrange(12, STEPS - 8)
    command = [sys.executable, str(TOP / "examples/train.py"), "--conninfo", conninfo, "--loader", "mednist", "--steps", str(STEPS),
               "--checkpoint", f"{work}/job.pt", "--every", "5", "--log", f"{work}/job.jsonl"]
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    first = subprocess.Popen(command, env=environment)
    log = pathlib.Path(f"{work}/job.jsonl")
    while first.poll() is None and (not log.exists() or len(log.read_text().splitlines()) < kill_at):
        time.sleep(0.005)
    killed = first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    lines = log.read_text().splitlines()
    check(f"killed after step {kill_at}", killed and kill_at <= len(lines) < STEPS, len(lines))
    second = subprocess.run(command, env=environment, capture_output=True, text=True)
    check("the same command goes on and ends well", second.returncode == 0, second.stderr)
    losses = {}
    for line in log.read_text().splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue  # cut short by the kill
        losses[entry["step"]] = entry["loss"]
    check("its losses are those of the job that was not killed",
          sorted(losses) == list(range(STEPS)) and max(abs(losses[n] - from_server[n]) for n in losses) <= 1e-3)
    resumed = Job(1, 6)
    resumed.load(f"{work}/job.pt")
    check("it ends at the same step", resumed.step == STEPS)
    images = next(iter(LoaderStream(conninfo, "mednist-val", 1))).images.float() / 255
    with torch.no_grad():
        worst = (job.net.eval()(images) - resumed.net.eval()(images)).abs().max().item()
    check("and its network predicts the same", worst <= 1e-4, f"{worst:.2g}")


def ids(conninfo, loader, steps, pause):
    """A line for each step as it comes: for a server that goes away meanwhile."""
    for batch in LoaderStream(conninfo, loader, int(steps)):
        print(batch.step, ",".join(map(str, batch.image_ids.tolist())), int(batch.images.sum()), flush=True)
        time.sleep(float(pause))


if __name__ == "__main__":
    if sys.argv[1] == "all":
        conninfo, images, work = sys.argv[2:]
        os.mkdir(f"{work}/images")
        paths = fill(conninfo, images, f"{work}/images")
        check("most files are stored", len(paths) > 850, len(paths))
        streams(conninfo)
        train(conninfo, paths, f"{work}/images", work)
    else:
        ids(*sys.argv[2:])
