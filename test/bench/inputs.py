"""inputs.py DIR: makes the images that the decoding benchmark decodes.

A made-up CT slice of 512x512 (12 bits in 16, with a rescale intercept) and a made-up
radiograph of 2048x2048 (12 bits in 16), both also with 8 bits: anatomy of
smooth shapes, with noise as scanners have it, so that codecs meet what they
were made for.  Debian's own tools compress them.  Beside each compressed
DICOM file lies its bare codestream, for codecs that know nothing of DICOM.
"""

import os
import subprocess
import sys

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_pixel_data_frame
from pydicom.uid import ExplicitVRLittleEndian

rng = np.random.default_rng(1895)


def smooth(a, radius):
    """Mean over a square, by sums along both axes."""
    n = 2 * radius + 1
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius + 1, radius)
        s = np.cumsum(np.pad(a, pad, 'edge'), axis=axis)
        lo, hi = [slice(None)] * 2, [slice(None)] * 2
        lo[axis], hi[axis] = slice(None, -n), slice(n, None)
        a = (s[tuple(hi)] - s[tuple(lo)]) / n
    return a


def ct(side):
    y, x = np.mgrid[-1:1:side * 1j, -1:1:side * 1j]
    values = np.full((side, side), 24.0)  # air, 1024 above its Hounsfield units
    body = (x / .88) ** 2 + (y / .68) ** 2 < 1
    values[body] = 1060
    for centre in (-.4, .4):
        values[((x - centre) / .28) ** 2 + (y / .4) ** 2 < 1] = 160
    values[(x / .12) ** 2 + ((y - .48) / .1) ** 2 < 1] = 1480
    for _ in range(50):
        u, v, r = rng.uniform(-.7, .7), rng.uniform(-.5, .5), rng.uniform(.01, .05)
        values[(x - u) ** 2 + (y - v) ** 2 < r * r] += rng.uniform(-60, 140)
    noise = smooth(rng.normal(0, 1, (side, side)), 1)
    values = smooth(values, 1) + noise / noise.std() * np.where(body, 12, 4)
    return np.clip(np.rint(values), 0, 4095).astype('<u2')


def radiograph(side):
    y, x = np.mgrid[-1:1:side * 1j, -1:1:side * 1j]
    values = 3000 * np.exp(-.7 * (x * x + y * y)) + 300
    values += 3000 * smooth(smooth(rng.normal(0, 1, (side, side)), 24), 24)
    for k in range(12):
        values += 130 * np.exp(-((y + .85 - .14 * k - .2 * x * x) / .02) ** 2)
    return np.clip(np.rint(values + rng.normal(0, 5, x.shape)), 0, 4095).astype('<u2')


def save(path, samples, bits, modality, uid='2.25.1'):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.7'
    meta.MediaStorageSOPInstanceUID = uid
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, uid
    data.StudyInstanceUID, data.SeriesInstanceUID = '2.25.2', '2.25.3'
    data.PatientID, data.Modality, data.ConversionType = 'bench', modality, 'SYN'
    data.BurnedInAnnotation = 'NO'
    data.Rows, data.Columns = samples.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, 'MONOCHROME2'
    data.BitsAllocated = 8 * samples.dtype.itemsize
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, 0
    if modality == 'CT' and bits > 8:
        data.RescaleIntercept, data.RescaleSlope = '-1024', '1'
    data.PixelData = samples.tobytes()
    data['PixelData'].VR = 'OB' if bits == 8 else 'OW'
    data.is_little_endian, data.is_implicit_VR = True, False
    data.save_as(path, write_like_original=False)


def compress(name, suffix, *tool):
    path = f'{name}.{suffix}.dcm'
    subprocess.run([*tool, f'{name}.dcm', path], check=True)
    with open(f'{name}.{suffix}', 'wb') as f:
        f.write(next(generate_pixel_data_frame(pydicom.dcmread(path).PixelData, 1)))


def main():
    os.chdir(sys.argv[1])
    for name, samples, modality in ('ct512', ct(512), 'CT'), ('cr2048', radiograph(2048), 'CR'):
        save(f'{name}.dcm', samples, 12, modality)
        compress(name, 'rle', 'gdcmconv', '--rle')
        compress(name, 'ljpeg', 'gdcmconv', '--jpeg')
        compress(name, 'jls', 'gdcmconv', '--jpegls')
        compress(name, 'j2k', 'gdcmconv', '--j2k')
        Image.fromarray(samples).save(f'{name}.png')
        low, high = np.percentile(samples, (1, 99))
        eight = np.clip((samples - low) / (high - low) * 255, 0, 255).astype('u1')
        save(f'{name}-8.dcm', eight, 8, modality)
        compress(f'{name}-8', 'jpg', 'dcmcjpeg', '+eb', '+q', '90')
        Image.fromarray(eight).save(f'{name}-8.png')


if __name__ == '__main__':
    main()
