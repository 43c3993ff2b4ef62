// Who is typing: everything on the page is seen, and done, as the person chosen here.

import { h, reconcile } from "./dom.js";
import { avatar } from "./messages.js";

const SLACKBOT = "USLACKBOT"; // says of itself that it is no bot

/** The people a visitor can be: no bots, nobody who has left. */
export const typists = (people) => people.filter((person) => !person.is_bot && !person.deleted && person.id !== SLACKBOT);

export const LANGUAGES = [["en-US", "English"], ["de-DE", "Deutsch"]];

/** Bring the radio group in line; `unread(id)` says how many direct messages somebody has not seen. */
export function showPeople(list, people, current, choose, unread) {
  const items = typists(people).map((person) => ({
    ...person, place: people.indexOf(person), current: person.id === current, unread: unread(person.id),
  }));
  reconcile(list, items, (person) => person.id, (person) => h("label", { class: "person" },
    h("input", {
      type: "radio", name: "person", value: person.id, checked: person.current, data: { focus: "radio" },
      onchange: () => choose(person.id),
    }),
    avatar(person),
    h("span", { class: "person-words" },
      h("span", { class: "person-name" }, person.name), h("span", { class: "role" }, person.role)),
    unreadMark(person.unread)));
}

/** The number of new messages, with the words that a screen reader needs. */
export function unreadMark(count) {
  return count ? h("span", { class: "count" }, String(count), h("span", { class: "unseen" }, ` new direct message${count === 1 ? "" : "s"}`)) : null;
}

/** Keep the choice of Slack's language in line with the person who is typing. */
export function showLanguage(select, person) {
  if (!select.options.length) select.append(...LANGUAGES.map(([value, name]) => h("option", { value }, name)));
  const spoken = LANGUAGES.find(([value]) => value === person?.locale)?.[0] ?? LANGUAGES[0][0];
  if (select.value !== spoken) select.value = spoken;
}
