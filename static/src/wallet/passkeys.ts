/** Passkeys of the browser: for the vault by their PRF output, for a payment by their signature. */
import { fromBase64url, toBase64url } from "./vault_seal";

type Bytes = Uint8Array<ArrayBuffer>;

interface PrfResults {
  prf?: { enabled?: boolean; results?: { first?: ArrayBuffer } };
}

const ALGORITHMS = [-7, -8, -257].map((alg) => ({ type: "public-key" as const, alg }));

/** Passkeys belong to a host name; by a bare address the browser gives none. */
export function mayUsePasskeys(): boolean {
  return typeof PublicKeyCredential !== "undefined" && !/^[\d.]+$|^\[/.test(location.hostname);
}

export function isCancelled(error: unknown): boolean {
  return error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError");
}

/** A new passkey and its secret for the vault. Some authenticators tell the secret only when they are asked again. */
export async function createWithPrf(salt: string, person: { name: string; label: string }): Promise<Record<string, string>> {
  const made = await navigator.credentials.create({
    publicKey: {
      rp: { name: document.title, id: location.hostname },
      user: { id: random(16), name: person.name, displayName: person.label },
      challenge: random(32),
      pubKeyCredParams: ALGORITHMS,
      authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
      extensions: prfOf(salt),
    },
  });
  if (!(made instanceof PublicKeyCredential)) throw new Error("no passkey was made");
  const id = toBase64url(new Uint8Array(made.rawId));
  const first = firstOf(made);
  return first === undefined ? getWithPrf(salt, [id]) : { credential_id: id, prf: toBase64url(first) };
}

/** A known passkey's secret for the vault. */
export async function getWithPrf(salt: string, credentials: readonly string[]): Promise<Record<string, string>> {
  const got = await navigator.credentials.get({
    publicKey: {
      rpId: location.hostname,
      challenge: random(32),
      userVerification: "required",
      allowCredentials: credentials.map((id) => ({ type: "public-key", id: fromBase64url(id) })),
      extensions: prfOf(salt),
    },
  });
  const first = got instanceof PublicKeyCredential ? firstOf(got) : undefined;
  if (!(got instanceof PublicKeyCredential) || first === undefined) throw new Error("this passkey keeps no secret (PRF)");
  return { credential_id: toBase64url(new Uint8Array(got.rawId)), prf: toBase64url(first) };
}

/** Carry out what the server asks (JSON of WebAuthn level 3) and give the answer as JSON. */
export async function answerOf(kind: "create" | "get", options: string): Promise<string> {
  const asked = revived(JSON.parse(options) as Record<string, unknown>);
  const credential =
    kind === "create"
      ? await navigator.credentials.create({ publicKey: asked as unknown as PublicKeyCredentialCreationOptions })
      : await navigator.credentials.get({ publicKey: asked as unknown as PublicKeyCredentialRequestOptions });
  if (!(credential instanceof PublicKeyCredential)) throw new Error("no passkey answered");
  return JSON.stringify(written(credential));
}

function prfOf(salt: string): AuthenticationExtensionsClientInputs {
  return { prf: { eval: { first: fromBase64url(salt) } } } as AuthenticationExtensionsClientInputs;
}

function firstOf(credential: PublicKeyCredential): Bytes | undefined {
  const first = (credential.getClientExtensionResults() as PrfResults).prf?.results?.first;
  return first === undefined ? undefined : new Uint8Array(first);
}

function random(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Challenge and ids are base64url on the way, bytes for the browser. */
function revived(options: Record<string, unknown>): Record<string, unknown> {
  const ids = (list: unknown): unknown =>
    Array.isArray(list) ? list.map((one: { id: string }) => ({ ...one, id: fromBase64url(one.id) })) : undefined;
  const user = options["user"] as { id: string } | undefined;
  return {
    ...options,
    challenge: fromBase64url(String(options["challenge"])),
    ...(user && { user: { ...user, id: fromBase64url(user.id) } }),
    ...(options["allowCredentials"] ? { allowCredentials: ids(options["allowCredentials"]) } : {}),
    ...(options["excludeCredentials"] ? { excludeCredentials: ids(options["excludeCredentials"]) } : {}),
  };
}

function written(credential: PublicKeyCredential): Record<string, unknown> {
  const response = credential.response;
  const said: Record<string, string> = { clientDataJSON: encoded(response.clientDataJSON) };
  if (response instanceof AuthenticatorAttestationResponse) said["attestationObject"] = encoded(response.attestationObject);
  if (response instanceof AuthenticatorAssertionResponse) {
    said["authenticatorData"] = encoded(response.authenticatorData);
    said["signature"] = encoded(response.signature);
    if (response.userHandle) said["userHandle"] = encoded(response.userHandle);
  }
  return { id: credential.id, rawId: encoded(credential.rawId), type: credential.type, response: said, clientExtensionResults: {} };
}

function encoded(bytes: ArrayBuffer): string {
  return toBase64url(new Uint8Array(bytes));
}
