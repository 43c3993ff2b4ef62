// The line in which a person types. Enter sends, the arrows walk through what was sent before, and the verbs stand
// beneath it so that nobody has to know them.

import { h } from "./dom.js";

const VERBS = [
  ["start", "[id, link or @agent] [reason]", "Record a call, or an agent's call; without either, choose from the live calls"],
  ["next", "@agent [reason]", "Record an agent's next call"],
  ["stop", "[id]", "Stop your recording, or the one you name"],
  ["pause", "[id] [90s]", "Pause while card data is read out; with a length, it ends by itself"],
  ["resume", "[id]", "Resume after a pause"],
  ["extend", "[id]", "Let what ends by itself last longer"],
  ["keep", "[id or link] [reason]", "Protect a call's recordings from deletion"],
  ["status", "[id]", "Check whether a call is being recorded"],
  ["list", "", "Show active recordings"],
  ["history", "<id>", "Show everything that happened on a call"],
  ["listen", "<id>", "Links to a call's saved recordings (SLACK_LISTENERS)"],
  ["release", "<id>", "Let Genesys delete kept recordings again (compliance)"],
  ["report", "[period]", "Recordings by supervisor, queue and reason (compliance)"],
  ["audit", "[period] [csv]", "Totals and export: today, yesterday, 7d, 30d or a day (compliance)"],
  ["evidence", "<id>", "Evidence for a call as a file (compliance)"],
  ["help", "", "Show what you can do"],
];
const COMMAND = /^\/record(?:\s+|$)/;

export class Composer {
  #history = [];
  #place = 0;

  /** `send(text)` gets what stands after `/record`, `write(text)` a message that is no command. */
  constructor(form, send, write) {
    this.input = form.querySelector("#command");
    this.hint = form.querySelector(".hint");
    this.chips = form.querySelector(".verbs");
    this.send = send;
    this.write = write;
    form.addEventListener("submit", (event) => this.#submit(event));
    this.input.addEventListener("keydown", (event) => this.#walk(event));
    this.input.addEventListener("input", () => this.#explain());
    this.chips.append(...VERBS.map(([verb, , what]) => h("button", {
      type: "button", class: "chip", title: what, data: { verb }, onclick: () => this.fill(`/record ${verb} `),
    }, verb)));
    this.#explain();
  }

  /** Put `text` in the line and the cursor behind it. */
  fill(text) {
    this.input.value = text;
    this.input.focus();
    this.input.setSelectionRange(text.length, text.length);
    this.#explain();
  }

  #submit(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text) return;
    if (text.startsWith("/") && !COMMAND.test(text)) {
      this.#say("Unknown command. Type /record help to see what you can do.");
      return;
    }
    if (this.#history.at(-1) !== text) this.#history.push(text);
    this.#place = this.#history.length;
    this.input.value = "";
    this.#explain();
    if (COMMAND.test(text)) this.send(text.replace(COMMAND, ""));
    else this.write(text);
  }

  #walk(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const place = this.#place + step;
    if (place < 0 || place > this.#history.length) return;
    event.preventDefault();
    this.#place = place;
    this.fill(this.#history[place] ?? "");
  }

  #explain() {
    const typed = this.input.value.replace(COMMAND, "").trimStart().split(/\s/)[0];
    for (const chip of this.chips.children) chip.classList.toggle("current", chip.dataset.verb === typed);
    const verb = VERBS.find(([name]) => name === typed);
    this.#say(verb ? `/record ${verb[0]} ${verb[1]}`.trim() + ` – ${verb[2]}` : "Press Enter to send, ↑ for your last command. Text without /record is an ordinary message; the bot doesn't read it.");
  }

  #say(text) {
    this.hint.textContent = text;
  }
}
