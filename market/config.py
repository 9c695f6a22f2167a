"""The house's one configuration: frozen, read once from a TOML file and the environment, each value with its origin.

    ConfigError      a value that can't be used; the message names it, says where it came from and what is allowed

A name `port` is `port = 8000` in the file, `GAVELHOUSE_PORT` in the environment, `--port` on the command line; the later
wins. `GAVELHOUSE_SECRET_KEY_FILE` names a file that holds the value. Secrets that nobody gave are made once and kept in
the data folder, readable by its owner only.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import tomllib
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from market.working_days import NoSuchDay, days_off
from migrations.database import Address

PREFIX = "GAVELHOUSE_"
ROOT_DATA_FOLDER = Path("/var/lib/gavelhouse/data")
SECRET = "secret"
MOST_COMMISSION_BP = 4999
"""The ledger refuses a case with more (`escrow_case_rate`), and then no lot could be closed."""
LONGEST_CLOCK_SECONDS = 366 * 86_400
_CLOCKS = ("payment_seconds", "ship_seconds", "ship_grace_seconds", "arrival_seconds", "inspection_seconds")


class ConfigError(Exception):
    """A value of the configuration can't be used; the message is a sentence."""


def _secret(make: Callable[[], str] | None = None) -> Any:
    return field(default="", repr=False, metadata={SECRET: True, "make": make})


def _random_key() -> str:
    return secrets.token_urlsafe(32)


