"""032_display.py FOLDER: files of many modalities, and "expected" with the shades that render('auto') must give of them."""
import math
import os
import struct
import sys

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz"))
from seeds_nifti import header  # noqa: E402

folder = sys.argv[1]
expected = open(f"{folder}/expected", "w")
SIZE = 16


def save(name, d, frame, shades):
    d.save_as(f"{folder}/{name}", write_like_original=False)
    expect(name, frame, shades)


def expect(name, frame, shades):
    os.chmod(f"{folder}/{name}", 0o644)
    print(name, frame, bytes(int(v) for v in numpy.ravel(shades)).hex(), sep="\t", file=expected)


def image(modality, samples, sop_class="1.2.840.10008.5.1.4.1.1.7", **attributes):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = sop_class
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
    d.is_little_endian, d.is_implicit_VR = True, False
    d.Modality = modality
    d.PatientName, d.PatientID = "DOE^JANE", "12345678"
    d.SamplesPerPixel = 3 if samples.ndim == 3 and samples.shape[-1] == 3 else 1
    d.PhotometricInterpretation = "RGB" if d.SamplesPerPixel == 3 else "MONOCHROME2"
    if d.SamplesPerPixel == 3:
        d.PlanarConfiguration = 0
    d.Rows, d.Columns = samples.shape[-2:] if d.SamplesPerPixel == 1 else samples.shape[:2]
    if d.SamplesPerPixel == 1 and samples.ndim == 3:
        d.NumberOfFrames = samples.shape[0]
    d.BitsAllocated = d.BitsStored = samples.itemsize * 8
    d.PixelRepresentation = int(samples.dtype.kind == "i")
    d.PixelData = samples.tobytes()
    for name, value in attributes.items():
        setattr(d, name, value)
    d.HighBit = d.BitsStored - 1
    return d


def table(first, bits, entries, signed=False):
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [len(entries), first, bits])
    item.add_new(0x00283006, "US", entries)
    return Sequence([item])


def ramp(v, base, size):
    return numpy.floor(numpy.clip((v.astype(float) - base) / size * 255, 0, 255) + 0.5)


def percentile(v):
    s = numpy.sort(numpy.ravel(v))
    low, high = s[math.floor(0.005 * (s.size - 1))], s[math.ceil(0.995 * (s.size - 1))]
    return ramp(v, low, high - low)


n = numpy.arange(SIZE * SIZE).reshape(SIZE, SIZE)
deep = (n * 13 + 100).astype("<u2")
byte = (n * 7 % 190 + 30).astype("u1")
colour = numpy.stack([byte, byte[::-1], byte.T], -1)
hu = dict(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")

save("ct_window", image("CT", deep, **hu, WindowCenter=[300, 40], WindowWidth=[1500, 400]), 1, ramp(deep - 1024., 300 - 750, 1499))
save("ct_soft_tissue", image("CT", deep, **hu), 1, ramp(deep - 1024., -160, 399))
save("ct_mono1", image("CT", deep, **hu, PhotometricInterpretation="MONOCHROME1"), 1, 255 - ramp(deep - 1024., -160, 399))

curve = [round((i / 3499) ** 2 * 4095) for i in range(3500)]
looked_up = numpy.floor(numpy.take(curve, numpy.clip(deep.astype(int) - 50, 0, 3499)) / 4095 * 255 + 0.5)
save("cr_table", image("CR", deep, VOILUTSequence=table(50, 12, curve), WindowCenter=1, WindowWidth=2), 1, looked_up)
save("cr_table_16", image("CR", deep, VOILUTSequence=table(50, 16, curve)), 1, looked_up)
save("dx_mono1_table", image("DX", deep, VOILUTSequence=table(50, 12, curve), PhotometricInterpretation="MONOCHROME1"), 1, 255 - looked_up)
save("dx_percentile", image("DX", deep), 1, percentile(deep))
save("cr_8bit", image("CR", byte), 1, percentile(byte))
save("mg_sigmoid", image("MG", deep, WindowCenter=1700, WindowWidth=900, VOILUTFunction="SIGMOID"), 1,
     numpy.floor(255 / (1 + numpy.exp(-4 * (deep - 1700.) / 900)) + 0.5))
save("mg_exact", image("MG", deep, WindowCenter=1700, WindowWidth=900, VOILUTFunction="LINEAR_EXACT"), 1, ramp(deep, 1250, 900))
save("mr", image("MR", deep, WindowCenter=1, WindowWidth=2), 1, percentile(deep))
save("us", image("US", byte), 1, byte)
for modality in ("US", "OP", "XC", "SM", "ES"):
    save(f"{modality}_colour", image(modality, colour), 1, colour)
save("op_12bit", image("OP", colour.astype("<u2") * 16, BitsStored=12), 1, ramp(colour * 16., 0, 4095))
save("seg_fractions", image("SEG", byte % 101, "1.2.840.10008.5.1.4.1.1.66.4", MaximumFractionalValue=100), 1, ramp(byte % 101, 0, 100))
segments = Sequence([Dataset() for i in range(3)])
for i, item in enumerate(segments):
    item.SegmentNumber = i + 1
save("seg_labels", image("SEG", byte % 4, "1.2.840.10008.5.1.4.1.1.66.7", SegmentSequence=segments), 1, ramp(byte % 4, 0, 3))
save("sc_labels", image("OT", byte % 5), 1, ramp(byte % 5, 0, 4))

# enhanced: each frame with a table of its own, of signed values
frames = numpy.stack([deep, deep[::-1]])
d = image("MG", frames, **hu)
groups = []
for first in (-1000, 0):
    voi, group = Dataset(), Dataset()
    voi.VOILUTSequence = table(first, 8, list(range(256)), True)
    group.FrameVOILUTSequence = Sequence([voi])
    groups.append(group)
d.PerFrameFunctionalGroupsSequence = Sequence(groups)
save("enhanced", d, 2, numpy.clip(deep[::-1] - 1024., 0, 255))

# volumes: what they ask for, and numbers of labels
deep_file = bytearray(header(1, "<", "u16", (3, SIZE, SIZE, 1)))
struct.pack_into("<ff", deep_file, 124, 2000, 500)
open(f"{folder}/cal.nii", "wb").write(bytes(deep_file) + deep.tobytes())
expect("cal.nii", 1, ramp(deep, 500, 1500))
deep_file = bytearray(header(2, ">", "u16", (3, SIZE, SIZE, 1)))
struct.pack_into(">dd", deep_file, 192, 2000, 500)
open(f"{folder}/cal_2.nii", "wb").write(bytes(deep_file) + deep.astype(">u2").tobytes())
expect("cal_2.nii", 1, ramp(deep, 500, 1500))
for name, v, shades in (("labels.nii", byte % 5, ramp(byte % 5, 0, 4)), ("u8.nii", byte, percentile(byte))):
    open(f"{folder}/{name}", "wb").write(header(1, "<", "u8", (3, SIZE, SIZE, 1)) + v.astype("u1").tobytes())
    expect(name, 1, shades)
expected.close()

# with the table behind them, samples do not fit into what they fit into alone
big = (numpy.arange(1 << 21) % 4001).astype("<u2").reshape(2048, 1024)
for name, more in (("big", {}), ("big_table", dict(VOILUTSequence=table(0, 12, [0, 4095])))):
    image("CR", big, **more).save_as(f"{folder}/{name}", write_like_original=False)
    os.chmod(f"{folder}/{name}", 0o644)
