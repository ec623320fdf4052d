"""030_nifti.py FOLDER: volumes of every kind, and "expected" with what SQL must give of them."""
import gzip
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz"))
from seeds_nifti import CODES, header  # noqa: E402

FORM = {"u8": "B", "i8": "b", "i16": "h", "u16": "H", "i32": "i", "u32": "I", "f32": "f", "f64": "d", "rgb24": "B", "i64": "q", "u64": "Q"}
RESULT = {"u8": ("u8", "B"), "i8": ("i16", "h"), "i16": ("i16", "h"), "u16": ("u16", "H"), "rgb24": ("u8", "B"),
          # labels, as NumPy makes them: they fit into less
          "i64": ("i16", "h"), "u64": ("u16", "H")}
folder = sys.argv[1]
W, H, S, V = 5, 4, 3, 2


def write(name, data):
    with open(f"{folder}/{name}", "wb") as f:
        f.write(data)
    os.chmod(f"{folder}/{name}", 0o644)


with open(f"{folder}/expected", "w") as expected:
    for kind in CODES:
        per_frame = W * H * (3 if kind == "rgb24" else 1)
        n = per_frame * S * V
        step = {"8": 1, "4": 1, "6": 91, "2": 70001}[kind[-1]]
        low = {"u": 0, "i": -n * step // 3, "f": -n // 2, "r": 0}[kind[0]]
        values = [(low + i * step) % 200 if kind in ("u8", "rgb24") else -100 + i % 201 if kind == "i8" else
                  (i * step + low) / 8 if kind[0] == "f" else low + i * step for i in range(n)]
        result, form = RESULT.get(kind, ("f32", "f"))
        for version in (1, 2):
            for order in "<>":
                head = header(version, order, kind, (4, W, H, S, V), (1, 0.5, 0.75, 2, 1, 0, 0, 0))
                data = head + struct.pack(f"{order}{n}{FORM[kind]}", *values)
                name = f"{kind}_{version}_{'le' if order == '<' else 'be'}.nii"
                write(name, data)
                write(name + ".gz", gzip.compress(data))
                if name == "u16_1_le.nii":
                    # slice 2 by itself
                    write("slice.nii", header(version, order, kind, (3, W, H, 1), (1, 0.5, 0.75, 2, 1, 0, 0, 0)) + data[352 + 2 * per_frame:352 + 4 * per_frame])
                for suffix in ("", ".gz"):
                    for frame in (1, 4, S * V):
                        some = values[(frame - 1) * per_frame:frame * per_frame]
                        unit = "rgb" if kind == "rgb24" else "raw"
                        channels = 3 if kind == "rgb24" else 1
                        print(name + suffix, frame, f"{W}x{H}x{channels} {result} {unit}",
                              struct.pack(f"<{per_frame}{form}", *some).hex(), sep="\t", file=expected)

# what a person's file might hold, in every field of text and behind the header
secret = b"DOE^JANE"
head = bytearray(header(1, "<", "i16", (3, 16, 16, 5), (1, 1, 1, 3, 0, 0, 0, 0), 2.0, -10.0, sform=[-1, 0, 0, 90, 0, 1, 0, -126, 0, 0, 3, -72]))
for at, room in ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16)):
    head[at:at + 8] = secret
head[348] = 1
struct.pack_into("<f", head, 108, 416)
voxels = struct.pack("<1280h", *((i * 37) % 900 for i in range(1280)))
data = bytes(head) + struct.pack("<ii", 64, 6) + secret * 7 + voxels + secret
write("secret.nii", data)
plain = gzip.compress(data, mtime=0)
write("secret.nii.gz", plain[:3] + b"\x08" + plain[4:10] + secret + b".nii\0" + plain[10:])
write("truncated.nii", data[:2000])
write("truncated.nii.gz", plain[:len(plain) - 300])
crc = bytearray(plain)
crc[-6] ^= 1
write("checksum.nii.gz", bytes(crc))
broken = bytearray(plain)
broken[len(plain) // 2] ^= 0xFF
broken[len(plain) // 2 + 1] ^= 0xFF
write("damaged.nii.gz", bytes(broken))
# 1.2 GB of zeros in 1.2 MB; a header that promises more than there is; and one beyond all limits
big = header(1, "<", "u8", (3, 1000, 1000, 1200))
pack = gzip.GzipFile(f"{folder}/bomb.nii.gz", "wb", compresslevel=9, mtime=0)
pack.write(big)
for _ in range(1200):
    pack.write(bytes(1000000))
pack.close()
os.chmod(f"{folder}/bomb.nii.gz", 0o644)
write("liar.nii.gz", gzip.compress(header(1, "<", "u8", (3, 20000, 20000, 3))))
write("huge.nii", header(2, "<", "f64", (7, 60000, 60000, 30000, 30000, 2, 1, 1)))
write("complex.nii", data[:70] + struct.pack("<hh", 32, 64) + data[74:])
# headers of volumes in two files
pair = data[:344] + b"ni1\0"
write("pair.hdr", pair + bytes(4))
write("pair.hdr.gz", gzip.compress(pair))
write("pair2.hdr", struct.pack("<i8s", 540, b"ni2\0\r\n\x1a\n") + bytes(528))
write("analyze.hdr", struct.pack(">i", 348) + bytes(344))
write("text.gz", gzip.compress(b"not a volume, but compressed all the same" * 20))
