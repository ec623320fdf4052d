"""stream.py CONNINFO LOADER STEPS: images a second of examples/medimnet_torch.py through a DataLoader."""

import sys
import time

from torch.utils.data import DataLoader

from medimnet_torch import LoaderStream

conninfo, loader, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = 0
for batch in DataLoader(LoaderStream(conninfo, loader, steps), batch_size=None):
    if seen == 0:
        start = time.perf_counter()
    seen += len(batch.labels)
print((seen - len(batch.labels)) / (time.perf_counter() - start))
