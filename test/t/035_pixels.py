"""035_pixels.py FOLDER: pixel data of kinds that few tools write, and "expected" with what decode_frame() must give of them."""
import os
import sys

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixel_data_handlers.util import apply_color_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

folder = sys.argv[1]
expected = open(f"{folder}/expected", "w")


def image(data, bits, photometric="MONOCHROME2", shape=(3, 3), keyword="PixelData", vr="OW", **attributes):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.is_little_endian, d.is_implicit_VR = True, False
    d.Modality, d.PatientName, d.PatientID = "OT", "DOE^JANE", "12345678"
    d.SamplesPerPixel = 1 if photometric[:4] in ("MONO", "PALE") else 3
    d.PhotometricInterpretation = photometric
    d.Rows, d.Columns = shape
    d.BitsAllocated = d.BitsStored = bits
    d.PixelRepresentation = 0
    d.add_new({"PixelData": 0x7FE00010, "FloatPixelData": 0x7FE00008, "DoubleFloatPixelData": 0x7FE00009}[keyword], vr, bytes(data))
    for name, value in attributes.items():
        if isinstance(name, str):
            setattr(d, name, value)
    if "HighBit" not in attributes:
        d.HighBit = d.BitsStored - 1
    return d


def save(name, d, frame, kind, values):
    d.save_as(f"{folder}/{name}", write_like_original=False)
    os.chmod(f"{folder}/{name}", 0o644)
    form = {"u8": "u1", "u16": "<u2", "i16": "<i2", "f32": "<f4"}[kind]
    channels = 3 if numpy.ndim(values) == 2 else 1
    unit = "rgb" if channels == 3 else "raw"
    print(name, frame, f"{d.Columns}x{d.Rows}x{channels} {kind} {unit}", numpy.asarray(values).astype(form).tobytes().hex(), sep="\t", file=expected)


def pack12(values):
    bits = 0
    for i, v in enumerate(values):
        bits |= (int(v) & 0xFFF) << 12 * i
    n = (12 * len(values) + 7) // 8
    return bits.to_bytes(n + n % 2, "little")


# 12 bits allocated: three frames of nine samples, of which the second begins inside a byte
v = numpy.array([(i * 397 + 5) % 4096 for i in range(27)])
signed = numpy.where(v > 2047, v - 4096, v)
for f in (1, 2, 3):
    save(f"packed{f}", image(pack12(v), 12, NumberOfFrames=3), f, "u16", v[9 * f - 9:9 * f])
    save(f"packed_signed{f}", image(pack12(v), 12, NumberOfFrames=3, PixelRepresentation=1), f, "i16", signed[9 * f - 9:9 * f])
swapped = numpy.frombuffer(pack12(v), "<u2").byteswap().tobytes()
d = image(swapped, 12, NumberOfFrames=3)
d.file_meta.TransferSyntaxUID, d.is_little_endian = ExplicitVRBigEndian, False
save("packed_big", d, 2, "u16", v[9:18])

# cells of 32 bits in the big endian syntax: swapped as a whole, or as the words
# of OW, by which DCMTK and GDCM go
dose = numpy.array([90000, 130000, 190000, 260000, 340000, 430000, 530000, 640000, 760000], "<u4")
for name, data in (("big_32", dose.astype(">u4").tobytes()), ("big_32_words", dose.view("<u2").byteswap().tobytes())):
    d = image(data, 32)
    d.file_meta.TransferSyntaxUID, d.is_little_endian = ExplicitVRBigEndian, False
    save(name, d, 1, "f32", dose)

