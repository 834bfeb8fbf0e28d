/* The list of encoders. */
#include "encoders/encoder.h"

#define ENCODER(name) extern const kin_encoder kin_encoder_##name;
#include "encoders/encoders.def"
#undef ENCODER

static const kin_entry *const entries[] = {
#define ENCODER(name) &kin_encoder_##name.entry,
#include "encoders/encoders.def"
#undef ENCODER
};

const kin_list kin_encoders = {
    .kind = "encoder", .items = entries, .count = sizeof entries / sizeof *entries,
};

const kin_encoder *kin_encoder_at(int place)
{
    return (const kin_encoder *)entries[place];     /* the entry is its first member */
}
