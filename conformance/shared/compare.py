"""Compares a file's outputs with PyTorch's, element by element.

NaN and signed infinities must be where PyTorch has them in the same dtype. A finite
value passes when it is
  1. close to PyTorch's value in the same dtype, or
  2. as close to PyTorch's float64 value as 4 times PyTorch's own float32 error, or
  3. within what the inputs' last bit decides (measured on PyTorch, in float64), as long
     as that is rounding and not the other side of a kink, or
  4. where inputs are very large, within two steps of the largest one: a difference of
     distances, for example, is small although each of them is rounded as a large number, or
  5. in float32, within 17 steps of the largest element, for a gradient of a loss of which
     describe says that its gradients cancel: they are small differences of large numbers.
Where PyTorch's float64 has no digits left, so that it has another value for each number of
the inputs' last bits, any number between these passes: a kink has two or three.
At a pole, where PyTorch's float32 divides by 0 and its float64 does not, any number passes:
the last bit of the inputs decides how large it is.
A float16 output is float32's, rounded once more: it gets one step of float16 more.
"""

import numpy as np

RTOL = {np.float16: 1e-3, np.float32: 1.3e-5, np.float64: 1e-7}
ATOL = {np.float16: 1e-6, np.float32: 1e-6, np.float64: 1e-12}
LARGEST_HALF = 65504
OWN_ERROR = 4  # times the error of PyTorch's float32 run
SENSITIVITY = 8  # times what the last bit of the inputs decides
LARGE = 1e3  # beyond, differences of inputs lose digits that no output shows
KINK = 1e-2  # a larger move, relative to the value, is a kink and not rounding
POLE = 1e30  # beyond, infinity is an overflow
CANCELLING = 2e-6  # of the largest element, where gradients cancel
RELATIVE_FLOOR = 1e-3  # relative errors count from this share of the largest value


class Difference(Exception):
    """The file and PyTorch disagree."""


class Score:
    """Counts of one loss, and its worst errors."""

    def __init__(self):
        self.requests = self.files = self.refused = self.raised = 0
        self.runs = self.values = self.by_sensitivity = 0
        self.differences = 0
        self.worst = {np.float32: 0.0, np.float64: 0.0}

    def record(self, got, want, dtype):
        finite = np.isfinite(got) & np.isfinite(want)
        if not finite.any():
            return
        g, w = got[finite].astype(np.float64), want[finite].astype(np.float64)
        scale = np.maximum(np.abs(w), RELATIVE_FLOOR * np.abs(w).max())
        with np.errstate(all="ignore"):
            error = np.where(np.abs(g - w) == 0, 0, np.abs(g - w) / scale)
        # Below the absolute tolerance a relative error says nothing.
        error = error[(np.abs(w) > ATOL[dtype]) & np.isfinite(error)]
        self.worst[dtype] = max(self.worst[dtype], float(error.max(initial=0)))


def tainted(arrays, shape):
    """The elements of a gradient of this shape whose row holds a NaN in some input."""
    result = np.zeros(shape, bool)
    for x in arrays.values():
        if not np.issubdtype(x.dtype, np.floating) or not np.isnan(x).any():
            continue
        if result.ndim and x.ndim and x.shape[0] == shape[0]:
            rows = np.isnan(x).reshape(shape[0], -1).any(axis=1)
            result |= rows.reshape((-1,) + (1,) * (result.ndim - 1))
        else:
            result |= True
    return result


def close(a, b, rtol, atol):
    return np.abs(a - b) <= atol + rtol * np.abs(b)


