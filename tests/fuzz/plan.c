/* Plan: what is accepted has rows with folders of their own, and every run of it resolves. */
#include "tests/fuzz/fuzz.h"
#include "experiments/plan.h"

static void write_base(void)
{
    static const char base[] = "[data]\nstore = /a.h5\n[loss]\nname = infonce\n";
    if (!kin_file_exists(in_folder("base.ini")))
        write_bytes(in_folder("base.ini"), base, strlen(base));
}

static void seeds(void)
{
    add_seed_text("[plan]\nbase = base.ini\nseeds = 1, 2, 3\nsteps = 10\n[rows]\n"
                  "loss.name = infonce, circle\n[tune]\noptim.lr = 0.1 .. 1 log 3\n"
                  "[tune circle]\nloss.margin = 0.1, 0.2\n");
    add_seed_text("[plan]\nname = x\nbase = base.ini\nfolder = out\nseeds = 1 .. 3\npairs = 500\n"
                  "measure = map\ncolumns = mrr@10, recall@1\norder = plan\njobs = 2\nthreads = 2\n"
                  "[set]\nbatch.size = 32\n[rows]\n"
                  "loss.name + loss.temperature = infonce 0.05, ntxent 0.1\nencoder.towers = *\n");
    add_seed_text("[plan]\nbase = base.ini\nseeds = 7\nseconds = 0.5\n[set ntxent]\noptim.lr = 0.3\n"
                  "[rows]\nloss.name = *\n[tune]\nencoder.dim = 2 .. 4\n");
}

static void check(const kin_ablation *p)
{
    kin_config *c;
    CHECK(p->rows > 0 && p->seeds > 0 && p->columns > 0 && p->jobs > 0 && p->threads > 0);
    for (int r = 0; r < p->rows; r++) {
        const kin_row *row = &p->row[r];
        CHECK(row->settings > 0 && *row->label && *row->folder && !strchr(row->folder, '/'));
        CHECK(strcmp(row->folder, ".") && strcmp(row->folder, ".."));
        for (int k = 0; k < r; k++) CHECK(strcmp(p->row[k].folder, row->folder));
    }
    const int last = p->rows - 1;
    CHECK(kin_ablation_config(p, last, p->row[last].settings - 1, p->seeds - 1, "r", &c) == KIN_OK);
    kin_config_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_ablation *plan;
    write_base();
    const kin_status status = kin_ablation_read(&plan, write_bytes(in_folder("p.ini"), bytes, size));
    if (!accepted(status, status == KIN_DATA ? KIN_DATA : KIN_USAGE)) return 0;
    check(plan);
    kin_ablation_free(plan);
    return 0;
}
