#include "data/tables.h"

#include <stdlib.h>
#include "core/file.h"

#ifndef KIN_HDF5

kin_status kin_tables_write(const char *path, const kin_table *tables, int count)
{
    (void)tables, (void)count;
    return kin_fail(KIN_RUNTIME, "%s: this kin was built without HDF5", path);
}

#else

#include <hdf5.h>

static bool put_table(hid_t h5, const kin_table *t)
{
    const hsize_t size[2] = { (hsize_t)t->rows, (hsize_t)t->cols };
    const hid_t type = t->whole ? H5T_STD_I32LE : H5T_IEEE_F32LE;
    const hid_t memory = t->whole ? H5T_NATIVE_INT32 : H5T_NATIVE_FLOAT;
    const hid_t space = H5Screate_simple(2, size, NULL), plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, 0);        /* the same contents give the same bytes */
    const hid_t set = H5Dcreate2(h5, t->name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    bool good = set >= 0;
    if (good && t->rows > 0 && t->cols > 0)
        good = H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, t->values) >= 0;
    if (set >= 0) H5Dclose(set);
    H5Pclose(plist);
    H5Sclose(space);
    return good;
}

static kin_status write_image(hid_t h5, const char *path)
{
    const ssize_t size = H5Fflush(h5, H5F_SCOPE_GLOBAL) >= 0 ? H5Fget_file_image(h5, NULL, 0) : -1;
    char *image = size > 0 ? malloc((size_t)size) : NULL;
    const bool whole = image && H5Fget_file_image(h5, image, (size_t)size) == size;
    kin_status status = kin_fail(KIN_MEMORY, "%s: HDF5 could not make the file", path);
    if (whole) status = kin_file_write(path, image, (size_t)size);
    free(image);
    return status;
}

/* In memory, so that a full disk never meets HDF5, which may then crash. */
kin_status kin_tables_write(const char *path, const kin_table *tables, int count)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);               /* our messages say it */
    H5Pset_fapl_core(access, 1 << 16, 0);
    H5Pset_obj_track_times(create, 0);
    const hid_t h5 = H5Fcreate("kin tables in memory", H5F_ACC_TRUNC, create, access);
    bool good = h5 >= 0;
    for (int i = 0; i < count && good; i++) good = put_table(h5, &tables[i]);
    const kin_status status = good ? write_image(h5, path)
                                   : kin_fail(KIN_MEMORY, "%s: HDF5 could not make the file in "
                                              "memory", path);
    if (h5 >= 0) H5Fclose(h5);
    H5Pclose(access);
    H5Pclose(create);
    return status;
}

#endif
