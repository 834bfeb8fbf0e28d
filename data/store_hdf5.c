#include "data/store_file.h"

#ifndef KIN_HDF5

kin_status kin_datasets_read(const char *path, const kin_map *file, kin_dataset set[DATASETS])
{
    (void)file, (void)set;
    return kin_fail(KIN_RUNTIME, "%s: this kin was built without HDF5 and cannot read stores",
                    path);
}

kin_status kin_datasets_write(const char *path, const kin_dataset set[DATASETS])
{
    (void)set;
    return kin_fail(KIN_RUNTIME, "%s: this kin was built without HDF5 and cannot write stores",
                    path);
}

#else

#include <hdf5.h>
#include <string.h>

/* What lies in the file and what the arrays in memory are, which the map makes the same thing. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "stores are read in place, which needs a little-endian machine"
#endif
#define U8 H5T_STD_U8LE
#define I32 H5T_STD_I32LE
#define I64 H5T_STD_I64LE

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

/* ---- reading --------------------------------------------------------------------------------- */

/* Why a dataset is refused, or NULL. */
static const char *fault(hid_t dataset, int place, hsize_t *rows)
{
    const hid_t plist = H5Dget_create_plist(dataset), space = H5Dget_space(dataset);
    const hid_t type = H5Dget_type(dataset);
    const int rank = columns_of[place] > 1 ? 2 : 1;
    hsize_t size[H5S_MAX_RANK] = {0};
    const char *what = NULL;
    if (H5Pget_layout(plist) != H5D_CONTIGUOUS) what = "is chunked or compact, not contiguous";
    else if (H5Pget_external_count(plist) != 0) what = "has its values in another file";
    else if (H5Tequal(type, type_of(place)) <= 0) what = "has another type than expected";
    else if (H5Sget_simple_extent_ndims(space) != rank) what = "has the wrong number of dimensions";
    else if (H5Sget_simple_extent_dims(space, size, NULL) < 0) what = "has no size";
    else if (rank == 2 && size[1] != (hsize_t)columns_of[place]) what = "has the wrong width";
    *rows = size[0];
    H5Pclose(plist);
    H5Sclose(space);
    H5Tclose(type);
    return what;
}

static kin_status locate(const char *path, const kin_map *file, hid_t dataset, int place,
                         kin_dataset *found)
{
    hsize_t rows = 0;
    const char *what = fault(dataset, place, &rows);
    KIN_REQUIRE(!what, KIN_DATA, "%s: dataset %s %s", path, names[place], what);
    const uint64_t element = H5Tget_size(type_of(place));
    const uint64_t width = element * (uint64_t)columns_of[place];
    const haddr_t offset = H5Dget_offset(dataset);
    *found = (kin_dataset){.data = "", .rows = (int64_t)rows};
    if (rows == 0) return KIN_OK;
    KIN_REQUIRE(offset != HADDR_UNDEF && offset % element == 0 && offset <= file->size &&
                    rows <= (file->size - offset) / width,
                KIN_DATA, "%s: dataset %s does not lie within the file", path, names[place]);
    found->data = file->bytes + offset;
    return KIN_OK;
}

/* A link into another file is not followed. */
static kin_status find(const char *path, const kin_map *file, hid_t h5, int place,
                       kin_dataset *found)
{
    H5L_info_t link;
    KIN_REQUIRE(H5Lget_info(h5, names[place], &link, H5P_DEFAULT) >= 0 &&
                    link.type == H5L_TYPE_HARD,
                KIN_DATA, "%s: dataset %s is missing", path, names[place]);
    const hid_t dataset = H5Dopen2(h5, names[place], H5P_DEFAULT);
    KIN_REQUIRE(dataset >= 0, KIN_DATA, "%s: dataset %s cannot be opened", path, names[place]);
    const kin_status status = locate(path, file, dataset, place, found);
    H5Dclose(dataset);
    return status;
}

static hid_t open_file(const char *path)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access, 0, 1);       /* read-only folders and network disks refuse locks */
#endif
    const hid_t h5 = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return h5;
}

kin_status kin_datasets_read(const char *path, const kin_map *file, kin_dataset set[DATASETS])
{
    const error_printing was = be_silent();
    const hid_t h5 = open_file(path);
    kin_status status = KIN_OK;
    if (h5 < 0) status = kin_fail(KIN_DATA, "%s: HDF5 cannot read it", path);
    for (int i = 0; i < DATASETS && status == KIN_OK; i++)
        status = find(path, file, h5, i, &set[i]);
    if (h5 >= 0) H5Fclose(h5);
    speak_again(was);
    return status;
}

/* ---- writing --------------------------------------------------------------------------------- */

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

static herr_t write_dataset(hid_t h5, int place, const kin_dataset *set)
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
    if (dataset >= 0) H5Dclose(dataset);
    H5Pclose(plist);
    H5Sclose(space);
    return result;
}

/* Seals the finished image where HDF5 keeps it and writes it out. HDF5 counts its size from behind
 * the block; the memory goes on beyond. */
static kin_status write_image(hid_t h5, const char *path)
{
    char **image = NULL;
    const bool whole = H5Fflush(h5, H5F_SCOPE_GLOBAL) >= 0 &&
                       H5Fget_vfd_handle(h5, H5P_DEFAULT, (void **)&image) >= 0 && image;
    const ssize_t body = H5Fget_file_image(h5, NULL, 0);
    KIN_REQUIRE(whole && body > 0, KIN_RUNTIME, "%s: HDF5 could not make the file", path);
    kin_block_seal(*image, (size_t)body + KIN_STORE_BLOCK);
    return kin_file_write(path, *image, (size_t)body + KIN_STORE_BLOCK);
}

kin_status kin_datasets_write(const char *path, const kin_dataset set[DATASETS])
{
    const error_printing was = be_silent();
    const hid_t h5 = create_image(room_for(set));
    bool good = h5 >= 0 && write_attribute(h5) >= 0;
    for (int i = 0; i < DATASETS && good; i++) good = write_dataset(h5, i, &set[i]) >= 0;
    kin_status status = good ? write_image(h5, path)
                             : kin_fail(KIN_MEMORY, "%s: HDF5 could not make the file of about "
                                        "%zu bytes in memory", path, room_for(set));
    if (h5 >= 0) H5Fclose(h5);
    speak_again(was);
    return status;
}

#endif
