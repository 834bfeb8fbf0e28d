#!/usr/bin/env bash
# kin loss: values and gradients against formulas, every option, and the mistakes.
array=$(realpath "$2")
. "$(dirname "$0")/lib.sh" "$1"
for type in 4 8; do
    s=; [ $type = 8 ] && s=d
    "$array" wave q$s.npy "<f$type" 6,4 0.3
    "$array" wave k$s.npy "<f$type" 6,4 1.1
    "$array" wave w$s.npy "<f$type" 9,4 2.2
    "$array" wave n$s.npy "<f$type" 5,4 2.9
    "$array" wave own$s.npy "<f$type" 6,3,4 0.7
    "$array" wave c$s.npy "<f$type" 3,4 0.2
    "$array" wave s$s.npy "<f$type" 6,9 0.4
    "$array" wave s6$s.npy "<f$type" 6,6 0.4
done
"$array" make y.npy "<i8" 6 0 0 1 1 2 2
"$array" make y9.npy "<i4" 9 0 0 1 1 2 2 2 7 -5
"$array" make pairs.npy "<i8" 5,2 0 1 0 2 3 5 5 4 4 3
"$array" make told.npy "<i4" 6,3 0 1 1 0 2 0 3 5 1 5 4 1 4 3 -1 3 1 0
"$array" make t.npy "<i8" 3,3 0 1 2 2 3 4 5 4 0
for x in qd kd wd nd sd s6d; do "$array" show $x.npy > $x.txt; done
LABEL="0 0 1 1 2 2"

# says CODE TEXT ARGUMENTS...: as expect, of kin loss.
says() { local code=$1 text=$2; shift 2; expect "$code" "$text" "$KIN" loss "$@"; }
# kin ARGUMENTS...: its value, or nothing.
kin() { timeout 120 "$KIN" loss "$@" > out 2> err && awk '$1 == "value" { print $2 }' out; }
# near TEXT TOLERANCE A B
near() {
    holds "$1: $3, expected $4" "$(awk -v a="$3" -v b="$4" -v e="$2" \
        'BEGIN { d = a - b; print a != "" && d < e * (1 + b * b) && -d < e * (1 + b * b) }')" = 1
}
# formula VARIABLE=VALUE...: of queries and documents (self=1: of queries alone)
formula() {
    local words=() word
    for word; do words+=(-v "$word"); done
    awk -v B=6 -v N=6 -v D=4 "${words[@]}" -f "$source/tests/cli/loss.awk" qd.txt kd.txt
}

# ---- values from formulas, in double and in float
pair="--query qd.npy --document kd.npy"
own="--query qd.npy --label y.npy"
near infonce 1e-13 "$(kin infonce $pair --temperature 0.2)" \
    "$(formula loss=infonce t=0.2 mean=valid)"
near "infonce by label" 1e-13 "$(kin infonce $own --loss.temperature 0.5)" \
    "$(formula loss=infonce t=0.5 mean=valid self=1 label="$LABEL")"
near "infonce of dot products" 1e-13 "$(kin infonce $pair --similarity dot --temperature=1)" \
    "$(formula loss=infonce t=1 mean=valid dot=1)"
near sigmoid 1e-13 "$(kin sigmoid $pair --scale 5 --bias -2)" \
    "$(formula loss=sigmoid t=5 b=-2 mean=rows)"
near circle 1e-13 "$(kin circle $own --margin 0.25 --gamma 8)" \
    "$(formula loss=circle m=0.25 g=8 t=1 mean=nonzero self=1 label="$LABEL")"
near triplet 1e-13 "$(kin triplet $own --mining hard --margin 0.4 --reduce mean_nonzero)" \
    "$(formula loss=triplet m=0.4 t=1 mean=nonzero self=1 label="$LABEL")"
near "infonce in float" 1e-6 "$(kin infonce --query q.npy --document k.npy --temperature 0.2)" \
    "$(formula loss=infonce t=0.2 mean=valid)"
near "circle in float" 1e-6 "$(kin circle --query q.npy --label y.npy --margin 0.25 --gamma 8)" \
    "$(formula loss=circle m=0.25 g=8 t=1 mean=nonzero self=1 label="$LABEL")"

