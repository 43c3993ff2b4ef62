// A channel's messages: grouped as chat programs group them, ephemeral ones shown only to the one who may see them.

import { renderBlocks } from "./blocks.js";
import { h, icon, reconcile, today } from "./dom.js";
import { menuButton, rove } from "./menu.js";
import { clockTime, mrkdwn } from "./mrkdwn.js";

const BOT = "U0RECBOT";
const GROUPED_WITHIN = 300; // seconds

const isCard = (message) => message.metadata?.event_type === "recording_card";

function initials(name) {
  return name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("").toUpperCase();
}

/** A person's square with initials, in a colour by their place among the people, or the bot's with its sign. */
export function avatar(author) {
  if (author.id === BOT) return h("span", { class: "avatar bot", "aria-hidden": "true" }, icon("record"));
  const square = h("span", { class: "avatar", "aria-hidden": "true" }, initials(author.name));
  square.style.setProperty("--hue", (212 + author.place * 73) % 360);
  return square;
}

/** What `person` sees of a channel, oldest first, each with `follows`: it continues the message above. */
export function visible(messages, person) {
  const seen = messages.filter((message) => !message.deleted && (!message.ephemeral_to || message.ephemeral_to === person));
  return seen.map((message, index) => {
    const above = seen[index - 1];
    const follows = Boolean(above) && above.user === message.user && !above.ephemeral_to && !message.ephemeral_to
      && Number(message.ts) - Number(above.ts) < GROUPED_WITHIN && !isCard(message) && !isCard(above);
    return { ...message, follows };
  });
}

function body(message, context) {
  if (message.blocks?.length) return renderBlocks(message.blocks, context);
  return h("div", { class: "message-text" }, mrkdwn(message.text, context.names));
}

/** A picture is shown, with what it says in words for those who can't see it; any other file is a link to save it. */
function attached(file) {
  const address = `/api/files/${file.id}`;
  if (file.mimetype?.startsWith("image/")) {
    return h("figure", { class: "kit-image" },
      h("figcaption", {}, file.title), h("img", { src: address, alt: file.alt_txt ?? file.title, loading: "lazy" }));
  }
  return h("a", { class: "file", href: address, download: file.name }, `${file.name} (${file.size} bytes)`);
}

/** The menu of message shortcuts; what only one person sees has none. */
function tools(message, writer, { shortcuts, use }) {
  if (message.ephemeral_to || !shortcuts.length) return null;
  return h("div", { class: "message-tools" }, menuButton({
    label: `Shortcuts for the message of ${writer.name}, ${clockTime(message.ts)}`, sign: "more", attributes: { "data-focus": "more", tabindex: "-1" },
    items: () => shortcuts.map((one) => ({ ...one, key: one.callback_id })), choose: (one) => use(message, one),
  }));
}

function render(message, all) {
  const { author, names, press } = all;
  const writer = author(message.user);
  const time = h("time", { class: "message-time", datetime: new Date(Number(message.ts) * 1000).toISOString() },
    clockTime(message.ts));
  const edited = message.edited ? h("span", { class: "edited" }, "(edited)") : null;
  const context = { names, press: (use) => press(message, use) };
  return h("li", {
    class: ["message", message.follows && "follows", message.ephemeral_to && "ephemeral"].filter(Boolean).join(" "),
    data: { ts: message.ts, kind: message.metadata?.event_type ?? "" },
  },
  message.follows ? h("span", { class: "gutter" }, time) : avatar(writer),
  h("div", { class: "message-body" },
    message.follows ? null : h("div", { class: "message-head" },
      h("span", { class: "author" }, writer.name), writer.bot ? h("span", { class: "app" }, "APP") : null, time),
    message.ephemeral_to ? h("div", { class: "only-you" }, icon("eye"), "Only visible to you") : null,
    body(message, context), (message.files ?? []).map(attached), edited),
  tools(message, writer, all));
}

export const MORE = ".message-tools .menu-button";

/** Bring a message list in line; stays at the newest message when it was there before. */
export function showMessages(list, messages, context) {
  const scroller = list.parentElement;
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
  reconcile(list, messages, (message) => `${message.ts}/${message.ephemeral_to ?? ""}`, (message) => render(message, context),
    (message) => JSON.stringify([message, context.shortcuts.length, context.names.locale(), today()]));
  // Not part of what is rendered: a screen reader would read the whole message again.
  rove(list, MORE);
  for (const item of list.children) item.setAttribute("aria-busy", String(context.pending(item.dataset.ts)));
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
}
