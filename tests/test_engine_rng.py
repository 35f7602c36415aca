"""Philox4x32-10 against the known answers of Random123 (kat_vectors), and the uniforms made of it."""

import numpy as np
import pytest

from engine import uniforms
from engine.rng import philox, split, unit, words

KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter, key, answer):
    assert philox(counter, key) == answer
    assert tuple(int(w) for w in words(*(np.uint64(v) for v in counter + key))) == answer
    arrays = philox(tuple(np.full(3, v, np.uint64) for v in counter), key)
    assert [set(w.tolist()) for w in arrays] == [{w} for w in answer]


def test_compiled_uniforms_are_the_twins():
    keys = np.array([0, 1, 2**32, 2**64 - 1, 123456789012345], np.uint64)
    seed, period, purpose, draw = 2**63 + 12345, 51, 17, 9
    counter = (keys & np.uint64(0xFFFFFFFF), keys >> np.uint64(32), period, purpose << 24 | draw)
    expected = philox(counter, tuple(int(k) for k in split(seed)))[0]
    got = uniforms(seed, keys, period, purpose, draw)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [unit(np.uint32(w)) for w in expected])


def test_unit_is_open_symmetric_and_exact_at_both_ends():
    """(m + 1/2) / 2^23 needs 24 bits, so that nothing is rounded, 0 and 1 are never hit, and u and 1 - u are equal."""
    low, high = unit(np.uint32(0)), unit(np.uint32(2**32 - 1))
    assert low == np.float32(2.0**-24)
    assert high == np.float32(1 - 2.0**-24) < 1
    assert float(low) + float(high) == 1


def test_uniforms_are_uniform_and_independent_across_purpose_period_seed():
    """Mean and correlations of 200,000 draws; detects a bias of 0.0026 at z = 4."""
    keys = np.arange(200_000, dtype=np.uint64)
    base = uniforms(1, keys, 0, 16)
    z = (base.mean(dtype=np.float64) - 0.5) / np.sqrt(1 / 12 / len(keys))
    assert abs(z) < 4
    for other in (
        uniforms(2, keys, 0, 16),
        uniforms(1, keys, 1, 16),
        uniforms(1, keys, 0, 17),
        uniforms(1, keys, 0, 16, 1),
    ):
        assert abs(np.corrcoef(base, other)[0, 1]) * np.sqrt(len(keys)) < 4
    assert abs(np.corrcoef(base[1:], base[:-1])[0, 1]) * np.sqrt(len(keys)) < 4
