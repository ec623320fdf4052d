"""Batches of a medimnet loader as a PyTorch dataset.

One file, to copy beside a training script; needs PyTorch, NumPy and psycopg 3
(Debian: python3-torch, python3-psycopg).

    from torch.utils.data import DataLoader
    from medimnet_torch import LoaderStream

    stream = LoaderStream("dbname=images", "chest-train", steps=10_000)
    for batch in DataLoader(stream, batch_size=None):
        loss = criterion(net(batch.images.float() / 255), batch.labels)

A batch is a function of the loader and the step, so

* resuming is `first_step=`: keep `batch.step + 1` in the checkpoint;
* with torch.distributed every rank gets its share of each batch, and all of
  them together the same images whatever their number;
* the stream reads ahead while you compute. DataLoader's workers (num_workers)
  are for what decodes files: here that is done, and to hand a batch from
  process to process costs more than to receive it. If you want some for work
  of your own, they take turns, each with a connection, and steps come out in
  order;
* when the server goes away (restart, promotion of a standby), the stream
  connects again and asks for the step it was at. Give conninfo all hosts:
  "host=a,b target_session_attrs=any".
"""

import ast
import queue
import selectors
import struct
import threading
import time
from typing import Iterator, NamedTuple

import numpy
import psycopg
import torch
from psycopg import pq, sql
from psycopg.rows import namedtuple_row
from torch.utils.data import IterableDataset, get_worker_info

# Steps of one statement: long enough to keep the stream flowing, short enough
# not to hold back VACUUM with an old snapshot.
STEPS_PER_STATEMENT = 256

# Batches read ahead by a stream that no worker process runs.
AHEAD = 2

# In the SELECT list, so that the server makes one image at a time.
STREAM = sql.SQL(
    "COPY (SELECT (r).step, (r).image_id, (r).label, (r).image"
    " FROM (SELECT medimnet.batch_rows({loader}, s, s, {rank}, {world_size}) AS r"
    " FROM pg_catalog.generate_series({first}::bigint, {last}, {stride}) s) q)"
    " TO STDOUT (FORMAT binary)"
)

COPY_HEADER = 19  # signature, flags, length of an extension, which is 0
# Of a row, before the bytes of its image: the number of fields, then each field's size and value.
NUMBERS = struct.Struct(">h iq iq ii i")


class Batch(NamedTuple):
    """A rank's share of the batch of one step."""

    step: int
    images: torch.Tensor  # [N, C, H, W], or [N, H, W, C] if the loader says so; of the loader's dtype, uint16 as int32
    labels: torch.Tensor  # int64 [N], indices into info.classes
    image_ids: torch.Tensor  # int64 [N]