# Text files: in double, and gradients are text.
paste -d' ' - - - - < qd.txt > rows.txt
{ echo "# documents"; paste -d, - - - - < kd.txt; echo; } > columns.txt
printf '0\n0\n1\n1\n2\n2\n' > class.txt
near "infonce of text files" 1e-13 \
    "$(kin infonce --query rows.txt --document columns.txt --temperature 0.2 --grad typed)" \
    "$(formula loss=infonce t=0.2 mean=valid)"
kin infonce $pair --temperature 0.2 --grad counted > out 2> err
"$array" show counted/qd.npy > counted.txt
holds "gradients of text files are those of arrays" -z "$(tr ' ' '\n' < typed/rows.txt |
    paste - counted.txt | awk '($1 - $2) ^ 2 > 1e-30' 2>&1)"
holds "a row a line" "$(wc -l < typed/columns.txt)" = 6
near "labels in a text file" 1e-13 \
    "$(kin infonce --query rows.txt --label class.txt --loss.temperature 0.5)" \
    "$(formula loss=infonce t=0.5 mean=valid self=1 label="$LABEL")"

# Queries alone, where nobody's positives matter.
near "uniformity of one set" 1e-13 "$(kin uniformity --query qd.npy --t 3)" \
    "$(kin uniformity $own --t 3)"

# ---- gradients: of dot products, by the chain rule; of scores
kin infonce $pair --similarity dot --temperature 1 --grad g > value
"$array" show g/qd.npy > g.txt
awk 'FILENAME == ARGV[1] { q[a++] = $1 } FILENAME == ARGV[2] { k[b++] = $1 }
     FILENAME == ARGV[3] { g[n++] = $1 }
     END { for (i = 0; i < 6; i++) { sum = 0
        for (j = 0; j < 6; j++) { s = 0
            for (d = 0; d < 4; d++) s += q[4 * i + d] * k[4 * j + d]
            e[j] = exp(s); sum += e[j] }
        for (d = 0; d < 4; d++) { x = 0
            for (j = 0; j < 6; j++) x += (e[j] / sum - (i == j)) * k[4 * j + d] / 6
            y = x - g[4 * i + d]; if (y < 0) y = -y; if (y > worst) worst = y } }
        print n == 24 && worst < 1e-13 }' qd.txt kd.txt g.txt > right
holds "the gradient of infonce" "$(cat right)" = 1
holds "each input has a gradient, and nothing else is there" "$(ls g | tr '\n' ' ')" \
    = "kd.npy qd.npy "
kin infonce --score s.npy --temperature 1 --grad g2/deep/er > value
"$array" show g2/deep/er/s.npy > g.txt
holds "a row of softmax minus one hot adds up to 0" \
    "$(awk '{ s += $1 } NR % 9 == 0 { if (s * s > 1e-12) bad = 1; s = 0 }
            END { print bad + 0 }' g.txt)" = 0
holds "a gradient has type and shape of its input" \
    "$(head -c 127 g2/deep/er/s.npy | tail -c 117 | tr -d ' ')" \
    = "{'descr':'<f4','fortran_order':False,'shape':(6,9),}"
kin infonce --query q.npy --document k.npy --negative own.npy --grad g3 > value
holds "gradients of own negatives have three dimensions" "$(grep -ac '(6, 3, 4)' g3/own.npy)" = 1
holds "no drafts" -z "$(find g g2 g3 -name '*.tmp-*')"

# ---- the same thing said in two ways
same() { near "$1" 1e-13 "$2" "$3"; }
same "labels of either side" "$(kin infonce $pair --label y.npy)" \
    "$(kin infonce $pair --label y.npy --label y.npy)"
"$array" make y3.npy "<i8" 3 0 1 2
same "proxies" "$(kin infonce --query qd.npy --proxy cd.npy --label y.npy)" \
    "$(kin infonce --query qd.npy --document cd.npy --label y.npy --label y3.npy)"
