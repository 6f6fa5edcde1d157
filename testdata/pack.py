#!/usr/bin/env python3
"""Compresses the golden files for embedding: golden/LOSS.txt becomes packed/LOSS.bz2.

    python3 testdata/pack.py

golden.py does so too; this needs no PyTorch, for when golden/ was merged or reverted.
"""

import bz2
import pathlib


def pack(golden):
    """Brings packed/, beside the golden folder, up to date; returns its size in bytes."""
    packed = golden.parent / "packed"
    packed.mkdir(exist_ok=True)
    wanted = {p.stem + ".bz2": p.read_bytes() for p in sorted(golden.glob("*.txt"))}
    for name in different(golden):
        if name in wanted:
            (packed / name).write_bytes(bz2.compress(wanted[name], 9))
        else:
            (packed / name).unlink()
    return sum(p.stat().st_size for p in packed.iterdir())


def different(golden):
    """The names of packed files that do not hold the text of golden/."""
    packed = {p.name: p for p in (golden.parent / "packed").glob("*")}
    wanted = {p.stem + ".bz2": p.read_bytes() for p in golden.glob("*.txt")}
    return sorted(name for name in wanted.keys() | packed.keys()
                  if name not in wanted or name not in packed or unpacked(packed[name]) != wanted[name])


def unpacked(path):
    try:
        return bz2.decompress(path.read_bytes())
    except (OSError, ValueError):
        return None


if __name__ == "__main__":
    print(f"{pack(pathlib.Path(__file__).resolve().parent / 'golden')} bytes packed")
