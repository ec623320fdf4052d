"""stream.py CONNINFO LOADER STEPS WORKERS: images a second of examples/medimnet_torch.py through a DataLoader."""

import sys
import time

from torch.utils.data import DataLoader

from medimnet_torch import LoaderStream

conninfo, loader, steps, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
seen = 0
for batch in DataLoader(LoaderStream(conninfo, loader, steps), batch_size=None, num_workers=workers):
    if seen == 0:
        start = time.perf_counter()
    seen += len(batch.labels)
print((seen - len(batch.labels)) / (time.perf_counter() - start))
