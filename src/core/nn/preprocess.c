#include "nn/preprocess.h"

#include "image/render.h"
#include "image/resize.h"

/* Three channels to their mean, in place: what is read lies ahead. */
static void
average_channels(mmn_image *image)
{
	float *v = image->samples;
	size_t n = (size_t)image->width * image->height;

	for (size_t i = 0; i < n; i++)
		v[i] = (v[3 * i] + v[3 * i + 1] + v[3 * i + 2]) / 3.0f;
	image->channels = 1;
}

static void
write_planes(const mmn_image *image, const mmn_preprocess *p, float *out)
{
	const float *v = image->samples;
	size_t n = (size_t)p->width * p->height;

	for (uint8_t c = 0; c < p->channels; c++)
	{
		uint8_t from = image->channels == 1 ? 0 : p->bgr ? 2 - c : c;

		for (size_t i = 0; i < n; i++)
			*out++ = (v[i * image->channels + from] - p->mean[c]) / p->std[c];
	}
}

mmn_status
mmn_preprocess_image(const mmn_env *env, const mmn_image *in,
					 const mmn_preprocess *p, float *out, mmn_error *err)
{
	mmn_image rendered, resized;
	mmn_status status = mmn_image_render_f32(env, in, "auto", &rendered, err);

	if (status != MMN_OK)
		return status;
	if (p->channels == 1 && rendered.channels == 3)
		average_channels(&rendered);
	if (rendered.width == p->width && rendered.height == p->height)
		write_planes(&rendered, p, out);
	else
	{
		status = mmn_image_resize_f32(env, &rendered, p->width, p->height,
									  &resized, err);
		if (status == MMN_OK)
		{
			write_planes(&resized, p, out);
			mmn_free(env, resized.samples);
		}
	}
	mmn_free(env, rendered.samples);
	return status;
}
