// The bot's home tab for the person who is typing: one view, replaced when the bot publishes another.

import { renderBlocks } from "./blocks.js";
import { h, reconcile } from "./dom.js";

/** Bring the tab in line. `context`: names, press(view, use), search(view, element, typed), pending (whether a click is under way). */
export function showHome(place, view, context) {
  const shown = view ? [view] : [];
  reconcile(place, shown, (one) => one.id, (one) => h("div", { class: "home-view" }, renderBlocks(one.blocks, {
    names: context.names, values: one.values, press: (use) => context.press(one, use),
    search: (element, typed) => context.search(one, element, typed),
  })), (one) => JSON.stringify([one.id, one.hash, one.blocks, context.names.locale()]));
  for (const item of place.children) item.setAttribute("aria-busy", String(context.pending));
}
