/* Loads a model that kin trained and embeds a sentence.
 *     cc embed.c $(pkg-config --cflags --libs kin) -o embed && ./embed runs/wordnet/model "a cat" */
#include <kin.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL_FOLDER SENTENCE\n", argv[0]);
        return 2;
    }
    kin_session *session;
    int status = kin_session_open(&session, argv[1], 0);
    if (status) {
        fprintf(stderr, "%s\n", kin_message());
        return status;
    }
    const int dim = kin_session_dim(session);
    float *vector = malloc(sizeof *vector * (size_t)dim);
    const char *sentence = argv[2];
    status = vector ? kin_session_queries(session, &sentence, 1, vector) : 6;
    for (int i = 0; !status && i < dim; i++)
        printf("%.9g%c", (double)vector[i], i + 1 < dim ? ' ' : '\n');
    free(vector);
    kin_session_free(session);
    return status;
}
