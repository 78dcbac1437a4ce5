"""Makes test/golden/npz.json with NumPy: .npz files of every kind that src/data/npz.ts reads, in base64.

    python3 scripts/golden/npz.py        (made with NumPy 2.4.6)
"""
import base64
import io
import json
import pathlib

import numpy as np

out = pathlib.Path(__file__).resolve().parents[2] / 'test' / 'golden' / 'npz.json'


def saved(compressed=False, **arrays):
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return base64.b64encode(buffer.getvalue()).decode()


# Element i of an array is (7 i + 3) mod 251, in row-major order.
def filled(shape, dtype):
    return ((7 * np.arange(np.prod(shape)) + 3) % 251).reshape(shape).astype(dtype)


types = ['|u1', '|i1', '|b1', '<u2', '>u2', '<i2', '>i4', '<u4', '<i8', '>i8', '>u8', '<f2', '>f2', '<f4', '>f4', '<f8', '>f8']
labels = np.array([0, 2, 1, 0], np.int64)
files = {
    'numpy': np.__version__,
    'types': {t: saved(a=filled((3, 4), t)) for t in types},
    'fortran': {t: saved(compressed=True, a=np.asfortranarray(filled((2, 3, 4, 5), t))) for t in ['|u1', '>f4', '<f8']},
    'scalar': saved(a=np.float32(1.5)),
    'empty': saved(a=np.zeros((0, 3), np.uint8)),
    'strings': saved(images=filled((4, 5), '<f4'), labels=np.array(['a', 'b', 'a', 'b'])),
    'objects': saved(images=filled((4, 5), '<f4'), labels=np.array([None, 1, 2, 3], dtype=object)),
    'nchw': saved(images=filled((4, 3, 6, 5), np.uint8), labels=labels),
    'nhwc': saved(compressed=True, images=filled((4, 6, 5, 3), np.uint8), labels=labels.astype(np.uint8).reshape(4, 1)),
    'nhwcFortran': saved(compressed=True, images=np.asfortranarray(filled((4, 6, 5, 3), '>f4')), labels=labels.astype('>i4')),
    'grey': saved(x=filled((4, 6, 5), np.int64), y=labels),
    'ambiguous': saved(images=filled((4, 3, 6, 3), np.uint8), labels=labels),
    'many': saved(images=filled((4, 8, 6, 16), np.float32), labels=labels),
    'vectors': saved(x_train=filled((4, 7), '<f8') / 251, y_train=np.array([0.5, -1.25, 3, 0], '<f8'),
                     x_test=filled((2, 7), '<f8') / 251, y_test=np.array([1, 2], '<f4')),
    'medmnist': saved(compressed=True, **{f'{part}_{role}': value for part, n in [('train', 4), ('val', 2), ('test', 3)] for role, value in
                                          [('images', filled((n, 6, 6), np.uint8)), ('labels', np.arange(n).reshape(n, 1) % 2)]}),
    'oneHot': saved(images=filled((4, 5), '<f4'), labels=np.eye(4, dtype=np.int32)),
}
out.write_text(json.dumps(files, indent=1) + '\n')
