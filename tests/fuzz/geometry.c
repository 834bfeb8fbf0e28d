/* geometry.json: what is accepted has counts and shares in their ranges, and reads the same after it
 * was written back. */
#include "tests/fuzz/fuzz.h"
#include "train/results.h"

static void seeds(void)
{
    kin_spreading s = { .values = 3, .spectrum = { 0.5, 0.25, 0.125 } };
    s.positive.count[79] = 7;
    s.random.count[40] = 1999000;
    CHECK(kin_spreading_save(&s, in_folder("seed.json")) == KIN_OK);
    add_seed_file(in_folder("seed.json"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_spreading s, again;
    if (!accepted(kin_spreading_load(&s, write_bytes(in_folder("a.json"), bytes, size)), KIN_DATA))
        return 0;
    CHECK(s.values >= 0 && s.values <= KIN_SPECTRUM);
    for (int i = 0; i < s.values; i++) CHECK(s.spectrum[i] >= 0 && s.spectrum[i] <= 1);
    for (int i = 0; i < KIN_COSINE_BINS; i++)
        CHECK(s.positive.count[i] >= 0 && s.random.count[i] >= 0);
    CHECK(kin_spreading_save(&s, in_folder("b.json")) == KIN_OK);
    CHECK(kin_spreading_load(&again, in_folder("b.json")) == KIN_OK);
    CHECK(again.values == s.values);
    CHECK(memcmp(&again.positive, &s.positive, sizeof s.positive) == 0);
    CHECK(memcmp(&again.random, &s.random, sizeof s.random) == 0);
    return 0;
}
