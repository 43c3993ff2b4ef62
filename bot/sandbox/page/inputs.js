// The input blocks of a view: a label, the element, a hint, and what is wrong with it.

import { among, combobox, optionsOf } from "./combobox.js";
import { h } from "./dom.js";
import { plain, textObject } from "./mrkdwn.js";

const LINES = {
  plain_text_input: "text", number_input: "number", email_text_input: "email", url_text_input: "url",
  datepicker: "date", timepicker: "time",
};
const SELECTS = ["static_select", "external_select"];
const SEVERAL = ["checkboxes", "multi_static_select"];
const GROUPS = ["radio_buttons", ...SEVERAL];

export const nameOf = (block, element) => `${block.block_id}/${element.action_id}`;

/** What the element's state holds, as a list of options or strings. */
function held(state) {
  if (!state) return [];
  return [state.selected_options ?? state.selected_option ?? state.value ?? state.selected_date ?? state.selected_time ?? []]
    .flat().filter((one) => one !== null);
}

function given(element) {
  return [element.initial_options ?? element.initial_option ?? element.initial_value ?? element.initial_date ?? element.initial_time ?? []].flat();
}

/** Radio buttons or checkboxes. */
export function choices(element, { name, values, onchange, block }) {
  const type = SEVERAL.includes(element.type) ? "checkbox" : "radio";
  return optionsOf(element).map((option) => h("label", { class: "choice" },
    h("input", {
      type, name, value: option.value, checked: values.includes(option.value), onchange,
      data: { focus: `${name}/${option.value}`, action: element.action_id ?? "", block: block.block_id ?? "" },
    }),
    h("span", {}, textObject(option.text), option.description ? h("span", { class: "note" }, " ", textObject(option.description)) : null)));
}

function typed(element, block, { name, value, described, wrong, dispatch }) {
  const shared = {
    name, id: name, placeholder: plain(element.placeholder?.text ?? ""), maxlength: element.max_length, minlength: element.min_length,
    "aria-describedby": described, "aria-invalid": wrong ? "true" : null, data: { focus: name, action: element.action_id },
  };
  const input = element.multiline ? h("textarea", { ...shared, rows: 3 }) : h("input", { ...shared, type: LINES[element.type] });
  input.value = value ?? "";
  if (!block.dispatch_action) return input;
  const when = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  if (element.type.endsWith("picker") || when.includes("on_character_entered")) input.addEventListener("input", () => dispatch(input.value));
  if (when.includes("on_enter_pressed")) {
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || (element.multiline && event.shiftKey)) return;
      event.preventDefault();
      dispatch(input.value);
    });
  }
  return input;
}

function field(block, context) {
  const { element } = block;
  const name = nameOf(block, element);
  const state = context.values?.[block.block_id]?.[element.action_id];
  const before = state ? held(state) : given(element);
  const kept = context.kept[name];
  const dispatch = (value) => block.dispatch_action && context.act({ element, block, value });
  const common = { name, described: context.described, wrong: context.wrong, dispatch };
  if (element.type in LINES) return typed(element, block, { ...common, value: kept ? kept[0] : before[0] });
  if (SELECTS.includes(element.type)) {
    const remembered = context.options.get(name);
    const chosen = kept && kept[0] !== before[0]?.value ? (remembered?.value === kept[0] ? remembered : null) : before[0] ?? null;
    const own = element.type === "static_select";
    return combobox({
      name, id: name, label: context.label, labelledby: `${name}/label`, describedby: context.described, invalid: context.wrong, chosen,
      placeholder: plain(element.placeholder?.text ?? "Search"), least: own ? 0 : element.min_query_length ?? 3,
      search: own ? among(optionsOf(element)) : (words) => context.search(element, words),
      onchoose: (option) => {
        context.options.set(name, option);
        dispatch(option?.value ?? null);
      },
    });
  }
  if (GROUPS.includes(element.type)) {
    const values = kept ?? before.map((option) => option.value);
    const onchange = (event) => {
      const all = [...event.target.closest("fieldset").querySelectorAll("input:checked")].map((one) => one.value);
      dispatch(SEVERAL.includes(element.type) ? all : all[0] ?? null);
    };
    return h("div", { class: "choices" }, choices(element, { name, values, onchange, block }));
  }
  return h("p", { class: "kit-unknown" }, `(a ${element.type} can't be shown here)`);
}

/**
 * Render an input block. `context`: kept (what was typed before, by name), values (the view's state), errors (by
 * block), options (a Map in which chosen options are remembered), search(element, typed), act({element, block, value}).
 */
export function input(block, context) {
  const name = nameOf(block, block.element);
  const wrong = context.errors[block.block_id];
  const label = plain(block.label?.text);
  const described = [block.hint && `${name}/hint`, wrong && `${name}/error`].filter(Boolean).join(" ") || null;
  const group = GROUPS.includes(block.element.type);
  const optional = block.optional ? h("span", { class: "note" }, " (optional)") : null;
  return h(group ? "fieldset" : "div", { class: wrong ? "input wrong" : "input", data: { block: block.block_id }, "aria-describedby": group ? described : null },
    h(group ? "legend" : "label", group ? {} : { for: name, id: `${name}/label` }, label, optional),
    field(block, { ...context, label, described, wrong }),
    block.hint ? h("p", { class: "note", id: `${name}/hint` }, plain(block.hint.text)) : null,
    wrong ? h("p", { class: "error", role: "alert", id: `${name}/error` }, wrong) : null);
}

/** What stands in a form now: for each input that is there a list of values, empty where nothing is filled in. */
export function filled(form) {
  const values = {};
  for (const one of form.querySelectorAll("[name]")) values[one.name] ??= [];
  for (const [name, value] of new FormData(form)) if (value) values[name].push(value);
  return values;
}

/** The values in the shape that a submission takes: block, action, value. */
export function submission(view, form) {
  const there = filled(form);
  const values = {};
  for (const block of view.blocks.filter((one) => one.type === "input")) {
    const value = there[nameOf(block, block.element)];
    if (!value) continue;
    values[block.block_id] = { [block.element.action_id]: SEVERAL.includes(block.element.type) ? value : value[0] ?? null };
  }
  return values;
}