# GE's own syntax: little endian and implicit, but for the pixels
n = numpy.arange(9) * 451
for name, kind, data, bits in (("ge_16", "u16", n.astype(">u2").tobytes(), 16),
                               ("ge_8", "u8", numpy.append(n % 256, 0).astype("<u2").astype("u1").view("<u2").byteswap().tobytes(), 8)):
    d = image(data, bits)
    d.file_meta.TransferSyntaxUID, d.is_implicit_VR = ImplicitVRLittleEndian, True
    save(name, d, 1, kind, n if bits == 16 else n % 256)
    # which pydicom would not write
    with open(f"{folder}/{name}", "r+b") as f:
        content = f.read()
        f.seek(content.index(b"\2\0\x10\0UI\x12\0") + 8)
        f.write(b"1.2.840.113619.5.2")

# bits that are not the sample's: overlays of old, and rubbish above and below
n = numpy.arange(9) * 451
save("high_bit", image((n << 4 | 9).astype("<u2").tobytes(), 16, BitsStored=12, HighBit=15), 1, "u16", n)
save("middle", image((n << 2 | 0xC003).astype("<u2").tobytes(), 16, BitsStored=12, HighBit=13), 1, "u16", n)
save("overlay", image((n | 0xF000).astype("<u2").tobytes(), 16, BitsStored=12, HighBit=11), 1, "u16", n)
save("bits32", image((n.astype("<u4") * 100000).tobytes(), 32), 1, "f32", n * 100000.0)
save("float", image((n / 7).astype("<f4").tobytes(), 32, keyword="FloatPixelData", vr="OF"), 1, "f32", (n / 7).astype("f4"))
save("double", image((n / 7).astype("<f8").tobytes(), 64, keyword="DoubleFloatPixelData", vr="OD"), 1, "f32", n / 7)

# chrominance of every second column: Y1 Y2 Cb Cr
y = numpy.array([[16, 235, 126, 81], [90, 41, 16, 200]])
cb = numpy.array([[128, 90], [240, 128]])
cr = numpy.array([[128, 240], [110, 16]])
data = numpy.stack([y[:, 0::2], y[:, 1::2], cb, cr], -1).astype("u1")
wide = [numpy.repeat(c, 2, 1).astype("f4") for c in (cb, cr)]
b, r = wide[0] - 128, wide[1] - 128
full = numpy.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], -1)
luma = 1.1644 * (y - 16.0)
partial = numpy.stack([luma + 1.596 * r, luma - 0.3917 * b - 0.8129 * r, luma + 2.0173 * b], -1)
for name, photometric, rgb in (("full_422", "YBR_FULL_422", full), ("partial_422", "YBR_PARTIAL_422", partial)):
    save(name, image(data.tobytes(), 8, photometric, (2, 4), vr="OB", PlanarConfiguration=0), 1, "u8",
         numpy.floor(numpy.clip(rgb, 0, 255) + 0.5).reshape(-1, 3))


# palettes
def palette(d, descriptor, channels, segmented=False):
    for c in range(3):
        d.add_new(0x00281101 + c, "US", descriptor)
        d.add_new((0x00281221 if segmented else 0x00281201) + c, "OW", channels[c])
    return d


index = numpy.array([0, 1, 2, 3, 9, 10, 11, 12, 255], "u1")
clipped = numpy.clip(index.astype(int) - 9, 0, 3)
words = [numpy.array([c * 1000, 7, 40000, 65535 - c], "<u2") for c in range(3)]
save("palette_16", palette(image(index.tobytes() + b"\0", 8, "PALETTE COLOR", vr="OB"), [4, 9, 16], [w.tobytes() for w in words]), 1, "u16",
     numpy.stack([w[clipped] for w in words], -1))
