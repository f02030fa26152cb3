"""Drawn splits: every image once, the same on every machine, groups whole, shares kept."""

import hashlib
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.errors import ConfigError
from wps_sam.labels.splits import RandomSplit, assign_splits

NAMES = [f"img_{i:03d}.jpg" for i in range(100)]


def test_assign_splits__shares_and_order() -> None:
    splits = assign_splits(NAMES, RandomSplit({"val": 0.2, "test": 0.1}))
    assert {name: len(positions) for name, positions in splits.items()} == {
        "train": 70,
        "val": 20,
        "test": 10,
    }
    assert sorted(chain.from_iterable(splits.values())) == list(range(100))
    assert all(positions == sorted(positions) for positions in splits.values())


def test_assign_splits__first_by_hash() -> None:
    """By hand: val takes the names with the smallest SHA-256 of "seed, zero byte, name"."""
    names = ["a", "b", "c", "d"]
    ranked = sorted(names, key=lambda name: hashlib.sha256(b"7\0" + name.encode()).digest())
    splits = assign_splits(names, RandomSplit({"val": 0.25}, seed=7))
    assert [names[position] for position in splits["val"]] == ranked[:1]


def test_assign_splits__does_not_depend_on_the_order_of_files() -> None:
    how = RandomSplit({"val": 0.3}, seed=3)
    forward = {NAMES[i] for i in assign_splits(NAMES, how)["val"]}
    backward = NAMES[::-1]
    assert {backward[i] for i in assign_splits(backward, how)["val"]} == forward


def test_assign_splits__a_new_image_moves_at_most_one_other() -> None:
    how = RandomSplit({"val": 0.2})
    before = {NAMES[i] for i in assign_splits(NAMES, how)["val"]}
    more = [*NAMES, "new.jpg"]
    after = {more[i] for i in assign_splits(more, how)["val"]}
    assert len(before - after) <= 1


def test_assign_splits__another_seed_draws_others() -> None:
    first, second = (assign_splits(NAMES, RandomSplit({"val": 0.5}, seed=s))["val"] for s in (0, 1))
    assert first != second


@given(
    sizes=st.lists(st.integers(1, 4), min_size=6, max_size=20),
    seed=st.integers(0, 99),
)
def test_assign_splits__groups_stay_together(sizes: list[int], seed: int) -> None:
    names = [f"car{group}_{i}.jpg" for group, size in enumerate(sizes) for i in range(size)]
    how = RandomSplit({"val": 0.2, "test": 0.2}, seed=seed, group_by="(.*)_")
    splits = assign_splits(names, how)
    assert sorted(chain.from_iterable(splits.values())) == list(range(len(names)))
    homes: dict[str, set[str]] = {}
    for split, positions in splits.items():
        for position in positions:
            homes.setdefault(names[position].split("_")[0], set()).add(split)
    assert all(len(home) == 1 for home in homes.values())


@pytest.mark.parametrize(
    ("names", "how", "message"),
    [
        (["a1.jpg", "b.jpg"], {"group_by": "a(.)"}, "does not match the image b.jpg"),
        (["a.jpg"], {}, r"1 images in 1 groups are too few .* train would be empty"),
        (["a1", "a2", "a3"], {"group_by": "(a)"}, r"3 images in 1 groups are too few"),
    ],
)
def test_assign_splits__too_little(names: list[str], how: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        assign_splits(names, RandomSplit({"val": 0.2}, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fractions", "pattern", "message"),
    [
        ({"val": 0.0}, None, r"'val' has the share 0.0; expected a number between 0 and 1"),
        ({"train": 0.5}, None, r"'train' has the share 0.5.*which takes the rest"),
        ({"val": 0.6, "test": 0.4}, None, r"take 1 of the images, which leaves nothing for train"),
        ({"val": 0.2}, "(", r"group_by '\(' is no regular expression"),
    ],
)
def test_random_split__refused(
    fractions: dict[str, float], pattern: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        RandomSplit(fractions, group_by=pattern)
