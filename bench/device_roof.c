/* Device bench: the shortest times that a GPU's rates allow, from what its vendor publishes and
 * from what was measured. */
#include "bench/device.h"

/* H100 SXM and H200 SXM datasheets of NVIDIA: dense rates of the tensor cores (bf16 989.4, tf32
 * 494.7 TFLOP/s), fp32 67 TFLOP/s, memory 3.35 and 4.8 TB/s. Three bf16 products make a bf16x3.
 * Exponentials: 16 a clock on each of 132 multiprocessors at 1.83 GHz. */
#define HOPPER { 67e12, 494.7e12, 989.4e12, 989.4e12 / 3 }
static const device_rates published[] = {
    { "H100", HOPPER, 3.35e12, 3.87e12 },
    { "H200", HOPPER, 4.8e12, 3.87e12 },
};
enum { GPUS = sizeof published / sizeof *published };

double device_floor(const device_work *w, const device_rates *r, int precision,
                    const char **limit)
{
    const double products = r->product[precision] > 0 ? w->flops / r->product[precision] : 0;
    const double memory = r->copy > 0 ? w->bytes / r->copy : 0;
    const double exps = r->exps > 0 ? w->exps / r->exps : 0;
    double most = products;
    *limit = "product";
    if (memory > most) most = memory, *limit = "memory";
    if (exps > most) most = exps, *limit = "exp";
    return most;
}

/* The measured share of the peak of bf16 is taken for the other precisions too. */
static device_rates measured_rates(double product, double copy)
{
    device_rates r = published[1];
    r.name = "measured";
    for (int i = 0; i < KIN_PRECISIONS; i++)
        r.product[i] *= product * 1e12 / published[1].product[KIN_TO_BF16];
    r.copy = copy * 1e12;
    return r;
}

static void print_case(const device_options *o, const device_case *kind,
                       const device_rates *const *rates, int count)
{
    device_bench b;
    device_work w;
    const int precision = o->precision >= 0 ? o->precision : kind->precision;
    device_set_case(&b, o, kind);
    kind->count(&b, &w);
    fprintf(o->text, "%-4s  %-60s  %-6s  %10.4g  %9.4g  %9.4g  %9.4g", kind->name, kind->summary,
            device_precision_of(&w, precision), w.flops / 1e12, w.bytes / 1e9, w.flops / w.bytes,
            w.exps / 1e9);
    for (int i = 0; i < count; i++) {
        const char *limit;
        const double seconds = device_floor(&w, rates[i], precision, &limit);
        fprintf(o->text, "  %10.4g %-7s", 1e3 * seconds, limit);
    }
    fprintf(o->text, "\n");
}

void device_roofline(const device_options *o, const char *cases, double product, double copy)
{
    const device_rates measured = measured_rates(product, copy);
    const device_rates *rates[GPUS + 1];
    int count = 0;
    for (int i = 0; i < GPUS; i++) rates[count++] = &published[i];
    if (product > 0 && copy > 0) rates[count++] = &measured;
    const device_rates *h100 = &published[0], *h200 = &published[1];
    fprintf(o->text, "Published, for H100 SXM and H200 SXM: bf16 %.1f, tf32 %.1f, fp32 %.0f "
            "TFLOP/s; %.2f\nand %.2f TB/s; exponentials %.2f T/s. Times in ms: the longest of "
            "products, memory and\nexponentials, each alone.\n\n",
            h100->product[KIN_TO_BF16] / 1e12, h100->product[KIN_TO_TF32] / 1e12,
            h100->product[KIN_TO_FP32] / 1e12, h100->copy / 1e12, h200->copy / 1e12,
            h100->exps / 1e12);
    fprintf(o->text, "%-4s  %-60s  %-6s  %10s  %9s  %9s  %9s", "case", "", "prec.", "TFLOP", "GB",
            "FLOP/byte", "Gexp");
    for (int i = 0; i < count; i++) fprintf(o->text, "  %10s %-7s", rates[i]->name, "limit");
    fprintf(o->text, "\n");
    for (int i = 0; device_cases[i]; i++)
        if (device_named(cases, device_cases[i]->name))
            print_case(o, device_cases[i], rates, count);
}
