/* Writing the HDF5 file behind the block. */
#include "data/store_file.h"

#ifndef KIN_HDF5

kin_status kin_datasets_write(const char *path, const kin_dataset set[DATASETS])
{
    (void)set;
    return kin_fail(KIN_RUNTIME, "%s: this kin was built without HDF5 and cannot write stores",
                    path);
}

#else

#include <hdf5.h>
#include <string.h>

#define U8 H5T_STD_U8LE
#define I32 H5T_STD_I32LE
#define I64 H5T_STD_I64LE
#define F32 H5T_IEEE_F32LE

static const char *const names[DATASETS] = {
#define X(place, name, type, columns) [place] = name,
    KIN_EACH_DATASET(X)
#undef X
};

static const int columns_of[DATASETS] = {
#define X(place, name, type, columns) [place] = columns,
    KIN_EACH_DATASET(X)
#undef X
};

/* HDF5's types are numbers known only at run time. */
static hid_t type_of(int place)
{
    switch (place) {
#define X(place, name, type, columns) case place: return type;
    KIN_EACH_DATASET(X)
#undef X
    }
    return -1;
}

/* HDF5 prints its errors unless told not to; the caller's choice is put back afterwards. */
typedef struct {
    H5E_auto2_t print;
    void *data;
} error_printing;

static error_printing be_silent(void)
{
    error_printing was = {0};
    H5Eget_auto2(H5E_DEFAULT, &was.print, &was.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return was;
}

static void speak_again(error_printing was)
{
    H5Eset_auto2(H5E_DEFAULT, was.print, was.data);
}

/* Bytes that the datasets need, a little more than less: room for HDF5's own and for alignment. */
static size_t room_for(const kin_dataset set[DATASETS])
{
    size_t bytes = 1 << 16;
    for (int i = 0; i < DATASETS; i++)
        bytes += (size_t)set[i].rows * (size_t)columns_of[i] * H5Tget_size(type_of(i)) + 64;
    return bytes;
}

/* The file is made in memory, so that a full disk never meets HDF5 (which may then crash), and
 * goes to the disk as a whole. Datasets begin at multiples of 64 bytes. */
static hid_t create_image(size_t room)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_fapl_core(access, room, 0);
    H5Pset_alignment(access, 1, 64);
    H5Pset_userblock(create, KIN_STORE_BLOCK);
    H5Pset_obj_track_times(create, 0);
    const hid_t h5 = H5Fcreate("kin store in memory", H5F_ACC_TRUNC, create, access);
    H5Pclose(access);
    H5Pclose(create);
    return h5;
}

static herr_t write_attribute(hid_t h5)
{
    const int32_t version = KIN_STORE_VERSION;
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(h5, "kin_store_version", I32, space, H5P_DEFAULT,
                                       H5P_DEFAULT);
    const herr_t result = H5Awrite(attribute, I32, &version);
    H5Aclose(attribute);
    H5Sclose(space);
    return result;
}

/* An empty dataset has no place in the file. */
static herr_t write_dataset(hid_t h5, int place, const kin_dataset *set, kin_extent *extent)
{
    const hsize_t size[2] = {(hsize_t)set->rows, (hsize_t)columns_of[place]};
    const hid_t space = H5Screate_simple(columns_of[place] > 1 ? 2 : 1, size, NULL);
    const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, 0);        /* the same contents give the same bytes */
    H5Pset_layout(plist, H5D_CONTIGUOUS);
    H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER);
    const hid_t dataset = H5Dcreate2(h5, names[place], type_of(place), space, H5P_DEFAULT, plist,
                                     H5P_DEFAULT);
    herr_t result = dataset < 0 ? -1 : 0;
    if (result >= 0 && set->rows > 0)
        result = H5Dwrite(dataset, type_of(place), H5S_ALL, H5S_ALL, H5P_DEFAULT, set->data);
    *extent = (kin_extent){.rows = (uint64_t)set->rows};
    if (result >= 0 && set->rows > 0) extent->offset = H5Dget_offset(dataset);
    if (dataset >= 0) H5Dclose(dataset);
    H5Pclose(plist);
    H5Sclose(space);
    return result;
}

/* Seals the finished image where HDF5 keeps it and writes it out. HDF5 counts its size from behind
 * the block; the memory goes on beyond. */
static kin_status write_image(hid_t h5, const char *path, const kin_extent extent[DATASETS])
{
    char **image = NULL;
    const bool whole = H5Fflush(h5, H5F_SCOPE_GLOBAL) >= 0 &&
                       H5Fget_vfd_handle(h5, H5P_DEFAULT, (void **)&image) >= 0 && image;
    const ssize_t body = H5Fget_file_image(h5, NULL, 0);
    KIN_REQUIRE(whole && body > 0, KIN_RUNTIME, "%s: HDF5 could not make the file", path);
    kin_block_seal(*image, (size_t)body + KIN_STORE_BLOCK, extent);
    return kin_file_write(path, *image, (size_t)body + KIN_STORE_BLOCK);
}

kin_status kin_datasets_write(const char *path, const kin_dataset set[DATASETS])
{
    kin_extent extent[DATASETS];
    const error_printing was = be_silent();
    const hid_t h5 = create_image(room_for(set));
    bool good = h5 >= 0 && write_attribute(h5) >= 0;
    for (int i = 0; i < DATASETS && good; i++)
        good = write_dataset(h5, i, &set[i], &extent[i]) >= 0;
    kin_status status = good ? write_image(h5, path, extent)
                             : kin_fail(KIN_MEMORY, "%s: HDF5 could not make the file of about "
                                        "%zu bytes in memory", path, room_for(set));
    if (h5 >= 0) H5Fclose(h5);
    speak_again(was);
    return status;
}

#endif
