/* The table of keys. */
#include "train/config_keys.h"

#include <string.h>

#include "core/backend.h"
#include "encoders/encoder.h"
#include "losses/loss.h"
#include "metrics/ranking.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/config.h"

enum { ANY = 1000000000 };

#define NUMBER(section, name, value, min, max, help)                                            \
    { section, CONFIG_NUMBER, { name, value, min, max, help, 0, NULL }, NULL }
#define WHOLE(section, name, value, min, max, help)                                             \
    { section, CONFIG_NUMBER, { name, value, min, max, help, KIN_INTEGER, NULL }, NULL }
#define SWITCH(section, name, value, help)                                                      \
    { section, CONFIG_NUMBER, { name, value, 0, 1, help, KIN_BOOLEAN, NULL }, NULL }
#define CHOICE(section, name, value, last, choices, help)                                       \
    { section, CONFIG_NUMBER, { name, value, 0, last, help, 0, choices }, NULL }
#define SHARE(section, name, value, help)                                                       \
    { section, CONFIG_SHARE, { name, value, 0, ANY, help, 0, NULL }, NULL }
#define SHORT(section, name, help)                                                              \
    { section, CONFIG_SHORT, { name, 0, 0, 1, help, KIN_BOOLEAN, NULL }, NULL }
#define TEXT(section, name, help) { section, CONFIG_TEXT, { name, 0, 0, 0, help, 0, NULL }, "" }
#define WORDS(section, name, value, help)                                                       \
    { section, CONFIG_TEXT, { name, 0, 0, 0, help, 0, NULL }, value }
#define PATH(section, name, help) { section, CONFIG_PATH, { name, 0, 0, 0, help, 0, NULL }, "" }
#define NAME(section, value, help)                                                              \
    { section, CONFIG_NAME, { "name", 0, 0, 0, help, 0, NULL }, value }

