// Situations that take more than one step elsewhere: buttons that bring them about.

import { h } from "./dom.js";

/** The call that a transfer is worth watching on: recorded, with an agent, the newest first. */
function recorded(calls) {
  return calls.filter((call) => call.recording === "active" && call.agents?.length && !call.ringing && !call.consulting)
    .sort((one, other) => other.started_at - one.started_at)
    .sort((one, other) => Number(other.mechanism === "adhoc") - Number(one.mechanism === "adhoc"))[0];
}

/** Fill the row once. `state()` is the newest state, `act(path, body)` posts, `say(text)` tells the visitor. */
export function showSituations(row, { state, act, say }) {
  const button = (key, label, title, onclick) => h("button", { type: "button", class: "quiet", title, onclick, data: { situation: key } }, label);
  const transfer = async () => {
    const call = recorded(state()?.genesys.calls ?? []);
    if (!call) say("Record a call first: then its agent can transfer it.");
    else if (await act(`/api/calls/${call.conversation_id}/transfer`, {})) say(`${call.agents[0].name} transferred the call.`);
  };
  const twice = async () => {
    if (await act("/api/faults/slack/duplicate_delivery", { on: true, times: 1 })) say("Slack will deliver the next command or click twice.");
  };
  const later = async (event) => {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    say("The clock moves a day ahead, and the bot starts again…", "waiting");
    if (await act("/api/bot/later")) say("It is a day later. The digest of yesterday is in the audit channel soon.");
    pressed.disabled = false;
  };
  row.replaceChildren(
    button("transfer", "Agent transfers", "The agent of the newest recorded call transfers it to another agent", transfer),
    button("twice", "Deliver twice", "Slack delivers the next command or click twice", twice),
    button("later", "A day later", "Move the clock of Slack, Genesys and the bot a day ahead, and restart the bot", later));
}
