"""What the doctor sees of the vault: its key file, whether that fits the database, and whether an open house's answers."""

from __future__ import annotations

import stat

import asyncpg

from escrow.vault import keys, store
from escrow.vault_client import VaultClient
from escrow.vault_facts import VaultKeyError
from market import data_folder
from market.config import Config
from market.doctor import Finding
from migrations.database import Address, Role, connect


async def examine_vault(config: Config, address: Address) -> list[Finding]:
    """The findings about the vault, on a database that is up and migrated."""
    findings = [await _keys(config, address)]
    house = data_folder.open_house_on(config.data_dir)
    url = config.vault_url or (house.vault if house else "")
    if url:
        findings.append(await _answers(url, config.vault_secret))
    return findings


async def _keys(config: Config, address: Address) -> Finding:
    path = config.vault_keys
    try:
        needed = await _needed(address)
    except (OSError, asyncpg.PostgresError) as error:
        mend = f"Let the login act as {Role.VAULT.value} (grant {Role.VAULT.value} to it): {error}"
        return Finding(check="vault keys", verdict="bad", seen=f"{Role.VAULT.value} can't be used", mend=mend)
    if not path.exists():
        if config.vault_url:
            return Finding(check="vault keys", verdict="good", seen="where the vault runs")
        if not needed:
            return Finding(check="vault keys", verdict="good", seen="will be made at the first start")
    try:
        known = keys.load_for(path, needed)
    except VaultKeyError as error:
        return Finding(check="vault keys", verdict="bad", seen="do not fit the wallets", mend=str(error))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        mend = f"Close it: chmod 600 {path}; if others may have read it: gavelhouse vault --rotate-key."
        return Finding(check="vault keys", verdict="bad", seen=f"{path} is open to others", mend=mend)
    older = len(known.by_id) - 1
    return Finding(
        check="vault keys", verdict="good", seen=known.current.key_id + (f", {older} older" if older else "")
    )


async def _needed(address: Address) -> set[str]:
    conn = await connect(address, Role.VAULT)
    try:
        return await store.outer_keys(conn)
    finally:
        await conn.close()


async def _answers(url: str, secret: str) -> Finding:
    client = VaultClient(url, secret)
    try:
        answers = await client.answers()
    finally:
        await client.close()
    if answers:
        return Finding(check="vault", verdict="good", seen=f"answers at {url}")
    mend = (
        "Look into the house's log for why it ended; where it runs elsewhere: is it up, and is vault_secret the same?"
    )
    return Finding(check="vault", verdict="bad", seen=f"does not answer at {url}", mend=mend)
