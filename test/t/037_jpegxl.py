"""037_jpegxl.py TO PUBLIC: DICOM files with JPEG XL frames, made by cjxl, and
beside them what they must show: NAME.dcm and the raw samples NAME.raw.  Of the
file PUBLIC public.raw, as djxl decodes it."""
import os
import struct
import subprocess
import sys

import pydicom
from pydicom.encaps import encapsulate
from PIL import Image, ImageCms

out = sys.argv[1]
LOSSLESS, JPEG, LOSSY = ("1.2.840.10008.1.2.4." + n for n in ("110", "111", "112"))
WIDTH, HEIGHT = 300, 270  # more than one group of 256x256
state = 1


def noise(n):
    """The same in every run."""
    global state
    got = bytearray()
    for _ in range(n):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        got.append(state >> 16 & 0xFF)
    return bytes(got)


def cjxl(source, *options):
    subprocess.run(["cjxl", "--quiet", *options, source, f"{out}/made.jxl"], check=True, stderr=subprocess.DEVNULL)
    with open(f"{out}/made.jxl", "rb") as f:
        return f.read()


def pnm(samples, channels, top):
    """A file for cjxl, which takes samples of 8 and 16 bits as they are."""
    with open(f"{out}/made.pnm", "wb") as f:
        f.write(b"P%d %d %d %d\n" % (6 if channels == 3 else 5, WIDTH, len(samples) // WIDTH // channels, top))
        f.write(struct.pack(f">{len(samples)}H", *samples) if top > 255 else bytes(samples))
    return f"{out}/made.pnm"


def write(name, frames, syntax, photometric, bits, raw=None, size=(WIDTH, HEIGHT), **more):
    d = pydicom.Dataset()
    d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    d.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[name])
    d.StudyInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[name, "study"])
    d.SeriesInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[name, "series"])
    d.PatientID = "P" + name
    d.Modality = "OT"
    d.Columns, d.Rows = size
    d.NumberOfFrames = more.pop("number", len(frames))
    d.PhotometricInterpretation = photometric
    d.SamplesPerPixel = 1 if photometric.startswith("MONO") else 3
    if d.SamplesPerPixel == 3:
        d.PlanarConfiguration = 0
    d.BitsAllocated = 8 if bits <= 8 else 16
    d.BitsStored = bits
    d.HighBit = bits - 1
    d.PixelRepresentation = 0
    for key, value in more.items():
        setattr(d, key, value)
    d.PixelData = encapsulate(frames, has_bot=False)
    d["PixelData"].is_undefined_length = True
    d["PixelData"].VR = "OB"
    d.is_little_endian, d.is_implicit_VR = True, False
    d.file_meta = pydicom.dataset.FileMetaDataset()
    d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
    path = f"{out}/{name}.dcm"
    pydicom.dcmwrite(path, d, write_like_original=False)
    # pydicom does not know these syntaxes: put in as bytes, two more than there were
    with open(path, "rb") as f:
        content = f.read()
    element = b"\2\0\x10\0UI\x16\0" + b"1.2.840.10008.1.2.4.50"
    assert content.count(element) == 1
    content = content.replace(element, b"\2\0\x10\0UI\x18\0" + syntax.encode() + b"\0")
    length = int.from_bytes(content[140:144], "little") + 2  # of group 2
    with open(path, "wb") as f:
        f.write(content[:140] + length.to_bytes(4, "little") + content[144:])
    os.chmod(path, 0o644)
    if raw is not None:
        with open(f"{out}/{name}.raw", "wb") as f:
            f.write(raw)


def words(samples):
    return struct.pack(f"<{len(samples)}H", *samples)


