#ifndef MMN_PG_BLAS_H
#define MMN_PG_BLAS_H

/*
 * Loads OpenBLAS unless that has been done; ereports at elevel when it cannot
 * be, or does not compute what it should on this CPU.  To be called, with
 * ERROR, before anything of the core that may multiply matrices.
 */
extern void BlasLoad(int elevel);

#endif
