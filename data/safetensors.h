/* Safetensors: named tensors in one file, as the Hugging Face libraries read and write them: 8
 * bytes little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, the
 * values. */
#ifndef KIN_DATA_SAFETENSORS_H
#define KIN_DATA_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>
#include "core/status.h"

/* name, bytes of one value */
#define KIN_EACH_DTYPE(X)                                                               \
    X(F64, 8) X(I64, 8) X(U64, 8) X(F32, 4) X(I32, 4) X(U32, 4) X(F16, 2) X(BF16, 2)    \
    X(I16, 2) X(U16, 2) X(I8, 1) X(U8, 1) X(BOOL, 1)

typedef enum {
#define X(name, bytes) KIN_##name,
    KIN_EACH_DTYPE(X)
#undef X
} kin_dtype;

const char *kin_dtype_name(kin_dtype dtype);
size_t kin_dtype_bytes(kin_dtype dtype);

#define KIN_RANK_MAX 8

typedef struct {
    const char *name;
    kin_dtype dtype;
    int rank;
    int64_t shape[KIN_RANK_MAX];
    const void *values;          /* C order; in a file read: as aligned as the file has it */
    size_t bytes;                /* of values; ignored when writing */
    const float *row_scale;      /* writing F32: row i is multiplied by row_scale[i]; NULL: not */
} kin_safetensor;

typedef struct { const char *key, *value; } kin_safetensor_note;      /* of __metadata__ */

/* Writes a file; the values begin on a multiple of 64 bytes. Each tensor's xxh64 is added to the
 * notes as "xxh64:NAME", and is checked when kin reads the file. KIN_USAGE: a bad name or shape. */
kin_status kin_safetensors_write(const char *path, const kin_safetensor *tensors, int count,
                                 const kin_safetensor_note *notes, int note_count);

typedef struct kin_safetensors kin_safetensors;

/* Maps a file and checks all of it but the meaning of the values: header, names, shapes, offsets
 * without overlap or hole to the end of the file, and the xxh64 notes that are there. KIN_DATA
 * names the file, the tensor and what is wrong. */
kin_status kin_safetensors_open(kin_safetensors **file, const char *path);
void kin_safetensors_close(kin_safetensors *file);

int kin_safetensors_count(const kin_safetensors *file);
const kin_safetensor *kin_safetensors_at(const kin_safetensors *file, int i);   /* file's order */
/* NULL when there is none of that name. */
const kin_safetensor *kin_safetensors_find(const kin_safetensors *file, const char *name);
const char *kin_safetensors_note(const kin_safetensors *file, const char *key);

/* The tensor called name (KIN_DATA when there is none), which must have this dtype and be rows x
 * cols, or 1-D of rows when cols is 0; -1 matches any length. */
kin_status kin_safetensors_need(const kin_safetensors *file, const char *name, int64_t rows,
                                int64_t cols, const kin_safetensor **tensor);

/* Copies the values to out as float (F64, F32, F16, BF16). KIN_DATA: another dtype, or a value that
 * is not finite; the message names file, tensor and place. */
kin_status kin_safetensors_floats(const kin_safetensors *file, const kin_safetensor *tensor,
                                  float *out);

/* Place of the first NaN or infinity in x, or -1. */
int64_t kin_floats_bad(const float *x, int64_t n);

#endif
