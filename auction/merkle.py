"""The Merkle tree of RFC 6962, section 2.1: one root for a whole log, and a short proof that an entry is in it. Pure.

A leaf is sha256(0x00 ‖ entry), a node sha256(0x01 ‖ left ‖ right); a tree of n leaves splits at the largest power of two
below n. Here the entries are the exact bytes of a lot's events in the order of their seq.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of these leaf hashes."""
    level = list(leaves)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def audit_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The neighbours that lead from leaf `index` (from 0) up to the root, lowest first."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"the tree has no leaf {index}")
    path, level = [], list(leaves)
    while len(level) > 1:
        if (neighbour := index ^ 1) < len(level):
            path.append(level[neighbour])
        index, level = index // 2, _level_above(level)
    return path


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path leads from the leaf at `index` of a tree of `size` leaves to this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, reached = index, size - 1, leaf
    for neighbour in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            reached = node_hash(neighbour, reached)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            reached = node_hash(reached, neighbour)
        here, last = here >> 1, last >> 1
    return last == 0 and reached == root


def _level_above(level: list[bytes]) -> list[bytes]:
    """Pairs are joined; a last one without a neighbour goes up as it is, which is RFC 6962's split."""
    above = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    return [*above, level[-1]] if len(level) % 2 else above


# A tree that grows: only its complete nodes are kept, each by (level, place), so that neither a new entry nor a proof
# needs all the others.

Place = tuple[int, int]
"""A complete node: its level (0 the leaves) and its place in it (from 0); it covers 2**level leaves."""


def edge_of(size: int) -> list[Place]:
    """The complete nodes that a tree of `size` leaves is made of, the largest first."""
    return _complete_nodes(0, size)


def grow(edge: dict[Place, bytes], size: int, leaf: bytes) -> list[tuple[Place, bytes]]:
    """Add a leaf to a tree of `size` leaves whose edge is known (the edge is changed); every node that it completes."""
    completed = [((0, size), leaf)]
    level, carried = 0, leaf
    while size >> level & 1:
        carried = node_hash(edge.pop((level, (size >> level) - 1)), carried)
        level += 1
        completed.append(((level, size >> level), carried))
    edge[level, size >> level] = carried
    return completed


def root_of_edge(edge: dict[Place, bytes], size: int) -> bytes:
    """The root of a tree of `size` leaves from the nodes of its edge."""
    return _joined([edge[place] for place in edge_of(size)]) if size else EMPTY_ROOT


def nodes_of_path(index: int, size: int) -> list[list[Place]]:
    """For each neighbour on the way from leaf `index` to the root, lowest first, the complete nodes it is made of."""
    if not 0 <= index < size:
        raise IndexError(f"the tree has no leaf {index}")
    neighbours, start, end = [], 0, size
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            neighbours.append(_complete_nodes(middle, end))
            end = middle
        else:
            neighbours.append(_complete_nodes(start, middle))
            start = middle
    return neighbours[::-1]


def path_of_nodes(neighbours: Sequence[Sequence[Place]], known: dict[Place, bytes]) -> list[bytes]:
    """The audit path from the nodes that `nodes_of_path` asked for."""
    return [_joined([known[place] for place in places]) for places in neighbours]


def _complete_nodes(start: int, end: int) -> list[Place]:
    """The complete nodes over leaves start … end - 1, where start is a multiple of the largest of them."""
    places = []
    while start < end:
        level = (end - start).bit_length() - 1
        places.append((level, start >> level))
        start += 1 << level
    return places


def _joined(hashes: Sequence[bytes]) -> bytes:
    """The hash over neighbouring nodes of falling size, as RFC 6962 splits them."""
    joined = hashes[-1]
    for left in reversed(hashes[:-1]):
        joined = node_hash(left, joined)
    return joined
