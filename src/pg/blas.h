#ifndef MMN_PG_BLAS_H
#define MMN_PG_BLAS_H

/*
 * Loads OpenBLAS unless that has been done; ereports when it cannot be, or
 * does not compute what it should on this CPU.  To be called before anything
 * of the core that may multiply matrices.
 */
extern void BlasLoad(void);

#endif
