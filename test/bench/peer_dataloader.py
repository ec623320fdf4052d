"""peer_dataloader.py FOLDER WORKERS LIMIT: images a second of PyTorch's DataLoader over PNG or DICOM files, 64 a batch."""

import sys
import time

import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Subset
from torchvision.transforms import Compose, PILToTensor, Resize

torch.set_num_threads(1)
folder, workers, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def read_dicom(path):
    """A soft-tissue window of 224x224."""
    import pydicom
    data = pydicom.dcmread(path)
    values = torch.from_numpy(data.pixel_array.astype('f4')) * float(data.RescaleSlope) + float(data.RescaleIntercept)
    values = ((values + 160) / 400).clamp(0, 1) * 255
    return torch.nn.functional.interpolate(values[None, None], (224, 224), mode='bilinear', antialias=True)[0].byte()


def read_grey(path):
    return Image.open(path).convert('L')


if folder.endswith('j2k'):
    images = torchvision.datasets.DatasetFolder(folder, read_dicom, ('.dcm',))
else:
    read = {'loader': read_grey} if folder.endswith('grey') else {}
    images = torchvision.datasets.ImageFolder(folder, Compose([Resize((224, 224)), PILToTensor()]), **read)
order = torch.randperm(len(images))[:limit].tolist()
seen = 0
for batch, _ in DataLoader(Subset(images, order), batch_size=64, num_workers=workers):
    if seen == 0:
        start = time.perf_counter()  # workers are up; their first batches are a gift
    seen += len(batch)
print((seen - 64) / (time.perf_counter() - start))
