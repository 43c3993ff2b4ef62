// Who is typing: everything on the page is seen, and done, as the person chosen here.

import { h, reconcile } from "./dom.js";
import { avatar } from "./messages.js";

const SLACKBOT = "USLACKBOT"; // says of itself that it is no bot

/** The people a visitor can be: no bots, nobody who has left. */
export const typists = (people) => people.filter((person) => !person.is_bot && !person.deleted && person.id !== SLACKBOT);

/** Bring the radio group in line. */
export function showPeople(list, people, current, choose) {
  const items = typists(people).map((person) => ({ ...person, place: people.indexOf(person), current: person.id === current }));
  reconcile(list, items, (person) => person.id, (person) => h("label", { class: "person" },
    h("input", {
      type: "radio", name: "person", value: person.id, checked: person.current, data: { focus: "radio" },
      onchange: () => choose(person.id),
    }),
    avatar(person),
    h("span", { class: "person-words" },
      h("span", { class: "person-name" }, person.name), h("span", { class: "role" }, person.role))));
}
