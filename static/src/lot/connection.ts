/** `<lot-connection>`: a word when all is well, a banner with the age of what is shown when it is not. */
import { html, nothing, type TemplateResult } from "lit";
import { clockDigits } from "../durations";
import { icon, LiveElement } from "../live/element";
import { heardAt, link } from "../live/socket";
import { localNow } from "../server_clock";
import { text } from "../texts";
import { isOver } from "./model";

class LotConnection extends LiveElement {
  private timer = 0;

  override render(): TemplateResult | typeof nothing {
    window.clearTimeout(this.timer);
    if (isOver.value) return nothing;
    if (link.value === "live") return html`<p class="link live"><span class="dot" aria-hidden="true"></span>${text("lot.link_live")}</p>`;
    if (link.value === "connecting") return html`<p class="link">${text("lot.link_connecting")}</p>`;
    this.timer = window.setTimeout(() => this.requestUpdate(), 1_000);
    const age = clockDigits(localNow() - heardAt.value);
    return html`<div class="notice warning link-lost">${icon("wifi-off")}<div><p class="notice-title">${text("lot.link_lost")}</p>
      <p>${text("lot.link_age", { age })}</p></div></div>`;
  }
}

customElements.define("lot-connection", LotConnection);
