/**
 * `<phone-passkey kind="create|get" options>` around a form: its button asks the passkey what `options` says, puts the
 * answer into the field `credential` and posts the form. Where passkeys can't work the form stays hidden.
 */
import { text } from "../texts";
import { answerOf, isCancelled, mayUsePasskeys } from "./passkeys";

class PhonePasskey extends HTMLElement {
  connectedCallback(): void {
    const form = this.querySelector("form");
    if (form === null) return;
    if (!mayUsePasskeys()) {
      this.#say(text("purse.no_passkeys_here"));
      for (const button of form.querySelectorAll("button")) button.disabled = true;
      return;
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit(form);
    });
  }

  async #submit(form: HTMLFormElement): Promise<void> {
    this.#say("");
    try {
      const kind = this.getAttribute("kind") === "create" ? "create" : "get";
      const answer = await answerOf(kind, this.getAttribute("options") ?? "{}");
      const field = form.querySelector<HTMLInputElement>("input[name=credential]");
      if (field !== null) field.value = answer;
      form.submit();
    } catch (error) {
      this.#say(text(isCancelled(error) ? "purse.passkey_cancelled" : "purse.passkey_failed"));
    }
  }

  #say(sentence: string): void {
    const place = this.querySelector<HTMLElement>("[data-said]");
    if (place === null) return;
    place.textContent = sentence;
    place.hidden = sentence === "";
  }
}

customElements.define("phone-passkey", PhonePasskey);
