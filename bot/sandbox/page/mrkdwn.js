// Slack's mrkdwn as document nodes. The text is split into lines (quotes, preformatted parts), then into spans; every
// leaf is a text node.

import { h, now, today } from "./dom.js";
import { withEmoji } from "./emoji.js";

/** Undo Slack's three entities, once. */
export function unescapeText(text) {
  return text.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">" })[name]);
}

/** Plain text with its shortcodes as characters. */
export function plain(text) {
  return withEmoji(unescapeText(String(text ?? "")));
}

const SAFE_LINK = /^(https?:|mailto:|tel:)/i;

/** A link that opens elsewhere; what is no web, mail or telephone address stays text. */
export function link(address, label) {
  if (!SAFE_LINK.test(address)) return document.createTextNode(label);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}

const at = (seconds) => new Date(Number(seconds) * 1000);
const OURS = "en-GB";
const formatted = (options) => (seconds, locale = OURS) => new Intl.DateTimeFormat(locale, options).format(at(seconds));
const TIME = formatted({ hour: "2-digit", minute: "2-digit" });
const TIME_SECS = formatted({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = formatted({ day: "numeric", month: "long", year: "numeric" });
const DATE_SHORT = formatted({ day: "numeric", month: "short", year: "numeric" });
const DATE_LONG = formatted({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const DATE_NUM = (seconds) => {
  const day = at(seconds);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
};

const relative = (otherwise) => (seconds, locale = OURS) => {
  const days = Math.round((at(seconds).setHours(0, 0, 0, 0) - today()) / 86_400_000);
  return Math.abs(days) <= 1 ? new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day") : otherwise(seconds, locale);
};

const DATE_TOKENS = {
  date: DATE, date_num: DATE_NUM, date_short: DATE_SHORT, date_long: DATE_LONG, time: TIME, time_secs: TIME_SECS,
  date_pretty: relative(DATE), date_short_pretty: relative(DATE_SHORT), date_long_pretty: relative(DATE_LONG),
  ago: (seconds) => `${Math.max(0, Math.round((now() / 1000 - seconds) / 60))} min ago`,
};

/** The local hour and minute of a Unix time. */
export const clockTime = TIME;

function dateNode(body, names, begins) {
  const [head, fallback = ""] = body.split("|");
  const [, seconds, pattern = "", address] = head.split("^");
  if (!/^\d+$/.test(seconds ?? "")) return document.createTextNode(plain(fallback));
  const text = pattern.replace(/\{(\w+)\}/g, (whole, token) => DATE_TOKENS[token]?.(Number(seconds), names.locale?.()) ?? whole);
  const shown = begins ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  const time = h("time", { datetime: at(seconds).toISOString(), title: at(seconds).toString() }, shown);
  return address && SAFE_LINK.test(address) ? h("a", { href: address, target: "_blank", rel: "noopener" }, time) : time;
}

function bracketNode(body, names, begins) {
  if (body.startsWith("!date^")) return dateNode(body, names, begins);
  const [target, label] = body.split(/\|(.*)/s);
  if (target.startsWith("@")) {
    const id = target.slice(1);
    return h("span", { class: "mention", title: id }, `@${names.person(id) ?? label ?? id}`);
  }
  if (target.startsWith("#")) {
    const id = target.slice(1);
    return h("span", { class: "mention", title: id }, `#${names.channel(id) ?? (label || id)}`);
  }
  if (target.startsWith("!subteam^")) return h("span", { class: "mention" }, label ?? names.group?.(target.slice(9)) ?? "@group");
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${label ?? target.slice(1)}`);
  const address = unescapeText(target);
  return link(address, plain(label ?? address.replace(/^mailto:/, "")));
}

const STYLES = { "*": "strong", _: "em", "~": "s" };
// A style sign opens after a space, a bracket or the start, and closes before a space, punctuation or the end.
const SPAN = /<([^<>\n]+)>|`([^`\n]+)`|(?<![\w*_~])([*_~])(?=[^\s*_~])((?:<[^<>]*>|(?!\3)[^\n])*?[^\s])\3(?!\w)/g;

function spans(text, names) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(SPAN)) {
    if (found.index > end) nodes.push(plain(text.slice(end, found.index)));
    end = found.index + found[0].length;
    const [, bracket, code, sign, inner] = found;
    if (bracket !== undefined) nodes.push(bracketNode(bracket, names, found.index === 0));
    else if (code !== undefined) nodes.push(h("code", {}, unescapeText(code)));
    else nodes.push(h(STYLES[sign], {}, spans(inner, names)));
  }
  if (end < text.length) nodes.push(plain(text.slice(end)));
  return nodes;
}

function lines(text, names) {
  const nodes = [];
  let quote = null;
  text.split("\n").forEach((line, index, all) => {
    const quoted = /^(?:&gt;|>) ?(.*)$/s.exec(line);
    if (quoted) {
      if (!quote) nodes.push((quote = h("blockquote")));
      else quote.append(h("br"));
      quote.append(...spans(quoted[1], names));
      return;
    }
    quote = null;
    nodes.push(...spans(line, names));
    if (index < all.length - 1) nodes.push(h("br"));
  });
  return nodes;
}

/** Render mrkdwn; `names` looks up `person(id)` and `channel(id)`, and `locale()`, the language in which the reader is shown dates. */
export function mrkdwn(text, names) {
  return String(text ?? "").split("```").flatMap((part, index, all) => {
    const closed = index % 2 === 1 && index < all.length - 1;
    if (closed) return [h("pre", {}, unescapeText(part.replace(/^\n|\n$/g, "")))];
    return lines(index % 2 === 1 ? "```" + part : part, names);
  });
}

/** Render a text object (`mrkdwn` or `plain_text`). */
export function textObject(object, names) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, names);
  const words = object.emoji === false ? unescapeText(object.text) : plain(object.text);
  return words.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
}
