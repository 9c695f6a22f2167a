/** `<lot-clock>`: phase, time left, and how well the clock is known. */
import { html, nothing, type TemplateResult } from "lit";
import { clockDigits } from "../durations";
import { icon, LiveElement } from "../live/element";
import { clockQuality } from "../server_clock";
import { text } from "../texts";
import { timeText } from "../times";
import { isOver, onChange, state } from "./model";
import { page, spoken } from "./page";
import { begun, endsAt, left, now, startsAt, tooLate } from "./ticking";

const RUNNING_OUT = 60_000;

/** What the clock counts towards, in words. */
export function phaseWord(): string {
  if (isOver.value) return spoken(`phase_${state.value.outcome ?? "closed"}`);
  if (state.value.paused_at !== null) return text("lot.phase_paused");
  if (!begun.value) return text("lot.phase_waiting");
  return left.value === 0 ? text("lot.phase_deciding") : spoken(`phase_${state.value.phase}`);
}

/** Digits of the time left: days apart, tenths under ten seconds. */
function digits(milliseconds: number): string {
  if (milliseconds < 10_000) return `0:0${Math.floor(milliseconds / 1000)}.${Math.floor((milliseconds % 1000) / 100)}`;
  const days = Math.floor(Math.ceil(milliseconds / 1000) / 86_400);
  const rest = clockDigits(milliseconds - days * 86_400_000);
  return days === 0 ? rest : text("clock.days", { days, time: rest });
}

class LotClock extends LiveElement {
  private pulse = false;

  override connectedCallback(): void {
    super.connectedCallback();
    onChange((next, before) => {
      if (next.phase !== "delayed" || Date.parse(next.ends_at) <= Date.parse(before.ends_at)) return;
      this.pulse = !this.pulse;
      this.requestUpdate();
    });
  }

  override render(): TemplateResult {
    const running = begun.value && !isOver.value && state.value.paused_at === null;
    const hot = running && left.value < RUNNING_OUT;
    return html`<p class="glance-label">${icon(state.value.paused_at === null ? "timer" : "pause")}${phaseWord()}</p>
      ${isOver.value
        ? html`<p class="clock-ended">${timeText(new Date(endsAt.value), "second")}</p>`
        : html`<p class="clock-digits ${hot ? "running-out" : ""} ${this.pulse ? "pulse-a" : "pulse-b"}" role="timer">${digits(left.value)}</p>`}
      ${this.bar(running)} ${this.end()} ${tooLate.value
        ? html`<p class="too-late">${icon("triangle-alert")}${text("lot.too_late")}</p>`
        : nothing}`;
  }

  private bar(running: boolean): TemplateResult | typeof nothing {
    if (!running || state.value.phase !== "delayed" || page.extension_seconds === null) return nothing;
    const whole = page.extension_seconds * 1000;
    return html`<progress max=${whole} value=${Math.min(whole, left.value)} aria-label=${text("lot.extension_bar")}></progress>`;
  }

  private end(): TemplateResult | typeof nothing {
    if (isOver.value) return nothing;
    const at = new Date(begun.value ? endsAt.value : startsAt.value);
    const today = at.toDateString() === new Date(now.value).toDateString();
    const key = !begun.value ? "lot.starts_at" : state.value.extensions > 0 ? "lot.extended_until" : "lot.ends_at";
    const { error, known } = clockQuality();
    const how = known ? text("lot.clock_quality", { error: Math.max(1, Math.ceil(error)) }) : text("lot.clock_unknown");
    return html`<p class="glance-note">${text(key, { time: timeText(at, today ? "clock" : "second") })}
      <span class="clock-quality">${how}</span></p>`;
  }
}

customElements.define("lot-clock", LotClock);
