/* DCMTK, from a DICOM file's bytes to uncompressed pixel data. */

#include "bench.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>

static int
decode(const bench_file *file, const void **samples, size_t *count,
	   unsigned *bytes)
{
	static DcmFileFormat *format;
	DcmInputBufferStream stream;
	Uint16 rows = 0, columns = 0, allocated = 0;
	const Uint16 *wide;
	const Uint8 *narrow;
	unsigned long n;

	delete format;
	format = new DcmFileFormat;
	stream.setBuffer(file->bytes, (offile_off_t)file->length);
	stream.setEos();
	format->transferInit();
	if (format->read(stream).bad())
		return 1;
	format->transferEnd();
	DcmDataset *data = format->getDataset();
	if (data->chooseRepresentation(EXS_LittleEndianExplicit, NULL).bad() ||
		data->findAndGetUint16(DCM_Rows, rows).bad() ||
		data->findAndGetUint16(DCM_Columns, columns).bad() ||
		data->findAndGetUint16(DCM_BitsAllocated, allocated).bad())
		return 1;
	*count = (size_t)rows * columns;
	*bytes = allocated / 8u;
	if (*bytes == 2)
	{
		if (data->findAndGetUint16Array(DCM_PixelData, wide, &n).bad())
			return 1;
		*samples = wide;
	}
	else
	{
		if (data->findAndGetUint8Array(DCM_PixelData, narrow, &n).bad())
			return 1;
		*samples = narrow;
	}
	return n < *count;
}

int
main(int argc, char **argv)
{
	OFLog::configure(OFLogger::OFF_LOG_LEVEL);
	DJDecoderRegistration::registerCodecs();
	DcmRLEDecoderRegistration::registerCodecs();
	return bench_main(argc, argv, decode);
}
