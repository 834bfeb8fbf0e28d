# Losses from their formulas, cell by cell. Input: q.txt, k.txt (a number a line). Variables: loss,
# B, N, D; self 1: columns are the rows; dot 1: no normalisation; label "0 0 1 ..." of rows and
# columns; t, b, m, g: hyperparameters; mean "rows", "valid" or "nonzero". Prints the value.
FNR == 1 { file++ }
file == 1 { q[n1++] = $1; if (self) k[n2++] = $1; next }
!self { k[n2++] = $1 }
function score(i, j,   s, x, y, d) {
    for (d = 0; d < D; d++) {
        s += q[i * D + d] * k[j * D + d]; x += q[i * D + d] ^ 2; y += k[j * D + d] ^ 2
    }
    return dot ? s : s / sqrt(x) / sqrt(y)
}
function kind(i, j) {
    if (self && i == j) return 0
    if (label) return y[i + 1] == y[j + 1] ? 1 : -1
    return i == j ? 1 : -1
}
function soft(x) { return x > 0 ? x + log(1 + exp(-x)) : log(1 + exp(x)) }
function circle_logit(s, c) {
    if (c > 0) return -g * (1 + m > s ? 1 + m - s : 0) * (s - 1 + m)
    return g * (s + m > 0 ? s + m : 0) * (s - m)
}
function row_value(i,   j, s, c, sum, own, pos, neg, p, u, w, hard, near) {
    hard = 2; near = -2
    for (j = 0; j < N; j++) {
        c = kind(i, j); s = score(i, j)
        if (!c) continue
        sum += exp(s / t); u += c > 0 ? exp(circle_logit(s, c)) : 0
        w += c < 0 ? exp(circle_logit(s, c)) : 0
        p += c > 0; neg += c < 0; own += c > 0 ? s / t : 0
        pairs += c ? soft(-c * (t * s + b)) : 0
        if (c > 0 && s < hard) hard = s
        if (c < 0 && s > near) near = s
    }
    valid = p > 0 && neg > 0
    if (loss == "sigmoid") return 0
    if (!valid) return 0
    if (loss == "infonce") return log(sum) - own / p
    if (loss == "circle") return soft(log(u) + log(w))
    s = m + sqrt(2 - 2 * hard) - sqrt(2 - 2 * near)
    return s > 0 ? s : 0
}
END {
    split(label, y, " ")
    for (i = 0; i < B; i++) {
        v = row_value(i); total += v
        count += mean == "rows" ? 1 : mean == "valid" ? valid : v > 0
    }
    printf "%.17g\n", (loss == "sigmoid" ? pairs : total) / count
}
