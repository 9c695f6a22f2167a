/** `<lot-chart>`: price over time as steps. The history table holds the same figures for those who can't see it. */
import { effect } from "@preact/signals-core";
import uPlot from "uplot";
import { history } from "./model";
import { lang, money } from "./page";

const HEIGHT = 180;

class LotChart extends HTMLElement {
  private plot: uPlot | undefined;
  private stop: (() => void) | undefined;
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly observer = new ResizeObserver(() => {
    if (this.clientWidth > 0) this.plot?.setSize({ width: this.clientWidth, height: HEIGHT });
  });

  connectedCallback(): void {
    this.scheme.addEventListener("change", this.redraw);
    this.observer.observe(this);
    this.redraw();
  }

  disconnectedCallback(): void {
    this.scheme.removeEventListener("change", this.redraw);
    this.observer.disconnect();
    this.stop?.();
    this.plot?.destroy();
  }

  private readonly redraw = (): void => {
    this.stop?.();
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), [[], []], this);
    this.stop = effect(() => {
      const points = history.value.filter((row) => row.price_minor !== null);
      this.closest("[data-chart]")?.toggleAttribute("hidden", points.length < 2);
      // Positions on the screen only: exact up to 2^53, far above the largest amount.
      const xs = points.map((row) => Date.parse(row.at) / 1000);
      const ys = points.map((row) => Number(row.price_minor));
      requestAnimationFrame(() => this.plot?.setData([xs, ys]));
    });
  };

  private options(): uPlot.Options {
    const ink = this.colour("--quiet-ink");
    const line = this.colour("--line");
    const font = `12px ${getComputedStyle(this).fontFamily}`;
    const clock = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const fine = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    const when = (at: number, apart: number): string => (apart < 60 ? fine : clock).format(at * 1000);
    return {
      width: Math.max(this.clientWidth, 240),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 28, 0, 0],
      scales: { y: { range: (_, low, high) => (low === high ? [low * 0.9, high * 1.1 + 1] : [low - (high - low) * 0.08, high + (high - low) * 0.12]) } },
      axes: [
        { stroke: ink, font, grid: { show: false }, ticks: { stroke: line, size: 4 }, space: 80,
          values: (_, at) => at.map((x) => when(x, at.length > 1 ? at[1]! - at[0]! : 60)) },
        { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, size: 84, space: 36,
          values: (_, ticks) => ticks.map((y) => money.text(BigInt(Math.round(y)))) },
      ],
      series: [{}, { stroke: this.colour("--seal"), width: 2, paths: uPlot.paths.stepped!({ align: 1 }), points: { show: true, size: 5, fill: this.colour("--seal") } }],
    };
  }

  /** A token as the canvas understands it; the probe's computed colour has light-dark() resolved. */
  private colour(token: string): string {
    const probe = document.createElement("span");
    probe.className = `probe${token}`;
    this.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }
}

customElements.define("lot-chart", LotChart);
