/** The tab's one socket: connects, measures the clock, resumes after a loss with backoff, and says how the link stands. */
import { signal } from "@preact/signals-core";
import { addSample, forgetSamples, localNow } from "../server_clock";
import type { FromServer, ToServer } from "./protocol";

export type Link = "connecting" | "live" | "lost";

const PROTOCOL = "gavelhouse.v1";
const FIRST_PINGS = 8;
const PING_EVERY = 15_000;
const SILENCE_LIMIT = 35_000;
const BACKOFF_FIRST = 250;
const BACKOFF_LAST = 8_000;

/** How the link stands, when something was last heard, and how many tries have failed in a row. */
export const link = signal<Link>("connecting");
export const heardAt = signal(localNow());
export const failures = signal(0);

type Listener = (message: FromServer) => void;

const listeners = new Set<Listener>();
const openers = new Set<() => void>();
let socket: WebSocket | null = null;
let retry = 0;
let lastTick = localNow();

/** Hear every message of the house. */
export function listen(listener: Listener): void {
  listeners.add(listener);
}

/** Called at each opening, the first and every resumption: subscribe here. */
export function onOpen(opener: () => void): void {
  openers.add(opener);
  if (socket?.readyState === WebSocket.OPEN) opener();
}

/** Send if the socket is open; false if it is not. Nothing is queued: what could not be sent was not sent. */
export function send(message: ToServer): boolean {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
}

/** Connect unless somebody on this page has seen to it. */
export function connectOnce(): void {
  if (socket === null && retry === 0) connect();
}

export function connect(): void {
  window.clearTimeout(retry);
  const address = new URL("/live", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = new WebSocket(address, PROTOCOL);
  socket = mine;
  mine.addEventListener("open", opened);
  mine.addEventListener("message", (event: MessageEvent<string>) => received(event.data));
  mine.addEventListener("close", () => {
    if (socket === mine) lost();
  });
}

function opened(): void {
  forgetSamples();
  for (let i = 0; i < FIRST_PINGS; i++) window.setTimeout(ping, i * 60);
  for (const opener of openers) opener();
}

function received(data: string): void {
  const back = localNow();
  const message = JSON.parse(data) as FromServer;
  if (message.type === "pong") addSample(message.c, message.r, message.s, back);
  if (message.type !== "pong" || link.peek() === "live") heardAt.value = back;
  for (const listener of listeners) listener(message);
  if (message.type === "subscribed" || message.type === "watching") resumed();
}

/** Live is who has the state again, not who has a socket: till then nothing can be bid on. */
function resumed(): void {
  failures.value = 0;
  link.value = "live";
}

function lost(): void {
  socket = null;
  link.value = "lost";
  const wait = Math.min(BACKOFF_LAST, BACKOFF_FIRST * 2 ** failures.peek());
  failures.value += 1;
  retry = window.setTimeout(connect, wait * (0.5 + Math.random() / 2));
}

/** Give up a socket without waiting for the network to admit that it is dead. */
function drop(): void {
  const dying = socket;
  if (dying === null) return;
  lost();
  dying.close();
}

function ping(): void {
  send({ type: "ping", c: localNow() });
}

window.setInterval(() => {
  ping();
  if (socket?.readyState === WebSocket.OPEN && localNow() - heardAt.peek() > SILENCE_LIMIT) drop();
}, PING_EVERY);

// A machine that slept wakes with timers late: the clock is measured anew.
window.setInterval(() => {
  const now = localNow();
  if (now - lastTick > 5_000) woke();
  lastTick = now;
}, 1_000);

function woke(): void {
  if (socket?.readyState === WebSocket.OPEN) {
    for (let i = 0; i < FIRST_PINGS; i++) window.setTimeout(ping, i * 60);
  } else if (link.peek() === "lost") connect();
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) woke();
});
window.addEventListener("offline", drop);
window.addEventListener("online", () => {
  if (link.peek() === "lost") connect();
});
