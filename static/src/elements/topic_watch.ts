// <topic-watch topic version [fragment] [src]>: hears over the tab's socket when a topic has moved, and shows what is new.
// With `fragment` the element of that id is fetched anew from `src` (else this page) and takes the old one's place; without,
// the page is asked for anew, never reloaded, for a page that answered a press would be reloaded by pressing once more.
// It never acts under a person who is typing or has a box ticked: then it shows the link that it holds instead. A page that
// is being left by a press, whose news this may be, is not called back from where the answer leads.
// While the line is lost for longer than a moment, the page says that what it shows may be old.
// Every piece of news goes out as an event `topic-news` with the state that came along, for elements that draw it themselves.
import { isBeingLeft } from "../leaving";
import type { News } from "../live/protocol";
import type { Link } from "../live/socket";
import { localiseTimes } from "../times";

const AT_MOST_EVERY_MS = 1000;
const LOST_FOR_MS = 2000;

export class TopicWatch extends HTMLElement {
  #version = 0;
  #wasLost = false;
  #timer: number | undefined;
  #lastAt = 0;
  #lostTimer: number | undefined;

  connectedCallback(): void {
    this.#version = Number(this.getAttribute("version") ?? "0");
    // The socket is fetched only by pages that watch something.
    void import("../live/socket").then((socket) => {
      const topic = this.getAttribute("topic") ?? "";
      socket.listen((message) => {
        if (!this.isConnected) return;
        if (message.type === "watching" && message.topic === topic) this.#watching(message.version);
        else if (message.type === "news" && message.topic === topic) this.#heard(message);
      });
      socket.onOpen(() => {
        if (this.isConnected) socket.send({ type: "watch", topic });
      });
      socket.link.subscribe((link) => {
        if (this.isConnected) this.#stands(link);
      });
      socket.connectOnce();
    });
    document.addEventListener("visibilitychange", this.#onVisible);
  }

  disconnectedCallback(): void {
    window.clearTimeout(this.#timer);
    window.clearTimeout(this.#lostTimer);
    document.removeEventListener("visibilitychange", this.#onVisible);
  }

  readonly #onVisible = (): void => {
    if (!document.hidden && this.dataset["behind"] !== undefined) this.#later();
  };

  #stands(link: Link): void {
    const hint = document.querySelector<HTMLElement>("[data-link-lost]");
    if (hint === null) return;
    window.clearTimeout(this.#lostTimer);
    if (link === "live") hint.hidden = true;
    else if (link === "lost") this.#lostTimer = window.setTimeout(() => (hint.hidden = false), LOST_FOR_MS);
  }

  #watching(version: number): void {
    this.dataset["live"] = "";
    // After a gap of which nobody knows what happened in it, the page is looked at again.
    const missed = version > this.#version || (version === 0 && this.#wasLost);
    this.#wasLost = true;
    if (!missed) return;
    this.#version = version;
    this.#later();
  }

  #heard(news: News): void {
    if (news.version !== 0 && news.version <= this.#version) return;
    this.#version = Math.max(this.#version, news.version);
    const event = new CustomEvent("topic-news", { detail: news, bubbles: true, cancelable: true });
    if (this.dispatchEvent(event)) this.#later();
  }

  /** At once, but not more than once a second however fast the news comes, and not in a tab that nobody sees. */
  #later(): void {
    window.clearTimeout(this.#timer);
    if (document.hidden) {
      this.dataset["behind"] = "";
      return;
    }
    const wait = Math.max(0, this.#lastAt + AT_MOST_EVERY_MS - Date.now());
    this.#timer = window.setTimeout(() => {
      this.#lastAt = Date.now();
      delete this.dataset["behind"];
      void this.#show();
    }, wait);
  }

  async #show(): Promise<void> {
    const fragment = this.getAttribute("fragment");
    if (fragment !== null) return this.#renew(fragment);
    if (isBeingLeft()) this.#later();
    else if (inUse(document.querySelector("main"))) this.hidden = false;
    else window.location.replace(this.querySelector("a")?.href ?? window.location.href);
  }

  async #renew(id: string): Promise<void> {
    if (inUse(document.getElementById(id))) {
      this.hidden = false;
      return;
    }
    const page = await fetched(this.getAttribute("src") ?? window.location.href);
    const fresh = page?.getElementById(id) ?? null;
    const old = document.getElementById(id);
    if (fresh === null || old === null) return;
    old.replaceWith(document.adoptNode(fresh));
    localiseTimes(fresh);
    this.dispatchEvent(new CustomEvent("topic-shown", { bubbles: true }));
  }
}

/** A page of the house as the browser's own loader parses it: no string becomes markup here. Null if it is not to be had. */
function fetched(address: string): Promise<Document | null> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    request.addEventListener("loadend", () => resolve(request.status === 200 ? request.responseXML : null));
    request.send();
  });
}

/** Whether somebody is at work in there: something typed, a box ticked, a question open. */
function inUse(part: Element | null): boolean {
  if (part === null) return false;
  if (part.querySelector("dialog[open]") !== null) return true;
  const fields = part.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(
    "form input:not([type=hidden]), form textarea",
  );
  return [...fields].some((field) =>
    field instanceof HTMLInputElement && (field.type === "checkbox" || field.type === "radio")
      ? field.checked !== field.defaultChecked
      : field.value !== field.defaultValue,
  );
}

customElements.define("topic-watch", TopicWatch);
