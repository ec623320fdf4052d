/*
 * The only C++ of the project: a thin wall between our C and GDCM.  Exceptions
 * stop here.  What cannot be stopped (asserts, memory corruption) is why this
 * runs in the sandbox.
 */
#include "codec_gdcm.h"

#include <cstring>
#include <exception>

#include <gdcmImage.h>
#include <gdcmSequenceOfFragments.h>
#include <gdcmTrace.h>

extern "C"
{
#include "image/codestream.h"
}

namespace
{

/*
 * GDCM's own choice of codec, Bitmap::GetBuffer, tries them all, down to one
 * that runs another program.  We know which one it has to be.
 */
class Frame : public gdcm::Image
{
  public:
	bool decode(mmn_codestream_kind kind, char *out)
	{
		bool lossy = false;

		switch (kind)
		{
			case MMN_CODESTREAM_JPEG_LS:
				return TryJPEGLSCodec(out, lossy);
			case MMN_CODESTREAM_J2K:
				return TryJPEG2000Codec(out, lossy);
			default:
				return TryJPEGCodec(out, lossy);
		}
	}
};

gdcm::PhotometricInterpretation
interpretation(mmn_photometric photometric)
{
	switch (photometric)
	{
		case MMN_MONOCHROME1:
			return gdcm::PhotometricInterpretation::MONOCHROME1;
		case MMN_PALETTE_COLOR:
			return gdcm::PhotometricInterpretation::PALETTE_COLOR;
		case MMN_RGB:
			return gdcm::PhotometricInterpretation::RGB;
		case MMN_YBR_FULL:
			return gdcm::PhotometricInterpretation::YBR_FULL;
		case MMN_YBR_FULL_422:
			return gdcm::PhotometricInterpretation::YBR_FULL_422;
		case MMN_YBR_ICT:
			return gdcm::PhotometricInterpretation::YBR_ICT;
		case MMN_YBR_RCT:
			return gdcm::PhotometricInterpretation::YBR_RCT;
		default:
			return gdcm::PhotometricInterpretation::MONOCHROME2;
	}
}

mmn_status
decode(const char *transfer_syntax, const uint8_t *bytes, size_t length,
	   mmn_pixel_description *pixels, uint8_t *out, size_t size, mmn_error *err)
{
	mmn_codestream stream;
	mmn_status status = mmn_codestream_peek(bytes, length, &stream, err);

	if (status != MMN_OK)
		return status;
	gdcm::Trace::WarningOff();
	gdcm::Trace::ErrorOff();
	gdcm::Trace::DebugOff();

	gdcm::SmartPointer<gdcm::SequenceOfFragments> fragments =
		new gdcm::SequenceOfFragments;
	gdcm::Fragment fragment;
	fragment.SetByteValue(reinterpret_cast<const char *>(bytes),
						  gdcm::VL(static_cast<uint32_t>(length)));
	fragments->AddFragment(fragment);
	gdcm::DataElement element(gdcm::Tag(0x7fe0, 0x0010));
	element.SetVR(gdcm::VR::OB);
	element.SetValue(*fragments);

	Frame frame;
	frame.SetNumberOfDimensions(2);
	frame.SetDimension(0, pixels->columns);
	frame.SetDimension(1, pixels->rows);
	frame.SetPixelFormat(gdcm::PixelFormat(
		pixels->samples_per_pixel, pixels->bits_allocated, pixels->bits_stored,
		pixels->high_bit, pixels->is_signed));
	frame.SetPhotometricInterpretation(interpretation(pixels->photometric));
	frame.SetPlanarConfiguration(0);
	frame.SetTransferSyntax(gdcm::TransferSyntax::GetTSType(transfer_syntax));
	frame.SetDataElement(element);
	if (frame.GetBufferLength() != size)
		return mmn_fail(err, MMN_INTERNAL,
						"GDCM counts %lu bytes in a frame of %zu",
						frame.GetBufferLength(), size);
	if (!frame.decode(stream.kind, reinterpret_cast<char *>(out)))
		return mmn_fail(err, MMN_BAD_DATA,
						"the compressed frame cannot be decoded");

	/* a codec corrects the cell size where the stream knows better */
	const gdcm::PixelFormat &format = frame.GetPixelFormat();
	if (format.GetBitsAllocated() < pixels->bits_allocated)
	{
		pixels->bits_allocated = format.GetBitsAllocated();
		pixels->bits_stored = format.GetBitsStored();
		pixels->high_bit = format.GetHighBit();
	}
	pixels->planar = 0;
	if (pixels->photometric == MMN_YBR_FULL_422)
		pixels->photometric = MMN_YBR_FULL;
	/* these name a transform of JPEG 2000, which its decoder undoes */
	if (pixels->photometric == MMN_YBR_ICT ||
		pixels->photometric == MMN_YBR_RCT)
		pixels->photometric = MMN_RGB;
	return MMN_OK;
}

} /* namespace */

extern "C" mmn_status
mmn_gdcm_decode(const char *transfer_syntax, const uint8_t *bytes,
				size_t length, mmn_pixel_description *pixels, uint8_t *out,
				size_t size, mmn_error *err)
{
	try
	{
		return decode(transfer_syntax, bytes, length, pixels, out, size, err);
	}
	catch (const std::bad_alloc &)
	{
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory to decode a compressed frame");
	}
	catch (const std::exception &e)
	{
		return mmn_fail(err, MMN_BAD_DATA,
						"the compressed frame cannot be decoded: %s", e.what());
	}
	catch (...)
	{
		return mmn_fail(err, MMN_BAD_DATA,
						"the compressed frame cannot be decoded");
	}
}
