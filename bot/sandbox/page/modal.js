// The view that the bot has opened in front of the person who is typing: a dialog with the view's inputs. What was
// typed stays when the bot updates the view.

import { renderBlocks, textObject } from "./blocks.js";
import { h } from "./dom.js";
import { plain } from "./mrkdwn.js";

const LINES = { plain_text_input: "text", number_input: "number", email_text_input: "email", url_text_input: "url" };

function choices(element, options, kept, inputType, name) {
  const initial = [element.initial_option, ...(element.initial_options ?? [])].map((option) => option?.value);
  const chosen = kept.length ? kept : initial;
  return options.map((option) => h("label", { class: "choice" },
    h("input", { type: inputType, name, value: option.value, checked: chosen.includes(option.value) }),
    h("span", {}, textObject(option.text), option.description ? h("span", { class: "note" }, " ", textObject(option.description)) : null)));
}

/** A select whose options the bot gives for what is typed: a search line above a list. */
function searched(element, block, { kept, search, label }) {
  const list = h("div", { class: "offers", role: "radiogroup", "aria-label": label });
  const name = `${block.block_id}/${element.action_id}`;
  const offer = (options) => {
    const before = [...list.querySelectorAll(":checked")].map((input) => input.value);
    list.replaceChildren(...(options.length ? choices(element, options, before.length ? before : kept, "radio", name)
      : [h("p", { class: "note" }, "Nothing matches")]));
  };
  let asked = 0;
  const ask = async (typed) => {
    const turn = ++asked;
    const answer = await search(element.action_id, typed);
    if (turn === asked) offer(answer);
  };
  const least = element.min_query_length ?? 3;
  const line = h("input", {
    type: "search", placeholder: plain(element.placeholder?.text ?? "Search"), "aria-label": `Search: ${label}`,
    oninput: (event) => event.target.value.length >= least && ask(event.target.value),
  });
  if (least === 0) ask("");
  return h("div", { class: "searched" }, line, list);
}

function field(block, tools) {
  const element = block.element;
  const name = `${block.block_id}/${element.action_id}`;
  const kept = tools.kept[name] ?? [];
  if (element.type in LINES) {
    const shared = {
      name, placeholder: plain(element.placeholder?.text ?? ""), maxlength: element.max_length, id: name,
    };
    const input = element.multiline ? h("textarea", { ...shared, rows: 3 }) : h("input", { ...shared, type: LINES[element.type] });
    input.value = kept[0] ?? element.initial_value ?? "";
    return input;
  }
  if (element.type === "external_select") return searched(element, block, { ...tools, kept });
  const options = element.options ?? (element.option_groups ?? []).flatMap((group) => group.options);
  if (element.type === "static_select") {
    const chosen = kept[0] ?? element.initial_option?.value;
    return h("select", { name, id: name }, h("option", { value: "" }, plain(element.placeholder?.text ?? "Choose…")),
      options.map((option) => h("option", { value: option.value, selected: option.value === chosen }, plain(option.text.text))));
  }
  if (element.type === "radio_buttons") return h("div", { role: "radiogroup" }, choices(element, options, kept, "radio", name));
  if (element.type === "checkboxes") return h("div", { role: "group" }, choices(element, options, kept, "checkbox", name));
  return h("p", { class: "kit-unknown" }, `(a ${element.type} can't be shown here)`);
}

function input(block, errors, tools) {
  const label = plain(block.label?.text);
  const error = errors[block.block_id];
  return h("fieldset", { class: error ? "input wrong" : "input", data: { block: block.block_id } },
    h("legend", {}, label, block.optional ? h("span", { class: "note" }, " (optional)") : null),
    field(block, { ...tools, label }),
    block.hint ? h("p", { class: "note" }, plain(block.hint.text)) : null,
    error ? h("p", { class: "error", role: "alert" }, error) : null);
}

/** What stands in the form now, by the inputs' names. */
function filled(form) {
  const values = {};
  for (const [name, value] of new FormData(form)) if (value) (values[name] ??= []).push(value);
  return values;
}

const MANY = ["checkboxes", "multi_static_select", "multi_external_select"];

/** The values in the shape that a submission takes: block, action, value. */
function submission(view, form) {
  const typed = filled(form);
  const values = {};
  for (const block of view.blocks.filter((one) => one.type === "input")) {
    const value = typed[`${block.block_id}/${block.element.action_id}`] ?? [];
    values[block.block_id] = { [block.element.action_id]: MANY.includes(block.element.type) ? value : value[0] ?? null };
  }
  return values;
}

export class Modal {
  #shown = null;
  #signature = "";

  /** `deed`: submit(values), close(), search(action, typed), act(use); `names` for mentions. */
  constructor(deed, names) {
    this.deed = deed;
    this.names = names;
    this.dialog = h("dialog", { class: "modal", "aria-labelledby": "modal-title", oncancel: (event) => this.#dismiss(event) });
    document.body.append(this.dialog);
  }

  /** Show the top view of the person's stack, or none. */
  show(view) {
    const signature = view ? JSON.stringify([view.id, view.hash, view.errors]) : "";
    if (signature === this.#signature) return;
    const kept = view && this.#shown?.id === view.id ? filled(this.dialog.querySelector("form")) : {};
    this.#signature = signature;
    this.#shown = view;
    if (!view) {
      this.dialog.close();
      this.dialog.replaceChildren();
      return;
    }
    this.dialog.replaceChildren(this.#form(view, kept));
    if (!this.dialog.open) this.dialog.showModal();
    const first = (place) => this.dialog.querySelector(`${place} :is(input, textarea, select)`);
    (first(".wrong") ?? first("fieldset"))?.focus();
  }

  #form(view, kept) {
    const tools = { kept, search: this.deed.search };
    const context = { names: this.names, press: (use) => this.deed.act(use) };
    const errors = view.errors ?? {};
    return h("form", { onsubmit: (event) => this.#submit(event), novalidate: true },
      h("h2", { id: "modal-title" }, plain(view.title?.text)),
      h("div", { class: "modal-body" },
        errors[""] ? h("p", { class: "error", role: "alert" }, errors[""]) : null,
        view.blocks.map((block) => (block.type === "input" ? input(block, errors, tools) : renderBlocks([block], context)))),
      h("div", { class: "confirm-actions" },
        h("button", { type: "button", class: "kit-button default", onclick: (event) => this.#dismiss(event) },
          plain(view.close?.text ?? "Cancel")),
        view.submit ? h("button", { class: "kit-button primary" }, plain(view.submit.text)) : null));
  }

  async #submit(event) {
    event.preventDefault();
    const button = event.target.querySelector(".primary");
    button.disabled = true;
    await this.deed.submit(submission(this.#shown, event.target));
    button.disabled = false;
  }

  #dismiss(event) {
    event.preventDefault(); // it closes when the sandbox says that it is closed
    this.deed.close();
  }
}