const config_spec config_specs[] = {
    PATH("data", "store", "the store that 'kin import' wrote"),
    CHOICE("data", "validation", 0, 1, "held_out|trained",
           "pairs of the kind validation: left out of the training and judged by, or neither"),

    PATH("tokenizer", "file", "a tokenizer.json; empty: one is trained on the training texts"),
    WHOLE("tokenizer", "vocab_size", 30000, 300, 4000000, "most tokens of a trained vocabulary"),
    WHOLE("tokenizer", "min_frequency", 2, 0, ANY, "rarer pairs of pieces are not merged"),
    WHOLE("tokenizer", "limit_alphabet", 1000, 1, 1000000, "most characters of the vocabulary"),
    SWITCH("tokenizer", "lowercase", 1, "lower-case all text"),
    SWITCH("tokenizer", "strip_accents", 1, "drop accents"),

    NAME("encoder", "static", "'kin list encoder' shows all"),
    CHOICE("encoder", "towers", 0, 1, "shared|separate", "one tower or one for each side"),
    PATH("encoder", "from", "a run of the same encoder whose tokenizer and weights this one begins "
                            "with; empty: from scratch"),
    WHOLE("encoder", "max_tokens", 0, 0, ANY, "further tokens of a text are dropped; 0: none"),
    TEXT("encoder", "query_prefix", "put before every query"),
    TEXT("encoder", "document_prefix", "put before every document"),
    NUMBER("encoder", "momentum", 0, 0, 0.999999,
           "a copy that keeps this share of itself in each step makes the columns; 0: no copy"),
    CHOICE("encoder", "momentum_schedule", 1, 1, "constant|cosine",
           "whether the share stays or grows to 1 along half a cosine"),

    NAME("loss", "infonce", "'kin list loss' shows all"),
    TEXT("loss", "sum", "in place of name: loss:weight loss:weight ...; settings of a term are "
                        "loss.TERM.SETTING"),
    SHORT("loss", "symmetric", "short for loss.direction: true is both_ways, false is one_way"),
    NUMBER("loss", "final_temperature", 0, 0, 10,
           "temperature at the end of the run, approached geometrically; 0: constant"),
    WHOLE("loss", "memory", 0, 0, ANY, "MB of scores kept for the backward pass; 0: recomputed"),
    TEXT("loss", "dims", "leading coordinates that are embeddings too (Matryoshka), with blanks "
                         "between; empty: all of them alone"),
    TEXT("loss", "dim_weights", "the share of each of loss.dims, with blanks between; empty: 1"),
    CHOICE("loss", "negatives", 0, 3, "shared|drawn|corpus|corpus_shared",
           "a query's negatives: all other documents of the batch, a sample of its own of them, or "
           "of all documents; or one sample of all documents for the whole batch"),
    WHOLE("loss", "drawn", 0, 0, 100000, "negatives drawn for each query, with replacement"),
    CHOICE("loss", "candidates", 0, 2, "own|batch|proxies",
           "what items of a class are compared with: all others of the batch, a learned proxy of "
           "each class, or whichever the loss is made for"),
    NUMBER("loss", "proxy_rate", 1, 1e-6, 1e6,
           "learning rate of the proxies as a multiple of the encoder's"),

    TEXT("loss", "learn", "settings of the loss to be trained, with blanks between; of a sum: "
                          "TERM.SETTING"),
    NUMBER("loss", "learn_rate", 0.05, 1e-9, 1e3,
           "their learning rate as a multiple of the encoder's"),

    CHOICE("negatives", "source", 0, 3, "none|random|bm25|model",
           "where documents come from that join a batch as negatives: all, BM25's or the model's "
           "nearest"),
    CHOICE("negatives", "before", 0, 2, "none|random|bm25", "the same for what is before start"),
    NUMBER("negatives", "start", 0, 0, ANY, "epochs before source is used; may be a fraction"),
    NUMBER("negatives", "every", 1, 0, ANY,
           "epochs from one time of mining to the next; may be a fraction; 0: there is one"),
    WHOLE("negatives", "every_steps", 0, 0, ANY, "the same in steps; 0: as every says"),
    WHOLE("negatives", "count", 1, 1, 1000, "negatives of a pair"),
    WHOLE("negatives", "depth", 32, 1, 10000, "documents that a pair's negatives are chosen from"),
    WORDS("negatives", "policy", "duplicate relative_margin random",
          "how they are chosen: names of 'kin list policy' in the order of their use, name:value "
          "where a setting is not its default"),
    TEXT("negatives", "mask", "policies that say which documents of the batch a query is not "
                              "compared with; empty: none"),
    PATH("negatives", "guide", "a run or model folder that the policy 'guide' asks"),
    CHOICE("negatives", "index", 0, 2, "exact|exact_int8|ivf", "how the model's nearest are found"),
    NUMBER("negatives", "recall", 0.8, 0.01, 1,
           "ivf: the share of a document's nearest that a search shall look at"),
    TEXT("negatives", "kinds", "kinds of pairs that are mined for; empty: all"),
    WHOLE("negatives", "queue", 0, 0, 100000000,
          "documents of past steps that are compared with too, as they were embedded then"),
    NUMBER("negatives", "queue_start", 0, 0, ANY, "epochs before it is used; may be a fraction"),
    SWITCH("negatives", "record", 1, "write mined/: every negative, its rank and score"),

    WHOLE("batch", "size", 1024, 2, 10000000, "pairs in a batch"),
    WHOLE("batch", "chunk", 0, 0, 10000000,
          "pairs embedded at a time, in memory for so many (gradient cache); 0: all at once"),
    SWITCH("batch", "distinct", 1, "no document and no text twice in a batch"),
    TEXT("batch", "repeat", "how often an epoch uses each kind of pair: kind=times ..."),
    WHOLE("batch", "per_class", 4, 0, 1000000,
          "items of each class in a batch of classes; 0: items as they come"),
    NUMBER("batch", "token_dropout", 0, 0, 0.9, "share of tokens left out of each text"),

    NAME("optim", "adam", "'kin list optimizer' shows all"),

    NAME("schedule", "linear", "'kin list schedule' shows all"),
    NUMBER("schedule", "epochs", 3, 0, ANY, "passes over the pairs; may be a fraction"),
    WHOLE("schedule", "steps", 0, 0, ANY, "length in steps; 0: as epochs says"),
    NUMBER("schedule", "seconds", 0, 0, ANY,
           "length in seconds of training, evaluation not counted; 0: as steps or epochs say"),

    SHARE("eval", "every", 0.25, "evaluate every so many steps or share of the run; 0: never"),
    CHOICE("eval", "final", 0, 2, "test|validation|none",
           "whose queries judge the finished model; test falls back on validation where there are "
           "no test queries"),
    SWITCH("eval", "baselines", 1, "judge BM25 and the untrained model too"),
    SWITCH("eval", "hybrid", 0, "judge BM25 and the model together too, by ranks and by scores"),
    SWITCH("eval", "fresh", 0,
           "judge also by the relevant documents alone that no query of an earlier part has"),
    CHOICE("eval", "seen", 0, 1, "keep|remove",
           "documents that a query is paired with in training: ranked, or left out"),
    WHOLE("eval", "depth", KIN_RUN_DEPTH, 100, KIN_RUN_DEPTH, "documents listed for each query"),
    CHOICE("eval", "best_by", 0, KIN_MEASURES - 1, KIN_MEASURE_CHOICES,
           "the measure on the validation queries by which the best model is kept"),
    WHOLE("eval", "patience", 0, 0, ANY,
          "stop after so many evaluations in a row without a better one; 0: never"),

    WHOLE("log", "every", 10, 1, ANY, "steps between lines of metrics.jsonl"),
    SWITCH("log", "tensorboard", 1, "write tb/"),

    SHARE("checkpoint", "every", 0, "steps or share of the run between checkpoints; 0: at the end"),

    PATH("run", "dir", "the run folder"),
    WHOLE("run", "seed", 0, 0, 4294967295.0, "seed of all random numbers"),
    WHOLE("run", "threads", 0, 0, 4096, "threads; 0: as many as the machine allows"),
    CHOICE("run", "device", 0, 2, "cpu|cuda|pretend",
           "where to compute; pretend: the GPU's code run on the CPU, slowly, for tests"),
    CHOICE("run", "precision", 0, KIN_PRECISIONS - 1, KIN_PRECISION_LIST("|"),
           "what a GPU's products may round their operands to"),
    WHOLE("run", "memory", 0, 0, ANY, "most MB to use; 0: what the machine has free"),

    { .section = NULL },
};

