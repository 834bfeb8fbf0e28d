#!/usr/bin/env python3
"""A trained model in sentence-transformers and in kin, text by text; and, for WordNet, the test figures again from
embeddings and from WordNet's own files. Run by hand:

    compare_sentence_transformers.py KIN RUN [WORDNET.py]

needs sentence-transformers and numpy. WORDNET.py: a module with load() -> documents [(lemmas, definition)], examples
[(text, document, side)] and text(document). Without it a few lines of text are compared.
"""
import importlib.util, os, random, subprocess, sys, tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
from sentence_transformers import SentenceTransformer

kin, run = sys.argv[1:3]
awkward = ["", " ", "\u00a0", "a", "[UNK]", "[PAD]", "\u4f60\u597d \u4e16\u754c", "na\u00efve caf\u00e9 \u00c5ngstr\u00f6m", "\U0001f600 \U0001f9ff",
           "zzzzqqqqxxxx", "tab\there", "x" * 3000, "the cat " * 375, "\u0645\u0631\u062d\u0628\u0627", "a\u0301\u0323b", "!?.,;:" * 20]
random.seed(1)
awkward += ["".join(chr(random.choice([random.randrange(32, 127), random.randrange(160, 0x2fff)])) for _ in range(60))
            for _ in range(500)]
awkward = [t for t in awkward if not any(c in t for c in "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")]


def ours(texts, role="document"):
    with tempfile.TemporaryDirectory() as folder:
        lines, out = os.path.join(folder, "lines"), os.path.join(folder, "out.npy")
        with open(lines, "w", encoding="utf-8", newline="") as f:
            f.writelines(t + "\n" for t in texts)
        subprocess.run([kin, "embed", run, lines, "--role", role, "--out", out, "--quiet"], check=True)
        return np.load(out)


model = SentenceTransformer(os.path.join(run, "model"), device="cpu")


def compare(name, texts):
    a = ours(texts)
    b = model.encode(texts, batch_size=4096, convert_to_numpy=True)
    difference = np.abs(a - b).max(1)
    print(f"{name}: {len(texts)} texts, largest difference {difference.max():.3g}, largest angle "
          f"{np.abs(1 - (a * b).sum(1))[np.linalg.norm(a, axis=1) > 0].max():.3g}, zero rows {int((np.abs(a).sum(1) == 0).sum())} "
          f"and {int((np.abs(b).sum(1) == 0).sum())}")
    assert difference.max() < 1e-5, texts[int(difference.argmax())]
    return a


compare("awkward lines", awkward)
if len(sys.argv) > 3:
    spec = importlib.util.spec_from_file_location("wordnet", sys.argv[3])
    wordnet = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(wordnet)
    documents, examples = wordnet.load()
    corpus = compare("documents", [wordnet.text(d) for d in documents])
    test = [(e, i) for e, i, side in examples if side == "test"]
    queries, gold = ours([e for e, _ in test], "query"), np.array([i for _, i in test])
    ranks = np.empty(len(test))
    for b in range(0, len(test), 256):
        scores = queries[b:b + 256] @ corpus.T
        own = scores[np.arange(len(scores)), gold[b:b + 256]]
        ranks[b:b + 256] = (scores > own[:, None]).sum(1)
    print(f"test queries {len(test)}: mrr@10 {np.mean((ranks < 10) / (ranks + 1)):.4f}, recall@1 {np.mean(ranks < 1):.4f}, "
          f"recall@10 {np.mean(ranks < 10):.4f}")
