"""033_values.py FOLDER: images whose values have a unit, and "expected" with what decode_frame() must give of them."""
import os
import sys

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

folder = sys.argv[1]
expected = open(f"{folder}/expected", "w")
stored = numpy.array([0, 1, 500, 32767], "<i2")


def image(modality, samples=stored, **attributes):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.is_little_endian, d.is_implicit_VR = True, False
    d.Modality, d.PatientName, d.PatientID = modality, "DOE^JANE", "12345678"
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.Rows, d.Columns = 1, len(samples)
    d.BitsAllocated = d.BitsStored = samples.itemsize * 8
    d.HighBit = d.BitsStored - 1
    d.PixelRepresentation = int(samples.dtype.kind == "i")
    d.PixelData = samples.tobytes()
    for name, value in attributes.items():
        setattr(d, name, value)
    return d


def save(name, d, kind, unit, values, window=""):
    d.save_as(f"{folder}/{name}", write_like_original=False)
    os.chmod(f"{folder}/{name}", 0o644)
    print(name, f"{len(values)}x1x1 {kind} {unit}{window}", numpy.asarray(values).astype({"i16": "<i2", "f32": "<f4"}[kind]).tobytes().hex(),
          sep="\t", file=expected)


def item(**attributes):
    d = Dataset()
    for name, value in attributes.items():
        setattr(d, name, value)
    return d


def mapping(unit, slope=None, intercept=0.0, table=None, first=0, last=32767, scheme="UCUM"):
    code = item(CodeValue=unit, CodingSchemeDesignator=scheme, CodeMeaning="unit")
    m = item(MeasurementUnitsCodeSequence=Sequence([code]), LUTLabel="x")
    m.add_new(0x00409216, "SS", first)
    m.add_new(0x00409211, "SS", last)
    if slope is not None:
        m.RealWorldValueIntercept, m.RealWorldValueSlope = float(intercept), float(slope)
    if table is not None:
        m.RealWorldValueLUTData = [float(v) for v in table]
    return m


# PET.  70 kg, 370 MBq of F-18 injected an hour before the scan.
HALF_LIFE = 6586.2


def pet(drug=None, **attributes):
    base = dict(Units="BQML", DecayCorrection="START", CorrectedImage=["DECY", "ATTN", "SCAT"], PatientWeight="70",
                SeriesDate="20240301", SeriesTime="100000", AcquisitionDate="20240301", AcquisitionTime="100500.5",
                RescaleSlope="2.5", RescaleIntercept="0", WindowCenter="10000", WindowWidth="20001",
                RadiopharmaceuticalInformationSequence=Sequence([item(**(drug or DRUG))]))
    base.update(attributes)
    return image("PT", **{k: v for k, v in base.items() if v is not None})


def drug(**changes):
    base = dict(RadiopharmaceuticalStartTime="090000.00", RadionuclideTotalDose="370000000", RadionuclideHalfLife=str(HALF_LIFE))
    base.update(changes)
    return {k: v for k, v in base.items() if v is not None}


DRUG = drug()


def suv(hours=1.0, dose=370e6, weight=70, slope=2.5):
    # in double and in this order: the result is compared in every bit
    return stored * (slope * (weight * 1000 / (dose * 2.0 ** -(hours * 3600 / HALF_LIFE))))


raw = stored * 2.5
save("suv", pet(), "f32", "SUV", suv())
save("suv_midnight", pet(drug(RadiopharmaceuticalStartTime="230000"), SeriesTime="000000", AcquisitionTime="0001"), "f32", "SUV", suv())
save("suv_date", pet(drug(RadiopharmaceuticalStartDateTime="20240229100000.000", RadiopharmaceuticalStartTime=None)), "f32", "SUV", suv(24))
save("suv_zone", pet(drug(RadiopharmaceuticalStartDateTime="20240301090000+0100"), TimezoneOffsetFromUTC="+0100"), "f32", "SUV", suv())
save("suv_admin", pet(DecayCorrection="ADMIN", SeriesTime=None), "f32", "SUV", suv(0))
save("suv_gml", pet(Units="GML"), "f32", "SUV", raw)
d = pet(Units="CNTS")
d.add_new(0x70530010, "LO", "Philips PET Private Group")
d.add_new(0x70531000, "DS", "0.000125")
save("suv_philips", d, "f32", "SUV", stored * (2.5 * 0.000125))
d = pet(Units="CNTS")
d.add_new(0x70530010, "LO", "Philips PET Private Group")
d.add_new(0x70531000, "DS", "0")
d.add_new(0x70531009, "DS", "3.5")
d.file_meta.TransferSyntaxUID, d.is_implicit_VR = ImplicitVRLittleEndian, True
save("suv_philips_activity", d, "f32", "SUV", stored * (2.5 * (70 * 1000 / (370e6 * 2.0 ** -(3600 / HALF_LIFE)) * 3.5)))

