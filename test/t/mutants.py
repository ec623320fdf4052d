"""mutants.py NAMES FIRST COUNT [FILE]: damaged image files, for 046_mutants.pl.

Writes mutants FIRST .. FIRST + COUNT - 1 in the binary format of COPY, as rows (collection, content, filename), to standard
output or to FILE.  Each is a pure function of its number and of the files it starts from, so that one that does harm can be
made again: with COUNT 0 its bare bytes are written.  NAMES is a list of the files to start from, one a line, small ones first.

A mutant is a file with one to four changes.  Half of the changes know nothing of formats: bits, bytes, numbers, blocks cut,
doubled, swapped with those of another file.  The other half know where a format keeps what a reader must not believe:
lengths, counts, types, order; and they repair checksums and compress anew, so that a change is met by the reader behind.
"""
import functools
import random
import re
import struct
import sys
import zlib

VRS = [vr.encode() for vr in "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()]
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
EXPLICIT = re.compile(rb"[\x02-\x7f]\x00..(?:" + b"|".join(VRS) + rb")", re.S)
ITEM = re.compile(rb"\xfe\xff[\x00\x0d\xdd]\xe0", re.S)
NUMBERS = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 127, 128, 255, 256, 257, 511, 1000, 4095, 4096, 32767, 32768, 65534, 65535, 65536,
           65537, 1 << 20, (1 << 24) - 1, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - 16, (1 << 32) - 2, (1 << 32) - 1]
# what describes the pixels: (group, element), as it stands in little-endian files
DESCRIBING = [struct.pack("<HH", 0x28, e) for e in
              (2, 4, 6, 8, 9, 0x10, 0x11, 0x30, 0x34, 0x100, 0x101, 0x102, 0x103, 0x106, 0x120, 0x301, 0x1050, 0x1052, 0x1053, 0x1101, 0x1201,
               0x3000, 0x3002, 0x3006)] + [struct.pack("<HH", *t) for t in ((2, 0x10), (8, 5), (8, 0x16), (0x5200, 0x9229), (0x5200, 0x9230))]
SYNTAXES = [b"1.2.840.10008.1.2" + s for s in
            (b"", b".1", b".2", b".5", b".1.99", b".4.50", b".4.51", b".4.57", b".4.70", b".4.80", b".4.81", b".4.90", b".4.91", b".4.92", b".1.98", b".4.201")]
PHOTOMETRIC = [b"MONOCHROME1", b"MONOCHROME2", b"PALETTE COLOR", b"RGB", b"YBR_FULL", b"YBR_FULL_422", b"YBR_RCT", b"YBR_ICT", b"YBR_PARTIAL_422", b"CMYK", b""]


def number(rng, size, order):
    return (rng.choice(NUMBERS) & (1 << 8 * size) - 1).to_bytes(size, order)


def put(data, at, new):
    return data[:at] + new + data[at + len(new):]


def spot(rng, data):
    """A place to change: headers are where readers go wrong."""
    n = max(len(data), 1)
    return rng.randrange(min(n, 1024)) if rng.random() < 0.5 else rng.randrange(n)


# ---- changes that know no format ----

def flip_bits(rng, data, other):
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if out:
            out[spot(rng, out)] ^= 1 << rng.randrange(8)
    return bytes(out)


def set_bytes(rng, data, other):
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if out:
            out[spot(rng, out)] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))
    return bytes(out)


def set_number(rng, data, other):
    return put(data, spot(rng, data), number(rng, rng.choice((2, 4)), rng.choice(("little", "big"))))


def truncate(rng, data, other):
    return data[:rng.randrange(len(data) + 1)] if rng.random() < 0.7 else data[:-rng.randrange(1, 17)]


def lengthen(rng, data, other):
    return data + (bytes(rng.randrange(1, 5000)) if rng.random() < 0.5 else rng.randbytes(rng.randrange(1, 500)))


def cut(rng, data, other):
    at = spot(rng, data)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 256, 4096)):]


def double(rng, data, other):
    at, n = spot(rng, data), rng.choice((1, 2, 4, 16, 256, 4096))
    return data[:at] + data[at:at + n] * rng.choice((2, 2, 3, 50)) + data[at + n:]


def swap(rng, data, other):
    at, to, n = spot(rng, data), spot(rng, data), rng.choice((1, 4, 16, 256))
    return put(put(data, at, data[to:to + n]), to, data[at:at + n])


def blank(rng, data, other):
    return put(data, spot(rng, data), rng.choice((b"\0", b"\xff", b" ")) * rng.choice((4, 64, 1024)))[:len(data)]


