# A small corpus and plan for the tests of kin ablate, in the working folder. Sourced after cli/lib.sh.
pairs > pairs.tsv
"$KIN" import pairs pairs.tsv --out pairs.h5 --fraction 0.15 --test_fraction 0.2 > import.out
cat > base.ini <<'INI'
[data]
store = pairs.h5
[tokenizer]
vocab_size = 600
[encoder]
dim = 16
[batch]
size = 32
[optim]
lr = 0.1
[log]
tensorboard = false
INI

# small_plan STEPS
small_plan() {
    cat <<INI
[plan]
name = plan
base = base.ini
seeds = 1, 2
steps = $1
jobs = 2
[rows]
loss.name = infonce, sigmoid
[tune]
optim.lr = 0.02, 0.2
[tune sigmoid]
loss.scale = 5, 10
INI
}

# The files of both plans, but for the plan's name.
compare_with_calm() {
    for file in table.csv table.md table.tex results.json; do
        sed 's/calm/plan/g' runs/calm/$file > wanted
        holds "$file is as of an undisturbed run" -z "$(cmp wanted runs/plan/$file 2>&1)"
    done
}
