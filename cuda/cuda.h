/* CUDA backend: the kernels of core/backend.h on an NVIDIA GPU, the twin of cpu/.
 *
 * It is a plug-in, a library of its own that core/plugin.h opens on demand, because opening cuBLAS
 * alone takes longer than many runs of the command. Compiled by nvcc it is the device `cuda`;
 * compiled by a C++ compiler against tests/devices/pretend, the same files are the device
 * `pretend`, which runs every thread of every kernel on the CPU.
 *
 * Numbers are float. What products may round their operands to is the precision (core/backend.h).
 * The same bits come out run by run on one type of GPU: sums have fixed orders, no kernel adds
 * floats by atomics, and cuBLAS works on a single stream. */
#ifndef KIN_CUDA_CUDA_H
#define KIN_CUDA_CUDA_H

extern "C" {
#include "core/arena.h"
#include "core/plugin.h"
}

extern "C" __attribute__((visibility("default"))) kin_device_opener kin_device_open;
extern "C" __attribute__((visibility("default"))) kin_device_describer kin_device_describe;

#endif