narrow = [numpy.array([c, 7, 200, 255 - c], "<u2") for c in range(3)]
shades = numpy.stack([w[clipped] for w in narrow], -1)
save("palette_8_in_words", palette(image(index.tobytes() + b"\0", 8, "PALETTE COLOR", vr="OB"), [4, 9, 8], [w.tobytes() for w in narrow]), 1, "u8", shades)
save("palette_8_called_16", palette(image(index.tobytes() + b"\0", 8, "PALETTE COLOR", vr="OB"), [4, 9, 16], [w.tobytes() for w in narrow]), 1, "u8", shades)
save("palette_8_packed", palette(image(index.tobytes() + b"\0", 8, "PALETTE COLOR", vr="OB"), [4, 9, 8], [w.astype("u1").tobytes() for w in narrow]), 1, "u8", shades)
# discrete 100, then linear to 60100 in 3 steps; the same again
segments = numpy.array([0, 1, 100, 1, 3, 60100, 2, 2, 0, 0], "<u2").tobytes()
curve = numpy.array([100, 20100, 40100, 60100, 100, 20100, 40100, 60100])
eight = numpy.clip(index.astype(int), 0, 7)
save("palette_segmented", palette(image(index.tobytes() + b"\0", 8, "PALETTE COLOR", vr="OB"), [8, 0, 16], [segments] * 3, True), 1, "u16",
     numpy.stack([curve[eight]] * 3, -1))

# as pydicom expands them: steps that are no whole numbers, down too; indirect
# ones of 8 and 16 bits, the latter's also in the other byte order
for name, bits, words in (("8", 8, [0, 3, 10, 200, 30, 1, 7, 250, 1, 6, 3, 2, 2, 0, 0, 0, 0]),
                          ("16", 16, [0, 3, 10, 60000, 300, 1, 7, 65000, 1, 6, 3, 2, 2, 0, 0])):
    for big in (False, True):
        if big and bits == 8:
            continue
        entries = 3 + 7 + 6 + 3 + 7
        form = "u1" if bits == 8 else ">u2" if big else "<u2"
        data = numpy.array(words, form).tobytes()
        index = numpy.arange(30).astype("u1")
        d = palette(image(index.tobytes(), 8, "PALETTE COLOR", (5, 6), vr="OB"), [entries, 0, bits], [data + b"\0" * (len(data) % 2)] * 3, True)
        if big:
            d.file_meta.TransferSyntaxUID, d.is_little_endian = ExplicitVRBigEndian, False
        save(f"palette_segmented_{name}{'_big' if big else ''}", d, 1, f"u{bits}", apply_color_lut(index, d).reshape(-1, 3))

# supplemental palettes: gray below 1000, colours from there on
stored = numpy.array([0, 250, 500, 999, 1000, 1001, 1002, 1003, 4000], "<u2")
coloured = numpy.stack([w[numpy.clip(stored.astype(int) - 1000, 0, 3)] for w in narrow], -1)
save("colour", palette(image(stored.tobytes() + b"", 16, BitsStored=12, PixelPresentation="COLOR"), [4, 1000, 8], [w.tobytes() for w in narrow]), 1, "u8", coloured)
gray = numpy.floor(stored / 999 * 255 + 0.5)
mixed = numpy.where(stored[:, None] < 1000, gray[:, None], coloured)
save("mixed", palette(image(stored.tobytes(), 16, BitsStored=12, PixelPresentation="MIXED"), [4, 1000, 8], [w.tobytes() for w in narrow]), 1, "u8", mixed)
gray = numpy.floor(numpy.clip((stored * 2.0 - 100 - 400) / 1199, 0, 1) * 255 + 0.5)
mixed = numpy.where(stored[:, None] < 1000, gray[:, None], coloured)
save("mixed_window", palette(image(stored.tobytes(), 16, BitsStored=12, PixelPresentation="MIXED", RescaleSlope=2, RescaleIntercept=-100, WindowCenter=1000,
                                   WindowWidth=1200), [4, 1000, 8], [w.tobytes() for w in narrow]), 1, "u8", mixed)
save("monochrome", palette(image(stored.tobytes(), 16, BitsStored=12, PixelPresentation="MONOCHROME"), [4, 1000, 8], [w.tobytes() for w in narrow]), 1, "u16", stored)
expected.close()
# what has no defined layout
image(bytes(54), 8, "YBR_PARTIAL_420", (4, 4), vr="OB", PlanarConfiguration=0).save_as(f"{folder}/partial_420", write_like_original=False)
os.chmod(f"{folder}/partial_420", 0o644)
