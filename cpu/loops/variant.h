/* Variant: what a loop source needs to be compiled once per instruction set (variants.cmake). */
#ifndef KIN_CPU_LOOPS_VARIANT_H
#define KIN_CPU_LOOPS_VARIANT_H

#define KIN_PASTE_(a, b) a##_##b
#define KIN_PASTE(a, b) KIN_PASTE_(a, b)
#define KIN_TEXT_(x) #x
#define KIN_TEXT(x) KIN_TEXT_(x)

#define KIN_VARIANT(name) KIN_PASTE(name, KIN_ISA_NAME)      /* name_avx512 */

#endif
