/* real: the number everything is made of. kin trains in float; kin64 is the same sources with
 * KIN_DOUBLE defined, so that gradient checks and golden values run in double. */
#ifndef KIN_CORE_REAL_H
#define KIN_CORE_REAL_H

#ifdef KIN_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