same "symmetric" "$(kin infonce $pair --symmetric true)" \
    "$(kin infonce $pair --direction both_ways)"
"$array" make eye.npy "<i8" 6,2 0 0 1 1 2 2 3 3 4 4 5 5
same "the diagonal as pairs" "$(kin infonce $pair)" "$(kin infonce $pair --positive eye.npy)"
same "pairs among all, of scores" "$(kin infonce --score s6d.npy)" \
    "$(kin infonce --score s6d.npy --positive eye.npy)"
"$array" make apart.npy "<i4" 6,3 0 1 1 0 2 0 2 3 1 2 4 0 5 4 1 5 0 -1
same "triplets as pairs of one query" "$(kin infonce --query qd.npy --triplet t.npy)" \
    "$(kin infonce --query qd.npy --positive apart.npy)"
near "pairs that say what they are" 1e-13 \
    "$(kin sigmoid --query qd.npy --positive told.npy --scale 2 --bias -1)" \
    "$(awk '{ q[n++] = $1 } function cosine(i, j,   d, s, x, y) { s = x = y = 0
        for (d = 0; d < 4; d++) { s += q[4*i+d] * q[4*j+d]; x += q[4*i+d]^2; y += q[4*j+d]^2 }
        return s / sqrt(x * y) }
        function cell(i, j, y) { return log(1 + exp(-y * (2 * cosine(i, j) - 1))) }
        END { v = cell(0,1,1) + cell(0,2,-1) + cell(3,5,1) + cell(5,4,1) + cell(4,3,-1)
              printf "%.17g", (v + cell(3,1,-1)) / 6 }' qd.txt)"
given="--query qd.npy --triplet t.npy --mining given --reduce sum"
holds "swapping can only make it harder" "$(awk -v a="$(kin triplet $given)" \
    -v b="$(kin triplet $given --swap true)" 'BEGIN { print (b >= a) }')" = 1
for reduce in own mean_valid mean_nonzero mean_rows sum per_pair; do
    says 0 "value" infonce --query q.npy --document k.npy --reduce $reduce
done
for direction in one_way both_ways views joint; do
    says 0 "value" infonce --query q.npy --document k.npy --direction $direction
done
says 0 "rows         12" infonce --query q.npy --document k.npy --direction views
says 0 "value" infonce --query q.npy --document w.npy --label y.npy --label y9.npy
says 0 "negatives    10" infonce --query q.npy --document k.npy --negative n.npy
says 0 "negatives    3" infonce --query q.npy --document k.npy --negative own.npy
says 0 "negatives    8" infonce --score s.npy
says 0 "negatives    4" infonce --score s6.npy --label y.npy --self
says 0 "temperature: " infonce --query q.npy --document k.npy --learn temperature
says 0 '"parameter"' sigmoid --query q.npy --document k.npy --learn "scale, bias" --json
for key in loss value rows valid positives negatives temperature hypers gradients; do
    says 0 "\"$key\"" infonce --query q.npy --document k.npy --json --quiet --threads 1
done
says 0 "q.npy as document" infonce --query q.npy --document q.npy --json

# ---- targets: of scores, of pairs, of triplets, of own negatives
"$array" wave alike.npy "<f8" 6,6 5
"$array" wave one.npy "<f8" 6 5
"$array" wave five.npy "<f8" 5 5
"$array" wave two.npy "<f8" 3,2 5
"$array" wave four.npy "<f8" 6,4 5
"$array" show two.npy > two.txt
same "targets of the diagonal" "$(kin cosent $pair --target one.npy)" \
    "$(kin cosent $pair --positive eye.npy --target one.npy)"
says 0 "valid        1" cosent --query qd.npy --positive pairs.npy --target five.npy
says 0 "valid        6" distillation --score s6d.npy --target alike.npy
says 0 "gradient     ownd.npy" margin_mse $pair --negative ownd.npy --target four.npy
near "a teacher's margins" 1e-13 \
    "$(kin margin_mse --query qd.npy --triplet t.npy --target two.npy)" \
    "$(awk 'FILENAME == ARGV[1] { q[n++] = $1; next } { y[m++] = $1 }
        function dot(i, j,   d, s) { s = 0; for (d = 0; d < 4; d++) s += q[4*i+d] * q[4*j+d]
            return s }
        function off(r, a, p, n) { return (dot(a, p) - dot(a, n) - y[2*r] + y[2*r+1]) ^ 2 }
        END { printf "%.17g", (off(0,0,1,2) + off(1,2,3,4) + off(2,5,4,0)) / 3 }' qd.txt two.txt)"
