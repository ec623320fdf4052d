"""031_frame_syntaxes.py FROM TO: DICOM files in Encapsulated Uncompressed (PS3.5
A.4), and one in each transfer syntax of PS3.6 that is refused."""
import os
import sys

import pydicom
from pydicom.encaps import encapsulate

for name in ("CT_small", "SC_rgb_small_odd", "SC_ybr_full_422_uncompressed", "liver_1frame"):
    d = pydicom.dcmread(f"{sys.argv[1]}/{name}.dcm")
    d.PixelData = encapsulate([d.PixelData])
    d["PixelData"].is_undefined_length = True
    d["PixelData"].VR = "OB"
    d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.98"
    d.save_as(f"{sys.argv[2]}/{name}.dcm")
    os.chmod(f"{sys.argv[2]}/{name}.dcm", 0o644)

UNSUPPORTED = [f"4.{n}" for n in (
    52, 54, 56, 58, 59, 60, 61, 62, 63, 64, 65, 66, 94, 100, "100.1", 101, "101.1", 102, "102.1", 103, "103.1",
    104, "104.1", 105, "105.1", 106, "106.1", 107, 108, 204)] + ["7.1", "7.2", "4.999"]
d = pydicom.dcmread(f"{sys.argv[1]}/CT_small.dcm")
d.PixelData = encapsulate([d.PixelData])
d["PixelData"].is_undefined_length = True
d["PixelData"].VR = "OB"
d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
d.save_as(f"{sys.argv[2]}/template")
with open(f"{sys.argv[2]}/template", "rb") as f:
    template = f.read()
# pydicom knows fewer of them than PS3.6: the element is put in as bytes
element = b"\2\0\x10\0UI\x16\0" + b"1.2.840.10008.1.2.4.50"
assert template.count(element) == 1
for uid in UNSUPPORTED:
    value = f"1.2.840.10008.1.2.{uid}".encode()
    value += b"\0" * (len(value) % 2)
    with open(f"{sys.argv[2]}/unsupported.{uid}", "wb") as f:
        content = template.replace(element, element[:6] + len(value).to_bytes(2, "little") + value)
        length = int.from_bytes(content[140:144], "little") + len(value) - 22  # of group 2
        f.write(content[:140] + length.to_bytes(4, "little") + content[144:])
    os.chmod(f"{sys.argv[2]}/unsupported.{uid}", 0o644)
