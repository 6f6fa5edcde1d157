"""Writes the .npy files of the tests. Needs numpy and ml_dtypes.

    python make.py
"""

import pathlib

import ml_dtypes
import numpy as np

HERE = pathlib.Path(__file__).parent
grid = np.arange(6).reshape(2, 3) - 1.5  # exact in every floating type

FILES = {
    "float32": grid.astype("<f4"),
    "float64": grid.astype("<f8"),
    "float16": grid.astype("<f2"),
    "bfloat16": grid.astype(ml_dtypes.bfloat16),
    "int32": (grid * 2).astype("<i4"),
    "int64": (grid * 2).astype("<i8"),
    "bool": grid > 0,
    "big_endian": grid.astype(">f8"),
    "big_endian_int": (grid * 2).astype(">i4"),
    "fortran": np.asfortranarray(grid.astype("<f4")),
    "fortran_rank3": np.asfortranarray(np.arange(24, dtype="<i8").reshape(2, 3, 4)),
    "scalar": np.float32(2.5),
    "vector": np.arange(3, dtype="<i8"),
    "empty": np.zeros((0, 3), "<f4"),
    "uint8": np.array([0, 7, 255], "u1"),
    "int8": np.array([-128, 0, 127], "i1"),
    "uint16": np.array([1, 65535], ">u2"),
    "int16": np.array([-32768, 32767], "<i2"),
    "uint32": np.asfortranarray(np.array([[1, 3], [2, 2**32 - 1]], "<u4")),
    "uint64": np.array([0, 2**62], "<u8"),
    "refused_uint64": np.array([2**63], "<u8"),
    "refused_complex": np.zeros(2, "c16"),
    "refused_text": np.array(["a", "bc"]),
    "refused_records": np.zeros(2, [("x", "f4"), ("y", "i8")]),
    "refused_objects": np.array([None, 1], object),
}

for name, array in FILES.items():
    np.save(HERE / f"{name}.npy", array)

for version in [(2, 0), (3, 0)]:
    with open(HERE / f"version{version[0]}.npy", "wb") as f:
        np.lib.format.write_array(f, grid.astype("<f4"), version=version)
