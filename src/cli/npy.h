#ifndef MEDIMNET_NPY_H
#define MEDIMNET_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPY_MAX_DIMS 8

/* A little-endian array in C order, in memory; data points into the bytes. */
typedef struct npy
{
	char dtype[16]; /* NumPy's name: "uint8", "float32" */
	size_t item_size;
	int dims;
	uint64_t shape[NPY_MAX_DIMS];
	const uint8_t *data;
} npy;

/*
 * Reads an NPY 1.0 file of size bytes; NULL, or what is wrong with it. The
 * shape then accounts for every byte.
 */
const char *npy_parse(npy *array, const uint8_t *bytes, size_t size);

/* Writes "2x3x4" to text. */
void npy_shape_text(const npy *array, char *text, size_t size);

/* Writes a file; false: see errno. descr: as in NPY, "<i4". */
bool npy_write(const char *path, const char *descr, size_t item_size,
			   const void *data, uint64_t count);

#endif
