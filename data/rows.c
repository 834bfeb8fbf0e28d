#include "data/rows.h"

#include <stdlib.h>
#include <string.h>

void kin_rows_close(kin_rows *r)
{
    kin_file_unmap(&r->map);
    r->values = NULL;
}

void kin_rows_gather(const kin_rows *r, int64_t n, const int64_t *which, float *out)
{
    enum { AHEAD = 8 };
    const int64_t cols = r->cols;
    for (int64_t i = 0; i < n; i++) {
        if (i + AHEAD < n) __builtin_prefetch(r->values + which[i + AHEAD] * cols);
        memcpy(out + i * cols, r->values + which[i] * cols, (size_t)cols * sizeof *out);
    }
}

#ifndef KIN_HDF5

kin_status kin_rows_open(kin_rows *r, const char *path, const char *dataset)
{
    (void)dataset;
    *r = (kin_rows){ 0 };
    return kin_fail(KIN_RUNTIME, "%s: this kin was built without HDF5", path);
}

kin_status kin_rows_write(const char *path, const char *dataset, int64_t rows, int64_t cols,
                          kin_rows_fill *fill, void *context)
{
    (void)dataset, (void)rows, (void)cols, (void)fill, (void)context;
    return kin_fail(KIN_RUNTIME, "%s: this kin was built without HDF5", path);
}

#else

#include <hdf5.h>

/* Where the dataset's numbers begin, and its shape. */
static kin_status locate(hid_t set, const char *path, const char *name, kin_rows *r,
                         haddr_t *offset)
{
    const hid_t space = H5Dget_space(set), type = H5Dget_type(set);
    const hid_t plist = H5Dget_create_plist(set);
    hsize_t size[2] = { 0, 0 };
    const bool shaped = H5Sget_simple_extent_ndims(space) == 2
                        && H5Sget_simple_extent_dims(space, size, NULL) == 2;
    const bool floats = H5Tequal(type, H5T_IEEE_F32LE) > 0;
    const bool plain = H5Pget_layout(plist) == H5D_CONTIGUOUS && H5Pget_external_count(plist) == 0;
    H5Pclose(plist);
    H5Tclose(type);
    H5Sclose(space);
    KIN_REQUIRE(shaped && floats, KIN_DATA, "%s: dataset %s is not a matrix of 32-bit floats", path,
                name);
    KIN_REQUIRE(plain, KIN_DATA, "%s: dataset %s is chunked or compressed, expected contiguous",
                path, name);
    *offset = H5Dget_offset(set);
    *r = (kin_rows){ .rows = (int64_t)size[0], .cols = (int64_t)size[1] };
    return KIN_OK;
}

static kin_status find(const char *path, const char *dataset, kin_rows *r, haddr_t *offset)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);               /* our messages say it */
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    KIN_REQUIRE(file >= 0, KIN_DATA, "%s: not an HDF5 file that can be read", path);
    const hid_t set = H5Dopen2(file, dataset, H5P_DEFAULT);
    kin_status status = set >= 0 ? locate(set, path, dataset, r, offset)
                                 : kin_fail(KIN_DATA, "%s: has no dataset %s", path, dataset);
    if (set >= 0) H5Dclose(set);
    H5Fclose(file);
    return status;
}

kin_status kin_rows_open(kin_rows *r, const char *path, const char *dataset)
{
    haddr_t offset = 0;
    kin_map map;
    size_t bytes;
    *r = (kin_rows){ 0 };
    KIN_TRY(find(path, dataset, r, &offset));
    KIN_TRY(kin_file_map(path, &map));
    r->map = map;
    const size_t row = (size_t)r->cols * sizeof(float);
    const bool fits = !__builtin_mul_overflow((size_t)r->rows, row, &bytes)
                      && offset != HADDR_UNDEF && offset % sizeof(float) == 0
                      && offset <= map.size && bytes <= map.size - offset;
    if (!fits) {
        kin_rows_close(r);
        return kin_fail(KIN_DATA, "%s: dataset %s does not lie in the file", path, dataset);
    }
    r->values = (const float *)(const void *)(map.bytes + offset);
    return KIN_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool write_blocks(hid_t set, int64_t rows, int64_t cols, kin_rows_fill *fill, void *context,
                         float *block, int64_t most)
{
    const hid_t space = H5Dget_space(set);
    bool good = true;
    for (int64_t first = 0; good && first < rows; first += most) {
        const int64_t now = rows - first < most ? rows - first : most;
        const hsize_t start[2] = { (hsize_t)first, 0 }, count[2] = { (hsize_t)now, (hsize_t)cols };
        const hid_t memory = H5Screate_simple(2, count, NULL);
        fill(context, first, now, block);
        good = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0
               && H5Dwrite(set, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, block) >= 0;
        H5Sclose(memory);
    }
    H5Sclose(space);
    return good;
}

kin_status kin_rows_write(const char *path, const char *dataset, int64_t rows, int64_t cols,
                          kin_rows_fill *fill, void *context)
{
    const int64_t most = 1 << 14;
    float *block = malloc((size_t)most * (size_t)cols * sizeof *block);
    KIN_REQUIRE(block, KIN_MEMORY, "%s: no memory for %ld rows", path, (long)most);
    const hsize_t size[2] = { (hsize_t)rows, (hsize_t)cols };
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(2, size, NULL);
    const hid_t set = file < 0 ? -1 : H5Dcreate2(file, dataset, H5T_IEEE_F32LE, space, H5P_DEFAULT,
                                                 H5P_DEFAULT, H5P_DEFAULT);
    bool good = set >= 0 && write_blocks(set, rows, cols, fill, context, block, most);
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    if (file >= 0) good = H5Fclose(file) >= 0 && good;
    free(block);
    KIN_REQUIRE(good, KIN_RUNTIME, "%s: cannot be written", path);
    return KIN_OK;
}

#endif
