/** `<lot-tools>`: sound, shortcuts and the bidder's own budget; and the keys themselves. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { parseAmount, decimalText } from "../money";
import { text } from "../texts";
import { budget, shortcutsOn, soundOn } from "./budget";
import { isOver } from "./model";
import { money } from "./page";
import { chime } from "./sound";

/** What the keys B, 1, 2 and 3 do is the panel's; not every format's has amounts to choose from. */
interface BidPanel extends HTMLElement {
  focusBox?(): void;
  press?(index: number): void;
}

const bidPanel = (): BidPanel | undefined =>
  [...document.querySelectorAll<BidPanel>(".bid-panel > *")].find((one) => one.focusBox !== undefined || one.press !== undefined);

class LotTools extends LiveElement {
  private problem = "";

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("keydown", this.pressed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.pressed);
  }

  override render(): TemplateResult | typeof nothing {
    if (isOver.value) return nothing;
    return html`<div class="tools">
        <button type="button" class="button quiet" aria-pressed=${soundOn.value} @click=${this.toggleSound}>
          ${icon(soundOn.value ? "volume-2" : "volume-x")}${text(soundOn.value ? "lot.sound_on" : "lot.sound_off")}</button>
        <button type="button" class="button quiet" @click=${this.open}>${icon("keyboard")}${text("lot.settings")}</button>
      </div>
      <dialog aria-labelledby="tools-title">
        <h2 id="tools-title">${text("lot.settings")}</h2>
        <form class="stack tight" method="dialog" @submit=${this.save}>
          <div class="field ${this.problem ? "has-error" : ""}">
            <label for="budget">${text("lot.budget")} <span class="optional">${text("form.optional")}</span></label>
            <p class="hint" id="budget-hint">${text("lot.budget_hint")}</p>
            <input id="budget" type="text" inputmode="decimal" autocomplete="off" class="n" aria-describedby="budget-hint budget-problem"
              .value=${budget.value === null ? "" : decimalText(budget.value, money.exponent)} />
            <p class="field-error" id="budget-problem" ?hidden=${!this.problem}>${this.problem}</p>
          </div>
          <div class="field choice"><label><input type="checkbox" .checked=${shortcutsOn.value} @change=${this.toggleShortcuts} />
            <span>${text("lot.shortcuts")}</span></label></div>
          <dl class="keys">${this.keys().map((key) => html`<div><dt>${text(`lot.key_${key}`)}</dt><dd>${text(`lot.key_${key}_does`)}</dd></div>`)}</dl>
          <div class="dialog-actions"><button class="button">${text("lot.settings_done")}</button></div>
        </form>
      </dialog>`;
  }

  private keys(): string[] {
    return ["b", ...(bidPanel()?.press ? ["123"] : []), "h", "m", "help"];
  }

  private readonly open = (): void => this.querySelector("dialog")?.showModal();

  private readonly toggleSound = (): void => {
    soundOn.value = !soundOn.peek();
    chime();
  };

  private readonly toggleShortcuts = (event: Event): void => {
    shortcutsOn.value = (event.target as HTMLInputElement).checked;
  };

  private readonly save = (event: SubmitEvent): void => {
    const typed = this.querySelector<HTMLInputElement>("#budget")?.value ?? "";
    const parsed = parseAmount(typed, money.exponent);
    this.problem = "problem" in parsed && parsed.problem !== "empty" ? text(`amount_problem.${parsed.problem}`) : "";
    if (this.problem) event.preventDefault();
    else budget.value = "minor" in parsed ? parsed.minor : null;
    this.requestUpdate();
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    if (!shortcutsOn.peek() || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    const target = event.target as HTMLElement;
    if (target.closest("input, textarea, select, dialog[open]") || document.querySelector("dialog[open]")) return;
    if (this.act(event.key.toLowerCase())) event.preventDefault();
  };

  private act(key: string): boolean {
    const panel = bidPanel();
    if (key === "b") panel?.focusBox?.();
    else if (key === "1" || key === "2" || key === "3") panel?.press?.(Number(key) - 1);
    else if (key === "h") document.getElementById("history")?.focus();
    else if (key === "m") this.toggleSound();
    else if (key === "?") this.open();
    else return false;
    return true;
  }
}

customElements.define("lot-tools", LotTools);
