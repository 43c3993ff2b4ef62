// The view that the bot has opened in front of the person who is typing, in a modal dialog: the browser keeps the focus
// inside and gives it back afterwards. What was typed stays when the bot updates the view, or puts another on top; a
// list that is open stays open.

import { renderBlocks } from "./blocks.js";
import { reopened, searched } from "./combobox.js";
import { h } from "./dom.js";
import { filled, input, submission } from "./inputs.js";
import { plain } from "./mrkdwn.js";

export class Modal {
  #shown = null;
  #signature = "";
  #drafts = new Map(); // what was typed, by view
  #options = new Map(); // what was chosen, by input
  #busy = false;
  #dismissed = ""; // what has been asked to close, and may still stand here for a moment

  /** `deed`: submit(values, view), close() (false: it could not), search(view, element, typed), act(view, use, values), lost(); `names` for mentions. */
  constructor(deed, names) {
    this.deed = deed;
    this.names = names;
    this.dialog = h("dialog", {
      class: "modal", "aria-labelledby": "modal-title", oncancel: (event) => this.#dismiss(event), onclose: () => this.#closed(),
      onkeydown: (event) => event.key === "Escape" && !event.defaultPrevented && this.#dismiss(event),
    });
    document.body.append(this.dialog);
  }

  /** Show the top view of the person's stack, or none. */
  show(view) {
    const signature = view ? JSON.stringify([view.id, view.hash, view.errors]) : "";
    if (signature === this.#signature) return;
    const form = this.dialog.querySelector("form");
    if (this.#shown && form) this.#drafts.set(this.#shown.id, filled(form));
    const same = this.#shown?.id === view?.id;
    const focused = same ? document.activeElement?.dataset.focus : undefined;
    const search = same ? searched(document.activeElement) : null;
    this.#signature = signature;
    this.#shown = view;
    if (!view) {
      this.#drafts.clear();
      this.#options.clear();
      this.dialog.close();
      this.dialog.replaceChildren();
      return;
    }
    this.dialog.replaceChildren(this.#form(view));
    if (!this.dialog.open) this.dialog.showModal();
    this.#focus(focused);
    if (search !== null && document.activeElement?.dataset.focus === focused) reopened(document.activeElement, search);
  }

  #focus(name) {
    const first = (place) => this.dialog.querySelector(`${place} :is(input:not([type="hidden"]), textarea, select)`);
    const same = name && this.dialog.querySelector(`[data-focus="${CSS.escape(name)}"]`);
    (first(".wrong") ?? same ?? first(".input") ?? this.dialog.querySelector(".modal-body button, .confirm-actions button:last-child"))?.focus();
  }

  #form(view) {
    const errors = view.errors ?? {};
    const act = (use) => this.deed.act(view, use, this.#values());
    const search = (element, typed) => this.deed.search(view, element, typed);
    const context = { names: this.names, press: act, act, search, errors, values: view.values, kept: this.#drafts.get(view.id) ?? {}, options: this.#options };
    return h("form", { onsubmit: (event) => this.#submit(event), novalidate: true },
      h("h2", { id: "modal-title" }, plain(view.title?.text)),
      h("div", { class: "modal-body" },
        errors[""] ? h("p", { class: "error", role: "alert" }, errors[""]) : null,
        view.blocks.map((block) => (block.type === "input" ? input(block, context) : renderBlocks([block], context)))),
      h("div", { class: "confirm-actions" },
        h("button", { type: "button", class: "kit-button default", data: { focus: "close" }, onclick: (event) => this.#dismiss(event) },
          plain(view.close?.text ?? "Cancel")),
        view.submit ? h("button", { class: "kit-button primary", data: { focus: "submit" } }, plain(view.submit.text)) : null));
  }

  #values() {
    return submission(this.#shown, this.dialog.querySelector("form"));
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    this.#busy = true;
    this.dialog.setAttribute("aria-busy", "true");
    try {
      await this.deed.submit(this.#values(), this.#shown);
    } finally {
      this.#busy = false;
      this.dialog.removeAttribute("aria-busy");
    }
  }

  async #dismiss(event) {
    event.preventDefault(); // it closes when the sandbox says that it is closed
    if (this.#dismissed === this.#signature) return;
    this.#dismissed = this.#signature;
    if (await this.deed.close() === false) this.#dismissed = "";
  }

  #closed() {
    if (this.#shown) this.deed.close(); // the browser has closed it by itself, as it may on a second Escape
    else if (!document.activeElement || document.activeElement === document.body) this.deed.lost?.();
  }
}
