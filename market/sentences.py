"""One sentence for each error that can end a command: what happened, and what to do. Knows the errors, raises none."""

from __future__ import annotations

import asyncpg

from escrow.vault_facts import VaultKeyError
from market.config import ConfigError
from market.data_folder import DataFolderBusy, DataFolderUnusable
from migrations.embedded_postgres import EmbeddedPostgresError
from migrations.runner import MigrationError

_OWN = (ConfigError, DataFolderBusy, DataFolderUnusable, EmbeddedPostgresError, MigrationError, VaultKeyError)


def sentence_of(error: BaseException) -> str:
    """Our own errors speak for themselves; Postgres's and the system's are put into words."""
    if isinstance(error, BaseExceptionGroup):
        return sentence_of(error.exceptions[0])
    if isinstance(error, _OWN):
        return str(error)
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words.format(error=str(error).strip() or type(error).__name__)
    return (
        f"Something unexpected happened ({type(error).__name__}: {error}). "
        "Set GAVELHOUSE_TRACEBACK=1 to see where, and please report it."
    )


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.InvalidAuthorizationSpecificationError, "The database refuses the login: {error}."),
    (asyncpg.InvalidCatalogNameError, "{error}: create it first (createdb), or correct GAVELHOUSE_DATABASE_URL."),
    (
        asyncpg.InsufficientPrivilegeError,
        "The database login may not do this: {error}. It must own the database and may need CREATEROLE.",
    ),
    (asyncpg.CannotConnectNowError, "The database is starting or stopping: {error}. Try again in a moment."),
    (asyncpg.PostgresError, "The database answers: {error}."),
    (asyncpg.InterfaceError, "The database can't be used: {error}."),
    (ConnectionError, "The database can't be reached: {error}. Is it running, and is GAVELHOUSE_DATABASE_URL right?"),
    (TimeoutError, "The database does not answer in time. Is it running, and is GAVELHOUSE_DATABASE_URL right?"),
    (FileNotFoundError, "A file is missing: {error}."),
    (PermissionError, "The system does not permit it: {error}."),
    (OSError, "The system answers: {error}."),
)
