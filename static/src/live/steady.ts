/** The amounts on a lot's buttons: as they stood when one went down, until it comes up. A press right after they changed was
 * meant for what stood there before. */
import { localNow } from "../server_clock";

/** In milliseconds. */
const CHANGE_GUARD = 300;
const CLICK_LIMIT = 350;

export class SteadyAmounts {
  private held: readonly bigint[] | null = null;
  private heldTooSoon = false;
  private releasing = 0;
  /** What the buttons show, and since when. */
  private shown: readonly bigint[] = [];
  private shownAt = -Infinity;

  constructor(private readonly redraw: () => void) {}

  /** Hear where a press ends, be it beside the button. */
  connect(): void {
    window.addEventListener("pointerup", this.release);
    window.addEventListener("pointercancel", this.release);
  }

  disconnect(): void {
    window.removeEventListener("pointerup", this.release);
    window.removeEventListener("pointercancel", this.release);
  }

  /** What to show, where `current` are the amounts that are legal now. */
  show(current: readonly bigint[]): readonly bigint[] {
    const amounts = this.held ?? current;
    if (this.shown.length > 0 && amounts.join() !== this.shown.join()) this.shownAt = localNow();
    this.shown = amounts;
    return amounts;
  }

  /** For how many milliseconds the buttons have shown the same amounts. */
  get steadyFor(): number {
    return localNow() - this.shownAt;
  }

  readonly hold = (): void => {
    window.clearTimeout(this.releasing);
    this.held = this.shown;
    this.heldTooSoon = this.steadyFor < CHANGE_GUARD;
    this.redraw();
  };

  readonly holdByKey = (event: KeyboardEvent): void => {
    if ((event.key === "Enter" || event.key === " ") && !event.repeat) this.hold();
  };

  readonly letGo = (): void => {
    window.clearTimeout(this.releasing);
    this.held = null;
    this.redraw();
  };

  /** The amount that was pressed, "too_soon" if it had just come, or null where there is none. */
  take(index: number): bigint | "too_soon" | null {
    if (this.held === null) this.hold();
    const amount = this.held?.[index] ?? null;
    const tooSoon = this.heldTooSoon;
    this.letGo();
    return amount !== null && tooSoon ? "too_soon" : amount;
  }

  /** A click, if there is one, comes a little after the release (later on touch screens). */
  private readonly release = (): void => {
    if (this.held !== null) this.releasing = window.setTimeout(this.letGo, CLICK_LIMIT);
  };
}
