/** Times for people, in their own zone with the zone named. */

const lang = document.documentElement.lang === "zh-CN" ? "zh-CN" : "en-GB";
const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const day: Intl.DateTimeFormatOptions = { year: "numeric", month: "short", day: "numeric" };

type Writer = (at: Date, style: string) => string;

function writer(language: string): Writer {
  const days = new Intl.DateTimeFormat(language, day);
  const minutes = new Intl.DateTimeFormat(language, clock);
  const seconds = new Intl.DateTimeFormat(language, { ...clock, second: "2-digit" });
  const zones = new Intl.DateTimeFormat(language, { timeZoneName: "short" });
  return (at, style) => {
    if (style === "day") return days.format(at);
    if (style === "clock") return seconds.format(at);
    const zone = zones.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "";
    return `${days.format(at)} ${(style === "second" ? seconds : minutes).format(at)} ${zone}`;
  };
}

/** An instant as text in the page's language; `style` as in the server's `when`. */
export const timeText: Writer = writer(lang);
const otherText: Writer = writer(lang === "zh-CN" ? "en-GB" : "zh-CN");

/** Text for an element: a rule shown in the other language has its times in that language too. */
function textFor(element: Element): Writer {
  const own = element.closest("[lang]")?.getAttribute("lang") ?? "";
  return own.slice(0, 2) === lang.slice(0, 2) ? timeText : otherText;
}

/** Rewrite each `<time datetime data-style>` under `root` in the viewer's zone. */
export function localiseTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime][data-style]")) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.getTime())) element.textContent = textFor(element)(at, element.dataset["style"] ?? "minute");
  }
}

/** Say once on the page which zone its times are in. */
export function nameTheZone(root: ParentNode): void {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const element of root.querySelectorAll<HTMLElement>("[data-zone-text]")) {
    element.textContent = (element.dataset["zoneText"] ?? "").replace("%zone%", zone);
  }
}
