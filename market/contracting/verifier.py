"""Check a contract's signed bundle without the house: python verify_contract.py BUNDLE [--key HEX] [--authority FILE]
Needs Python 3.11 and `cryptography`. Each signature against its record, certificate, authority, list of revocations and the
house's seal of that instant, then the house's signature under the whole. Exit: 0 genuine, 1 not.
"""

import argparse
import json
import sys
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

KIND = "gavelhouse.contract_bundle.v1"
STATEMENT, SEAL = "contract bundle", "contract_seal"
RECORD = "gavelhouse.contract_signature.v1"
TERMS = {"gavelhouse.trade_terms.v1", "gavelhouse.contract.v1"}
FRESH = timedelta(seconds=600)


def hold(holds, sentence):
    if not holds:
        raise ValueError(sentence)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def once(pairs):
    members = dict(pairs)
    hold(len(members) == len(pairs), "a member stands there twice")
    return members


def read(text):
    return json.loads(text, object_pairs_hook=once)


def is_signed(key, signature, body):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, body)
    except Exception:
        return False
    return True


def is_of(key, one):
    """Whether this key has signed the certificate, which says by which algorithm in its envelope, too."""
    named = one.signature_algorithm_oid == SignatureAlgorithmOID.ED25519
    return named and is_signed(key, one.signature, one.tbs_certificate_bytes)


def check_statement(kind, signed, keys):
    hold(signed["key"] in keys, f"the {kind} is signed by {signed['key']}, another key than it should be")
    body = f"gavelhouse {kind} v1\n".encode() + canonical({k: v for k, v in signed.items() if k != "signature"})
    hold(signed["signature"].islower(), f"the signature of the {kind} is not written as the house writes it")
    right = is_signed(bytes.fromhex(signed["key"]), bytes.fromhex(signed["signature"]), body)
    hold(right, f"the signature of the {kind} is not that of its key")


def der_of(text):
    raw = b64decode(text, validate=True)
    hold(b64encode(raw).decode() == text, "a certificate or list is not written as the house writes it")
    return raw


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


def check_authority(der):
    own = x509.load_der_x509_certificate(der)
    usage, limits = extension(own, x509.KeyUsage), extension(own, x509.BasicConstraints)
    hold(limits.ca and limits.path_length == 0 and usage.key_cert_sign and usage.crl_sign, "the authority is none")
    key = own.public_key().public_bytes_raw()
    hold(own.issuer == own.subject, "the authority's certificate is not its own")
    hold(is_of(key, own), "the authority has not signed its own certificate")
    return own, key


def check_certificate(der, own, key, serial, party, at):
    leaf = x509.load_der_x509_certificate(der)
    usage, limits = extension(leaf, x509.KeyUsage), extension(leaf, x509.BasicConstraints)
    hold(f"{leaf.serial_number:032x}" == serial, f"certificate {serial} has another serial number")
    hold(
        not limits.ca and usage.digital_signature and usage.content_commitment,
        f"certificate {serial} may not sign this",
    )
    issued = leaf.issuer == own.subject and is_of(key, leaf)
    hold(issued, f"certificate {serial} is not of this authority")
    named = [one.value for one in leaf.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)]
    hold(named == [f"party-{party}"], f"certificate {serial} is another party's")
    for one in (leaf, own):
        hold(
            one.not_valid_before_utc <= at <= one.not_valid_after_utc,
            f"certificate {serial} was not valid when it signed",
        )
    return leaf


def check_list(der, own, key, serial, at):
    found = x509.load_der_x509_crl(der)
    issued = found.issuer == own.subject and is_signed(key, found.signature, found.tbs_certlist_bytes)
    hold(issued, "the list of revocations is not of this authority")
    in_force = found.last_update_utc <= at <= found.next_update_utc
    hold(in_force, "the list of revocations is not the one of when it was signed")
    revoked = found.get_revoked_certificate_by_serial_number(int(serial, 16))
    hold(revoked is None or revoked.revocation_date_utc > at, f"certificate {serial} was revoked before it signed")


def check_signature(bundle, version, terms, one):
    """One party's signature under one version; who signed how and when."""
    hold(one["role"] in ("seller", "buyer"), "a signature has no role")
    n, seal, party = version["n"], one["seal"], terms[f"{one['role']}_id"]
    check_statement(SEAL, seal, bundle["keys"])
    at = datetime.fromisoformat(seal["at"])
    digest = sha256(version["terms"].encode()).hexdigest()
    place = {"contract": bundle["contract"], "version": n, "role": one["role"], "terms_sha256": digest}
    hold(all(seal[name] == value for name, value in place.items()), f"version {n}: the seal is of something else")
    if one["by"] == "agreement":
        hold(
            "evidence_sha256" in seal and "record_sha256" not in seal, f"version {n}: the seal is of a signature by key"
        )
        return f"by message under the parties' agreement, {seal['at']}"
    hold(one["by"] == "key", f"version {n}: signed by nothing that is known")
    record, raw = read(one["record"]), one["record"].encode()
    hold(
        canonical(record) == raw and record["kind"] == RECORD,
        f"version {n}: what was signed is no record of a signature",
    )
    hold(
        all(record[name] == value for name, value in place.items()), f"version {n}: the signature is of something else"
    )
    hold(record["party"] == party, f"version {n}: the signature is another party's")
    serial, authority = record["certificate"], one["list"].partition(".")[0]
    ders = [der_of(each) for each in bundle["authorities"]]
    own, key = next(((own, key) for own, key in map(check_authority, ders) if key.hex() == authority), (None, None))
    hold(own is not None, f"version {n}: the authority's certificate is missing")
    hold(
        serial in bundle["certificates"] and one["list"] in bundle["lists"], f"version {n}: its certificate is missing"
    )
    certificate = der_of(bundle["certificates"][serial])
    crl = der_of(bundle["lists"][one["list"]])
    leaf = check_certificate(certificate, own, key, serial, party, at)
    check_list(crl, own, key, serial, at)
    signature = bytes.fromhex(one["signature"])
    body = f"{RECORD}\n".encode() + raw
    hold(one["signature"] == signature.hex(), f"version {n}: a signature is not written as the house writes it")
    right = is_signed(leaf.public_key().public_bytes_raw(), signature, body)
    hold(right, f"version {n}: the {one['role']}'s signature is not that of the certificate's key")
    signed_at = datetime.fromisoformat(record["signed_at"])
    hold(abs(at - signed_at) <= FRESH, f"version {n}: sealed at another time than it was signed")
    parts = {
        "record": raw,
        "signature": signature,
        "certificate": certificate,
        "crl": crl,
        "authority": own_bytes(ders, key),
    }
    for name, content in parts.items():
        hold(seal[f"{name}_sha256"] == sha256(content).hexdigest(), f"version {n}: the seal is of another {name}")
    return f"certificate {serial}, {seal['at']}"


