/** Sealing for the vault, byte for byte as `escrow/envelopes.py` opens it: the server forwards what it can't read. */

const LABEL = "gavelhouse.vault.v1";
const PLAINTEXT_BYTES = 4096;
const CURVE = { name: "ECDH", namedCurve: "P-256" } as const;

export type Purpose =
  | "open_wallet"
  | "unlock"
  | "change_passphrase"
  | "add_passphrase"
  | "add_passkey"
  | "add_card";

export interface VaultKey {
  keyId: string;
  /** The uncompressed point, base64url. */
  point: string;
}

/** Whether this page may use the browser's cryptography: only one that came over https (or from this machine itself). */
export const canSeal = typeof crypto.subtle !== "undefined";

const encoder = new TextEncoder();

/** `content` for the vault's eyes alone; `at` is now by the server's clock (`serverNow()`), in milliseconds. */
export async function sealForVault(
  key: VaultKey,
  purpose: Purpose,
  partyId: number | string,
  at: number,
  content: Readonly<Record<string, string>>,
): Promise<string> {
  const time = Math.round(at).toString();
  const bound = encoder.encode([LABEL, key.keyId, purpose, partyId, time].join("|"));
  const blob = await seal(fromBase64url(key.point), padded(encoder.encode(JSON.stringify(content))), bound);
  return ["gv1", key.keyId, purpose, time, toBase64url(blob)].join(".");
}

type Bytes = Uint8Array<ArrayBuffer>;

async function seal(publicKey: Bytes, plaintext: Bytes, bound: Bytes): Promise<Bytes> {
  const ephemeral = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));
  const theirs = await crypto.subtle.importKey("raw", publicKey, CURVE, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, ephemeral.privateKey, 256);
  const key = await contentKey(shared, joined(encoder.encode(LABEL), point, publicKey));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const cipher = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound }, key, plaintext);
  plaintext.fill(0);
  return joined(point, iv, new Uint8Array(cipher));
}

async function contentKey(shared: ArrayBuffer, info: Bytes): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  return crypto.subtle.deriveKey(how, material, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
}

function padded(said: Bytes): Bytes {
  if (said.length > PLAINTEXT_BYTES) throw new RangeError("too long to be sealed");
  const whole = new Uint8Array(PLAINTEXT_BYTES).fill(0x20);
  whole.set(said);
  said.fill(0);
  return whole;
}

function joined(...parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Also for what else travels in an envelope: a passkey's credential id and PRF output. */
export function toBase64url(bytes: Bytes): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function fromBase64url(text: string): Bytes {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
}
