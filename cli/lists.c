#include "cli/lists.h"

#include <string.h>

#include "autograd/op.h"
#include "data/import.h"
#include "encoders/encoder.h"
#include "losses/loss.h"
#include "mining/index.h"
#include "mining/policy.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

const kin_list *const lists[] = {
    &kin_losses, &kin_encoders, &kin_importers, &kin_optimizers, &kin_schedules, &kin_ops,
    &kin_indexes, &kin_policies, NULL
};

typedef struct { const char *kind, *name, *text; } head;

static const head heads[] = {
#include "heads.inc"                 /* made by cmake/heads.cmake from the listed files */
    { NULL, NULL, NULL }
};

const char *lists_head(const char *kind, const char *name)
{
    for (const head *h = heads; h->kind; h++)
        if (!strcmp(h->kind, kind) && !strcmp(h->name, name)) return h->text;
    return NULL;
}

kin_status lists_find(const char *kind, const kin_list **list)
{
    const char *kinds[16];
    int n = 0;
    for (; lists[n]; n++) {
        kinds[n] = lists[n]->kind;
        const size_t length = strlen(kinds[n]);
        const char *rest = strncmp(kind, kinds[n], length) ? NULL : kind + length;
        if (rest && (!*rest || !strcmp(rest, "s") || !strcmp(rest, "es"))) {
            *list = lists[n];
            return KIN_OK;
        }
    }
    const char *near = kin_nearest(kind, kinds, n);
    if (near)
        return kin_fail(KIN_USAGE, "unknown kind '%s'; did you mean '%s'?", kind, near);
    return kin_fail(KIN_USAGE, "unknown kind '%s'; 'kin list' names the kinds", kind);
}
