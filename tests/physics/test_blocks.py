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


def everywhere(
    matrix: np.ndarray, block: Block, before: list[int], after: list[int]
) -> np.ndarray:
    """The matrix on all sites, by Einstein's sum over the digits of its own."""
    sites, rest = block.sites, {*range(SITES)} - {*block.sites}
    inside = [*sites, *(SITES + site for site in sites)]
    sizes = [after[site] for site in sites] + [before[site] for site in sites]
    operands = [matrix.reshape(sizes), inside]
    for site in rest:
        operands += [np.eye(before[site]), [site, SITES + site]]
    whole = np.einsum(*operands, [*range(2 * SITES)])
    return whole.reshape(np.prod(after), np.prod(before))


def gradients(blocks: list[Block], size: int) -> tuple[np.ndarray, dict]:
    """The whole map, and with each parameter's slope in its block's place."""
    sizes = [[size] * SITES]
    for block in blocks:
        following = [*sizes[-1]]
        for site, of in zip(block.sites, block.sizes or [size] * SITES, strict=False):
            following[site] = of
        sizes.append(following)
    steps = [*zip(blocks, sizes, sizes[1:], strict=False)]
    maps = [everywhere(of[0].map, *of) for of in steps]
    slopes: dict = {}
    for at, of in enumerate(steps):
        for key, slope in of[0].slopes.items():
            line = [*maps[:at], everywhere(slope, *of), *maps[at + 1 :]]
            slopes[key] = slopes.get(key, 0) + reduce(lambda a, b: b @ a, line)
    return reduce(lambda a, b: b @ a, maps), slopes


def narrowed(block: Block, size: int, rng: np.random.Generator) -> list[Block]:
    """A site's block as two, with fewer components between them."""
    if len(block.sites) > 1 or rng.random() < 0.3:
        return [block]
    first = rng.normal(size=(size, size - 1))
    slopes = {key: slope[: size - 1] for key, slope in block.slopes.items()}
    return [
        Block(block.sites, block.map[: size - 1], slopes, (size - 1,)),
        Block(block.sites, first, {}, (size,)),
    ]


@pytest.mark.parametrize("size", [2, 4])
@given(places=places, seed=st.integers(0, 999))
def test_merged_blocks_do_the_same(size: int, places: list, seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = [
        part
        for n, sites in enumerate(places)
        for part in narrowed(
            Block(
                sites,
                rng.normal(size=[size ** len(sites)] * 2) / size,
                # Some parameters occur in several blocks, some blocks have none.
                {n % 4: rng.normal(size=[size ** len(sites)] * 2)} if n % 3 else {},
            ),
            size,
            rng,
        )
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


def test_few_components_stay_few() -> None:
    """Between two gates on pairs, rotations leave 3 components of 4."""
    fewer, more = np.ones((3, 4)), np.ones((4, 3))
    turned = [Block((site,), of, {}) for site in (0, 1, 2) for of in (fewer, more)]
    pairs = [Block(sites, np.eye(16), {}) for sites in ((0, 1), (2, 1))]
    found = merged([*turned, pairs[0], *turned, pairs[1], *turned])
    shapes = {of.sites: of.map.shape for of in found if len(of.sites) > 1}
    assert shapes == {(0, 1): (9, 9), (1, 2): (9, 9)}
