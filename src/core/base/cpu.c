#include "base/cpu.h"

bool
mmn_isa_available(mmn_isa isa)
{
	switch (isa)
	{
		case MMN_ISA_PORTABLE:
			return true;
#if defined(__x86_64__)
		/* libgcc also asks whether the system saves the registers */
		case MMN_ISA_AVX2:
			return __builtin_cpu_supports("avx2") &&
				   __builtin_cpu_supports("fma");
		case MMN_ISA_AVX512:
			return mmn_isa_available(MMN_ISA_AVX2) &&
				   __builtin_cpu_supports("avx512f") &&
				   __builtin_cpu_supports("avx512vl") &&
				   __builtin_cpu_supports("avx512dq") &&
				   __builtin_cpu_supports("avx512bw");
#endif
		default:
			return false;
	}
}

mmn_isa
mmn_isa_best(void)
{
	if (mmn_isa_available(MMN_ISA_AVX512))
		return MMN_ISA_AVX512;
	if (mmn_isa_available(MMN_ISA_AVX2))
		return MMN_ISA_AVX2;
	return MMN_ISA_PORTABLE;
}

const char *
mmn_isa_name(mmn_isa isa)
{
	switch (isa)
	{
		case MMN_ISA_AVX2:
			return "avx2";
		case MMN_ISA_AVX512:
			return "avx512";
		default:
			return "portable";
	}
}
