// A tour of six steps. It is no modal window: the page stays usable beside it, and once closed it stays closed.

import { h } from "./dom.js";

const KEY = "tour";
const CLOSED = "closed";
const GAP = 10;
const NARROW = 1060; // as in page.css
const STEPS = [
  ["#people", "Choose who you are", "Everything on this page is seen and done as this person. Start as Ada, a supervisor."],
  ["#composer", "Start a recording", "Type /record start and press Enter. Choose a call and a reason in the window that opens."],
  ["#room", "Use the card", "The card shows whether the call is recorded, and its buttons pause, resume and stop the recording."],
  ["#audit-channel", "Read the audit trail", "Every request and its result is here, in order. Become Mallory and try a command: the refusal is here too."],
  ["#calls-panel", "Change the calls", "This is what happens in Genesys: calls begin, end, are held and transferred. The bot notices it."],
  ["#faults-panel", "Make it fail", "Turn on a failure, or kill the bot while it works and start it again. Then watch how it recovers."],
];

/** Where the page keeps whether the tour was closed; a browser may refuse to keep anything. */
function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return CLOSED;
  }
}

function remember() {
  try {
    localStorage.setItem(KEY, CLOSED);
  } catch { /* then it opens again next time */ }
}

export class Tour {
  #step = 0;
  #opener = null;

  constructor(box) {
    this.box = box;
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      else if (event.key === "ArrowRight") this.#go(1);
      else if (event.key === "ArrowLeft") this.#go(-1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    window.addEventListener("resize", () => this.#place());
  }

  /** Open it for somebody who has not closed it yet; the focus stays where it is. */
  offer() {
    if (remembered() !== CLOSED) this.#show();
  }

  /** Open it at the first step, for the button `opener`, which gets the focus back. */
  open(opener) {
    this.#opener = opener;
    this.#step = 0;
    this.#show();
    this.box.querySelector("[data-tour=next]").focus();
  }

  close() {
    const inside = this.box.contains(document.activeElement);
    this.#mark(null);
    this.box.hidden = true;
    remember();
    if (inside) (this.#opener ?? document.querySelector("#command")).focus();
  }

  #go(by) {
    const step = this.#step + by;
    if (step < 0) return;
    if (step >= STEPS.length) {
      this.close();
      return;
    }
    const focused = this.box.contains(document.activeElement);
    this.#step = step;
    this.#show();
    if (focused) this.box.querySelector("[data-tour=next]").focus();
  }

  #show() {
    const [selector, title, text] = STEPS[this.#step];
    const last = this.#step === STEPS.length - 1;
    this.box.replaceChildren(
      h("h2", { id: "tour-title" }, title),
      h("p", { id: "tour-text", "aria-live": "polite" }, text),
      h("div", { class: "tour-foot" },
        h("span", { class: "note" }, `Step ${this.#step + 1} of ${STEPS.length}`),
        this.#step ? h("button", { type: "button", class: "quiet", onclick: () => this.#go(-1), data: { tour: "back" } }, "Back") : null,
        h("button", { type: "button", class: "kit-button primary", onclick: () => this.#go(1), data: { tour: "next" } }, last ? "Finish" : "Next")),
      h("button", { type: "button", class: "tour-close", "aria-label": "Close the tour", onclick: () => this.close(), data: { tour: "close" } }, "×"));
    this.box.hidden = false;
    this.#mark(document.querySelector(selector));
    this.#place();
  }

  #mark(target) {
    document.querySelector(".tour-target")?.classList.remove("tour-target");
    target?.classList.add("tour-target");
    // On a narrow page the box lies over the end of the window, so the target goes to its beginning.
    target?.scrollIntoView({ block: window.innerWidth <= NARROW ? "start" : "nearest" });
  }

  /** Put the box beside what it explains: right of it, else left of it, else above or over its end. */
  #place() {
    const target = document.querySelector(".tour-target")?.getBoundingClientRect();
    if (!target || this.box.hidden) return;
    const { width, height } = this.box.getBoundingClientRect();
    const fits = (left) => left >= GAP && left + width + GAP <= window.innerWidth;
    const left = [target.right + GAP, target.left - width - GAP, target.left].find(fits) ?? GAP;
    const beside = left >= target.right || left + width <= target.left;
    const top = beside ? target.top : target.top - height - GAP;
    this.box.style.setProperty("left", `${left}px`);
    this.box.style.setProperty("top", `${Math.max(GAP, Math.min(top, window.innerHeight - height - GAP))}px`);
  }
}
