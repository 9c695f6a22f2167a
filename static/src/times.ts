/** Times for people, in their own zone with the zone named. */

const lang = document.documentElement.lang === "zh-CN" ? "zh-CN" : "en-GB";
const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const day: Intl.DateTimeFormatOptions = { year: "numeric", month: "short", day: "numeric" };

const days = new Intl.DateTimeFormat(lang, day);
const minutes = new Intl.DateTimeFormat(lang, clock);
const seconds = new Intl.DateTimeFormat(lang, { ...clock, second: "2-digit" });
const zones = new Intl.DateTimeFormat(lang, { timeZoneName: "short" });

function zone(at: Date): string {
  return zones.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** An instant as text; `style` as in the server's `when`. */
export function timeText(at: Date, style: string): string {
  if (style === "day") return days.format(at);
  if (style === "clock") return seconds.format(at);
  return `${days.format(at)} ${(style === "second" ? seconds : minutes).format(at)} ${zone(at)}`;
}

/** Rewrite each `<time datetime data-style>` under `root` in the viewer's zone. */
export function localiseTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime][data-style]")) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.getTime())) element.textContent = timeText(at, element.dataset["style"] ?? "minute");
  }
}

/** Say once on the page which zone its times are in. */
export function nameTheZone(root: ParentNode): void {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const element of root.querySelectorAll<HTMLElement>("[data-zone-text]")) {
    element.textContent = (element.dataset["zoneText"] ?? "").replace("%zone%", zone);
  }
}
