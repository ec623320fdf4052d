"""037_codings.py FOLDER: compressed frames that are not quite what the data set says, and "expected" with what decode_frame() must give of them."""
import io
import os
import subprocess
import sys

import numpy
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

folder = sys.argv[1]
expected = open(f"{folder}/expected", "w")
rng = numpy.random.default_rng(7)
SIDE = 32


def image(samples, photometric="MONOCHROME2", **attributes):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    d.StudyInstanceUID, d.SeriesInstanceUID = generate_uid(), generate_uid()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.is_little_endian, d.is_implicit_VR = True, False
    d.Modality, d.PatientName, d.PatientID = "OT", "DOE^JANE", "12345678"
    d.SamplesPerPixel = 1 if photometric.startswith("MONO") else 3
    d.PhotometricInterpretation = photometric
    if d.SamplesPerPixel == 3:
        d.PlanarConfiguration = 0
    d.Rows = d.Columns = SIDE
    d.BitsAllocated = d.BitsStored = samples.itemsize * 8
    d.HighBit = d.BitsStored - 1
    d.PixelRepresentation = int(samples.dtype.kind == "i")
    d.add_new(0x7FE00010, "OW", samples.tobytes())
    for name, value in attributes.items():
        setattr(d, name, value)
    return d


def compress(d, command):
    """By one of DCMTK's tools, which go by what the data set says of bits."""
    d.save_as(f"{folder}/plain", write_like_original=False)
    subprocess.run([*command.split(), f"{folder}/plain", f"{folder}/packed"], check=True, stderr=subprocess.DEVNULL)
    return dcmread(f"{folder}/packed")


def samples_by(tool, d):
    """What DCMTK makes of it."""
    d.save_as(f"{folder}/packed")
    subprocess.run([tool, f"{folder}/packed", f"{folder}/plain"], check=True, stderr=subprocess.DEVNULL)
    return numpy.frombuffer(dcmread(f"{folder}/plain").PixelData, "<u2")


def embed(d, codestream, syntax):
    d.file_meta.TransferSyntaxUID = syntax
    fragments = codestream if isinstance(codestream, list) else [codestream]
    d.add_new(0x7FE00010, "OB", encapsulate(fragments, has_bot=len(fragments) == 1))
    d["PixelData"].is_undefined_length = True
    return d


def j2k(samples, **options):
    b = io.BytesIO()
    Image.fromarray(samples).save(b, "JPEG2000", no_jp2=True, **options)
    return b.getvalue()


def save(name, d, kind, values, frame=1, **changes):
    for attribute, value in changes.items():
        setattr(d, attribute, value)
    d.save_as(f"{folder}/{name}", write_like_original=False)
    os.chmod(f"{folder}/{name}", 0o644)
    unit = "rgb" if numpy.size(values) == 3 * SIDE * SIDE else "raw"
    print(name, frame, f"{SIDE}x{SIDE}x{3 if unit == 'rgb' else 1} {kind} {unit}",
          numpy.asarray(values).astype({"u8": "u1", "u16": "<u2", "i16": "<i2"}[kind]).tobytes().hex(), sep="\t", file=expected)


# Chrominance is whole behind a codec, whatever the label says that was true of
# the image before.
ybr = rng.integers(0, 256, (SIDE, SIDE, 3)).astype("u1")
y, b, r = (ybr[..., i].astype("f4") - (128 if i else 0) for i in range(3))
rgb = numpy.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], -1)
rgb = numpy.floor(numpy.clip(rgb, 0, 255) + 0.5)
for label in ("YBR_FULL", "YBR_FULL_422"):
    save(f"jpegls_{label}", compress(image(ybr, "RGB"), "dcmcjpls +el"), "u8", rgb, PhotometricInterpretation=label)
    save(f"lossless_{label}", compress(image(ybr, "YBR_FULL"), "dcmcjpeg +el"), "u8", rgb, PhotometricInterpretation=label)
    save(f"rle_{label}", compress(image(ybr, "RGB"), "dcmcrle"), "u8", rgb, PhotometricInterpretation=label)
    save(f"j2k_{label}", embed(image(ybr, "RGB"), j2k(ybr, mct=0), "1.2.840.10008.1.2.4.90"), "u8", rgb, PhotometricInterpretation=label)

