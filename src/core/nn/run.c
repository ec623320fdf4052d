#include "nn/op.h"

mmn_status
mmn_run_tasks(mmn_run *run, int64_t n_tasks, size_t work, mmn_task_fn *fn,
			  void *ctx)
{
	for (int64_t i = 0; i < n_tasks; i++)
	{
		mmn_status status = mmn_run_spend(run, work);

		if (status != MMN_OK)
			return status;
		fn(ctx, i, 0);
	}
	return MMN_OK;
}
