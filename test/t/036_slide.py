"""036_slide.py FOLDER: files of more than 16 MB and many frames, whose frames can be found in different ways, or cannot."""
import io
import os
import struct
import sys

import numpy
from PIL import Image

folder = sys.argv[1]
rng = numpy.random.default_rng(1)


def element(tag, vr, value):
    if isinstance(value, str):
        value = value.encode()
        value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + (struct.pack("<HI", 0, len(value)) if vr in ("OB", "OW", "OV") else struct.pack("<H", len(value))) + value


def write(name, syntax, frames, rows, columns, samples, bits, data, tables=b""):
    meta = element(0x00020010, "UI", syntax)
    with open(f"{folder}/{name}", "wb") as f:
        f.write(bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta)
        f.write(element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6") + element(0x00080060, "CS", "SM"))
        f.write(element(0x00280002, "US", struct.pack("<H", samples)))
        f.write(element(0x00280004, "CS", "YBR_FULL_422" if samples == 3 else "MONOCHROME2"))
        if samples == 3:
            f.write(element(0x00280006, "US", b"\0\0"))
        f.write(element(0x00280008, "IS", str(frames)))
        for tag, v in ((0x00280010, rows), (0x00280011, columns), (0x00280100, bits), (0x00280101, bits), (0x00280102, bits - 1), (0x00280103, 0)):
            f.write(element(tag, "US", struct.pack("<H", v)))
        f.write(tables)
        f.write(data)
    os.chmod(f"{folder}/{name}", 0o644)


def items(fragments, table):
    def item(b):
        return struct.pack("<HHI", 0xFFFE, 0xE000, len(b)) + b
    return struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + item(table) + b"".join(map(item, fragments)) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


tiles = []
for i in range(8):
    b = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (256, 256, 3)).astype("u1")).save(b, "JPEG", quality=60 + i)
    tiles.append(b.getvalue() + b"\0" * (len(b.getvalue()) % 2))
frames = [tiles[i % 8] for i in range(640)]
at = list(numpy.cumsum([0] + [len(f) + 8 for f in frames[:-1]]))
jpeg = "1.2.840.10008.1.2.4.50"
write("basic", jpeg, 640, 256, 256, 3, 8, items(frames, struct.pack("<640I", *at)))
write("extended", jpeg, 640, 256, 256, 3, 8, items(frames, b""),
      element(0x7FE00001, "OV", struct.pack("<640Q", *at)) + element(0x7FE00002, "OV", struct.pack("<640Q", *map(len, frames))))
write("no_table", jpeg, 640, 256, 256, 3, 8, items(frames, b""))
write("wrong_table", jpeg, 640, 256, 256, 3, 8, items(frames, struct.pack("<640I", *(a + 2 * (i > 0) for i, a in enumerate(at)))))
# tens of thousands of tiles, with a place each: a head of more than 8 MB, as
# it is when it has been de-identified
small = []
for i in range(7):
    b = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (24, 24, 3)).astype("u1")).save(b, "JPEG", quality=70 + i)
    small.append(b.getvalue() + b"\0" * (len(b.getvalue()) % 2))
COUNT = 44000
frames = [small[i % 7] for i in range(COUNT)]
at = list(numpy.cumsum([0] + [len(f) + 8 for f in frames[:-1]]))


def nested(tag, items):
    return (struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF) +
            b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + i + struct.pack("<HHI", 0xFFFE, 0xE00D, 0) for i in items) +
            struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


groups = nested(0x52009230, [
    nested(0x00209111, [element(0x00209157, "UL", struct.pack("<II", f + 1, 1))]) +
    nested(0x00289110, [element(0x00280030, "DS", f"{1 + f % 7}\\2")]) +
    nested(0x0048021A, [element(0x0040072A, "DS", f"{f / 7:.12f}"[:15]) + element(0x0040073A, "DS", f"{f / 9:.12f}"[:15]) + element(0x0040074A, "DS", "0.0") +
                        element(0x0048021E, "SL", struct.pack("<i", f)) + element(0x0048021F, "SL", struct.pack("<i", 1))]) for f in range(COUNT)])
assert len(groups) > 9 << 20
write("sparse", jpeg, COUNT, 24, 24, 3, 8, items(frames, struct.pack(f"<{COUNT}I", *at)), groups)
native = rng.integers(0, 65536, (40, 500, 501)).astype("<u2")
write("native", "1.2.840.10008.1.2.1", 40, 500, 501, 1, 16, element(0x7FE00010, "OW", native.tobytes()))
bits = rng.integers(0, 256, 1001 * 1003 * 140 // 8 + 1).astype("u1").tobytes()
write("bits", "1.2.840.10008.1.2.1", 140, 1001, 1003, 1, 1, element(0x7FE00010, "OB", bits + b"\0" * (len(bits) % 2)))
