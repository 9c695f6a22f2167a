// <lot-editor>: while the seller types, saves the draft and shows the rule in plain words and what contradicts itself.
// All of it is the server's answer; without this element the buttons do the same.

interface Checked {
  version: number;
  saved: boolean;
  rule: Record<string, string[]> | null;
  findings: { severity: string; field: string; sentence: string }[];
}

const PAUSE_MS = 1200;

export class LotEditor extends HTMLElement {
  #waiting: number | undefined;
  #sending: Promise<void> | undefined;

  connectedCallback(): void {
    const form = this.querySelector<HTMLFormElement>("form.lot-form");
    if (form === null) return;
    if (this.hasAttribute("choose-zone")) this.#chooseZone(form);
    form.addEventListener("input", () => this.#later(form));
    form.addEventListener("submit", (event) => void this.#afterTheLastSave(form, event));
  }

  /** A new lot starts in the seller's own zone. */
  #chooseZone(form: HTMLFormElement): void {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const select = form.elements.namedItem("zone");
    if (!(select instanceof HTMLSelectElement) || !zone) return;
    if (![...select.options].some((option) => option.value === zone)) select.add(new Option(zone, zone));
    select.value = zone;
  }

  #later(form: HTMLFormElement): void {
    window.clearTimeout(this.#waiting);
    this.#waiting = window.setTimeout(() => {
      this.#sending = (this.#sending ?? Promise.resolve()).then(() => this.#check(form));
      const sent = this.#sending;
      void sent.then(() => {
        if (this.#sending === sent) this.#sending = undefined;
      });
    }, PAUSE_MS);
  }

  /** A save on its way brings a new version: the form that is sent by hand waits for it and carries it. */
  async #afterTheLastSave(form: HTMLFormElement, event: SubmitEvent): Promise<void> {
    window.clearTimeout(this.#waiting);
    if (this.#sending === undefined) return;
    event.preventDefault();
    while (this.#sending !== undefined) await this.#sending;
    form.requestSubmit(event.submitter);
  }

  async #check(form: HTMLFormElement): Promise<void> {
    const body = new FormData(form);
    body.set("act", "autosave");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      if (answer.ok) this.#show(form, (await answer.json()) as Checked);
    } catch {
      // Offline: the text is still in the form, and the next pause tries again.
    }
  }

  #show(form: HTMLFormElement, checked: Checked): void {
    const version = form.elements.namedItem("version");
    if (version instanceof HTMLInputElement) version.value = String(checked.version);
    const status = this.querySelector<HTMLElement>("[data-autosaved]");
    if (status !== null && checked.saved) status.textContent = status.dataset["autosaved"] ?? "";
    this.#showRule(checked.rule);
    this.#showFindings(checked.findings);
  }

  #showRule(rule: Checked["rule"]): void {
    this.querySelector("[data-rule-not-yet]")?.toggleAttribute("hidden", rule !== null);
    for (const section of this.querySelectorAll<HTMLElement>("[data-rule]")) {
      section.hidden = rule === null;
      const sentences = rule?.[section.dataset["rule"] ?? ""] ?? [];
      section.querySelector("ul")?.replaceChildren(
        ...sentences.map((sentence) => {
          const line = document.createElement("li");
          line.textContent = sentence;
          return line;
        }),
      );
    }
  }

  #showFindings(findings: Checked["findings"]): void {
    this.querySelector("[data-findings-later]")?.setAttribute("hidden", "");
    this.querySelector("[data-no-findings]")?.toggleAttribute("hidden", findings.length > 0);
    const lines = findings.flatMap((finding) => {
      const pattern = this.querySelector<HTMLTemplateElement>(`template[data-finding="${CSS.escape(finding.severity)}"]`);
      if (pattern === null) return [];
      const line = pattern.content.cloneNode(true) as DocumentFragment;
      const link = line.querySelector("a");
      if (link !== null) {
        link.textContent = finding.sentence;
        if (finding.field) link.href = `#f-${finding.field}`;
      }
      return [line];
    });
    this.querySelector("[data-findings]")?.replaceChildren(...lines);
  }
}

customElements.define("lot-editor", LotEditor);
