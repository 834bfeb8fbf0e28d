/* Array: makes and shows NumPy files for the tests of the command, apart from kin's own reader.
 *
 *     array make FILE TYPE SHAPE NUMBER...     TYPE as NumPy writes it (<f4), SHAPE as 6,4
 *     array wave FILE TYPE SHAPE SEED          numbers sin(SEED + 0.7 i + 0.11 i i)
 *     array show FILE                          its numbers, one a line */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *why, const char *what)
{
    fprintf(stderr, "array: %s %s\n", why, what);
    exit(1);
}

/* One number of the type, at most 8 bytes; any byte order but little-endian is only a name. */
static size_t encode(const char *type, double x, unsigned char *bytes)
{
    const float f = (float)x;
    const int32_t i = (int32_t)x;
    const int64_t l = (int64_t)x;
    const char *kind = type + 1;
    if (!strcmp(kind, "f8")) return memcpy(bytes, &x, 8), (size_t)8;
    if (!strcmp(kind, "f4")) return memcpy(bytes, &f, 4), (size_t)4;
    if (!strcmp(kind, "i4")) return memcpy(bytes, &i, 4), (size_t)4;
    if (!strcmp(kind, "i8")) return memcpy(bytes, &l, 8), (size_t)8;
    if (!strcmp(kind, "f2")) return memset(bytes, 0, 2), (size_t)2;
    die("unknown type", type);
    return 0;
}

static FILE *begin(const char *path, const char *type, const char *shape, long *count)
{
    char header[118];
    FILE *f = fopen(path, "wb");
    if (!f) die("cannot write", path);
    *count = 1;
    for (const char *at = shape; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        *count *= atol(at);
    int n = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': "
                     "(%s,), }", type, shape);
    memset(header + n, ' ', sizeof header - (size_t)n);
    header[117] = '\n';
    fwrite("\x93NUMPY\x01\0v\0", 1, 10, f);
    fwrite(header, 1, sizeof header, f);
    return f;
}

static void make(char **word, int numbers, int wave)
{
    long count;
    FILE *f = begin(word[0], word[1], word[2], &count);
    if (!wave && numbers != count) die("numbers do not fit the shape", word[2]);
    for (long i = 0; i < count; i++) {
        unsigned char bytes[8];
        const double x = (double)i;
        const double number = wave ? sin(atof(word[3]) + 0.7 * x + 0.11 * x * x)
                                   : atof(word[3 + i]);
        fwrite(bytes, 1, encode(word[1], number, bytes), f);
    }
    if (fclose(f)) die("cannot write", word[0]);
}

static void show(const char *path)
{
    unsigned char header[128];
    double d;
    float s;
    FILE *f = fopen(path, "rb");
    if (!f || fread(header, 1, 128, f) != 128) die("cannot read", path);
    const int wide = memmem(header, 128, "'<f8'", 5) != NULL;
    if (!wide && !memmem(header, 128, "'<f4'", 5)) die("neither <f4 nor <f8:", path);
    if (wide) while (fread(&d, 8, 1, f) == 1) printf("%.17g\n", d);
    else while (fread(&s, 4, 1, f) == 1) printf("%.9g\n", (double)s);
    fclose(f);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "show")) return show(argv[2]), 0;
    if (argc == 6 && !strcmp(argv[1], "wave")) return make(argv + 2, 0, 1), 0;
    if (argc > 5 && !strcmp(argv[1], "make")) return make(argv + 2, argc - 5, 0), 0;
    die("usage:", "array make|wave|show FILE ...");
}
