"""The command line: every command answers, an error is a sentence and never a traceback, the doctor names what to mend."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from market import data_folder
from market.cli import COMMANDS
from market.commands import user
from market.config import load_config
from migrations.database import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations.database import Address

ROOT = Path(__file__).parent.parent.parent


def gavelhouse(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GAVELHOUSE_")}
    command = [sys.executable, "-W", "error", "-m", "market.cli", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


def refused(*arguments: str, **environment: str) -> str:
    """The one sentence of a command that fails."""
    done = gavelhouse(*arguments, **environment)
    assert done.returncode in (1, 2), done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def _findings(folder: Path, **environment: str) -> dict[str, Any]:
    answer = msgspec.json.decode(gavelhouse("doctor", "--json", "--data-dir", str(folder), **environment).stdout)
    assert all(item["mend"] for item in answer["findings"] if item["verdict"] != "good")
    bad = {item["check"]: item for item in answer["findings"] if item["verdict"] == "bad"}
    assert answer["well"] is not bool(bad)
    return bad


def test_version_and_help_are_quick_and_name_every_command() -> None:
    assert gavelhouse("--version").stdout.startswith("gavelhouse ")
    shown = gavelhouse("--help").stdout
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = gavelhouse(name, "--help")
    assert done.returncode == 0 and "Usage:" in done.stdout


def test_config_show_tells_values_and_origins(tmp_path: Path) -> None:
    done = gavelhouse("config", "show", "--origin", "--json", "--data-dir", str(tmp_path), GAVELHOUSE_PORT="2345")
    settings = {item["name"]: item for item in msgspec.json.decode(done.stdout)}
    assert (settings["port"]["value"], settings["port"]["origin"]) == ("2345", "GAVELHOUSE_PORT")


def test_openapi_prints_a_document() -> None:
    assert msgspec.json.decode(gavelhouse("openapi").stdout)["openapi"].startswith("3.1")
    assert msgspec.json.decode(gavelhouse("openapi", "--async").stdout)["asyncapi"].startswith("3.")


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    told = refused("serve", "--data-dir", str(tmp_path), GAVELHOUSE_PORT="many")
    assert told == "gavelhouse: port is 'many' (GAVELHOUSE_PORT), but must be a whole number."


def test_a_taken_port_is_one_sentence_and_nothing_was_migrated(tmp_path: Path, taken_port: int) -> None:
    told = refused("serve", "--data-dir", str(tmp_path / "d"), "--port", str(taken_port))
    assert told.startswith(f"gavelhouse: Port {taken_port} on 127.0.0.1 can't be taken")


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    told = refused("migrate", "--data-dir", str(tmp_path), GAVELHOUSE_DATABASE_URL=url)
    assert told.startswith("gavelhouse: The database can't be reached") and "GAVELHOUSE_DATABASE_URL" in told


def test_a_missing_database_is_named(tmp_path: Path, database: Address) -> None:
    url = database.with_database("not_there").as_url(Role.OWNER)
    told = refused("migrate", "--data-dir", str(tmp_path), GAVELHOUSE_DATABASE_URL=url)
    assert "not_there" in told and "createdb" in told


def test_migrate_serves_a_postgres_of_ones_own(tmp_path: Path, database: Address) -> None:
    done = gavelhouse(
        "migrate", "--json", "--data-dir", str(tmp_path), GAVELHOUSE_DATABASE_URL=database.as_url(Role.OWNER)
    )
    assert msgspec.json.decode(done.stdout) == {"applied": []}


def test_a_party_is_made_from_the_command_line_and_gets_a_link(tmp_path: Path) -> None:
    folder = ("--data-dir", str(tmp_path / "d"))
    made = gavelhouse("user", "create", "ann@a.example", "--name", "Ann", "--operator", "--json", *folder)
    assert "/sign-in/link/" in msgspec.json.decode(made.stdout)["sign_in_link"]
    assert gavelhouse("user", "make-operator", "ann@a.example", *folder).returncode == 0
    assert "/sign-in/link/" in gavelhouse("user", "sign-in-link", "ann@a.example", *folder).stdout
    assert "There is no party" in refused("user", "sign-in-link", "bob@a.example", *folder)
    assert refused("user", "create", "ann@a.example", "--name", "Ann", *folder).startswith("Error: ")


def test_a_link_leads_to_the_open_house_else_to_the_configured_one(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    house = data_folder.OpenHouse(
        pid=os.getpid(), origin="http://127.0.0.1:24730", host="127.0.0.1", port=24730, bank_port=24731
    )
    loaded = load_config({"data_dir": folder}, {})
    with data_folder.hold(folder):
        data_folder.note_open_house(folder, house)
        assert user.origin_for(loaded) == "http://127.0.0.1:24730"
        asked = load_config({"data_dir": folder, "public_url": "https://a.example"}, {})
        assert user.origin_for(asked) == "https://a.example"
    # What a killed house left is not believed, and the next to hold the folder takes it away.
    assert (folder / "house.json").exists() and user.origin_for(loaded) == "http://127.0.0.1:8000"
    with data_folder.hold(folder):
        assert user.origin_for(loaded) == "http://127.0.0.1:8000"


def test_the_doctor_finds_a_new_machine_well(tmp_path: Path) -> None:
    assert _findings(tmp_path / "d", GAVELHOUSE_PORT="24999") == {}


def test_the_doctor_finds_what_is_wrong_and_says_how_to_mend_it(tmp_path: Path, taken_port: int) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "secret_key").write_text("x" * 40, encoding="utf-8")
    (secrets / "secret_key").chmod(0o644)
    bad = _findings(tmp_path, GAVELHOUSE_PORT=str(taken_port))
    assert "chmod 600" in bad["secrets"]["mend"]
    assert str(taken_port) in bad["port"]["mend"]


def test_the_doctor_says_when_the_data_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bad = _findings(tmp_path / "file" / "d")
    assert "--data-dir" in bad["data folder"]["mend"]


def test_the_doctor_says_when_the_database_does_not_answer_or_is_not_durable(tmp_path: Path, database: Address) -> None:
    bad = _findings(
        tmp_path, GAVELHOUSE_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing", GAVELHOUSE_PORT="24998"
    )
    assert "can't be reached" in bad["database"]["mend"]
    # The tests' own cluster does not wait for the disk, which is just what the doctor must not let pass.
    bad = _findings(tmp_path, GAVELHOUSE_DATABASE_URL=database.as_url(Role.OWNER), GAVELHOUSE_PORT="24998")
    assert "fsync" in bad["database"]["mend"]
