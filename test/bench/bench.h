#ifndef MMN_TEST_BENCH_H
#define MMN_TEST_BENCH_H

/*
 * What all programs of the decoding benchmark share: each reads one file,
 * decodes it over and over from memory, and prints
 *
 *   microseconds per image, median TAB their mean TAB
 *   the same by the clock on the wall, median TAB digest of the samples
 *
 * Time is the process's own, all its threads together, so that a busy machine
 * tells on it less.  All programs keep memory that they have freed, as the
 * decoder helper does: else what is measured is page faults.  The digest is of
 * differences from the first sample: the same with and without the modality's
 * intercept, which medimnet applies and the peers do not.
 */

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_MAX_RUNS 20000
#define BENCH_KEEP (32 << 20) /* as KEEP_BYTES in src/decoder/main.c */

typedef struct bench_file
{
	uint8_t *bytes;
	size_t length;
} bench_file;

/* Decodes once; *samples stays valid until the next call.  0: it went well. */
typedef int (*bench_decode)(const bench_file *file, const void **samples,
							size_t *count, unsigned *bytes_per_sample);

static double
bench_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
bench_median(double *times, int n)
{
	qsort(times, (size_t)n, sizeof *times, bench_compare);
	return times[n / 2];
}

static uint64_t
bench_digest(const void *samples, size_t count, unsigned bytes)
{
	const uint8_t *p = (const uint8_t *)samples;
	uint64_t hash = 14695981039346656037ull; /* FNV-1a */
	uint16_t first = 0;

	for (size_t i = 0; i < count; i++, p += bytes)
	{
		uint16_t v = (uint16_t)(bytes == 1 ? p[0] : p[0] | p[1] << 8);

		if (i == 0)
			first = v;
		v = (uint16_t)(v - first);
		if (bytes == 1)
			v &= 0xFF;
		hash = (hash ^ v) * 1099511628211ull;
	}
	return hash;
}

static bench_file
bench_read(const char *path)
{
	bench_file f = {NULL, 0};
	FILE *in = fopen(path, "rb");
	long length;

	if (!in || fseek(in, 0, SEEK_END) != 0 || (length = ftell(in)) <= 0)
	{
		perror(path);
		exit(1);
	}
	rewind(in);
	f.length = (size_t)length;
	f.bytes = (uint8_t *)malloc(f.length);
	if (!f.bytes || fread(f.bytes, 1, f.length, in) != f.length)
	{
		perror(path);
		exit(1);
	}
	fclose(in);
	return f;
}

static int
bench_main(int argc, char **argv, bench_decode decode)
{
	static double own[BENCH_MAX_RUNS], wall[BENCH_MAX_RUNS];
	double seconds = argc > 2 ? atof(argv[2]) : 0.3, sum = 0;
	const void *samples = NULL;
	size_t count = 0;
	unsigned bytes = 0;
	bench_file file;
	int n = 0;

	if (argc < 2)
	{
		fprintf(stderr, "usage: %s FILE [SECONDS]\n", argv[0]);
		return 1;
	}
	mallopt(M_MMAP_THRESHOLD, BENCH_KEEP);
	mallopt(M_TRIM_THRESHOLD, BENCH_KEEP);
	file = bench_read(argv[1]);
	if (decode(&file, &samples, &count, &bytes) != 0)
	{
		fprintf(stderr, "%s: cannot decode %s\n", argv[0], argv[1]);
		return 1;
	}
	while (n < BENCH_MAX_RUNS && (n < 5 || sum < seconds))
	{
		double start = bench_now(CLOCK_MONOTONIC);
		double own_start = bench_now(CLOCK_PROCESS_CPUTIME_ID);

		if (decode(&file, &samples, &count, &bytes) != 0)
			return 1;
		own[n] = bench_now(CLOCK_PROCESS_CPUTIME_ID) - own_start;
		wall[n] = bench_now(CLOCK_MONOTONIC) - start;
		sum += own[n++];
	}
	printf("%.2f\t%.2f\t%.2f\t%016llx\n", bench_median(own, n) * 1e6,
		   sum / n * 1e6, bench_median(wall, n) * 1e6,
		   (unsigned long long)bench_digest(samples, count, bytes));
	return 0;
}

#endif
