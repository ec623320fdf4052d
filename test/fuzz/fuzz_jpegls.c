/*
 * JPEG-LS frames of DICOM files, bare; the data set is what the codestream asks
 * for, else nothing would get far.
 *
 * CharLS counts for seconds over some damaged runs.  In the decoder that is for
 * medimnet.decoder_timeout; here a call is left by a jump when its time is up.
 * CharLS holds nothing but memory then.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/decoder/codec.h"

#define MAX_SIDE 64
#define TIME_NS 20000000L

static volatile unsigned sink; /* so that reads are not left out */
static sigjmp_buf out_of_time;

const char *__lsan_default_suppressions(void);

/* What CharLS loses when it is left: what it has from operator new. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libcharls\nleak:libstdc++\n";
}

static void
on_time(int signal)
{
	(void)signal;
	siglongjmp(out_of_time, 1);
}

/* A clock of processor time; SIGALRM is libFuzzer's. */
static timer_t
make_timer(void)
{
	struct sigaction action = {.sa_handler = on_time};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
							 .sigev_signo = SIGRTMIN};
	timer_t timer;

	if (sigaction(SIGRTMIN, &action, NULL) != 0 ||
		timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) != 0)
		abort();
	return timer;
}

static mmn_status
decode(const uint8_t *data, size_t size, mmn_pixel_description *pixels,
	   uint8_t *out, size_t bytes)
{
	static const struct itimerspec never;
	static const struct itimerspec soon = {.it_value.tv_nsec = TIME_NS};
	static timer_t timer;
	static bool has_timer;
	volatile mmn_status status = MMN_CANCELED;

	if (!has_timer)
		timer = make_timer();
	has_timer = true;
	if (sigsetjmp(out_of_time, 1) == 0)
	{
		timer_settime(timer, 0, &soon, NULL);
		status = mmn_jpegls_decode_frame(&mmn_env_default, data, size, pixels,
										 out, bytes, NULL);
	}
	timer_settime(timer, 0, &never, NULL);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mmn_codestream stream;
	mmn_pixel_description pixels;
	uint8_t *out;
	size_t bytes;

	if (mmn_codestream_peek(data, size, &stream, NULL) != MMN_OK ||
		stream.kind != MMN_CODESTREAM_JPEG_LS ||
		(stream.components != 1 && stream.components != 3) ||
		stream.width < 1 || stream.width > MAX_SIDE || stream.height < 1 ||
		stream.height > MAX_SIDE)
		return 0;
	pixels = (mmn_pixel_description){
		.photometric = stream.components == 3 ? MMN_RGB : MMN_MONOCHROME2,
		.rows = stream.height,
		.columns = stream.width,
		.frames = 1,
		.samples_per_pixel = stream.components,
		.bits_allocated = stream.precision <= 8 ? 8 : 16,
		.bits_stored = stream.precision,
		.high_bit = (uint16_t)(stream.precision - 1),
	};
	bytes = (size_t)stream.width * stream.height * stream.components *
			pixels.bits_allocated / 8;
	/* exact sizes: one byte beyond is an error */
	out = calloc(bytes, 1);
	if (decode(data, size, &pixels, out, bytes) == MMN_OK)
	{
		if (pixels.planar || pixels.high_bit + 1 < pixels.bits_stored ||
			pixels.high_bit >= pixels.bits_allocated)
			abort();
		for (size_t i = 0; i < bytes; i++)
			sink += out[i];
	}
	free(out);
	return 0;
}