# what is missing, or may mean two things: values as they are
for name, d, unit in (
        ("weight", pet(PatientWeight=None), "BQML"), ("no_weight", pet(PatientWeight="0"), "BQML"),
        ("dose", pet(drug(RadionuclideTotalDose="370")), "BQML"), ("half_life", pet(drug(RadionuclideHalfLife=None)), "BQML"),
        ("not_corrected", pet(CorrectedImage=["ATTN"]), "BQML"), ("derived", pet(SeriesTime="120000"), "BQML"),
        ("future", pet(drug(RadiopharmaceuticalStartDateTime="20240301110000")), "BQML"),
        ("other_zone", pet(drug(RadiopharmaceuticalStartDateTime="20240301090000+0200")), "BQML"),
        ("no_date", pet(drug(RadiopharmaceuticalStartDateTime="20241301090000")), "BQML"),
        ("long_ago", pet(drug(RadiopharmaceuticalStartDateTime="20230301090000")), "BQML"),
        ("two_drugs", pet(RadiopharmaceuticalInformationSequence=Sequence([item(**DRUG), item(**DRUG)])), "BQML"),
        ("counts", pet(Units="CNTS"), "raw"), ("decay", pet(DecayCorrection="NONE"), "BQML")):
    save(f"pt_{name}", d, "f32", unit, raw)

# real world values
mr = dict(RescaleSlope="2", RescaleIntercept="-1", RescaleType="US")
plain = stored.astype(int) * 2 - 1
save("rwv_adc", image("MR", **mr, RealWorldValueMappingSequence=Sequence([mapping("mm2/s", 1e-6, 1e-3)])), "f32", "mm2/s", stored * 1e-6 + 1e-3)
save("rwv_second", image("MR", **mr, RealWorldValueMappingSequence=Sequence([mapping("{x}", 3), mapping("ms", 0.25)])), "f32", "ms", stored * 0.25)
save("rwv_unknown", image("MR", RealWorldValueMappingSequence=Sequence([mapping("{x}", 3)])), "i16", "raw", stored)
save("rwv_own_scheme", image("MR", RealWorldValueMappingSequence=Sequence([mapping("ms", 3, scheme="99X")])), "i16", "raw", stored)
save("rwv_hu", image("CT", RescaleSlope="1", RescaleIntercept="-10", RealWorldValueMappingSequence=Sequence([mapping("%", 0.5)])), "i16", "HU", stored.astype(int) - 10)
table = [i ** 0.5 for i in range(500)]
save("rwv_table", image("MR", **mr, RealWorldValueMappingSequence=Sequence([mapping("s", table=table, first=1, last=500)])), "f32", "s",
     [numpy.nan, table[0], table[499], numpy.nan])
# which stored values a mapping is for: the others have none
save("rwv_range", image("MR", **mr, RealWorldValueMappingSequence=Sequence([mapping("ms", 0.5, 3, first=1, last=500)])), "f32", "ms",
     [numpy.nan, 3.5, 253, numpy.nan])
save("rwv_pieces", image("MR", **mr, RealWorldValueMappingSequence=Sequence([
    mapping("ms", 0.5, 3, first=1, last=499), mapping("s", 9), mapping("ms", 2, first=0, last=1), mapping("ms", table=[7, 8], first=500)])),
     "f32", "ms", [0, 3.5, 7, numpy.nan])
save("rwv_old_suv", pet(RealWorldValueMappingSequence=Sequence([mapping("{SUVbw}g/ml", 0.001)])), "f32", "SUV", stored * 0.001)
d = pet(PatientWeight="70", RealWorldValueMappingSequence=Sequence([mapping("Bq/ml", 2.5), mapping("g/ml{SUVbw}", 0.001)]))
save("rwv_suv", d, "f32", "SUV", stored * 0.001)
# of which SUV follows, when there is all that takes
save("rwv_bqml", pet(RealWorldValueMappingSequence=Sequence([mapping("Bq/ml", 5.0)])), "f32", "SUV", suv())
save("rwv_bqml_only", pet(PatientWeight=None, RealWorldValueMappingSequence=Sequence([mapping("Bq/ml", 5.0)])), "f32", "BQML", raw)
save("rwv_counts", pet(Units="CNTS", RealWorldValueMappingSequence=Sequence([mapping("Bq/ml", 5.0)])), "f32", "BQML", stored * 5.0)
d = pet(Units="CNTS", RealWorldValueMappingSequence=Sequence([mapping("Bq/ml", 5.0)]))
d.add_new(0x70530010, "LO", "Philips PET Private Group")
d.add_new(0x70531000, "DS", "0.000125")
save("rwv_philips", d, "f32", "SUV", stored * (2.5 * 0.000125))
# GE's time, where the series is later than its own images
d = pet(SeriesTime="120000")
d.add_new(0x00090010, "LO", "GEMS_PETD_01")
d.add_new(0x0009100D, "DT", "20240301100000.00")
save("suv_ge", d, "f32", "SUV", suv())


# Enhanced PET: a mapping into Bq/ml, here of each of two frames, and a dose in MBq
def enhanced_pet(**attributes):
    d = image("PT", **{**dict(PatientWeight="70", DecayCorrected="YES", AttenuationCorrected="YES", DecayCorrectionDateTime="20240301100000",
              NumberOfFrames="2", RadiopharmaceuticalInformationSequence=Sequence([item(
                  RadionuclideTotalDose="370", RadionuclideHalfLife=str(HALF_LIFE), RadiopharmaceuticalStartDateTime="20240301090000")]),
              PerFrameFunctionalGroupsSequence=Sequence([item(RealWorldValueMappingSequence=Sequence([mapping("Bq/ml", slope)])) for slope in (2.5, 5.0)])),
              **attributes})
    d.PixelData *= 2
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    return d


save("suv_enhanced", enhanced_pet(), "f32", "SUV", suv())
save("suv_enhanced_not", enhanced_pet(DecayCorrected="NO"), "f32", "BQML", raw)
expected.close()
