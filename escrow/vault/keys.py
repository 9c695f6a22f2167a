"""The vault's own keys: a file that the vault alone reads. The first key in it is in use; others open what is older."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from escrow import envelopes
from escrow.envelopes import KeyPair
from escrow.vault_facts import VaultKeyError


class VaultKey(Struct, frozen=True, kw_only=True):
    """What envelopes are sealed to, and what wraps everything at rest."""

    pair: KeyPair
    at_rest: bytes
    made_at: datetime

    def __repr__(self) -> str:
        return f"VaultKey({self.key_id})"

    @property
    def key_id(self) -> str:
        return self.pair.key_id


class VaultKeys(Struct, frozen=True, kw_only=True):
    """All keys by their ids, and the one in use."""

    current: VaultKey
    by_id: Mapping[str, VaultKey]

    def __repr__(self) -> str:
        return f"VaultKeys({', '.join(self.by_id)})"

    @property
    def pairs(self) -> Mapping[str, KeyPair]:
        return {key_id: key.pair for key_id, key in self.by_id.items()}


class _Kept(Struct, frozen=True, kw_only=True):
    scalar: bytes
    at_rest: bytes
    made_at: datetime


class _File(Struct, frozen=True, kw_only=True):
    keys: list[_Kept]


def load(path: Path) -> VaultKeys:
    """The keys of the file. Raises VaultKeyError."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_File).keys
        keys = [
            VaultKey(pair=envelopes.key_of_scalar(each.scalar), at_rest=each.at_rest, made_at=each.made_at)
            for each in kept
        ]
    except OSError as error:
        raise VaultKeyError(f"The vault's key file {path} can't be read: {error.strerror}.") from None
    except (msgspec.MsgspecError, ValueError):
        raise VaultKeyError(f"The vault's key file {path} is damaged: restore it from its backup.") from None
    if not keys or any(len(key.at_rest) != 32 for key in keys):
        raise VaultKeyError(f"The vault's key file {path} is damaged: restore it from its backup.")
    return VaultKeys(current=keys[0], by_id={key.key_id: key for key in keys})


def load_or_make(path: Path, *, needed: set[str]) -> VaultKeys:
    """The keys of the file, which is made if there is none and the database needs none. Raises VaultKeyError."""
    if not path.exists() and not needed:
        _make(path)
    return load_for(path, needed)


def load_for(path: Path, needed: set[str]) -> VaultKeys:
    """The keys of a file that must be there and fit the database. Raises VaultKeyError."""
    if not path.exists():
        raise VaultKeyError(f"The vault's key file {path} is missing, but wallets are wrapped under it: restore it.")
    keys = load(path)
    if lacking := needed - set(keys.by_id):
        raise VaultKeyError(
            f"Wallets are wrapped under key {', '.join(sorted(lacking))}, which {path} lacks: restore it."
        )
    return keys


def rotate(path: Path) -> VaultKeys:
    """Put a new key first. The vault takes it up within seconds and wraps everything anew; older keys stay readable."""
    keys = load(path)
    _write(path, [_new(), *map(_kept, keys.by_id.values())])
    return load(path)


def forget_older(path: Path, *, needed: set[str]) -> VaultKeys:
    """Drop every key but the first. Raises VaultKeyError as long as the database needs one of them."""
    keys = load(path)
    if needed - {keys.current.key_id}:
        raise VaultKeyError("Wallets are still wrapped under an older key: let the vault run for a minute, then again.")
    _write(path, [_kept(keys.current)])
    return load(path)


def _kept(key: VaultKey) -> _Kept:
    return _Kept(scalar=key.pair.scalar, at_rest=key.at_rest, made_at=key.made_at)


def _new() -> _Kept:
    return _Kept(scalar=envelopes.new_key().scalar, at_rest=secrets.token_bytes(32), made_at=datetime.now(UTC))


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = _unfinished(path, [_new()])
    try:
        os.link(unfinished, path)
    except FileExistsError:
        pass  # another vault was quicker
    finally:
        unfinished.unlink()


def _write(path: Path, keys: list[_Kept]) -> None:
    _unfinished(path, keys).replace(path)


def _unfinished(path: Path, keys: list[_Kept]) -> Path:
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(_File(keys=keys))) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return unfinished
