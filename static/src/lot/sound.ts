/** One short tone when outbid. Only after the person has asked for sound. */
import { soundOn } from "./budget";

let context: AudioContext | undefined;

export function chime(): void {
  if (!soundOn.peek()) return;
  context ??= new AudioContext();
  const begin = context.currentTime;
  for (const [n, frequency] of [660, 495].entries()) {
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    const at = begin + n * 0.16;
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0.0001, at);
    gain.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.15);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(at);
    oscillator.stop(at + 0.16);
  }
}
