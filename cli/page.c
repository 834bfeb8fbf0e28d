/* Page: everything of a kind as Markdown, from the descriptors and the head comments. */
#include <stdio.h>
#include <string.h>

#include "cli/lists.h"
#include "cli/page.h"
#include "losses/loss.h"

/* What a loss may take, in the order of its bits. */
static const char *const words[] = { "pairs", "labels", "triplets", "targets", "proxies",
                                      "marked pairs" };
enum { WORDS = sizeof words / sizeof *words };

static int takes_of(const kin_loss *loss)
{
    return loss->takes ? loss->takes : KIN_PAIRS | KIN_LABELS;
}

/* What a batch must carry: a loss is in the first group whose bits it has. */
static const struct { int bits; const char *title; } groups[] = {
    { KIN_PROXIES, "Class proxies and labels" },
    { KIN_TARGETS, "Targets: how alike each pair should be" },
    { KIN_PAIRS | KIN_LABELS, "Pairs or labels" },
    { KIN_PAIRS, "Pairs" },
    { KIN_LABELS, "Labels" },
    { KIN_TRIPLETS, "Triplets" },
    { KIN_MARKED, "Pairs that are said to be positive or negative" },
};
enum { GROUPS = sizeof groups / sizeof *groups };

static int group_of(const kin_loss *loss)
{
    int group = 0;
    while (group < GROUPS && (takes_of(loss) & groups[group].bits) != groups[group].bits) group++;
    return group;
}

/* The word of a choice that holds for any loss: "mean_valid". */
static const char *word(const char *choice, int place, char text[64])
{
    const kin_hyper *h = kin_loss_choices;
    while (strcmp(h->name, choice)) h++;
    kin_hyper_print(h, place, text, 64);
    return text;
}

static void reduce_of(const kin_loss *loss, char text[64])
{
    if (loss->form == KIN_COMPOSED) strcpy(text, "-");
    else word("reduce", loss->reduce, text);
}

static void similarity_of(const kin_loss *loss, char text[64])
{
    if (loss->form == KIN_COMPOSED) strcpy(text, "-");
    else word("similarity", loss->similarity ? loss->similarity : KIN_COSINE, text);
}

/* ---- one entry ------------------------------------------------------------------------------ */

static void print_settings(const kin_entry *e)
{
    printf("\n%-18s %-10s range\n", "setting", "default");
    for (const kin_hyper *h = e->hypers; h->name; h++) {
        char value[32], range[128];
        kin_hyper_print(h, h->value, value, sizeof value);
        kin_hyper_range(h, range, sizeof range);
        printf("%-18s %-10s %-22s %s%s\n", h->name, value, range, h->help,
               h->flags & KIN_LEARNABLE ? " (may be learned)" : "");
    }
}

static void print_facts(const kin_loss *loss)
{
    char reduce[64], similarity[64];
    printf("\ntakes       ");
    for (int i = 0, n = 0; i < WORDS; i++)
        if (takes_of(loss) >> i & 1) printf("%s%s", n++ ? ", " : "", words[i]);
    if (loss->form == KIN_COMPOSED) {
        printf("\nform        composed of ops on the embeddings as they are given\n");
        return;
    }
    reduce_of(loss, reduce);
    similarity_of(loss, similarity);
    printf("\nreduce      %s\nsimilarity  %s%s\n", reduce, similarity,
           loss->only_similarity ? " (no other)" : "");
}

void page_print_entry(const kin_list *list, const kin_entry *e)
{
    const char *head = lists_head(list->kind, e->name);
    if (head)
        printf("%s", head);
    else
        printf("%s -- %s\n", e->name, e->summary);
    if (e->hypers[0].name) print_settings(e);
    if (list == &kin_losses) print_facts(kin_loss_of(e));
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void print_section(const kin_list *list, const kin_entry *e)
{
    printf("\n### %s\n\n```text\n", e->name);
    page_print_entry(list, e);
    printf("```\n");
}

/* Bars would end a cell of the table. */
static void print_range(const kin_hyper *h)
{
    char range[128];
    kin_hyper_range(h, range, sizeof range);
    for (const char *at = range; *at; at++)
        if (*at == '|') printf(", ");
        else putchar(*at);
}

static void print_line(const kin_list *list, const kin_entry *e)
{
    printf("| [%s](#%s) | %s |", e->name, e->name, e->summary);
    if (list == &kin_losses) {
        char reduce[64], similarity[64];
        reduce_of(kin_loss_of(e), reduce);
        similarity_of(kin_loss_of(e), similarity);
        printf(" %s | %s |", reduce, similarity);
    }
    for (const kin_hyper *h = e->hypers; h->name; h++) {
        char value[32];
        kin_hyper_print(h, h->value, value, sizeof value);
        printf("%s%s %s (", h == e->hypers ? " " : "; ", h->name, value);
        print_range(h);
        printf("%s)", h->flags & KIN_LEARNABLE ? ", may be learned" : "");
    }
    printf(" |\n");
}

static void print_table(const kin_list *list)
{
    const bool losses = list == &kin_losses;
    printf("\n| name | what it does |%s hyperparameters: default (range) |\n",
           losses ? " reduce | similarity |" : "");
    printf("| --- | --- |%s --- |\n", losses ? " --- | --- |" : "");
    for (int i = 0; i < list->count; i++) print_line(list, list->items[i]);
}

static void print_group(const kin_list *list, int group)
{
    bool any = false;
    for (int i = 0; i < list->count; i++) {
        if (group_of(kin_loss_of(list->items[i])) != group) continue;
        if (!any) printf("\n## %s\n", groups[group].title);
        any = true;
        print_section(list, list->items[i]);
    }
}

static void print_losses(const kin_list *list)
{
    printf("# The losses\n\n"
           "Written by `kin describe loss --page` from the head comments and descriptors under\n"
           "losses/; `cmake --build build --target docs` writes this file anew.\n\n"
           "A loss reads rows of scores: each row is an anchor's scores against all candidates.\n"
           "*reduce* is how row values become one number, *similarity* what a score is; these are\n"
           "the loss's own, and `--reduce`, `--similarity` of `kin loss` choose others. `kin loss\n"
           "NAME --query Q.npy ...` evaluates a loss on your own arrays, `kin check NAME` proves\n"
           "its gradient.\n");
    print_table(list);
    for (int i = 0; i < GROUPS; i++) print_group(list, (i + 2) % GROUPS);     /* pairs first */
}

void page_print(const kin_list *list)
{
    if (list == &kin_losses) {
        print_losses(list);
        return;
    }
    printf("# %s\n", list->kind);
    print_table(list);
    for (int i = 0; i < list->count; i++) print_section(list, list->items[i]);
}