def own_bytes(ders, key):
    return next(der for der in ders if x509.load_der_x509_certificate(der).public_key().public_bytes_raw() == key)


def check_seals(bundle, required):
    """That the authority vouches for each key with which the house has sealed and signed."""
    seals, at = bundle.get("seals"), datetime.fromisoformat(bundle["at"])
    hold(
        seals is not None or not required, "no authority vouches for the house's key: give it, as you noted it (--key)"
    )
    owns = [check_authority(der_of(each)) for each in bundle["authorities"]]
    for name in bundle["keys"] if seals is not None else ():
        hold(name in seals, f"no authority vouches for the key {name}")
        leaf = x509.load_der_x509_certificate(der_of(seals[name]))
        usage, limits = extension(leaf, x509.KeyUsage), extension(leaf, x509.BasicConstraints)
        may_seal = not limits.ca and usage.digital_signature and not usage.content_commitment
        hold(may_seal and leaf.public_key().public_bytes_raw().hex() == name, f"the key {name} may not seal")
        issued = any(leaf.issuer == own.subject and is_of(key, leaf) for own, key in owns)
        hold(issued, f"no authority vouches for the key {name}")
        hold(leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc, f"the key {name} may seal no more")


def verify(data, key=None, authority=None):
    """What the bundle shows; ValueError with a sentence if anything in it is not genuine. `key`: the house's public key and
    `authority`: its authority's certificate (PEM, or several), if you know them. Either shows that the house has made it.
    """
    bundle = read(data)
    hold(isinstance(bundle, dict) and bundle.get("kind") == KIND, "this is no bundle of a contract")
    hold(canonical(bundle) + b"\n" == data, "the file is not written as the house writes it")
    hold(bundle["key"] in bundle["keys"], "the house's key is not among its keys")
    if authority is not None:
        known = [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(authority)]
        known = {b64encode(one).decode() for one in known}
        hold(known.issuperset(bundle["authorities"]), "the authority is another than the one you know")
    versions, signed = bundle["versions"], {}
    hold(
        [version["n"] for version in versions] == list(range(1, len(versions) + 1)),
        "the versions are not in their order",
    )
    parties = None
    for version in versions:
        terms = read(version["terms"])
        hold(terms["kind"] in TERMS, f"version {version['n']}: these are no terms of a trade")
        both = (terms["seller_id"], terms["buyer_id"])
        hold(parties in (None, both) and both[0] != both[1], f"version {version['n']} is between other parties")
        parties = both
        roles = [one["role"] for one in version["signatures"]]
        hold(len(set(roles)) == len(roles), f"version {version['n']} is signed twice by one side")
        signed[version["n"]] = {
            one["role"]: check_signature(bundle, version, terms, one) for one in version["signatures"]
        }
    whole = [n for n, by in signed.items() if len(by) == 2]
    last, is_hammer = max(whole, default=None), bundle["origin"] == "hammer"
    hold(
        bundle["stands"] == (last or 1 if is_hammer else last),
        "the version that stands is another than both have signed",
    )
    hold((bundle["state"] == "in_force") == (bundle["stands"] is not None), "its state does not fit its signatures")
    check_statement(STATEMENT, bundle, [key] if key else bundle["keys"])
    check_seals(bundle, required=authority is not None and not key)
    terms = read(versions[(bundle["stands"] or len(versions)) - 1]["terms"])
    found = {"contract": bundle["contract"], "state": bundle["state"], "version in force": bundle["stands"]}
    found |= {role: f"{terms[f'{role}_name']} (party {terms[f'{role}_id']})" for role in ("seller", "buyer")}
    for n, by in signed.items():
        found |= {f"version {n}, {role}": how for role, how in by.items()}
    ders = [der_of(each) for each in bundle["authorities"]]
    found["authority"] = ", ".join(sha256(der).hexdigest() for der in ders) or "none"
    if not key and authority is None:
        found["not compared"] = "neither authority nor key is known to you (--authority, --key): compare them"
    return found | {"as of": bundle["at"], "key": bundle["key"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--key", help="the house's public key as you noted it")
    parser.add_argument("--authority", help="the authority's certificate (PEM) as you got it by another way")
    given = parser.parse_args()
    try:
        with open(given.file, "rb") as file:
            data = file.read()
        authority = None
        if given.authority:
            with open(given.authority, "rb") as file:
                authority = file.read()
        found = verify(data, given.key, authority)
    except Exception as fault:
        print("NOT GENUINE:", fault)
        return 1
    print("GENUINE")
    for name, value in found.items():
        print(f"  {name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