# smooth with some noise, as images are, over all of the range
N = WIDTH * HEIGHT
grain = noise(N)
for bits in (8, 9, 10, 11, 12, 13, 14, 15, 16):
    top = (1 << bits) - 1
    samples = [(i % WIDTH * 200 + i // WIDTH * 40 + grain[i]) * top // (WIDTH * 200 + HEIGHT * 40 + 255) for i in range(N)]
    samples[:2] = 0, top
    # every value there is
    samples += list(range(top + 1)) + [0] * (-(top + 1) % WIDTH)
    size = WIDTH, len(samples) // WIDTH
    wide = [v if bits == 8 else (v * 65535 + top // 2) // top for v in samples]
    frame = cjxl(pnm(wide, 1, 255 if bits == 8 else 65535), "-d", "0", "-e", "2", f"--override_bitdepth={bits}")
    write(f"lossless{bits}", [frame], LOSSLESS, "MONOCHROME2", bits, bytes(samples) if bits == 8 else words(samples), size)
    if bits == 12:
        # codestreams that say 16 bits of samples that have 12
        write("lossless12in16", [cjxl(pnm(samples, 1, 65535), "-d", "0", "-e", "2")], LOSSLESS, "MONOCHROME2", 12,
              words(samples), size)
        write("lossy12", [cjxl(pnm(wide, 1, 65535), "-d", "0.3", "--override_bitdepth=12")], LOSSY, "MONOCHROME2", 12,
              words(samples), size)
        write("signed", [frame], LOSSLESS, "MONOCHROME2", 12, None, size, PixelRepresentation=1)
        write("narrow", [frame], LOSSLESS, "MONOCHROME2", 8, None, size)
        write("cut", [frame[:len(frame) // 2]], LOSSLESS, "MONOCHROME2", 12, None, size)
        write("othersize", [frame], LOSSLESS, "MONOCHROME2", 12)
        write("threechannels", [frame], LOSSLESS, "RGB", 12, None, size)

picture = Image.frombytes("RGB", (9, 6), noise(9 * 6 * 3)).resize((WIDTH, HEIGHT), Image.BICUBIC)
picture.save(f"{out}/made.png")
raw = picture.tobytes()
write("rgb", [cjxl(f"{out}/made.png", "-d", "0")], LOSSLESS, "RGB", 8, raw)
write("boxes", [cjxl(f"{out}/made.png", "-d", "0", "--container=1")], LOSSLESS, "RGB", 8, raw)
write("xyb", [cjxl(f"{out}/made.png", "-d", "0.5")], LOSSY, "XYB", 8, raw)
write("modular", [cjxl(f"{out}/made.png", "-d", "0.5", "-m", "1")], LOSSY, "RGB", 8, raw)
write("layers", [cjxl(f"{out}/made.png", "-d", "0.5", "--progressive_dc=1")], LOSSY, "RGB", 8, raw)
ybr = picture.convert("YCbCr")
Image.frombytes("RGB", (WIDTH, HEIGHT), ybr.tobytes()).save(f"{out}/ybr.png")
write("ybr", [cjxl(f"{out}/ybr.png", "-d", "0")], LOSSLESS, "YBR_FULL", 8, raw)
write("order", [cjxl(f"{out}/made.png", "-d", "0.5", "--group_order=1")], LOSSY, "RGB", 8)
rgba = picture.copy()
rgba.putalpha(100)
rgba.save(f"{out}/rgba.png")
write("alpha", [cjxl(f"{out}/rgba.png", "-d", "0")], LOSSLESS, "RGB", 8)

# recompressed JPEG: what libjpeg makes of the original
for name, mode, options in (("jpeg444", "RGB", {"subsampling": 0}), ("jpeg422", "RGB", {"subsampling": 1}),
                            ("jpeg420", "RGB", {"subsampling": 2, "progressive": True}), ("jpeggrey", "L", {})):
    picture.convert(mode).save(f"{out}/made.jpg", quality=90, **options)
    write(name, [cjxl(f"{out}/made.jpg", "--lossless_jpeg=1")], JPEG, "YBR_FULL_422" if mode == "RGB" else "MONOCHROME2",
          8, Image.open(f"{out}/made.jpg").tobytes())

# a JPEG file with names in it goes into boxes, and so do some of its own
exif = Image.Exif()
exif[0x010E] = "Planted^Exif"
picture.save(f"{out}/made.jpg", quality=90, exif=exif, comment=b"Planted^Comment")
frame = cjxl(f"{out}/made.jpg", "--lossless_jpeg=1")
assert b"Planted^Exif" in frame and b"jbrd" in frame
planted = b"Planted^Box"
frame += (len(planted) + 8).to_bytes(4, "big") + b"xml " + planted
write("planted", [frame, frame], JPEG, "YBR_FULL_422", 8)
write("behind", [cjxl(f"{out}/made.png", "-d", "0") + b"Planted^Behind"], LOSSLESS, "RGB", 8)
srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
picture.save(f"{out}/made.jpg", quality=90, icc_profile=srgb)
write("profile", [cjxl(f"{out}/made.jpg", "--lossless_jpeg=1")], JPEG, "YBR_FULL_422", 8,
      Image.open(f"{out}/made.jpg").tobytes())

# XYB with a profile that libjxl cannot name: sRGB with the power 2.0 for 2.4
at = srgb.index(b"para") + 12
odd = srgb[:at] + struct.pack(">i", 2 << 16) + srgb[at + 4:]
picture.save(f"{out}/odd.png", icc_profile=odd)
light = [((v / 255 + 0.055) / 1.055) ** 2 if v > 10 else v / 255 / 12.92 for v in range(256)]
shown = bytes(round(255 * (1.055 * v ** (1 / 2.4) - 0.055 if v > 0.0031308 else 12.92 * v)) for v in light)
write("oddprofile", [cjxl(f"{out}/odd.png", "-d", "0.3")], LOSSY, "RGB", 8, raw.translate(shown))

# two frames in two fragments each, which only their beginnings tell apart
mirrored = picture.transpose(Image.FLIP_LEFT_RIGHT)
mirrored.save(f"{out}/made2.png")
halves = []
for name in ("made.png", "made2.png"):
    frame = cjxl(f"{out}/{name}", "-d", "0")
    halves += [frame[:1000], frame[1000:]]
write("fragments", halves, LOSSLESS, "RGB", 8, raw + mirrored.tobytes(), number=2)

# one frame in pieces, of which another begins like a frame
frame = cjxl(f"{out}/made.png", "-d", "0", "--container=1")
write("pieces", [frame + b"\0\0\0\x12free", b"\xFF\x0APlanted."], LOSSLESS, "RGB", 8, number=1)

# a public file: its frames, as djxl has them
d = pydicom.dcmread(sys.argv[2])
with open(f"{out}/public.raw", "wb") as raw:
    for frame in pydicom.encaps.generate_pixel_data_frame(d.PixelData, int(d.NumberOfFrames)):
        with open(f"{out}/made.jxl", "wb") as f:
            f.write(frame)
        subprocess.run(["djxl", "--quiet", f"{out}/made.jxl", f"{out}/made.ppm"], check=True, stderr=subprocess.DEVNULL)
        raw.write(Image.open(f"{out}/made.ppm").tobytes())

# much of one colour, in few bytes
for name, side in (("large", 4000), ("bomb", 8000)):
    Image.new("L", (side, side), 7).save(f"{out}/made.png")
    write(name, [cjxl(f"{out}/made.png", "-d", "0", "-e", "1")], LOSSLESS, "MONOCHROME2", 8, None, (side, side))
