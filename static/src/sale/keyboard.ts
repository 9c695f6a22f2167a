/** `<sale-room>`: the keyboard through the cards. `<sale-keys>`: what each key does, and the switch that turns them off. */
import { html, type TemplateResult } from "lit";
import { LiveElement } from "../live/element";
import { shortcutsOn } from "../live/remembered";
import { text } from "../texts";

/** Each key's name, and what must be on the page for it to do anything. */
const KEYS: [string, string][] = [
  ["move", "sale-room"],
  ["open", "sale-room"],
  ["watch", "watch-lot"],
  ["bid", "quick-bid"],
];

class SaleRoom extends HTMLElement {
  private last: HTMLElement | null = null;

  connectedCallback(): void {
    document.addEventListener("keydown", this.pressed);
    this.addEventListener("focusin", this.remember);
  }

  disconnectedCallback(): void {
    document.removeEventListener("keydown", this.pressed);
  }

  private readonly remember = (): void => {
    this.last = document.activeElement?.closest<HTMLElement>("li.lot-card") ?? this.last;
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    if (!shortcutsOn.peek() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target as HTMLElement;
    if (target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
    if (this.act(event.key, event.repeat)) event.preventDefault();
  };

  private act(key: string, repeated: boolean): boolean {
    // Outside the room the arrows scroll the page, as everywhere.
    const inside = this.contains(document.activeElement);
    if (key === "j" || (inside && (key === "ArrowDown" || key === "ArrowRight"))) return this.move(1);
    if (key === "k" || (inside && (key === "ArrowUp" || key === "ArrowLeft"))) return this.move(-1);
    if (repeated) return false;
    if (key === "w") return this.onCard("watch-lot button", (button) => button.click());
    if (key === "b") return this.onCard("quick-bid button", (button) => button.focus());
    return false;
  }

  private move(step: number): boolean {
    const cards = [...this.querySelectorAll<HTMLElement>("li.lot-card")];
    const at = this.last === null ? -1 : cards.indexOf(this.last);
    const next = cards[at < 0 ? (step > 0 ? 0 : cards.length - 1) : Math.min(Math.max(at + step, 0), cards.length - 1)];
    next?.querySelector<HTMLElement>(".lot-card-link")?.focus();
    next?.scrollIntoView({ block: "nearest" });
    return next !== undefined;
  }

  private onCard(selector: string, act: (button: HTMLButtonElement) => void): boolean {
    const button = this.last?.querySelector<HTMLButtonElement>(selector);
    if (button) act(button);
    return Boolean(button);
  }
}

class SaleKeys extends LiveElement {
  override render(): TemplateResult {
    return html`<label class="keys-switch"><input type="checkbox" .checked=${shortcutsOn.value} @change=${this.toggle} /><span>${text("lot.shortcuts")}</span></label>
      <dl class="keys">${this.keys().map((key) => html`<div><dt>${text(`sale.key_${key}`)}</dt><dd>${text(`sale.key_${key}_does`)}</dd></div>`)}</dl>`;
  }

  private keys(): string[] {
    return KEYS.filter(([, needed]) => document.querySelector(needed) !== null).map(([key]) => key);
  }

  private readonly toggle = (event: Event): void => {
    shortcutsOn.value = (event.target as HTMLInputElement).checked;
  };
}

customElements.define("sale-room", SaleRoom);
customElements.define("sale-keys", SaleKeys);