def splice(rng, data, other):
    if rng.random() < 0.5:
        return data[:spot(rng, data)] + other[spot(rng, other):]
    at = spot(rng, other)
    return put(data, spot(rng, data), other[at:at + rng.choice((8, 64, 1024))])


ANY = [flip_bits, flip_bits, set_bytes, set_bytes, set_number, set_number, truncate, lengthen, cut, double, swap, blank, splice]


# ---- DICOM ----

def elements(data):
    """Where explicit VR elements seem to stand: (start, VR, value, end)."""
    found = []
    for m in EXPLICIT.finditer(data, 132):
        at, vr = m.start(), data[m.start() + 4:m.start() + 6]
        value = at + (12 if vr in LONG else 8)
        length = int.from_bytes(data[at + 8:at + 12] if vr in LONG else data[at + 6:at + 8], "little")
        found.append((at, vr, value, value + length if value + length <= len(data) else value))
        if len(found) == 3000:
            break
    return found


def dicom_element(rng, data, other):
    found = elements(data)
    if not found:
        return set_number(rng, data, other)
    at, vr, value, end = rng.choice(found)
    what = rng.randrange(9)
    if what == 0:  # its length
        return put(data, at + 8, number(rng, 4, "little")) if vr in LONG else put(data, at + 6, number(rng, 2, "little"))
    if what == 1:  # by a little
        length = (end - value + rng.choice((-2, -1, 1, 2))) & 0xFFFF
        return put(data, at + 8, struct.pack("<I", length)) if vr in LONG else put(data, at + 6, struct.pack("<H", length))
    if what == 2:
        return put(data, at + 4, rng.choice(VRS + [b"??", b"\0\0", b"  "]))
    if what == 3:  # once more
        return data[:end] + data[at:end] * rng.choice((1, 1, 2, 300)) + data[end:]
    if what == 4:  # gone
        return data[:at] + data[end:]
    if what == 5:  # elsewhere
        to = rng.choice(found)[0]
        return data[:at] + data[end:to] + data[at:end] + data[to:] if to >= end else data[:to] + data[at:end] + data[to:at] + data[end:]
    if what == 6:
        return put(data, at, rng.choice(found + elements(other))[0].to_bytes(4, "little") if rng.random() < 0.2 else rng.choice(DESCRIBING))
    if what == 7:  # in a sequence in a sequence ...
        depth = rng.choice((1, 2, 15, 16, 17, 64, 500))
        opened = data[at:at + 4] + b"SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        return data[:at] + opened * depth + data[at:end] + closed * rng.choice((depth, depth, 0, 1)) + data[end:]
    return data[:value] + rng.randbytes(end - value if end - value < 100_000 else 16) + data[end:]