def _signing_key() -> str:
    return secrets.token_hex(32)


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def default_data_dir() -> Path:
    """Root keeps data where services do; anybody else in the XDG data folder of his own."""
    if os.geteuid() == 0:
        return ROOT_DATA_FOLDER
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "gavelhouse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, with its default. Times in seconds."""

    data_dir: Path = field(default_factory=default_data_dir)
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""
    """How browsers reach the house; its origin is the only one that sockets and forms may come from."""
    hosts: tuple[str, ...] = ()
    """Further Host names that are answered."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For is believed."""

    database_url: str = _secret()
    """A Postgres of one's own; empty for the embedded one."""
    database_pool: int = 10
    secret_key: str = _secret(_random_key)
    """What cookies and links are signed with."""

    signing_key: str = _secret(_signing_key)
    """The Ed25519 key that heads of logs, receipts and contracts are signed with: its seed, 64 hexadecimal digits."""

    authority_key: str = _secret(_signing_key)
    """The Ed25519 key of the house's certification authority, which signs parties' certificates: as `signing_key`."""

    bank_url: str = ""
    bank_port: int = 0
    """Where the sandbox bank listens; 0 for the port after the house's own."""
    bank_switch_port: int = 0
    """Where the bank's card switch listens for ISO 8583; 0 for the port after the bank's own."""
    card_gateway: str = "iso8583"
    """How cards are taken: `iso8583` (the bank's switch), `stripe` (the provider's SDK; needs the extra of that name), `none`."""
    stripe_key: str = _secret()
    """The provider's secret key, for card_gateway = "stripe"."""
    bank_webhook_secret: str = _secret(_webhook_secret)
    """What bank and house sign what they send each other with (standardwebhooks)."""
    carrier_url: str = ""
    """Where the sandbox carrier answers; empty where sellers find carriers by themselves."""
    carrier_port: int = 0
    """Where the sandbox carrier listens; 0 for the port after the bank's card switch."""
    carrier_secret: str = _secret(_webhook_secret)
    """What carrier and house sign what they send each other with (standardwebhooks)."""
    vault_url: str = ""
    """A vault that runs elsewhere; empty for the one that the house starts and looks after."""
    vault_port: int = 0
    """Where the vault listens on this machine; 0 for any port that is free."""
    vault_secret: str = _secret(_random_key)
    """What house and vault sign what they say to each other with."""
    vault_key_file: str = ""
    """The vault's own keys, which the server never reads; empty for `secrets/vault_key` in the data folder."""
    centre_holder: str = ""
    """In whose name the centre's accounts stand; empty for the sandbox bank's."""
    centre_accounts: Mapping[str, str] = field(default_factory=dict)
    """Currency → number of the centre's account, where buyers pay to; empty for the sandbox bank's."""

    commission_bp: int = 800
    """The centre's commission on a new contract, in basis points of the price."""
    payment_seconds: int = 48 * 3600
    ship_seconds: int = 3 * 86400
    working_days_off: tuple[str, ...] = ()
    """Public holidays: days like 2026-10-01 and spans like 2026-10-01..2026-10-07 that are no working days."""
    ship_grace_seconds: int = 2 * 86400
    arrival_seconds: int = 10 * 86400
    inspection_seconds: int = 72 * 3600

    second_person_above_minor: int = 100_000_000
    """From what price on, in minor units, an operator's pause, resume, extension or voiding of a lot needs a second one."""

    edi_code: str = "GAVELHOUSE"
    """By which code the house names itself in trade documents."""
    partner_networks: str = "public"
    """Where the house sends documents to partners' webhooks: `public` (https, no private address) or `any`."""
    partner_folders: str = ""
    """Where the folders lie that partners share with the house; empty for `partners` in the data folder, `off` for none."""

    change_cap_minor: int = 50_000
    """The most that a purse of small change holds in one currency, in minor units."""

    log_format: str = "console"
    log_level: str = "info"

    database: Address | None = field(default=None, metadata={"runtime": True})
    """Where the database turned out to be; set by the command that starts, never configured."""

    @property
    def origin(self) -> str:
        """The scheme, host and port of the house as browsers see it."""
        return self.public_url.rstrip("/") or f"http://{_url_host(self.host)}:{self.port}"

    @property
    def bank_listens_on(self) -> int:
        return self.bank_port or self.port + 1

    @property
    def bank_switch_on(self) -> int:
        return self.bank_switch_port or self.bank_listens_on + 1

    @property
    def carrier_listens_on(self) -> int:
        return self.carrier_port or self.bank_switch_on + 1

    @property
    def bank_origin(self) -> str:
        return self.bank_url.rstrip("/") or f"http://127.0.0.1:{self.bank_listens_on}"

    @property
    def vault_keys(self) -> Path:
        """The key file's path, for the vault and for commands about it; the server opens it never."""
        return Path(self.vault_key_file) if self.vault_key_file else self.data_dir / "secrets" / "vault_key"

    @property
    def partner_folder(self) -> Path | None:
        """What holds each partner's `in` and `out`; None where the house keeps none."""
        if self.partner_folders == "off":
            return None
        return Path(self.partner_folders) if self.partner_folders else self.data_dir / "partners"

    @property
    def address(self) -> Address:
        """The database; the URL of the configuration, or the embedded server that the command started."""
        if self.database is not None:
            return self.database
        if self.database_url:
            return Address(url=self.database_url)
        raise ConfigError("There is no database yet: start the embedded one, or set GAVELHOUSE_DATABASE_URL.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value of the configuration and where it came from, with secrets covered."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    config: Config
    origins: Mapping[str, str]

    def settings(self) -> list[Setting]:
        """Every setting in order, for `gavelhouse config show`."""
        return [
            Setting(name=item.name, value=_shown(item.metadata, getattr(self.config, item.name)), origin=origin)
            for item in _configured()
            if (origin := self.origins[item.name])
        ]


def load_config(
    given: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    *,
    make_secrets: bool = False,
) -> LoadedConfig:
    """Defaults, then the file, then the environment, then what was `given` on the command line. Raises ConfigError.

    The file is `file`, else GAVELHOUSE_CONFIG, else `gavelhouse.toml` in the data folder if it is there. With
    `make_secrets` missing secrets are made and kept in `data_dir/secrets`; without, they stay empty unless kept there.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    origins = {item.name: "default" for item in _configured()}
    from_environment = _from_environment(environment)
    chosen = {name: value for name, value in (given or {}).items() if value is not None}
    data_dir = Path(chosen.get("data_dir") or from_environment.get("data_dir", (default_data_dir(), ""))[0])
    for name, (value, origin) in _from_file(_config_file(file, environment, data_dir)).items():
        values[name], origins[name] = value, origin
    for name, (value, origin) in from_environment.items():
        values[name], origins[name] = value, origin
    for name, value in chosen.items():
        values[name], origins[name] = value, "command line"
    config = _build(values, origins)
    return _with_secrets(config, origins, make_secrets)


def _configured() -> list[Any]:
    return [item for item in fields(Config) if "runtime" not in item.metadata]


def _config_file(file: Path | None, environment: Mapping[str, str], data_dir: Path) -> Path | None:
    if file is None and environment.get(PREFIX + "CONFIG"):
        file = Path(environment[PREFIX + "CONFIG"])
    if file is not None:
        if not file.is_file():
            raise ConfigError(f"The configuration file {file} does not exist.")
        return file
    beside = data_dir / "gavelhouse.toml"
    return beside if beside.is_file() else None


def _from_file(file: Path | None) -> dict[str, tuple[Any, str]]:
    if file is None:
        return {}
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The configuration file {file} can't be read: {error}") from error
    names = {item.name for item in _configured()}
    for name in content:
        if name not in names:
            raise ConfigError(f"{file} sets {name}, which is no setting; `gavelhouse config show` lists them.")
    return {name: (value, str(file)) for name, value in content.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    found: dict[str, tuple[Any, str]] = {}
    for item in _configured():
        variable = PREFIX + item.name.upper()
        if variable in environment:
            found[item.name] = (environment[variable], variable)
        elif pointed := environment.get(variable + "_FILE"):
            found[item.name] = (_content_of(pointed, variable + "_FILE"), f"{variable}_FILE")
    return found


def _content_of(path: str, variable: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{variable} names {path}, which can't be read: {error}") from error


def _build(values: Mapping[str, Any], origins: Mapping[str, str]) -> Config:
    kinds = get_type_hints(Config)
    config = Config(**{name: _converted(name, value, kinds[name], origins[name]) for name, value in values.items()})
    for name in ("port", "bank_port", "bank_switch_port", "carrier_port", "vault_port"):
        number = getattr(config, name)
        if not 0 <= number <= 65535:
            raise ConfigError(f"{name} is {number} ({origins[name]}), but a port lies between 1 and 65535.")
    for item in _configured():
        value = getattr(config, item.name)
        if item.name.endswith(("_seconds", "_bp", "_pool", "_cap_minor")) and value < 0:
            raise ConfigError(f"{item.name} is {value} ({origins[item.name]}), but must not be negative.")
    if config.commission_bp > MOST_COMMISSION_BP:
        raise ConfigError(
            f"commission_bp is {config.commission_bp} ({origins['commission_bp']}), but at most {MOST_COMMISSION_BP}."
        )
    try:
        days_off(config.working_days_off)
    except NoSuchDay as error:
        raise ConfigError(f"working_days_off ({origins['working_days_off']}): {error}.") from error
    for name in _CLOCKS:
        seconds = getattr(config, name)
        if not 1 <= seconds <= LONGEST_CLOCK_SECONDS:
            raise ConfigError(f"{name} is {seconds} ({origins[name]}), but must be between a second and a year.")
    for name in ("public_url", "bank_url", "carrier_url", "vault_url"):
        url = getattr(config, name)
        if url and (urlsplit(url).scheme not in ("http", "https") or urlsplit(url).path.strip("/")):
            raise ConfigError(f"{name} is {url!r} ({origins[name]}), but must be like https://auction.example.org.")
    _check_words(config, origins)
    return config


def _check_words(config: Config, origins: Mapping[str, str]) -> None:
    """Settings that are one of a few words, or of one form."""
    if config.card_gateway not in ("iso8583", "stripe", "none"):
        raise ConfigError(
            f"card_gateway is {config.card_gateway!r} ({origins['card_gateway']}); allowed: iso8583, stripe, none."
        )
    if config.partner_networks not in ("public", "any"):
        raise ConfigError(
            f"partner_networks is {config.partner_networks!r} ({origins['partner_networks']}); allowed: public, any."
        )
    if not re.fullmatch(r"[0-9A-Za-z._-]{1,35}", config.edi_code):
        raise ConfigError(f"edi_code is {config.edi_code!r} ({origins['edi_code']}), but must be like GAVELHOUSE.")
    if config.log_format not in ("console", "json"):
        raise ConfigError(f"log_format is {config.log_format!r} ({origins['log_format']}); allowed: console, json.")


def _converted(name: str, value: Any, kind: Any, origin: str) -> Any:
    """Text from the environment becomes what the field holds; a value of a wrong kind in the file is refused."""
    if kind is Path:
        return Path(value).expanduser().absolute()
    if kind is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,12}", value.strip()):
            return int(value)
        raise ConfigError(f"{name} is {value!r} ({origin}), but must be a whole number.")
    if get_origin(kind) is Mapping:
        return _pairs(name, value, origin)
    if get_origin(kind) is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(str(part).strip() for part in parts if str(part).strip())  # TOML has days of its own
    wanted = get_args(kind) or (kind,) if isinstance(kind, types.UnionType) else (kind,)
    if not isinstance(value, wanted):
        raise ConfigError(f"{name} is {value!r} ({origin}), but must be text.")
    return value


def _pairs(name: str, value: Any, origin: str) -> dict[str, str]:
    """A table in the file; in the environment `CNY=number,USD=number`."""
    if isinstance(value, str):
        value = dict(part.strip().partition("=")[::2] for part in value.split(",") if part.strip())
    if not isinstance(value, dict) or not all(isinstance(item, str) and item for item in value.values()):
        raise ConfigError(f"{name} is {value!r} ({origin}), but must be pairs like CNY=number.")
    return value


def _with_secrets(config: Config, origins: dict[str, str], make: bool) -> LoadedConfig:
    for item in _configured():
        maker = item.metadata.get("make")
        if maker is None or getattr(config, item.name):
            continue
        kept = config.data_dir / "secrets" / item.name
        value = _kept_secret(kept, maker if make else None)
        if value:
            secret: dict[str, Any] = {item.name: value}
            config = replace(config, **secret)
            origins[item.name] = str(kept)
    return LoadedConfig(config=config, origins=origins)


def _kept_secret(kept: Path, make: Callable[[], str] | None) -> str:
    """The secret in this file; made now, for its owner's eyes only, if there is none and it may be made."""
    if make is not None and not kept.exists():
        for folder in (kept.parent.parent, kept.parent):  # a parent made by the way would be open to others
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
    try:
        return kept.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except PermissionError as error:
        raise ConfigError(f"The secret {kept} can't be read by this user: {error.strerror}.") from error


def _shown(metadata: Mapping[str, Any], value: Any) -> str:
    if metadata.get(SECRET):
        return "(set)" if value else "(not set)"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={part}" for name, part in value.items())
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _url_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
