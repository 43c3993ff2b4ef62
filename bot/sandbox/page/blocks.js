// Block Kit as document nodes. Knows nothing of messages, channels or the network: the caller gives `names` for
// mentions and `press` for what happens when an element is used.

import { chart } from "./chart.js";
import { combobox, optionsOf } from "./combobox.js";
import { h } from "./dom.js";
import { choices } from "./inputs.js";
import { link, plain, textObject } from "./mrkdwn.js";

function button(element, block, context) {
  const kind = { primary: "primary", danger: "danger" }[element.style] ?? "default";
  const label = plain(element.text?.text);
  const press = () => context.press?.({ element, block });
  return h("button", {
    type: "button", class: `kit-button ${kind}`, "aria-label": element.accessibility_label,
    data: { action: element.action_id ?? "", focus: `${block.block_id ?? ""}/${element.action_id ?? ""}` },
    disabled: context.disabled, onclick: press,
  }, label, element.url ? h("span", { class: "outward", "aria-hidden": "true" }, "↗") : null);
}

const stateOf = (element, block, context) => context.values?.[block.block_id]?.[element.action_id];
const focusOf = (element, block) => `${block.block_id ?? ""}/${element.action_id ?? ""}`;

/** A select whose options the bot gives for what is typed. */
function searched(element, block, context) {
  return combobox({
    name: focusOf(element, block), focus: focusOf(element, block), action: element.action_id, label: plain(element.placeholder?.text ?? "Choose"),
    placeholder: plain(element.placeholder?.text ?? "Search"), least: element.min_query_length ?? 3,
    chosen: stateOf(element, block, context)?.selected_option ?? element.initial_option ?? null,
    search: (typed) => context.search?.(element, typed) ?? Promise.resolve([]),
    onchoose: (selected) => selected && context.press?.({ element, block, selected }),
  });
}

/** Radio buttons and checkboxes outside inputs: each click is told at once. */
function several(element, block, context) {
  const state = stateOf(element, block, context);
  const before = [state?.selected_options ?? state?.selected_option ?? element.initial_options ?? element.initial_option ?? []].flat();
  const onchange = (event) => {
    const values = [...event.target.closest(".choices").querySelectorAll("input:checked")].map((one) => one.value);
    context.press?.({ element, block, value: element.type === "checkboxes" ? values : values[0] });
  };
  const role = element.type === "checkboxes" ? "group" : "radiogroup";
  return h("div", { class: "choices", role, "aria-label": plain(block.text?.text ?? "Choose") },
    choices(element, { name: focusOf(element, block), values: before.filter(Boolean).map((one) => one.value), onchange, block }));
}

function choice(element, block, context) {
  const options = optionsOf(element);
  const chosen = (stateOf(element, block, context)?.selected_option ?? element.initial_option)?.value;
  const changed = (event) => {
    const selected = options.find((option) => option.value === event.target.value);
    if (selected) context.press?.({ element, block, selected });
  };
  return h("select", {
    class: "kit-select", "aria-label": plain(element.placeholder?.text ?? "Choose"), disabled: context.disabled,
    data: { action: element.action_id ?? "", focus: `${block.block_id ?? ""}/${element.action_id ?? ""}` }, onchange: changed,
  },
  h("option", { value: "" }, plain(element.placeholder?.text ?? "…")),
  options.map((option) => h("option", { value: option.value, selected: option.value === chosen }, plain(option.text?.text))));
}

function image(element) {
  return h("img", { src: element.image_url, alt: element.alt_text ?? "", loading: "lazy" });
}

const ELEMENTS = {
  button, static_select: choice, overflow: choice, external_select: searched, radio_buttons: several, checkboxes: several, image,
  mrkdwn: (element, _, context) => h("span", {}, textObject(element, context.names)),
  plain_text: (element, _, context) => h("span", {}, textObject(element, context.names)),
};

function element(object, block, context) {
  const render = ELEMENTS[object.type];
  return render ? render(object, block, context) : unknown(object.type);
}

const unknown = (type) => h("div", { class: "kit-unknown" }, `(a ${type} can't be shown here)`);

const RICH_STYLES = { bold: "strong", italic: "em", strike: "s", code: "code" };

function richLeaf(leaf, names) {
  const text = {
    text: () => leaf.text,
    emoji: () => plain(`:${leaf.name}:`),
    link: () => link(leaf.url, leaf.text ?? leaf.url),
    user: () => h("span", { class: "mention" }, `@${names.person(leaf.user_id) ?? leaf.user_id}`),
    channel: () => h("span", { class: "mention" }, `#${names.channel(leaf.channel_id) ?? leaf.channel_id}`),
  }[leaf.type]?.() ?? leaf.text ?? "";
  return Object.entries(RICH_STYLES).reduce((node, [style, tag]) => (leaf.style?.[style] ? h(tag, {}, node) : node), text);
}

function richText(block, context) {
  const tags = { rich_text_preformatted: "pre", rich_text_quote: "blockquote", rich_text_list: "ul" };
  return h("div", { class: "kit-rich" }, (block.elements ?? []).map((part) =>
    h(tags[part.type] ?? "p", {}, (part.elements ?? []).map((leaf) =>
      part.type === "rich_text_list" ? h("li", {}, (leaf.elements ?? []).map((inner) => richLeaf(inner, context.names)))
        : richLeaf(leaf, context.names)))));
}

const BLOCKS = {
  section: (block, context) => h("div", { class: "kit-section" },
    h("div", { class: "kit-main" },
      block.text ? h("div", { class: "kit-text" }, textObject(block.text, context.names)) : null,
      block.fields?.length
        ? h("div", { class: "kit-fields" }, block.fields.map((field) => h("div", {}, textObject(field, context.names)))) : null),
    block.accessory ? h("div", { class: "kit-accessory" }, element(block.accessory, block, context)) : null),
  header: (block, context) => h("h4", { class: "kit-header" }, textObject(block.text, context.names)),
  context: (block, context) => h("div", { class: "kit-context" },
    (block.elements ?? []).map((part) => element(part, block, context))),
  actions: (block, context) => h("div", { class: "kit-actions" },
    (block.elements ?? []).map((part) => element(part, block, context))),
  divider: () => h("hr", { class: "kit-divider" }),
  image: (block) => h("figure", { class: "kit-image" },
    block.title ? h("figcaption", {}, plain(block.title.text)) : null, image(block)),
  rich_text: richText,
  data_visualization: chart,
};

/**
 * Render a list of blocks.
 *
 * @param blocks  Block Kit, as the Web API takes it
 * @param context `names`: {person(id), channel(id)}; `press({element, block, selected or value})`; `disabled`; in views
 *                also `values`, what is chosen, and `search(element, typed)`
 */
export function renderBlocks(blocks, context) {
  return h("div", { class: "kit" }, blocks.map((block) => (BLOCKS[block.type] ?? (() => unknown(block.type)))(block, context)));
}
