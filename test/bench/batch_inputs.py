"""batch_inputs.py DIR: makes the images that the benchmark of batches serves.

png/: 1,000 colour PNGs of 224x224, grey/: the same in grey. j2k/: 200 made-up CT
slices of 512x512, 12 bits in 16, as JPEG 2000 DICOM files.  Each in two folders,
a and b, as ImageFolder wants its classes.
"""

import os
import subprocess
import sys

import numpy as np
from PIL import Image

from inputs import ct, save  # noqa: E402

os.chdir(sys.argv[1])
rng = np.random.default_rng(2012)
for kind in 'png', 'grey', 'j2k':
    for label in 'a', 'b':
        os.makedirs(f'{kind}/{label}', exist_ok=True)
slices = [ct(512) for _ in range(8)]
for n in range(1000):
    y, x = rng.integers(64, 224, 2)
    grey = (slices[n % 8][y:y + 224, x:x + 224].astype('f4') - 800) * (255 / 500)
    tint = rng.uniform(.7, 1.1, 3) * grey[..., None] + rng.uniform(-10, 30, 3) + rng.normal(0, 1.5, (224, 224, 3))
    image = Image.fromarray(np.clip(tint, 0, 255).astype('u1'))
    image.save(f'png/{"ab"[n % 2]}/{n:04d}.png')
    image.convert('L').save(f'grey/{"ab"[n % 2]}/{n:04d}.png')
for n in range(200):
    shifted = np.roll(slices[n % 8], (int(rng.integers(-20, 20)), int(rng.integers(-20, 20))), (0, 1))
    save('slice.dcm', np.clip(shifted + rng.integers(-3, 4, shifted.shape), 0, 4095).astype('<u2'), 12, 'CT', f'2.25.{n + 10}')
    subprocess.run(['gdcmconv', '--j2k', 'slice.dcm', f'j2k/{"ab"[n % 2]}/{n:04d}.dcm'], check=True)
os.unlink('slice.dcm')