def dicom_description(rng, data, other):
    tag = rng.choice(DESCRIBING)
    at = data.find(tag)
    if at < 0 or len(data) < at + 12:
        return dicom_element(rng, data, other)
    vr = data[at + 4:at + 6]
    if tag == b"\2\0\x10\0":
        syntax = rng.choice(SYNTAXES)
        end = at + 8 + int.from_bytes(data[at + 6:at + 8], "little")
        return data[:at + 6] + struct.pack("<H", (len(syntax) + 1) // 2 * 2) + syntax + b"\0" * (len(syntax) % 2) + data[end:]
    if vr == b"US" or vr not in VRS:
        return put(data, at + 8, number(rng, 2, "little"))
    end = at + 8 + int.from_bytes(data[at + 6:at + 8], "little")
    if vr == b"CS":
        value = rng.choice(PHOTOMETRIC) + b" "
    else:
        value = rng.choice((b"0", b"-1", b"1e308", b"nan", b"1e-320", b"2147483648", b"4294967295", b"1\\2\\3", b"65536", b"999999", b"", b"0x10")) + b" "
    value = value[:len(value) // 2 * 2]
    return data[:at + 6] + struct.pack("<H", len(value)) + value + data[end:]


def dicom_items(rng, data, other):
    found = [m.start() for m in ITEM.finditer(data)][:2000]
    if not found:
        return dicom_description(rng, data, other)
    i = rng.randrange(len(found))
    at, end = found[i], found[i + 1] if i + 1 < len(found) else len(data)
    what = rng.randrange(8)
    if what == 0:
        return put(data, at + 4, number(rng, 4, "little"))
    if what == 1:
        return put(data, at + 4, struct.pack("<I", (int.from_bytes(data[at + 4:at + 8], "little") + rng.choice((-2, -1, 1, 2))) & 0xFFFFFFFF))
    if what == 2:
        return data[:at] + data[end:]
    if what == 3:
        return data[:end] + data[at:end] * rng.choice((1, 2, 100)) + data[end:]
    if what == 4:  # an item, the end of one, the end of all
        return put(data, at + 2, rng.choice((b"\x00", b"\x0d", b"\xdd", b"\x01")))
    if what == 5:  # an offset in the table, or the frame's own header
        return put(data, at + 8 + 4 * rng.randrange(16), number(rng, 4, "little"))
    if what == 6:
        head = put(data, at + 8 + rng.randrange(128), number(rng, rng.choice((1, 2)), "big"))
        return head
    return data[:at] + b"\xfe\xff\x00\xe0" + struct.pack("<I", rng.choice((0, 2, 4, 8))) + rng.randbytes(rng.choice((0, 2, 4, 8))) + data[at:]


def dicom_deflated(rng, data, other):
    """The data set of a deflated file, which starts where the meta information ends (PS3.5 A.5)."""
    start = 144 + int.from_bytes(data[140:144], "little")
    try:
        plain = zlib.decompressobj(-15).decompress(data[start:], 1 << 24)
    except zlib.error:
        return dicom_element(rng, data, other)
    changed = rng.choice((dicom_element, dicom_description, dicom_items, flip_bits, truncate))(rng, bytes(132) + plain, other)[132:]
    if rng.random() < 0.05:
        changed += bytes(1 << 24)
    z = zlib.compressobj(1, zlib.DEFLATED, -15)
    return data[:start] + z.compress(changed) + z.flush()


def new_instance(rng, data):
    """Another SOP Instance UID, or all mutants of a file that are stored would be one."""
    return re.sub(rb"(\x08\0\x18\0UI(..)[0-9.]*[.])[0-9]+", lambda m: m[1] + b"".join(
        b"%d" % rng.randrange(1, 10) for _ in range(m.end() - m.end(1))), data, count=1, flags=re.S)


# ---- PNG, JPEG, NIfTI ----

def chunks(data):
    """PNG chunks, as (kind, data)."""
    found, at = [], 8
    while at + 12 <= len(data):
        n = int.from_bytes(data[at:at + 4], "big")
        if n > len(data) - at - 12:
            break
        found.append((data[at + 4:at + 8], data[at + 8:at + 8 + n]))
        at += 12 + n
    return found


def png_of(found):
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in found)


def png(rng, data, other):
    found = chunks(data)
    if not found:
        return set_number(rng, data, other)
    i = rng.randrange(len(found))
    kind, body = found[i]
    what = rng.randrange(8)
    if what == 0:
        found[0] = (found[0][0], put(found[0][1], rng.choice((0, 4)), number(rng, 4, "big")))
    elif what == 1:  # depth, colour type, compression, filter, interlacing
        found[0] = (found[0][0], put(found[0][1], rng.randrange(8, 13), bytes([rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))])))
    elif what == 2:
        del found[i]
    elif what == 3:
        found[i:i] = [found[i]] * rng.choice((1, 2, 200))
    elif what == 4:
        found[i] = (kind, rng.choice(ANY)(rng, body, other))
    elif what == 5:
        made = rng.choice((b"PLTE", b"tRNS", b"gAMA", b"iCCP", b"zTXt", b"iTXt", b"sBIT", b"acTL", b"eXIf", b"CgBI", b"IHDR", b"IEND", b"sPLT", b"hIST"))
        text = b"k\0\0" + zlib.compress(bytes(rng.choice((1, 100, 1 << 24))), 1)
        found.insert(i, (made, text if made in (b"iCCP", b"zTXt") else rng.randbytes(rng.choice((0, 1, 2, 3, 6, 256, 768, 771)))))
    else:
        try:
            rows = zlib.decompressobj().decompress(b"".join(d for k, d in found if k == b"IDAT"), 1 << 24)
        except zlib.error:
            rows = b""
        rows = rng.choice(ANY)(rng, rows or b"\0", other)
        if rng.random() < 0.1:
            rows += bytes(1 << 24)
        found = [c for c in found if c[0] != b"IDAT"]
        found.insert(max(len(found) - 1, 0), (b"IDAT", zlib.compress(rows, rng.choice((0, 1, 9)))))
    return png_of(found)


