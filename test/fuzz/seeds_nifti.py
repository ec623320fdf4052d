"""seeds_nifti.py FOLDER: small NIfTI volumes for fuzz_nifti to start from."""
import gzip
import struct
import sys

CODES = {"u8": (2, 8), "i16": (4, 16), "i32": (8, 32), "f32": (16, 32), "f64": (64, 64), "rgb24": (128, 24), "i8": (256, 8),
         "u16": (512, 16), "u32": (768, 32), "i64": (1024, 64), "u64": (1280, 64)}


def header(version, order, kind, dim, pixdim=(1, 1.0, 2.0, 3.0, 0, 0, 0, 0), slope=0.0, inter=0.0, sform=None, qform=None):
    """A single-file header, with the four bytes that say there is no extension."""
    code, bits = CODES[kind]
    dim = list(dim) + [1] * (8 - len(dim))
    h = bytearray(348 if version == 1 else 540)

    def put(at, form, *values):
        struct.pack_into(order + form, h, at, *values)

    put(0, "i", len(h))
    if version == 1:
        put(40, "8h", *dim)
        put(70, "hh", code, bits)
        put(76, "8f", *pixdim)
        put(108, "fff", 352.0, slope, inter)
        h[123] = 2
        put(252, "hh", 1 if qform else 0, 1 if sform else 0)
        put(256, "6f", *(qform or [0] * 6))
        put(280, "12f", *(sform or [0] * 12))
        h[344:348] = b"n+1\0"
    else:
        h[4:12] = b"n+2\0\r\n\x1a\n"
        put(12, "hh", code, bits)
        put(16, "8q", *dim)
        put(104, "8d", *pixdim)
        put(168, "qdd", 544, slope, inter)
        put(500, "i", 2)
        put(344, "ii", 1 if qform else 0, 1 if sform else 0)
        put(352, "6d", *(qform or [0] * 6))
        put(400, "12d", *(sform or [0] * 12))
    return bytes(h) + b"\0\0\0\0"


def main(folder):
    for i, kind in enumerate(CODES):
        version, order = 1 + i % 2, "<>"[i // 2 % 2]
        size = 4 * 3 * 2 * CODES[kind][1] // 8
        data = header(version, order, kind, (3, 4, 3, 2), slope=float(i % 3), inter=-1.0,
                      sform=[2, 0, 0, 1, 0, 2, 0, 1, 0, 0, 2, 1] if i % 2 else None,
                      qform=[0.1, 0.2, 0.3, 1, 2, 3] if i % 3 else None) + bytes(i % 256 for i in range(size))
        with open(f"{folder}/{kind}_{version}.nii", "wb") as f:
            f.write(data)
        if i < 2:
            with open(f"{folder}/{kind}_{version}.nii.gz", "wb") as f:
                f.write(gzip.compress(data, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
