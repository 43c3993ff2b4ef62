// Where the person is: the floor, the bot's home tab, or a direct message, with what they have not read yet.

import { h, reconcile } from "./dom.js";
import { visible } from "./messages.js";
import { unreadMark } from "./people.js";

export const HOME = "home";
const BOT = "U0RECBOT";

export class Places {
  #read = JSON.parse(sessionStorage.getItem("read") ?? "{}");
  #told = {};

  /** `announce(words)` is read out. */
  constructor(floor, audit, announce) {
    this.floor = floor;
    this.audit = audit;
    this.announce = announce;
  }

  #direct(slack, person) {
    return slack.channels.filter((channel) => channel.kind === "im" && channel.members.includes(person));
  }

  #rooms(slack, person) {
    return slack.channels.filter((channel) => channel.kind !== "im" && channel.id !== this.audit
      && (channel.id === this.floor || channel.members.includes(person)));
  }

  /** Where somebody ends up who wants to be at `place`; another person's direct message becomes one's own. */
  landing(place, slack, person) {
    const mine = this.#direct(slack, person);
    if (place === HOME || [...mine, ...this.#rooms(slack, person)].some((channel) => channel.id === place)) return place;
    const direct = slack.channels.find((channel) => channel.id === place)?.kind === "im";
    return direct && mine.length ? mine[0].id : this.floor;
  }

  #newest(slack, channel, person) {
    return visible(slack.messages[channel] ?? [], person).at(-1)?.ts ?? "";
  }

  #count(slack, channel, person) {
    const read = this.#read[`${person}/${channel}`] ?? "";
    return visible(slack.messages[channel] ?? [], person).filter((message) => message.user !== person && message.ts > read).length;
  }

  /** How many direct messages somebody has not seen. */
  unread(slack, person) {
    return this.#direct(slack, person).reduce((sum, channel) => sum + this.#count(slack, channel.id, person), 0);
  }

  /** Take note that what stands at `place` is read, and say aloud that something new stands elsewhere. */
  note(slack, person, place) {
    const newest = place === HOME ? "" : this.#newest(slack, place, person);
    if (newest && this.#read[`${person}/${place}`] !== newest) {
      this.#read[`${person}/${place}`] = newest;
      sessionStorage.setItem("read", JSON.stringify(this.#read));
    }
    const count = this.unread(slack, person);
    if (count > (this.#told[person] ?? 0)) this.announce(`${count} new direct message${count === 1 ? "" : "s"} from record-bot`);
    this.#told[person] = count;
  }

  /** Bring the row of places in line; `go(place)`. */
  show(row, slack, person, current, go) {
    const items = [
      ...this.#rooms(slack, person).map((channel) => ({ id: channel.id, kind: "channel", label: `# ${channel.name}` })),
      { id: HOME, kind: "home", label: "Home" },
      ...this.#direct(slack, person).map((channel) => ({
        id: channel.id, kind: "im", label: slack.people.find((one) => one.id === BOT)?.name ?? "record-bot", unread: this.#count(slack, channel.id, person),
      })),
    ].map((item) => ({ ...item, current: item.id === current }));
    reconcile(row, items, (item) => (item.kind === "im" ? "im" : item.id), (item) => h("button", {
      type: "button", class: "channel-tab", "aria-current": item.current ? "page" : null, data: { focus: "tab", kind: item.kind, place: item.id },
      onclick: () => go(item.id),
    }, item.kind === "im" ? h("span", { class: "unseen" }, "Direct messages with ") : null, item.label, unreadMark(item.unread)));
  }
}