says 2 "cosent needs --target" cosent $pair
says 2 "pairs are given to it one by one" cosent $pair --target alike.npy
says 2 "pairs are given to it one by one" online_contrastive $own
says 3 "alike.npy: float64 of shape (6, 6), expected (6, 4), a number for each cell of a row" \
    margin_mse $pair --negative ownd.npy --target alike.npy
says 3 "four.npy: float64 of shape (6, 4), expected (6, 6), a number for each score" \
    distillation $pair --target four.npy
says 3 "five.npy: float64 of shape (5,), expected 6 numbers" cosent $pair --target five.npy
says 2 "barlow_twins" barlow_twins --score s6d.npy
says 0 "valid        6" barlow_twins $pair
says 0 "rows         3" proxy_anchor --query qd.npy --proxy cd.npy --label y.npy

# ---- mistakes of the command line
q="--query q.npy --document k.npy"
says 2 "there is no loss called" infonse $q
says 2 "an argument is missing"
says 2 "--query Q.npy (or --score" infonce
says 2 "--document K.npy is missing" infonce --query q.npy
says 2 "did you mean --margin" circle $q --margn 1
says 2 "circle has no setting 'temperature'; it has margin, gamma" circle $q --temperature 1
says 2 "circle has no setting 'scale'" circle $q --loss.scale 1
says 2 'temperature is "-1", expected a number from 0.001' infonce $q --temperature -1
says 2 '--similarity is "cosin"' infonce $q --similarity cosin
says 2 '--reduce is ""' infonce $q --reduce ""
says 2 "exclude each other" infonce $q --symmetric true --direction views
says 2 "--score and --query exclude each other" infonce $q --score s.npy
says 2 "--positive and --label exclude each other" infonce $q --positive pairs.npy --label y.npy
says 2 "--negative needs --document" infonce --query q.npy --label y.npy --negative n.npy
says 2 "--proxy needs --label" infonce --query q.npy --proxy c.npy
says 2 "three times" infonce $q --label y.npy --label y.npy --label y.npy
says 2 "a second --label needs" infonce --query q.npy --label y.npy --label y.npy
says 2 "--self needs --score" infonce $q --self
says 2 "--swap needs --triplet" circle $q --swap true
says 2 "circle takes no --target" circle $q --target s6.npy
says 2 "circle does not learn" circle $q --learn margin
says 2 "has no setting 'heat'" infonce $q --learn "temperature heat"
says 2 "--grad . is the folder of q.npy" infonce $q --grad .
says 2 "--grad $work is the folder of" infonce $q --grad "$work"
says 2 "--grad is empty" infonce $q --grad ""
mkdir -p other && cp q.npy other/
says 2 "the same file name" infonce --query q.npy --document other/q.npy --grad g4
holds "a refused call leaves no folder" ! -e g4
says 2 "scores are read one way" infonce --score s.npy --direction both_ways

# ---- mistakes of the data
says 3 "nowhere.npy" infonce --query nowhere.npy --document k.npy
says 3 "kd.npy: float64 of shape (6, 4), expected float32 as in q.npy" \
    infonce --query q.npy --document kd.npy
says 3 "y.npy: int64 of shape (6,), expected B x D floating" infonce --query y.npy --document k.npy
says 3 "q.npy: float32 of shape (6, 4), expected one whole number" \
    infonce --query q.npy --label q.npy
says 3 "own.npy: float32 of shape (6, 3, 4), expected N x D" \
    infonce --query q.npy --document own.npy
"$array" wave narrow.npy "<f4" 6,3 1
says 3 "narrow.npy: float32 of shape (6, 3), expected 4 columns as in q.npy" \
    infonce --query q.npy --document narrow.npy