const config_list config_lists[CONFIG_LISTS] = {
    { "encoder", &kin_encoders }, { "loss", &kin_losses },
    { "optim", &kin_optimizers }, { "schedule", &kin_schedules },
};

const config_short config_shorts[] = {
    { "loss.symmetric", "loss.direction", { "one_way", "both_ways" } },
    { NULL, NULL, { NULL, NULL } },
};

const kin_hyper *config_table_of(const char *section)
{
    return strcmp(section, "loss") ? NULL : kin_loss_choices;
}

const config_alias config_aliases[] = {
    { "threads", "run.threads" },     { "seed", "run.seed" },
    { "device", "run.device" },       { "lr", "optim.lr" },
    { "batch-size", "batch.size" },   { "epochs", "schedule.epochs" },
    { "loss", "loss.name" },          { "temperature", "loss.temperature" },
    { "out", "run.dir" },             { "precision", "run.precision" },
    { NULL, NULL },
};

const kin_list *config_list_of(const char *section)
{
    for (int i = 0; i < CONFIG_LISTS; i++)
        if (!strcmp(config_lists[i].section, section)) return config_lists[i].list;
    return NULL;
}

const char *kin_config_alias(const char *name)
{
    for (const config_alias *a = config_aliases; a->name; a++)
        if (!strcmp(a->name, name)) return a->key;
    return NULL;
}
