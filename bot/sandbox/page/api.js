// The page's only contact with its server: posts that do something, and the feed that says what is.

/** Post to the server; resolves to the answer, or throws an Error with the server's sentence. */
export async function post(path, body = {}) {
  const response = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `The sandbox answered ${response.status}.`);
  return answer;
}

/** Call `onState` with the whole state at once and after each change, and `onLink` with whether the feed is up. */
export function follow(onState, onLink) {
  const feed = new EventSource("/api/events");
  feed.addEventListener("open", () => onLink(true));
  feed.addEventListener("error", () => onLink(false));
  feed.addEventListener("message", (event) => onState(JSON.parse(event.data)));
  return feed;
}