"$array" wave few.npy "<f4" 5,4 1
says 3 "few.npy: 5 columns for 6 rows of q.npy" infonce --query q.npy --document few.npy
says 3 "y9.npy: int32 of shape (9,), expected 6 labels" infonce --query q.npy --label y9.npy
says 3 "give a second --label" infonce --query q.npy --document w.npy --label y.npy
says 3 "y9.npy: row 7, column 0 (counted from 0) is 7, expected 0 to 2" \
    infonce --query w.npy --proxy c.npy --label y9.npy
says 3 "pairs.npy: row 2 (counted from 0) is the pair (3, 5), expected 0 to 5 and 0 to 2" \
    infonce --query q.npy --document c.npy --positive pairs.npy
"$array" make third.npy "<i8" 1,3 0 1 2
says 3 "third.npy: row 0 (counted from 0) says 2" infonce --query q.npy --positive third.npy
says 3 "t.npy: row 1 (counted from 0)" triplet --query q.npy --document c.npy --triplet t.npy
"$array" make far.npy "<i8" 1,3 0 1 6
says 3 "far.npy: row 0, column 2 (counted from 0) is 6, expected 0 to 5" \
    triplet --query q.npy --triplet far.npy
says 3 "own.npy" infonce --query w.npy --document w.npy --negative own.npy
says 3 "as many rows as columns with --self" \
    infonce --score s.npy --self --label y.npy --label y9.npy
"$array" make half.npy "<f2" 1,2 0 0
says 3 "half.npy: numbers of type '<f2', expected '<f4'" \
    infonce --query half.npy --document k.npy
"$array" make big.npy ">f4" 1,2 0 0
says 3 "big.npy: numbers of type '>f4'" infonce --query big.npy --document k.npy
head -c 150 q.npy > cut.npy
says 3 "cut.npy: 22 bytes of values" infonce --query cut.npy --document k.npy
printf '1 2\n3\n' > uneven.txt
says 3 "uneven.txt line 2: 1 numbers, expected 2 as in the first row" uniformity --query uneven.txt
printf '1 two\n' > word.txt
says 3 "word.txt line 1: 'two' is not a number" uniformity --query word.txt
printf '1.5\n' > part.txt
says 3 "part.txt line 1: '1.5' is not a whole number" infonce --query rows.txt --label part.txt
printf '# none\n\n' > none.txt
says 3 "none.txt: holds no numbers" uniformity --query none.txt
says 3 "q.npy: float32 of shape (6, 4), expected float64 as in rows.txt" \
    infonce --query rows.txt --document q.npy
printf 'not an array' > text.npy
says 3 "text.npy" infonce --query q.npy --document text.npy
"$array" make nan.npy "<f4" 2,2 1 2 3 nan
says 4 "nan.npy: row 1, column 1 (counted from 0) is nan" infonce --query nan.npy --document nan.npy
"$array" make inf.npy "<f8" 2,2 1 -inf 3 4
says 4 "inf.npy: row 0, column 1 (counted from 0) is -inf" \
    infonce --query inf.npy --document inf.npy
"$array" make huge.npy "<f4" 2,2 1e30 1e30 3e30 1e-30
says 4 "too large" infonce --query huge.npy --document huge.npy --similarity dot
cp q.npy before.npy
says 1 "q.npy: cannot make the folder" infonce $q --grad q.npy/g
holds "inputs are as they were" -z "$(cmp q.npy before.npy 2>&1)"
"$array" wave long.npy "<f4" 300,4 1
cp long.npy w2.npy
expect 1 "g5/long.npy: cannot write" bash -c "trap '' XFSZ; ulimit -f 1
    exec '$KIN' loss infonce --query long.npy --document w2.npy --grad g5"
holds "nothing half-written stays" -z "$(ls g5 2> err)"

# ---- what README.md tells to do
grep -E '^    build/kin loss ' "$source/README.md" | sed 's/ *#.*//' > told
holds "README.md shows kin loss" -s told
while read -r _ words; do expect 0 "value" "$KIN" $words; done < told
finish
