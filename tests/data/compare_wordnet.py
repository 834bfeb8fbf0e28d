"""compare_wordnet.py PEER FOLDER DUMP: is the dump of an imported store what the definition of the
task, PEER (a Python file with load() and text()), makes of the WordNet files in FOLDER?

The dump has lines with fields apart by \\1: D id text; Q id split document text; P left right
document."""
import importlib.util
import sys

specification = importlib.util.spec_from_file_location("peer", sys.argv[1])
peer = importlib.util.module_from_spec(specification)
specification.loader.exec_module(peer)
peer.DIRECTORY = sys.argv[2] + "/"

documents, examples = peer.load()
sides = {"0": "train", "1": "validation", "2": "test"}
found = {"D": [], "Q": [], "P": []}
ids = set()
with open(sys.argv[3], encoding="utf-8", newline="\n") as dump:
    for line in dump:
        kind, *fields = line[:-1].split("\1")
        found[kind].append(tuple(fields))
        if kind != "P":
            ids.add((kind, fields[0]))

texts = [peer.text(d) for d in documents]
expected = {
    "D": texts,
    "Q": [(side, str(d), e) for e, d, side in examples],
    "P": [(e, texts[d], str(d)) for e, d, side in examples if side == "train"]
    + [(", ".join(d[0]), d[1], str(i)) for i, d in enumerate(documents)],
}
found["D"] = [text for _, text in found["D"]]
found["Q"] = [(sides[side], d, e) for _, side, d, e in found["Q"]]

differences = 0
for kind in "DQP":
    if len(found[kind]) != len(expected[kind]):
        print(kind, len(found[kind]), "found,", len(expected[kind]), "expected")
        differences += 1
    for i, (a, b) in enumerate(zip(found[kind], expected[kind])):
        if a != b:
            differences += 1
            if differences < 5:
                print(kind, i, repr(a), "found,", repr(b), "expected")
if len(ids) != len(found["D"]) + len(found["Q"]):
    print("ids are not unique")
    differences += 1
print(*(f"{len(v)} {k}" for k, v in found.items()), "compared,", differences, "differences")
sys.exit(differences != 0)
