"""Envelopes: what a browser seals the vault opens, what is changed on the way it does not, and lengths say nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hatch_build
from escrow import envelopes
from escrow.envelopes import FRESH_SECONDS, Flaw, Purpose

ROOT = Path(__file__).parents[2]
KEY = envelopes.new_key()
KEYS = {KEY.key_id: KEY}
NOW = 1_795_000_000_000
CONTENT = {"passphrase": "nine silver herons over the marsh"}


def sealed(content: dict[str, str] = CONTENT, purpose: str = "unlock", party: int = 7) -> str:
    return envelopes.seal_for_vault(KEY.key_id, KEY.point, purpose, party, NOW, content)


def opened(text: str, party: int = 7, now: int = NOW) -> dict[str, str] | Flaw:
    return envelopes.open_for_vault(KEYS, text, "unlock", party, now)


def part_changed(number: int, to: str) -> str:
    parts = sealed().split(".")
    return ".".join([*parts[:number], to, *parts[number + 1 :]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Flaw.MALFORMED),
        ("gv1.x.unlock.1.abc", Flaw.MALFORMED),
        (part_changed(0, "gv2"), Flaw.MALFORMED),
        (part_changed(4, "ab/c="), Flaw.MALFORMED),
        (sealed(purpose="add_card"), Flaw.MALFORMED),
        (part_changed(1, "0" * 16), Flaw.OTHER_KEY),
        (part_changed(3, str(NOW - FRESH_SECONDS * 1000 - 1)), Flaw.STALE),
        (part_changed(3, str(NOW + FRESH_SECONDS * 1000 + 1)), Flaw.STALE),
        (part_changed(3, str(NOW + 1)), Flaw.UNREADABLE),
        (part_changed(4, "AAAA"), Flaw.UNREADABLE),
        (sealed(party=8), Flaw.UNREADABLE),
        (sealed()[:-2] + ("AA" if sealed()[-2:] != "AA" else "BB"), Flaw.UNREADABLE),
        (sealed(purpose="add_card").replace(".add_card.", ".unlock."), Flaw.UNREADABLE),
    ],
    ids=lambda value: None if isinstance(value, Flaw) else "",
)
def test_what_is_not_for_the_vault_in_this_place_is_refused_by_name(text: str, expected: Flaw) -> None:
    assert opened(text) is expected


def test_content_that_is_no_object_of_texts_is_malformed() -> None:
    assert opened(sealed({"number": 4})) is Flaw.MALFORMED  # type: ignore[dict-item]
    assert opened(sealed(["x"])) is Flaw.MALFORMED  # type: ignore[arg-type]


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=256), st.text(max_size=256))
def test_two_passphrases_of_any_signs_fit_and_the_length_is_always_the_same(old: str, new: str) -> None:
    content = {"passphrase": old, "new_passphrase": new}
    text = sealed(content)
    assert opened(text) == content and len(text) == len(sealed())


def test_what_a_browser_seals_the_vault_opens(tmp_path: Path) -> None:
    _, environment = hatch_build.npm_command()
    out = tmp_path / "seal.mjs"
    node = ["node", str(ROOT / "node_modules" / "esbuild" / "bin" / "esbuild")]
    source = str(ROOT / "static" / "src" / "wallet" / "vault_seal.ts")
    subprocess.run(
        [*node, source, "--bundle", "--format=esm", f"--outfile={out}", "--log-level=error"],
        env=environment,
        check=True,
    )
    contents = [
        CONTENT,
        {"passphrase": '密码 é \u2028 \ud800 "\\'},
        {"number": "4111 1111 1111 1111", "holder": "李安"},
    ]
    script = tmp_path / "run.mjs"
    key = {"keyId": KEY.key_id, "point": base64url(KEY.point)}
    script.write_text(
        "import { sealForVault } from './seal.mjs';\n"
        f"for (const content of {json.dumps(contents)})\n"
        f"  console.log(await sealForVault({json.dumps(key)}, 'unlock', 7, {NOW}.4, content));\n"
        f"try {{ await sealForVault({json.dumps(key)}, 'unlock', 7, {NOW}, {{x: 'y'.repeat(5000)}}); }}\n"
        "catch (error) { console.log(error.name); }\n",
        encoding="utf-8",
    )
    done = subprocess.run(["node", str(script)], env=environment, capture_output=True, text=True, check=True)
    *texts, refused = done.stdout.split()
    assert refused == "RangeError"
    assert [opened(text) for text in texts] == contents
    assert {len(text) for text in texts} == {len(sealed())}


def base64url(raw: bytes) -> str:
    from escrow import vault_wire

    assert vault_wire.from_base64url(vault_wire.base64url(raw)) == raw
    return vault_wire.base64url(raw)


# To the bank


def test_the_bank_alone_opens_a_payment_and_only_with_its_order() -> None:
    digest, other = bytes(32), bytes(31) + b"\1"
    envelope = envelopes.seal_payment(KEY.point, b'{"pan":"4111"}', digest)
    assert len(envelope) == envelopes.PAYMENT_ENVELOPE_BYTES == 613
    assert envelopes.open_payment(KEYS, envelope, digest) == b'{"pan":"4111"}'
    assert envelopes.open_payment(KEYS, envelope, other) is None
    assert envelopes.open_payment(KEYS, envelope[:-1], digest) is None
    assert envelopes.open_payment(KEYS, envelope[:-1] + bytes([envelope[-1] ^ 1]), digest) is None
    stranger = envelopes.new_key()
    assert envelopes.open_payment({stranger.key_id: stranger}, envelope, digest) is None
    renamed = bytes.fromhex(stranger.key_id) + envelope[8:]
    assert envelopes.open_payment({stranger.key_id: stranger}, renamed, digest) is None
    with pytest.raises(ValueError, match="at most 512"):
        envelopes.seal_payment(KEY.point, bytes(513), digest)


def test_keys_and_halves_do_not_show_what_they_hold() -> None:
    assert repr(KEY) == f"KeyPair({KEY.key_id})"
    assert set(Purpose) == {"open_wallet", "unlock", "change_passphrase", "add_passphrase", "add_passkey", "add_card"}
