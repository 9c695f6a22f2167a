"""The Merkle tree is RFC 6962's: the published vectors of eight leaves, and what must hold of every tree."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from auction.merkle import (
    Place,
    audit_path,
    edge_of,
    grow,
    is_included,
    leaf_hash,
    node_hash,
    nodes_of_path,
    path_of_nodes,
    root_of,
    root_of_edge,
)
from auction.verifier import root_of as root_of_verifier

# From the reference implementation of certificate transparency (merkletree/merkle_tree_test.cc).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def test_the_published_roots_and_paths_come_out() -> None:
    leaves = [leaf_hash(leaf) for leaf in LEAVES]
    for size, root in enumerate(ROOTS, 1):
        assert root_of(leaves[:size]).hex() == root
        assert root_of_verifier(LEAVES[:size]).hex() == root
    for (index, size), path in PATHS.items():
        assert [neighbour.hex() for neighbour in audit_path(leaves[:size], index)] == path


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_every_leaf_is_included_and_nothing_else_is(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    root, size = root_of(leaves), len(leaves)
    assert root == root_of_verifier(entries)
    index = data.draw(st.integers(0, size - 1))
    path = audit_path(leaves, index)
    assert is_included(leaves[index], index, size, path, root)
    assert not is_included(leaf_hash(entries[index] + b"!"), index, size, path, root)
    assert not is_included(leaves[index], index, size, [*path, root], root)
    assert not is_included(leaves[index], index, size, path, node_hash(root, root))
    assert not is_included(leaves[index], size, size, path, root)
    if path:
        assert not is_included(leaves[index], index, size, path[:-1], root)
        assert not is_included(leaves[index], index, size, [node_hash(path[0], root), *path[1:]], root)


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=1, max_value=70), st.data())
def test_a_tree_that_grows_has_the_roots_and_paths_of_one_built_at_once(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(n.to_bytes(2)) for n in range(size)]
    edge: dict[Place, bytes] = {}
    known: dict[Place, bytes] = {}
    for n, leaf in enumerate(leaves):
        known.update(grow(edge, n, leaf))
        assert sorted(edge) == sorted(edge_of(n + 1))
        assert root_of_edge(edge, n + 1) == root_of(leaves[: n + 1])
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    assert path_of_nodes(nodes_of_path(index, size), known) == audit_path(leaves, index)
