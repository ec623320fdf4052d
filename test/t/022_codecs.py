"""Writes PNG and JPEG files of all kinds to a folder, and what they show, as
Pillow decodes them, to its file "expected": name, tab, text form of pixels."""

import struct
import sys
import zlib

from PIL import Image, ImageOps

out = sys.argv[1]
expected = open(out + "/expected", "w")
WIDTH, HEIGHT = 37, 23
state = 1


def noise(n):
    """Bytes that no codec knows in advance, the same in every run."""
    global state
    got = bytearray()
    for _ in range(n):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        got.append(state >> 16 & 0xFF)
    return bytes(got)


def expect(name, width, height, channels, kind, data):
    unit = "rgb" if channels == 3 else "raw"
    expected.write(f"{name}\t{width}x{height}x{channels} {kind} {unit} \\x{data.hex()}\n")


def chunk(tag, body):
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))


def pack(samples, depth):
    """A row of samples as PNG packs them."""
    if depth == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    bits = "".join(format(s, f"0{depth}b") for s in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(name, colour, depth, channels, interlaced, extra=b"", palette=None):
    """Samples are ours, so what must come out is known without Pillow, which
    has no 16-bit RGB."""
    top = len(palette) if palette else 1 << depth
    raw = noise(WIDTH * HEIGHT * channels * 2)
    pixels = [
        [[(raw[2 * ((y * WIDTH + x) * channels + c)] << 8 | raw[2 * ((y * WIDTH + x) * channels + c) + 1]) % top
          for c in range(channels)] for x in range(WIDTH)] for y in range(HEIGHT)]
    data = b""
    for x0, y0, dx, dy in ADAM7 if interlaced else ((0, 0, 1, 1),):
        for row in pixels[y0::dy]:
            if row[x0::dx]:
                data += b"\0" + pack([s for p in row[x0::dx] for s in p], depth)
    body = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, int(interlaced))
    with open(f"{out}/{name}", "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", body) + extra +
                chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))
    if palette:
        pixels = [[palette[p[0]] for p in row] for row in pixels]
    else:
        pixels = [[p[:3] if channels >= 3 else p[:1] for p in row] for row in pixels]
        if depth < 8:
            pixels = [[[s * 255 // (top - 1) for s in p] for p in row] for row in pixels]
    flat = [s for row in pixels for p in row for s in p]
    expect(name, WIDTH, HEIGHT, len(pixels[0][0]), "u16" if depth == 16 else "u8",
           struct.pack(f"<{len(flat)}H", *flat) if depth == 16 else bytes(flat))


for interlaced in (False, True):
    tail = "-interlaced.png" if interlaced else ".png"
    for depth in (1, 2, 4, 8, 16):
        png(f"grey{depth}{tail}", 0, depth, 1, interlaced)
    for depth in (8, 16):
        png(f"rgb{depth}{tail}", 2, depth, 3, interlaced)
        png(f"grey-alpha{depth}{tail}", 4, depth, 2, interlaced)
        png(f"rgb-alpha{depth}{tail}", 6, depth, 4, interlaced)
    colours = [tuple(noise(3)) for _ in range(4)]
    for depth in (2, 4, 8):
        png(f"palette{depth}{tail}", 3, depth, 1, interlaced,
            chunk(b"PLTE", b"".join(bytes(c) for c in colours)) + chunk(b"tRNS", b"\0\x80"), colours)
png("gamma.png", 0, 8, 1, False, chunk(b"gAMA", struct.pack(">I", 100000)))
png("transparent-grey.png", 0, 8, 1, False, chunk(b"tRNS", b"\0\1"))
png("transparent-rgb.png", 2, 16, 3, False, chunk(b"tRNS", b"\0\1\0\2\0\3"))


def jpeg(name, image, **options):
    image.save(f"{out}/{name}", "JPEG", **options)
    shown = ImageOps.exif_transpose(Image.open(f"{out}/{name}"))
    expect(name, *shown.size, len(shown.getbands()), "u8", shown.tobytes())


# smooth, as photographs are
small = Image.frombytes("RGB", (9, 6), noise(9 * 6 * 3))
picture = small.resize((WIDTH, HEIGHT), Image.BICUBIC)
jpeg("grey.jpg", picture.convert("L"))
for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
    jpeg(f"rgb-{subsampling.replace(':', '')}.jpg", picture, subsampling=subsampling)
jpeg("progressive.jpg", picture, progressive=True)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg(f"orientation{orientation}.jpg", picture, exif=exif)
picture.convert("CMYK").save(out + "/cmyk.jpg", "JPEG")
whole = open(out + "/rgb-420.jpg", "rb").read()
open(out + "/cut.jpg", "wb").write(whole[:len(whole) * 2 // 3])
