/** `<time-left ends-at="…Z">`: how long until an instant, on any page. It shows the end the server gave; ticking only animates. */
import { clockText } from "../durations";
import { serverNow } from "../server_clock";

class TimeLeft extends HTMLElement {
  static readonly observedAttributes = ["ends-at"];
  private timer = 0;

  connectedCallback(): void {
    this.tick();
  }

  disconnectedCallback(): void {
    clearTimeout(this.timer);
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.tick();
  }

  private tick(): void {
    clearTimeout(this.timer);
    const endsAt = Date.parse(this.getAttribute("ends-at") ?? "");
    if (Number.isNaN(endsAt)) return;
    const left = endsAt - serverNow();
    this.textContent = clockText(left);
    this.classList.toggle("running-out", left > 0 && left < 60_000);
    if (left > 0) this.timer = window.setTimeout(() => this.tick(), (left % 1000) + 5);
  }
}

customElements.define("time-left", TimeLeft);