class LoaderStream(IterableDataset):
    """The batches of steps first_step .. steps-1 of a loader, in order.

    rank and world_size default to torch.distributed's, or to 0 of 1 without
    it; world_size must divide the loader's batch size. `info` is the row of
    medimnet.loader_info(): classes, samples, steps_per_epoch and so on.

    Raises psycopg.Error; of a lost connection only after retry_seconds without
    a new one.
    """

    def __init__(self, conninfo: str, loader: str, steps: int, first_step: int = 0, rank: int | None = None,
                 world_size: int | None = None, retry_seconds: float = 60):
        super().__init__()
        if rank is None and world_size is None and torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        self.conninfo = conninfo
        self.loader = loader
        self.steps = steps
        self.first_step = first_step
        self.rank = rank or 0
        self.world_size = world_size or 1
        self.retry_seconds = retry_seconds
        with psycopg.connect(conninfo, row_factory=namedtuple_row) as connection:
            self.info = connection.execute("SELECT * FROM medimnet.loader_info(%s)", [loader]).fetchone()

    def __len__(self) -> int:
        return max(self.steps - self.first_step, 0)

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        left = threading.Event()
        if worker:
            return self._from(self.first_step + worker.id, worker.num_workers, left)
        return read_ahead(self._from(self.first_step, 1, left), left)

    def _from(self, step: int, stride: int, left: threading.Event) -> Iterator[Batch]:
        """The batches of steps step, step + stride, .. self.steps - 1; a lost connection is given up when left is set."""
        lost = None  # when the connection was
        while step < self.steps:
            try:
                with psycopg.connect(self.conninfo, autocommit=True) as connection:
                    while step < self.steps:
                        last = min(step + (STEPS_PER_STATEMENT - 1) * stride, self.steps - 1)
                        for batch in self._statement(connection, step, last, stride):
                            lost = None
                            yield batch
                            step = batch.step + stride
            except psycopg.OperationalError as error:
                # the server said no to a connection that is still there, or there is none
                if error.sqlstate and not error.sqlstate.startswith(("08", "57P")):
                    raise
                lost = lost or time.monotonic()
                if time.monotonic() - lost > self.retry_seconds or left.wait(0.5):
                    raise

    def _statement(self, connection, first: int, last: int, stride: int) -> Iterator[Batch]:
        """The batches of steps first, first + stride, .. last."""
        statement = STREAM.format(loader=sql.Literal(self.loader), rank=self.rank, world_size=self.world_size,
                                  first=first, last=last, stride=stride)
        finished = False
        try:
            with connection.cursor() as cursor, cursor.copy(statement):
                yield from self._batches(rows_of_copy(connection.pgconn))
                finished = True
        finally:
            if not finished and not connection.closed:
                connection.cancel()  # else closing it would wait for all the rest

    def _batches(self, rows: Iterator) -> Iterator[Batch]:
        share = self.info.batch_size // self.world_size
        image = None
        at = 0
        start = COPY_HEADER
        for row in rows:
            if len(row) - start < NUMBERS.size:
                continue  # the trailer
            _, _, step, _, image_id, _, label, _ = NUMBERS.unpack_from(row, start)
            start += NUMBERS.size
            if at == 0:
                image = image or Npy(row, start)
                images = numpy.empty((share, *image.shape), image.dtype)
                labels = numpy.empty(share, numpy.int64)
                image_ids = numpy.empty(share, numpy.int64)
            images[at] = numpy.frombuffer(row, image.dtype, image.count, start + image.offset).reshape(image.shape)
            labels[at] = label
            image_ids[at] = image_id
            at += 1
            start = 0
            if at == share:
                at = 0
                if images.dtype == numpy.uint16:  # which PyTorch lacks
                    images = images.astype(numpy.int32)
                yield Batch(step, torch.from_numpy(images), torch.from_numpy(labels),
                            torch.from_numpy(image_ids))


def rows_of_copy(pgconn: pq.PGconn) -> Iterator[memoryview]:
    """The rows of a COPY that has begun.

    Waiting here is faster than psycopg's; and it is not left to libpq, as psycopg's C code would
    not let any other thread of Python run meanwhile.
    """
    with selectors.DefaultSelector() as arrived:
        arrived.register(pgconn.socket, selectors.EVENT_READ)
        while (row := pgconn.get_copy_data(1))[0] >= 0:
            if row[0] > 0:
                yield row[1]
            else:
                arrived.select()
                pgconn.consume_input()
    result = pgconn.get_result()
    pgconn.get_result()  # there is no more: the connection is free for the next
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result)


def read_ahead(batches: Iterator[Batch], left: threading.Event) -> Iterator[Batch]:
    """The same, up to AHEAD of them before they are asked for; sets left when no more will be."""
    ready = queue.Queue(AHEAD)

    def read():
        try:
            for batch in batches:
                ready.put(batch)
                if left.is_set():
                    break
            batches.close()
            ready.put(None)
        except BaseException as error:
            ready.put(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while (batch := ready.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        left.set()
        while thread.is_alive():  # it may wait for room
            try:
                ready.get(timeout=0.01)
            except queue.Empty:
                pass


class Npy:
    """What an NPY 1.0 header says: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"""

    def __init__(self, row, start: int):
        length = int.from_bytes(row[start + 8:start + 10], "little")
        header = ast.literal_eval(bytes(row[start + 10:start + 10 + length]).decode("latin-1"))
        self.dtype = numpy.dtype(header["descr"])
        self.shape = header["shape"]
        self.count = int(numpy.prod(self.shape))
        self.offset = 10 + length
