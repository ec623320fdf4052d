/* GDCM, from a DICOM file's bytes to a buffer that stays. */

#include "bench.h"

#include <istream>
#include <streambuf>

#include <gdcmImage.h>
#include <gdcmImageReader.h>
#include <gdcmTrace.h>

namespace
{

class memory_buffer : public std::streambuf
{
  public:
	memory_buffer(const bench_file *file)
	{
		char *p = reinterpret_cast<char *>(file->bytes);

		setg(p, p, p + file->length);
	}

  protected:
	pos_type seekoff(off_type by, std::ios_base::seekdir from,
					 std::ios_base::openmode) override
	{
		char *base = from == std::ios_base::beg	  ? eback()
					 : from == std::ios_base::cur ? gptr()
												  : egptr();

		if (base + by < eback() || base + by > egptr())
			return pos_type(off_type(-1));
		setg(eback(), base + by, egptr());
		return gptr() - eback();
	}
	pos_type seekpos(pos_type to, std::ios_base::openmode mode) override
	{
		return seekoff(off_type(to), std::ios_base::beg, mode);
	}
};

int
decode(const bench_file *file, const void **samples, size_t *count,
	   unsigned *bytes)
{
	static char *out;
	memory_buffer buffer(file);
	std::istream in(&buffer);
	gdcm::ImageReader reader;

	reader.SetStream(in);
	if (!reader.Read())
		return 1;
	const gdcm::Image &image = reader.GetImage();
	if (!out)
		out = static_cast<char *>(malloc(image.GetBufferLength()));
	if (!image.GetBuffer(out))
		return 1;
	*bytes = image.GetPixelFormat().GetBitsAllocated() / 8u;
	*count = image.GetBufferLength() / *bytes;
	*samples = out;
	return 0;
}

} /* namespace */

int
main(int argc, char **argv)
{
	gdcm::Trace::WarningOff();
	gdcm::Trace::ErrorOff();
	gdcm::Trace::DebugOff();
	return bench_main(argc, argv, decode);
}
