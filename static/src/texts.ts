/** The catalogue's sentences that this page was given, in its language. */

const given: Record<string, string> = {};
for (const script of document.querySelectorAll<HTMLScriptElement>("script[data-texts]")) {
  Object.assign(given, JSON.parse(script.textContent ?? "{}"));
}

/** The sentence `key` with its placeholders filled. A missing key is a fault of the page and shows as the key. */
export function text(key: string, params: Record<string, string | number> = {}): string {
  return (given[key] ?? key).replace(/\{([a-z][a-z0-9_]*)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** `text` for a count: `key_one` or `key_other`. */
export function counted(key: string, count: number): string {
  return text(count === 1 ? `${key}_one` : `${key}_other`, { count });
}

/** Whether the page was given this sentence. */
export function hasText(key: string): boolean {
  return key in given;
}
