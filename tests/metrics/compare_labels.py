"""compare_labels.py: prints what test_labels.c holds as literals, by numpy, scipy and scikit-learn."""
import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier

MASK = (1 << 64) - 1


def unit_of(i):
    z = (i * 2 + 1) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    z ^= z >> 31
    return (z >> 11) * 2.0 ** -53


CLASSES, DIM, TRAIN, ITEMS = 4, 5, 80, 60


def make(first, count):
    label = np.array([(first + i) * 7 % 11 % CLASSES for i in range(count)])
    x = np.array([[unit_of(DIM * (first + i) + j) - 0.5 + 0.35 * (label[i] == j)
                   for j in range(DIM)] for i in range(count)])
    return x / np.linalg.norm(x, axis=1, keepdims=True), label


x, y = make(0, TRAIN)
q, z = make(TRAIN, ITEMS)
print("centroid", np.mean([z[i] == np.argmax([
    q[i] @ (m := x[y == c].mean(0)) / np.linalg.norm(m) for c in range(CLASSES)])
    for i in range(ITEMS)]))
print("knn@1", KNeighborsClassifier(1, metric="cosine").fit(x, y).score(q, z))
hits = 0
for i in range(ITEMS):
    near = list(y[np.argsort(-(x @ q[i]), kind="stable")[:5]])
    hits += max(near, key=lambda c: (near.count(c), -near.index(c))) == z[i]
print("knn@5", hits / ITEMS)
first, share, mean = [], [], []
for i in range(ITEMS):
    order = [j for j in np.argsort(-(q @ q[i]), kind="stable") if j != i]
    r = np.sum(z == z[i]) - 1
    right = z[order[:r]] == z[i]
    first.append(right[0])
    share.append(right.mean())
    mean.append(np.mean(np.cumsum(right) / np.arange(1, r + 1) * right))
print("recall@1", np.mean(first), "r_precision", np.mean(share), "map@r", np.mean(mean))

known = ["a cat and a cat", "the dog", "a dog, 2 cats", "the the 2", "one fish two fish"]
label = [0, 1, 1, 0, 2]
asked = ["cat", "The DOG and the cat", "fish 2 the", "nothing known here"]
model = TfidfVectorizer(token_pattern="[a-z]+|[0-9]+").fit(known)
a, b = model.transform(known).toarray(), model.transform(asked).toarray()
print("cosines", repr((a[:4] * b).sum(1)))
means = np.array([a[np.array(label) == c].mean(0) for c in range(3)])
means /= np.linalg.norm(means, axis=1, keepdims=True)
print("nearest", (b @ means.T).argmax(1), (b @ means.T).max(1))

u = np.array([int(unit_of(i) * 8) for i in range(100)])
v = np.array([int(unit_of(200 + i) * 8) + u[i] // 2 for i in range(100)])
print("spearman", repr(spearmanr(u, v)[0]), "pearson", repr(pearsonr(u, v)[0]))
