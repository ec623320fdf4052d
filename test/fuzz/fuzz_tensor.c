/*
 * What a client can send as type tensor: NPY files and text.  An accepted
 * file's header, written again, must describe the same array.
 */

#include <stdlib.h>
#include <string.h>

#include "image/npy.h"

#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_elements(mmn_tensor *tensor, size_t bytes)
{
	volatile double element;

	for (size_t i = 0; i < bytes / mmn_dtype_size(tensor->dtype); i++)
		element = mmn_tensor_element(tensor, i);
	(void)element;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mmn_error err;
	mmn_tensor tensor, again;
	const uint8_t *elements;
	const char *text_elements;
	size_t bytes;
	char *text;

	if (mmn_npy_parse(data, size, LIMIT, &tensor, &elements, &bytes, &err) ==
		MMN_OK)
	{
		uint8_t *file = malloc(MMN_NPY_HEADER_MAX + bytes);
		size_t header = mmn_npy_header(&tensor, file);

		memcpy(file + header, elements, bytes);
		if (mmn_npy_parse(file, header + bytes, LIMIT, &again, &elements,
						  &bytes, &err) != MMN_OK ||
			again.dtype != tensor.dtype || again.ndim != tensor.ndim ||
			memcmp(again.dims, tensor.dims, sizeof again.dims) != 0)
			abort();
		tensor.data = file + header;
		read_elements(&tensor, bytes);
		free(file);
	}

	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	if (mmn_tensor_text_parse(text, LIMIT, &tensor, &text_elements, &bytes,
							  &err) == MMN_OK)
	{
		tensor.data = malloc(bytes + 1);
		if (mmn_tensor_text_elements(&mmn_env_default, &tensor, text_elements,
									 &err) == MMN_OK)
			read_elements(&tensor, bytes);
		free(tensor.data);
	}
	free(text);
	return 0;
}
