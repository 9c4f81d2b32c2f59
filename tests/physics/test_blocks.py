"""Merged blocks against the blocks themselves, on all sites."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barren.physics.blocks import MOST, Block, merged

SITES = 3
places = st.lists(
    st.permutations(range(SITES)).flatmap(
        lambda order: st.integers(1, SITES).map(lambda count: tuple(order[:count]))
    ),
    min_size=1,
    max_size=12,
)


def everywhere(matrix: np.ndarray, sites: tuple[int, ...], size: int) -> np.ndarray:
    """The matrix on all sites, by Einstein's sum over the digits of its own."""
    left, right = [*range(SITES)], [*range(SITES, 2 * SITES)]
    inside = [left[site] for site in sites] + [right[site] for site in sites]
    operands = [matrix.reshape([size] * 2 * len(sites)), inside]
    for site in {*left} - {*sites}:
        operands += [np.eye(size), [left[site], right[site]]]
    return np.einsum(*operands, left + right).reshape([size**SITES] * 2)


def gradients(blocks: list[Block], size: int) -> tuple[np.ndarray, dict]:
    """The whole map, and with each parameter's slope in its block's place."""
    maps = [everywhere(block.map, block.sites, size) for block in blocks]
    slopes: dict = {}
    for at, block in enumerate(blocks):
        for key, slope in block.slopes.items():
            own = everywhere(slope, block.sites, size)
            line = [*maps[:at], own, *maps[at + 1 :]]
            slopes[key] = slopes.get(key, 0) + reduce(lambda a, b: b @ a, line)
    return reduce(lambda a, b: b @ a, maps), slopes


@pytest.mark.parametrize("size", [2, 4])
@given(places=places, seed=st.integers(0, 99))
def test_merged_blocks_do_the_same(size: int, places: list, seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = [
        Block(
            sites,
            rng.normal(size=[size ** len(sites)] * 2) / size,
            # Some parameters occur in several blocks, some blocks have none.
            {n % 4: rng.normal(size=[size ** len(sites)] * 2)} if n % 3 else {},
        )
        for n, sites in enumerate(places)
    ]
    few = merged(blocks)
    assert len(few) <= len(blocks)
    whole, slopes = gradients(blocks, size)
    same, others = gradients(few, size)
    scale = np.abs(whole).max()
    np.testing.assert_allclose(same, whole, rtol=0, atol=1e-10 * scale)
    assert slopes.keys() == others.keys()
    for key, slope in slopes.items():
        close = 1e-10 * np.abs(slope).max()
        np.testing.assert_allclose(others[key], slope, rtol=0, atol=close)


def test_rotations_and_ladders_become_pairs() -> None:
    """Of 6 rotations and 2 gates on pairs, as of a layer of three qubits."""
    singles = [Block((site,), np.eye(2), {}) for site in (0, 0, 1, 1, 2, 2)]
    pairs = [Block((site, site + 1), np.eye(4), {}) for site in (0, 1)]
    assert [block.sites for block in merged(singles + pairs)] == [(0, 1), (1, 2)]
    assert MOST == 2
