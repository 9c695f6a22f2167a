/** Sealing a bid, byte for byte as `auction/sealing.py` opens it: P-256, HKDF-SHA-256, AES-256-GCM, a fixed length. */

const LABEL = "gavelhouse.sealed.v1";
const PLAINTEXT_BYTES = 192;
const CURVE = { name: "ECDH", namedCurve: "P-256" } as const;

export interface SealedBid {
  ciphertext: string;
  commitment: string;
  /** What the bidder keeps: with the amount it opens the commitment. */
  nonce: string;
}

/** Whether this page may use the browser's cryptography: only one that came over https (or from this machine itself). */
export const canSeal = typeof crypto.subtle !== "undefined";

const encoder = new TextEncoder();

/** Seal `amount` as `paddle` on `lot` to the lot's public key, an uncompressed point in base64. */
export async function sealBid(publicKey: string, lot: number, paddle: number, amount: bigint): Promise<SealedBid> {
  const nonce = hex(crypto.getRandomValues(new Uint8Array(32)));
  const commitment = hex(await sha256(encoder.encode([LABEL, lot, paddle, amount, nonce].join("|"))));
  const bound = encoder.encode([LABEL, lot, paddle, publicKey, commitment].join("|"));
  const said = JSON.stringify({ amount_minor: amount.toString(), lot, nonce }).padEnd(PLAINTEXT_BYTES);
  const blob = await seal(fromBase64(publicKey), encoder.encode(said), bound);
  return { ciphertext: btoa(String.fromCharCode(...blob)), commitment, nonce };
}

async function seal(publicKey: Bytes, plaintext: Bytes, bound: Bytes): Promise<Bytes> {
  const ephemeral = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));
  const theirs = await crypto.subtle.importKey("raw", publicKey, CURVE, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, ephemeral.privateKey, 256);
  const key = await contentKey(shared, joined(encoder.encode(LABEL), point, publicKey));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const cipher = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound }, key, plaintext);
  return joined(point, iv, new Uint8Array(cipher));
}

async function contentKey(shared: ArrayBuffer, info: Bytes): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  return crypto.subtle.deriveKey(how, material, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
}

type Bytes = Uint8Array<ArrayBuffer>;

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
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

function hex(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