def judge(outputs, arrays, reference, dtype, types, nan_rows, score, composed=False, cancels=False):
    """Raises Difference at the worst element that does not pass. composed: where one output
    is not finite, or a geometric mean is 0, gradients are 0 times infinity, NaN or 0 by
    which factor comes first."""
    want = reference.same_dtype(arrays)
    double = reference.double(arrays) if dtype == np.float32 else want
    moved = None
    for name, got in outputs.items():
        if name not in want:
            continue  # a part of the loss that the expression does not give
        w, d = want[name], double[name]
        if got.shape != w.shape:
            raise Difference(f"{name} has shape {list(got.shape)}, PyTorch's {list(w.shape)}")
        if got.dtype != types[name]:
            raise Difference(f"{name} is {got.dtype}")
        if got.dtype == np.float16:
            got, w, d = half(got, w, d)
        score.values += got.size
        with np.errstate(all="ignore"):
            passed = same_kind(name, got, w, arrays, nan_rows)
            infinite = (want["loss"] == 0).any() or not all(np.isfinite(x).all() for x in want.values())
            if composed and infinite and name.startswith("grad_"):
                passed |= ~np.isfinite(got) & (~np.isfinite(w) | (w == 0))
            finite = np.isfinite(got) & np.isfinite(w)
            passed |= finite & close(got, w, RTOL[types[name]], ATOL[types[name]])
            error = np.abs(got - d)
            if types[name] == np.float16:
                error = np.maximum(error - np.spacing(np.abs(d).astype(np.float16)), 0)
            passed |= finite & (error <= np.maximum(ATOL[dtype] + RTOL[dtype] * np.abs(d),
                                                    OWN_ERROR * np.abs(w - d)))
            passed |= finite & (error <= 2 * np.finfo(dtype).eps * very_large(arrays))
            if cancels and dtype == np.float32 and name.startswith("grad_"):
                passed |= finite & (error <= CANCELLING * np.abs(d[np.isfinite(d)]).max(initial=0))
            if (finite & ~passed).any():
                moved = moved or reference.sensitivity(arrays, double)
                rounding = moved[name] <= KINK * np.maximum(1, np.abs(d))
                within = finite & ~passed & (error <= SENSITIVITY * moved[name])
                saved = within & rounding
                if (within & ~saved).any():
                    saved |= within & reference.lost(arrays).get(name, False)
                score.by_sensitivity += int(saved.sum())
                passed |= saved
            pole = np.isfinite(got) & np.isinf(w) & np.isfinite(d) & (np.abs(d) < POLE)
            if (pole & ~passed).any():
                moved = moved or reference.sensitivity(arrays, double)
                passed |= pole & (moved[name] > KINK * np.abs(d))
        if not passed.all():
            raise Difference(describe(name, got, w, d, passed))
        if types[name] == dtype:
            score.record(got, d if dtype == np.float32 else w, dtype)


def half(got, want, double):
    """A float16 output as float32, and what it has to be: infinite above float16's range."""
    got = got.astype(np.float32)
    with np.errstate(all="ignore"):
        near = np.abs(np.abs(want) - LARGEST_HALF) < 0.01 * LARGEST_HALF
        rounded = [np.where(near & np.isinf(got), got, x.astype(np.float16).astype(np.float32)) for x in (want, double)]
    return got, *rounded


def very_large(arrays):
    """The largest finite input, 0 unless it is very large."""
    floats = [x for x in arrays.values() if np.issubdtype(x.dtype, np.floating)]
    largest = max((float(np.abs(x[np.isfinite(x)]).max(initial=0)) for x in floats), default=0)
    return largest if largest > LARGE else 0


def same_kind(name, got, want, arrays, nan_rows):
    """Where neither is finite, and both are the same."""
    same = (np.isnan(got) & np.isnan(want)) | (np.isinf(got) & (got == want))
    if nan_rows and name.startswith("grad_"):
        same |= np.isnan(got) & tainted(arrays, got.shape)
    return same


def describe(name, got, want, double, passed):
    """The failing element that is furthest off."""
    with np.errstate(all="ignore"):
        off = np.where(passed, -1, np.nan_to_num(np.abs(got - want), nan=np.inf, posinf=np.inf))
    at = np.unravel_index(int(np.argmax(off)), got.shape) if got.ndim else ()
    count = int((~passed).sum())
    return (f"{name}{[int(i) for i in at]} is {got[at]!r}, PyTorch's {want[at]!r} "
            f"(float64 {double[at]!r}); {count} of {got.size} differ")
