/** Time left as a clock shows it. */
import { text } from "./texts";

/** `1:02:03`, `2:05`, or days before it; whole seconds, rounded up so that 0:00 means over. */
export function clockText(milliseconds: number): string {
  if (milliseconds <= 0) return text("clock.ended");
  const days = Math.floor(Math.ceil(milliseconds / 1000) / 86_400);
  const rest = clockDigits(milliseconds - days * 86_400_000);
  return days > 0 ? text("clock.days", { days, time: rest }) : rest;
}

/** Hours, minutes and seconds with colons; hours only when there are any. */
export function clockDigits(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
