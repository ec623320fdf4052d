"""034_enhanced.py FOLDER: enhanced objects of thousands of frames, and two parts of a concatenation, written element by element."""
import os
import struct
import sys

folder = sys.argv[1]
UNDEFINED = 0xFFFFFFFF


def element(tag, vr, value):
    if isinstance(value, str):
        value = value.encode() + (b" " if vr != "UI" else b"\0") * (len(value) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in ("OW", "SQ", "OB"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def item(content, undefined):
    if undefined:
        return struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + content + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def sequence(tag, items, undefined=False):
    content = b"".join(item(i, undefined) for i in items)
    if undefined:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, UNDEFINED) + content + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return element(tag, "SQ", content)


def us(tag, v):
    return element(tag, "US", struct.pack("<H", v))


def write(name, frames, undefined, instance, extra=b"", first=0, more=20):
    meta = element(0x00020010, "UI", "1.2.840.10008.1.2.1")
    # with 20 more, 70 elements and items a frame, as real ones have them
    filler = b"".join(element(0x00189800 + k, "FD", struct.pack("<d", k)) for k in range(more))
    per_frame = []
    for k in range(first, first + frames):
        f = k % 9973
        per_frame.append(
            sequence(0x00189301, [filler], undefined) + sequence(0x00189304, [filler], undefined) +
            sequence(0x00209111, [element(0x00209157, "UL", struct.pack("<I", k + 1))], undefined) +
            sequence(0x00289110, [element(0x00280030, "DS", f"{1 + f}\\{2 + f}")], undefined) +
            sequence(0x00289132, [element(0x00281050, "DS", str(f)) + element(0x00281051, "DS", "1000")], undefined) +
            sequence(0x00289145, [element(0x00281052, "DS", str(-f)) + element(0x00281053, "DS", "1") + element(0x00281054, "LO", "HU")], undefined))
    data = (element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2.1") + element(0x00080018, "UI", instance) + element(0x00080060, "CS", "CT") +
            element(0x00100010, "PN", "DOE^JANE") + element(0x00100020, "LO", "12345678") +
            element(0x0020000D, "UI", "1.2.3") + element(0x0020000E, "UI", "1.2.3.4") + extra +
            us(0x00280002, 1) + element(0x00280004, "CS", "MONOCHROME2") + element(0x00280008, "IS", str(frames)) +
            us(0x00280010, 1) + us(0x00280011, 2) + us(0x00280100, 16) + us(0x00280101, 16) + us(0x00280102, 15) + us(0x00280103, 0) +
            sequence(0x52009229, [sequence(0x00189006, [filler])]) + sequence(0x52009230, per_frame, undefined) +
            element(0x7FE00010, "OW", b"".join(struct.pack("<HH", f % 9973 % 1000, 1000) for f in range(first, first + frames))))
    with open(f"{folder}/{name}", "wb") as out:
        out.write(bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + data)
    os.chmod(f"{folder}/{name}", 0o644)


write("defined", 4000, False, "1.2.3.5")
write("undefined", 4000, True, "1.2.3.6")
# more than a million elements and items: all tiles of a slide, say
write("many_defined", 60000, False, "1.2.3.8", more=1)
write("many_undefined", 60000, True, "1.2.3.9", more=1)
for part in (1, 2):
    write(f"part{part}", 3, False, f"1.2.3.7.{part}", element(0x00200242, "UI", "1.2.3.70") + element(0x00209161, "UI", "1.2.3.7") + us(0x00209162, part) + us(0x00209163, 2) +
          element(0x00209228, "UL", struct.pack("<I", 3 * (part - 1))), 3 * (part - 1))
