/* Batch: the settings that a loss is tried with. */
#include <stdio.h>

#include "losses/batch.h"

static bool is_choice(const kin_hyper *h) { return h->choices || (h->flags & KIN_BOOLEAN); }

/* The n-th combination of all choices; 0 past the last. */
static bool combine(const kin_entry *loss, int n, double *hypers)
{
    for (int i = 0; loss->hypers[i].name; i++) {
        const kin_hyper *h = &loss->hypers[i];
        if (!is_choice(h)) continue;
        const int count = (int)(h->max - h->min) + 1;
        hypers[i] = h->min + n % count;
        n /= count;
    }
    return n == 0;
}

static void say(const kin_entry *loss, const double *hypers, char *what, size_t room)
{
    size_t at = 0;
    snprintf(what, room, "defaults");
    for (int i = 0; loss->hypers[i].name && at < room; i++) {
        char text[32];
        if (hypers[i] == loss->hypers[i].value) continue;
        kin_hyper_print(&loss->hypers[i], hypers[i], text, sizeof text);
        at += (size_t)snprintf(what + at, room - at, "%s%s %s", at ? ", " : "",
                               loss->hypers[i].name, text);
    }
}

bool kin_loss_batch_hypers(const kin_entry *loss, int n, double *hypers, char *what, size_t room)
{
    int combinations = 1;
    kin_hyper_defaults(loss, hypers);
    for (int i = 0; loss->hypers[i].name; i++)
        if (is_choice(&loss->hypers[i]))
            combinations *= (int)(loss->hypers[i].max - loss->hypers[i].min) + 1;
    if (n > 0 && n <= combinations) {
        combine(loss, n - 1, hypers);
    } else if (n > combinations) {
        int end = n - combinations - 1, i = 0;
        for (; loss->hypers[i].name && (is_choice(&loss->hypers[i]) || end > 1); i++)
            end -= is_choice(&loss->hypers[i]) ? 0 : 2;
        if (!loss->hypers[i].name) return false;
        hypers[i] = end ? loss->hypers[i].max : loss->hypers[i].min;
    }
    say(loss, hypers, what, room);
    return true;
}