def jpeg(rng, data, other):
    """By segment, up to the first scan."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and len(found) < 200:
        end = at + 2 + int.from_bytes(data[at + 2:at + 4], "big")
        found.append((at, min(end, len(data))))
        if data[at + 1] == 0xDA:
            break
        at = end
    if not found:
        return flip_bits(rng, data, other)
    at, end = rng.choice(found)
    what = rng.randrange(7)
    if what == 0:
        return put(data, at + 2, number(rng, 2, "big"))
    if what == 1:
        return data[:at] + data[end:]
    if what == 2:
        return data[:end] + data[at:end] * rng.choice((1, 2, 100)) + data[end:]
    if what == 3:
        return put(data, at + 1, bytes([rng.choice((0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC8, 0xC9, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xE1, 0xEE, 0xF7, 0xFE))]))
    if what == 4:
        return put(data, at + 4 + rng.randrange(max(end - at - 4, 1)), number(rng, rng.choice((1, 2)), "big"))
    if what == 5:  # markers inside the entropy-coded data
        return put(data, rng.randrange(end, max(len(data), end + 1)), b"\xff" + bytes([rng.choice((0xD0, 0xD7, 0xD9, 0xDA, 0xC4, 0xDC, 0xFF))]))
    to = rng.choice(found)[0]
    return data[:to] + data[at:end] + data[to:]


def nifti(rng, data, other):
    order = "little" if data[:2] in (b"\x5c\x01", b"\x1c\x02") else "big"
    at, size = rng.choice(((0, 4), (40, 2), (42, 2), (44, 2), (46, 2), (48, 2), (50, 2), (52, 2), (54, 2), (70, 2), (72, 2), (80, 4), (84, 4), (88, 4),
                           (108, 4), (112, 4), (116, 4), (123, 1), (252, 2), (254, 2), (256, 4), (280, 4), (344, 4), (348, 4), (352, 4),
                           (16, 4), (24, 4), (32, 4), (12, 2), (14, 2), (168, 4), (176, 4)))
    if rng.random() < 0.3:  # numbers that are none, and the largest
        return put(data, at, rng.choice((b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f"))[::1 if order == "little" else -1])
    return put(data, at, number(rng, size, order))


def inside_gzip(rng, data, other):
    try:
        plain = zlib.decompressobj(31).decompress(data, 1 << 24)
    except zlib.error:
        return flip_bits(rng, data, other)
    plain = rng.choice(ANY + 10 * [nifti])(rng, plain, other)
    if rng.random() < 0.05:
        plain += bytes(1 << 24)
    z = zlib.compressobj(1, zlib.DEFLATED, 31)
    return z.compress(plain) + z.flush()


# ---- all together ----

def knowing(data):
    """Changes that know this file's format."""
    if data[:4] == b"\x89PNG":
        return [png]
    if data[:2] == b"\xff\xd8":
        return [jpeg]
    if data[:2] == b"\x1f\x8b":
        return [inside_gzip]
    if data[:2] in (b"\x5c\x01", b"\x1c\x02") or data[2:4] in (b"\x01\x5c", b"\x02\x1c"):
        return [nifti]
    if b"1.2.840.10008.1.2.1.99\0" in data[:1000]:
        return [dicom_deflated]
    return [dicom_element, dicom_element, dicom_description, dicom_items]


def mutant(files, read, i):
    rng = random.Random(f"mutant {i}")
    # three of four start from what is small, and so quick
    name = rng.choice(files[:len(files) * 3 // 4] if rng.random() < 0.75 else files)
    data, other = read(name), read(rng.choice(files[:len(files) // 2]))
    whole = new_instance(rng, data) if rng.random() < 0.5 else data
    out = whole
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        out = rng.choice(ANY if rng.random() < 0.5 else knowing(out))(rng, out, other)
    return name, out[:32 << 20]


def main(names, first, count, *to):
    first, count = int(first), int(count)
    with open(names, encoding="utf-8") as f:
        files = f.read().split("\n")[:-1]

    @functools.lru_cache(64)
    def read(name):
        with open(name, "rb") as f:
            return f.read()

    with open(to[0], "wb") if to else sys.stdout.buffer as out:
        if count == 0:
            out.write(mutant(files, read, first)[1])
            return
        out.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for i in range(first, first + count):
            name, content = mutant(files, read, i)
            row = struct.pack(">h", 3)
            for field in (b"mutants", content, b"%d" % i):
                row += struct.pack(">i", len(field)) + field
            out.write(row)
        out.write(struct.pack(">h", -1))


if __name__ == "__main__":
    main(*sys.argv[1:])
