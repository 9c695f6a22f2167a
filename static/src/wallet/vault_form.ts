/**
 * `<vault-form purpose key-id point party>` around a form: what is typed into its fields without a name (`data-seal`) is
 * sealed for the vault in the browser and posted as one line, `sealed`; the server never sees it in clear.
 * With `passkey="create"` or `"get"` the secret is a passkey's PRF output on `salt` instead.
 */
import { serverNow } from "../server_clock";
import { text } from "../texts";
import { createWithPrf, getWithPrf, isCancelled, mayUsePasskeys } from "./passkeys";
import { canSeal, sealForVault, type Purpose } from "./vault_seal";

class VaultForm extends HTMLElement {
  #busy = false;

  connectedCallback(): void {
    const form = this.querySelector("form");
    if (form === null) return;
    if (!canSeal || (this.#passkey !== "" && !mayUsePasskeys())) {
      this.#say(text(canSeal ? "purse.no_passkeys_here" : "purse.no_sealing_here"));
      for (const button of form.querySelectorAll("button")) button.disabled = true;
      return;
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#busy) void this.#submit(form);
    });
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  }

  get #passkey(): string {
    return this.getAttribute("passkey") ?? "";
  }

  async #submit(form: HTMLFormElement): Promise<void> {
    const fields = [...form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[data-seal]")];
    const differs = fields.find((field) => differsFrom(form, field));
    if (differs !== undefined) {
      this.#say(text("purse.repeat_differs"));
      differs.focus();
      return;
    }
    this.#busy = true;
    this.#say("");
    form.setAttribute("aria-busy", "true");
    try {
      const content = { ...(await this.#credential()), ...typed(fields) };
      const hidden = form.querySelector<HTMLInputElement>("input[name=sealed]");
      if (hidden === null) throw new Error("a sealed form has its field");
      const key = { keyId: this.#said("key-id"), point: this.#said("point") };
      hidden.value = await sealForVault(key, this.#said("purpose") as Purpose, this.#said("party"), serverNow(), content);
      for (const field of fields) if (field instanceof HTMLInputElement) field.value = "";
      form.submit();
    } catch (error) {
      this.#busy = false;
      form.removeAttribute("aria-busy");
      this.#say(text(isCancelled(error) ? "purse.passkey_cancelled" : "purse.passkey_without_prf"));
    }
  }

  async #credential(): Promise<Record<string, string>> {
    if (this.#passkey === "create") {
      return createWithPrf(this.#said("salt"), { name: this.#said("account"), label: this.#said("account") });
    }
    return this.#passkey === "get" ? getWithPrf(this.#said("salt"), this.#said("credentials").split(" ").filter(Boolean)) : {};
  }

  #said(name: string): string {
    return this.getAttribute(name) ?? "";
  }

  #say(sentence: string): void {
    const place = this.querySelector<HTMLElement>("[data-said]");
    if (place === null) return;
    place.textContent = sentence;
    place.hidden = sentence === "";
  }
}

/** What is typed, by what it is to be called; fields of the repetition are left out. */
function typed(fields: readonly (HTMLInputElement | HTMLSelectElement)[]): Record<string, string> {
  const content: Record<string, string> = {};
  for (const field of fields) {
    const name = field.dataset["seal"] ?? "";
    if (name !== "" && field.value !== "") content[name] = field.value;
  }
  return content;
}

function differsFrom(form: HTMLFormElement, field: HTMLInputElement | HTMLSelectElement): boolean {
  const same = field.dataset["sameAs"];
  return same !== undefined && form.querySelector<HTMLInputElement>(`#${same}`)?.value !== field.value;
}

customElements.define("vault-form", VaultForm);
