#include "dicom/transfer_syntax.h"

#include <stddef.h>
#include <string.h>

#define DICOM_UID "1.2.840.10008.1.2"

static const mmn_transfer_syntax table[] = {
	{DICOM_UID, "Implicit VR Little Endian", MMN_CODING_NATIVE},
	{DICOM_UID ".1", "Explicit VR Little Endian", MMN_CODING_NATIVE},
	{DICOM_UID ".1.98", "Encapsulated Uncompressed", MMN_CODING_NATIVE},
	{DICOM_UID ".1.99", "Deflated Explicit VR Little Endian",
	 MMN_CODING_NATIVE},
	{DICOM_UID ".2", "Explicit VR Big Endian", MMN_CODING_NATIVE},
	{DICOM_UID ".4.50", "JPEG Baseline", MMN_CODING_JPEG},
	{DICOM_UID ".4.51", "JPEG Extended", MMN_CODING_JPEG},
	{DICOM_UID ".4.52", "JPEG Extended, arithmetic", MMN_CODING_OTHER},
	{DICOM_UID ".4.53", "JPEG Spectral Selection", MMN_CODING_JPEG},
	{DICOM_UID ".4.54", "JPEG Spectral Selection, arithmetic",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.55", "JPEG Full Progression", MMN_CODING_JPEG},
	{DICOM_UID ".4.56", "JPEG Full Progression, arithmetic", MMN_CODING_OTHER},
	{DICOM_UID ".4.57", "JPEG Lossless", MMN_CODING_JPEG},
	{DICOM_UID ".4.58", "JPEG Lossless, arithmetic", MMN_CODING_OTHER},
	{DICOM_UID ".4.59", "JPEG Extended, hierarchical", MMN_CODING_OTHER},
	{DICOM_UID ".4.60", "JPEG Extended, hierarchical, arithmetic",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.61", "JPEG Spectral Selection, hierarchical",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.62", "JPEG Spectral Selection, hierarchical, arithmetic",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.63", "JPEG Full Progression, hierarchical",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.64", "JPEG Full Progression, hierarchical, arithmetic",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.65", "JPEG Lossless, hierarchical", MMN_CODING_OTHER},
	{DICOM_UID ".4.66", "JPEG Lossless, hierarchical, arithmetic",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.70", "JPEG Lossless SV1", MMN_CODING_JPEG},
	{DICOM_UID ".4.80", "JPEG-LS Lossless", MMN_CODING_JPEG_LS},
	{DICOM_UID ".4.81", "JPEG-LS Near-lossless", MMN_CODING_JPEG_LS},
	{DICOM_UID ".4.90", "JPEG 2000 Lossless", MMN_CODING_J2K},
	{DICOM_UID ".4.91", "JPEG 2000", MMN_CODING_J2K},
	{DICOM_UID ".4.92", "JPEG 2000 Multicomponent Lossless", MMN_CODING_J2K},
	{DICOM_UID ".4.93", "JPEG 2000 Multicomponent", MMN_CODING_J2K},
	{DICOM_UID ".4.94", "JPIP Referenced", MMN_CODING_OTHER},
	{DICOM_UID ".4.95", "JPIP Referenced Deflate", MMN_CODING_OTHER},
	{DICOM_UID ".4.100", "MPEG-2 Main Profile", MMN_CODING_OTHER},
	{DICOM_UID ".4.100.1", "MPEG-2 Main Profile, fragmentable",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.101", "MPEG-2 High Level", MMN_CODING_OTHER},
	{DICOM_UID ".4.101.1", "MPEG-2 High Level, fragmentable", MMN_CODING_OTHER},
	{DICOM_UID ".4.102", "MPEG-4 AVC High Profile", MMN_CODING_OTHER},
	{DICOM_UID ".4.102.1", "MPEG-4 AVC High Profile, fragmentable",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.103", "MPEG-4 AVC BD-compatible", MMN_CODING_OTHER},
	{DICOM_UID ".4.103.1", "MPEG-4 AVC BD-compatible, fragmentable",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.104", "MPEG-4 AVC High Profile 2D", MMN_CODING_OTHER},
	{DICOM_UID ".4.104.1", "MPEG-4 AVC High Profile 2D, fragmentable",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.105", "MPEG-4 AVC High Profile 3D", MMN_CODING_OTHER},
	{DICOM_UID ".4.105.1", "MPEG-4 AVC High Profile 3D, fragmentable",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.106", "MPEG-4 AVC Stereo High Profile", MMN_CODING_OTHER},
	{DICOM_UID ".4.106.1", "MPEG-4 AVC Stereo High Profile, fragmentable",
	 MMN_CODING_OTHER},
	{DICOM_UID ".4.107", "HEVC Main Profile", MMN_CODING_OTHER},
	{DICOM_UID ".4.108", "HEVC Main 10 Profile", MMN_CODING_OTHER},
	{DICOM_UID ".4.110", "JPEG XL Lossless", MMN_CODING_JPEG_XL},
	{DICOM_UID ".4.111", "JPEG XL JPEG Recompression", MMN_CODING_JPEG_XL},
	{DICOM_UID ".4.112", "JPEG XL", MMN_CODING_JPEG_XL},
	{DICOM_UID ".4.201", "High-Throughput JPEG 2000 Lossless", MMN_CODING_J2K},
	{DICOM_UID ".4.202", "High-Throughput JPEG 2000 RPCL Lossless",
	 MMN_CODING_J2K},
	{DICOM_UID ".4.203", "High-Throughput JPEG 2000", MMN_CODING_J2K},
	{DICOM_UID ".4.204", "JPIP HTJ2K Referenced", MMN_CODING_OTHER},
	{DICOM_UID ".4.205", "JPIP HTJ2K Referenced Deflate", MMN_CODING_OTHER},
	{DICOM_UID ".5", "RLE Lossless", MMN_CODING_RLE},
	{DICOM_UID ".7.1", "SMPTE ST 2110-20 Uncompressed Progressive Active Video",
	 MMN_CODING_OTHER},
	{DICOM_UID ".7.2", "SMPTE ST 2110-20 Uncompressed Interlaced Active Video",
	 MMN_CODING_OTHER},
	{DICOM_UID ".8.1", "Deflated Image Frame Compression", MMN_CODING_DEFLATE},
};

const mmn_transfer_syntax *
mmn_transfer_syntax_find(const char *uid)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].uid, uid) == 0)
			return &table[i];
	return NULL;
}