# A lossy codec overshoots at edges: of more bits than are stored, none may be
# cut off, or the lightest samples become the darkest.
edges = numpy.where(rng.random((SIDE, SIDE)) < .5, 0, 1023).astype("<u2")
ten = dict(BitsStored=10, HighBit=9)
twelve = dict(BitsStored=12, HighBit=11)
for name, compressor, decompressor in (("dct", "dcmcjpeg +ee +q 60", "dcmdjpeg"), ("near", "dcmcjpls +en +md 5", "dcmdjpls")):
    d = compress(image(edges, **twelve), compressor)
    samples = samples_by(decompressor, d)
    assert samples.max() > 1023
    save(f"{name}_12_of_10", d, "u16", samples, **ten)
codestream = j2k(edges, irreversible=True, quality_mode="rates", quality_layers=[8])
samples = numpy.asarray(Image.open(io.BytesIO(codestream)))
assert samples.max() > 1023
save("j2k_16_of_10", embed(image(edges), codestream, "1.2.840.10008.1.2.4.91"), "u16", samples, **ten)

# What lossless codecs bring along above them is an overlay, or a sign.
marked = edges | 0xA400
save("overlay_jpegls", compress(image(marked), "dcmcjpls +el"), "u16", edges, **ten)
save("overlay_lossless", compress(image(marked), "dcmcjpeg +el"), "u16", edges, **ten)
save("overlay_j2k", embed(image(marked), j2k(marked), "1.2.840.10008.1.2.4.91"), "u16", edges, **ten)
save("signed_j2k", embed(image(marked.view("<i2")), j2k(marked), "1.2.840.10008.1.2.4.90"), "i16", numpy.where(edges > 511, -1, 0), **ten)
codestream = j2k(edges << 6, irreversible=True, quality_mode="rates", quality_layers=[8])
save("high_j2k", embed(image(edges << 6), codestream, "1.2.840.10008.1.2.4.91"), "u16", numpy.asarray(Image.open(io.BytesIO(codestream))) >> 6,
     BitsStored=10, HighBit=15)

# JPEG 2000 of part 2: a codestream holds several frames, as components
frames = numpy.stack([numpy.roll(ybr[..., 0], i, 1) for i in range(6)])
first, second = j2k(numpy.stack(frames[:4], -1), mct=0), j2k(numpy.stack(frames[4:], -1), mct=0)
for syntax in ("92", "93"):
    for f in range(6):
        save(f"collection_{syntax}_{f}", embed(image(frames, NumberOfFrames=6), [first[:700], first[700:], second], f"1.2.840.10008.1.2.4.{syntax}"),
             "u8", frames[f], f + 1)
    # each by itself, and of three samples
    save(f"single_{syntax}", embed(image(frames, NumberOfFrames=6), [j2k(f) for f in frames], f"1.2.840.10008.1.2.4.{syntax}"), "u8", frames[4], 5)
    save(f"colour_{syntax}", embed(image(ybr, "YBR_RCT"), j2k(ybr, mct=1), f"1.2.840.10008.1.2.4.{syntax}"), "u8", ybr)
expected.close()


def refuse(name, d):
    d.save_as(f"{folder}/{name}", write_like_original=False)
    os.chmod(f"{folder}/{name}", 0o644)


refuse("refuse_short", embed(image(frames, NumberOfFrames=7), [first, second], "1.2.840.10008.1.2.4.92"))
refuse("refuse_components", embed(image(numpy.stack([ybr, ybr]), "RGB", NumberOfFrames=2), [first], "1.2.840.10008.1.2.4.92"))
# Rsiz: part 2, with a transform of samples one by one; with one over components
refuse("refuse_extension", embed(image(frames[:1]), j2k(frames[0]).replace(b"\xff\x51\0\x29\0\0", b"\xff\x51\0\x29\x82\0", 1), "1.2.840.10008.1.2.4.92"))
refuse("take_extension", embed(image(frames[:1]), j2k(frames[0]).replace(b"\xff\x51\0\x29\0\0", b"\xff\x51\0\x29\x81\0", 1), "1.2.840.10008.1.2.4.92"))
# and where COD says that there is one
cod = first.index(b"\xff\x52") + 8
refuse("refuse_transform", embed(image(frames[:4], NumberOfFrames=4), [first[:cod] + b"\2" + first[cod + 1:]], "1.2.840.10008.1.2.4.92"))
