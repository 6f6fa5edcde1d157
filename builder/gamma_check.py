"""Print testdata/gamma.txt: x, log|Γ(x)|, its first and second derivative, and erf(x),
each the float64 nearest to the exact number, and say on stderr how far PyTorch is off.

Run in this folder with a Python that has mpmath 1.3 and torch:

    python3 gamma_check.py > testdata/gamma.txt
"""

import random
import sys

import mpmath
import torch
from mpmath import digamma, erf, log, loggamma, mpf, pi, polygamma, sin

mpmath.mp.dps = 60


def lgamma(x):
    if x > 0:
        return loggamma(x)
    return log(pi / abs(x * sin(pi * x))) - loggamma(-x)


def single(x):
    """The next number that float32 has too."""
    return torch.tensor(x, dtype=torch.float32).item()


def points():
    """Powers of ten, a dense grid of numbers that float32 has, and neighbours of 1, 2, 3, the root and whole numbers."""
    r = random.Random(7)
    for e in range(-300, 301, 20):
        yield r.uniform(1, 10) * 10.0 ** e
    yield from (1e305, 2.5e305, 2.3e-308, 170.0, 171.7)  # no subnormals: Go's logarithm is off there
    for k in range(160):
        yield single(k / 16 + 1 / 64 + r.random() / 64)
        yield single(-(k / 16 + 1 / 64 + r.random() / 64) if k < 100 else 10.0 ** r.uniform(-30, 30))
    for middle in (1.0, 2.0, 3.0, 1.4616321449683622, -1.0, -2.0, -7.0, 0.5, -0.5, -1.5, -100.0):
        for e in (1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 0.03):
            yield from (middle - e, middle + e, single(middle - e), single(middle + e))
    yield from (1.0, 2.0, 3.0, 0.5, 4.0, 10.0, 100.0, -0.5, -1.5, -100.5, -12345.25, -1e-10, -1e-300)


def main():
    worst = {}
    for x in sorted(x for x in set(points()) if x > 0 or x != int(x)):
        e = mpf(x)
        exact = [lgamma(e), digamma(e), polygamma(1, e), erf(e)]
        one = torch.tensor(x, dtype=torch.float64)
        theirs = [torch.lgamma(one), torch.digamma(one), torch.polygamma(1, one), torch.erf(one)]
        for name, a, b in zip(("lgamma", "digamma", "trigamma", "erf"), exact, theirs):
            b = b.item()
            if abs(b) < float("inf") and abs(a) < 1e308 and a != 0:
                off = float(abs(mpf(b) - a) / abs(a))
                worst[name, x > 0] = max(worst.get((name, x > 0), (0, 0)), (off, x))
        print(" ".join(repr(v) for v in [x] + [float(v) for v in exact]))
    for key, value in sorted(worst.items()):
        print(*key, value, file=sys.stderr)


if __name__ == "__main__":
    main()
