/* Small pieces of work on a device, healthy or with one planted fault. */
#ifndef KIN_TESTS_DEVICES_FAULTS_H
#define KIN_TESTS_DEVICES_FAULTS_H

/* name, in which piece, what must be said when it is planted: a part of the trap's sentence, WRONG
 * for a wrong result. RACE: only the thread sanitizer can tell. */
#define WRONG "wrong result"
#define RACE "data race"
#define EACH_FAULT(X)                                                             \
    X(no_barrier_before, softmax, WRONG)                                          \
    X(no_barrier_after, softmax, WRONG)                                           \
    X(uneven_barrier, softmax, "wait at two barriers")                            \
    X(shared_overflow, softmax, "index outside an array")                         \
    X(shared_unset, softmax, WRONG)                                               \
    X(dynamic_overflow, softmax, "behind its")                                    \
    X(shuffle_own_lane, softmax, "its own lane is missing")                       \
    X(shuffle_masks, softmax, "lanes of one warp disagree")                       \
    X(shuffle_width, softmax, WRONG)                                              \
    X(shuffle_odd_width, softmax, "no power of 2")                                \
    X(shuffle_in_branch, softmax, "no thread can go on")                          \
    X(no_warp_barrier, turn, WRONG)                                               \
    X(lost_update, histogram, RACE)                                               \
    X(write_behind, shift, "just behind an allocation of")                        \
    X(write_before, shift, "just before an allocation of")                        \
    X(write_far, shift, "touched byte")                                           \
    X(read_unset, shift, WRONG)                                                   \
    X(misaligned, shift, "misaligned")                                            \
    X(stray_pointer, shift, "no device memory")                                   \
    X(host_argument, shift, "is memory of the host")                              \
    X(freed, shift, "a freed allocation")                                         \
    X(endless_stack, shift, "no device memory")                                   \
    X(unwaited_copy, upload, WRONG)                                               \
    X(no_event, upload, WRONG)                                                    \
    X(host_touch, upload, "the host: touched byte 4 of an allocation")            \
    X(copy_behind, upload, WRONG)                                                 \
    X(product_behind, product, "a product of cuBLAS")                             \
    X(product_freed, product, "a product of cuBLAS: touched byte 0 of a freed")

enum Fault {
    healthy,
#define X(name, piece, said) name,
    EACH_FAULT(X)
#undef X
};

/* Each returns 0, or 1 when its result is wrong. n: its size, 1 to 1024.
 * And in how many orders the healthy piece is run. */
#define EACH_PIECE(X)                                                             \
    X(softmax, 24) X(turn, 24) X(histogram, 24) X(shift, 24) X(upload, 24)        \
    X(meetings, 24) X(product, 1)
#define X(piece, orders) int piece(int n, Fault);
EACH_PIECE(X)
#undef X

#endif
