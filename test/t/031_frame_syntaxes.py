"""031_frame_syntaxes.py FROM TO: DICOM files in Encapsulated Uncompressed (PS3.5 A.4)."""
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
