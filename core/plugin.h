/* Plugin: devices that are libraries of their own, opened on demand: libkin_cuda.so,
 * libkin_pretend.so. Beside the backend.h table they are given one function of this program: the
 * one that records why something failed. */
#ifndef KIN_CORE_PLUGIN_H
#define KIN_CORE_PLUGIN_H

#include "core/backend.h"
#include "core/score.h"

typedef kin_status kin_failer(kin_status status, const char *format, ...);

/* The function that a plug-in exports as kin_device_open. losses: the descriptors by their place in
 * losses/losses.def. */
typedef kin_status kin_device_opener(kin_backend **backend, kin_pool *pool,
                                     const kin_loss *const *losses, int precision,
                                     kin_failer *fail);

/* What a device is, for people; memory in bytes, capability as in 9.0. */
typedef struct {
    char name[256];
    double memory, free;
    int major, minor;
} kin_device_facts;

/* The function that a plug-in exports as kin_device_describe; it fails as kin_plugin_describe. */
typedef kin_status kin_device_describer(kin_device_facts *facts, kin_failer *fail);

/* Describes device "cuda" or "pretend", for which a GPU is woken up. When it cannot be used the
 * message is the reason alone: "no NVIDIA driver is installed". */
kin_status kin_plugin_describe(const char *device, kin_device_facts *facts);

/* Opens device "cuda" or "pretend": the plug-in beside the running program, in ../lib/kin of it, or
 * in $KIN_PLUGINS. KIN_USAGE when there is no such plug-in or it cannot be loaded, KIN_RUNTIME when
 * it finds no device to work on; the message is one sentence that says why. The plug-in stays
 * loaded. losses: kin_losses.items. */
kin_status kin_plugin_open(kin_backend **backend, const char *device, kin_pool *pool,
                           const kin_entry *const *losses, int precision);

#endif
