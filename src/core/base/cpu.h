#ifndef MMN_BASE_CPU_H
#define MMN_BASE_CPU_H

#include <stdbool.h>

/*
 * The sets of vector instructions that kernels are written for, each a
 * superset of the one before.  Values are stored in plans: only add.
 */
typedef enum mmn_isa
{
	MMN_ISA_PORTABLE = 0, /* plain C */
	MMN_ISA_AVX2 = 1,	  /* with FMA */
	MMN_ISA_AVX512 = 2	  /* F, VL, DQ, BW */
} mmn_isa;

/*
 * Before a function whose plain loops the compiler makes vectors of: compiled
 * for several sets, of which one is chosen when the library is loaded.  What
 * is computed stays the same to the bit where nothing is fused or reordered.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MMN_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define MMN_WIDE
#endif

/* Whether this CPU, and its operating system, can run it. */
bool mmn_isa_available(mmn_isa isa);

/* The best that is available. */
mmn_isa mmn_isa_best(void);

/* "portable", "avx2", "avx512" */
const char *mmn_isa_name(mmn_isa isa);

#endif
