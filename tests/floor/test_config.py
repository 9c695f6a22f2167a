"""The configuration: the later source wins, each value knows its origin, a wrong one is a sentence, secrets stay secret."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from market.config import Config, ConfigError, load_config
from migrations.database import Address, Role


def test_the_command_line_wins_over_the_environment_over_the_file_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "gavelhouse.toml"
    file.write_text('port = 1001\nbank_port = 1002\nhost = "::1"\n', encoding="utf-8")
    environment = {"GAVELHOUSE_PORT": "2001", "GAVELHOUSE_BANK_PORT": "2002"}
    loaded = load_config({"data_dir": tmp_path, "port": 3001}, environment)
    config = loaded.config
    assert (config.port, config.bank_port, config.host, config.commission_bp) == (3001, 2002, "::1", 800)
    origins = {name: loaded.origins[name] for name in ("port", "bank_port", "host", "commission_bp")}
    assert origins == {
        "port": "command line", "bank_port": "GAVELHOUSE_BANK_PORT", "host": str(file), "commission_bp": "default"
    }  # fmt: skip


def test_a_secret_may_stand_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("a-very-secret-key-of-some-length\n", encoding="utf-8")
    loaded = load_config({"data_dir": tmp_path}, {"GAVELHOUSE_SECRET_KEY_FILE": str(secret)})
    assert loaded.config.secret_key == "a-very-secret-key-of-some-length"
    shown = {item.name: item for item in loaded.settings()}
    assert (shown["secret_key"].value, shown["secret_key"].origin) == ("(set)", "GAVELHOUSE_SECRET_KEY_FILE")
    assert "very-secret" not in repr(loaded)


def test_missing_secrets_are_made_once_and_kept_for_their_owner_only(tmp_path: Path) -> None:
    assert load_config({"data_dir": tmp_path}, {}).config.secret_key == ""
    first = load_config({"data_dir": tmp_path}, {}, make_secrets=True).config
    again = load_config({"data_dir": tmp_path}, {}).config
    assert first.secret_key == again.secret_key and len(first.secret_key) >= 32
    assert first.bank_webhook_secret.startswith("whsec_")
    for kept in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"GAVELHOUSE_PORT": "many"}, r"port is 'many' \(GAVELHOUSE_PORT\), but must be a whole number"),
        ({"GAVELHOUSE_PORT": "70000"}, r"port is 70000 \(GAVELHOUSE_PORT\), but a port lies between"),
        ({"GAVELHOUSE_COMMISSION_BP": "-1"}, r"commission_bp is -1 .* must not be negative"),
        ({"GAVELHOUSE_COMMISSION_BP": "5000"}, r"commission_bp is 5000 .* at most 4999"),
        ({"GAVELHOUSE_PAYMENT_SECONDS": "0"}, r"payment_seconds is 0 .* between a second and a year"),
        ({"GAVELHOUSE_ARRIVAL_SECONDS": "999999999999"}, r"arrival_seconds is 9+ .* between a second and a year"),
        ({"GAVELHOUSE_PUBLIC_URL": "auction.example"}, r"public_url is 'auction.example' .* must be like https"),
        ({"GAVELHOUSE_PUBLIC_URL": "https://a.example/x"}, r"public_url is .* must be like https"),
        ({"GAVELHOUSE_LOG_FORMAT": "xml"}, r"log_format is 'xml' .*allowed: console, json"),
        ({"GAVELHOUSE_SECRET_KEY_FILE": "/nowhere"}, r"GAVELHOUSE_SECRET_KEY_FILE names /nowhere"),
        ({"GAVELHOUSE_CONFIG": "/nowhere.toml"}, r"/nowhere.toml does not exist"),
        ({"GAVELHOUSE_CENTRE_ACCOUNTS": "CNY"}, r"centre_accounts is .* must be pairs like CNY=number"),
    ],
)
def test_a_value_that_cant_be_used_is_refused_with_its_name_and_origin(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_config({"data_dir": tmp_path}, environment)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("porrt = 1", "sets porrt, which is no setting"),
        ("port = [", "can't be read"),
        ("port = true", "port is True .* must be a whole number"),
        ("database = 1", "sets database, which is no setting"),
        ("host = 1", "host is 1 .* must be text"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "gavelhouse.toml").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        load_config({"data_dir": tmp_path}, {})


def test_the_origin_is_the_public_url_or_where_it_listens() -> None:
    assert Config(port=80).origin == "http://127.0.0.1:80"
    assert Config(host="0.0.0.0", port=81).origin == "http://127.0.0.1:81"
    assert Config(host="::1", port=82).origin == "http://[::1]:82"
    assert Config(public_url="https://a.example/").origin == "https://a.example"
    assert Config(port=9000).bank_origin == "http://127.0.0.1:9001"


def test_pairs_and_lists_come_from_the_environment(tmp_path: Path) -> None:
    environment = {"GAVELHOUSE_CENTRE_ACCOUNTS": "CNY=1, USD=2", "GAVELHOUSE_HOSTS": "a.example, b.example"}
    config = load_config({"data_dir": tmp_path}, environment).config
    assert config.centre_accounts == {"CNY": "1", "USD": "2"}
    assert config.hosts == ("a.example", "b.example")


def test_by_url_the_server_takes_on_its_role_and_the_owner_stays_who_he_is() -> None:
    address = Config(database_url="postgresql://me@db/house").address
    assert address.parameters(Role.APP)["server_settings"]["role"] == "gavelhouse_app"
    assert "role" not in address.parameters(Role.OWNER)["server_settings"]
    assert address.with_database("other").url == "postgresql://me@db/other"


def test_without_url_or_running_server_there_is_no_database() -> None:
    with pytest.raises(ConfigError, match="There is no database yet"):
        _ = Config().address


def test_an_embedded_address_has_a_url_for_other_programs() -> None:
    address = Address(socket_folder=Path("/run/house"))
    assert address.as_url(Role.BANK) == "postgresql://gavelhouse_bank@/gavelhouse?host=%2Frun%2Fhouse&port=5432"
